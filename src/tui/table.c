/* SPDX-License-Identifier: Apache-2.0
 *
 * The table engine: a view of rows is an array of columns.  No state. */
#include "tui/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define GAP 2

static unsigned total(const struct et_table_fit *t)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (t->w[i] > 0)
			sum += t->w[i] + (sum > 0 ? GAP : 0);
	return sum;
}

/* The column to do without next; n = there is none. */
static unsigned least_needed(const struct et_table_fit *t)
{
	unsigned worst = t->n;

	for (unsigned i = 0; i < t->n; i++)
		if (t->w[i] > 0 && t->cols[i].priority > 0 &&
		    (worst == t->n || t->cols[i].priority > t->cols[worst].priority))
			worst = i;
	return worst;
}

static bool may_grow(const struct et_table_fit *t, unsigned i)
{
	return t->w[i] > 0 && t->cols[i].grow > 0 &&
	       (t->cols[i].most == 0 || t->w[i] < t->cols[i].most);
}

/* One column at a time to the one that has least for its part: ends are exact. */
static void grow(struct et_table_fit *t, unsigned spare)
{
	while (spare-- > 0) {
		unsigned best = t->n;

		for (unsigned i = 0; i < t->n; i++)
			if (may_grow(t, i) && (best == t->n || t->w[i] * t->cols[best].grow <
								       t->w[best] * t->cols[i].grow))
				best = i;
		if (best == t->n)
			return;
		t->w[best]++;
	}
}

/* A screen too narrow even for what must stay: a column off the widest name, so that what follows
 * it is seen.  Numbers are whole or not there. */
static bool shrink(struct et_table_fit *t)
{
	unsigned widest = t->n;

	for (unsigned i = 0; i < t->n; i++)
		if (t->cols[i].grow > 0 && t->w[i] > 4 &&
		    (widest == t->n || t->w[i] > t->w[widest]))
			widest = i;
	if (widest == t->n)
		return false;
	t->w[widest]--;
	return true;
}

void et_table_fit(struct et_table_fit *t, const struct et_col *cols, unsigned n, unsigned width)
{
	unsigned x = 0;

	assert(n <= ET_TABLE_COLS);
	*t = (struct et_table_fit){ .cols = cols, .n = n };
	for (unsigned i = 0; i < n; i++)
		t->w[i] = cols[i].width;
	while (total(t) > width) {
		unsigned i = least_needed(t);

		if (i == n)
			break;
		t->w[i] = 0;
	}
	while (total(t) > width && shrink(t))
		;
	if (total(t) < width)
		grow(t, width - total(t));
	for (unsigned i = 0; i < n; i++) {
		t->x[i] = x;
		if (t->w[i] > 0)
			x += t->w[i] + GAP;
	}
}

void et_table_text(const struct et_table_fit *t, const struct et_canvas *c, unsigned y,
		   unsigned col, enum et_style style, const char *text)
{
	char cut[512];
	unsigned x = t->x[col], w;

	if (t->w[col] == 0)
		return;
	if (t->cols[col].is_phrase)
		et_cell_cut(cut, sizeof cut, text, t->w[col]);
	else
		et_cell_elide(cut, sizeof cut, text, t->w[col]);
	w = et_cell_width(cut);
	if (t->cols[col].is_right && w < t->w[col])
		x += t->w[col] - w;
	et_cell_text(c, x, y, style, cut);
}

void et_table_textf(const struct et_table_fit *t, const struct et_canvas *c, unsigned y,
		    unsigned col, enum et_style style, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	et_table_text(t, c, y, col, style, text);
}

void et_table_head(const struct et_table_fit *t, const struct et_canvas *c, unsigned y)
{
	for (unsigned i = 0; i < t->n; i++)
		et_table_text(t, c, y, i, ET_STYLE_LABEL, t->cols[i].title);
}
