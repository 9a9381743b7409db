/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the panes stand on a screen of any size.  Pure arithmetic.  Layer: tui. */
#ifndef ET_TUI_LAYOUT_H
#define ET_TUI_LAYOUT_H

#include "tui/cell.h"

#define ET_LAYOUT_PANES 8

/* What one pane asks for. */
struct et_slot {
	unsigned weight; /* its part of the spare rows */
	unsigned want;   /* rows that it can fill, title included; 0 = any number */
	bool is_wide;    /* where there are columns, it spans them all, below them */
};

enum et_regime {
	ET_REGIME_LINE,   /* one line of words */
	ET_REGIME_SINGLE, /* header and one pane */
	ET_REGIME_GRID,   /* all panes */
};

struct et_layout {
	enum et_regime regime;
	struct et_rect header, message, keys;
	struct et_rect pane[ET_LAYOUT_PANES]; /* h = 0: not shown */
};

/* focus: index of the pane that gets more room.  zoom: it gets all the room.  has_message: keep
 * a line for a message. */
void et_layout_compute(struct et_layout *out, unsigned cols, unsigned rows,
		       const struct et_slot *slots, unsigned n, unsigned focus, bool is_zoomed,
		       bool has_message);

#endif
