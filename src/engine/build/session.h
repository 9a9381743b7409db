/* SPDX-License-Identifier: Apache-2.0
 *
 * A preset at work: its graph of targets run by background threads, one round or round after
 * round, and what the screen wants to know of it.  Layer: engine/build. */
#ifndef ET_ENGINE_SESSION_H
#define ET_ENGINE_SESSION_H

#include <stdbool.h>

#include "engine-top/err.h"
#include "engine-top/probe.h"
#include "engine/preset/preset.h"

struct et_session;

struct et_session_opts {
	bool is_loop;             /* round after round until cancelled */
	unsigned jobs;            /* 0: the preset's, else the number of CPUs */
	const char *const *only;  /* names of targets to run with what they need; NULL = all */
	size_t n_only;
	/* Optional: called on an engine thread at each change of a target's state, in order. */
	void (*on_change)(void *self, const char *target, enum et_target_state state,
			  const char *line); /* line: one human line about it */
	void *on_change_self;
};

/* Prepare: checks that contexts exist, makes the store (see preset.h).  Runs nothing yet.
 * [own] new, borrows preset until freed   [thr] owner   [sig] no   [err] NULL and *err */
struct et_session *et_session_new(const struct et_preset *preset,
				  const struct et_session_opts *opts, struct et_err *err);

/* Fills TARGETS, BENCHES, POOLS.  Valid from new to free. */
struct et_producer et_session_producer(struct et_session *s);

/* Start the threads.  0 or -1 and *err. */
int et_session_start(struct et_session *s, struct et_err *err);

/* Descriptor that becomes readable when all rounds are over (never for a loop). */
int et_session_done_fd(const struct et_session *s);

/* Ask everything to stop soon; returns at once.  Async-signal-unsafe: call it from a thread. */
void et_session_cancel(struct et_session *s);

/* Wait until nothing runs any more.  The threads stay, idle, until free: so the last snapshot
 * shows them.  Returns the number of targets whose last round failed or was skipped. */
unsigned et_session_join(struct et_session *s);

/* Cancel and join if needed, end the threads, remove a private store, free. */
void et_session_free(struct et_session *s);

#endif
