/* SPDX-License-Identifier: Apache-2.0
 *
 * Heap: by allocator, with what each held over time, and by call site.  Counted figures are
 * marked "exact", figures estimated from samples "est."; the toggles say which of the four
 * numbers orders the rows, and that one survives on a narrow screen. */
#include <stdio.h>
#include <string.h>

#include "tui/pane/pane.h"
#include "tui/table.h"
#include "tui/widget.h"

enum { BOTH, ALLOCATORS, SITES };
enum { C_NAME, C_INUSE, C_INUSE_N, C_ALLOC, C_ALLOC_N, C_HOW, C_BAR, C_SPARK, C_COUNT };

/* The four numbers that an allocator and a site have in common. */
struct figures {
	int64_t inuse_bytes, inuse_objects, alloc_bytes, alloc_objects;
	uint32_t na, flags;
	int64_t err[4]; /* half of the 95 % intervals, in the order above */
};

struct heap {
	const struct et_pane_args *a;
	struct et_table_fit table;
	struct et_col cols[C_COUNT];
	double most; /* largest key: a full bar */
	unsigned n_exact, n_estimated; /* rows */
	bool is_sites;
};

static int64_t measure(const struct heap *p, const struct figures *f)
{
	const struct et_pane_opts *o = p->a->opts;

	if (o->is_alloc)
		return o->is_objects ? f->alloc_objects : f->alloc_bytes;
	return o->is_objects ? f->inuse_objects : f->inuse_bytes;
}

static struct figures figures_at(const struct heap *p, uint32_t ix)
{
	struct et_row_allocator al;
	struct et_row_site s;

	if (p->is_sites) {
		et_snapshot_get(p->a->snap, ET_TAB_SITES, ix, &s, sizeof s);
		return (struct figures){ s.inuse_bytes, s.inuse_objects, s.alloc_bytes,
					 s.alloc_objects, ET_NA_MEASURED, s.flags,
					 { s.inuse_bytes_err, s.inuse_objects_err,
					   s.alloc_bytes_err, s.alloc_objects_err } };
	}
	et_snapshot_get(p->a->snap, ET_TAB_ALLOCATORS, ix, &al, sizeof al);
	return (struct figures){ al.inuse_bytes, al.inuse_objects, al.alloc_bytes,
				 al.alloc_objects, al.na, al.flags, { 0 } };
}

static int64_t key_of(const void *ctx, uint32_t ix)
{
	const struct heap *p = ctx;
	struct figures f = figures_at(p, ix);
	int64_t key = measure(p, &f);

	if (p->is_sites && f.inuse_bytes == 0 && f.alloc_bytes == 0)
		return ET_LIST_HIDDEN;
	return key < 0 ? 0 : key;
}

static uint64_t id_of(const void *ctx, uint32_t ix)
{
	const struct heap *p = ctx;
	const struct et_snapshot *snap = p->a->snap;
	struct et_row_site s = { .allocator = ix };
	struct et_row_allocator al;
	uint64_t h = et_list_hash(ET_LIST_HASH, &p->is_sites, sizeof p->is_sites);

	if (p->is_sites)
		et_snapshot_get(snap, ET_TAB_SITES, ix, &s, sizeof s);
	et_snapshot_get(snap, ET_TAB_ALLOCATORS, s.allocator, &al, sizeof al);
	h = et_list_hash_str(h, et_snapshot_str(snap, al.name));
	return p->is_sites ? et_pane_stack_id(snap, s.stack, h) : h;
}

static uint32_t stack_of(const struct heap *p, uint32_t ix)
{
	struct et_row_site s;

	et_snapshot_get(p->a->snap, ET_TAB_SITES, ix, &s, sizeof s);
	return s.stack;
}

static uint32_t unfolded(const void *ctx, uint32_t ix)
{
	const struct heap *p = ctx;

	return et_pane_stack_lines(p->a->snap, stack_of(p, ix));
}

static void draw_body(const void *ctx, uint32_t ix, const struct et_canvas *c)
{
	const struct heap *p = ctx;

	et_pane_stack_draw(c, p->a->snap, stack_of(p, ix));
}

/* ---- rows ---------------------------------------------------------------------------------- */

static enum et_style kind_style(uint32_t kind)
{
	return kind == ET_ALLOC_POOL ? ET_STYLE_POOL : kind == ET_ALLOC_MMAP ? ET_STYLE_MMAP
									      : ET_STYLE_LIBC;
}

/* The error of the figure that orders the table. */
static void draw_error(const struct heap *p, const struct et_canvas *c, const struct figures *f)
{
	const struct et_pane_opts *o = p->a->opts;
	int64_t err = f->err[(o->is_alloc ? 2 : 0) + (o->is_objects ? 1 : 0)];
	char num[ET_NUM], text[ET_NUM + 4];

	if (o->is_objects)
		et_text_count(num, sizeof num, err);
	else
		et_text_bytes(num, sizeof num, err);
	snprintf(text, sizeof text, "\u00b1%s", num);
	et_table_text(&p->table, c, 0, C_HOW, ET_STYLE_DIM,
		      (f->flags & ET_HEAP_EXACT) != 0 ? "exact" : text);
}

static void draw_figures(const struct heap *p, const struct et_canvas *c, const struct figures *f)
{
	const struct et_pane_opts *o = p->a->opts;
	const struct { unsigned col; int64_t v; bool is_objects, is_alloc; } num[] = {
		{ C_INUSE, f->inuse_bytes, false, false },
		{ C_INUSE_N, f->inuse_objects, true, false },
		{ C_ALLOC, f->alloc_bytes, false, true },
		{ C_ALLOC_N, f->alloc_objects, true, true },
	};

	for (unsigned i = 0; i < 4; i++) {
		bool is_key = num[i].is_objects == o->is_objects && num[i].is_alloc == o->is_alloc;
		char text[ET_NUM];

		if (num[i].is_objects)
			et_text_count(text, sizeof text, num[i].v);
		else
			et_text_bytes(text, sizeof text, num[i].v);
		et_table_text(&p->table, c, 0, num[i].col, is_key ? ET_STYLE_STRONG : ET_STYLE_TEXT,
			      text);
	}
	draw_error(p, c, f);
}

static void draw_spark(const struct heap *p, const struct et_canvas *c, uint32_t series)
{
	struct et_row_series s;

	if (et_snapshot_get(p->a->snap, ET_TAB_SERIES, series, &s, sizeof s))
		et_widget_spark(c, p->table.x[C_SPARK], 0, p->table.w[C_SPARK], ET_STYLE_SPARK,
				p->a->snap, &s);
}

static void draw_row(const void *ctx, uint32_t ix, uint32_t place, const struct et_canvas *line)
{
	const struct heap *p = ctx;
	const struct et_snapshot *snap = p->a->snap;
	struct et_canvas c = et_cell_sub(line, ET_PANE_MARGIN, 0, line->r.w, 1);
	struct figures f = figures_at(p, ix);
	struct et_row_site s = { .allocator = ix };
	struct et_row_allocator al;
	char text[1024];

	(void)place;
	if (p->is_sites)
		et_snapshot_get(snap, ET_TAB_SITES, ix, &s, sizeof s);
	et_snapshot_get(snap, ET_TAB_ALLOCATORS, s.allocator, &al, sizeof al);
	et_table_text(&p->table, &c, 0, C_NAME, ET_STYLE_TEXT,
		      p->is_sites ? et_pane_stack(text, sizeof text, snap, s.stack)
				  : et_snapshot_str(snap, al.name));
	if (f.na != ET_NA_MEASURED) {
		char na[96];

		et_cell_text(&c, p->table.x[C_NAME] + p->table.w[C_NAME] + 2, 0, ET_STYLE_DIM,
			     et_pane_na(na, sizeof na, f.na));
		return;
	}
	draw_figures(p, &c, &f);
	et_widget_bar(&c, p->table.x[C_BAR], 0, p->table.w[C_BAR], kind_style(al.kind),
		      (double)measure(p, &f), p->most);
	if (p->is_sites)
		et_table_text(&p->table, &c, 0, C_SPARK, kind_style(al.kind),
			      et_snapshot_str(snap, al.name));
	else
		draw_spark(p, &c, al.series);
}

/* ---- the two tables ------------------------------------------------------------------------ */

static const char *title_of(const struct heap *p)
{
	bool is_mixed = p->n_exact > 0 && p->n_estimated > 0;

	if (p->is_sites)
		return is_mixed ? "call site < caller" : p->n_exact > 0 ? "call site < caller (exact)"
									: "call site < caller (est.)";
	return is_mixed || p->n_exact + p->n_estimated == 0 ? "allocator"
	       : p->n_exact > 0				    ? "allocator (exact)"
							    : "allocator (est.)";
}

/* What the heads and the bars need to know of all rows. */
static void survey(struct heap *p, const struct et_list *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct figures f = figures_at(p, l->items[i].ix);

		if ((double)l->items[i].key > p->most)
			p->most = (double)l->items[i].key;
		p->n_exact += f.na == ET_NA_MEASURED && (f.flags & ET_HEAP_EXACT) != 0;
		p->n_estimated += f.na == ET_NA_MEASURED && (f.flags & ET_HEAP_EXACT) == 0;
	}
}

/* Whose error it is: that of the figure that orders the rows. */
static const char *error_title(const struct et_pane_opts *o)
{
	if (o->is_alloc)
		return o->is_objects ? "\u00b1allocs" : "\u00b1alloc";
	return o->is_objects ? "\u00b1objects" : "\u00b1in use";
}

/* Columns with the priorities that the toggles ask for: the ordering one is never dropped. */
static void make_cols(struct heap *p)
{
	const struct et_pane_opts *o = p->a->opts;
	struct et_col *c = p->cols;

	c[C_NAME] = (struct et_col){ .title = title_of(p), .width = p->is_sites ? 24 : 17, .grow = 4,
				     .most = p->is_sites ? 0 : 30, .is_phrase = p->is_sites };
	c[C_INUSE] = (struct et_col){ .title = "in use", .width = 6, .is_right = true,
				      .priority = o->is_alloc ? 2 : o->is_objects };
	c[C_INUSE_N] = (struct et_col){ .title = "objects", .width = 7, .is_right = true,
					.priority = o->is_alloc ? 5 : o->is_objects ? 0 : 4 };
	c[C_ALLOC] = (struct et_col){ .title = "alloc", .width = 5, .is_right = true,
				      .priority = o->is_alloc ? o->is_objects : 3 };
	c[C_ALLOC_N] = (struct et_col){ .title = "allocs", .width = 6, .is_right = true,
					.priority = o->is_alloc && o->is_objects ? 0 : 6 };
	/* where all rows are exact, the head says it */
	if (p->n_estimated > 0)
		c[C_HOW] = (struct et_col){ .title = error_title(o), .width = 8, .priority = 1,
					    .is_right = true };
	c[C_BAR] = (struct et_col){ .title = "", .width = 6, .priority = 9, .grow = 2, .most = 20 };
	/* on a site the allocator's name matters more than a bar */
	c[C_SPARK] = (struct et_col){ .title = p->is_sites ? "allocator" : "over time",
				      .width = 9, .grow = 1,
				      .most = p->is_sites ? 24 : 40, .priority = 3, .is_phrase = true };
}

static void draw_table(const struct et_pane_args *a, bool is_sites)
{
	struct heap p = { .a = a, .is_sites = is_sites };
	struct et_canvas head = et_cell_sub(&a->c, ET_PANE_MARGIN, 0, a->c.r.w, 1);
	struct et_pane_list l = { .a = a, .c = et_cell_sub(&a->c, 0, 1, a->c.r.w, a->c.r.h),
				  .ops = { .id = id_of, .ctx = &p }, .row = draw_row,
				  .body = draw_body,
				  .empty = is_sites ? "no call site holds memory" : "no allocator yet" };
	struct et_row_allocator al;
	char why[128];

	if (is_sites)
		l.ops.unfolded = unfolded;
	et_list_build(&l.list, et_snapshot_rows(a->snap, is_sites ? ET_TAB_SITES : ET_TAB_ALLOCATORS),
		      key_of, &p);
	survey(&p, &l.list);
	make_cols(&p);
	et_table_fit(&p.table, p.cols, C_COUNT, head.r.w);
	et_table_head(&p.table, &head, 0);
	if (is_sites && l.list.n == 0 &&
	    et_snapshot_get(a->snap, ET_TAB_ALLOCATORS, 0, &al, sizeof al) && al.na != ET_NA_MEASURED)
		l.empty = et_pane_na(why, sizeof why, al.na);
	et_pane_list_draw(&l);
}

static void draw(const struct et_pane_args *a)
{
	unsigned view = a->st->view;
	struct et_pane_state still = { .view = ALLOCATORS }; /* the cursor is in the sites */
	struct et_pane_args top = *a, below = *a;
	unsigned n = et_snapshot_rows(a->snap, ET_TAB_ALLOCATORS) + 1;

	if (view != BOTH || a->c.r.h < 5) {
		draw_table(a, view == SITES);
		return;
	}
	if (n > (a->c.r.h + 1) / 2)
		n = (a->c.r.h + 1) / 2;
	top.c = et_cell_sub(&a->c, 0, 0, a->c.r.w, n);
	top.st = &still;
	top.is_focus = false;
	draw_table(&top, false);
	below.c = et_cell_sub(&a->c, 0, n, a->c.r.w, a->c.r.h);
	draw_table(&below, true);
}

static void caption(const struct et_pane_args *a, char *buf, size_t n)
{
	char period[ET_NUM], how[64] = "";
	int64_t v;

	if (et_snapshot_metric(a->snap, ET_M_HEAP_PERIOD_BYTES, &v) == ET_NA_MEASURED) {
		if (v <= 1)
			snprintf(how, sizeof how, ", every allocation");
		else
			snprintf(how, sizeof how, ", sites est. 1 per %s",
				 et_text_bytes(period, sizeof period, v));
	}
	snprintf(buf, n, "by %s %s%s", a->opts->is_alloc ? "allocated" : "in-use",
		 a->opts->is_objects ? "objects" : "bytes", how);
}

const struct et_pane et_pane_heap = {
	.name = "heap",
	.title = "Heap",
	.about = "who holds memory, by allocator and by call site; in use = handed out and not "
		 "given back, alloc = ever handed out",
	.views = { "allocators and call sites", "allocators", "call sites" },
	.unfolds = true,
	.weight = 5,
	.caption = caption,
	.draw = draw,
};
