/* SPDX-License-Identifier: Apache-2.0
 *
 * A pane: one file with one const struct et_pane, one row in et_panes[] (registry.c).  A pane is
 * a pure function of a snapshot, the options and its own cursor.  Layer: tui. */
#ifndef ET_TUI_PANE_H
#define ET_TUI_PANE_H

#include "base/text.h"
#include "engine-top/metric.h"
#include "engine-top/snapshot.h"
#include "tui/cell.h"
#include "tui/list.h"

/* What the toggles say; shared by all panes. */
struct et_pane_opts {
	bool is_cum;     /* cpu: order by cumulative instead of flat */
	bool is_alloc;   /* heap: order by ever allocated instead of in use */
	bool is_objects; /* heap: by number of objects instead of bytes */
	bool shows_self; /* engine-top's own threads too */
};

struct et_pane_state {
	struct et_list_state list;
	unsigned view; /* index into views */
};

struct et_pane_args {
	const struct et_snapshot *snap;
	const struct et_pane_opts *opts;
	struct et_pane_state *st;
	struct et_canvas c; /* below the title */
	bool is_focus;
};

#define ET_PANE_VIEWS 3
struct et_pane {
	const char *name;  /* for --pane */
	const char *title;
	const char *about; /* one sentence for the help */
	const char *views[ET_PANE_VIEWS + 1]; /* names, NULL ends */
	unsigned weight;   /* of its part of a column */
	bool is_wide;      /* needs the whole width where it can have it */
	bool unfolds;      /* Enter shows more of a row; else it zooms */
	/* Rows that it can fill, title included; 0 = any number.  NULL = 0. */
	unsigned (*want)(const struct et_snapshot *snap, const struct et_pane_state *st);
	/* What stands behind the title. */
	void (*caption)(const struct et_pane_args *a, char *buf, size_t n);
	void (*draw)(const struct et_pane_args *a);
};

extern const struct et_pane *const et_panes[];
extern const unsigned et_panes_count;
extern const struct et_pane et_pane_builds, et_pane_cpu, et_pane_heap, et_pane_threads,
	et_pane_pools;

/* ---- what panes share (common.c) ----------------------------------------------------------- */

#define ET_PANE_MARGIN 2 /* columns in front of a row; the cursor's mark stands there */

/* One list of rows under a table head. */
struct et_pane_list {
	const struct et_pane_args *a;
	struct et_canvas c; /* where the rows go */
	struct et_list list;
	struct et_list_ops ops; /* ctx is the et_pane_list's user */
	/* Draw row `ix` on line y; *style is to be used for plain text. */
	void (*row)(const void *ctx, uint32_t ix, uint32_t place, const struct et_canvas *line);
	/* Draw what is unfolded below it, at most the canvas's lines. */
	void (*body)(const void *ctx, uint32_t ix, const struct et_canvas *c);
	const char *empty; /* said when there are no rows */
};

/* Settle the cursor, draw the rows, mark the cursor. */
void et_pane_list_draw(struct et_pane_list *l);

/* "n/a (reason)" */
const char *et_pane_na(char *buf, size_t n, uint32_t na);
/* A line of dim words. */
void et_pane_note(const struct et_canvas *c, unsigned y, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Rounded; held to the range of the type, 0 if it is not a number: figures of a recording may be
 * anything. */
int64_t et_pane_round(double v);
/* Thousands separated: 1,234,567. */
const char *et_pane_thousands(char *buf, size_t n, uint64_t v);

/* "leaf < caller < caller ..."; "(no stack)" without one. */
const char *et_pane_stack(char *buf, size_t n, const struct et_snapshot *snap, uint32_t stack);
/* "file:line", else the module; "" if neither is known. */
const char *et_pane_where(char *buf, size_t n, const struct et_snapshot *snap,
			  const struct et_row_func *func, const struct et_row_frame *frame);
uint32_t et_pane_stack_lines(const struct et_snapshot *snap, uint32_t stack);
/* One line a frame: function and where. */
void et_pane_stack_draw(const struct et_canvas *c, const struct et_snapshot *snap,
			uint32_t stack);
/* Identity of a stack by the names of its functions. */
uint64_t et_pane_stack_id(const struct et_snapshot *snap, uint32_t stack, uint64_t h);

#endif
