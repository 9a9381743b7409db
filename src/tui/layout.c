/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout: one, two or three columns of panes between a header and a key line.  No state.  A pane
 * is a title rule and rows below it; a column deals out its rows by weight, the focused pane
 * counts one and a half times, a pane that says how many rows it can fill gets no more.  The
 * number of rows a pane wants depends on slow things (targets, experiments), never on what
 * changes with every snapshot: the screen must not jump.  One wide pane spans the columns, at the
 * bottom. */
#include "tui/layout.h"

#include <string.h>

#define GAP 2       /* blank columns between two columns of panes */
#define MIN_ROWS 3  /* of a pane: its title and two lines */

/* Which column a pane stands in, by number of columns; panes in registry order: builds, cpu,
 * heap, threads, pools. */
static const unsigned char column_of[4][ET_LAYOUT_PANES] = {
	{ 0 },
	{ 0, 0, 0, 0, 0, 0, 0, 0 },
	{ 0, 1, 0, 1, 0, 1, 0, 1 },
	{ 0, 1, 2, 0, 1, 2, 0, 1 }, /* builds and threads, cpu, heap */
};

static unsigned columns_for(unsigned cols)
{
	return cols >= 165 ? 3 : cols >= 100 ? 2 : 1;
}

static unsigned weight_of(const struct et_slot *s, bool is_focus)
{
	return is_focus ? s->weight * 3 : s->weight * 2;
}

/* Give `rows` to the members by weight: at least MIN_ROWS each, at most what they want.  What is
 * left when all are satisfied goes to the last member. */
static void deal(unsigned *h, const struct et_slot *slots, const unsigned *member, unsigned n,
		 unsigned rows, unsigned focus)
{
	unsigned used = 0, n_fit = n;

	/* too low for all: the first ones and the focused one stay */
	while (n_fit > 1 && n_fit * MIN_ROWS > rows)
		n_fit--;
	for (unsigned i = 0; i < n; i++)
		h[i] = i < n_fit ? MIN_ROWS : 0;
	for (unsigned i = n_fit; i < n; i++)
		if (member[i] == focus)
			h[n_fit - 1] = 0, h[i] = MIN_ROWS;
	for (unsigned i = 0; i < n; i++)
		used += h[i];
	if (used > rows) /* a single pane on less than MIN_ROWS */
		h[0] = used = rows;
	while (used < rows) {
		unsigned best = n;

		/* the next row goes to the pane with the fewest rows for its weight */
		for (unsigned i = 0; i < n; i++) {
			const struct et_slot *s = &slots[member[i]];

			if (h[i] == 0 || (s->want != 0 && h[i] >= s->want))
				continue;
			if (best == n || h[i] * weight_of(&slots[member[best]], member[best] == focus) <
						 h[best] * weight_of(s, member[i] == focus))
				best = i;
		}
		if (best == n)
			break;
		h[best]++;
		used++;
	}
	for (unsigned i = n; i-- > 0 && used < rows;)
		if (h[i] > 0) {
			h[i] += rows - used;
			used = rows;
		}
}

static void place_column(struct et_layout *out, const struct et_slot *slots, unsigned n,
			 unsigned column, unsigned n_columns, struct et_rect area, unsigned focus)
{
	unsigned member[ET_LAYOUT_PANES], h[ET_LAYOUT_PANES], n_members = 0, y = area.y;

	for (unsigned i = 0; i < n; i++)
		if (column_of[n_columns][i] == column && (n_columns == 1 || !slots[i].is_wide))
			member[n_members++] = i;
	if (n_members == 0)
		return;
	deal(h, slots, member, n_members, area.h, focus);
	for (unsigned i = 0; i < n_members; i++) {
		out->pane[member[i]] = (struct et_rect){ area.x, y, area.w, h[i] };
		y += h[i];
	}
}

/* The wide pane takes what it wants from the bottom: at most a third of the rows, with the focus
 * a half.  Returns the rows left. */
static unsigned place_wide(struct et_layout *out, const struct et_slot *slots, unsigned n,
			   struct et_rect area, unsigned focus)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned most = i == focus ? area.h / 2 : area.h / 3;
		unsigned h = slots[i].want != 0 && slots[i].want < most ? slots[i].want : most;

		if (!slots[i].is_wide)
			continue;
		if (h < MIN_ROWS)
			h = MIN_ROWS;
		out->pane[i] = (struct et_rect){ area.x, area.y + area.h - h, area.w, h };
		return area.h - h;
	}
	return area.h;
}

static void place_grid(struct et_layout *out, const struct et_slot *slots, unsigned n,
		       struct et_rect area, unsigned focus)
{
	unsigned n_columns = columns_for(area.w);
	unsigned w = (area.w - GAP * (n_columns - 1)) / n_columns;

	if (n_columns > 1)
		area.h = place_wide(out, slots, n, area, focus);
	for (unsigned i = 0; i < n_columns; i++) {
		unsigned x = area.x + i * (w + GAP);
		/* the last column takes what the division left */
		unsigned width = i + 1 == n_columns ? area.x + area.w - x : w;

		place_column(out, slots, n, i, n_columns, (struct et_rect){ x, area.y, width, area.h },
			     focus);
	}
}

static enum et_regime regime_of(unsigned cols, unsigned rows)
{
	if (cols < 20 || rows < 5)
		return ET_REGIME_LINE;
	return cols < 60 || rows < 16 ? ET_REGIME_SINGLE : ET_REGIME_GRID;
}

void et_layout_compute(struct et_layout *out, unsigned cols, unsigned rows,
		       const struct et_slot *slots, unsigned n, unsigned focus, bool is_zoomed,
		       bool has_message)
{
	unsigned n_header, n_message;
	struct et_rect area;

	memset(out, 0, sizeof *out);
	out->regime = regime_of(cols, rows);
	if (n > ET_LAYOUT_PANES)
		n = ET_LAYOUT_PANES;
	if (out->regime == ET_REGIME_LINE) {
		out->header = (struct et_rect){ 0, 0, cols, rows > 0 ? 1 : 0 };
		return;
	}
	n_header = rows < 8 ? 1 : rows < 20 ? 2 : 3;
	n_message = has_message && rows >= 8 ? 1 : 0;
	out->header = (struct et_rect){ 0, 0, cols, n_header };
	out->keys = (struct et_rect){ 0, rows - 1, cols, 1 };
	out->message = (struct et_rect){ 0, rows - 1 - n_message, cols, n_message };
	area = (struct et_rect){ 0, n_header, cols, rows - n_header - n_message - 1 };
	if (focus >= n)
		return;
	if (is_zoomed || out->regime == ET_REGIME_SINGLE)
		out->pane[focus] = area;
	else
		place_grid(out, slots, n, area, focus);
}
