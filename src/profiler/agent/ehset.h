/* SPDX-License-Identifier: Apache-2.0
 *
 * The unwind tables of everything that is loaded, as one immutable set that is published by one
 * atomic pointer.  Walkers (any thread, signal context) enter, read, leave; one builder at a time
 * replaces the set.  Layer: profiler/agent. */
#ifndef ET_AGENT_EHSET_H
#define ET_AGENT_EHSET_H

#include <stdatomic.h>

#include "profiler/agent/ehtable.h"

struct et_ehmodule {
	uint64_t lo, hi;         /* all of its code */
	uint64_t base, end;      /* the part that the table speaks of; the rest has no unwind
				    information (.init and .fini lie outside of it) */
	const struct et_ehrow *rows;
	const uint32_t *index;
	struct et_ehtable *table;
	bool is_solid; /* its code lies in one segment: all of lo..hi can be read */
};

struct et_ehset {
	uint32_t n;
	const struct et_ehmodule *modules; /* by lo, disjoint */
	atomic_uint_fast64_t *recent;      /* see et_ehset_recall */
	size_t size;                       /* the builder's: bytes of the set's mapping */
	uint64_t left;                     /* and: see ehset.c */
	uint64_t lo[];                     /* the modules', close together for the search */
};

/* What the last build did. */
struct et_ehset_info {
	uint32_t n_modules, n_compiled; /* compiled by the last build, the others were kept */
	uint64_t n_rows, n_wides, n_functions, n_ask, bytes;
	int64_t build_ns;
	uint32_t n_builds, n_retired; /* retired: sets that wait for a walker to leave */
};

/* Look at what is loaded now; compile what is new, publish.  When another thread is at it, that
 * one goes round once more and this one returns.
 * [own] none   [thr] any   [sig] no   [err] -1 without memory: what was published stays */
int et_ehset_build(void);

/* Around a dlclose(): until the end no set is published, because code may vanish and other code
 * come to its place before a build sees it.  The end builds.
 * [own] none   [thr] any   [sig] no   [err] as build */
void et_ehset_unload_begin(void);
int et_ehset_unload_end(void);

/* In the child of a fork: no other thread builds, unloads or walks any more.
 * [own] none   [thr] the only one   [sig] no   [err] never */
void et_ehset_fork_child(void);

/* The published set, which stays whole until left; NULL: none.  leave is due in either case.
 * [own] until leave   [thr] any   [sig] safe   [err] NULL */
const struct et_ehset *et_ehset_enter(void);
void et_ehset_leave(void);

/* [own] none   [thr] any   [sig] no   [err] never */
void et_ehset_info(struct et_ehset_info *out);

/* The short rules of callers met before, by return address: one word each, in the place that the
 * address says.  The place (14 bits) and the other 33 bits of an address are the whole of it, so
 * what is recalled is never another address's; a word is read and written as one.  0: not there.
 * [own] none   [thr] any   [sig] safe   [err] never */
#define ET_EHSET_PLACES (1u << 14)

static inline uint32_t et_ehset_recall(const struct et_ehset *s, uint64_t ra)
{
	uint64_t word = atomic_load_explicit(&s->recent[ra % ET_EHSET_PLACES], memory_order_relaxed);

	return word >> 31 == ra >> 14 ? (uint32_t)(word & 0x7fffffff) : 0;
}

static inline void et_ehset_remember(const struct et_ehset *s, uint64_t ra, uint32_t rule)
{
	if (ra >> 47 == 0)
		atomic_store_explicit(&s->recent[ra % ET_EHSET_PLACES], ra >> 14 << 31 | rule,
				      memory_order_relaxed);
}

/* The module that pc lies in, NULL if none.
 * [own] until leave   [thr] any   [sig] safe   [err] NULL */
static inline const struct et_ehmodule *et_ehset_find(const struct et_ehset *s, uint64_t pc)
{
	const uint64_t *lo = s->lo;
	uint32_t n = s->n;

	if (n == 0)
		return NULL;
	while (n > 1) {
		uint32_t half = n / 2;

		lo += lo[half] <= pc ? half : 0;
		n -= half;
	}
	if (pc < *lo || pc >= s->modules[lo - s->lo].hi)
		return NULL;
	return &s->modules[lo - s->lo];
}

#endif
