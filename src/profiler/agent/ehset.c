/* SPDX-License-Identifier: Apache-2.0
 *
 * The unwind tables of everything that is loaded (ehset.h).
 *
 * Why a walker never sees freed memory:
 *   1. A set and its tables are complete before `current` points to them and never change (but
 *      for the words of `recent`, which walkers fill in and which are good or absent).
 *   2. A walker counts itself in (one of N_STRIPES counters, told by its thread) before it loads
 *      `current` and counts itself out when it holds no pointer any more; both sequentially
 *      consistent, as are the builder's store to `current` and its loads of the counters.
 *   3. The builder frees a set only after it has seen, later than it took the set out of
 *      `current`, each counter at 0 once (`left`, a bit each).  A walker that holds the set loaded `current` before
 *      that store, so it had counted itself in before; its counter cannot be seen at 0 until it
 *      left.  Who counts in afterwards loads the new pointer.
 * Counters that are busy just then only delay: the set waits for a later build.  A signal handler
 * that interrupts a walker of its own thread counts a second time.
 *
 * A table belongs to as many sets as hold it (refs); a module that is still there, by its
 * identity, hands its table on to the next set. */
#include "profiler/agent/ehset.h"

#include <link.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/pages.h"

#define N_STRIPES 64u
#define MODULES_MAX 16384u
#define RETIRED_MAX 64u /* more than these wait: no new build until one is free */
#define NOTES_MAX 1024u /* bytes of a module's notes and search table that tell it from another */
#define SEARCH_MAX 4096u

struct stripe {
	_Alignas(64) atomic_uint n;
};

/* The process has one set of loaded modules and its signal handlers get no context. */
static struct stripe walkers[N_STRIPES];
static _Atomic(struct et_ehset *) current;

/* The builder's; `is_busy` is its lock, `asked` tells it that a request came meanwhile. */
static atomic_flag is_busy = ATOMIC_FLAG_INIT;
static atomic_uint asked;
static struct et_ehset *latest;
static struct et_ehset *retired[RETIRED_MAX];
static atomic_uint n_retired;
static unsigned long long seen_adds, seen_subs; /* the loader's counts at `latest` */
static struct et_ehset_info info;

/* `gate` orders the store to `current` against dlclose, and guards `info`; held for a few
 * instructions. */
static atomic_flag gate = ATOMIC_FLAG_INIT;
static unsigned n_unloading;
static unsigned n_unloaded;

/* ---- walkers: SIGNAL CONTEXT -------------------------------------------------------------- */

static struct stripe *my_stripe(void)
{
	uint64_t thread;

#if defined(__x86_64__)
	__asm__("mov %%fs:0, %0" : "=r"(thread));
#else
	thread = (uint64_t)(uintptr_t)__builtin_thread_pointer();
#endif

	return &walkers[(thread >> 6 ^ thread >> 12 ^ thread >> 20) % N_STRIPES];
}

const struct et_ehset *et_ehset_enter(void)
{
	atomic_fetch_add(&my_stripe()->n, 1);
	return atomic_load(&current);
}

void et_ehset_leave(void) { atomic_fetch_sub(&my_stripe()->n, 1); }

/* ---- publication -------------------------------------------------------------------------- */

static void gate_close(void)
{
	while (atomic_flag_test_and_set_explicit(&gate, memory_order_acquire))
		;
}

static void gate_open(void) { atomic_flag_clear_explicit(&gate, memory_order_release); }

/* Unless something was or is being unloaded since `was_unloaded` was read. */
static bool publish(struct et_ehset *set, unsigned was_unloaded)
{
	bool is_ok;

	gate_close();
	is_ok = n_unloading == 0 && n_unloaded == was_unloaded;
	atomic_store(&current, is_ok ? set : NULL);
	gate_open();
	return is_ok;
}

static bool may_publish(unsigned *unloaded)
{
	bool is_ok;

	gate_close();
	is_ok = n_unloading == 0;
	*unloaded = n_unloaded;
	gate_open();
	return is_ok;
}

void et_ehset_unload_begin(void)
{
	gate_close();
	n_unloading++;
	atomic_store(&current, NULL);
	gate_open();
}

int et_ehset_unload_end(void)
{
	gate_close();
	if (n_unloading > 0) /* a forked child may have set it to 0 */
		n_unloading--;
	n_unloaded++;
	gate_open();
	return et_ehset_build();
}

/* ---- giving back -------------------------------------------------------------------------- */

static void free_set(struct et_ehset *set)
{
	for (uint32_t i = 0; i < set->n; i++) {
		struct et_ehtable *t = set->modules[i].table;

		if (--t->refs == 0)
			et_ehtable_free(t);
	}
	et_pages_free(set, set->size);
}

static uint64_t empty_stripes(void)
{
	uint64_t empty = 0;

	for (unsigned i = 0; i < N_STRIPES; i++)
		empty |= (uint64_t)(atomic_load(&walkers[i].n) == 0) << i;
	return empty;
}

static void reclaim(void)
{
	uint64_t empty = empty_stripes();
	unsigned kept = 0;

	for (unsigned i = 0; i < n_retired; i++) {
		retired[i]->left |= empty;
		if (retired[i]->left == UINT64_MAX)
			free_set(retired[i]);
		else
			retired[kept++] = retired[i];
	}
	n_retired = kept;
}

/* ---- what is loaded ----------------------------------------------------------------------- */

struct scan {
	struct et_ehscratch *scratch;
	struct et_ehmodule *found; /* MODULES_MAX, reserved only */
	uint32_t n, n_compiled;
	unsigned long long adds, subs;
};

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	uint64_t v;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		memcpy(&v, b + i, 8);
		h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

static const uint8_t *mapped(const struct dl_phdr_info *m, const ElfW(Phdr) *ph)
{
	return (const uint8_t *)(uintptr_t)(m->dlpi_addr + ph->p_vaddr);
}

static size_t at_most(size_t n, size_t max) { return n < max ? n : max; }

/* The segment in memory that holds all of a part; NULL: that part is not loaded. */
static const ElfW(Phdr) *segment_of(const struct dl_phdr_info *m, const ElfW(Phdr) *part)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *seg = &m->dlpi_phdr[i];

		if (seg->p_type == PT_LOAD && (seg->p_flags & PF_R) != 0 &&
		    part->p_vaddr >= seg->p_vaddr && part->p_memsz <= seg->p_memsz &&
		    part->p_vaddr - seg->p_vaddr <= seg->p_memsz - part->p_memsz)
			return seg;
	}
	return NULL;
}

/* Where it lies, what its segments look like, its build id and where its functions begin: a
 * module that agrees in all of it has the same unwind information. */
static uint64_t identity_of(const struct dl_phdr_info *m, const ElfW(Phdr) *hdr)
{
	uint64_t h = mix(m->dlpi_addr + 1, m->dlpi_phdr, m->dlpi_phnum * sizeof *m->dlpi_phdr);

	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *note = &m->dlpi_phdr[i];

		if (note->p_type == PT_NOTE && segment_of(m, note) != NULL)
			h = mix(h, mapped(m, note), at_most(note->p_memsz, NOTES_MAX));
	}
	return mix(h, mapped(m, hdr), at_most(hdr->p_memsz, SEARCH_MAX));
}

/* The header of the search table, and the segment around it. */
static const ElfW(Phdr) *find_source(const struct dl_phdr_info *m, struct et_ehsource *src)
{
	const ElfW(Phdr) *hdr = NULL, *seg;

	for (int i = 0; i < m->dlpi_phnum; i++)
		if (m->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			hdr = &m->dlpi_phdr[i];
	seg = hdr == NULL ? NULL : segment_of(m, hdr);
	if (seg == NULL)
		return NULL;
	*src = (struct et_ehsource){ .hdr = mapped(m, hdr), .hdr_end = mapped(m, hdr) + hdr->p_memsz,
				     .base = mapped(m, seg), .end = mapped(m, seg) + seg->p_memsz };
	return hdr;
}

/* From the first executable segment to the last one. */
static void find_code(const struct dl_phdr_info *m, struct et_ehmodule *out)
{
	unsigned n_segments = 0;

	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *seg = &m->dlpi_phdr[i];
		uint64_t lo = m->dlpi_addr + seg->p_vaddr, hi = lo + seg->p_memsz;

		if (seg->p_type != PT_LOAD || (seg->p_flags & PF_X) == 0)
			continue;
		out->lo = lo < out->lo ? lo : out->lo;
		out->hi = hi > out->hi ? hi : out->hi;
		n_segments++;
	}
	out->is_solid = n_segments == 1;
}

static struct et_ehtable *known_table(uint64_t identity)
{
	for (uint32_t i = 0; latest != NULL && i < latest->n; i++)
		if (latest->modules[i].table->identity == identity)
			return latest->modules[i].table;
	return NULL;
}

/* For each module, under the loader's lock: nothing can be unloaded while it is read. */
static int add_module(struct dl_phdr_info *m, size_t size, void *self)
{
	struct scan *s = self;
	struct et_ehsource src;
	const ElfW(Phdr) *hdr = find_source(m, &src);
	struct et_ehtable *t;
	uint64_t identity;

	(void)size;
	s->adds = m->dlpi_adds;
	s->subs = m->dlpi_subs;
	if (hdr == NULL || s->n == MODULES_MAX)
		return 0;
	identity = identity_of(m, hdr);
	t = known_table(identity);
	if (t == NULL) {
		t = et_ehtable_new(&src, s->scratch);
		s->n_compiled++;
	}
	if (t == NULL)
		return 0;
	t->identity = identity;
	s->found[s->n] = (struct et_ehmodule){ .lo = t->lo, .hi = t->hi, .base = t->lo,
					       .end = t->hi, .rows = t->rows, .index = t->index,
					       .table = t };
	find_code(m, &s->found[s->n++]);
	return 0;
}

static int ask_counts(struct dl_phdr_info *m, size_t size, void *self)
{
	struct scan *s = self;

	(void)size;
	s->adds = m->dlpi_adds;
	s->subs = m->dlpi_subs;
	return 1; /* enough */
}

/* ---- a new set ---------------------------------------------------------------------------- */

/* Shell's sort: qsort() may allocate, and malloc may be ours. */
static void sort_modules(struct et_ehmodule *m, uint32_t n)
{
	for (uint32_t gap = n / 2; gap > 0; gap /= 2)
		for (uint32_t i = gap; i < n; i++) {
			struct et_ehmodule now = m[i];
			uint32_t at = i;

			for (; at >= gap && m[at - gap].lo > now.lo; at -= gap)
				m[at] = m[at - gap];
			m[at] = now;
		}
}

static struct et_ehset *new_set(struct scan *s)
{
	size_t head = sizeof(struct et_ehset) + s->n * sizeof(uint64_t), at;
	struct et_ehset *set;
	struct et_ehmodule *modules;

	head = (head + 63) / 64 * 64; /* a module is one cache line */
	at = head + s->n * sizeof *modules;
	set = et_pages_new(at + ET_EHSET_PLACES * sizeof *set->recent);
	if (set == NULL)
		return NULL;
	set->size = at + ET_EHSET_PLACES * sizeof *set->recent;
	set->recent = (atomic_uint_fast64_t *)(void *)((uint8_t *)set + at);
	modules = (struct et_ehmodule *)(void *)((uint8_t *)set + head);
	sort_modules(s->found, s->n);
	memcpy(modules, s->found, s->n * sizeof *modules);
	for (uint32_t i = 0; i < s->n; i++) {
		set->lo[i] = modules[i].lo;
		modules[i].table->refs++;
	}
	set->modules = modules;
	set->n = s->n;
	return set;
}

static void discard(struct scan *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->found[i].table->refs == 0)
			et_ehtable_free(s->found[i].table);
}

static void sum_up(const struct scan *s, int64_t ns)
{
	struct et_ehset_info sum = { .n_modules = s->n, .n_compiled = s->n_compiled,
				     .build_ns = ns, .n_builds = info.n_builds + 1 };

	for (uint32_t i = 0; i < s->n; i++) {
		const struct et_ehtable *t = s->found[i].table;

		sum.n_rows += t->n_rows;
		sum.n_wides += t->n_wides;
		sum.n_functions += t->n_functions;
		sum.n_ask += t->n_ask;
		sum.bytes += t->size + t->wide_size;
	}
	gate_close();
	info = sum;
	gate_open();
}

static struct et_ehset *scan_modules(struct scan *s)
{
	int64_t begin = et_clock_mono_ns();
	struct et_ehset *set = NULL;

	s->scratch = et_ehtable_scratch_new();
	s->found = et_pages_new(MODULES_MAX * sizeof *s->found);
	if (s->scratch != NULL && s->found != NULL) {
		dl_iterate_phdr(add_module, s);
		set = new_set(s);
		if (set == NULL)
			discard(s);
		else
			sum_up(s, et_clock_mono_ns() - begin);
	}
	et_ehtable_scratch_free(s->scratch);
	et_pages_free(s->found, MODULES_MAX * sizeof *s->found);
	return set;
}

static int build_once(void)
{
	struct scan s = { 0 };
	struct et_ehset *set;
	unsigned unloaded;

	if (!may_publish(&unloaded))
		return 0; /* the end of the unloading builds */
	dl_iterate_phdr(ask_counts, &s);
	reclaim();
	if (latest != NULL && s.adds == seen_adds && s.subs == seen_subs) {
		publish(latest, unloaded);
		return 0;
	}
	if (n_retired == RETIRED_MAX)
		return -1;
	set = scan_modules(&s);
	if (set == NULL)
		return -1;
	seen_adds = s.adds;
	seen_subs = s.subs;
	publish(set, unloaded);
	if (latest != NULL)
		retired[n_retired++] = latest;
	latest = set;
	reclaim();
	return 0;
}

int et_ehset_build(void)
{
	unsigned done;
	int rc = 0;

	atomic_fetch_add(&asked, 1);
	do {
		if (atomic_flag_test_and_set(&is_busy))
			return 0;
		done = atomic_load(&asked);
		rc = build_once();
		atomic_flag_clear(&is_busy);
	} while (atomic_load(&asked) != done); /* somebody was turned away meanwhile */
	return rc;
}

/* A build that was under way in another thread is nobody's now: what it had in hand may be half
 * done, so it is left as it is.  What `current` points to is whole and is never freed. */
void et_ehset_fork_child(void)
{
	atomic_flag_clear(&gate);
	if (atomic_flag_test_and_set(&is_busy)) {
		latest = NULL;
		n_retired = 0;
	}
	atomic_flag_clear(&is_busy);
	n_unloading = 0;
	for (unsigned i = 0; i < N_STRIPES; i++)
		atomic_store(&walkers[i].n, 0);
}

void et_ehset_info(struct et_ehset_info *out)
{
	gate_close();
	*out = info;
	gate_open();
	out->n_retired = atomic_load(&n_retired);
}
