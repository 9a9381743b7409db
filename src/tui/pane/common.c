/* SPDX-License-Identifier: Apache-2.0
 *
 * What panes share: a list of rows with a cursor, stacks as text, reasons.  No state: cursors
 * belong to the view, rows to the snapshot. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tui/pane/pane.h"

#define STACK_LINES_MAX 24u /* of an unfolded stack; deeper ones say how much is missing */

const char *et_pane_na(char *buf, size_t n, uint32_t na)
{
	snprintf(buf, n, "n/a (%s)", et_snapshot_na_text(na));
	return buf;
}

void et_pane_note(const struct et_canvas *c, unsigned y, const char *fmt, ...)
{
	char text[512], cut[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (c->r.w > ET_PANE_MARGIN)
		et_cell_text(c, ET_PANE_MARGIN, y, ET_STYLE_DIM,
			     et_cell_elide(cut, sizeof cut, text, c->r.w - ET_PANE_MARGIN));
}

int64_t et_pane_round(double v)
{
	if (!(v > -9e18))
		return 0;
	return v >= 9e18 ? INT64_MAX : (int64_t)(v < 0 ? v - 0.5 : v + 0.5);
}

const char *et_pane_thousands(char *buf, size_t n, uint64_t v)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), at = 0;

	for (size_t i = 0; i < len && at + 2 < n; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

/* ---- stacks -------------------------------------------------------------------------------- */

const char *et_pane_where(char *buf, size_t n, const struct et_snapshot *snap,
			  const struct et_row_func *func, const struct et_row_frame *frame)
{
	const char *file = et_snapshot_str(snap, frame != NULL ? frame->file : func->file);
	uint32_t line = frame != NULL ? frame->line : func->line;
	const char *base = strrchr(file, '/');

	if (file[0] == '\0')
		snprintf(buf, n, "%s", et_snapshot_str(snap, func->module));
	else if (line == 0)
		snprintf(buf, n, "%s", base != NULL ? base + 1 : file);
	else
		snprintf(buf, n, "%s:%u", base != NULL ? base + 1 : file, line);
	return buf;
}

const char *et_pane_stack(char *buf, size_t n, const struct et_snapshot *snap, uint32_t stack)
{
	struct et_row_func func;
	char name[160];
	size_t at = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; at + sizeof name + 4 < n; i++) {
		if (!et_snapshot_frame(snap, stack, i, NULL, &func))
			break;
		et_cell_elide(name, sizeof name, et_snapshot_str(snap, func.name), 32);
		at += (size_t)snprintf(buf + at, n - at, "%s%s", i == 0 ? "" : " < ", name);
	}
	if (at == 0)
		snprintf(buf, n, "(no stack)");
	return buf;
}

/* Depth as the rows bear out: a damaged depth cannot make us loop. */
static uint32_t depth_of(const struct et_snapshot *snap, uint32_t stack, uint32_t most)
{
	uint32_t n = 0;

	while (n < most && et_snapshot_frame(snap, stack, n, NULL, NULL))
		n++;
	return n;
}

uint32_t et_pane_stack_lines(const struct et_snapshot *snap, uint32_t stack)
{
	uint32_t n = depth_of(snap, stack, STACK_LINES_MAX);

	return n == 0 ? 1 : n;
}

void et_pane_stack_draw(const struct et_canvas *c, const struct et_snapshot *snap, uint32_t stack)
{
	uint32_t n = depth_of(snap, stack, STACK_LINES_MAX);
	unsigned name_w = c->r.w > 60 ? c->r.w / 2 : c->r.w > 30 ? c->r.w - 24 : c->r.w;
	struct et_row_func func;
	struct et_row_frame frame;
	struct et_row_stack st;

	if (n == 0)
		et_pane_note(c, 0, "(no stack)");
	et_snapshot_get(snap, ET_TAB_STACKS, stack, &st, sizeof st);
	for (uint32_t i = 0; i < n && i < c->r.h; i++) {
		char where[512], cut[512];

		et_snapshot_frame(snap, stack, i, &frame, &func);
		et_cell_text(c, 0, i, ET_STYLE_DIM, i == 0 ? "\u2514" : "<");
		et_cell_text(c, 2, i, ET_STYLE_TEXT,
			     et_cell_elide(cut, sizeof cut, et_snapshot_str(snap, func.name),
					   name_w - 4));
		if (i + 1 == STACK_LINES_MAX && st.depth > n)
			snprintf(where, sizeof where, "(%u more frames)", st.depth - n);
		else if (i + 1 == n && (st.flags & ET_STACK_TRUNCATED) != 0)
			snprintf(where, sizeof where, "(deeper frames were cut off)");
		else
			et_pane_where(where, sizeof where, snap, &func, &frame);
		if (name_w < c->r.w)
			et_cell_text(c, name_w, i, ET_STYLE_DIM,
				     et_cell_elide(cut, sizeof cut, where, c->r.w - name_w));
	}
}

uint64_t et_pane_stack_id(const struct et_snapshot *snap, uint32_t stack, uint64_t h)
{
	struct et_row_func func;

	h = et_list_hash(h, "s", 1);
	for (uint32_t i = 0; i < 64 && et_snapshot_frame(snap, stack, i, NULL, &func); i++) {
		h = et_list_hash_str(h, et_snapshot_str(snap, func.name));
		h = et_list_hash(h, "<", 1);
	}
	return h;
}

/* ---- lists --------------------------------------------------------------------------------- */

static void mark_cursor(const struct et_canvas *line)
{
	et_cell_run(line, 0, 0, 1, ET_STYLE_CURSOR, 0x203a);
	et_cell_restyle(line, 0, 0, line->r.w, ET_STYLE_CURSOR);
}

/* Draw the row at `place` with what it unfolds; returns its lines. */
static unsigned draw_place(const struct et_pane_list *l, uint32_t place, unsigned y)
{
	struct et_canvas line = et_cell_sub(&l->c, 0, y, l->c.r.w, 1), body;
	uint32_t ix = l->list.items[place].ix;
	unsigned lines;

	l->row(l->ops.ctx, ix, place, &line);
	if (l->a->is_focus && place == l->a->st->list.cursor)
		mark_cursor(&line);
	if (l->ops.unfolded == NULL || !et_list_is_open(&l->list, &l->a->st->list, &l->ops, place))
		return 1;
	lines = l->ops.unfolded(l->ops.ctx, ix);
	body = et_cell_sub(&l->c, ET_PANE_MARGIN + 2, y + 1, l->c.r.w, lines);
	l->body(l->ops.ctx, ix, &body);
	return 1 + lines;
}

void et_pane_list_draw(struct et_pane_list *l)
{
	struct et_list_state *st = &l->a->st->list;
	unsigned y = 0;

	if (l->list.n == 0)
		et_pane_note(&l->c, 0, "%s", l->empty);
	et_list_settle(&l->list, st, &l->ops, l->c.r.h);
	for (uint32_t p = st->top; p < l->list.n && y < l->c.r.h; p++, st->n_shown++)
		y += draw_place(l, p, y);
	et_list_fini(&l->list);
}
