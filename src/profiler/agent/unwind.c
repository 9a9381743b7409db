/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk (unwind.h).  SIGNAL CONTEXT throughout: plain reads of the stack and of the published
 * tables, two atomic counters, nothing else.
 *
 * A frame is one look into the memory of rules met before, or two searches (module, row); then
 * one read, the return address.  Of rbp and rbx only *where* they were saved is followed (two
 * conditional moves); they are read when a rule needs them, which is rare.  The other registers
 * are what they were in the interrupted code, as far as no function on the way says that it
 * changed them: this is how backtrace() sees it.
 *
 * It ends: each step writes one frame and there is room for `max`; and it reads only the stack,
 * from 128 bytes below the stack pointer (the red zone of the interrupted function) upwards: a
 * caller's frame lies above, aligned, not beyond the bounds. */
#include "profiler/agent/unwind.h"

#include <stddef.h>

#include "profiler/agent/ehexpr.h"

#define READS_STACK __attribute__((no_sanitize("address"), no_sanitize("thread")))
#define RED_ZONE 128u
#define FRAME_MAX (UINT64_C(16) << 20)
#define NEAREST 8u
#define NO_ADDRESS UINT64_MAX

int et_unwind_build(void) { return et_ehset_build(); }

#if defined(__x86_64__)

enum {
	ALL_KNOWN = (1u << ET_EH_REGS) - 1,
	NEEDED = 1u << ET_EH_RBX | 1u << ET_EH_RBP | 1u << ET_EH_RA,
	R12_TO_R15 = 0xf000,
};

/* A frame, as far as short rules need it. */
struct frame {
	uint64_t ip, sp;
	const uint64_t *rbp_at, *rbx_at; /* where its values are */
};

struct walk {
	struct frame now;
	uint64_t floor;   /* nothing below is read */
	bool is_exact;    /* ip is an instruction, not a return address */
	bool is_signal;   /* the frame just left is a signal's trampoline */
	uint32_t known;   /* bit r: reg[r] holds; rbp, rbx, ip, sp are in `now` */
	uint64_t from_ra;
	struct et_unwind_bounds stack;
	const struct et_ehset *set;
	uint64_t reg[ET_EH_REGS];
};

static unsigned give_up(enum et_unwind_cause cause)
{
	return ET_UNWIND_ASK | (unsigned)cause << 8;
}

/* How far up a frame at sp may reach. */
static uint64_t ceiling(const struct walk *w, uint64_t sp)
{
	if (sp >= w->stack.lo && sp < w->stack.hi)
		return w->stack.hi;
	return sp < UINT64_MAX - FRAME_MAX ? sp + FRAME_MAX : 0;
}

READS_STACK static uint64_t load(const uint64_t *at) { return *at; }

/* A place that a rule gave: on the stack, or one of the registers we hold. */
static bool may_read(const struct walk *w, const uint64_t *at, uint64_t hi)
{
	uint64_t a = (uint64_t)(uintptr_t)at;

	return (a >= w->floor && a < hi) || (at >= w->reg && at < w->reg + ET_EH_REGS);
}

/* ---- wide rules --------------------------------------------------------------------------- */

static bool fill_registers(struct walk *w, uint64_t hi)
{
	if (!may_read(w, w->now.rbp_at, hi) || !may_read(w, w->now.rbx_at, hi))
		return false;
	w->reg[ET_EH_RBP] = load(w->now.rbp_at);
	w->reg[ET_EH_RBX] = load(w->now.rbx_at);
	w->reg[ET_EH_RSP] = w->now.sp;
	w->reg[ET_EH_RA] = w->now.ip;
	w->known |= NEEDED | 1u << ET_EH_RSP;
	return true;
}

static bool find_cfa(const struct et_ehframe *f, const struct et_cfa_loc *loc,
		     const uint8_t *exprs, uint64_t *cfa)
{
	if (loc->how == ET_CFA_EXPR)
		return et_ehexpr_run(f, exprs + loc->off, loc->len, false, 0, cfa);
	if (loc->how != ET_CFA_REG || (f->known >> loc->reg & 1) == 0)
		return false;
	*cfa = f->reg[loc->reg] + (uint64_t)(int64_t)loc->off;
	return true;
}

/* The caller's register r.  False: not known. */
static bool find_register(const struct et_ehframe *f, const struct et_cfa_loc *loc, unsigned r,
			  const uint8_t *exprs, uint64_t cfa, uint64_t *out)
{
	uint64_t at = cfa + (uint64_t)(int64_t)loc->off;

	switch (loc->how) {
	case ET_CFA_AT: return et_ehexpr_read(f, at, out);
	case ET_CFA_VAL: *out = at; return true;
	case ET_CFA_EXPR:
		return et_ehexpr_run(f, exprs + loc->off, loc->len, true, cfa, &at) &&
		       et_ehexpr_read(f, at, out);
	case ET_CFA_VAL_EXPR:
		return et_ehexpr_run(f, exprs + loc->off, loc->len, true, cfa, out);
	case ET_CFA_REG:
		*out = f->reg[loc->reg];
		return (f->known >> loc->reg & 1) != 0;
	default: *out = f->reg[r]; return (f->known >> r & 1) != 0;
	}
}

/* The stack pointer may go anywhere when a signal's frame is left, else only up; interrupted code
 * may have taken its return address off the stack (vfork does). */
static bool is_above(const struct walk *w, uint64_t cfa, uint64_t hi)
{
	return (cfa > w->now.sp || (w->is_exact && cfa == w->now.sp)) && cfa <= hi && cfa % 8 == 0;
}

/* One step by a rule that can say everything. */
static enum et_unwind_cause step_wide(struct walk *w, const struct et_ehwide *rule,
				      const uint8_t *exprs)
{
	uint64_t hi = ceiling(w, w->now.sp), cfa, caller[ET_EH_REGS];
	struct et_ehframe f = { .reg = w->reg, .lo = w->floor, .hi = hi };
	uint32_t known = 0;

	if (!fill_registers(w, hi))
		return ET_UNWIND_CAUSE_STACK;
	f.known = w->known;
	if (!find_cfa(&f, &rule->state.cfa, exprs, &cfa))
		return ET_UNWIND_CAUSE_RULE;
	if (!rule->is_signal && !is_above(w, cfa, hi))
		return ET_UNWIND_CAUSE_STACK;
	for (unsigned r = 0; r < ET_EH_REGS; r++)
		if (find_register(&f, &rule->state.reg[r], r, exprs, cfa, &caller[r]))
			known |= 1u << r;
	if ((known & NEEDED) != NEEDED)
		return ET_UNWIND_CAUSE_RULE;
	w->now.sp = rule->state.reg[ET_EH_RSP].how == ET_CFA_SAME ? cfa : caller[ET_EH_RSP];
	w->now.ip = caller[ET_EH_RA];
	for (unsigned r = 0; r < ET_EH_REGS; r++)
		w->reg[r] = caller[r];
	w->known = known | 1u << ET_EH_RSP | 1u << ET_EH_RA;
	w->now.rbp_at = &w->reg[ET_EH_RBP];
	w->now.rbx_at = &w->reg[ET_EH_RBX];
	w->is_signal = rule->is_signal;
	if (rule->is_signal)
		w->floor = w->now.sp - RED_ZONE;
	return ET_UNWIND_CAUSE_NONE;
}

/* ---- the walk ----------------------------------------------------------------------------- */

/* One step by a short rule: cfa is rsp or rbp + n, the return address below it. */
READS_STACK static inline enum et_unwind_cause step_short(const struct walk *w, struct frame *f,
							  uint32_t rule)
{
	uint64_t hi = ceiling(w, f->sp), base = f->sp, cfa;
	uint32_t rbp = ET_EH_RBP_SLOT(rule), rbx = ET_EH_RBX_SLOT(rule);

	if ((rule & 3) == ET_EH_RBP_BASE) {
		if (!may_read(w, f->rbp_at, hi))
			return ET_UNWIND_CAUSE_STACK;
		base = *f->rbp_at;
	}
	cfa = base + ET_EH_CFA(rule);
	if (cfa <= f->sp || cfa > hi || cfa % 8 != 0)
		return ET_UNWIND_CAUSE_STACK;
	f->ip = *(const uint64_t *)(uintptr_t)(cfa - 8);
	f->rbp_at = rbp != 0 ? (const uint64_t *)(uintptr_t)(cfa - 8 * rbp) : f->rbp_at;
	f->rbx_at = rbx != 0 ? (const uint64_t *)(uintptr_t)(cfa - 8 * rbx) : f->rbx_at;
	f->sp = cfa;
	return ET_UNWIND_CAUSE_NONE;
}

/* Which of the registers in w->reg hold for the caller too.  Not only those that a call keeps by
 * convention: libcrypto's routines call each other by conventions of their own. */
static inline uint32_t kept_by(uint32_t rule)
{
	return (rule & ET_EH_LOSES) == 0 ? ALL_KNOWN : ALL_KNOWN & ~(uint32_t)R12_TO_R15;
}

/* `mov $15, %eax or %rax; syscall`: a signal's trampoline that no table describes (another C
 * library's); backtrace() knows it by its bytes, as we do. */
static bool is_bare_trampoline(uint64_t ip)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	const uint8_t *at = (const uint8_t *)(uintptr_t)ip;
	unsigned i = 0;

	while (i < sizeof code && at[i] == code[i])
		i++;
	return i == sizeof code;
}

static unsigned no_cfi(const struct et_ehmodule *m, uint64_t ip)
{
	if (m->is_solid && m->hi - ip > 16 && is_bare_trampoline(ip))
		return give_up(ET_UNWIND_CAUSE_RULE);
	return ET_UNWIND_NO_CFI;
}

static unsigned step_special(struct walk *w, const struct et_ehmodule *m, uint32_t rule)
{
	switch (rule >> 2) {
	case ET_EH_OUTER: w->now.ip = 0; return 0;
	case ET_EH_NO_CFI: return no_cfi(m, w->now.ip);
	default: return give_up(ET_UNWIND_CAUSE_RULE);
	}
}

/* Go from w's frame to its caller when the rule at pc is not remembered.  Returns the flags that
 * end the walk, or 0. */
static unsigned step_by_table(struct walk *w, uint64_t pc)
{
	const struct et_ehmodule *m = et_ehset_find(w->set, pc);
	enum et_unwind_cause cause;
	uint32_t rule;

	w->is_signal = false;
	if (m == NULL)
		return give_up(ET_UNWIND_CAUSE_NO_MODULE);
	if (pc < m->base || pc >= m->end)
		return no_cfi(m, w->now.ip);
	rule = et_ehtable_rule(m->rows, m->index, (uint32_t)(pc - m->base));
	if ((rule & 3) == ET_EH_SPECIAL)
		return step_special(w, m, rule);
	if ((rule & 3) == ET_EH_WIDE) {
		cause = step_wide(w, &m->table->wides[rule >> 2], m->table->exprs);
	} else {
		if (!w->is_exact) /* interrupted code is seldom met again, callers are */
			et_ehset_remember(w->set, w->now.ip, rule);
		cause = step_short(w, &w->now, rule);
		w->known &= kept_by(rule);
	}
	return cause == ET_UNWIND_CAUSE_NONE ? 0 : give_up(cause);
}

/* Pairs of words that are loaded together tempt the compiler to keep them in vector registers,
 * at twice the time for a frame. */
#define IN_REGISTERS(f) \
	__asm__("" : "+r"((f).ip), "+r"((f).sp), "+r"((f).rbp_at), "+r"((f).rbx_at))

/* The frame is copied to where the compiler can keep it in registers. */
static unsigned walk_all(struct walk *w, uint64_t *out, unsigned max, unsigned *flags)
{
	struct frame f = w->now;
	uint64_t from_ra = w->from_ra;
	unsigned n = 0;

	IN_REGISTERS(f);
	while (f.ip != 0) { /* 0: no caller; makecontext() and hand-made stacks say it so too */
		uint64_t pc = w->is_exact ? f.ip : f.ip - 1;
		uint32_t rule = w->is_exact ? 0 : et_ehset_recall(w->set, f.ip);

		if (n == max) {
			*flags = ET_UNWIND_TRUNCATED;
			break;
		}
		out[n++] = pc;
		if (rule != 0 && step_short(w, &f, rule) == ET_UNWIND_CAUSE_NONE) {
			w->known &= kept_by(rule);
			w->is_exact = false;
		} else {
			w->now = f;
			*flags = step_by_table(w, pc);
			if (*flags != 0)
				break;
			f = w->now;
			IN_REGISTERS(f);
			out[n - 1] += w->is_signal && !w->is_exact; /* it was never called */
			w->is_exact = w->is_signal;
		}
		if (f.ip == from_ra && n <= NEAREST)
			n = 0;
	}
	return n;
}

static unsigned walk(struct walk *w, uint64_t *out, unsigned max, unsigned *flags)
{
	unsigned n = 0;

	w->now.rbp_at = &w->reg[ET_EH_RBP];
	w->now.rbx_at = &w->reg[ET_EH_RBX];
	w->floor = w->now.sp - RED_ZONE;
	w->set = et_ehset_enter();
	*flags = give_up(ET_UNWIND_CAUSE_NO_SET);
	if (w->set != NULL) {
		*flags = 0;
		n = walk_all(w, out, max, flags);
	}
	et_ehset_leave();
	return n;
}

/* gregs by DWARF number. */
static const uint8_t greg_of[ET_EH_REGS] = {
	REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
	REG_R9,	 REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
};

unsigned et_unwind_context(const ucontext_t *uc, const struct et_unwind_bounds *stack,
			   uint64_t *out, unsigned max, unsigned *flags)
{
	const greg_t *from = uc->uc_mcontext.gregs;
	struct walk w;

	for (unsigned r = 0; r < ET_EH_REGS; r++)
		w.reg[r] = (uint64_t)from[greg_of[r]];
	w.now.ip = w.reg[ET_EH_RA];
	w.now.sp = w.reg[ET_EH_RSP];
	w.known = ALL_KNOWN;
	w.is_exact = true;
	w.is_signal = false;
	w.stack = stack != NULL ? *stack : (struct et_unwind_bounds){ 0, 0 };
	w.from_ra = NO_ADDRESS;
	return walk(&w, out, max, flags);
}

__attribute__((noinline)) unsigned et_unwind_here(const void *from_ra,
						  const struct et_unwind_bounds *stack,
						  uint64_t *out, unsigned max, unsigned *flags)
{
	struct walk w;

	__asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2\n\tmov %%rbx, %3"
			 : "=&r"(w.now.ip), "=m"(w.now.sp), "=m"(w.reg[ET_EH_RBP]), "=m"(w.reg[ET_EH_RBX]));
	w.reg[ET_EH_RSP] = w.now.sp;
	w.known = 0;
	w.is_exact = true;
	w.is_signal = false;
	w.stack = stack != NULL ? *stack : (struct et_unwind_bounds){ 0, 0 };
	/* the first frame is this function's own */
	w.from_ra = (uint64_t)(uintptr_t)(from_ra != NULL ? from_ra : __builtin_return_address(0));
	return walk(&w, out, max, flags);
}

#else /* other processors: no tables, backtrace() does it */

unsigned et_unwind_context(const ucontext_t *uc, const struct et_unwind_bounds *stack,
			   uint64_t *out, unsigned max, unsigned *flags)
{
	(void)uc, (void)stack, (void)out, (void)max;
	*flags = ET_UNWIND_ASK | (unsigned)ET_UNWIND_CAUSE_NO_SET << 8;
	return 0;
}

unsigned et_unwind_here(const void *from_ra, const struct et_unwind_bounds *stack, uint64_t *out,
			unsigned max, unsigned *flags)
{
	(void)from_ra, (void)stack, (void)out, (void)max;
	*flags = ET_UNWIND_ASK | (unsigned)ET_UNWIND_CAUSE_NO_SET << 8;
	return 0;
}

#endif
