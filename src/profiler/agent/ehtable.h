/* SPDX-License-Identifier: Apache-2.0
 *
 * The unwind table of one loaded module: its .eh_frame, run once and laid flat, 8 bytes for each
 * range of addresses with one rule, sorted, with an index of pages.  Layer: profiler/agent.
 * Building is not for signal context; looking up is.
 *
 * A rule in 31 bits, by its lowest two:
 *   ET_EH_SPECIAL  the rest is an enum et_eh_special
 *   ET_EH_RSP, _RBP  CFA = that register + 8 * bits 3..14; the return address is at CFA - 8; the
 *                  caller's rbp is at CFA - 8 * bits 15..22 and its rbx at CFA - 8 * bits 23..30
 *                  (0: still in the register).  The other registers are kept, but for r12..r15
 *                  when bit 2 is set: then their values in the caller are not known; hardly a
 *                  rule needs them.
 *   ET_EH_WIDE     the rest is the number of a struct et_ehwide, which can say everything */
#ifndef ET_AGENT_EHTABLE_H
#define ET_AGENT_EHTABLE_H

#include "profiler/agent/ehcfa.h"

#include <stddef.h>

enum { ET_EH_SPECIAL = 0, ET_EH_RSP_BASE = 1, ET_EH_RBP_BASE = 2, ET_EH_WIDE = 3 };

enum et_eh_special {
	ET_EH_NO_CFI, /* no function, or one without unwind information */
	ET_EH_ASK,    /* there is some, but we do not understand it: ask backtrace() */
	ET_EH_OUTER,  /* there is no caller */
};

#define ET_EH_LOSES 4u
#define ET_EH_CFA(rule) ((uint64_t)((rule) & 0x7ff8))
#define ET_EH_RBP_SLOT(rule) ((rule) >> 15 & 0xff)
#define ET_EH_RBX_SLOT(rule) ((rule) >> 23)

struct et_ehrow {
	uint32_t pc, rule; /* pc: from the table's lo */
};

struct et_ehwide {
	struct et_cfa_state state; /* expressions: off from the table's exprs */
	bool is_signal;            /* the caller was interrupted, it did not call */
};

#define ET_EH_PAGE_BITS 8 /* 256 bytes of code: about 6 rows, one or two cache lines */

struct et_ehtable {
	uint64_t lo, hi; /* what it speaks of */
	const struct et_ehrow *rows;
	const uint32_t *index; /* per page, and one more: the row that holds at its first byte */
	const struct et_ehwide *wides;
	const uint8_t *exprs;
	uint32_t n_rows, n_wides, n_functions, n_ask;
	uint32_t refs; /* the owner's: how many sets hold it */
	uint64_t identity; /* the owner's: which module's it is */
	size_t size, wide_size; /* bytes of the two mappings; the table lies in the first */
};

/* What to compile. */
struct et_ehsource {
	const uint8_t *hdr, *hdr_end; /* .eh_frame_hdr */
	const uint8_t *base, *end;    /* the mapped segment that holds it and .eh_frame */
};

/* Compile.  `scratch`: one for all tables of a run, zeroed first, given back after the last.
 * [own] new; et_ehtable_free   [thr] owner   [sig] no   [err] NULL: nothing to read, no memory */
struct et_ehscratch;
struct et_ehscratch *et_ehtable_scratch_new(void);
void et_ehtable_scratch_free(struct et_ehscratch *scratch);
struct et_ehtable *et_ehtable_new(const struct et_ehsource *src, struct et_ehscratch *scratch);
void et_ehtable_free(struct et_ehtable *t);

/* The rule at pc, which must lie in [lo, hi).
 * [own] none   [thr] any   [sig] safe   [err] never */
static inline uint32_t et_ehtable_rule(const struct et_ehrow *rows, const uint32_t *index,
				       uint32_t off)
{
	uint32_t page = off >> ET_EH_PAGE_BITS;
	const struct et_ehrow *row = rows + index[page];
	uint32_t n = index[page + 1] - index[page] + 1;

	while (n > 1) { /* the answer is among n rows from `row` on */
		uint32_t half = n / 2;

		row += row[half].pc <= off ? half : 0;
		n -= half;
	}
	return row->rule;
}

#endif
