/* SPDX-License-Identifier: Apache-2.0
 *
 * Pool versus malloc: the arms of each experiment beside one another, time per operation as bars
 * with their interval, memory per operation, and the ratio to the malloc arm with its spread.
 * The words (faster, slower, unclear) follow from the interval, never from the median alone. */
#include <stdio.h>
#include <string.h>

#include "tui/pane/pane.h"
#include "tui/table.h"
#include "tui/widget.h"

enum { BARS, COUNTERS };
enum { C_TARGET, C_ARM, C_NS, C_RANGE, C_BAR, C_BYTES, C_ALLOCS, C_RATIO, C_SPREAD, C_WORD, C_N,
       C_COUNT };
enum { P_NAME, P_GETS, P_PUTS, P_HIT, P_MISS, P_KEPT, P_PEAK, P_COUNT };

struct pools {
	const struct et_pane_args *a;
	struct et_table_fit table;
};

static const struct et_col bar_cols[C_COUNT] = {
	[C_TARGET] = { .title = "experiment", .width = 10, .grow = 3, .most = 26 },
	[C_ARM] = { .title = "arm", .width = 6, .grow = 1, .most = 12 },
	[C_NS] = { .title = "time/op", .width = 7, .is_right = true },
	[C_RANGE] = { .title = "interval", .width = 16, .priority = 9 },
	[C_BAR] = { .title = "", .width = 7, .priority = 5, .grow = 4, .most = 60 },
	[C_BYTES] = { .title = "B/op", .width = 6, .priority = 2, .is_right = true },
	[C_ALLOCS] = { .title = "allocs/op", .width = 9, .priority = 3, .is_right = true },
	[C_RATIO] = { .title = "ratio", .width = 5, .priority = 1, .is_right = true },
	[C_SPREAD] = { .title = "spread", .width = 14, .priority = 4 },
	[C_WORD] = { .title = "time is", .width = 11, .priority = 6 },
	[C_N] = { .title = "n", .width = 3, .priority = 8, .is_right = true },
};

static const struct et_col counter_cols[P_COUNT] = {
	[P_NAME] = { .title = "pool", .width = 8, .grow = 1, .most = 30 },
	[P_GETS] = { .title = "gets", .width = 6, .is_right = true },
	[P_PUTS] = { .title = "puts", .width = 6, .priority = 3, .is_right = true },
	[P_HIT] = { .title = "reused", .width = 6, .is_right = true },
	[P_MISS] = { .title = "misses", .width = 6, .priority = 2, .is_right = true },
	[P_KEPT] = { .title = "retained", .width = 8, .priority = 1, .is_right = true },
	[P_PEAK] = { .title = "peak", .width = 6, .priority = 4, .is_right = true },
};

static struct et_row_bench bench_at(const struct pools *p, uint32_t ix)
{
	struct et_row_bench r;

	et_snapshot_get(p->a->snap, ET_TAB_BENCHES, ix, &r, sizeof r);
	return r;
}

static int64_t key_of(const void *ctx, uint32_t ix)
{
	(void)ctx;
	return -(int64_t)ix;
}

static uint64_t id_of(const void *ctx, uint32_t ix)
{
	const struct pools *p = ctx;

	(void)p;
	return et_list_hash(ET_LIST_HASH, &ix, sizeof ix);
}

/* ---- experiments --------------------------------------------------------------------------- */

/* Time with a unit; below 100 ns a decimal counts. */
static const char *time_op(char *buf, size_t n, double ns)
{
	if (ns < 100)
		snprintf(buf, n, "%.1fns", ns);
	else
		et_text_time(buf, n, et_pane_round(ns));
	return buf;
}

/* Longest bar of the same target: arms are compared with one another, targets are not. */
static double scale_of(const struct pools *p, uint32_t target)
{
	struct et_row_bench r;
	double most = 0;

	for (uint32_t i = 0; et_snapshot_get(p->a->snap, ET_TAB_BENCHES, i, &r, sizeof r); i++)
		if (r.target == target && r.na == ET_NA_MEASURED) {
			double end = r.ns_hi > r.ns_op ? r.ns_hi : r.ns_op;

			most = end > most ? end : most;
		}
	return most;
}

static const char *per_op(char *buf, size_t n, double v)
{
	if (v < 10)
		snprintf(buf, n, "%.*f", v > 0 && v < 1 ? 3 : v > 0 ? 2 : 0, v);
	else
		et_text_count(buf, n, et_pane_round(v));
	return buf;
}

static const char *bytes_op(char *buf, size_t n, double v)
{
	if (v > 0 && v < 10)
		snprintf(buf, n, "%.2f", v);
	else
		et_text_bytes(buf, n, et_pane_round(v));
	return buf;
}

static void draw_ratio(const struct pools *p, const struct et_canvas *c,
		       const struct et_row_bench *r)
{
	bool has_ci = (r->flags & ET_BENCH_HAS_CI) != 0;
	double change = (r->ratio - 1) * 100;

	if ((r->flags & ET_BENCH_BASE) != 0) {
		et_table_text(&p->table, c, 0, C_WORD, ET_STYLE_DIM, "the base");
		return;
	}
	if ((r->flags & ET_BENCH_HAS_RATIO) == 0)
		return;
	et_table_textf(&p->table, c, 0, C_RATIO, ET_STYLE_STRONG, "%.3f", r->ratio);
	et_table_textf(&p->table, c, 0, C_SPREAD, ET_STYLE_TEXT, has_ci ? "[%.3f..%.3f]"
									: "(%.3f..%.3f)",
		       r->ratio_lo, r->ratio_hi);
	if (!has_ci)
		et_table_text(&p->table, c, 0, C_WORD, ET_STYLE_DIM, "not sure");
	else if (r->ratio_hi < 1)
		et_table_textf(&p->table, c, 0, C_WORD, ET_STYLE_GOOD, "%.1f%% less", -change);
	else if (r->ratio_lo > 1)
		et_table_textf(&p->table, c, 0, C_WORD, ET_STYLE_BAD, "%.1f%% more", change);
	else
		et_table_text(&p->table, c, 0, C_WORD, ET_STYLE_WARN, "unclear");
}

static void draw_figures(const struct pools *p, const struct et_canvas *c,
			 const struct et_row_bench *r)
{
	char one[ET_NUM], two[ET_NUM];
	bool is_base = (r->flags & ET_BENCH_BASE) != 0;
	bool is_counted = (r->flags & ET_BENCH_NO_HEAP) == 0;

	et_table_text(&p->table, c, 0, C_NS, ET_STYLE_STRONG, time_op(one, sizeof one, r->ns_op));
	et_table_textf(&p->table, c, 0, C_RANGE, ET_STYLE_DIM,
		       (r->flags & ET_BENCH_HAS_CI) != 0 ? "[%s..%s]" : "(%s..%s)",
		       time_op(one, sizeof one, r->ns_lo), time_op(two, sizeof two, r->ns_hi));
	et_widget_range(c, p->table.x[C_BAR], 0, p->table.w[C_BAR],
			is_base ? ET_STYLE_LIBC : ET_STYLE_POOL, r->ns_lo, r->ns_op, r->ns_hi,
			scale_of(p, r->target));
	/* not counted is not nothing: the caption says why */
	et_table_text(&p->table, c, 0, C_BYTES, ET_STYLE_TEXT,
		      is_counted ? bytes_op(one, sizeof one, r->bytes_op) : "n/a");
	et_table_text(&p->table, c, 0, C_ALLOCS, ET_STYLE_TEXT,
		      is_counted ? per_op(one, sizeof one, r->allocs_op) : "n/a");
	draw_ratio(p, c, r);
}

static void draw_bench(const void *ctx, uint32_t ix, uint32_t place, const struct et_canvas *line)
{
	const struct pools *p = ctx;
	struct et_canvas c = et_cell_sub(line, ET_PANE_MARGIN, 0, line->r.w, 1);
	struct et_row_bench r = bench_at(p, ix), before = bench_at(p, ix - 1);
	bool is_first = place == p->a->st->list.top || before.target != r.target;
	char na[96];

	if (is_first)
		et_table_text(&p->table, &c, 0, C_TARGET, ET_STYLE_TEXT,
			      et_snapshot_str(p->a->snap, r.target));
	et_table_text(&p->table, &c, 0, C_ARM,
		      (r.flags & ET_BENCH_BASE) != 0 ? ET_STYLE_LIBC : ET_STYLE_POOL,
		      et_snapshot_str(p->a->snap, r.arm));
	et_table_textf(&p->table, &c, 0, C_N, ET_STYLE_DIM, "%u", r.n);
	if (r.na == ET_NA_MEASURED)
		draw_figures(p, &c, &r);
	else
		et_cell_text(&c, p->table.x[C_NS], 0, ET_STYLE_DIM, et_pane_na(na, sizeof na, r.na));
}

/* ---- counters of the pools themselves ------------------------------------------------------ */

static void draw_pool(const void *ctx, uint32_t ix, uint32_t place, const struct et_canvas *line)
{
	const struct pools *p = ctx;
	struct et_canvas c = et_cell_sub(line, ET_PANE_MARGIN, 0, line->r.w, 1);
	struct et_row_pool r;
	char num[ET_NUM];
	bool is_almost;
	double part;

	(void)place;
	et_snapshot_get(p->a->snap, ET_TAB_POOLS, ix, &r, sizeof r);
	part = r.gets == 0 ? 0 : (double)r.hits * 100 / (double)r.gets;
	is_almost = r.hits < r.gets && part >= 99.95;
	et_table_text(&p->table, &c, 0, P_NAME, ET_STYLE_POOL, et_snapshot_str(p->a->snap, r.name));
	et_table_text(&p->table, &c, 0, P_GETS, ET_STYLE_TEXT,
		      et_text_count(num, sizeof num, (int64_t)r.gets));
	et_table_text(&p->table, &c, 0, P_PUTS, ET_STYLE_TEXT,
		      et_text_count(num, sizeof num, (int64_t)r.puts));
	if (r.gets > 0) /* "all" is said of all only */
		et_table_textf(&p->table, &c, 0, P_HIT, ET_STYLE_STRONG, "%s%.1f%%",
			       is_almost ? ">" : "", is_almost ? 99.9 : part);
	et_table_text(&p->table, &c, 0, P_MISS, ET_STYLE_TEXT,
		      et_text_count(num, sizeof num, (int64_t)r.misses));
	et_table_text(&p->table, &c, 0, P_KEPT, ET_STYLE_TEXT,
		      et_text_bytes(num, sizeof num, (int64_t)r.retained_bytes));
	et_table_text(&p->table, &c, 0, P_PEAK, ET_STYLE_TEXT,
		      et_text_bytes(num, sizeof num, (int64_t)r.peak_bytes));
}

static void draw(const struct et_pane_args *a)
{
	bool is_bars = a->st->view == BARS;
	struct pools p = { .a = a };
	struct et_canvas head = et_cell_sub(&a->c, ET_PANE_MARGIN, 0, a->c.r.w, 1);
	struct et_pane_list l = { .a = a, .c = et_cell_sub(&a->c, 0, 1, a->c.r.w, a->c.r.h),
				  .ops = { .id = id_of, .ctx = &p },
				  .row = is_bars ? draw_bench : draw_pool,
				  .empty = is_bars ? "no experiment yet" : "no pool yet" };

	et_table_fit(&p.table, is_bars ? bar_cols : counter_cols,
		     is_bars ? (unsigned)C_COUNT : (unsigned)P_COUNT, head.r.w);
	et_table_head(&p.table, &head, 0);
	et_list_build(&l.list, et_snapshot_rows(a->snap, is_bars ? ET_TAB_BENCHES : ET_TAB_POOLS),
		      key_of, &p);
	et_pane_list_draw(&l);
}

static void caption(const struct et_pane_args *a, char *buf, size_t n)
{
	struct et_row_bench r;
	bool is_uncounted = false;

	if (a->st->view != BARS) {
		snprintf(buf, n, "gets answered from the pool, memory it keeps");
		return;
	}
	for (uint32_t i = 0; et_snapshot_get(a->snap, ET_TAB_BENCHES, i, &r, sizeof r); i++)
		is_uncounted |= (r.flags & ET_BENCH_NO_HEAP) != 0;
	snprintf(buf, n, "%smedian CPU time an operation, [95%% interval] or (min..max)",
		 is_uncounted ? "n/a: malloc not interposed in this build; "
		 : a->snap->flags & ET_SNAP_EXACT_HEAP
			 ? "slowed: every allocation is recorded; "
			 : "");
}

static unsigned want(const struct et_snapshot *snap, const struct et_pane_state *st)
{
	return et_snapshot_rows(snap, st->view == BARS ? ET_TAB_BENCHES : ET_TAB_POOLS) + 2;
}

const struct et_pane et_pane_pools = {
	.name = "pools",
	.title = "Pool vs malloc",
	.about = "each experiment's arms: time, bytes and allocations an operation, and the ratio to "
		 "malloc with its spread",
	.views = { "bars", "counters" },
	.weight = 4,
	.is_wide = true,
	.want = want,
	.caption = caption,
	.draw = draw,
};
