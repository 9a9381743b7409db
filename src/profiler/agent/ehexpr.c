/* SPDX-License-Identifier: Apache-2.0
 *
 * DWARF expressions (ehexpr.h).  SIGNAL CONTEXT throughout.  A machine with a stack of 16 words;
 * no loops but by OP_BRA and OP_SKIP, and those only so often.  What is not in signed or unsigned
 * arithmetic of call frames (calls, pieces, addresses of objects) is refused. */
#include "profiler/agent/ehexpr.h"

#include <string.h>

#if defined(__GNUC__)
#define READS_STACK __attribute__((no_sanitize("address"), no_sanitize("thread")))
#endif

#define DEPTH 16u
#define STEPS_MAX 256u
#define WORD 8u

enum {
	OP_DEREF = 0x06, OP_CONST1U = 0x08, OP_CONST8S = 0x0f, OP_CONSTU = 0x10, OP_CONSTS = 0x11,
	OP_DUP = 0x12, OP_DROP = 0x13, OP_OVER = 0x14, OP_PICK = 0x15, OP_SWAP = 0x16, OP_ROT = 0x17,
	OP_ABS = 0x19, OP_AND = 0x1a, OP_DIV = 0x1b, OP_MINUS = 0x1c, OP_MOD = 0x1d, OP_MUL = 0x1e,
	OP_NEG = 0x1f, OP_NOT = 0x20, OP_OR = 0x21, OP_PLUS = 0x22, OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24, OP_SHR = 0x25, OP_SHRA = 0x26, OP_XOR = 0x27, OP_BRA = 0x28, OP_EQ = 0x29,
	OP_GE = 0x2a, OP_GT = 0x2b, OP_LE = 0x2c, OP_LT = 0x2d, OP_NE = 0x2e, OP_SKIP = 0x2f,
	OP_LIT0 = 0x30, OP_LIT31 = 0x4f, OP_BREG0 = 0x70, OP_BREG31 = 0x8f, OP_BREGX = 0x92,
	OP_DEREF_SIZE = 0x94, OP_NOP = 0x96,
};

struct machine {
	const struct et_ehframe *f;
	const uint8_t *begin, *p, *end;
	unsigned n;
	bool is_bad;
	uint64_t stack[DEPTH];
};

READS_STACK bool et_ehexpr_read(const struct et_ehframe *f, uint64_t at, uint64_t *out)
{
	const uint64_t *word = (const uint64_t *)(uintptr_t)at;

	if (at % WORD != 0 || at < f->lo || at >= f->hi || f->hi - at < WORD)
		return false;
	*out = *word;
	return true;
}

static void push(struct machine *m, uint64_t v)
{
	if (m->n == DEPTH)
		m->is_bad = true;
	else
		m->stack[m->n++] = v;
}

static uint64_t pop(struct machine *m)
{
	if (m->n != 0)
		return m->stack[--m->n];
	m->is_bad = true;
	return 0;
}

static void pick(struct machine *m, unsigned below)
{
	if (below >= m->n)
		m->is_bad = true;
	else
		push(m, m->stack[m->n - 1 - below]);
}

static uint64_t take(struct machine *m, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++) {
		if (m->p == m->end) {
			m->is_bad = true;
			return 0;
		}
		v |= (uint64_t)*m->p++ << 8 * i;
	}
	return v;
}

static uint64_t extend(uint64_t v, unsigned bytes)
{
	unsigned shift = 64 - 8 * bytes;

	return (uint64_t)((int64_t)(v << shift) >> shift);
}

static uint64_t leb(struct machine *m, bool is_signed)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)take(m, 1);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0 && !m->is_bad);
	if (is_signed && (byte & 0x40) != 0 && shift < 64)
		v |= UINT64_MAX << shift;
	return v;
}

static void push_register(struct machine *m, uint64_t reg)
{
	uint64_t off = leb(m, true);

	if (reg > 16 || (m->f->known >> reg & 1) == 0)
		m->is_bad = true;
	else
		push(m, m->f->reg[reg] + off);
}

static void deref(struct machine *m)
{
	uint64_t v = 0;

	if (!et_ehexpr_read(m->f, pop(m), &v))
		m->is_bad = true;
	push(m, v);
}

static void jump(struct machine *m, bool is_taken)
{
	int64_t by = (int64_t)extend(take(m, 2), 2);

	if (!is_taken)
		return;
	if (by < m->begin - m->p || by > m->end - m->p)
		m->is_bad = true;
	else
		m->p += by;
}

static uint64_t shift_right(uint64_t a, uint64_t by, bool is_signed)
{
	if (!is_signed)
		return by < 64 ? a >> by : 0;
	return (uint64_t)((int64_t)a >> (by < 64 ? by : 63));
}

static uint64_t compare(uint8_t op, int64_t a, int64_t b)
{
	switch (op) {
	case OP_EQ: return a == b;
	case OP_GE: return a >= b;
	case OP_GT: return a > b;
	case OP_LE: return a <= b;
	case OP_LT: return a < b;
	default: return a != b;
	}
}

static void arithmetic(struct machine *m, uint8_t op)
{
	uint64_t b = pop(m), a = pop(m);

	switch (op) {
	case OP_AND: push(m, a & b); break;
	case OP_MINUS: push(m, a - b); break;
	case OP_MUL: push(m, a * b); break;
	case OP_OR: push(m, a | b); break;
	case OP_PLUS: push(m, a + b); break;
	case OP_SHL: push(m, b < 64 ? a << b : 0); break;
	case OP_SHR: push(m, shift_right(a, b, false)); break;
	case OP_SHRA: push(m, shift_right(a, b, true)); break;
	case OP_XOR: push(m, a ^ b); break;
	case OP_EQ: case OP_GE: case OP_GT: case OP_LE: case OP_LT: case OP_NE:
		push(m, compare(op, (int64_t)a, (int64_t)b));
		break;
	default: m->is_bad = true; break; /* no division: it can trap */
	}
}

static void rotate(struct machine *m, unsigned n)
{
	uint64_t top;

	if (m->n < n) {
		m->is_bad = true;
		return;
	}
	top = m->stack[m->n - 1];
	for (unsigned i = 1; i < n; i++)
		m->stack[m->n - i] = m->stack[m->n - i - 1];
	m->stack[m->n - n] = top;
}

static void constant(struct machine *m, uint8_t op)
{
	unsigned bytes = 1u << (op - OP_CONST1U) / 2;
	uint64_t v = take(m, bytes);

	push(m, (op - OP_CONST1U) % 2 == 0 ? v : extend(v, bytes));
}

static void step(struct machine *m, uint8_t op)
{
	switch (op) {
	case OP_NOP: break;
	case OP_DEREF: deref(m); break;
	case OP_CONSTU: push(m, leb(m, false)); break;
	case OP_CONSTS: push(m, leb(m, true)); break;
	case OP_DUP: pick(m, 0); break;
	case OP_OVER: pick(m, 1); break;
	case OP_PICK: pick(m, (unsigned)take(m, 1)); break;
	case OP_DROP: pop(m); break;
	case OP_SWAP: rotate(m, 2); break;
	case OP_ROT: rotate(m, 3); break;
	case OP_NEG: push(m, 0 - pop(m)); break;
	case OP_NOT: push(m, ~pop(m)); break;
	case OP_PLUS_UCONST: push(m, pop(m) + leb(m, false)); break;
	case OP_SKIP: jump(m, true); break;
	case OP_BRA: jump(m, pop(m) != 0); break;
	case OP_BREGX: push_register(m, leb(m, false)); break;
	default: arithmetic(m, op); break;
	}
}

bool et_ehexpr_run(const struct et_ehframe *f, const uint8_t *expr, size_t len, bool has_first,
		   uint64_t first, uint64_t *out)
{
	struct machine m = { .f = f, .begin = expr, .p = expr, .end = expr + len };

	if (has_first)
		push(&m, first);
	for (unsigned i = 0; m.p < m.end && !m.is_bad; i++) {
		uint8_t op = *m.p++;

		if (i == STEPS_MAX)
			return false;
		if (op >= OP_LIT0 && op <= OP_LIT31)
			push(&m, (uint64_t)(op - OP_LIT0));
		else if (op >= OP_BREG0 && op <= OP_BREG31)
			push_register(&m, (uint64_t)(op - OP_BREG0));
		else if (op >= OP_CONST1U && op <= OP_CONST8S)
			constant(&m, op);
		else
			step(&m, op);
	}
	if (m.is_bad || m.n == 0)
		return false;
	*out = m.stack[m.n - 1];
	return true;
}
