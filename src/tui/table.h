/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of a table that fit any width: the least important ones are dropped, names get what is
 * left over and are cut in the middle.  Layer: tui. */
#ifndef ET_TUI_TABLE_H
#define ET_TUI_TABLE_H

#include "tui/cell.h"

#define ET_TABLE_COLS 12

struct et_col {
	const char *title;
	uint8_t width;     /* least columns it needs */
	uint8_t priority;  /* 0 = never dropped; the largest is dropped first */
	bool is_right;     /* numbers */
	bool is_phrase;    /* cut at its end instead of in the middle */
	uint8_t grow;      /* part of the spare width; 0 = fixed */
	uint8_t most;      /* width it may grow to; 0 = any */
};

struct et_table_fit {
	const struct et_col *cols;
	unsigned n;
	unsigned x[ET_TABLE_COLS], w[ET_TABLE_COLS]; /* w = 0: dropped */
};

/* (The table's name is taken by the snapshot.) */
void et_table_fit(struct et_table_fit *t, const struct et_col *cols, unsigned n, unsigned width);
void et_table_head(const struct et_table_fit *t, const struct et_canvas *c, unsigned y);
/* Text in one cell of the table, aligned and elided. */
void et_table_text(const struct et_table_fit *t, const struct et_canvas *c, unsigned y,
		   unsigned col, enum et_style style, const char *text);
void et_table_textf(const struct et_table_fit *t, const struct et_canvas *c, unsigned y,
		    unsigned col, enum et_style style, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

#endif
