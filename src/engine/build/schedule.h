/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: which target may run now.  A state machine over the targets' states, without
 * threads or clocks, under the session's lock.
 *
 * 1. A target runs only when all that it needs is OK in this round.
 * 2. Each wanted target ends each round in exactly one of OK, FAILED, SKIPPED, CANCELLED; n_left
 *    counts those that have not yet.
 * 3. What depends on a target that is not OK is SKIPPED at once, through any number of steps. */
#ifndef ET_ENGINE_SCHEDULE_H
#define ET_ENGINE_SCHEDULE_H

#include <stddef.h>

#include "engine/build/target.h"

struct et_schedule {
	struct et_target *target; /* in preset order; needs index into it */
	size_t n;
	size_t n_left;
	uint64_t n_changes;       /* numbers the changes of state, see et_target.unsaid */
};

/* A new round: all wanted targets wait. */
void et_schedule_begin(struct et_schedule *s);

/* The first waiting target whose needs are met, now RUNNING; NULL if there is none at present. */
struct et_target *et_schedule_next(struct et_schedule *s);

/* A running target ended.  Not OK: skips what depends on it. */
void et_schedule_finish(struct et_schedule *s, struct et_target *t, enum et_target_state state);

/* What still waits is CANCELLED. */
void et_schedule_cancel(struct et_schedule *s);

/* The change of state that nobody was told yet and that came first; marks it told.  Or NULL. */
struct et_target *et_schedule_unsaid(struct et_schedule *s);

#endif
