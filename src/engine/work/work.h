/* SPDX-License-Identifier: Apache-2.0
 *
 * Workloads: operations that can be timed, each in several variants (arms).  One file per case,
 * one row in the table of registry.c.  Layer: engine/work; knows pool, base and probe.h. */
#ifndef ET_ENGINE_WORK_H
#define ET_ENGINE_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "engine-top/err.h"
#include "engine/pool/pool.h"

#define ET_WORK_ARMS 4

struct et_work_env {
	size_t live;   /* buffers in use at once, >= 1: decides when malloc trims the heap */
	uint64_t seed;
};

/* One arm, set up.  All calls on the thread that runs it, but et_pool_stats of pool() on any. */
struct et_work {
	const char *suite, *name;
	const char *help;
	const char *arms[ET_WORK_ARMS + 1]; /* NULL-terminated; the first is the base of ratios */
	/* 0 and *state, or -1 and *err. */
	int (*setup)(void **state, const struct et_work_env *env, unsigned arm, struct et_err *err);
	/* n operations; each uses one buffer.  NULL: setup is all there is, nothing to time. */
	void (*op)(void *state, uint64_t n);
	/* Free all; what a case holds on purpose is held until here. */
	void (*teardown)(void *state);
	/* Optional: the pool of this arm, NULL if it has none. */
	struct et_pool *(*pool)(void *state);
};

/* NULL-terminated. */
extern const struct et_work *const et_works[];

/* NULL if there is no such case.
 * [own] static   [thr] any   [sig] no   [err] NULL */
const struct et_work *et_work_find(const char *suite, const char *name);

/* Index of an arm, or -1. */
int et_work_arm(const struct et_work *w, const char *arm);

/* The compiler must believe that somebody else reads and writes what `p` points to: without it,
 * gcc deletes a malloc whose memory nobody uses, and the trial times an empty loop. */
static inline void et_work_escape(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
