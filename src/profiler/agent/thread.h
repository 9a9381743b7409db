/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry of known threads: what the agent keeps of each, and what the collector reads.
 * One slot a thread; the owner writes it, the collector reads it; slots are never unmapped, so
 * a reader cannot fall off.  Layer: profiler/agent. */
#ifndef ET_AGENT_THREAD_H
#define ET_AGENT_THREAD_H

#include "engine-top/probe.h"
#include "profiler/agent/ring.h"

#define ET_ALLOCATORS_MAX 64u
#define ET_ALLOCATOR_GLIBC 0u
#define ET_ALLOCATOR_MMAP 1u
#define ET_THREADS_MAX 4096u

enum et_slot_state {
	ET_SLOT_FREE = 0,
	ET_SLOT_LIVE,
	ET_SLOT_ENDED, /* the thread is gone; its ring waits to be drained */
};

/* Written by the owning thread only, read by the collector: relaxed atomics without a lock
 * prefix (et_tally_add). */
struct et_tally {
	atomic_uint_fast64_t allocs, bytes, frees; /* bytes: as asked for */
	atomic_int_fast64_t inuse_bytes;           /* glibc: usable size; pools: as asked for */
};

struct et_thread {
	atomic_uint state; /* enum et_slot_state */
	atomic_uint role;  /* enum et_role */
	atomic_bool is_idle;
	int tid;
	char name[16];

	/* allocation sampling; owner only */
	int64_t countdown; /* bytes until the next recorded allocation */
	bool is_stepping;  /* countdown has been drawn */
	uint64_t rng;
	volatile bool is_in_hook; /* recording an allocation: the handler looks at it */
	struct et_tally tally[ET_ALLOCATORS_MAX];

	/* CPU sampling; the handler of this thread only */
	struct et_ring *ring; /* NULL: no memory for it, samples are lost and counted */
	int64_t cpu_seen_ns;  /* thread clock when the last handler ended */
	atomic_uint_fast64_t n_samples, n_lost;
	atomic_uint_fast64_t n_stray; /* the thread had not run: own threads' CPU */
	atomic_uint_fast64_t n_hook;  /* hit while an allocation was recorded */
	atomic_uint_fast64_t handler_ns;

	void *altstack; /* for crash reports on a stack overflow */

	/* the collector's notes about this thread; nobody else touches them */
	struct {
		int64_t run_ns, delay_ns; /* schedstat at the last look */
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

static inline bool et_thread_is_workload(const struct et_thread *t)
{
	return t != NULL &&
	       atomic_load_explicit(&t->role, memory_order_relaxed) == ET_ROLE_WORKLOAD;
}

/* What ended threads left behind, and threads that nobody registered freed. */
struct et_retired {
	uint64_t allocs[ET_ALLOCATORS_MAX], bytes[ET_ALLOCATORS_MAX], frees[ET_ALLOCATORS_MAX];
	int64_t inuse_bytes[ET_ALLOCATORS_MAX];
	int64_t cpu_ns[2]; /* by enum et_role */
	uint64_t n_samples[2], n_lost, n_stray, n_hook;
	int64_t handler_ns;
	uint64_t n_threads[2]; /* ever ended */
	uint32_t n_live, n_live_peak; /* workload threads now, and most at one time */
};

/* Visit every live and ended slot, with the retired sums, under the registry's lock: no thread
 * is counted twice or missed.  fn must not block or register threads.
 * [own] none   [thr] collector   [sig] no   [err] never */
void et_thread_visit(void (*fn)(void *self, struct et_thread *t, enum et_slot_state state),
		     void *self, struct et_retired *retired);

/* Say that the collector runs (ended slots wait for it) or not (they are free at once).
 * [own] none   [thr] collector's starter   [sig] no   [err] never */
void et_thread_collecting(bool is_on);

/* Give an ended slot, drained, back.
 * [own] none   [thr] collector   [sig] no   [err] never */
void et_thread_release(struct et_thread *t);

/* A free by a thread that is not registered; `usable` bytes.
 * [own] none   [thr] any   [sig] no   [err] never */
void et_thread_orphan_free(uint32_t allocator, size_t usable);

/* Name of a registered allocator, its kind; NULL past the last.
 * [own] static   [thr] any   [sig] no   [err] NULL */
const char *et_thread_allocator(uint32_t id, enum et_allocator_kind *kind);

/* CPU time of a live thread by its id; -1 if it is gone.
 * [own] none   [thr] any   [sig] safe   [err] -1 */
int64_t et_thread_cpu_ns(int tid);

#endif
