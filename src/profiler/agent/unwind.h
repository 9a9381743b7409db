/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks without backtrace(): a walk through tables that were compiled from .eh_frame
 * beforehand (ehset.h), about ten times as fast and with no lock, no allocation and no call.
 * Layer: profiler/agent.  The walks run in signal context.
 *
 * A stack comes as in stack.h: leaf first, the leaf exact, a caller's as its return address - 1.
 * Where a signal interrupted code: the trampoline and the code it interrupted are exact.
 *
 * It is complete, and equal to what backtrace() finds, unless a flag says otherwise. */
#ifndef ET_AGENT_UNWIND_H
#define ET_AGENT_UNWIND_H

#include <stdint.h>
#include <ucontext.h>

#include "profiler/agent/ehset.h"

#define ET_UNWIND_TRUNCATED 1u /* there are more frames than were asked for */
#define ET_UNWIND_ASK 2u       /* not to the end: ask backtrace(); the cause is in bits 8..15 */
#define ET_UNWIND_NO_CFI 4u    /* ends in code without unwind information; backtrace() does too */

/* Why a walk gave up. */
enum et_unwind_cause {
	ET_UNWIND_CAUSE_NONE,
	ET_UNWIND_CAUSE_NO_SET,    /* nothing published: before the first build, or in a dlclose */
	ET_UNWIND_CAUSE_NO_MODULE, /* code of no module that a build saw: dlopen since, JIT */
	ET_UNWIND_CAUSE_RULE,      /* a rule that we do not understand or cannot follow */
	ET_UNWIND_CAUSE_STACK,     /* leads off the stack */
	ET_UNWIND_CAUSE_COUNT
};

static inline enum et_unwind_cause et_unwind_cause(unsigned flags)
{
	return (enum et_unwind_cause)(flags >> 8 & 0xff);
}

/* The memory of the stack that the walk may read, [lo, hi); NULL or hi 0: not known, then no
 * frame may be larger than 16 MiB.  Without effect while the walk is on another stack (a
 * signal's, a coroutine's). */
struct et_unwind_bounds {
	uint64_t lo, hi;
};

/* (Re)build the tables of what is loaded: at the start, after dlopen(); see ehset.h.
 * [own] none   [thr] any   [sig] no   [err] -1 without memory: the walks go on with what was */
int et_unwind_build(void);

/* The stack of the code that a signal interrupted.  Returns the depth; *flags is set.
 * [own] none   [thr] the interrupted one   [sig] safe   [err] ET_UNWIND_ASK in *flags */
unsigned et_unwind_context(const ucontext_t *uc, const struct et_unwind_bounds *stack,
			   uint64_t *out, unsigned max, unsigned *flags);

/* The stack of the caller, from the frame that from_ra returns to on (NULL: from the caller
 * itself on; none of the nearest 8 frames: all, from et_unwind_here itself on).
 * [own] none   [thr] any   [sig] safe   [err] ET_UNWIND_ASK in *flags */
unsigned et_unwind_here(const void *from_ra, const struct et_unwind_bounds *stack, uint64_t *out,
			unsigned max, unsigned *flags);

#endif
