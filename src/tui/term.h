/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal: takes grids, gives keys.  Layer: tui.  ui thread only. */
#ifndef ET_TUI_TERM_H
#define ET_TUI_TERM_H

#include "engine-top/err.h"
#include "tui/cell.h"
#include "tui/theme.h"

struct et_term;

/* Can stdin and stdout be one?  -1 and ET_EXIT_INPUT: what is wrong and what to do instead. */
int et_term_check(struct et_err *err);

/* Take the terminal: raw mode, alternate screen, no cursor; given back on a crash.
 * [own] new   [err] NULL and *err */
struct et_term *et_term_open(struct et_err *err);
/* Give it back and free; NULL is allowed. */
void et_term_close(struct et_term *t);

/* Give it back for a while (^Z), and take it again: the next frame is drawn whole. */
void et_term_suspend(struct et_term *t);
void et_term_resume(struct et_term *t);

void et_term_size(const struct et_term *t, unsigned *cols, unsigned *rows);
void et_term_set_theme(struct et_term *t, const struct et_theme *theme);
/* The next frame is drawn whole. */
void et_term_repaint(struct et_term *t);

/* Compare the frame with the screen and write what differs, in one write(2); nothing if nothing
 * does.  What a slow terminal does not take stays pending: draw the next frame when it is gone.
 * 0, or -1: the terminal is gone. */
int et_term_draw(struct et_term *t, const struct et_grid *grid);
bool et_term_is_pending(const struct et_term *t);
int et_term_flush(struct et_term *t);
int et_term_out_fd(const struct et_term *t);
int et_term_in_fd(const struct et_term *t);

/* Read what the person typed.  -1: the terminal is gone. */
int et_term_read(struct et_term *t);
/* The next key of it; false: none, or the beginning of a sequence is there (is_partial). */
bool et_term_key(struct et_term *t, uint32_t *key);
bool et_term_is_partial(const struct et_term *t);
/* Nothing followed in time: an Esc was an Esc.  The next key with what is there. */
bool et_term_final_key(struct et_term *t, uint32_t *key);

#endif
