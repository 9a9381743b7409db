/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sends SIGPROF.  Three engines, best first:
 *   perf    perf_event_open(SW_TASK_CLOCK) a thread, F_SETSIG: exact, beyond CONFIG_HZ
 *   timer   timer_create(thread's CPU clock) a thread, SIGEV_THREAD_ID: looked at once a tick,
 *           1 + overruns says how many periods a signal stands for
 *   itimer  setitimer(ITIMER_PROF): always there; one for the process, at most CONFIG_HZ
 * perf and timer begin each thread at a random phase, so that threads shorter than a period count
 * with the probability that is theirs.  Layer: profiler/agent. */
#ifndef ET_AGENT_ENGINE_H
#define ET_AGENT_ENGINE_H

#include <signal.h>

#include "engine-top/err.h"
#include "profiler/agent/region.h"

/* The engine that `want` means here: itself, or the best that works for ET_ENGINE_AUTO.  A wanted
 * one that does not work is an error that says why.
 * [own] none   [thr] main   [sig] no   [err] -1, ET_EXIT_LACK */
int et_engine_choose(enum et_engine want, enum et_engine *engine, struct et_err *err);

/* Start sending at `hz` per CPU second: for the threads that are known, and from now on for each
 * that begins.  The handler must be installed.
 * [own] none   [thr] main   [sig] no   [err] -1, ET_EXIT_LACK */
int et_engine_start(enum et_engine engine, unsigned hz, struct et_err *err);
void et_engine_stop(void);

/* A workload thread begins / ends, called by itself with SIGPROF blocked.
 * [own] none   [thr] owner of t   [sig] no   [err] never: an engine that fails is counted as
 * missed samples */
void et_engine_enter(struct et_thread *t);
void et_engine_leave(struct et_thread *t);

/* What a SIGPROF means: how many periods it stands for, 0 = none (not ours, or not to be counted).
 * [own] none   [thr] owner of t   [sig] safe   [err] 0 */
unsigned et_engine_weight(struct et_thread *t, const siginfo_t *info);

#endif
