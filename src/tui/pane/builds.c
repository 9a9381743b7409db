/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds: each target of the preset with stage, progress, bytes, rate, time and result, in the
 * preset's order.  Enter unfolds what does not fit into a line: digest, output, error. */
#include <stdio.h>
#include <string.h>

#include "tui/pane/pane.h"
#include "tui/table.h"
#include "tui/widget.h"

#define LABEL_W 8 /* of an unfolded row */

enum { C_NAME, C_KIND, C_STATE, C_BAR, C_PCT, C_DONE, C_READ, C_WROTE, C_RATE, C_TIME, C_ROUND,
       C_COUNT };

struct builds {
	const struct et_pane_args *a;
	struct et_table_fit table;
};

static const struct et_col cols[C_COUNT] = {
	[C_NAME] = { .title = "target", .width = 12, .grow = 3, .most = 28 },
	[C_KIND] = { .title = "kind", .width = 8, .priority = 9 },
	[C_STATE] = { .title = "stage", .width = 7, .most = 10, .grow = 1 },
	[C_BAR] = { .title = "progress", .width = 8, .priority = 1, .grow = 4, .most = 40 },
	[C_PCT] = { .title = "", .width = 4, .priority = 1, .is_right = true },
	[C_DONE] = { .title = "done", .width = 13, .priority = 7, .is_right = true },
	[C_READ] = { .title = "read", .width = 5, .priority = 4, .is_right = true },
	[C_WROTE] = { .title = "wrote", .width = 5, .priority = 5, .is_right = true },
	[C_RATE] = { .title = "rate", .width = 7, .priority = 3, .is_right = true },
	[C_TIME] = { .title = "time", .width = 6, .priority = 2, .is_right = true },
	[C_ROUND] = { .title = "round", .width = 5, .priority = 6, .is_right = true },
};

static struct et_row_target target_at(const struct builds *p, uint32_t ix)
{
	struct et_row_target t;

	et_snapshot_get(p->a->snap, ET_TAB_TARGETS, ix, &t, sizeof t);
	return t;
}

static int64_t key_of(const void *ctx, uint32_t ix)
{
	(void)ctx;
	return -(int64_t)ix;
}

static uint64_t id_of(const void *ctx, uint32_t ix)
{
	const struct builds *p = ctx;
	struct et_row_target t = target_at(p, ix);

	return et_list_hash_str(ET_LIST_HASH, et_snapshot_str(p->a->snap, t.name));
}

static enum et_style state_style(uint32_t state)
{
	switch (state) {
	case ET_TARGET_RUNNING: return ET_STYLE_PROGRESS;
	case ET_TARGET_OK: return ET_STYLE_GOOD;
	case ET_TARGET_FAILED: return ET_STYLE_BAD;
	case ET_TARGET_SKIPPED:
	case ET_TARGET_CANCELLED: return ET_STYLE_WARN;
	default: return ET_STYLE_DIM;
	}
}

/* What of, said once: B are bytes, the rest has its unit as a word. */
static void draw_done(const struct builds *p, const struct et_canvas *c,
		      const struct et_row_target *t)
{
	const char *unit = et_snapshot_str(p->a->snap, t->work_unit);
	char done[ET_NUM], total[ET_NUM];

	if (t->work_total == 0 || t->state == ET_TARGET_WAITING)
		return;
	if (strcmp(unit, "B") == 0)
		et_table_textf(&p->table, c, 0, C_DONE, ET_STYLE_TEXT, "%s/%s",
			       et_text_bytes(done, sizeof done, (int64_t)t->work_done),
			       et_text_bytes(total, sizeof total, (int64_t)t->work_total));
	else
		et_table_textf(&p->table, c, 0, C_DONE, ET_STYLE_TEXT, "%llu %s",
			       (unsigned long long)t->work_done, unit);
}

static void draw_progress(const struct builds *p, const struct et_canvas *c,
			  const struct et_row_target *t)
{
	double part = t->work_total == 0 ? 0 : (double)t->work_done / (double)t->work_total;
	char num[ET_NUM];

	if (t->state != ET_TARGET_RUNNING)
		return;
	if (t->work_total == 0) {
		et_table_textf(&p->table, c, 0, C_BAR, ET_STYLE_DIM, "%s read",
			       et_text_bytes(num, sizeof num, (int64_t)t->bytes_in));
		return;
	}
	et_widget_progress(c, p->table.x[C_BAR], 0, p->table.w[C_BAR], ET_STYLE_PROGRESS, part, 1);
	et_table_textf(&p->table, c, 0, C_PCT, ET_STYLE_STRONG, "%u%%",
		       part >= 1 ? 100u : (unsigned)(part * 100));
}

/* In the place of the bar: digest, why it failed or was skipped, or nothing.  The reason takes the
 * rest of the line. */
static bool draw_result(const struct builds *p, const struct et_canvas *c,
			const struct et_row_target *t)
{
	const char *error = et_snapshot_str(p->a->snap, t->error);
	const char *digest = et_snapshot_str(p->a->snap, t->digest);
	bool is_over = t->state == ET_TARGET_FAILED || t->state == ET_TARGET_SKIPPED;
	unsigned x = p->table.w[C_BAR] > 0 ? p->table.x[C_BAR]
					   : p->table.x[C_STATE] + p->table.w[C_STATE] + 2;
	char cut[512];

	if (is_over && error[0] != '\0' && x < c->r.w) {
		et_cell_text(c, x, 0, state_style(t->state),
			     et_cell_cut(cut, sizeof cut, error, c->r.w - x));
		return true;
	}
	if (t->state == ET_TARGET_OK) /* as people compare them: the first digits */
		et_table_textf(&p->table, c, 0, C_BAR, ET_STYLE_DIM, "%.*s", (int)p->table.w[C_BAR],
			       strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : digest);
	return false;
}

static void draw_numbers(const struct builds *p, const struct et_canvas *c,
			 const struct et_row_target *t)
{
	/* what waits shows its last round */
	enum et_style style = t->state == ET_TARGET_WAITING ? ET_STYLE_DIM : ET_STYLE_TEXT;
	char num[ET_NUM];

	if (t->round == 0)
		return;
	draw_done(p, c, t);
	if (t->bytes_in > 0)
		et_table_text(&p->table, c, 0, C_READ, style,
			      et_text_bytes(num, sizeof num, (int64_t)t->bytes_in));
	if (t->bytes_out > 0)
		et_table_text(&p->table, c, 0, C_WROTE, style,
			      et_text_bytes(num, sizeof num, (int64_t)t->bytes_out));
	if (t->bytes_in > 0 && t->wall_ns > 0)
		et_table_textf(&p->table, c, 0, C_RATE, style, "%s/s",
			       et_text_bytes(num, sizeof num,
					     et_pane_round((double)t->bytes_in * 1e9 /
							   (double)t->wall_ns)));
	if (t->wall_ns > 0)
		et_table_text(&p->table, c, 0, C_TIME, style,
			      et_text_time(num, sizeof num, t->wall_ns));
	et_table_textf(&p->table, c, 0, C_ROUND, ET_STYLE_DIM, "%u", t->round);
}

static void draw_row(const void *ctx, uint32_t ix, uint32_t place, const struct et_canvas *line)
{
	const struct builds *p = ctx;
	struct et_canvas c = et_cell_sub(line, ET_PANE_MARGIN, 0, line->r.w, 1);
	struct et_row_target t = target_at(p, ix);
	const char *stage = et_snapshot_str(p->a->snap, t.stage);
	bool is_running = t.state == ET_TARGET_RUNNING && stage[0] != '\0';

	(void)place;
	et_table_text(&p->table, &c, 0, C_NAME, ET_STYLE_TEXT,
		      et_snapshot_str(p->a->snap, t.name));
	et_table_text(&p->table, &c, 0, C_KIND, ET_STYLE_DIM, et_snapshot_str(p->a->snap, t.kind));
	et_table_text(&p->table, &c, 0, C_STATE, state_style(t.state),
		      is_running ? stage : et_snapshot_target_state(t.state));
	if (draw_result(p, &c, &t))
		return;
	draw_progress(p, &c, &t);
	draw_numbers(p, &c, &t);
}

/* ---- unfolded ------------------------------------------------------------------------------ */

/* Line `i` of the details; false past the last. */
static bool detail(const struct builds *p, const struct et_row_target *t, unsigned i,
		   const char **label, char *text, size_t n)
{
	bool is_cut = et_cell_width(et_snapshot_str(p->a->snap, t->name)) > p->table.w[C_NAME];
	const struct { const char *label; uint32_t str; } strings[] = {
		{ "error", t->error }, /* first: on a low screen not all has room */
		{ "name", is_cut ? t->name : 0 }, { "kind", t->kind },
		{ "digest", t->digest }, { "output", t->output },
	};
	size_t at;

	for (unsigned k = 0; k < sizeof strings / sizeof strings[0]; k++) {
		const char *s = et_snapshot_str(p->a->snap, strings[k].str);

		if (s[0] == '\0' || i-- > 0)
			continue;
		*label = strings[k].label;
		snprintf(text, n, "%s", s);
		return true;
	}
	if (i > 0)
		return false;
	*label = "rounds";
	at = (size_t)snprintf(text, n, "%llu ok, %llu failed", (unsigned long long)t->rounds_ok,
			      (unsigned long long)t->rounds_failed);
	if (t->warnings > 0)
		snprintf(text + at, n - at, "; %u file%s left out of the last one", t->warnings,
			 t->warnings == 1 ? "" : "s");
	return true;
}

/* All details from the top of `c` on; returns their lines.  What an error says is read here or
 * nowhere, so nothing is cut: it goes on in the next line. */
static unsigned draw_details(const struct builds *p, uint32_t ix, const struct et_canvas *c)
{
	struct et_row_target t = target_at(p, ix);
	struct et_canvas right = et_cell_sub(c, LABEL_W, 0, c->r.w, c->r.h);
	const char *label;
	char text[1024];
	unsigned y = 0;

	for (unsigned i = 0; detail(p, &t, i, &label, text, sizeof text); i++) {
		bool is_error = strcmp(label, "error") == 0;

		et_cell_text(c, 0, y, ET_STYLE_LABEL, label);
		y = et_cell_wrap(&right, y, is_error ? state_style(t.state) : ET_STYLE_TEXT, text);
	}
	return y;
}

static uint32_t unfolded(const void *ctx, uint32_t ix)
{
	const struct builds *p = ctx;
	struct et_canvas c = et_cell_sub(&p->a->c, ET_PANE_MARGIN + 2, 0, p->a->c.r.w, 0);

	return draw_details(p, ix, &c);
}

static void draw_body(const void *ctx, uint32_t ix, const struct et_canvas *c)
{
	draw_details(ctx, ix, c);
}

static void draw(const struct et_pane_args *a)
{
	struct builds p = { .a = a };
	struct et_canvas head = et_cell_sub(&a->c, ET_PANE_MARGIN, 0, a->c.r.w, 1);
	struct et_pane_list l = { .a = a, .c = et_cell_sub(&a->c, 0, 1, a->c.r.w, a->c.r.h),
				  .ops = { .id = id_of, .unfolded = unfolded, .ctx = &p },
				  .row = draw_row, .body = draw_body, .empty = "no targets yet" };

	et_table_fit(&p.table, cols, C_COUNT, head.r.w);
	et_table_head(&p.table, &head, 0);
	et_list_build(&l.list, et_snapshot_rows(a->snap, ET_TAB_TARGETS), key_of, &p);
	et_pane_list_draw(&l);
}

static void caption(const struct et_pane_args *a, char *buf, size_t n)
{
	unsigned count[ET_TARGET_STATE_COUNT] = { 0 };
	struct et_row_target t;
	size_t at = 0;

	for (uint32_t i = 0; et_snapshot_get(a->snap, ET_TAB_TARGETS, i, &t, sizeof t); i++)
		if (t.state < ET_TARGET_STATE_COUNT)
			count[t.state]++;
	buf[0] = '\0';
	for (uint32_t s = 0; s < ET_TARGET_STATE_COUNT && at < n; s++)
		if (count[s] > 0)
			at += (size_t)snprintf(buf + at, n - at, "%s%u %s", at > 0 ? ", " : "", count[s],
					       et_snapshot_target_state(s));
}

static unsigned want(const struct et_snapshot *snap, const struct et_pane_state *st)
{
	/* an unfolded row is looked at: it may take what it can get */
	return st->list.open_id != 0 ? 0 : et_snapshot_rows(snap, ET_TAB_TARGETS) + 2;
}

const struct et_pane et_pane_builds = {
	.name = "builds",
	.title = "Builds",
	.about = "each target with stage, progress, bytes, rate, time and result; Enter unfolds "
		 "digest, output and error",
	.views = { "targets" },
	.unfolds = true,
	.weight = 4,
	.want = want,
	.caption = caption,
	.draw = draw,
};
