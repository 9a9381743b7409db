/* SPDX-License-Identifier: Apache-2.0
 *
 * The screen as a state machine: keys change the view, a view and a scene make a frame.  No
 * terminal, no clock.  Layer: tui. */
#ifndef ET_TUI_VIEW_H
#define ET_TUI_VIEW_H

#include "engine-top/source.h"
#include "tui/app.h"
#include "tui/input.h"
#include "tui/layout.h"
#include "tui/pane/pane.h"

/* Everything that a frame shows besides what the person did. */
struct et_scene {
	const struct et_snapshot *snap;    /* NULL: nothing has come yet */
	const struct et_position *replay;  /* NULL: live */
	const struct et_app_rec *rec;      /* NULL: not recording */
	const char *label;
	bool is_paused;
	uint64_t n_behind;                 /* paused: newer snapshots not shown ... */
	int64_t behind_ns;                 /* ... and how much later the newest is */
};

struct et_view {
	unsigned focus;
	bool is_zoomed, has_help;
	unsigned help_top;
	struct et_pane_opts opts;
	struct et_pane_state panes[ET_LAYOUT_PANES];
	char note[256]; /* answer to the last key; gone with the next one */
};

/* What a key asks of the world outside the view. */
enum et_effect {
	ET_EFFECT_NONE,    /* nothing changed */
	ET_EFFECT_DRAW,    /* the view changed */
	ET_EFFECT_ACTION,  /* *action is for the caller */
};
enum et_effect et_view_key(struct et_view *v, uint32_t key, unsigned mode,
			   enum et_action *action);

/* Draw a whole frame; settles the cursors of the panes shown. */
void et_view_draw(struct et_view *v, const struct et_scene *scene, struct et_grid *grid);

/* The parts (header.c, help.c). */
void et_header_draw(const struct et_canvas *c, const struct et_scene *scene);
void et_header_line(const struct et_canvas *c, const struct et_scene *scene);
void et_help_draw(struct et_view *v, const struct et_canvas *c, unsigned mode);
void et_help_keys(const struct et_canvas *c, const struct et_pane *pane, unsigned mode);

/* Index of the pane with this name; -1 and *err with the nearest name. */
int et_view_pane(const char *name, unsigned *ix, struct et_err *err);

#endif
