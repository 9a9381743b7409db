/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap tables (heap.h).  Three structures, all in pages of our own:
 *   sites   call stack x allocator -> sums, in the region.  Found without a lock (slots are
 *           published with release), made under one lock; never removed.
 *   live    address -> site, size, weight of each recorded object that is still held; 64 shards
 *           of open addressing with a spin lock each.
 *   filter  64 Ki counters by address hash: an address whose counter is 0 was not recorded, and
 *           free() is done with one load.
 * Sampling: bytes until the next record are drawn from an exponential distribution, so an
 * allocation of s bytes is recorded with p = 1 - exp(-s / period) and stands for 1/p of its
 * like: bytes and counts are both unbiased (jemalloc, doc_internal/PROFILING_INTERNALS.md), and
 * with w = 1/p a record adds s^2 w (w - 1) to the variance of the bytes, w (w - 1) to that of the
 * count.  Each record weighs by the period that its own countdown was drawn from, so the period
 * may change at any time. */
#include "profiler/agent/heap.h"

#include <execinfo.h>
#include <math.h>
#include <sched.h>
#include <string.h>

#include "base/pages.h"
#include "profiler/agent/stack.h"
#include "profiler/agent/unwind.h"

#define SLOTS (2 * ET_SITES_MAX) /* probes stay short */
#define SHARDS 64u
#define FILTER (1u << ET_HEAP_FILTER_BITS)
#define MAPS_MAX 65536u

struct live {
	uintptr_t ptr; /* 0 = free */
	uint32_t site;
	uint32_t pad;
	uint64_t size, weight_fix;
};

struct shard {
	_Alignas(64) atomic_flag lock;
	struct live *tab;
	uint32_t n, room; /* room: power of two */
};

struct map {
	uintptr_t at;
	size_t n;
	uint32_t site;
};

/* Process-wide because the heap is; private to this file. */
static struct {
	_Atomic uint64_t period;
	atomic_bool is_adaptive;
	atomic_uint_fast64_t n_recorded; /* with this period, when adaptive */
	struct et_region *region; /* sites and their frames */
	atomic_uint *slots;       /* site index + 1 */
	size_t n_frames;
	atomic_flag site_lock;
	struct shard shards[SHARDS];
	atomic_uchar *filter;
	struct map *maps;
	uint32_t n_maps;
	atomic_flag map_lock;
} heap;

static void spin_lock(atomic_flag *lock)
{
	for (unsigned n = 1; atomic_flag_test_and_set_explicit(lock, memory_order_acquire); n++)
		if (n % 64 == 0)
			sched_yield(); /* the holder may have lost its processor */
}

static void spin_unlock(atomic_flag *lock)
{
	atomic_flag_clear_explicit(lock, memory_order_release);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* ---- sampling ---------------------------------------------------------------------------- */

/* Adaptive: 8 KiB gives 8,192 records in the first 64 MiB; then half as many for each doubling. */
#define PERIOD_LEAST (8u << 10)
#define PERIOD_MOST (512u << 10)
#define RECORDS_A_PERIOD 8192u

static void draw_step(struct et_thread *t)
{
	uint64_t period = atomic_load_explicit(&heap.period, memory_order_relaxed);
	double u;

	t->period = period == 0 ? UINT64_MAX : period;
	if (period == 0) {
		t->countdown = INT64_MAX;
		return;
	}
	if (period == 1) {
		t->countdown = 0;
		return;
	}
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	u = ((double)(mix(t->rng) >> 11) + 1.0) / 9007199254740993.0; /* (0, 1) */
	t->countdown = (int64_t)ceil(-log(u) * (double)period);
}

static void adapt(void)
{
	uint64_t period;

	if (!atomic_load_explicit(&heap.is_adaptive, memory_order_relaxed) ||
	    (atomic_fetch_add(&heap.n_recorded, 1) + 1) % RECORDS_A_PERIOD != 0)
		return;
	period = atomic_load(&heap.period);
	if (period < PERIOD_MOST)
		atomic_compare_exchange_strong(&heap.period, &period, period * 2);
}

static uint64_t weight_fix(uint64_t size, uint64_t period)
{
	double p;

	if (period <= 1)
		return 1u << ET_HEAP_FIX;
	p = -expm1(-(double)size / (double)period);
	return (uint64_t)((double)(1u << ET_HEAP_FIX) / p + 0.5);
}

static uint64_t scale(uint64_t size, uint64_t w_fix)
{
	return (uint64_t)(((__uint128_t)size * w_fix) >> ET_HEAP_FIX);
}

static double weight(uint64_t w_fix)
{
	return (double)w_fix / (1 << ET_HEAP_FIX);
}

static uint64_t count_var(uint64_t w_fix)
{
	return (uint64_t)(weight(w_fix) * (weight(w_fix) - 1) * (1 << ET_VAR_FIX) + 0.5);
}

static uint64_t bytes_var(uint64_t size, uint64_t w_fix)
{
	double v = (double)size * (double)size * weight(w_fix) * (weight(w_fix) - 1);

	return v < 1e18 ? (uint64_t)(v + 0.5) : (uint64_t)1e18;
}

/* ---- sites ------------------------------------------------------------------------------- */

static bool same_site(const struct et_site *s, uint64_t hash, uint32_t allocator,
		      const uint64_t *frames, uint32_t depth)
{
	return s->hash == hash && s->allocator == allocator && s->depth == depth &&
	       memcmp(heap.region->frames + s->first, frames, depth * sizeof *frames) == 0;
}

/* Index of the site, or the free slot in *slot and ET_NONE. */
static uint32_t look_up(uint64_t hash, uint32_t allocator, const uint64_t *frames, uint32_t depth,
			uint32_t *slot)
{
	for (uint32_t i = (uint32_t)hash % SLOTS;; i = (i + 1) % SLOTS) {
		unsigned ix = atomic_load_explicit(&heap.slots[i], memory_order_acquire);

		*slot = i;
		if (ix == 0)
			return ET_NONE;
		if (same_site(&heap.region->sites[ix - 1], hash, allocator, frames, depth))
			return ix - 1;
	}
}

static uint32_t make_site(uint64_t hash, uint32_t allocator, const uint64_t *frames,
			  uint32_t depth, bool is_truncated, uint32_t slot)
{
	struct et_region *r = heap.region;
	uint32_t ix = atomic_load(&r->n_sites);
	struct et_site *s;

	if (ix == ET_SITES_MAX || ET_FRAME_WORDS - heap.n_frames < depth)
		return ET_NONE;
	s = &r->sites[ix];
	memcpy(r->frames + heap.n_frames, frames, depth * sizeof *frames);
	s->hash = hash;
	s->allocator = allocator;
	s->depth = depth;
	s->is_truncated = is_truncated;
	s->first = heap.n_frames;
	heap.n_frames += depth;
	atomic_store_explicit(&r->n_sites, ix + 1, memory_order_release);
	atomic_store_explicit(&heap.slots[slot], ix + 1, memory_order_release);
	return ix;
}

static uint32_t intern(uint32_t allocator, const uint64_t *frames, uint32_t depth, bool is_truncated)
{
	uint64_t hash = mix(allocator + 1);
	uint32_t slot, ix;

	for (uint32_t i = 0; i < depth; i++)
		hash = mix(hash ^ frames[i]);
	ix = look_up(hash, allocator, frames, depth, &slot);
	if (ix != ET_NONE)
		return ix;
	spin_lock(&heap.site_lock);
	ix = look_up(hash, allocator, frames, depth, &slot); /* somebody may have been faster */
	if (ix == ET_NONE)
		ix = make_site(hash, allocator, frames, depth, is_truncated, slot);
	spin_unlock(&heap.site_lock);
	return ix;
}

/* The stack of the caller of the function that returns to caller_ra, from the unwinder's tables;
 * from backtrace() where they do not reach. */
__attribute__((noinline)) static uint32_t site_here(struct et_thread *t, uint32_t allocator,
						    const void *caller_ra)
{
	uint64_t *frames = et_region_slot(t)->heap_scratch;
	void *bt[ET_BACKTRACE_MAX];
	unsigned flags, depth;
	int n;

	depth = et_unwind_here(caller_ra, &t->stack, frames, ET_DEPTH_MAX, &flags);
	if ((flags & ET_UNWIND_ASK) == 0 && depth > 0 &&
	    frames[0] == (uint64_t)(uintptr_t)caller_ra - 1)
		return intern(allocator, frames, depth, (flags & ET_UNWIND_TRUNCATED) != 0);
	n = backtrace(bt, ET_BACKTRACE_MAX);
	return intern(allocator, frames, et_stack_trim(bt, n, caller_ra, frames),
		      n == ET_BACKTRACE_MAX);
}

static void site_add(uint32_t ix, uint64_t size, uint64_t w_fix)
{
	struct et_site *s = &heap.region->sites[ix];
	uint64_t bytes = scale(size, w_fix);

	atomic_fetch_add_explicit(&s->samples, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->alloc_fix, w_fix, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->alloc_bytes, bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->inuse_fix, (int64_t)w_fix, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->inuse_bytes, (int64_t)bytes, memory_order_relaxed);
	if (w_fix == 1u << ET_HEAP_FIX)
		return;
	atomic_fetch_add_explicit(&s->alloc_var, count_var(w_fix), memory_order_relaxed);
	atomic_fetch_add_explicit(&s->inuse_var, count_var(w_fix), memory_order_relaxed);
	atomic_fetch_add_explicit(&s->alloc_bytes_var, bytes_var(size, w_fix), memory_order_relaxed);
	atomic_fetch_add_explicit(&s->inuse_bytes_var, bytes_var(size, w_fix), memory_order_relaxed);
}

static void site_sub(uint32_t ix, uint64_t size, uint64_t w_fix)
{
	struct et_site *s = &heap.region->sites[ix];

	atomic_fetch_sub_explicit(&s->inuse_fix, (int64_t)w_fix, memory_order_relaxed);
	atomic_fetch_sub_explicit(&s->inuse_bytes, (int64_t)scale(size, w_fix),
				  memory_order_relaxed);
	if (w_fix == 1u << ET_HEAP_FIX)
		return;
	atomic_fetch_sub_explicit(&s->inuse_var, count_var(w_fix), memory_order_relaxed);
	atomic_fetch_sub_explicit(&s->inuse_bytes_var, bytes_var(size, w_fix), memory_order_relaxed);
}

/* ---- live objects ------------------------------------------------------------------------ */

static uint64_t hash_ptr(uintptr_t p) { return mix((uint64_t)p); }

static struct shard *shard_of(uint64_t h) { return &heap.shards[h >> 58]; }

static bool grow_shard(struct shard *sh)
{
	uint32_t room = sh->room == 0 ? 1024 : sh->room * 2;
	struct live *tab = et_pages_new(room * sizeof *tab);

	if (tab == NULL)
		return false;
	for (uint32_t i = 0; i < sh->room; i++) {
		uint32_t j;

		if (sh->tab[i].ptr == 0)
			continue;
		j = (uint32_t)hash_ptr(sh->tab[i].ptr) & (room - 1);
		while (tab[j].ptr != 0)
			j = (j + 1) & (room - 1);
		tab[j] = sh->tab[i];
	}
	et_pages_free(sh->tab, sh->room * sizeof *tab);
	sh->tab = tab;
	sh->room = room;
	return true;
}

static bool insert_live(uintptr_t ptr, const struct et_heap_record *rec)
{
	uint64_t h = hash_ptr(ptr);
	struct shard *sh = shard_of(h);
	atomic_uchar *f = &heap.filter[et_heap_filter_ix((const void *)ptr)];
	bool is_in = false;

	spin_lock(&sh->lock);
	if (sh->n * 3 < sh->room * 2 || grow_shard(sh)) {
		uint32_t i = (uint32_t)h & (sh->room - 1);

		while (sh->tab[i].ptr != 0)
			i = (i + 1) & (sh->room - 1);
		sh->tab[i] = (struct live){ .ptr = ptr, .site = rec->site, .size = rec->size,
					    .weight_fix = rec->weight_fix };
		sh->n++;
		/* a full counter stays full: the filter may only err towards "look it up".  It is
		 * shared by all shards, so it needs the atomic step */
		for (unsigned char c = atomic_load(f);
		     c < 255 && !atomic_compare_exchange_weak(f, &c, (unsigned char)(c + 1));)
			;
		is_in = true;
	}
	spin_unlock(&sh->lock);
	return is_in;
}

/* Backward-shift deletion: no tombstones, so a table never silts up. */
static void delete_at(struct shard *sh, uint32_t hole)
{
	uint32_t mask = sh->room - 1;

	for (uint32_t i = (hole + 1) & mask; sh->tab[i].ptr != 0; i = (i + 1) & mask) {
		uint32_t home = (uint32_t)hash_ptr(sh->tab[i].ptr) & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		sh->tab[hole] = sh->tab[i];
		hole = i;
	}
	sh->tab[hole].ptr = 0;
	sh->n--;
}

static bool remove_live(uintptr_t ptr, struct et_heap_record *out)
{
	uint64_t h = hash_ptr(ptr);
	atomic_uchar *f = &heap.filter[et_heap_filter_ix((const void *)ptr)];
	struct shard *sh = shard_of(h);
	bool is_found = false;

	if (atomic_load_explicit(f, memory_order_acquire) == 0)
		return false;
	spin_lock(&sh->lock);
	for (uint32_t i = (uint32_t)h & (sh->room - 1); sh->room != 0 && sh->tab[i].ptr != 0;
	     i = (i + 1) & (sh->room - 1)) {
		if (sh->tab[i].ptr != ptr)
			continue;
		*out = (struct et_heap_record){ sh->tab[i].site, sh->tab[i].size,
						sh->tab[i].weight_fix };
		delete_at(sh, i);
		for (unsigned char c = atomic_load(f);
		     c < 255 && !atomic_compare_exchange_weak(f, &c, (unsigned char)(c - 1));)
			;
		is_found = true;
		break;
	}
	spin_unlock(&sh->lock);
	return is_found;
}

/* ---- what the hooks call ------------------------------------------------------------------ */

static void lose(void)
{
	atomic_fetch_add_explicit(&heap.region->n_heap_lost, 1, memory_order_relaxed);
}

void et_heap_record(struct et_thread *t, uint32_t allocator, const void *ptr, size_t size,
		    const void *caller_ra)
{
	uint64_t period = t->period;
	struct et_heap_record rec;

	if (period == 0) { /* a new thread's first allocation: begin to count */
		int64_t debt = t->countdown;

		draw_step(t);
		t->countdown += debt;
		if (t->countdown > 0)
			return;
		period = t->period;
	}
	draw_step(t);
	if (period == UINT64_MAX || t->is_in_hook)
		return;
	t->is_in_hook = true;
	rec.site = site_here(t, allocator, caller_ra);
	rec.size = size;
	/* malloc(0) hands out an object too: it weighs as one byte in the sampling */
	rec.weight_fix = weight_fix(size == 0 ? 1 : size, period);
	if (rec.site == ET_NONE || !insert_live((uintptr_t)ptr, &rec))
		lose();
	else
		site_add(rec.site, rec.size, rec.weight_fix);
	adapt();
	t->is_in_hook = false;
}

/* A thread that has no slot gives something back. */
void et_heap_orphan(uint32_t allocator, const void *ptr, size_t usable)
{
	struct et_region *r = et_region_peek();

	if (r == NULL)
		return;
	atomic_fetch_add(&r->orphans[allocator].frees, 1);
	atomic_fetch_sub(&r->orphans[allocator].inuse_bytes, (int64_t)usable);
	if (heap.filter != NULL)
		et_heap_remove(ptr);
}

void et_heap_remove(const void *ptr)
{
	struct et_heap_record rec;

	if (remove_live((uintptr_t)ptr, &rec))
		site_sub(rec.site, rec.size, rec.weight_fix);
}

const atomic_uchar *et_heap_filter(void)
{
	return heap.filter;
}

bool et_heap_forget(const void *ptr, struct et_heap_record *out)
{
	return heap.filter != NULL && remove_live((uintptr_t)ptr, out);
}

void et_heap_restore(const void *ptr, const struct et_heap_record *rec)
{
	if (!insert_live((uintptr_t)ptr, rec)) {
		lose();
		site_sub(rec->site, rec->size, rec->weight_fix);
	}
}

void et_heap_dead(const struct et_heap_record *rec)
{
	site_sub(rec->site, rec->size, rec->weight_fix);
}

/* ---- mappings ---------------------------------------------------------------------------- */

static void tally_map(struct et_thread *t, int64_t bytes, uint64_t allocs, uint64_t frees)
{
	struct et_tally *y = &t->tally[ET_ALLOCATOR_MMAP];

	et_tally_add(&y->allocs, allocs);
	et_tally_add(&y->frees, frees);
	if (allocs > 0)
		et_tally_add(&y->bytes, (uint64_t)bytes);
	et_tally_inuse(y, bytes);
}

void et_heap_map(struct et_thread *t, const void *at, size_t n, const void *caller_ra)
{
	uint32_t site;

	tally_map(t, (int64_t)n, 1, 0);
	if (heap.maps == NULL || t->is_in_hook)
		return;
	t->is_in_hook = true;
	site = site_here(t, ET_ALLOCATOR_MMAP, caller_ra);
	spin_lock(&heap.map_lock);
	if (site == ET_NONE || heap.n_maps == MAPS_MAX)
		lose();
	else {
		heap.maps[heap.n_maps++] = (struct map){ (uintptr_t)at, n, site };
		site_add(site, n, 1u << ET_HEAP_FIX);
	}
	spin_unlock(&heap.map_lock);
	t->is_in_hook = false;
}

/* Take [from, to) out of mapping *m; a hole in the middle leaves two.  Objects: a mapping counts
 * as held until its last byte is gone. */
static size_t cut(struct map *m, uintptr_t from, uintptr_t to, uint64_t *n_gone)
{
	uintptr_t end = m->at + m->n;
	uintptr_t a = from > m->at ? from : m->at, b = to < end ? to : end;
	struct et_site *s = &heap.region->sites[m->site];

	if (a >= b)
		return 0;
	atomic_fetch_sub_explicit(&s->inuse_bytes, (int64_t)(b - a), memory_order_relaxed);
	if (a == m->at && b == end) {
		m->n = 0;
		atomic_fetch_sub_explicit(&s->inuse_fix, 1 << ET_HEAP_FIX, memory_order_relaxed);
		++*n_gone;
	} else if (a == m->at) {
		m->at = b;
		m->n = end - b;
	} else {
		m->n = a - m->at;
		if (b < end && heap.n_maps < MAPS_MAX) {
			heap.maps[heap.n_maps++] = (struct map){ b, end - b, m->site };
			atomic_fetch_add_explicit(&s->inuse_fix, 1 << ET_HEAP_FIX,
						  memory_order_relaxed);
			--*n_gone;
		}
	}
	return b - a;
}

bool et_heap_unmap(struct et_thread *t, const void *at, size_t n)
{
	uintptr_t from = (uintptr_t)at, to = from + ((n + 4095) & ~(size_t)4095);
	uint64_t n_gone = 0;
	size_t bytes = 0;

	if (heap.maps == NULL || t == NULL)
		return false;
	spin_lock(&heap.map_lock);
	for (uint32_t i = 0; i < heap.n_maps;) {
		bytes += cut(&heap.maps[i], from, to, &n_gone);
		if (heap.maps[i].n == 0)
			heap.maps[i] = heap.maps[--heap.n_maps];
		else
			i++;
	}
	spin_unlock(&heap.map_lock);
	if (bytes > 0)
		tally_map(t, -(int64_t)bytes, 0, n_gone);
	return bytes > 0;
}

/* ---- start, reading ---------------------------------------------------------------------- */

int et_heap_start(uint64_t period)
{
	void *warm[4];

	if (heap.filter == NULL) {
		heap.region = et_region_here();
		heap.slots = et_pages_new(SLOTS * sizeof *heap.slots);
		heap.maps = et_pages_new(MAPS_MAX * sizeof *heap.maps);
		if (heap.region == NULL || heap.slots == NULL || heap.maps == NULL)
			return -1;
		heap.filter = et_pages_new(FILTER * sizeof *heap.filter);
		if (heap.filter == NULL)
			return -1;
	}
	for (uint32_t i = 0; i < atomic_load(&heap.region->n_slots); i++)
		heap.region->slots[i].thread.filter = heap.filter; /* of threads that are there */
	backtrace(warm, 4); /* the first call loads libgcc: not inside somebody's malloc */
	atomic_store(&heap.is_adaptive, period == ET_HEAP_ADAPTIVE);
	atomic_store(&heap.n_recorded, 0);
	atomic_store(&heap.period, period == ET_HEAP_ADAPTIVE ? PERIOD_LEAST : period);
	return 0;
}

uint64_t et_heap_period(void) { return atomic_load(&heap.period); }
