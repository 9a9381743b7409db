/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiler of .eh_frame into a flat table (ehtable.h).  It takes the functions in the order of
 * the search table in .eh_frame_hdr, which the linker sorted, so that rows come out sorted; a
 * module without such a table is read from front to back and its functions are sorted first.
 *
 * Rows are written into a mapping that is as large as they could ever get; it costs nothing where
 * it is not touched, and the tail is given back.  Rules too rare for 8 bytes go to a second
 * mapping, each different one once.  Nothing of the module is referred to afterwards: a table
 * outlives a dlclose.  Runs in whatever thread builds; owns only its scratch. */
#include "profiler/agent/ehtable.h"

#include <string.h>
#include <sys/mman.h>

#include "base/pages.h"

#define PAGE 4096u
#define HUGE_MIN (4u << 20)
#define CFA_MAX ((1u << 15) - 8) /* bytes */
#define SLOT_MAX 255u
#define RECENT 512u          /* wide rules and expressions among which an equal one is looked for */
#define WIDES_MAX (1u << 14) /* a module with more of them is asked from backtrace() there */
#define EXPRS_MAX (1u << 20)
#define SPAN_MAX (1u << 31) /* of code in one module */
#define LAST_MAX (1u << 24) /* of the last function of a module */

struct function {
	uint64_t lo;
	const uint8_t *fde;
};

struct et_ehscratch {
	struct et_ehcfa reader;
	struct et_ehwide *wides; /* WIDES_MAX, reserved only */
	uint8_t *exprs;          /* EXPRS_MAX */
	uint32_t n_wides, n_exprs;
	uint32_t recent_wide[RECENT], recent_expr[RECENT]; /* number + 1, by hash */
};

struct maker {
	struct et_ehscratch *s;
	struct et_ehtable *t;
	struct et_ehrow *rows;
	uint32_t max_rows;
	uint64_t span; /* from the first function's begin to the last one's */
	uint64_t end; /* of the functions so far */
};

static size_t round_up(size_t n) { return (n + PAGE - 1) / PAGE * PAGE; }

static uint32_t hash_bytes(const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 16777619u;
	return h ^ h >> 15;
}

/* ---- wide rules --------------------------------------------------------------------------- */

/* Copy an expression out of the module; equal ones share a place. */
static bool keep_expression(struct et_ehscratch *s, struct et_cfa_loc *loc)
{
	const uint8_t *at = s->reader.base + loc->off;
	uint32_t *recent = &s->recent_expr[hash_bytes(at, loc->len) % RECENT];
	uint32_t seen = *recent;

	if (seen == 0 || seen - 1 + loc->len > s->n_exprs ||
	    memcmp(s->exprs + seen - 1, at, loc->len) != 0) {
		if (loc->len > EXPRS_MAX - s->n_exprs)
			return false;
		memcpy(s->exprs + s->n_exprs, at, loc->len);
		seen = s->n_exprs + 1;
		s->n_exprs += loc->len;
	}
	*recent = seen;
	loc->off = (int32_t)(seen - 1);
	return true;
}

static bool keep_expressions(struct et_ehscratch *s, struct et_cfa_state *state)
{
	if (state->cfa.how == ET_CFA_EXPR && !keep_expression(s, &state->cfa))
		return false;
	for (unsigned i = 0; i < ET_EH_REGS; i++) {
		struct et_cfa_loc *loc = &state->reg[i];

		if ((loc->how == ET_CFA_EXPR || loc->how == ET_CFA_VAL_EXPR) &&
		    !keep_expression(s, loc))
			return false;
	}
	return true;
}

static uint32_t special(enum et_eh_special what) { return ET_EH_SPECIAL | (uint32_t)what << 2; }

static uint32_t wide_rule(struct et_ehscratch *s, const struct et_cfa_state *state, bool is_signal)
{
	struct et_ehwide wide;
	uint32_t *recent;

	memset(&wide, 0, sizeof wide); /* the padding is compared too */
	wide.state = *state;
	wide.is_signal = is_signal;
	if (!keep_expressions(s, &wide.state))
		return special(ET_EH_ASK);
	recent = &s->recent_wide[hash_bytes(&wide, sizeof wide) % RECENT];
	if (*recent == 0 || memcmp(&s->wides[*recent - 1], &wide, sizeof wide) != 0) {
		if (s->n_wides == WIDES_MAX)
			return special(ET_EH_ASK);
		s->wides[s->n_wides++] = wide;
		*recent = s->n_wides;
	}
	return (*recent - 1) << 2 | ET_EH_WIDE;
}

/* ---- rules -------------------------------------------------------------------------------- */

/* Where below the CFA a register was saved, in words; 0: it was not; -1: not so simple. */
static int slot_of(const struct et_cfa_loc *loc)
{
	/* nobody needs a register that a caller lost: as libgcc does, look no closer */
	if (loc->how == ET_CFA_SAME || loc->how == ET_CFA_UNDEF)
		return 0;
	if (loc->how != ET_CFA_AT || loc->off >= 0 || loc->off % 8 != 0)
		return -1;
	return -(loc->off / 8) <= (int)SLOT_MAX ? -(loc->off / 8) : -1;
}

/* Of r12..r15. */
static uint32_t loses(const struct et_cfa_loc *reg)
{
	return (reg[12].how | reg[13].how | reg[14].how | reg[15].how) == ET_CFA_SAME ? 0
										      : ET_EH_LOSES;
}

static uint32_t rule_of(struct et_ehscratch *s)
{
	const struct et_cfa_state *state = &s->reader.state;
	const struct et_cfa_loc *cfa = &state->cfa, *ra = &state->reg[ET_EH_RA];
	int rbp = slot_of(&state->reg[ET_EH_RBP]), rbx = slot_of(&state->reg[ET_EH_RBX]);
	bool is_rsp = cfa->reg == ET_EH_RSP;

	if (ra->how == ET_CFA_UNDEF)
		return special(ET_EH_OUTER);
	if (cfa->how == ET_CFA_UNDEF)
		return special(ET_EH_ASK);
	if (s->reader.cie->is_signal || cfa->how != ET_CFA_REG ||
	    (!is_rsp && cfa->reg != ET_EH_RBP) || cfa->off < 0 || cfa->off % 8 != 0 ||
	    (unsigned)cfa->off > CFA_MAX || rbp < 0 || rbx < 0 || ra->how != ET_CFA_AT ||
	    ra->off != -8 || s->reader.has_odd)
		return wide_rule(s, state, s->reader.cie->is_signal);
	return (is_rsp ? ET_EH_RSP_BASE : ET_EH_RBP_BASE) | (uint32_t)cfa->off | loses(state->reg) |
	       (uint32_t)rbp << 15 | (uint32_t)rbx << 23;
}

/* From pc on (not below lo) `rule` holds.  What an earlier function said of it is overruled, as
 * the linker's search table does. */
static void put_row(struct maker *m, uint64_t pc, uint32_t rule)
{
	struct et_ehtable *t = m->t;
	uint32_t off = (uint32_t)(pc - t->lo);

	while (t->n_rows > 0 && m->rows[t->n_rows - 1].pc >= off)
		t->n_rows--;
	if (t->n_rows > 0 && m->rows[t->n_rows - 1].rule == rule)
		return;
	if (t->n_rows == m->max_rows)
		return; /* cannot be: see max_rows_of */
	m->rows[t->n_rows++] = (struct et_ehrow){ .pc = off, .rule = rule };
}

static void extend(struct maker *m, uint64_t end)
{
	if (end > m->end)
		m->end = end;
}

static void put_function(struct maker *m, const struct function *f)
{
	struct et_ehcfa *c = &m->s->reader;
	const uint8_t *next;
	uint64_t pc;

	if (f->lo < m->t->lo || f->lo - m->t->lo > SPAN_MAX)
		return;
	m->t->n_functions++;
	if (et_ehcfa_open(c, f->fde, &next) != 0 || c->lo != f->lo ||
	    c->hi - m->t->lo > SPAN_MAX) {
		m->t->n_ask++;
		put_row(m, f->lo, special(ET_EH_ASK));
		extend(m, f->lo + 1);
		return;
	}
	while (et_ehcfa_row(c, &pc))
		put_row(m, pc, c->is_bad ? special(ET_EH_ASK) : rule_of(m->s));
	m->t->n_ask += c->is_bad;
	put_row(m, c->hi, special(ET_EH_NO_CFI));
	extend(m, c->hi);
}

/* ---- the functions of a module, sorted ---------------------------------------------------- */

/* The search table of .eh_frame_hdr: pairs of 32-bit distances from it. */
struct search {
	const uint8_t *hdr, *pairs; /* pairs NULL: there is no table */
	uint32_t n;
	const uint8_t *eh_frame;
};

static bool read_hdr(const struct et_ehsource *src, struct search *found)
{
	const uint8_t *p = src->hdr + 4;
	uint64_t at, n = 0;

	*found = (struct search){ .hdr = src->hdr };
	if (src->hdr_end - src->hdr < 8 || src->hdr[0] != 1 ||
	    !et_ehcfa_pointer(&p, src->hdr_end, src->hdr[1], &at))
		return false;
	if (at < (uintptr_t)src->base || at >= (uintptr_t)src->end)
		return false;
	found->eh_frame = src->base + (at - (uintptr_t)src->base);
	if (src->hdr[2] == 0xff || src->hdr[3] != 0x3b) /* from the header, 4 bytes, signed */
		return true;
	if (!et_ehcfa_pointer(&p, src->hdr_end, src->hdr[2], &n) ||
	    n > (uint64_t)(src->hdr_end - p) / 8)
		return true;
	found->pairs = p;
	found->n = (uint32_t)n;
	return true;
}

static struct function pair(const struct search *s, uint32_t i)
{
	int32_t d[2];

	memcpy(d, s->pairs + 8 * (size_t)i, 8);
	return (struct function){ .lo = (uint64_t)(uintptr_t)s->hdr + (uint64_t)(int64_t)d[0],
				  .fde = s->hdr + d[1] };
}

static bool is_sorted(const struct search *s)
{
	for (uint32_t i = 1; i < s->n; i++)
		if (pair(s, i).lo < pair(s, i - 1).lo)
			return false;
	return true;
}

static void sift(struct function *f, size_t i, size_t n)
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		struct function swap = f[i];

		child += child + 1 < n && f[child].lo < f[child + 1].lo;
		if (f[i].lo >= f[child].lo)
			return;
		f[i] = f[child];
		f[child] = swap;
	}
}

/* qsort() may allocate, and malloc may be ours. */
static void sort(struct function *f, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(f, i, n);
	for (size_t i = n; i-- > 1;) {
		struct function swap = f[0];

		f[0] = f[i];
		f[i] = swap;
		sift(f, 0, i);
	}
}

/* All functions of the section, front to back; with `out` NULL only their number. */
static size_t scan(struct et_ehcfa *c, const uint8_t *eh_frame, struct function *out)
{
	const uint8_t *at = eh_frame, *next;
	size_t n = 0;

	for (int got; at != NULL; at = next) {
		got = et_ehcfa_open(c, at, &next);
		if (got != 0)
			continue;
		if (out != NULL)
			out[n] = (struct function){ .lo = c->lo, .fde = at };
		n++;
	}
	return n;
}

/* ---- a table ------------------------------------------------------------------------------ */

/* No row without two bytes of instructions (move on; change something), but one where a function
 * begins and one where it ends. */
static uint32_t max_rows_of(const struct et_ehsource *src, const uint8_t *eh_frame, size_t n)
{
	size_t max = (size_t)(src->end - eh_frame) / 2 + 2 * n + 1;

	return max < UINT32_MAX / 2 ? (uint32_t)max : UINT32_MAX / 2;
}

static void put_index(struct et_ehtable *t, uint32_t *index, uint32_t n_pages)
{
	uint32_t row = 0;

	for (uint32_t page = 0; page <= n_pages; page++) {
		while (row + 1 < t->n_rows && t->rows[row + 1].pc <= page << ET_EH_PAGE_BITS)
			row++;
		index[page] = row;
	}
	t->index = index;
}

static uint32_t pages_of(uint64_t bytes)
{
	return (uint32_t)((bytes >> ET_EH_PAGE_BITS) + 1);
}

static bool put_wides(struct et_ehtable *t, struct et_ehscratch *s)
{
	size_t wides = s->n_wides * sizeof *s->wides;
	uint8_t *at;

	if (s->n_wides == 0)
		return true;
	t->wide_size = round_up(wides + s->n_exprs);
	at = et_pages_new(t->wide_size);
	if (at == NULL) {
		t->wide_size = 0;
		return false;
	}
	memcpy(at, s->wides, wides);
	memcpy(at + wides, s->exprs, s->n_exprs);
	t->wides = (const struct et_ehwide *)(const void *)at;
	t->exprs = at + wides;
	t->n_wides = s->n_wides;
	return true;
}

/* Rows are in place: the rest behind them, and the tail back. */
static bool finish(struct maker *m)
{
	struct et_ehtable *t = m->t;
	uint32_t n_pages;
	size_t used;

	if (t->n_rows == 0 || m->end <= t->lo || m->end - t->lo > m->span + LAST_MAX)
		return false;
	t->hi = m->end;
	t->rows = m->rows;
	n_pages = pages_of(t->hi - t->lo);
	put_index(t, (uint32_t *)(void *)(m->rows + t->n_rows), n_pages);
	used = round_up((size_t)((const uint8_t *)(t->index + n_pages + 1) - (uint8_t *)t));
	if (used < t->size) {
		et_pages_free((uint8_t *)t + used, t->size - used);
		t->size = used;
	}
	return put_wides(t, m->s);
}

static bool begin(struct maker *m, const struct et_ehsource *src, const uint8_t *eh_frame,
		  const struct function *first, const struct function *last, size_t n)
{
	uint64_t span = last->lo - first->lo;
	size_t head = (sizeof *m->t + 63) / 64 * 64;

	if (last->lo < first->lo || span > SPAN_MAX - LAST_MAX)
		return false;
	m->span = span;
	m->max_rows = max_rows_of(src, eh_frame, n);
	/* the last function's length is not known yet */
	head += (size_t)m->max_rows * sizeof *m->rows + (pages_of(span + LAST_MAX) + 1) * 4u;
	m->t = et_pages_new(round_up(head));
	if (m->t == NULL)
		return false;
	if (head >= HUGE_MIN) /* a wish: fewer faults now, fewer misses of the TLB in the walks */
		madvise(m->t, round_up(head), MADV_HUGEPAGE);
	m->t->size = round_up(head);
	m->t->lo = first->lo;
	m->rows = (struct et_ehrow *)(void *)((uint8_t *)m->t + (sizeof *m->t + 63) / 64 * 64);
	return true;
}

static bool compile_pairs(struct maker *m, const struct et_ehsource *src, const struct search *s)
{
	struct function first = pair(s, 0), last = pair(s, s->n - 1), f;

	if (!begin(m, src, s->eh_frame, &first, &last, s->n))
		return false;
	for (uint32_t i = 0; i < s->n; i++) {
		f = pair(s, i);
		put_function(m, &f);
	}
	return finish(m);
}

static bool compile_scan(struct maker *m, const struct et_ehsource *src, const uint8_t *eh_frame)
{
	size_t n = scan(&m->s->reader, eh_frame, NULL), size = round_up(n * sizeof(struct function));
	struct function *f = n == 0 ? NULL : et_pages_new(size);
	bool is_done = false;

	if (f == NULL)
		return false;
	scan(&m->s->reader, eh_frame, f);
	sort(f, n);
	if (begin(m, src, eh_frame, &f[0], &f[n - 1], n)) {
		for (size_t i = 0; i < n; i++)
			put_function(m, &f[i]);
		is_done = finish(m);
	}
	et_pages_free(f, size);
	return is_done;
}

static void reset(struct et_ehscratch *s, const struct et_ehsource *src)
{
	memset(&s->reader, 0, sizeof s->reader);
	memset(s->recent_wide, 0, sizeof s->recent_wide);
	memset(s->recent_expr, 0, sizeof s->recent_expr);
	s->reader.base = src->base;
	s->reader.end = src->end;
	s->n_wides = s->n_exprs = 0;
}

struct et_ehtable *et_ehtable_new(const struct et_ehsource *src, struct et_ehscratch *scratch)
{
	struct maker m = { .s = scratch };
	struct search s;

	if (!read_hdr(src, &s))
		return NULL;
	reset(scratch, src);
	if (s.pairs != NULL && s.n > 0 && is_sorted(&s) ? compile_pairs(&m, src, &s)
							: compile_scan(&m, src, s.eh_frame))
		return m.t;
	et_ehtable_free(m.t);
	return NULL;
}

void et_ehtable_free(struct et_ehtable *t)
{
	if (t == NULL)
		return;
	if (t->wide_size != 0)
		et_pages_free((void *)(uintptr_t)t->wides, t->wide_size);
	et_pages_free(t, t->size);
}

struct et_ehscratch *et_ehtable_scratch_new(void)
{
	struct et_ehscratch *s = et_pages_new(round_up(sizeof *s));

	if (s == NULL)
		return NULL;
	s->wides = et_pages_new(WIDES_MAX * sizeof *s->wides);
	s->exprs = et_pages_new(EXPRS_MAX);
	if (s->wides != NULL && s->exprs != NULL)
		return s;
	et_ehtable_scratch_free(s);
	return NULL;
}

void et_ehtable_scratch_free(struct et_ehscratch *s)
{
	if (s == NULL)
		return;
	et_pages_free(s->wides, WIDES_MAX * sizeof *s->wides);
	et_pages_free(s->exprs, EXPRS_MAX);
	et_pages_free(s, round_up(sizeof *s));
}
