/* SPDX-License-Identifier: Apache-2.0
 *
 * Print one frame of the fixture as text, for the golden screens and for looking at:
 *
 *   screen KIND FRAME COLSxROWS [live|replay] [PANE]      KIND: rich, na, empty
 */
#include "fixture.h"

#include "tui/app.h"

#define N_FRAMES 40u

static enum fixture_kind kind_of(const char *name)
{
	return strcmp(name, "na") == 0 ? FIXTURE_NA : strcmp(name, "empty") == 0 ? FIXTURE_EMPTY
										  : FIXTURE_RICH;
}

int main(int argc, char **argv)
{
	struct et_position at = { .n_frames = N_FRAMES, .end_ns = N_FRAMES * FIXTURE_STEP_NS };
	const struct et_snapshot *snap;
	struct et_err err = { 0 };
	unsigned frame, cols, rows;
	char *text;

	if (argc < 4 || sscanf(argv[3], "%ux%u", &cols, &rows) != 2) {
		fprintf(stderr, "usage: screen KIND FRAME COLSxROWS [live|replay] [PANE]\n");
		return ET_EXIT_INPUT;
	}
	frame = (unsigned)atoi(argv[2]);
	snap = fixture_snap(kind_of(argv[1]), frame, N_FRAMES);
	if (snap == NULL)
		return ET_EXIT_LACK;
	at.frame = frame;
	at.t_ns = snap->t_ns;
	text = et_app_render(snap, argc > 4 && strcmp(argv[4], "replay") == 0 ? &at : NULL,
			     "quickstart", cols, rows, argc > 5 ? argv[5] : NULL, &err);
	et_snapshot_unref(snap);
	if (text == NULL) {
		fprintf(stderr, "screen: %s\n", err.msg);
		return (int)err.code;
	}
	fputs(text, stdout);
	free(text);
	return 0;
}
