/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole screen as a pure function: every size, every pane, hostile names, the same bytes
 * again; and what keys do to it. */
#include "tap.h"

#include "fixture.h"
#include "tui/view.h"

static struct et_view view;
static struct et_grid grid;

static char *draw(const struct et_snapshot *snap, unsigned cols, unsigned rows)
{
	struct et_scene scene = { .snap = snap, .label = "quickstart" };

	et_cell_resize(&grid, cols, rows);
	et_view_draw(&view, &scene, &grid);
	return et_cell_dump(&grid);
}

static enum et_effect press(uint32_t key)
{
	enum et_action action;

	return et_view_key(&view, key, ET_MODE_LIVE, &action);
}

/* Lines fit, and no byte can act on a terminal. */
static int is_clean(const char *text, unsigned cols, unsigned rows)
{
	unsigned n = 0;

	while (*text != '\0') {
		const char *end = strchr(text, '\n');
		char line[4096];

		snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
		if (et_cell_width(line) > cols)
			return 0;
		for (const char *p = line; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				return 0;
		n++;
		text = end + 1;
	}
	return n == rows;
}

static void t_every_size(void)
{
	static const enum fixture_kind kinds[] = { FIXTURE_RICH, FIXTURE_NA, FIXTURE_EMPTY };
	unsigned n_bad = 0, n_differ = 0, n = 0;

	for (int k = 0; k < 3; k++) {
		const struct et_snapshot *snap = fixture_snap(kinds[k], 11, 20);

		for (unsigned cols = 1; cols <= 240; cols += cols < 30 ? 1 : 17)
			for (unsigned rows = 1; rows <= 80; rows += rows < 8 ? 1 : 11) {
				const char *pane = n % 3 == 0 ? NULL : et_panes[n % 5]->name;
				char *one = et_app_render(snap, NULL, "x\x1b[2J", cols, rows, pane, NULL);
				char *two = et_app_render(snap, NULL, "x\x1b[2J", cols, rows, pane, NULL);

				n++;
				n_bad += !is_clean(one, cols, rows);
				n_differ += strcmp(one, two) != 0;
				free(one);
				free(two);
			}
		et_snapshot_unref(snap);
	}
	ET_IS_INT(n_bad, 0, "every size and pane: lines fit and are harmless");
	ET_IS_INT(n_differ, 0, "the same bytes again");
	ET_OK(n > 700, "%u screens", n);
}

static void t_render_errors(void)
{
	const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, 3, 0);
	struct et_err err = { 0 };

	ET_OK(et_app_render(snap, NULL, "x", 80, 24, "heep", &err) == NULL, "an unknown pane");
	ET_IS_STR(err.msg, "unknown pane 'heep'; did you mean 'heap'?", "the nearest is suggested");
	et_err_clear(&err);
	ET_OK(et_app_render(snap, NULL, "x", 0, 24, NULL, &err) == NULL &&
	      err.code == ET_EXIT_INPUT, "a screen without columns: %s", err.msg);
	et_snapshot_unref(snap);
}

static int has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void expect(const struct et_snapshot *snap, const char *part, int is_there, const char *what)
{
	char *text = draw(snap, 120, 40);

	ET_OK(has(text, part) == is_there, "%s", what);
	free(text);
}

static void t_keys(void)
{
	const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, 11, 0);

	view = (struct et_view){ 0 };
	expect(snap, "\u2501 1 Builds", 1, "the first pane has the focus");
	ET_IS_INT(press('3'), ET_EFFECT_DRAW, "a digit chooses a pane");
	expect(snap, "\u2501 3 Heap", 1, "the heavy rule moved");
	ET_IS_INT(press('9'), ET_EFFECT_NONE, "there is no ninth pane");
	press(ET_KEY_TAB);
	ET_IS_INT(view.focus, 3, "Tab goes on");
	press(ET_KEY_BACKTAB);
	press(ET_KEY_BACKTAB);
	ET_IS_INT(view.focus, 1, "Shift-Tab back");
	expect(snap, "2 CPU \u2501 by flat", 1, "by flat first");
	press('c');
	expect(snap, "2 CPU \u2501 by cum", 1, "c orders by cum");
	press('z');
	expect(snap, "3 Heap", 0, "z hides the others");
	press(ET_KEY_ESC);
	expect(snap, "3 Heap", 1, "Esc shows them again");
	press('?');
	expect(snap, "\u2500 Help \u2500", 1, "? shows the help");
	for (int round = 0; round < 2; round++) {
		char *text;
		uint32_t before = view.panes[view.focus].list.cursor;

		for (int i = 0; i < 9; i++)
			press(ET_KEY_END);
		text = draw(snap, 80, 20);
		ET_OK(has(text, "suspend; fg comes back"), "End: the end of the help");
		free(text);
		press(round == 0 ? 'g' : ET_KEY_HOME);
		text = draw(snap, 80, 20);
		ET_OK(has(text, "quit (also Q"), "and its beginning again");
		free(text);
		ET_IS_INT(view.panes[view.focus].list.cursor, before, "the list below did not move");
	}
	press(ET_KEY_ESC);
	expect(snap, "\u2500 Help \u2500", 0, "Esc closes it");
	press('4');
	expect(snap, "(own)", 0, "own threads are hidden");
	press('O');
	expect(snap, "(own)", 1, "O shows them");
	press('v');
	press('z');
	expect(snap, "et-collect", 1, "v: one by one");
	ET_IS_INT(press('T'), ET_EFFECT_ACTION, "T is for the caller");
	ET_IS_INT(press(ET_KEY_NONE), ET_EFFECT_NONE, "noise draws nothing");
	et_snapshot_unref(snap);
}

static void t_unfold(void)
{
	const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, 11, 0);

	view = (struct et_view){ 0 };
	expect(snap, "rounds", 0, "builds are folded");
	press('j');
	press('j');
	press(ET_KEY_ENTER); /* before any frame could be drawn */
	expect(snap, "rounds", 1, "Enter unfolds the third row");
	ET_IS_INT(view.panes[0].list.cursor, 2, "where the cursor is");
	press(ET_KEY_ESC);
	expect(snap, "rounds", 0, "Esc folds");
	press('2');
	press(ET_KEY_ENTER);
	expect(snap, "pthread_create.c:451", 1, "a function unfolds its hottest stack to the root");
	press(ET_KEY_ENTER);
	expect(snap, "pthread_create.c:451", 0, "and folds again");
	press('G');
	expect(snap, "\u203a", 1, "the cursor's mark is there at the end of the list");
	view = (struct et_view){ 0 };
	expect(snap, "it needs 'broken', which failed", 1, "why a target was skipped");
	press('z');
	for (int i = 0; i < 3; i++)
		press('j');
	press(ET_KEY_ENTER);
	expect(snap, "broken-\\x1b[31mred\\x1b]0;title\\x07", 1, "Enter: its whole name");
	for (unsigned cols = 40; cols <= 80; cols += 40) {
		char *text = draw(snap, cols, 24);

		ET_OK(has(text, " of)"), "%u columns: an error is read to its end", cols);
		free(text);
	}
	view = (struct et_view){ 0 };
	press('5');
	press(ET_KEY_ENTER);
	expect(snap, "1 Builds", 0, "where nothing unfolds, Enter zooms");
	et_snapshot_unref(snap);
}

/* The order changes from frame to frame: the cursor stays on its function. */
static void t_follow(void)
{
	const struct et_snapshot *first = fixture_snap(FIXTURE_RICH, 4, 0);
	char *text;
	unsigned n_lost = 0;

	view = (struct et_view){ .focus = 1, .panes[1].list.cursor = 5 };
	text = draw(first, 120, 40);
	free(text);
	for (unsigned frame = 5; frame < 40; frame++) {
		const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, frame, 0);
		uint64_t id = view.panes[1].list.cursor_id;

		text = draw(snap, 120, 40);
		n_lost += view.panes[1].list.cursor_id != id;
		free(text);
		et_snapshot_unref(snap);
	}
	ET_IS_INT(n_lost, 0, "35 frames on, the cursor is on the same function");
	et_snapshot_unref(first);
}

static void t_fuzz(void)
{
	static const uint32_t keys[] = { 'j', 'k', 'G', 'g', 'z', 'v', 'c', 'a', 'o', 'O', '?', '1',
		'2', '3', '4', '5', ET_KEY_TAB, ET_KEY_ENTER, ET_KEY_ESC, ET_KEY_PGDN, ET_KEY_PGUP };
	const struct et_snapshot *snaps[4] = {
		fixture_snap(FIXTURE_RICH, 3, 0), fixture_snap(FIXTURE_RICH, 30, 0),
		fixture_snap(FIXTURE_NA, 9, 0), fixture_snap(FIXTURE_EMPTY, 0, 0),
	};
	unsigned seed = 4, n_bad = 0;

	view = (struct et_view){ 0 };
	for (int i = 0; i < 4000; i++) {
		unsigned cols, rows;
		char *text;

		seed = seed * 1103515245u + 12345u;
		press(keys[(seed >> 16) % (sizeof keys / sizeof keys[0])]);
		cols = 1 + (seed >> 8) % 140;
		rows = 1 + (seed >> 12) % 45;
		text = draw(snaps[(seed >> 20) % 4], cols, rows);
		n_bad += !is_clean(text, cols, rows);
		free(text);
	}
	ET_IS_INT(n_bad, 0, "4,000 random keys on changing sizes and snapshots");
	for (int i = 0; i < 4; i++)
		et_snapshot_unref(snaps[i]);
}

/* A recording that somebody damaged: bytes of the rows are anything, the frame is still sound. */
static void t_damaged(void)
{
	const struct et_snapshot *good = fixture_snap(FIXTURE_RICH, 11, 0);
	size_t n = good->total_bytes;
	uint64_t *bytes = malloc(n);
	unsigned seed = 11, n_bad = 0, n_drawn = 0;

	for (int round = 0; round < 1000; round++) {
		const struct et_snapshot *snap;

		memcpy(bytes, good, n);
		for (int i = 0; i < 40; i++) {
			seed = seed * 1103515245u + 12345u;
			((unsigned char *)bytes)[48 + (seed >> 4) % (n - 48)] =
				(unsigned char)(i % 3 == 0 ? 0xff : seed >> 24);
		}
		if (et_snapshot_check(bytes, n, NULL) != 0)
			continue;
		snap = et_snapshot_copy(bytes, n);
		for (unsigned pane = 0; pane < 6; pane++) {
			char *text = et_app_render(snap, NULL, "x", 100, 40,
						   pane < 5 ? et_panes[pane]->name : NULL, NULL);

			n_drawn++;
			n_bad += !is_clean(text, 100, 40);
			free(text);
		}
		et_snapshot_unref(snap);
	}
	free(bytes);
	ET_IS_INT(n_bad, 0, "screens of damaged snapshots are harmless");
	ET_OK(n_drawn > 500, "%u of them", n_drawn);
	et_snapshot_unref(good);
}

static void t_states(void)
{
	const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, 19, 20);
	struct et_position at = { .frame = 19, .n_frames = 20, .t_ns = 5000000000, .end_ns = 5000000000 };
	struct et_app_rec rec = { .is_on = true, .frames = 12, .bytes = 4096, .path = "a/b/x.etr" };
	struct et_scene scenes[] = {
		{ .snap = snap, .label = "p", .is_paused = true, .n_behind = 7, .behind_ns = 1750000000 },
		{ .snap = snap, .label = "p", .replay = &at },
		{ .snap = snap, .label = "p", .rec = &rec },
		{ .label = "p" },
	};
	static const char *const want[] = { "PAUSED 1.75s behind, 7 newer", "REPLAY stopped frame 20 "
		"of 20, 00:00:05 of 00:00:05", "REC x.etr 12 frames 4.00K", "waiting for the first" };

	for (int i = 0; i < 4; i++) {
		char *text;

		view = (struct et_view){ 0 };
		et_cell_resize(&grid, 120, 40);
		et_view_draw(&view, &scenes[i], &grid);
		text = et_cell_dump(&grid);
		ET_OK(has(text, want[i]), "%s", want[i]);
		free(text);
	}
	et_snapshot_unref(snap);
	rec = (struct et_app_rec){ .is_failed = true, .path = "a/b/x.etr",
				   .error = "cannot record to 'a/b/x.etr': No space left on device" };
	for (unsigned cols = 80; cols <= 200; cols += 60) {
		char *text;

		snap = fixture_snap(FIXTURE_EMPTY, 0, 0); /* no other message */
		scenes[2].snap = snap;
		view = (struct et_view){ 0 };
		et_cell_resize(&grid, cols, 24);
		et_view_draw(&view, &scenes[2], &grid);
		text = et_cell_dump(&grid);
		ET_OK(has(text, "REC FAILED") && has(text, "No space left on device"),
		      "%u columns: why recording failed", cols);
		free(text);
		et_snapshot_unref(snap);
	}
}

/* What stands in the header and where does not depend on the numbers of the moment. */
static void t_header_is_still(void)
{
	unsigned n_moved = 0, n_long = 0;
	char labels[1000] = "";

	view = (struct et_view){ 0 };
	for (unsigned frame = 4; frame < 40; frame++) {
		const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, frame, 0);
		char *text = draw(snap, 120, 40), *line = strchr(text, '\n') + 1;
		char now[1000] = "";

		*strchr(line, '\n') = '\0';
		n_long += et_cell_width(line) > 119;
		for (char *p = line; *p != '\0'; p++)
			if (strncmp(p, "CPU", 3) == 0 || strncmp(p, "HEAP", 4) == 0 ||
			    strncmp(p, "RSS", 3) == 0 || strncmp(p, "peak", 4) == 0 ||
			    strncmp(p, "THREADS", 7) == 0) {
				char c = *p;

				*p = '\0';
				snprintf(now + strlen(now), sizeof now - strlen(now), "%c%u ", c,
					 et_cell_width(line));
				*p = c;
			}
		n_moved += labels[0] != '\0' && strcmp(labels, now) != 0;
		snprintf(labels, sizeof labels, "%s", now);
		free(text);
		et_snapshot_unref(snap);
	}
	ET_OK(n_moved == 0, "the labels of 36 frames stay where they are: %s", labels);
	ET_IS_INT(n_long, 0, "none is cut");
}

static void t_line(void)
{
	const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, 11, 0);
	char *text = draw(snap, 10, 3);

	ET_OK(strncmp(text, "CPU 1", 5) == 0 && !has(text, "H"), "10x3: words are whole: %.8s", text);
	free(text);
	et_snapshot_unref(snap);
}

int main(void)
{
	t_every_size();
	t_render_errors();
	t_keys();
	t_unfold();
	t_follow();
	t_fuzz();
	t_damaged();
	t_states();
	t_header_is_still();
	t_line();
	et_cell_fini(&grid);
	return tap_done();
}
