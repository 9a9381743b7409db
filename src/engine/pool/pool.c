/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool (pool.h): per thread a magazine of free objects, which only its thread touches, and a
 * shared depot under one lock, from which magazines are filled and into which they overflow.
 *
 *   chunk   one mapping: header, then slots.  An object of 32 KiB or more has a chunk of its own.
 *   slot    16 bytes in front of each object: its chunk, and a tag that says live or free.
 *
 * 1. The tag is key ^ address ^ LIVE or FREE.  put() accepts only LIVE, so a double put, a foreign
 *    pointer and a run over the end of the neighbour are found before they do harm.
 * 2. Kept objects never exceed max_bytes: a magazine reserves its whole capacity from that budget
 *    when it is made, the depot may hold the rest.  So get and put check nothing shared.
 * 3. All metadata is in own mappings: asking malloc for it cost 400 ns a put in a littered heap.
 * 4. Magazine counters have one writer; hits is published after gets, so a reader that loads hits
 *    first never sees more hits than gets. */
#include "engine/pool/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pages.h"
#include "engine-top/probe.h"

#define PAGE 4096u
#define CHUNK_TARGET 65536u    /* a chunk of small objects */
#define OWN_CHUNK_FROM 32768u  /* objects from here on have a chunk each */
#define MAGAZINE_MAX 64u
#define MAGAZINE_BYTES 262144u /* a thread keeps no more than this, but up to MAGAZINE_LEAST */
#define MAGAZINE_LEAST 4u

#define TAG_LIVE UINT64_C(0x6c6976656c697665)
#define TAG_FREE UINT64_C(0x6672656566726565)

struct chunk {
	struct chunk *all_next, *all_prev;   /* every chunk of the pool */
	struct chunk *free_next, *free_prev; /* those with n_free > 0 */
	void *free;                          /* put back; linked through the first word */
	uint32_t n_free, n_carved;           /* slots beyond n_carved were never handed out */
};

struct slot {
	struct chunk *chunk;
	uint64_t tag;
};

_Static_assert(sizeof(struct chunk) + sizeof(struct slot) == 64, "objects start at 64");

struct magazine {
	struct et_pool *pool;
	struct magazine *next, *prev;
	uint32_t cap;
	atomic_uint n;                     /* writer: the thread; stats() reads */
	atomic_uint_fast64_t gets, puts, hits;
	void *object[MAGAZINE_MAX];
};

struct et_pool {
	char name[48];
	size_t size, stride, chunk_bytes, unit; /* unit: bytes that keeping one object costs */
	uint32_t per_chunk, magazine_cap, max_live;
	bool is_cleared;
	uint32_t allocator;                 /* probe.h */
	uint64_t key;
	uint64_t serial;                    /* never 0, never used again */
	pthread_key_t cache;                /* this thread's magazine */
	atomic_uint live;                   /* counted only with max_live */

	pthread_mutex_t lock;               /* all below */
	struct chunk *all, *with_free, *carving;
	struct magazine *magazines;
	uint64_t n_depot, n_reserved, max_kept; /* objects */
	uint64_t mapped_bytes, peak_bytes;
	uint64_t past_gets, past_puts, past_hits; /* of threads that ended */
};

/* The magazine that this thread used last, so that a pair asks pthread_getspecific() only when it
 * changes pools.  A serial is compared, not an address: a pool may be freed by another thread, and
 * a new one may get its address. */
static __thread struct {
	uint64_t serial;
	struct magazine *m;
} recent;

/* Global because serials must differ between all pools of the process. */
static atomic_uint_fast64_t n_pools;

/* ---- slots ------------------------------------------------------------------------------- */

static struct slot *slot_of(void *object)
{
	return (struct slot *)object - 1;
}

static uint64_t tag_for(const struct et_pool *p, const void *object, uint64_t state)
{
	return p->key ^ (uint64_t)(uintptr_t)object ^ state;
}

static __attribute__((noreturn, cold)) void die_of_put(const struct et_pool *p, void *object)
{
	bool is_free = slot_of(object)->tag == tag_for(p, object, TAG_FREE);
	char line[200];
	int n = snprintf(line, sizeof line, "engine-top: pool %s: object %p %s\n", p->name, object,
			 is_free ? "was put back twice"
				 : "is not of this pool, or the bytes before it were overwritten");

	(void)!write(2, line, (size_t)n);
	abort();
}

/* ---- depot: callers hold p->lock ---------------------------------------------------------- */

static void free_list_add(struct et_pool *p, struct chunk *c)
{
	c->free_prev = NULL;
	c->free_next = p->with_free;
	if (c->free_next != NULL)
		c->free_next->free_prev = c;
	p->with_free = c;
}

static void free_list_del(struct et_pool *p, struct chunk *c)
{
	if (c->free_prev != NULL)
		c->free_prev->free_next = c->free_next;
	else
		p->with_free = c->free_next;
	if (c->free_next != NULL)
		c->free_next->free_prev = c->free_prev;
}

static struct chunk *chunk_new(struct et_pool *p)
{
	struct chunk *c = et_pages_new(p->chunk_bytes);

	if (c == NULL)
		return NULL;
	c->all_next = p->all;
	if (c->all_next != NULL)
		c->all_next->all_prev = c;
	p->all = c;
	p->mapped_bytes += p->chunk_bytes;
	if (p->mapped_bytes > p->peak_bytes)
		p->peak_bytes = p->mapped_bytes;
	return c;
}

/* Back to the kernel; every carved slot is free. */
static void chunk_release(struct et_pool *p, struct chunk *c)
{
	free_list_del(p, c);
	if (c->all_prev != NULL)
		c->all_prev->all_next = c->all_next;
	else
		p->all = c->all_next;
	if (c->all_next != NULL)
		c->all_next->all_prev = c->all_prev;
	if (p->carving == c)
		p->carving = NULL;
	p->n_depot -= c->n_free;
	p->mapped_bytes -= p->chunk_bytes;
	et_pages_free(c, p->chunk_bytes);
}

static bool is_depot_over(const struct et_pool *p)
{
	return p->n_depot + p->n_reserved > p->max_kept;
}

static void depot_put(struct et_pool *p, void *object)
{
	struct chunk *c = slot_of(object)->chunk;

	memcpy(object, &c->free, sizeof c->free);
	c->free = object;
	if (c->n_free++ == 0)
		free_list_add(p, c);
	p->n_depot++;
	if (is_depot_over(p) && c->n_free == c->n_carved)
		chunk_release(p, c);
}

/* An object that was handed out before, or NULL. */
static void *depot_reuse(struct et_pool *p)
{
	struct chunk *c = p->with_free;
	void *object;

	if (c == NULL)
		return NULL;
	object = c->free;
	memcpy(&c->free, object, sizeof c->free);
	if (--c->n_free == 0)
		free_list_del(p, c);
	p->n_depot--;
	return object;
}

/* An object that nobody had yet, or NULL without memory. */
static void *depot_carve(struct et_pool *p)
{
	struct chunk *c = p->carving;
	char *at;

	if (c == NULL || c->n_carved == p->per_chunk)
		c = p->carving = chunk_new(p);
	if (c == NULL)
		return NULL;
	at = (char *)(c + 1) + sizeof(struct slot) + c->n_carved * p->stride;
	c->n_carved++;
	slot_of(at)->chunk = c;
	return at;
}

/* A new magazine took from the depot's budget. */
static void depot_trim(struct et_pool *p)
{
	struct chunk *next;

	for (struct chunk *c = p->with_free; c != NULL && is_depot_over(p); c = next) {
		next = c->free_next;
		if (c->n_free == c->n_carved)
			chunk_release(p, c);
	}
}

/* ---- magazines ---------------------------------------------------------------------------- */

static uint64_t load(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* One writer: a plain add that other threads may read. */
static void bump(atomic_uint_fast64_t *counter, memory_order order)
{
	atomic_store_explicit(counter, load(counter) + 1, order);
}

static uint32_t rounds(const struct magazine *m)
{
	return atomic_load_explicit(&m->n, memory_order_relaxed);
}

static void set_rounds(struct magazine *m, uint32_t n)
{
	atomic_store_explicit(&m->n, n, memory_order_relaxed);
}

static struct magazine *magazine_new(struct et_pool *p)
{
	struct magazine *m = et_pages_new(sizeof *m);
	uint64_t left;

	if (m == NULL)
		return NULL;
	if (pthread_setspecific(p->cache, m) != 0) {
		et_pages_free(m, sizeof *m);
		return NULL;
	}
	m->pool = p;
	pthread_mutex_lock(&p->lock);
	left = p->max_kept - p->n_reserved;
	m->cap = left < p->magazine_cap ? (uint32_t)left : p->magazine_cap;
	p->n_reserved += m->cap;
	depot_trim(p);
	m->next = p->magazines;
	if (m->next != NULL)
		m->next->prev = m;
	p->magazines = m;
	pthread_mutex_unlock(&p->lock);
	return m;
}

/* This thread's, or NULL without memory. */
static __attribute__((noinline)) struct magazine *magazine_find(struct et_pool *p)
{
	struct magazine *m = pthread_getspecific(p->cache);

	if (m == NULL)
		m = magazine_new(p);
	if (m != NULL) {
		recent.serial = p->serial;
		recent.m = m;
	}
	return m;
}

static inline struct magazine *magazine_of(struct et_pool *p)
{
	return recent.serial == p->serial ? recent.m : magazine_find(p);
}

/* Thread exit: what the thread kept goes back to all, its counts into the pool's. */
static void magazine_retire(void *arg)
{
	struct magazine *m = arg;
	struct et_pool *p = m->pool;

	if (recent.m == m)
		recent.serial = 0; /* another key's destructor may still get and put */
	pthread_mutex_lock(&p->lock);
	p->n_reserved -= m->cap;
	for (uint32_t i = 0; i < rounds(m); i++)
		depot_put(p, m->object[i]);
	p->past_gets += load(&m->gets);
	p->past_puts += load(&m->puts);
	p->past_hits += load(&m->hits);
	if (m->prev != NULL)
		m->prev->next = m->next;
	else
		p->magazines = m->next;
	if (m->next != NULL)
		m->next->prev = m->prev;
	pthread_mutex_unlock(&p->lock);
	et_pages_free(m, sizeof *m);
}

/* The magazine is empty: half of it and one more from the depot, or one that is new. */
static __attribute__((noinline)) void *refill(struct et_pool *p, struct magazine *m, bool *is_hit)
{
	uint32_t n = 0;
	void *object, *more;

	pthread_mutex_lock(&p->lock);
	object = depot_reuse(p);
	*is_hit = object != NULL;
	while (*is_hit && n < m->cap / 2 && (more = depot_reuse(p)) != NULL)
		m->object[n++] = more;
	if (object == NULL)
		object = depot_carve(p);
	set_rounds(m, n);
	pthread_mutex_unlock(&p->lock);
	return object;
}

/* The magazine is full: its older half (the colder one) goes to the depot. */
static __attribute__((noinline)) void overflow(struct et_pool *p, struct magazine *m, void *object)
{
	uint32_t n = rounds(m), half = (n + 1) / 2;

	pthread_mutex_lock(&p->lock);
	for (uint32_t i = 0; i < half; i++)
		depot_put(p, m->object[i]);
	if (m->cap == 0)
		depot_put(p, object);
	pthread_mutex_unlock(&p->lock);
	memmove(m->object, m->object + half, (n - half) * sizeof *m->object);
	n -= half;
	if (m->cap > 0)
		m->object[n++] = object;
	set_rounds(m, n);
}

/* ---- the four calls ----------------------------------------------------------------------- */

static bool claim_live(struct et_pool *p)
{
	if (p->max_live == 0)
		return true;
	if (atomic_fetch_add(&p->live, 1) < p->max_live)
		return true;
	atomic_fetch_sub(&p->live, 1);
	return false;
}

static void *take(struct et_pool *p, struct magazine *m, bool *is_hit)
{
	uint32_t n = rounds(m);

	if (n == 0)
		return refill(p, m, is_hit);
	set_rounds(m, n - 1);
	*is_hit = true;
	return m->object[n - 1];
}

void *et_pool_get(struct et_pool *p)
{
	struct magazine *m = magazine_of(p);
	bool is_hit;
	void *object;

	if (m == NULL || !claim_live(p))
		return NULL;
	object = take(p, m, &is_hit);
	if (object == NULL) {
		if (p->max_live != 0)
			atomic_fetch_sub(&p->live, 1);
		return NULL;
	}
	bump(&m->gets, memory_order_relaxed);
	if (is_hit)
		bump(&m->hits, memory_order_release);
	slot_of(object)->tag = tag_for(p, object, TAG_LIVE);
	if (p->is_cleared && is_hit)
		memset(object, 0, p->size); /* fresh pages are zero */
	et_probe_alloc(p->allocator, object, p->size, __builtin_return_address(0));
	return object;
}

void et_pool_put(struct et_pool *p, void *object)
{
	struct magazine *m;
	uint32_t n;

	if (object == NULL)
		return;
	if (slot_of(object)->tag != tag_for(p, object, TAG_LIVE))
		die_of_put(p, object);
	et_probe_free(p->allocator, object, p->size);
	slot_of(object)->tag = tag_for(p, object, TAG_FREE);
	if (p->max_live != 0)
		atomic_fetch_sub(&p->live, 1);
	m = magazine_of(p);
	if (m == NULL) {
		pthread_mutex_lock(&p->lock);
		depot_put(p, object);
		p->past_puts++;
		pthread_mutex_unlock(&p->lock);
		return;
	}
	bump(&m->puts, memory_order_relaxed);
	n = rounds(m);
	if (n == m->cap) {
		overflow(p, m, object);
		return;
	}
	m->object[n] = object;
	set_rounds(m, n + 1);
}

void et_pool_stats(struct et_pool *p, struct et_pool_stats *out)
{
	uint64_t n_kept;

	pthread_mutex_lock(&p->lock);
	*out = (struct et_pool_stats){ .gets = p->past_gets, .puts = p->past_puts,
				       .hits = p->past_hits, .mapped_bytes = p->mapped_bytes,
				       .peak_bytes = p->peak_bytes };
	n_kept = p->n_depot;
	for (struct magazine *m = p->magazines; m != NULL; m = m->next) {
		out->hits += atomic_load_explicit(&m->hits, memory_order_acquire);
		out->puts += load(&m->puts);
		out->gets += load(&m->gets);
		n_kept += rounds(m);
	}
	pthread_mutex_unlock(&p->lock);
	out->misses = out->gets - out->hits;
	out->live = out->gets > out->puts ? out->gets - out->puts : 0;
	out->retained_bytes = n_kept * p->unit;
}

const char *et_pool_name(const struct et_pool *p)
{
	return p->name;
}

/* ---- life --------------------------------------------------------------------------------- */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static void lay_out(struct et_pool *p, const struct et_pool_opts *opts)
{
	size_t head = sizeof(struct chunk);
	size_t least = opts->size < sizeof(void *) ? sizeof(void *) : opts->size;
	size_t cap;

	p->size = opts->size;
	p->stride = round_up(sizeof(struct slot) + least, 16);
	p->per_chunk = 1;
	if (p->stride < OWN_CHUNK_FROM)
		p->per_chunk = (uint32_t)((CHUNK_TARGET - head) / p->stride);
	p->chunk_bytes = round_up(head + p->per_chunk * p->stride, PAGE);
	p->unit = p->per_chunk == 1 ? p->chunk_bytes : p->stride;
	p->max_kept = opts->max_bytes == 0 ? UINT32_MAX : opts->max_bytes / p->unit;
	cap = MAGAZINE_BYTES / p->unit;
	cap = cap < MAGAZINE_LEAST ? MAGAZINE_LEAST : cap;
	p->magazine_cap = (uint32_t)(cap > MAGAZINE_MAX ? MAGAZINE_MAX : cap);
}

struct et_pool *et_pool_new(const struct et_pool_opts *opts, struct et_err *err)
{
	struct et_pool *p = NULL;
	char allocator[64];
	int rc;

	if (opts->size == 0 || opts->size > SIZE_MAX / 4) {
		et_err_set(err, ET_EXIT_INPUT, "pool %s: %zu is no size for a buffer", opts->name,
			   opts->size);
		return NULL;
	}
	p = et_pages_new(sizeof *p);
	if (p == NULL) {
		et_err_set(err, ET_EXIT_LACK, "pool %s: out of memory", opts->name);
		return NULL;
	}
	rc = pthread_key_create(&p->cache, magazine_retire);
	if (rc != 0) {
		et_err_sys(err, ET_EXIT_LACK, rc, "pool %s: cannot make a thread cache",
			   opts->name);
		et_pages_free(p, sizeof *p);
		return NULL;
	}
	snprintf(p->name, sizeof p->name, "%s", opts->name);
	snprintf(allocator, sizeof allocator, "pool %s", p->name);
	p->allocator = et_probe_allocator(allocator, ET_ALLOC_POOL);
	p->serial = 1 + atomic_fetch_add(&n_pools, 1);
	p->key = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(uintptr_t)p;
	p->max_live = opts->max_live;
	p->is_cleared = opts->is_cleared;
	lay_out(p, opts);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void et_pool_free(struct et_pool *p)
{
	if (p == NULL)
		return;
	pthread_key_delete(p->cache); /* from here on no thread's end comes back to us */
	for (struct magazine *m = p->magazines, *next; m != NULL; m = next) {
		next = m->next;
		et_pages_free(m, sizeof *m);
	}
	for (struct chunk *c = p->all, *next; c != NULL; c = next) {
		next = c->all_next;
		et_pages_free(c, p->chunk_bytes);
	}
	pthread_mutex_destroy(&p->lock);
	et_pages_free(p, sizeof *p);
}
