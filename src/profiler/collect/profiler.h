/* SPDX-License-Identifier: Apache-2.0
 *
 * The profiler of this process as the composition root sees it: start, attach consumers, stop.
 * Layer: profiler/collect. */
#ifndef ET_COLLECT_PROFILER_H
#define ET_COLLECT_PROFILER_H

#include "base/mbox.h"
#include "engine-top/err.h"
#include "engine-top/probe.h"
#include "engine-top/snapshot.h"

struct et_profiler;

struct et_profiler_opts {
	unsigned hz;              /* 1..1000 */
	enum et_engine engine;    /* ET_ENGINE_AUTO = the best that works */
	uint64_t heap_period;     /* bytes; 1 = every allocation; 0 = none; UINT64_MAX = adaptive */
	int64_t interval_ns;      /* between two snapshots */
	const struct et_producer *producers; /* copied; their self must live until stop */
	size_t n_producers;
};

/* Arms the sampler, starts the collector thread.  One profiler a process.
 * [own] new   [thr] main, before workload threads   [sig] no   [err] NULL and *err */
struct et_profiler *et_profiler_start(const struct et_profiler_opts *opts, struct et_err *err);

/* Give a consumer its mailbox; from now on each snapshot is put there.  Detach, then fini.
 * [own] borrows until detach   [thr] any   [sig] no   [err] -1: 8 consumers at most */
int et_profiler_attach(struct et_profiler *p, struct et_mbox *m);
void et_profiler_detach(struct et_profiler *p, struct et_mbox *m);

/* Disarm, take one last snapshot (ET_SNAP_FINAL; also put to the mailboxes), end the thread.
 * [own] new: the caller's reference; NULL without memory   [thr] main   [sig] no   [err] never */
const struct et_snapshot *et_profiler_stop(struct et_profiler *p);
void et_profiler_free(struct et_profiler *p);

#endif
