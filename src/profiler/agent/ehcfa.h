/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of call frame information as compilers leave it in .eh_frame (DWARF 5 section 6.4, LSB
 * "Exception Frames"): of one function after another, the rule of each range of addresses by
 * which the caller's registers are found.  x86-64 register numbers.  Layer: profiler/agent.
 * Not in signal context. */
#ifndef ET_AGENT_EHCFA_H
#define ET_AGENT_EHCFA_H

#include <stdbool.h>
#include <stdint.h>

/* Where the caller's value of a register is.  CFA: the caller's stack pointer at the call. */
enum et_cfa_how {
	ET_CFA_SAME,     /* still in the register */
	ET_CFA_UNDEF,    /* lost; of the return address: there is no caller */
	ET_CFA_AT,       /* in memory at CFA + off */
	ET_CFA_VAL,      /* it is CFA + off */
	ET_CFA_REG,      /* in register reg; of the CFA: reg + off */
	ET_CFA_EXPR,     /* in memory where the expression says; of the CFA: what it says */
	ET_CFA_VAL_EXPR, /* what the expression says */
};

/* Registers as DWARF numbers them on x86-64. */
enum { ET_EH_RBX = 3, ET_EH_RBP = 6, ET_EH_RSP = 7, ET_EH_RA = 16, ET_EH_REGS = 17 };

struct et_cfa_loc {
	uint8_t how, reg;
	uint16_t len; /* of the expression */
	int32_t off;  /* bytes; of an expression: from where it stands, see et_ehcfa.base */
};

struct et_cfa_state {
	struct et_cfa_loc cfa, reg[ET_EH_REGS];
};

/* A common information entry: what functions share. */
struct et_ehcie {
	const uint8_t *at; /* NULL: free */
	const uint8_t *insns, *end;
	uint64_t code_align;
	int64_t data_align;
	uint8_t pc_encoding;
	bool has_augmentation, is_signal, has_odd;
	struct et_cfa_state init;
};

/* Bytes being read. */
struct et_ehin {
	const uint8_t *p, *end;
	bool is_bad;
};

#define ET_EHCFA_CIES 8
#define ET_EHCFA_STACK 8

/* The reader.  Set base and end to the section, zero the rest; then for each function open it
 * and take its rows until there are no more. */
struct et_ehcfa {
	const uint8_t *base, *end; /* nothing outside is read */

	/* the open function */
	uint64_t lo, hi;
	const struct et_ehcie *cie;
	struct et_cfa_state state; /* of the row just taken */
	bool is_bad;               /* from here to hi nothing is known: too strange for us */
	bool has_odd;              /* there was a rule for a register that calls do not keep */

	/* inside */
	struct et_ehin in;
	uint64_t at;
	bool is_done;
	unsigned depth;
	struct et_cfa_state kept[ET_EHCFA_STACK];
	struct et_ehcie cies[ET_EHCFA_CIES];
};

/* Open the function whose entry (FDE) stands at `fde`.  *next: the entry behind it.
 * [own] none   [thr] owner   [sig] no   [err] 1: no function but a CIE, 0 open, -1: the end of
 * the section or nothing we can read; *next is NULL when there is no going on */
int et_ehcfa_open(struct et_ehcfa *c, const uint8_t *fde, const uint8_t **next);

/* Take the next row: c->state holds from *pc on.  False: no more.
 * [own] none   [thr] owner   [sig] no   [err] c->is_bad */
bool et_ehcfa_row(struct et_ehcfa *c, uint64_t *pc);

/* An encoded pointer (DW_EH_PE_*) at *p, not beyond end; *p moves on.
 * [own] none   [thr] any   [sig] no   [err] false: not an encoding we know */
bool et_ehcfa_pointer(const uint8_t **p, const uint8_t *end, unsigned encoding, uint64_t *out);

#endif
