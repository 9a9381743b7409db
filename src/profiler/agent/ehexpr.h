/* SPDX-License-Identifier: Apache-2.0
 *
 * DWARF expressions, as far as call frame information uses them: arithmetic on registers and
 * reads of the stack.  Layer: profiler/agent.  Runs in signal context: plain memory reads within
 * the given bounds and nothing else. */
#ifndef ET_AGENT_EHEXPR_H
#define ET_AGENT_EHEXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an expression may look at. */
struct et_ehframe {
	const uint64_t *reg; /* as DWARF numbers them, 16 = pc */
	uint32_t known;      /* bit r: reg[r] holds */
	uint64_t lo, hi;     /* the stack that may be read */
};

/* Read a word of the stack.
 * [own] none   [thr] any   [sig] safe   [err] false: outside of the bounds */
bool et_ehexpr_read(const struct et_ehframe *f, uint64_t at, uint64_t *out);

/* Evaluate; `first` lies on the stack at the start when has_first (the CFA, for registers).
 * [own] none   [thr] any   [sig] safe   [err] false: an operation that we do not know, a
 * register that is not known, a read out of bounds, too long */
bool et_ehexpr_run(const struct et_ehframe *f, const uint8_t *expr, size_t len, bool has_first,
		   uint64_t first, uint64_t *out);

#endif
