/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of call frame information (ehcfa.h).  No state but the reader's; whoever builds tables
 * runs it.  It trusts no length: what a damaged section says is read within the section or not
 * at all.  Rules of registers that no unwinding needs (xmm, x87) are read and dropped.  An
 * instruction that we do not know makes the rest of its function "bad", never a guess. */
#include "profiler/agent/ehcfa.h"

#include <string.h>

static uint64_t take(struct et_ehin *in, unsigned n)
{
	uint64_t v = 0;

	if ((size_t)(in->end - in->p) < n) {
		in->is_bad = true;
		in->p = in->end;
		return 0;
	}
	memcpy(&v, in->p, n); /* little endian */
	in->p += n;
	return v;
}

static uint64_t long_uleb(struct et_ehin *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; in->p < in->end; shift += 7) {
		uint8_t byte = *in->p++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return v;
	}
	in->is_bad = true;
	return 0;
}

static inline uint64_t uleb(struct et_ehin *in)
{
	return in->p < in->end && *in->p < 0x80 ? *in->p++ : long_uleb(in);
}

static int64_t sleb(struct et_ehin *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; in->p < in->end;) {
		uint8_t byte = *in->p++;

		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if ((byte & 0x80) != 0)
			continue;
		if ((byte & 0x40) != 0 && shift < 64)
			v |= UINT64_MAX << shift;
		return (int64_t)v;
	}
	in->is_bad = true;
	return 0;
}

static uint64_t address(const uint8_t *p) { return (uint64_t)(uintptr_t)p; }

enum { PE_OMIT = 0xff, PE_FORMAT = 0x0f, PE_PCREL = 0x10, PE_APPLY = 0xf0 };

static uint64_t pointer_value(struct et_ehin *in, unsigned format)
{
	switch (format) {
	case 0x00: return take(in, 8);
	case 0x01: return uleb(in);
	case 0x02: return take(in, 2);
	case 0x03: return take(in, 4);
	case 0x04: return take(in, 8);
	case 0x09: return (uint64_t)sleb(in);
	case 0x0a: return (uint64_t)(int64_t)(int16_t)take(in, 2);
	case 0x0b: return (uint64_t)(int64_t)(int32_t)take(in, 4);
	case 0x0c: return take(in, 8);
	default: in->is_bad = true; return 0;
	}
}

bool et_ehcfa_pointer(const uint8_t **p, const uint8_t *end, unsigned encoding, uint64_t *out)
{
	struct et_ehin in = { .p = *p, .end = end };
	uint64_t from = (encoding & PE_APPLY) == PE_PCREL ? address(*p) : 0;

	if ((encoding & PE_APPLY) != PE_PCREL && (encoding & PE_APPLY) != 0)
		return false;
	*out = from + pointer_value(&in, encoding & PE_FORMAT);
	*p = in.p;
	return !in.is_bad;
}

/* ---- instructions ------------------------------------------------------------------------- */

static void set_cfa(struct et_ehcfa *c, struct et_ehin *in, uint64_t reg, int64_t off)
{
	if (reg >= ET_EH_REGS || off != (int32_t)off)
		in->is_bad = true;
	else
		c->state.cfa = (struct et_cfa_loc){ .how = ET_CFA_REG, .reg = (uint8_t)reg,
						    .off = (int32_t)off };
}

static inline void set_cfa_off(struct et_ehcfa *c, struct et_ehin *in, int64_t off)
{
	if (c->state.cfa.how != ET_CFA_REG || off != (int32_t)off)
		in->is_bad = true;
	else
		c->state.cfa.off = (int32_t)off;
}

/* rax, rdx, rcx, rsi, rdi, rsp, r8..r11: hardly ever spoken of. */
#define ODD 0x0fb7u

static inline void put_rule(struct et_ehcfa *c, uint64_t reg, struct et_cfa_loc loc)
{
	c->state.reg[reg] = loc;
	c->has_odd |= (ODD >> reg & 1) != 0;
}

static inline void set_rule(struct et_ehcfa *c, struct et_ehin *in, uint64_t reg, enum et_cfa_how how,
		     int64_t off)
{
	if (off != (int32_t)off)
		in->is_bad = true;
	else if (reg < ET_EH_REGS)
		put_rule(c, reg, (struct et_cfa_loc){ .how = (uint8_t)how, .off = (int32_t)off });
}

static int64_t scaled(const struct et_ehcfa *c, uint64_t factor)
{
	return (int64_t)(factor * (uint64_t)c->cie->data_align);
}

static struct et_cfa_loc expression(struct et_ehcfa *c, struct et_ehin *in, enum et_cfa_how how)
{
	uint64_t len = uleb(in);
	const uint8_t *at = in->p;

	if (len > (size_t)(in->end - in->p) || len > UINT16_MAX || at - c->base > INT32_MAX) {
		in->is_bad = true;
		return (struct et_cfa_loc){ 0 };
	}
	in->p += len;
	return (struct et_cfa_loc){ .how = (uint8_t)how, .len = (uint16_t)len,
				    .off = (int32_t)(at - c->base) };
}

static void set_expression(struct et_ehcfa *c, struct et_ehin *in, enum et_cfa_how how)
{
	uint64_t reg = uleb(in);
	struct et_cfa_loc loc = expression(c, in, how);

	if (reg < ET_EH_REGS)
		put_rule(c, reg, loc);
}

static void set_register(struct et_ehcfa *c, struct et_ehin *in)
{
	uint64_t reg = uleb(in), from = uleb(in);

	if (from >= ET_EH_REGS)
		in->is_bad = true;
	else if (reg < ET_EH_REGS)
		put_rule(c, reg, (struct et_cfa_loc){ .how = ET_CFA_REG, .reg = (uint8_t)from });
}

static void restore(struct et_ehcfa *c, uint64_t reg)
{
	if (reg < ET_EH_REGS)
		c->state.reg[reg] = c->cie->init.reg[reg];
}

static void keep_state(struct et_ehcfa *c, struct et_ehin *in)
{
	if (c->depth == ET_EHCFA_STACK)
		in->is_bad = true;
	else
		c->kept[c->depth++] = c->state;
}

static void recall_state(struct et_ehcfa *c, struct et_ehin *in)
{
	if (c->depth == 0)
		in->is_bad = true;
	else
		c->state = c->kept[--c->depth];
}

enum {
	CFA_ADVANCE = 0x40, CFA_OFFSET = 0x80, CFA_RESTORE = 0xc0, /* operand in the low 6 bits */
	CFA_NOP = 0x00, CFA_SET_LOC, CFA_ADVANCE1, CFA_ADVANCE2, CFA_ADVANCE4,
	CFA_OFFSET_EXTENDED, CFA_RESTORE_EXTENDED, CFA_UNDEFINED, CFA_SAME_VALUE, CFA_REGISTER,
	CFA_REMEMBER, CFA_RECALL, CFA_DEF_CFA, CFA_DEF_CFA_REGISTER, CFA_DEF_CFA_OFFSET,
	CFA_DEF_CFA_EXPRESSION, CFA_EXPRESSION, CFA_OFFSET_EXTENDED_SF, CFA_DEF_CFA_SF,
	CFA_DEF_CFA_OFFSET_SF, CFA_VAL_OFFSET, CFA_VAL_OFFSET_SF, CFA_VAL_EXPRESSION,
	CFA_GNU_ARGS_SIZE = 0x2e, CFA_GNU_NEGATIVE_OFFSET = 0x2f,
};

/* The instructions about one register, and what is rare. */
static void run_register(struct et_ehcfa *c, struct et_ehin *in, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		reg = uleb(in);
		set_rule(c, in, reg, ET_CFA_AT, scaled(c, uleb(in)));
		break;
	case CFA_OFFSET_EXTENDED_SF:
		reg = uleb(in);
		set_rule(c, in, reg, ET_CFA_AT, scaled(c, (uint64_t)sleb(in)));
		break;
	case CFA_GNU_NEGATIVE_OFFSET:
		reg = uleb(in);
		set_rule(c, in, reg, ET_CFA_AT, -scaled(c, uleb(in)));
		break;
	case CFA_VAL_OFFSET:
		reg = uleb(in);
		set_rule(c, in, reg, ET_CFA_VAL, scaled(c, uleb(in)));
		break;
	case CFA_VAL_OFFSET_SF:
		reg = uleb(in);
		set_rule(c, in, reg, ET_CFA_VAL, scaled(c, (uint64_t)sleb(in)));
		break;
	case CFA_RESTORE_EXTENDED: restore(c, uleb(in)); break;
	case CFA_UNDEFINED: set_rule(c, in, uleb(in), ET_CFA_UNDEF, 0); break;
	case CFA_SAME_VALUE: set_rule(c, in, uleb(in), ET_CFA_SAME, 0); break;
	case CFA_REGISTER: set_register(c, in); break;
	case CFA_EXPRESSION: set_expression(c, in, ET_CFA_EXPR); break;
	case CFA_VAL_EXPRESSION: set_expression(c, in, ET_CFA_VAL_EXPR); break;
	case CFA_GNU_ARGS_SIZE: uleb(in); break;
	default: in->is_bad = true; break;
	}
}

static void run(struct et_ehcfa *c, struct et_ehin *in, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case CFA_NOP: break;
	case CFA_DEF_CFA_OFFSET: set_cfa_off(c, in, (int64_t)uleb(in)); break;
	case CFA_DEF_CFA_OFFSET_SF: set_cfa_off(c, in, scaled(c, (uint64_t)sleb(in))); break;
	case CFA_DEF_CFA_REGISTER:
		set_cfa(c, in, uleb(in), c->state.cfa.off);
		break;
	case CFA_DEF_CFA:
		reg = uleb(in);
		set_cfa(c, in, reg, (int64_t)uleb(in));
		break;
	case CFA_DEF_CFA_SF:
		reg = uleb(in);
		set_cfa(c, in, reg, scaled(c, (uint64_t)sleb(in)));
		break;
	case CFA_DEF_CFA_EXPRESSION: c->state.cfa = expression(c, in, ET_CFA_EXPR); break;
	case CFA_REMEMBER: keep_state(c, in); break;
	case CFA_RECALL: recall_state(c, in); break;
	default: run_register(c, in, op); break;
	}
}

/* Rare: kept out of the way of the others. */
__attribute__((noinline)) static uint64_t set_loc(struct et_ehcfa *c, struct et_ehin *in)
{
	uint64_t to;

	if (et_ehcfa_pointer(&in->p, in->end, c->cie->pc_encoding, &to) && to >= c->at)
		return to - c->at;
	in->is_bad = true;
	return 0;
}

/* How far an instruction moves on; 0 for those that do not. */
static uint64_t advance(struct et_ehcfa *c, struct et_ehin *in, uint8_t op)
{
	switch (op) {
	case CFA_ADVANCE1: return take(in, 1) * c->cie->code_align;
	case CFA_ADVANCE2: return take(in, 2) * c->cie->code_align;
	case CFA_ADVANCE4: return take(in, 4) * c->cie->code_align;
	case CFA_SET_LOC: return set_loc(c, in);
	default: run(c, in, op); return 0;
	}
}

/* Run instructions until one moves on; by how much, 0 at their end.  The frequent ones come
 * first: a large program has a million of them. */
static uint64_t run_until_advance(struct et_ehcfa *c, struct et_ehin *in)
{
	uint64_t moved = 0;

	while (moved == 0 && in->p < in->end && !in->is_bad) {
		uint8_t op = *in->p++;

		if (op == CFA_DEF_CFA_OFFSET)
			set_cfa_off(c, in, (int64_t)uleb(in));
		else if ((op & 0xc0) == CFA_ADVANCE)
			moved = (op & 0x3f) * c->cie->code_align;
		else if ((op & 0xc0) == CFA_OFFSET)
			set_rule(c, in, op & 0x3f, ET_CFA_AT, scaled(c, uleb(in)));
		else if ((op & 0xc0) == CFA_RESTORE)
			restore(c, op & 0x3f);
		else
			moved = advance(c, in, op);
	}
	return moved;
}

bool et_ehcfa_row(struct et_ehcfa *c, uint64_t *pc)
{
	uint64_t moved;

	if (c->is_done)
		return false;
	*pc = c->at;
	moved = run_until_advance(c, &c->in);
	c->at += moved;
	c->is_bad = c->in.is_bad;
	c->is_done = moved == 0 || c->is_bad || c->at >= c->hi;
	return true;
}

/* ---- entries ------------------------------------------------------------------------------ */

/* The bytes of the entry at `at` behind its length; NULL: the end mark, or beyond the section. */
static const uint8_t *entry(const struct et_ehcfa *c, const uint8_t *at, const uint8_t **end)
{
	struct et_ehin in = { .p = at, .end = c->end };
	uint64_t n;

	if (at < c->base || at >= c->end)
		return NULL;
	n = take(&in, 4);
	if (n == UINT32_MAX)
		n = take(&in, 8);
	if (in.is_bad || n < 4 || n > (size_t)(c->end - in.p))
		return NULL;
	*end = in.p + n;
	return in.p;
}

/* One letter of the augmentation; the data it speaks of lies at in->p. */
static bool augment(struct et_ehcie *cie, struct et_ehin *in, char letter)
{
	unsigned encoding;

	switch (letter) {
	case 'R': cie->pc_encoding = (uint8_t)take(in, 1); return true;
	case 'S': cie->is_signal = true; return true;
	case 'L': take(in, 1); return true;
	case 'P':
		encoding = (unsigned)take(in, 1);
		if (encoding != PE_OMIT)
			pointer_value(in, encoding & PE_FORMAT);
		return true;
	default: return false;
	}
}

static bool read_augmentation(struct et_ehcie *cie, struct et_ehin *in, const char *letters)
{
	uint64_t len;
	const uint8_t *behind;

	if (letters[0] == '\0')
		return true;
	if (letters[0] != 'z')
		return false;
	cie->has_augmentation = true;
	len = uleb(in);
	if (len > (size_t)(in->end - in->p))
		return false;
	behind = in->p + len;
	for (const char *l = letters + 1; *l != '\0'; l++)
		if (!augment(cie, in, *l))
			return false;
	in->p = behind;
	return !in->is_bad;
}

static bool read_cie(struct et_ehcfa *c, struct et_ehcie *cie, const uint8_t *at)
{
	struct et_ehin in = { 0 };
	const char *letters;
	uint64_t version, ra;

	in.p = entry(c, at, &in.end);
	if (in.p == NULL || take(&in, 4) != 0)
		return false;
	*cie = (struct et_ehcie){ .insns = NULL };
	version = take(&in, 1);
	letters = (const char *)in.p;
	if ((version != 1 && version != 3) || memchr(in.p, 0, (size_t)(in.end - in.p)) == NULL)
		return false;
	in.p += strlen(letters) + 1;
	cie->code_align = uleb(&in);
	cie->data_align = sleb(&in);
	ra = version == 1 ? take(&in, 1) : uleb(&in);
	if (!read_augmentation(cie, &in, letters) || in.is_bad || ra != ET_EH_RA)
		return false;
	cie->insns = in.p;
	cie->end = in.end;
	return true;
}

/* Functions in a row share a CIE: a few are kept. */
static const struct et_ehcie *find_cie(struct et_ehcfa *c, const uint8_t *at)
{
	struct et_ehcie *cie = &c->cies[(address(at) / 8) % ET_EHCFA_CIES];
	struct et_ehin in;

	if (cie->at == at)
		return cie;
	cie->at = NULL;
	if (!read_cie(c, cie, at))
		return NULL;
	c->cie = cie;
	c->state = (struct et_cfa_state){ .cfa = { .how = ET_CFA_UNDEF } };
	c->depth = 0;
	c->has_odd = false;
	in = (struct et_ehin){ .p = cie->insns, .end = cie->end };
	if (run_until_advance(c, &in) != 0 || in.is_bad)
		return NULL;
	cie->init = c->state;
	cie->has_odd = c->has_odd;
	cie->at = at;
	return cie;
}

int et_ehcfa_open(struct et_ehcfa *c, const uint8_t *fde, const uint8_t **next)
{
	struct et_ehin in = { 0 };
	const uint8_t *id_at;
	uint64_t id, n;

	*next = NULL;
	in.p = entry(c, fde, &in.end);
	if (in.p == NULL)
		return -1;
	*next = in.end;
	id_at = in.p;
	id = take(&in, 4);
	if (id == 0)
		return 1;
	if (id > (size_t)(id_at - c->base))
		return -1;
	c->cie = find_cie(c, id_at - id);
	if (c->cie == NULL || !et_ehcfa_pointer(&in.p, in.end, c->cie->pc_encoding, &c->lo))
		return -1;
	c->hi = c->lo + pointer_value(&in, c->cie->pc_encoding & PE_FORMAT);
	n = c->cie->has_augmentation ? uleb(&in) : 0;
	if (in.is_bad || n > (size_t)(in.end - in.p) || c->hi <= c->lo)
		return -1;
	c->in = (struct et_ehin){ .p = in.p + n, .end = in.end };
	c->at = c->lo;
	c->state = c->cie->init;
	c->has_odd = c->cie->has_odd;
	c->depth = 0;
	c->is_done = c->is_bad = false;
	return 0;
}
