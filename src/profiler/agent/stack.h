/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks as the agent hands them on: lookup addresses, leaf first.  A caller's is its return
 * address - 1, so that it lies inside the call instruction.  Layer: profiler/agent. */
#ifndef ET_AGENT_STACK_H
#define ET_AGENT_STACK_H

#include <stdint.h>

#define ET_DEPTH_MAX 1024   /* frames kept; deeper ones are cut and the stack says so */
#define ET_BACKTRACE_MAX 192 /* of those that backtrace() finds, whose buffer is on the stack */

/* Copy return addresses into lookup addresses, leaving out the frames before the one that
 * returns to `from_ra`.  Returns the depth.
 * [own] none   [thr] any   [sig] safe   [err] never */
unsigned et_stack_trim(void *const *bt, int n, const void *from_ra, uint64_t *out);

#endif
