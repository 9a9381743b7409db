/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: a target at work, and what a kind of target is.  Adding a kind: its keys in
 * engine/preset/schema.c, a file kind_NAME.c here, a row in kind.c.  Layer: engine/build. */
#ifndef ET_ENGINE_TARGET_H
#define ET_ENGINE_TARGET_H

#include <limits.h>
#include <pthread.h>

#include "engine-top/err.h"
#include "engine-top/probe.h"
#include "engine/build/store.h"
#include "engine/build/workers.h"
#include "engine/preset/preset.h"
#include "engine/progress.h"

struct et_kind_ops;

struct et_target {
	/* constant while the session lives */
	const struct et_target_spec *spec;
	const struct et_kind_ops *ops;
	const struct et_store *store;
	struct et_workers *packers;  /* NULL if no image is built */
	pthread_mutex_t *lock;       /* the session's */
	bool is_wanted;              /* false: left out by -t */

	struct et_progress progress; /* atomics, for anyone */

	/* under lock */
	enum et_target_state state;
	uint64_t unsaid; /* when its state changed, if nobody was told yet; else 0 */
	unsigned round;
	int64_t started_ns, wall_ns;
	uint64_t rounds_ok, rounds_failed;
	char digest[80];
	char output[PATH_MAX + 160]; /* where the last good result is */
	char error[1000];
	char note[300];              /* what the kind has to say about its last round */
	void *own;                   /* the kind's, see kind_bench.c */
};

struct et_kind_ops {
	const char *name;
	/* Before anything runs: is what the target reads there?  Optional. */
	int (*check)(struct et_target *t, struct et_err *err);
	/* One round, on a build thread, without the lock.  Looks at progress.is_cancelled. */
	int (*run)(struct et_target *t, struct et_err *err);
	/* Rows beyond TARGETS; on the collector, under lock.  Optional. */
	void (*fill)(struct et_target *t, struct et_snapbuild *b);
	/* Let go of `own`, when the session ends.  Optional. */
	void (*release)(struct et_target *t);
};

extern const struct et_kind_ops et_kind_image, et_kind_generate, et_kind_bench;

/* NULL if this program has no such kind. */
const struct et_kind_ops *et_kind_find(const char *name);

#endif
