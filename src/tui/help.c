/* SPDX-License-Identifier: Apache-2.0
 *
 * The key line at the bottom and the help overlay, both generated from the key table. */
#include <string.h>

#include "tui/view.h"

static bool is_hinted(const struct et_binding *b, const struct et_pane *pane, unsigned mode)
{
	if (b->action == ET_ACT_OPEN && !pane->unfolds)
		return false;
	return b->hint != NULL && (b->modes & mode) != 0 &&
	       (b->pane == NULL || strcmp(b->pane, pane->name) == 0);
}

static unsigned hint_width(const struct et_binding *b)
{
	return et_cell_width(b->shown) + 1 + et_cell_width(b->hint) + 2;
}

void et_help_keys(const struct et_canvas *c, const struct et_pane *pane, unsigned mode)
{
	unsigned limit = 0, x = 1;

	/* as many priorities as fit; all keys of one priority stay or go together */
	for (unsigned p = 0; p < 10; p++) {
		unsigned sum = 1;

		for (unsigned i = 0; i < et_bindings_count; i++)
			if (is_hinted(&et_bindings[i], pane, mode) && et_bindings[i].priority <= p)
				sum += hint_width(&et_bindings[i]);
		if (sum > c->r.w + 1)
			break;
		limit = p;
	}
	for (unsigned i = 0; i < et_bindings_count; i++) {
		const struct et_binding *b = &et_bindings[i];

		if (!is_hinted(b, pane, mode) || b->priority > limit)
			continue;
		x += et_cell_text(c, x, 0, ET_STYLE_KEY, b->shown) + 1;
		x += et_cell_text(c, x, 0, ET_STYLE_DIM, b->hint) + 2;
	}
}

static void draw_box(const struct et_canvas *c)
{
	unsigned w = c->r.w, h = c->r.h;

	if (w < 2 || h < 2)
		return;
	for (unsigned y = 1; y + 1 < h; y++) {
		et_cell_run(c, 0, y, 1, ET_STYLE_BORDER_FOCUS, 0x2502);
		et_cell_run(c, w - 1, y, 1, ET_STYLE_BORDER_FOCUS, 0x2502);
	}
	et_cell_run(c, 0, 0, w, ET_STYLE_BORDER_FOCUS, 0x2500);
	et_cell_run(c, 0, h - 1, w, ET_STYLE_BORDER_FOCUS, 0x2500);
	et_cell_run(c, 0, 0, 1, ET_STYLE_BORDER_FOCUS, 0x250c);
	et_cell_run(c, w - 1, 0, 1, ET_STYLE_BORDER_FOCUS, 0x2510);
	et_cell_run(c, 0, h - 1, 1, ET_STYLE_BORDER_FOCUS, 0x2514);
	et_cell_run(c, w - 1, h - 1, 1, ET_STYLE_BORDER_FOCUS, 0x2518);
}

static unsigned help_rows(unsigned mode)
{
	unsigned n = 0;

	for (unsigned i = 0; i < et_bindings_count; i++)
		n += et_bindings[i].help != NULL && (et_bindings[i].modes & mode) != 0;
	return n;
}

/* The keys from row `top` on, in as many columns as there is room for. */
static void draw_table(const struct et_canvas *c, unsigned mode, unsigned top, unsigned n_columns)
{
	unsigned n = 0, width = c->r.w / n_columns;
	char cut[128];

	for (unsigned i = 0; i < et_bindings_count; i++) {
		const struct et_binding *b = &et_bindings[i];
		unsigned row = n - top, x;

		if (b->help == NULL || (b->modes & mode) == 0 || n++ < top)
			continue;
		if (row >= c->r.h * n_columns)
			return;
		x = row / c->r.h * width;
		et_cell_text(c, x, row % c->r.h, ET_STYLE_KEY, b->shown);
		if (width > 9)
			et_cell_text(c, x + 7, row % c->r.h, ET_STYLE_TEXT,
				     et_cell_cut(cut, sizeof cut, b->help, width - 9));
	}
}

void et_help_draw(struct et_view *v, const struct et_canvas *c, unsigned mode)
{
	const struct et_pane *pane = et_panes[v->focus];
	unsigned n = help_rows(mode), n_columns = c->r.w >= 92 ? 2 : 1;
	unsigned w = n_columns == 2 ? 92 : c->r.w < 56 ? c->r.w : 56, h, y;
	unsigned rows = (n + n_columns - 1) / n_columns;
	struct et_canvas box, in;

	h = c->r.h < rows + 6 ? c->r.h : rows + 6;
	box = et_cell_sub(c, (c->r.w - w) / 2, (c->r.h - h) / 2, w, h);
	et_cell_blank(&box, ET_STYLE_TEXT);
	draw_box(&box);
	et_cell_text(&box, 2, 0, ET_STYLE_TITLE_FOCUS, " Help ");
	in = et_cell_sub(&box, 2, 1, w > 4 ? w - 4 : 0, h > 2 ? h - 2 : 0);
	y = 0;
	if (in.r.h > 8) {
		y = et_cell_wrap(&in, y, ET_STYLE_DIM, pane->about);
		y++;
	}
	in = et_cell_sub(&in, 0, y, in.r.w, in.r.h);
	if (v->help_top + in.r.h * n_columns > n)
		v->help_top = n > in.r.h * n_columns ? n - in.r.h * n_columns : 0;
	draw_table(&in, mode, v->help_top, n_columns);
	if (n > in.r.h * n_columns && w > 30)
		et_cell_text(&box, w - 20, h - 1, ET_STYLE_DIM, " Up/Down for more ");
}
