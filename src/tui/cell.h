/* SPDX-License-Identifier: Apache-2.0
 *
 * The screen as a grid of cells: what every widget draws into, what the terminal and the
 * headless renderer read.  A cell says what it means (a style), not how it looks; themes decide
 * that.  Layer: tui.  Pure memory; any thread. */
#ifndef ET_TUI_CELL_H
#define ET_TUI_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The 24 semantic roles of a theme (names: theme.c). */
enum et_style {
	ET_STYLE_TEXT = 0,
	ET_STYLE_DIM,          /* units, rules, what may be overlooked */
	ET_STYLE_STRONG,       /* the number a line is about */
	ET_STYLE_TITLE,
	ET_STYLE_TITLE_FOCUS,
	ET_STYLE_BORDER,
	ET_STYLE_BORDER_FOCUS,
	ET_STYLE_HEADER,       /* first line: program and label */
	ET_STYLE_LABEL,        /* words that name a number; heads of tables */
	ET_STYLE_LIVE,
	ET_STYLE_PAUSED,
	ET_STYLE_REPLAY,
	ET_STYLE_GOOD,
	ET_STYLE_WARN,
	ET_STYLE_BAD,
	ET_STYLE_CURSOR,
	ET_STYLE_KEY,
	ET_STYLE_PROGRESS,
	ET_STYLE_SPARK,
	ET_STYLE_CPU,
	ET_STYLE_LIBC,         /* memory from malloc; the malloc arm of an experiment */
	ET_STYLE_POOL,
	ET_STYLE_MMAP,
	ET_STYLE_WAIT,         /* threads that do not run */
	ET_STYLE_COUNT
};

struct et_cell {
	uint32_t cp;   /* code point; ' ' when empty */
	uint32_t mark; /* one combining character on top of it, or 0 */
	uint8_t style; /* enum et_style */
	uint8_t width; /* 1, 2; 0 = right half of the wide character before it */
};

struct et_rect {
	unsigned x, y, w, h;
};

struct et_grid {
	unsigned cols, rows;
	struct et_cell *cells; /* rows x cols */
};

/* A window on a grid: coordinates are relative to it, what lies outside is cut. */
struct et_canvas {
	struct et_grid *grid;
	struct et_rect r;
};

/* Make it cols x rows, all blank.  0, or -1 without memory (the grid is then empty).  Start from
 * a zeroed struct; call again to resize. */
int et_cell_resize(struct et_grid *g, unsigned cols, unsigned rows);
void et_cell_fini(struct et_grid *g);

struct et_canvas et_cell_canvas(struct et_grid *g);
/* The part of `c` inside x, y, w, h. */
struct et_canvas et_cell_sub(const struct et_canvas *c, unsigned x, unsigned y, unsigned w,
			     unsigned h);

/* Draw text from any source at x, y: hazards are escaped as et_text_safe() does it, wide
 * characters take two cells, combining ones join the cell before.  Returns the columns taken. */
unsigned et_cell_text(const struct et_canvas *c, unsigned x, unsigned y, enum et_style style,
		      const char *text);
unsigned et_cell_textf(const struct et_canvas *c, unsigned x, unsigned y, enum et_style style,
		       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Draw text over the lines of `c` from y on, broken at blanks, and inside of words that are longer
 * than a line.  Returns the line behind it, also if that lies below the canvas: on one of no
 * height it only counts. */
unsigned et_cell_wrap(const struct et_canvas *c, unsigned y, enum et_style style,
		      const char *text);
/* One glyph of ours (a box or block character), `n` times to the right. */
void et_cell_run(const struct et_canvas *c, unsigned x, unsigned y, unsigned n,
		 enum et_style style, uint32_t cp);
/* Blank the whole canvas. */
void et_cell_blank(const struct et_canvas *c, enum et_style style);
/* Change only the style of n cells. */
void et_cell_restyle(const struct et_canvas *c, unsigned x, unsigned y, unsigned n,
		     enum et_style style);

/* Columns that et_cell_text() would take. */
unsigned et_cell_width(const char *text);
/* Columns of one character: 0, 1 or 2; -1 if it cannot be drawn. */
int et_cell_cp_width(uint32_t cp);
/* Copy `text`, escaped, cut in the middle with an ellipsis to at most `cols` columns: names
 * differ at their ends.  Returns dst. */
const char *et_cell_elide(char *dst, size_t n, const char *text, unsigned cols);

/* The same, cut at the end: for sentences and stacks, whose beginning matters most. */
const char *et_cell_cut(char *dst, size_t n, const char *text, unsigned cols);

/* What stands for `cp` where the terminal cannot show it: level 1 has the glyphs of a Linux
 * console font, level 2 only ASCII.  Level 0 returns cp. */
uint32_t et_cell_fallback(uint32_t cp, int level);

/* The grid as UTF-8 lines, trailing blanks cut; malloc'ed, NULL without memory. */
char *et_cell_dump(const struct et_grid *g);

#endif
