/* SPDX-License-Identifier: Apache-2.0
 *
 * The region: everything that the agent of one process hands to a collector, in one mapping.
 * It holds no pointer that the collector follows, so it may as well be a file that another
 * process maps, and it is readable after its process was killed.  Untouched pages cost nothing.
 *
 * Who writes what: the process its own figures (each field says which thread), the collector
 * the tails of rings, `seen` of slots and the step ENDED -> FREE.  Counters only grow; rows are
 * published by a release store of their count.  Layer: profiler/agent. */
#ifndef ET_AGENT_REGION_H
#define ET_AGENT_REGION_H

#include "profiler/agent/stack.h"
#include "profiler/agent/thread.h"

#define ET_SITES_MAX 65536u
#define ET_MODULES_MAX 1024u
#define ET_FRAME_WORDS (16u << 20) /* 128 MiB reserved */
#define ET_SLOTS_MAX 16384u
#define ET_MODULE_PATH 472u

/* Sums of one call site.  Objects are fixed point, 16 bits after the point: a recorded
 * allocation stands for 1 / P(recorded) of its like. */
#define ET_HEAP_FIX 16
#define ET_VAR_FIX 8 /* of the variances of counts; those of bytes are whole */
struct et_site {
	uint64_t hash;
	uint32_t allocator;
	uint32_t depth;    /* addresses in frames[first ...], leaf = the call */
	uint64_t first;
	uint32_t is_truncated;
	uint32_t pad;
	atomic_uint_fast64_t samples, alloc_fix, alloc_bytes;
	atomic_int_fast64_t inuse_fix, inuse_bytes;
	/* variances of the four sums above, as estimates (heap.c); 0 where all is recorded */
	atomic_uint_fast64_t alloc_var, alloc_bytes_var, inuse_var, inuse_bytes_var;
};

/* A piece of code that is or was mapped: addresses begin..end belong to `path` loaded at `bias`
 * (address - bias = address in the file's symbol table).  Never removed: what dlclose() took
 * away keeps its name; a later row of the same addresses wins. */
struct et_module {
	uint64_t bias, begin, end;
	uint64_t generation; /* order of appearance */
	char path[ET_MODULE_PATH]; /* absolute; "[vdso]" */
};

struct et_slot {
	struct et_thread thread; /* first: a thread's address is its slot's */
	struct et_ring ring;
	/* too large for the stack of a thread that has a small one; owner only */
	uint64_t signal_scratch[ET_DEPTH_MAX + 2]; /* its signal handler */
	uint64_t heap_scratch[ET_DEPTH_MAX];       /* its hooks */
};

static inline struct et_slot *et_region_slot(struct et_thread *t)
{
	return (struct et_slot *)(void *)t;
}

struct et_region {
	uint32_t n_slots_max; /* slots that this mapping has room for */
	atomic_uint n_slots;  /* slots ever used */
	atomic_bool is_collected; /* ended slots wait for a collector */
	atomic_uint n_live, n_live_peak; /* workload threads now, and most at one time */
	atomic_uint_fast64_t n_homeless; /* SIGPROF of threads without a slot */
	atomic_uint_fast64_t n_heap_lost; /* recorded allocations that found no room */
	struct et_tally orphans[ET_ALLOCATORS_MAX]; /* frees by threads without a slot; atomic adds */

	atomic_uint n_allocators;
	struct {
		char name[48];
		uint32_t kind; /* enum et_allocator_kind */
	} allocators[ET_ALLOCATORS_MAX];

	atomic_uint n_modules;
	struct et_module modules[ET_MODULES_MAX];

	atomic_uint n_sites;
	struct et_site sites[ET_SITES_MAX];
	uint64_t frames[ET_FRAME_WORDS]; /* of sites; immutable once their site is published */

	struct et_slot slots[]; /* n_slots_max */
};

/* The region of this process, made at the first call (fewer slots where address space is
 * limited).  NULL without memory.
 * [own] static   [thr] any   [sig] no   [err] NULL */
struct et_region *et_region_here(void);

/* The same if it has been made, else NULL; one load.
 * [own] static   [thr] any   [sig] safe   [err] NULL */
struct et_region *et_region_peek(void);

/* Write the modules that are mapped now and not yet known into the region's table.
 * [own] none   [thr] any but inside the dynamic loader   [sig] no   [err] never: full table */
void et_region_note_modules(void);

/* Is a module of this address known?
 * [own] none   [thr] any   [sig] safe   [err] never */
const struct et_module *et_region_module(const struct et_region *r, uint64_t address);

#endif
