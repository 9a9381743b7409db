/* SPDX-License-Identifier: Apache-2.0
 *
 * The grid of cells.  Owned by whoever draws (the ui thread, or a caller of the headless
 * renderer).  Nothing can put a control character, an invalid byte or a bidi override into a
 * cell: text is read through one decoder that escapes them, so every consumer of a grid may
 * print it as it is.  Widths come from wcwidth() under C.UTF-8, whatever the user's locale, so
 * that the same snapshot always gives the same frame. */
#include "tui/cell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/locale.h"
#include "base/text.h"

int et_cell_cp_width(uint32_t cp)
{
	locale_t before;
	int w;

	if (cp < 0x300)
		return cp >= 0x20 && cp != 0x7f && (cp < 0x80 || cp >= 0xa0) ? 1 : -1;
	if (cp >= 0x2190 && cp < 0x2300) /* arrows, mathematics */
		return 1;
	if ((cp >= 0x2500 && cp < 0x25a0) || (cp >= 0x2800 && cp < 0x2900)) /* boxes, braille */
		return 1;
	if (et_locale_utf8() == (locale_t)0)
		return 1;
	before = uselocale(et_locale_utf8());
	w = wcwidth((wchar_t)cp);
	uselocale(before);
	return w;
}

/* ---- foreign text as a sequence of harmless characters ------------------------------------- */

struct reader {
	const char *s;    /* what is left */
	const char *p;    /* what is left of an escape, or NULL */
	char escape[16];
};

/* Variation selectors change the width on some terminals only: they are left out. */
static bool is_selector(uint32_t cp)
{
	return cp >= 0xfe00 && cp <= 0xfe0f;
}

static void escape_one(struct reader *r, size_t len)
{
	char one[5] = { 0 };

	memcpy(one, r->s, len == 0 ? 1 : len);
	et_text_safe(r->escape, sizeof r->escape, one);
	r->p = r->escape;
	r->s += len == 0 ? 1 : len;
}

/* The next character to draw with its width; false at the end. */
static bool next_glyph(struct reader *r, uint32_t *cp, unsigned *width)
{
	for (;;) {
		size_t len;
		int w;

		if (r->p != NULL && *r->p != '\0') {
			r->p += et_text_utf8(r->p, cp);
			w = et_cell_cp_width(*cp);
			*width = w < 0 ? 0 : (unsigned)w;
			if (w < 0) /* unassigned: no terminal agrees on its width */
				*cp = '?', *width = 1;
			return true;
		}
		r->p = NULL;
		if (*r->s == '\0')
			return false;
		if (*r->s >= 0x20 && *r->s < 0x7f) {
			*cp = (uint32_t)*r->s++;
			*width = 1;
			return true;
		}
		len = et_text_utf8(r->s, cp);
		if (len > 0 && is_selector(*cp)) {
			r->s += len;
			continue;
		}
		escape_one(r, len);
	}
}

unsigned et_cell_width(const char *text)
{
	struct reader r = { .s = text };
	unsigned w, sum = 0;
	uint32_t cp;

	while (next_glyph(&r, &cp, &w))
		sum += w;
	return sum;
}

/* ---- the grid ------------------------------------------------------------------------------ */

static const struct et_cell empty = { .cp = ' ', .style = ET_STYLE_TEXT, .width = 1 };

int et_cell_resize(struct et_grid *g, unsigned cols, unsigned rows)
{
	size_t n = (size_t)cols * rows;

	if (cols != g->cols || rows != g->rows || g->cells == NULL) {
		et_cell_fini(g);
		g->cells = malloc((n == 0 ? 1 : n) * sizeof *g->cells);
		if (g->cells == NULL)
			return -1;
		g->cols = cols;
		g->rows = rows;
	}
	for (size_t i = 0; i < n; i++)
		g->cells[i] = empty;
	return 0;
}

void et_cell_fini(struct et_grid *g)
{
	free(g->cells);
	*g = (struct et_grid){ 0 };
}

struct et_canvas et_cell_canvas(struct et_grid *g)
{
	return (struct et_canvas){ .grid = g, .r = { 0, 0, g->cols, g->rows } };
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

struct et_canvas et_cell_sub(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
			     unsigned h)
{
	struct et_canvas sub = *c;

	x = least(x, c->r.w);
	y = least(y, c->r.h);
	sub.r = (struct et_rect){ c->r.x + x, c->r.y + y, least(w, c->r.w - x),
				  least(h, c->r.h - y) };
	return sub;
}

static struct et_cell *at(const struct et_canvas *c, unsigned x, unsigned y)
{
	if (x >= c->r.w || y >= c->r.h)
		return NULL;
	return &c->grid->cells[(size_t)(c->r.y + y) * c->grid->cols + c->r.x + x];
}

/* Before a cell is overwritten: a wide character must not keep one half of itself. */
static void split_wide(const struct et_canvas *c, struct et_cell *cell, unsigned x)
{
	unsigned col = c->r.x + x;

	if (cell->width == 0 && col > 0) {
		cell[-1].cp = ' ', cell[-1].mark = 0, cell[-1].width = 1;
	} else if (cell->width == 2 && col + 1 < c->grid->cols) {
		cell[1].cp = ' ', cell[1].mark = 0, cell[1].width = 1;
	}
}

static void put(const struct et_canvas *c, unsigned x, unsigned y, uint32_t cp, unsigned width,
		enum et_style style)
{
	struct et_cell *cell = at(c, x, y);

	if (cell == NULL)
		return;
	split_wide(c, cell, x);
	if (width == 2 && x + 1 >= c->r.w) /* no room for its right half */
		cp = ' ', width = 1;
	*cell = (struct et_cell){ .cp = cp, .style = (uint8_t)style, .width = (uint8_t)width };
	if (width < 2)
		return;
	split_wide(c, cell + 1, x + 1);
	cell[1] = (struct et_cell){ .cp = ' ', .style = (uint8_t)style, .width = 0 };
}

static void add_mark(const struct et_canvas *c, unsigned x, unsigned y, uint32_t mark)
{
	struct et_cell *cell = at(c, x, y);

	if (cell != NULL && cell->width == 0 && x > 0)
		cell--;
	if (cell != NULL && cell->mark == 0)
		cell->mark = mark;
}

unsigned et_cell_text(const struct et_canvas *c, unsigned x, unsigned y, enum et_style style,
		      const char *text)
{
	struct reader r = { .s = text };
	unsigned w, col = x;
	uint32_t cp;

	while (col <= c->r.w && next_glyph(&r, &cp, &w)) {
		if (w > 0)
			put(c, col, y, cp, w, style);
		else if (col > x)
			add_mark(c, col - 1, y, cp);
		col += w;
	}
	return (col < c->r.w ? col : c->r.w) - least(x, c->r.w);
}

unsigned et_cell_textf(const struct et_canvas *c, unsigned x, unsigned y, enum et_style style,
		       const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return et_cell_text(c, x, y, style, text);
}

/* Columns up to the end of the word (a run without blanks) that the reader is at. */
static unsigned word_width(struct reader r)
{
	unsigned w, sum = 0;
	uint32_t cp;

	while (next_glyph(&r, &cp, &w) && cp != ' ')
		sum += w;
	return sum;
}

unsigned et_cell_wrap(const struct et_canvas *c, unsigned y, enum et_style style,
		      const char *text)
{
	struct reader r = { .s = text };
	unsigned w, x = 0;
	bool is_start = true; /* of a word */
	uint32_t cp;

	while (c->r.w > 0 && next_glyph(&r, &cp, &w)) {
		if (cp == ' ') {
			x += x > 0;
			is_start = true;
			if (x > 0 && x + word_width(r) > c->r.w)
				x = 0, y++;
			continue;
		}
		if (w > 0 && x > 0 && x + w > c->r.w)
			x = 0, y++;
		if (w > 0)
			put(c, x, y, cp, w, style);
		else if (!is_start)
			add_mark(c, x - 1, y, cp);
		is_start = false;
		x += w;
	}
	return y + 1;
}

void et_cell_run(const struct et_canvas *c, unsigned x, unsigned y, unsigned n,
		 enum et_style style, uint32_t cp)
{
	for (unsigned i = 0; i < n && x + i < c->r.w; i++)
		put(c, x + i, y, cp, 1, style);
}

void et_cell_blank(const struct et_canvas *c, enum et_style style)
{
	for (unsigned y = 0; y < c->r.h; y++)
		et_cell_run(c, 0, y, c->r.w, style, ' ');
}

void et_cell_restyle(const struct et_canvas *c, unsigned x, unsigned y, unsigned n,
		     enum et_style style)
{
	for (unsigned i = 0; i < n; i++) {
		struct et_cell *cell = at(c, x + i, y);

		if (cell != NULL)
			cell->style = (uint8_t)style;
	}
}

/* ---- names that are too long --------------------------------------------------------------- */

struct piece {
	char *dst;
	size_t n, at;
};

static void append_cp(struct piece *p, uint32_t cp)
{
	char utf8[4];
	size_t len = et_text_utf8_put(cp, utf8);

	if (p->at + len >= p->n)
		return;
	memcpy(p->dst + p->at, utf8, len);
	p->at += len;
}

/* Append the characters that lie in columns [from, to) of the text. */
static void append_columns(struct piece *p, const char *text, unsigned from, unsigned to)
{
	struct reader r = { .s = text };
	unsigned w, col = 0;
	uint32_t cp;

	while (next_glyph(&r, &cp, &w)) {
		bool is_in = w > 0 ? col >= from && col + w <= to : col > from && col <= to;

		if (is_in)
			append_cp(p, cp);
		col += w;
	}
}

const char *et_cell_elide(char *dst, size_t n, const char *text, unsigned cols)
{
	struct piece p = { .dst = dst, .n = n };
	unsigned width = et_cell_width(text), head;

	if (width <= cols) {
		append_columns(&p, text, 0, width);
	} else if (cols > 0) {
		head = cols / 2;
		append_columns(&p, text, 0, head);
		append_cp(&p, 0x2026);
		append_columns(&p, text, width - (cols - 1 - head), width);
	}
	dst[p.at] = '\0';
	return dst;
}

const char *et_cell_cut(char *dst, size_t n, const char *text, unsigned cols)
{
	struct piece p = { .dst = dst, .n = n };
	unsigned width = et_cell_width(text);

	append_columns(&p, text, 0, width <= cols ? width : cols > 0 ? cols - 1 : 0);
	if (width > cols && cols > 0)
		append_cp(&p, 0x2026);
	dst[p.at] = '\0';
	return dst;
}

/* ---- other outputs ------------------------------------------------------------------------- */

struct fallback {
	uint32_t cp, console, ascii;
};

/* Ours only: characters of names become '?'. */
static const struct fallback fallbacks[] = {
	{ 0x2500, 0x2500, '-' },  { 0x2501, 0x2550, '=' },  { 0x2502, 0x2502, '|' },
	{ 0x250c, 0x250c, '+' },  { 0x2510, 0x2510, '+' },  { 0x2514, 0x2514, '+' },
	{ 0x2518, 0x2518, '+' },  { 0x2524, 0x2524, '|' },  { 0x251c, 0x251c, '|' },
	{ 0x2581, '_', '_' },     { 0x2582, '_', '.' },     { 0x2583, 0x2584, ':' },
	{ 0x2584, 0x2584, '-' },  { 0x2585, 0x2584, '=' },  { 0x2586, 0x2584, '+' },
	{ 0x2587, 0x2588, '*' },  { 0x2588, 0x2588, '#' },  { 0x2589, 0x2588, '#' },
	{ 0x258a, 0x2588, '#' },  { 0x258b, 0x258c, '#' },  { 0x258c, 0x258c, '#' },
	{ 0x258d, 0x258c, '-' },  { 0x258e, ' ', '-' },     { 0x258f, ' ', ' ' },
	{ 0x2026, '.', '.' },     { 0x00b1, 0x00b1, '+' },  { 0x00b7, 0x00b7, '.' },
	{ 0x203a, '>', '>' },     { 0x25cf, '*', '*' },     { 0x2191, '^', '^' },
	{ 0x2193, 'v', 'v' },     { 0x2190, '<', '<' },     { 0x2192, '>', '>' },
};

uint32_t et_cell_fallback(uint32_t cp, int level)
{
	if (level == 0 || cp < 0x80)
		return cp;
	for (size_t i = 0; i < sizeof fallbacks / sizeof fallbacks[0]; i++)
		if (fallbacks[i].cp == cp)
			return level == 1 ? fallbacks[i].console : fallbacks[i].ascii;
	return level == 1 && cp < 0x250 ? cp : '?';
}

static void dump_row(struct piece *p, const struct et_cell *row, unsigned cols)
{
	unsigned end = cols;

	while (end > 0 && row[end - 1].cp == ' ' && row[end - 1].mark == 0 &&
	       row[end - 1].width == 1)
		end--;
	for (unsigned x = 0; x < end; x++) {
		if (row[x].width == 0)
			continue;
		append_cp(p, row[x].cp);
		if (row[x].mark != 0)
			append_cp(p, row[x].mark);
	}
	p->dst[p->at++] = '\n';
}

char *et_cell_dump(const struct et_grid *g)
{
	size_t n = (size_t)g->rows * ((size_t)g->cols * 8 + 1) + 8;
	struct piece p = { .dst = malloc(n), .n = n };

	if (p.dst == NULL)
		return NULL;
	for (unsigned y = 0; y < g->rows; y++)
		dump_row(&p, g->cells + (size_t)y * g->cols, g->cols);
	p.dst[p.at] = '\0';
	return p.dst;
}
