/* SPDX-License-Identifier: Apache-2.0
 *
 * A fixed set of worker threads with one FIFO queue of tasks.  A worker without a task shows as
 * "idle" (probe.h).  Layer: engine/build. */
#ifndef ET_ENGINE_WORKERS_H
#define ET_ENGINE_WORKERS_H

#include "engine-top/err.h"

struct et_workers;

/* n threads named NAME-1 ... NAME-n, role workload.
 * [own] new   [thr] any   [sig] no   [err] NULL and *err */
struct et_workers *et_workers_new(unsigned n, const char *name, struct et_err *err);

/* Run fn(arg) on some worker, after the tasks submitted before it.  Never blocks on a task.
 * [own] arg must live until fn returns   [thr] any   [sig] no   [err] -1 without memory */
int et_workers_submit(struct et_workers *w, void (*fn)(void *arg), void *arg);

unsigned et_workers_count(const struct et_workers *w);

/* Run all that is queued, join, free.  NULL is allowed. */
void et_workers_free(struct et_workers *w);

#endif
