/* SPDX-License-Identifier: Apache-2.0
 *
 * Small graphics out of block characters.  No state.  Bars have a resolution of an eighth of a
 * column; whatever is not zero is visible, so that "nothing" and "little" differ. */
#include "tui/widget.h"

#include <string.h>

#define FULL 0x2588u
#define TRACK 0x00b7u

/* Eighths of w columns, held to 0..8w. */
static unsigned eighths(unsigned w, double num, double den)
{
	double e;

	if (!(den > 0) || !(num > 0))
		return 0;
	e = num / den * 8 * w;
	if (!(e < 8.0 * w)) /* also what is not a number */
		return 8 * w;
	return e < 1 ? 1 : (unsigned)e;
}

static void draw_eighths(const struct et_canvas *c, unsigned x, unsigned y, enum et_style style,
			 unsigned n)
{
	et_cell_run(c, x, y, n / 8, style, FULL);
	if (n % 8 != 0) /* U+2589 is seven eighths, U+258F one */
		et_cell_run(c, x + n / 8, y, 1, style, 0x2590u - n % 8);
}

void et_widget_bar(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
		   enum et_style style, double num, double den)
{
	draw_eighths(c, x, y, style, eighths(w, num, den));
}

void et_widget_progress(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
			enum et_style style, double num, double den)
{
	et_cell_run(c, x, y, w, ET_STYLE_DIM, TRACK);
	draw_eighths(c, x, y, style, eighths(w, num, den));
}

void et_widget_range(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
		     enum et_style style, double lo, double mid, double hi, double den)
{
	unsigned from = eighths(w, lo, den) / 8, to = eighths(w, hi, den) / 8;
	unsigned bar = eighths(w, mid, den);

	if (to >= w && w > 0)
		to = w - 1;
	draw_eighths(c, x, y, style, bar);
	if (!(lo < hi) || to <= (bar + 7) / 8 || to <= from)
		return; /* narrower than a column: the numbers beside it say it */
	et_cell_run(c, x + (bar + 7) / 8, y, to - (bar + 7) / 8, ET_STYLE_DIM, 0x2500);
	et_cell_run(c, x + to, y, 1, ET_STYLE_DIM, 0x2524);
}

/* Points [from, to) of a series in one column. */
static double mean(const struct et_snapshot *snap, const struct et_row_series *s, int64_t from,
		   int64_t to)
{
	double sum = 0;
	int64_t n = 0;

	for (int64_t i = from < 0 ? 0 : from; i < to; i++, n++)
		sum += (double)et_snapshot_point(snap, s, (uint32_t)i);
	return n == 0 ? 0 : sum / (double)n;
}

#define SPARK_MAX 200u

void et_widget_spark(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
		     enum et_style style, const struct et_snapshot *snap,
		     const struct et_row_series *series)
{
	int64_t n = series->n < 1u << 20 ? series->n : 0, per, last, to = n;
	double v[SPARK_MAX], most = 0;
	unsigned used = 0;

	if (w > SPARK_MAX)
		w = SPARK_MAX;
	if (w == 0 || n == 0)
		return;
	/* Columns begin where the snapshot's number is a multiple: between two snapshots only the
	 * newest column changes, the others stay what they are until all move on by one. */
	per = (n + w - 1) / w;
	last = per > 1 ? (int64_t)(snap->seq % (uint64_t)per) + 1 : 1;
	for (; used < w && to > 0; used++) {
		int64_t from = to - (used == 0 ? last : per);

		v[used] = mean(snap, series, from, to);
		most = v[used] > most ? v[used] : most;
		to = from;
	}
	for (unsigned i = 0; i < used; i++) {
		unsigned step = eighths(1, v[i], most);

		et_cell_run(c, x + w - 1 - i, y, 1, step == 0 ? ET_STYLE_DIM : style,
			    step == 0 ? 0x2581u : 0x2580u + step);
	}
}

/* ---- strips -------------------------------------------------------------------------------- */

#define SEG_GAP 3

static unsigned seg_width(const struct et_seg *s)
{
	unsigned text = et_cell_width(s->text), w = s->series.n > 0 ? ET_SEG_SPARK + 1 : 0;

	w += text > s->room ? text : s->room;
	return w + (s->label[0] != '\0' ? et_cell_width(s->label) + 1 : 0);
}

static unsigned strip_width(const struct et_seg *segs, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		if (segs[i].text[0] != '\0')
			sum += seg_width(&segs[i]) + (sum > 0 ? SEG_GAP : 0);
	return sum;
}

enum yield { SHORTEN, DROP_SPARK, DROP };

static bool can_yield(const struct et_seg *s, enum yield how)
{
	if (s->text[0] == '\0')
		return false;
	return how == SHORTEN ? s->shorter[0] != '\0' : how == DROP_SPARK ? s->series.n > 0
									  : s->priority > 0;
}

static void shorten(struct et_seg *s)
{
	char *item = s->is_list ? strrchr(s->text, ',') : NULL;

	if (s->room > 0) {
		s->room = 0;
	} else if (item != NULL && (size_t)(item - s->text) > strlen(s->shorter)) {
		*item = '\0';
	} else {
		memcpy(s->text, s->shorter, sizeof s->shorter);
		s->shorter[0] = '\0';
	}
}

/* Take something off the least important segment that can; false when none can. */
static bool give_way(struct et_seg *segs, unsigned n, enum yield how)
{
	struct et_seg *worst = NULL;

	for (unsigned i = 0; i < n; i++)
		if (can_yield(&segs[i], how) &&
		    (worst == NULL || segs[i].priority > worst->priority))
			worst = &segs[i];
	if (worst == NULL)
		return false;
	if (how == SHORTEN)
		shorten(worst);
	else if (how == DROP_SPARK)
		worst->series.n = 0;
	else
		worst->text[0] = '\0';
	return true;
}

/* First all words as short as they can be, then the graphs, and only then whole numbers. */
static void make_fit(struct et_seg *segs, unsigned n, unsigned width)
{
	for (enum yield how = SHORTEN; how <= DROP; how++)
		while (strip_width(segs, n) > width && give_way(segs, n, how))
			;
}

static void draw_seg(const struct et_canvas *c, unsigned x, unsigned y,
		     const struct et_snapshot *snap, const struct et_seg *s)
{
	if (s->label[0] != '\0')
		x += et_cell_text(c, x, y, ET_STYLE_LABEL, s->label) + 1;
	if (s->series.n > 0) {
		et_widget_spark(c, x, y, ET_SEG_SPARK, ET_STYLE_SPARK, snap, &s->series);
		x += ET_SEG_SPARK + 1;
	}
	et_cell_text(c, x, y, s->style, s->text);
}

void et_widget_strip(const struct et_canvas *c, unsigned y, const struct et_snapshot *snap,
		     struct et_seg *segs, unsigned n)
{
	unsigned x = 1, width = c->r.w > 2 ? c->r.w - 2 : 0;

	make_fit(segs, n, width);
	for (unsigned i = 0; i < n; i++) {
		unsigned w = seg_width(&segs[i]);

		if (segs[i].text[0] == '\0')
			continue;
		if (segs[i].is_right && w + 1 < c->r.w && c->r.w - 1 - w > x)
			x = c->r.w - 1 - w;
		draw_seg(c, x, y, snap, &segs[i]);
		x += w + SEG_GAP;
	}
}
