/* SPDX-License-Identifier: Apache-2.0
 *
 * A preset at work under the profiler, as `engine-top` and `engine-top run` both need it:
 * options, start, stop.  Layer: cli. */
#ifndef ET_CLI_LIVE_H
#define ET_CLI_LIVE_H

#include <getopt.h>

#include "cli/cmd.h"
#include "engine/build/session.h"
#include "profiler/collect/profiler.h"
#include "profiler/record/record.h"

#define ET_LIVE_ONLY_MAX 64

struct et_live_opts {
	const char *preset;      /* name or path; NULL = quickstart */
	const char *record;      /* -o; NULL = none */
	const char *only[ET_LIVE_ONLY_MAX];
	size_t n_only;
	long long jobs;          /* 0 = the preset's */
	long long hz;            /* 0 = the preset's */
	int64_t heap_period;     /* 0 = the preset's */
	enum et_engine engine;   /* ET_ENGINE_AUTO = the best that works */
};

/* Rows for getopt_long and its short options, shared by the commands; each appends its own. */
#define ET_LIVE_SHORT "o:t:j:"
#define ET_LIVE_LONG                                               \
	{ "output", required_argument, NULL, 'o' },                \
	{ "target", required_argument, NULL, 't' },                \
	{ "jobs", required_argument, NULL, 'j' },                  \
	{ "hz", required_argument, NULL, 'H' },                    \
	{ "heap-period", required_argument, NULL, 'P' },           \
	{ "cpu-engine", required_argument, NULL, 'E' }
#define ET_LIVE_HELP                                                                            \
	"  -o, --output REC        record the session to a file that must not exist yet\n"      \
	"  -t, --target NAME       run this target and what it needs; may be repeated\n"        \
	"  -j, --jobs N            targets at a time and pack workers, 1 to 256\n"              \
	"      --hz N              CPU samples per CPU second, 1 to 1000\n"                     \
	"      --heap-period SIZE  mean bytes between two recorded allocations; 1 = every one\n" \
	"      --cpu-engine NAME   what sends the CPU samples: perf, timer or itimer;\n"        \
	"                          default: the first of these that works here\n"

/* Take one option that getopt_long returned.  1: taken; 0: not one of these; -1 and *err. */
int et_live_option(struct et_live_opts *o, int c, const char *value, struct et_err *err);

struct et_live {
	struct et_preset *preset;
	struct et_session *session;
	struct et_profiler *profiler;
	struct et_recorder *recorder; /* NULL when not recording */
};

/* Load, check, prepare: nothing runs yet, so that bad input is said before a screen is opened.
 * [own] fills *live; et_live_free also after a failure   [thr] main   [err] -1 and *err */
int et_live_open(struct et_live *live, const struct et_live_opts *o,
		 const struct et_session_opts *session, struct et_err *err);

/* Start the profiler, the recorder if -o was given, and the builds. */
int et_live_start(struct et_live *live, const struct et_live_opts *o, struct et_err *err);

/* Start or stop recording while it runs. */
int et_live_record(struct et_live *live, const char *path, struct et_err *err);
int et_live_record_stop(struct et_live *live, const struct et_snapshot *last, struct et_err *err);

/* Cancel what still runs, wait, take the last snapshot, seal the recording.  The caller owns the
 * snapshot (NULL without memory).  *n_failed: targets whose last round failed.  *err: the
 * recording failed; everything else was done. */
const struct et_snapshot *et_live_stop(struct et_live *live, unsigned *n_failed,
				       struct et_err *err);

/* Remove a private store, free everything.  Fine on a zeroed *live. */
void et_live_free(struct et_live *live);

/* Die by the signal that ended the session, as its sender expects. */
void et_live_die(int signo) __attribute__((noreturn));

#endif
