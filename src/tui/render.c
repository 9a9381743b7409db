/* SPDX-License-Identifier: Apache-2.0
 *
 * One frame as text, without a terminal: `replay --screen`, golden tests.  The same view code as
 * on a terminal, on a view that nobody has touched. */
#include <stdlib.h>

#include "tui/view.h"

#define COLS_MAX 2000u /* a frame of 2000 x 2000 is 64 MB of cells: enough, and bounded */

char *et_app_render(const struct et_snapshot *snap, const struct et_position *replay,
		    const char *label, unsigned cols, unsigned rows, const char *pane,
		    struct et_err *err)
{
	struct et_scene scene = { .snap = snap, .replay = replay, .label = label };
	struct et_view view = { 0 };
	struct et_grid grid = { 0 };
	char *text = NULL;

	if (pane != NULL) {
		if (et_view_pane(pane, &view.focus, err) != 0)
			return NULL;
		view.is_zoomed = true;
	}
	if (cols == 0 || rows == 0 || cols > COLS_MAX || rows > COLS_MAX) {
		et_err_set(err, ET_EXIT_INPUT, "screen of %ux%u; it must be between 1x1 and %ux%u",
			   cols, rows, COLS_MAX, COLS_MAX);
		return NULL;
	}
	if (et_cell_resize(&grid, cols, rows) == 0) {
		et_view_draw(&view, &scene, &grid);
		text = et_cell_dump(&grid);
	}
	if (text == NULL)
		et_err_set(err, ET_EXIT_LACK, "out of memory for a screen of %ux%u", cols, rows);
	et_cell_fini(&grid);
	return text;
}
