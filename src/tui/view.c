/* SPDX-License-Identifier: Apache-2.0
 *
 * The view: what the person did to the screen (focus, cursors, zoom, toggles), and the frame that
 * follows from it and a scene.  Owned by the ui thread, or by the headless renderer's stack.
 * Drawing settles cursors (a list may have become shorter), otherwise a frame depends on nothing
 * but its arguments. */
#include "tui/view.h"

#include <stdio.h>
#include <string.h>

int et_view_pane(const char *name, unsigned *ix, struct et_err *err)
{
	const char *names[ET_LAYOUT_PANES], *near;
	char all[128] = "";

	for (unsigned i = 0; i < et_panes_count; i++) {
		names[i] = et_panes[i]->name;
		if (strcmp(name, names[i]) == 0) {
			*ix = i;
			return 0;
		}
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i > 0 ? ", " : "",
			 names[i]);
	}
	near = et_text_nearest(name, names, et_panes_count);
	if (near != NULL)
		return et_err_set(err, ET_EXIT_INPUT, "unknown pane '%s'; did you mean '%s'?", name,
				  near);
	return et_err_set(err, ET_EXIT_INPUT, "unknown pane '%s'; panes are %s", name, all);
}

/* ---- keys ---------------------------------------------------------------------------------- */

#define FAR (1 << 30) /* rows: to the end of any list */

static void move_cursor(struct et_list_state *st, int64_t by)
{
	int64_t to = (int64_t)st->cursor + by;

	if (to >= (int64_t)st->n)
		to = (int64_t)st->n - 1;
	st->cursor = to < 0 ? 0 : (uint32_t)to;
	st->cursor_id = 0; /* the place was chosen, the row follows from it */
}

static void next_view(struct et_view *v)
{
	struct et_pane_state *st = &v->panes[v->focus];
	const struct et_pane *p = et_panes[v->focus];

	st->view = p->views[st->view + 1] == NULL ? 0 : st->view + 1;
	st->list = (struct et_list_state){ 0 };
	if (p->views[1] == NULL)
		snprintf(v->note, sizeof v->note, "this pane has one view");
	else
		snprintf(v->note, sizeof v->note, "view: %s", p->views[st->view]);
}

static void toggle(struct et_view *v, bool *flag, const char *on, const char *off)
{
	*flag = !*flag;
	snprintf(v->note, sizeof v->note, "%s", *flag ? on : off);
}

/* Which row is under the cursor is known when the frame is drawn: several keys may come before. */
static void open_row(struct et_view *v)
{
	if (et_panes[v->focus]->unfolds)
		v->panes[v->focus].list.is_toggled = !v->panes[v->focus].list.is_toggled;
	else
		v->is_zoomed = !v->is_zoomed;
}

static void go_back(struct et_view *v)
{
	if (v->has_help)
		v->has_help = false;
	else if (v->panes[v->focus].list.open_id != 0)
		v->panes[v->focus].list.open_id = 0;
	else
		v->is_zoomed = false;
}

/* Where the help ends is known when it is drawn. */
static void scroll_help(struct et_view *v, int by)
{
	int64_t to = (int64_t)v->help_top + by;

	v->help_top = to < 0 ? 0 : to > FAR ? FAR : (unsigned)to;
}

static bool move(struct et_view *v, enum et_action action)
{
	struct et_list_state *st = &v->panes[v->focus].list;
	int by;

	switch (action) {
	case ET_ACT_UP: by = -1; break;
	case ET_ACT_DOWN: by = 1; break;
	case ET_ACT_PAGE_UP: by = -10; break;
	case ET_ACT_PAGE_DOWN: by = 10; break;
	case ET_ACT_TOP: by = -FAR; break;
	case ET_ACT_BOTTOM: by = FAR; break;
	default: return false;
	}
	if (v->has_help)
		scroll_help(v, by);
	else
		move_cursor(st, by);
	return true;
}

static bool change(struct et_view *v, enum et_action action, uint32_t key)
{
	unsigned n = et_panes_count;

	switch (action) {
	case ET_ACT_HELP: v->has_help = !v->has_help; v->help_top = 0; break;
	case ET_ACT_NEXT_PANE: v->focus = (v->focus + 1) % n; break;
	case ET_ACT_PREV_PANE: v->focus = (v->focus + n - 1) % n; break;
	case ET_ACT_PANE_NUMBER:
		if (key - '1' >= n)
			return false;
		v->focus = key - '1';
		break;
	case ET_ACT_ZOOM: v->is_zoomed = !v->is_zoomed; break;
	case ET_ACT_OPEN: open_row(v); break;
	case ET_ACT_BACK: go_back(v); break;
	case ET_ACT_VIEW: next_view(v); break;
	case ET_ACT_CUM: toggle(v, &v->opts.is_cum, "CPU ordered by cum: in a function or below it",
				"CPU ordered by flat: in the function itself"); break;
	case ET_ACT_ALLOC: toggle(v, &v->opts.is_alloc, "heap ordered by what was ever allocated",
				  "heap ordered by what is in use"); break;
	case ET_ACT_OBJECTS: toggle(v, &v->opts.is_objects, "heap ordered by objects",
				    "heap ordered by bytes"); break;
	case ET_ACT_OWN: toggle(v, &v->opts.shows_self, "engine-top's own threads are shown",
				"engine-top's own threads are hidden"); break;
	default: return false;
	}
	return true;
}

enum et_effect et_view_key(struct et_view *v, uint32_t key, unsigned mode, enum et_action *action)
{
	bool had_note = v->note[0] != '\0';

	*action = et_input_action(key, mode);
	if (*action == ET_ACT_NONE)
		return ET_EFFECT_NONE;
	v->note[0] = '\0';
	if (move(v, *action) || change(v, *action, key))
		return ET_EFFECT_DRAW;
	if (*action == ET_ACT_PANE_NUMBER)
		return had_note ? ET_EFFECT_DRAW : ET_EFFECT_NONE;
	return ET_EFFECT_ACTION;
}

/* ---- drawing ------------------------------------------------------------------------------- */

/* Heavy rule and the mark say which pane has the focus, also without colours. */
static void draw_title(const struct et_canvas *c, unsigned number, const struct et_pane *pane,
		       const char *caption, bool is_focus, const struct et_list_state *list)
{
	enum et_style border = is_focus ? ET_STYLE_BORDER_FOCUS : ET_STYLE_BORDER;
	uint32_t rule = is_focus ? 0x2501 : 0x2500;
	char cut[256], rows[64] = "";
	unsigned x = 1, room;

	if (list->n_shown < list->n) /* what is not on the screen is said */
		snprintf(rows, sizeof rows, " %u-%u of %u ", list->top + 1, list->top + list->n_shown,
			 list->n);
	et_cell_run(c, 0, 0, c->r.w, border, rule);
	x += et_cell_textf(c, x, 0, is_focus ? ET_STYLE_TITLE_FOCUS : ET_STYLE_TITLE, " %u %s ",
			   number + 1, pane->title);
	room = c->r.w > et_cell_width(rows) + 1 ? c->r.w - et_cell_width(rows) - 1 : 0;
	if (caption[0] != '\0' && x + 8 < room) {
		x += et_cell_text(c, x, 0, border, is_focus ? "\u2501 " : "\u2500 ");
		et_cell_cut(cut, sizeof cut, caption, room - x - 2);
		x += et_cell_text(c, x, 0, ET_STYLE_DIM, cut);
		x += et_cell_text(c, x, 0, border, " ");
	}
	if (x < room)
		et_cell_text(c, room, 0, ET_STYLE_DIM, rows);
}

static void draw_pane(struct et_view *v, const struct et_scene *scene, unsigned ix,
		      const struct et_canvas *c)
{
	const struct et_pane *pane = et_panes[ix];
	struct et_pane_args a = { .snap = scene->snap, .opts = &v->opts, .st = &v->panes[ix],
				  .c = et_cell_sub(c, 0, 1, c->r.w, c->r.h),
				  .is_focus = ix == v->focus };
	char caption[200] = "";

	pane->caption(&a, caption, sizeof caption);
	pane->draw(&a);
	draw_title(c, ix, pane, caption, a.is_focus, &a.st->list);
}

/* The newest error, else the newest warning; false if there is neither. */
static bool newest_message(const struct et_snapshot *snap, struct et_row_message *out)
{
	struct et_row_message m;
	bool found = false;

	for (uint32_t i = 0; et_snapshot_get(snap, ET_TAB_MESSAGES, i, &m, sizeof m); i++)
		if (m.severity != ET_SEV_INFO && (!found || m.severity >= out->severity)) {
			*out = m;
			found = true;
		}
	return found;
}

/* Why recording failed, or NULL: the header has no room for it on most screens. */
static const char *record_error(const struct et_scene *scene)
{
	return scene->rec != NULL && scene->rec->is_failed ? scene->rec->error : NULL;
}

static void draw_message(const struct et_view *v, const struct et_scene *scene,
			 const struct et_canvas *c)
{
	char at[ET_NUM], text[512], cut[512];
	struct et_row_message m;

	if (c->r.h == 0 || c->r.w < 3)
		return;
	if (v->note[0] != '\0') {
		et_cell_text(c, 1, 0, ET_STYLE_STRONG,
			     et_cell_cut(cut, sizeof cut, v->note, c->r.w - 2));
		return;
	}
	if (record_error(scene) != NULL) {
		et_cell_text(c, 1, 0, ET_STYLE_BAD,
			     et_cell_cut(cut, sizeof cut, record_error(scene), c->r.w - 2));
		return;
	}
	if (!newest_message(scene->snap, &m))
		return;
	snprintf(text, sizeof text, "%s %s %s", m.severity == ET_SEV_ERROR ? "error" : "warning",
		 et_text_clock(at, sizeof at, m.t_ns), et_snapshot_str(scene->snap, m.text));
	et_cell_text(c, 1, 0, m.severity == ET_SEV_ERROR ? ET_STYLE_BAD : ET_STYLE_WARN,
		     et_cell_cut(cut, sizeof cut, text, c->r.w - 2));
}

static void compute_layout(const struct et_view *v, const struct et_scene *scene,
			   const struct et_grid *grid, struct et_layout *out)
{
	struct et_slot slots[ET_LAYOUT_PANES];
	struct et_row_message m;

	for (unsigned i = 0; i < et_panes_count; i++)
		slots[i] = (struct et_slot){
			.weight = et_panes[i]->weight,
			.is_wide = et_panes[i]->is_wide,
			.want = et_panes[i]->want == NULL ? 0
							  : et_panes[i]->want(scene->snap, &v->panes[i]),
		};
	et_layout_compute(out, grid->cols, grid->rows, slots, et_panes_count, v->focus, v->is_zoomed,
			  v->note[0] != '\0' || record_error(scene) != NULL ||
				  newest_message(scene->snap, &m));
}

static struct et_canvas in_rect(struct et_grid *grid, struct et_rect r)
{
	return (struct et_canvas){ .grid = grid, .r = r };
}

static void draw_waiting(const struct et_scene *scene, struct et_grid *grid)
{
	struct et_canvas c = et_cell_canvas(grid);

	et_cell_textf(&c, 1, 0, ET_STYLE_DIM, "engine-top  %s  waiting for the first snapshot",
		      scene->label == NULL ? "" : scene->label);
}

void et_view_draw(struct et_view *v, const struct et_scene *scene, struct et_grid *grid)
{
	unsigned mode = scene->replay != NULL ? ET_MODE_REPLAY : ET_MODE_LIVE;
	struct et_layout l;
	struct et_canvas c;

	if (scene->snap == NULL) {
		draw_waiting(scene, grid);
		return;
	}
	compute_layout(v, scene, grid, &l);
	c = in_rect(grid, l.header);
	if (l.regime == ET_REGIME_LINE) {
		et_header_line(&c, scene);
		return;
	}
	et_header_draw(&c, scene);
	for (unsigned i = 0; i < et_panes_count; i++) {
		c = in_rect(grid, l.pane[i]);
		if (c.r.h > 0)
			draw_pane(v, scene, i, &c);
	}
	c = in_rect(grid, l.message);
	draw_message(v, scene, &c);
	c = in_rect(grid, l.keys);
	et_help_keys(&c, et_panes[v->focus], mode);
	if (!v->has_help)
		return;
	c = et_cell_canvas(grid);
	c = et_cell_sub(&c, 0, 1, grid->cols, grid->rows - 2);
	et_help_draw(v, &c, mode);
}
