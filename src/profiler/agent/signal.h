/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU sampler: SIGPROF (engine.h) + backtrace(), and the same handler asked for the stack of
 * one thread.  Layer: profiler/agent.  Records, as they lie in a thread's ring:
 *   word 0  length in words (16 bits) | kind (8) | flags (8) | weight in periods (32)
 *   word 1  CLOCK_MONOTONIC ns
 *   word 2+ lookup addresses (stack.h) */
#ifndef ET_AGENT_SIGNAL_H
#define ET_AGENT_SIGNAL_H

#include "engine-top/err.h"
#include "profiler/agent/stack.h"
#include "profiler/agent/region.h"

#define ET_RECORD_HEAD 2
#define ET_RECORD_MAX (ET_RECORD_HEAD + ET_DEPTH_MAX)

enum et_record_kind { ET_RECORD_CPU = 1, ET_RECORD_STATE = 2 };
#define ET_RECORD_TRUNCATED 1u
#define ET_RECORD_IN_HOOK 2u /* while an allocation was recorded: leaf frames are ours */

static inline enum et_record_kind et_record_kind(uint64_t word0)
{
	return (enum et_record_kind)(word0 >> 16 & 0xff);
}
static inline uint32_t et_record_weight(uint64_t word0) { return (uint32_t)(word0 >> 32); }
static inline unsigned et_record_flags(uint64_t word0) { return (unsigned)(word0 >> 24 & 0xff); }

/* Install the handler (calls backtrace() once: its first call loads libgcc, which must not
 * happen in a handler) and start the engine at `hz` per CPU second.
 * [own] none   [thr] main   [sig] no   [err] -1, ET_EXIT_LACK */
int et_signal_arm(enum et_engine engine, unsigned hz, struct et_err *err);

/* Stop the engine and ignore what is still pending.
 * [own] none   [thr] main   [sig] no   [err] never */
void et_signal_disarm(void);

/* Ask a thread of process `pid` to put its stack (ET_RECORD_STATE) into its ring.
 * [own] none   [thr] collector   [sig] no   [err] never: a thread that is gone does not answer */
void et_signal_ask_stack(int pid, int tid);

#endif
