/* SPDX-License-Identifier: Apache-2.0
 *
 * What the agent keeps of one thread: a slot that its thread writes and the collector reads, in
 * the region that both map (region.h).  Layer: profiler/agent. */
#ifndef ET_AGENT_THREAD_H
#define ET_AGENT_THREAD_H

#include <time.h>

#include "engine-top/probe.h"
#include "profiler/agent/unwind.h"
#include "profiler/agent/ring.h"

#define ET_ALLOCATORS_MAX 64u
#define ET_ALLOCATOR_GLIBC 0u
#define ET_ALLOCATOR_MMAP 1u

/* The life of a slot.  Each step has one owner, so no lock is needed:
 *   FREE -> CLAIMED   a beginning thread, by compare-and-swap
 *   CLAIMED -> LIVE   the same thread, when the slot is filled in
 *   LIVE -> ENDED     the same thread, when its figures are final (FREE if nobody collects)
 *   ENDED -> FREE     the collector, when it has taken them over */
enum et_slot_state { ET_SLOT_FREE = 0, ET_SLOT_CLAIMED, ET_SLOT_LIVE, ET_SLOT_ENDED };

/* Written by the owning thread only, read by the collector: relaxed atomics without a lock
 * prefix (et_tally_add). */
struct et_tally {
	atomic_uint_fast64_t allocs, bytes, frees; /* bytes: as asked for */
	atomic_int_fast64_t inuse_bytes;           /* glibc: usable size; pools: as asked for */
};

struct et_thread {
	/* what a hook looks at on every call: one cache line, and the tally of glibc next to it */
	_Alignas(64) atomic_uint state; /* enum et_slot_state */
	atomic_uint role;  /* enum et_role */
	int64_t countdown; /* bytes until the next recorded allocation; owner only, as all here */
	uintptr_t own_begin, own_bytes; /* the range of the own heap (selfheap.h), for free() */
	const atomic_uchar *filter;     /* heap.h; NULL: nothing is recorded */
	volatile bool is_in_hook; /* recording an allocation: the handler looks at it */
	atomic_bool is_idle;
	int tid;
	struct et_tally tally[ET_ALLOCATORS_MAX];

	/* allocation sampling; owner only */
	uint64_t period;   /* mean of the distribution that countdown was drawn from; 0 = not yet */
	uint64_t rng;
	char name[16];

	struct et_unwind_bounds stack; /* what the unwinder may read */

	/* CPU sampling; the handler of this thread only */
	struct et_ring *ring; /* in this slot; an address of the owning process */
	atomic_int engine;    /* enum et_engine that serves this thread; AUTO = none yet */
	timer_t timer;        /* ET_ENGINE_TIMER */
	int perf_fd[2];       /* ET_ENGINE_PERF: single shot, every period */
	volatile bool is_past_first; /* the periodic one has had its first shot */
	int64_t cpu_seen_ns;  /* thread clock when the last handler ended */
	atomic_uint_fast64_t n_samples, n_lost; /* stacks put into the ring; that found no room */
	atomic_uint_fast64_t n_weight;          /* periods that the stacks in the ring stand for */
	atomic_uint_fast64_t n_stray; /* the thread had not run: own threads' CPU */
	atomic_uint_fast64_t n_hook;  /* hit while an allocation was recorded */
	atomic_uint_fast64_t handler_ns;
	int64_t cpu_final_ns;         /* thread clock at its end; valid when ENDED */

	void *altstack; /* for crash reports on a stack overflow; owner only */

	/* the collector's notes about this thread; nobody else touches them */
	struct {
		int64_t run_ns, delay_ns; /* schedstat at the last look */
		int64_t cpu_ns;           /* CPU time at the last look */
		int64_t asked_ns;         /* when its stack was asked for */
		uint32_t stack;           /* the answer, the collector's id; ET_NONE: none yet */
		uint32_t state;           /* enum et_thread_state, when it was asked */
		int syscall_nr;           /* likewise; -1 unknown */
		bool is_asleep;           /* likewise: it may be in a wait whose kind the stack tells */
	} seen;
};

/* The calling thread's slot, NULL if it is not known.  The one mutable global of the program:
 * the malloc hooks and the signal handler have nobody to pass them a context. */
extern __thread struct et_thread *et_thread_me;

static inline void et_tally_add(atomic_uint_fast64_t *x, uint64_t n)
{
	atomic_store_explicit(x, atomic_load_explicit(x, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void et_tally_inuse(struct et_tally *y, int64_t delta)
{
	atomic_store_explicit(&y->inuse_bytes,
			      atomic_load_explicit(&y->inuse_bytes, memory_order_relaxed) + delta,
			      memory_order_relaxed);
}

static inline bool et_thread_is_workload(const struct et_thread *t)
{
	return t != NULL &&
	       atomic_load_explicit(&t->role, memory_order_relaxed) == (unsigned)ET_ROLE_WORKLOAD;
}

#endif
