/* SPDX-License-Identifier: Apache-2.0
 *
 * The dashboard as the composition root sees it.  Knows snapshots (include/) and base, nothing
 * of who made them.  Layer: tui. */
#ifndef ET_TUI_APP_H
#define ET_TUI_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine-top/source.h"

/* What the recording is doing, for the header. */
struct et_app_rec {
	bool is_on, is_failed;
	uint64_t frames, bytes;
	const char *path;
	const char *error; /* one line if is_failed */
};

struct et_app_opts {
	const struct et_source *source;
	const char *theme; /* name or path; NULL = $ENGINE_TOP_THEME, else the default */
	/* Live only, else NULL: start or stop recording; writes one line for the person. */
	void (*record_toggle)(void *self, char *line, size_t n);
	void (*record_status)(void *self, struct et_app_rec *out);
	void *self;
};

/* How the dashboard ended. */
struct et_app_end {
	bool is_signal; /* SIGTERM, SIGHUP, SIGINT, SIGQUIT came: clean up, then die by it */
	int signo;
};

/* Can this terminal show the dashboard?  stdin and stdout are terminals, TERM is known and can
 * move the cursor, the theme loads.  Call before anything is started.
 * [own] none   [thr] ui   [sig] no   [err] -1, ET_EXIT_INPUT: one line that says what to do */
int et_app_check(const struct et_app_opts *opts, struct et_err *err);

/* Run until `q`, a signal or the loss of the terminal; the terminal is restored on return, and
 * on a crash of any thread (SIGSEGV, SIGABRT, ...), which is then reported in one line.
 * [own] borrows opts   [thr] ui, the main thread   [sig] no   [err] -1 and *err */
int et_app_run(const struct et_app_opts *opts, struct et_app_end *end, struct et_err *err);

/* Draw one frame as plain UTF-8 text: `rows` lines of at most `cols` columns, trailing blanks
 * cut.  A pure function of its arguments.  `pane`: name of a pane to zoom, or NULL for the
 * whole screen.  Result is malloc'ed.
 * [own] new   [thr] any   [sig] no   [err] NULL and *err: unknown pane (nearest suggested) */
char *et_app_render(const struct et_snapshot *snap, const struct et_position *replay,
		    const char *label, unsigned cols, unsigned rows, const char *pane,
		    struct et_err *err);

#endif
