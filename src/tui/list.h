/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of a table in the order of one number, of which only those on the screen are ever sorted;
 * and the cursor in them, which follows its row when the order changes.  Layer: tui. */
#ifndef ET_TUI_LIST_H
#define ET_TUI_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ET_LIST_HIDDEN INT64_MIN

struct et_list_item {
	int64_t key;
	uint32_t ix; /* row in the table */
};

struct et_list {
	struct et_list_item *items;
	uint32_t n;
};

/* Largest key first, ties by row number.  key() may answer ET_LIST_HIDDEN.  Without memory the
 * list is empty and -1 is returned. */
int et_list_build(struct et_list *l, uint32_t n_rows, int64_t (*key)(const void *ctx, uint32_t ix),
		  const void *ctx);
void et_list_fini(struct et_list *l);

/* Sort places [from, to) so that they hold what a whole sort would put there. */
void et_list_window(struct et_list *l, uint32_t from, uint32_t to);

/* What a pane remembers between two frames. */
struct et_list_state {
	uint32_t cursor, top; /* places in the list */
	uint64_t cursor_id;   /* identity of the row under the cursor; 0 = none yet */
	uint64_t open_id;     /* row that is unfolded; 0 = none */
	bool is_toggled;      /* Enter: fold or unfold the cursor's row with the next frame */
	uint32_t n, n_shown;  /* places at the last frame, and how many of them it showed */
};

struct et_list_ops {
	/* Identity of a row from one snapshot to the next; never 0. */
	uint64_t (*id)(const void *ctx, uint32_t ix);
	/* Further lines of a row when it is unfolded; NULL = none. */
	uint32_t (*unfolded)(const void *ctx, uint32_t ix);
	const void *ctx;
};

/* Move cursor and top so that the cursor's row (and what it unfolds) is on one of `lines`
 * lines, and sort what is shown. */
void et_list_settle(struct et_list *l, struct et_list_state *st, const struct et_list_ops *ops,
		    uint32_t lines);

/* Is the row at this place unfolded? */
bool et_list_is_open(const struct et_list *l, const struct et_list_state *st,
		     const struct et_list_ops *ops, uint32_t place);

/* FNV-1a, for identities. */
uint64_t et_list_hash(uint64_t h, const void *bytes, size_t n);
uint64_t et_list_hash_str(uint64_t h, const char *s);
#define ET_LIST_HASH UINT64_C(0xcbf29ce484222325)

#endif
