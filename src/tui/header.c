/* SPDX-License-Identifier: Apache-2.0
 *
 * The header answers the first questions in order: is this live, of what, what does the machine
 * do, is the data good, what does the watching cost.  Three lines, two on a low screen, one on a
 * very low one; the least important numbers go first when it is narrow. */
#include <stdio.h>
#include <string.h>

#include "tui/view.h"
#include "tui/widget.h"

#define SEGS 10

static const char *rec_text(char *buf, size_t n, const struct et_app_rec *rec)
{
	char bytes[ET_NUM];
	const char *base = rec->path == NULL ? "" : strrchr(rec->path, '/');

	if (rec->is_failed) {
		snprintf(buf, n, "REC FAILED: %s", rec->error == NULL ? "?" : rec->error);
		return buf;
	}
	if (base == NULL)
		base = rec->path;
	else if (*base == '/')
		base++;
	snprintf(buf, n, "REC %s %llu frames %s", base, (unsigned long long)rec->frames,
		 et_text_bytes(bytes, sizeof bytes, (int64_t)rec->bytes));
	return buf;
}

/* LIVE, PAUSED, REPLAY, ENDED: the first thing to know about everything below. */
static struct et_seg state_seg(const struct et_scene *s)
{
	struct et_seg seg = { .label = "", .style = ET_STYLE_LIVE };
	char at[ET_NUM], end[ET_NUM];

	if (s->replay != NULL) {
		seg.style = ET_STYLE_REPLAY;
		snprintf(seg.text, sizeof seg.text, "REPLAY %s frame %llu of %llu, %s of %s",
			 s->replay->is_playing ? "playing" : "stopped",
			 (unsigned long long)s->replay->frame + 1,
			 (unsigned long long)s->replay->n_frames,
			 et_text_clock(at, sizeof at, s->replay->t_ns),
			 et_text_clock(end, sizeof end, s->replay->end_ns));
		snprintf(seg.shorter, sizeof seg.shorter, "REPLAY %s %llu/%llu %.10s",
			 s->replay->is_playing ? "playing" : "stopped",
			 (unsigned long long)s->replay->frame + 1,
			 (unsigned long long)s->replay->n_frames, at);
	} else if (s->is_paused) {
		seg.style = ET_STYLE_PAUSED;
		snprintf(seg.text, sizeof seg.text, "PAUSED %s behind, %llu newer not shown",
			 et_text_time(at, sizeof at, s->behind_ns), (unsigned long long)s->n_behind);
		snprintf(seg.shorter, sizeof seg.shorter, "PAUSED %s behind", at);
	} else if (s->snap != NULL && (s->snap->flags & ET_SNAP_FINAL) != 0) {
		seg.style = ET_STYLE_PAUSED;
		snprintf(seg.text, sizeof seg.text, "ENDED");
	} else {
		snprintf(seg.text, sizeof seg.text, "\u25cf LIVE");
	}
	return seg;
}

static unsigned first_line(struct et_seg *seg, const struct et_scene *s)
{
	unsigned n = 0;
	int64_t up;
	char num[ET_NUM];

	seg[n++] = (struct et_seg){ .label = "", .text = "engine-top", .style = ET_STYLE_HEADER,
				    .priority = 3 };
	seg[n] = (struct et_seg){ .label = "", .style = ET_STYLE_STRONG, .priority = 2 };
	et_cell_elide(seg[n].text, sizeof seg[n].text, s->label == NULL ? "" : s->label, 60);
	et_cell_elide(seg[n].shorter, sizeof seg[n].shorter, s->label == NULL ? "" : s->label, 16);
	n++;
	seg[n++] = state_seg(s);
	if (s->rec != NULL && (s->rec->is_on || s->rec->is_failed)) {
		seg[n] = (struct et_seg){ .label = "", .priority = 4,
			.style = s->rec->is_failed ? ET_STYLE_BAD : ET_STYLE_WARN };
		rec_text(seg[n].text, sizeof seg[n].text, s->rec);
		snprintf(seg[n].shorter, sizeof seg[n].shorter, "REC %s",
			 s->rec->is_failed ? "FAILED"
					   : et_text_bytes(num, sizeof num, (int64_t)s->rec->bytes));
		n++;
	}
	if (et_snapshot_metric(s->snap, ET_M_UPTIME_NS, &up) == ET_NA_MEASURED) {
		seg[n] = (struct et_seg){ .label = "up", .is_right = true, .priority = 5,
					  .style = ET_STYLE_TEXT };
		et_text_clock(num, sizeof num, up);
		memcpy(seg[n].text, num, sizeof num);
		n++;
	}
	return n;
}

/* A value, or why there is none. */
static bool put_metric(struct et_seg *seg, const struct et_snapshot *snap, uint32_t id,
		       int64_t *v)
{
	enum et_na na = et_snapshot_metric(snap, id, v);

	if (na == ET_NA_MEASURED)
		return true;
	et_pane_na(seg->text, sizeof seg->text, na);
	snprintf(seg->shorter, sizeof seg->shorter, "n/a");
	seg->style = ET_STYLE_DIM;
	return false;
}

static void put_series(struct et_seg *seg, const struct et_snapshot *snap, uint32_t id)
{
	if (!et_snapshot_series(snap, ET_SERIES_METRIC, id, &seg->series))
		seg->series.n = 0;
}

static struct et_seg cpu_seg(const struct et_snapshot *snap)
{
	struct et_seg seg = { .label = "CPU", .style = ET_STYLE_STRONG };
	int64_t v, cpus;

	if (!put_metric(&seg, snap, ET_M_CPU_PERMILLE, &v))
		return seg;
	put_series(&seg, snap, ET_M_CPU_PERMILLE);
	snprintf(seg.shorter, sizeof seg.shorter, "%3lld%%", (long long)v / 10);
	if (et_snapshot_metric(snap, ET_M_CPU_ONLINE, &cpus) == ET_NA_MEASURED && cpus > 0 &&
	    cpus < 1 << 20)
		snprintf(seg.text, sizeof seg.text, "%3lld%% of %lld%%", (long long)v / 10,
			 (long long)cpus * 100);
	else
		memcpy(seg.text, seg.shorter, sizeof seg.shorter);
	return seg;
}

static struct et_seg heap_seg(const struct et_snapshot *snap)
{
	struct et_seg seg = { .label = "HEAP", .style = ET_STYLE_STRONG };
	char inuse[ET_NUM], rate[ET_NUM];
	int64_t v, per_s;

	if (!put_metric(&seg, snap, ET_M_HEAP_INUSE_BYTES, &v))
		return seg;
	put_series(&seg, snap, ET_M_HEAP_INUSE_BYTES);
	et_text_bytes(inuse, sizeof inuse, v);
	snprintf(seg.shorter, sizeof seg.shorter, "%5s", inuse);
	if (et_snapshot_metric(snap, ET_M_HEAP_ALLOC_RATE, &per_s) == ET_NA_MEASURED)
		snprintf(seg.text, sizeof seg.text, "%5s in use, alloc %5s/s", inuse,
			 et_text_bytes(rate, sizeof rate, per_s));
	else
		snprintf(seg.text, sizeof seg.text, "%5s in use", inuse);
	return seg;
}

static struct et_seg rss_seg(const struct et_snapshot *snap)
{
	struct et_seg seg = { .label = "RSS", .style = ET_STYLE_STRONG, .priority = 3 };
	char now[ET_NUM], peak[ET_NUM];
	int64_t v, most;

	if (!put_metric(&seg, snap, ET_M_RSS_BYTES, &v))
		return seg;
	et_text_bytes(now, sizeof now, v);
	snprintf(seg.shorter, sizeof seg.shorter, "%s", now);
	/* the kernel brings its peak up to date later than the number that it is the peak of */
	if (et_snapshot_metric(snap, ET_M_RSS_PEAK_BYTES, &most) == ET_NA_MEASURED)
		snprintf(seg.text, sizeof seg.text, "%s, peak %s", now,
			 et_text_bytes(peak, sizeof peak, most > v ? most : v));
	else
		memcpy(seg.text, now, sizeof now);
	return seg;
}

static struct et_seg threads_seg(const struct et_snapshot *snap)
{
	struct et_seg seg = { .label = "THREADS", .style = ET_STYLE_STRONG, .priority = 2,
			      .is_list = true, .room = 38 };
	unsigned count[ET_THREAD_STATE_COUNT] = { 0 };
	struct et_row_thread t;
	size_t at;
	int64_t v;

	if (!put_metric(&seg, snap, ET_M_THREADS, &v))
		return seg;
	for (uint32_t i = 0; et_snapshot_get(snap, ET_TAB_THREADS, i, &t, sizeof t); i++)
		if ((t.flags & ET_THREAD_SELF) == 0 && t.state < ET_THREAD_STATE_COUNT)
			count[t.state]++;
	at = (size_t)snprintf(seg.text, sizeof seg.text, "%lld", (long long)v);
	for (uint32_t s = 0; s < ET_THREAD_STATE_COUNT; s++)
		if (count[s] > 0 && at + 24 < sizeof seg.text) {
			at += (size_t)snprintf(seg.text + at, sizeof seg.text - at, ", %u %s", count[s],
					       et_snapshot_thread_state(s));
			if (seg.shorter[0] == '\0') /* the first state */
				snprintf(seg.shorter, sizeof seg.shorter, "%.47s", seg.text);
		}
	return seg;
}

static unsigned second_line(struct et_seg *seg, const struct et_snapshot *snap)
{
	seg[0] = cpu_seg(snap);
	seg[1] = heap_seg(snap);
	seg[1].priority = 1;
	seg[2] = rss_seg(snap);
	seg[3] = threads_seg(snap);
	return 4;
}

/* ---- third line: how good is the data, what does it cost ------------------------------------ */

static struct et_seg count_seg(const struct et_snapshot *snap, const char *label, uint32_t id,
			       unsigned priority, bool is_bad)
{
	struct et_seg seg = { .label = label, .style = ET_STYLE_TEXT, .priority = priority };
	char num[32];
	int64_t v;

	if (!put_metric(&seg, snap, id, &v))
		return seg;
	et_pane_thousands(num, sizeof num, v < 0 ? 0 : (uint64_t)v);
	memcpy(seg.text, num, sizeof num);
	if (is_bad && v > 0)
		seg.style = ET_STYLE_WARN;
	return seg;
}

static struct et_seg cost_seg(const struct et_snapshot *snap)
{
	struct et_seg seg = { .label = "engine-top itself", .style = ET_STYLE_TEXT, .priority = 1 };
	char heap[ET_NUM], na[96];
	int64_t cpu, bytes;
	enum et_na why;

	if (!put_metric(&seg, snap, ET_M_SELF_CPU_PERMILLE, &cpu))
		return seg;
	snprintf(seg.shorter, sizeof seg.shorter, "%lld.%lld%% CPU", (long long)cpu / 10,
		 (long long)cpu % 10);
	why = et_snapshot_metric(snap, ET_M_SELF_HEAP_BYTES, &bytes);
	snprintf(seg.text, sizeof seg.text, "%s, heap %s", seg.shorter,
		 why == ET_NA_MEASURED ? et_text_bytes(heap, sizeof heap, bytes)
				       : et_pane_na(na, sizeof na, why));
	return seg;
}

static unsigned third_line(struct et_seg *seg, const struct et_snapshot *snap)
{
	unsigned n = 0;
	int64_t hz;

	seg[n++] = count_seg(snap, "samples", ET_M_SAMPLES, 0, false);
	if (et_snapshot_metric(snap, ET_M_HZ, &hz) == ET_NA_MEASURED) {
		seg[n] = (struct et_seg){ .label = "at", .style = ET_STYLE_TEXT, .priority = 6 };
		snprintf(seg[n++].text, sizeof seg[0].text, "%lld Hz", (long long)hz);
	}
	seg[n++] = count_seg(snap, "lost", ET_M_SAMPLES_LOST, 2, true);
	seg[n++] = count_seg(snap, "missed by the kernel", ET_M_SAMPLES_MISSED, 3, false);
	seg[n++] = count_seg(snap, "stacks lost", ET_M_STACKS_LOST, 5, true);
	seg[n] = cost_seg(snap);
	seg[n++].is_right = true;
	return n;
}

void et_header_draw(const struct et_canvas *c, const struct et_scene *scene)
{
	struct et_seg seg[SEGS];

	et_widget_strip(c, 0, scene->snap, seg, first_line(seg, scene));
	if (c->r.h > 1)
		et_widget_strip(c, 1, scene->snap, seg, second_line(seg, scene->snap));
	if (c->r.h > 2)
		et_widget_strip(c, 2, scene->snap, seg, third_line(seg, scene->snap));
}

/* All of it in one line of words, for a screen that has no room for panes. */
void et_header_line(const struct et_canvas *c, const struct et_scene *scene)
{
	unsigned done = 0, n = et_snapshot_rows(scene->snap, ET_TAB_TARGETS);
	struct et_seg cpu = cpu_seg(scene->snap), heap = heap_seg(scene->snap);
	char part[4][64];
	struct et_row_target t;
	unsigned x = 0;

	for (uint32_t i = 0; et_snapshot_get(scene->snap, ET_TAB_TARGETS, i, &t, sizeof t); i++)
		done += t.state >= ET_TARGET_OK;
	snprintf(part[0], sizeof part[0], "CPU %s", cpu.shorter);
	snprintf(part[1], sizeof part[1], "HEAP %s", heap.shorter);
	snprintf(part[2], sizeof part[2], "%u/%u done", done, n);
	snprintf(part[3], sizeof part[3], "%s", scene->is_paused ? "PAUSED" : "");
	for (unsigned i = 0; i < 4; i++) { /* whole or not at all, but for the first */
		unsigned w = et_cell_width(part[i]);

		if (i > 0 && x + w > c->r.w)
			continue;
		x += et_cell_text(c, x, 0, ET_STYLE_TEXT, part[i]) + 1;
	}
}
