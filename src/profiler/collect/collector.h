/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: what one collection leaves behind, folded over the whole session, and the two
 * steps of a collection.  gather.c fills it from the agent and /proc, emit.c turns it into a
 * snapshot.  Layer: profiler/collect; owned by the collector thread. */
#ifndef ET_COLLECT_COLLECTOR_H
#define ET_COLLECT_COLLECTOR_H

#include "engine-top/metric.h"
#include "engine-top/snapshot.h"
#include "profiler/agent/region.h"
#include "profiler/collect/hash.h"
#include "profiler/collect/stacks.h"

#define ET_HISTORY 120u /* points of a series: 30 s at four a second */

struct et_history {
	int64_t points[ET_HISTORY];
	uint32_t n, next; /* ring */
};

/* A thread as it was seen in this collection. */
struct et_seen {
	int tid;
	char name[16];
	bool is_self;
	uint32_t state; /* enum et_thread_state */
	uint32_t stack; /* id in stacks; ET_NONE: it did not answer in time */
	int64_t cpu_ns;
};

/* Sums over live and ended threads. */
struct et_totals {
	uint64_t allocs[ET_ALLOCATORS_MAX], bytes[ET_ALLOCATORS_MAX], frees[ET_ALLOCATORS_MAX];
	int64_t inuse_bytes[ET_ALLOCATORS_MAX];
	int64_t cpu_ns, self_cpu_ns, handler_ns;
	uint64_t n_samples, n_weight, n_lost, n_stray, n_hook;
	uint32_t n_threads, n_threads_self;
};

/* How often threads were seen in one state and stack. */
struct et_wait_sum {
	uint32_t state, stack;
	bool is_self;
	uint64_t times;
};

/* A process whose region we read. */
struct et_proc {
	int pid;
	struct et_region *region;
	struct et_addrs addrs;
	uint32_t *site_stack; /* heap site -> stack id */
	uint32_t n_site_stack;
	struct et_totals ended; /* sums over its ended threads */
};

struct et_collector {
	struct et_symbols *symbols;
	struct et_stacks stacks;
	struct et_proc proc;
	int64_t begin_ns, last_ns; /* CLOCK_MONOTONIC; last_ns 0 before the first collection */
	unsigned hz;
	enum et_engine engine;
	uint64_t heap_period; /* as asked for: 1 = exact, ET_HEAP_ADAPTIVE */
	bool is_proc_dead; /* /proc does not answer: thread states are n/a */

	/* this collection, and the one before for rates */
	int64_t now_ns, dt_ns;
	struct et_totals now, before;
	struct et_seen *seen;
	uint32_t n_seen, room_seen;
	uint32_t n_threads_peak;
	struct et_wait_sum *waits;
	uint32_t n_waits, room_waits;
	struct et_hash waits_by_key;

	struct et_history metric_history[ET_M_COUNT];
	struct et_history allocator_history[ET_ALLOCATORS_MAX];

	struct et_snapbuild *build;
	uint64_t seq;
};

/* Look at every thread, drain the rings, read the heap's sums. */
void et_gather(struct et_collector *c);

/* The snapshot of what et_gather found; producers add their tables.  NULL without memory. */
const struct et_snapshot *et_emit(struct et_collector *c, uint32_t flags,
				  const struct et_producer *producers, size_t n_producers);

#endif
