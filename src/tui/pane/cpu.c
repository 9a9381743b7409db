/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU: where the samples fell, by function (flat and cumulative) or by whole stack.  A share of n
 * samples is an estimate: it stands with its 95 % binomial error, and a row whose order to the
 * next one could be chance is marked with `~`. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/pane/pane.h"
#include "tui/table.h"
#include "tui/widget.h"

enum { FUNCTIONS, STACKS };
enum { C_FLAT, C_ERROR, C_CUM, C_NAME, C_WHERE, C_BAR, C_COUNT };

struct cpu {
	const struct et_pane_args *a;
	const struct et_list *list;
	struct et_table_fit table;
	double weight; /* what 100 % is */
	double n;      /* stacks behind it: what errors come from */
	double most;    /* largest share: a full bar */
	bool is_cum;
};

/* Half of the 95 % interval of a share p of n samples; with none seen, the rule of three. */
static double share_error(double p, double n)
{
	if (p <= 0)
		return 3 / n;
	return p >= 1 ? 0 : 1.96 * sqrt(p * (1 - p) / n);
}

/* Could two shares of the same n samples stand in the other order?  (Variance of a difference of
 * two multinomial shares.) */
static bool is_order_open(double p, double q, double n)
{
	double d = p - q, var = (p + q - d * d) / n;

	return d * d <= 1.96 * 1.96 * var;
}

static uint64_t samples_at(const struct cpu *p, uint32_t ix)
{
	struct et_row_func f;
	struct et_row_cpu row;

	if (p->a->st->view == STACKS) {
		et_snapshot_get(p->a->snap, ET_TAB_CPU, ix, &row, sizeof row);
		return row.samples;
	}
	et_snapshot_get(p->a->snap, ET_TAB_FUNCS, ix, &f, sizeof f);
	return p->is_cum ? f.cum : f.flat;
}

static int64_t key_of(const void *ctx, uint32_t ix)
{
	uint64_t n = samples_at(ctx, ix);

	return n == 0 ? ET_LIST_HIDDEN : n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static uint64_t id_of(const void *ctx, uint32_t ix)
{
	const struct cpu *p = ctx;
	struct et_row_func f;
	struct et_row_cpu row;
	uint64_t h = et_list_hash(ET_LIST_HASH, &p->a->st->view, sizeof p->a->st->view);

	if (p->a->st->view == STACKS) {
		et_snapshot_get(p->a->snap, ET_TAB_CPU, ix, &row, sizeof row);
		return et_pane_stack_id(p->a->snap, row.stack, h);
	}
	et_snapshot_get(p->a->snap, ET_TAB_FUNCS, ix, &f, sizeof f);
	h = et_list_hash_str(h, et_snapshot_str(p->a->snap, f.module));
	h = et_list_hash_str(h, et_snapshot_str(p->a->snap, f.file));
	h = et_list_hash(h, &f.line, sizeof f.line);
	return et_list_hash_str(h, et_snapshot_str(p->a->snap, f.name));
}

/* Has the stack this function, as its leaf or (cum) anywhere? */
static bool has_func(const struct cpu *p, uint32_t stack, uint32_t func)
{
	struct et_row_frame fr;

	for (uint32_t i = 0; et_snapshot_frame(p->a->snap, stack, i, &fr, NULL); i++) {
		if (fr.func == func)
			return true;
		if (!p->is_cum)
			break;
	}
	return false;
}

/* The stack to unfold below row `ix`: its own, or the function's hottest. */
static uint32_t stack_of(const struct cpu *p, uint32_t ix)
{
	struct et_row_cpu row;
	uint64_t most = 0;
	uint32_t best = ET_NONE;

	if (p->a->st->view == STACKS) {
		et_snapshot_get(p->a->snap, ET_TAB_CPU, ix, &row, sizeof row);
		return row.stack;
	}
	for (uint32_t i = 0; et_snapshot_get(p->a->snap, ET_TAB_CPU, i, &row, sizeof row); i++)
		if (row.samples > most && has_func(p, row.stack, ix)) {
			most = row.samples;
			best = row.stack;
		}
	return best;
}

static uint32_t unfolded(const void *ctx, uint32_t ix)
{
	const struct cpu *p = ctx;

	return et_pane_stack_lines(p->a->snap, stack_of(p, ix));
}

static void draw_body(const void *ctx, uint32_t ix, const struct et_canvas *c)
{
	const struct cpu *p = ctx;

	et_pane_stack_draw(c, p->a->snap, stack_of(p, ix));
}

/* Compared with the next place; the last one shown has no next that is in order. */
static bool is_next_close(const struct cpu *p, uint32_t place)
{
	const struct et_list *l = p->list;

	if (place + 1 >= l->n)
		return false;
	return is_order_open((double)l->items[place].key / p->weight,
			     (double)l->items[place + 1].key / p->weight, p->n);
}

static void draw_share(const struct cpu *p, const struct et_canvas *c, unsigned col, double part,
		       bool is_main, bool is_close)
{
	/* 100.0% with its mark would be wider than its column */
	et_table_textf(&p->table, c, 0, col, is_main ? ET_STYLE_STRONG : ET_STYLE_TEXT, "%s%.*f%%",
		       is_main && is_close ? "~" : "", part >= 0.9995 ? 0 : 1, part * 100);
}

static void draw_row(const void *ctx, uint32_t ix, uint32_t place, const struct et_canvas *line)
{
	const struct cpu *p = ctx;
	struct et_canvas c = et_cell_sub(line, ET_PANE_MARGIN, 0, line->r.w, 1);
	double part = (double)samples_at(p, ix) / p->weight;
	bool is_close = is_next_close(p, place);
	struct et_row_func f;
	struct et_row_cpu row;
	char text[1024];

	et_table_textf(&p->table, &c, 0, C_ERROR, ET_STYLE_DIM, "\u00b1%.1f",
		       share_error(part, p->n) * 100);
	et_widget_bar(&c, p->table.x[C_BAR], 0, p->table.w[C_BAR], ET_STYLE_CPU, part, p->most);
	if (p->a->st->view == STACKS) {
		et_snapshot_get(p->a->snap, ET_TAB_CPU, ix, &row, sizeof row);
		draw_share(p, &c, C_FLAT, part, true, is_close);
		et_table_text(&p->table, &c, 0, C_NAME, ET_STYLE_TEXT,
			      et_pane_stack(text, sizeof text, p->a->snap, row.stack));
		return;
	}
	et_snapshot_get(p->a->snap, ET_TAB_FUNCS, ix, &f, sizeof f);
	draw_share(p, &c, C_FLAT, (double)f.flat / p->weight, !p->is_cum, is_close);
	draw_share(p, &c, C_CUM, (double)f.cum / p->weight, p->is_cum, is_close);
	et_table_text(&p->table, &c, 0, C_NAME, ET_STYLE_TEXT, et_snapshot_str(p->a->snap, f.name));
	et_table_text(&p->table, &c, 0, C_WHERE, ET_STYLE_DIM,
		      et_pane_where(text, sizeof text, p->a->snap, &f, NULL));
}

static const struct et_col function_cols[C_COUNT] = {
	[C_FLAT] = { .title = "flat", .width = 6, .is_right = true },
	[C_ERROR] = { .title = "\u00b1pp", .width = 5, .priority = 3, .is_right = true },
	[C_CUM] = { .title = "cum", .width = 6, .priority = 1, .is_right = true },
	[C_NAME] = { .title = "function", .width = 18, .grow = 4 },
	[C_WHERE] = { .title = "where", .width = 14, .priority = 4, .grow = 2, .most = 30 },
	[C_BAR] = { .title = "", .width = 8, .priority = 5, .grow = 1, .most = 24 },
};

static const struct et_col stack_cols[C_COUNT] = {
	[C_FLAT] = { .title = "share", .width = 6, .is_right = true },
	[C_ERROR] = { .title = "\u00b1pp", .width = 5, .priority = 3, .is_right = true },
	[C_CUM] = { .title = "", .width = 0 },
	[C_NAME] = { .title = "stack: function < its caller < ...", .width = 12, .grow = 6,
		     .is_phrase = true },
	[C_WHERE] = { .title = "", .width = 0 },
	[C_BAR] = { .title = "", .width = 8, .priority = 5, .grow = 1, .most = 16 },
};

static void draw(const struct et_pane_args *a)
{
	bool is_stacks = a->st->view == STACKS;
	struct cpu p = { .a = a, .is_cum = a->opts->is_cum && !is_stacks };
	struct et_canvas head = et_cell_sub(&a->c, ET_PANE_MARGIN, 0, a->c.r.w, 1);
	struct et_pane_list l = { .a = a, .c = et_cell_sub(&a->c, 0, 1, a->c.r.w, a->c.r.h),
				  .ops = { .id = id_of, .unfolded = unfolded, .ctx = &p },
				  .row = draw_row, .body = draw_body,
				  .empty = "no samples yet: nothing has used the CPU" };

	int64_t weight, n;

	if (et_snapshot_cpu_total(a->snap, &weight, &n) != ET_NA_MEASURED)
		weight = n = 1; /* there is no row to divide */
	p.weight = (double)weight;
	p.n = (double)n;
	et_table_fit(&p.table, is_stacks ? stack_cols : function_cols, C_COUNT, head.r.w);
	et_table_head(&p.table, &head, 0);
	p.list = &l.list;
	et_list_build(&l.list, et_snapshot_rows(a->snap, is_stacks ? ET_TAB_CPU : ET_TAB_FUNCS),
		      key_of, &p);
	for (uint32_t i = 0; i < l.list.n; i++)
		if ((double)l.list.items[i].key > p.most * p.weight)
			p.most = (double)l.list.items[i].key / p.weight;
	et_pane_list_draw(&l);
}

static void caption(const struct et_pane_args *a, char *buf, size_t n)
{
	char count[32];
	int64_t samples, hz, engine;

	if (et_snapshot_metric(a->snap, ET_M_SAMPLES, &samples) != ET_NA_MEASURED) {
		buf[0] = '\0';
		return;
	}
	et_snapshot_metric(a->snap, ET_M_HZ, &hz);
	et_snapshot_metric(a->snap, ET_M_ENGINE, &engine);
	snprintf(buf, n, "by %s, \u00b1 95%%, %lld Hz %s, %s samples",
		 a->st->view == STACKS ? "stack" : a->opts->is_cum ? "cum" : "flat",
		 (long long)hz, et_snapshot_engine((uint32_t)engine),
		 et_pane_thousands(count, sizeof count, (uint64_t)samples)); /* the header has it too */
}

const struct et_pane et_pane_cpu = {
	.name = "cpu",
	.title = "CPU",
	.about = "where CPU time goes: flat = in the function itself, cum = in it and below it; "
		 "~ = the order to the next row may be chance",
	.views = { "functions", "stacks" },
	.unfolds = true,
	.weight = 5,
	.caption = caption,
	.draw = draw,
};
