/* SPDX-License-Identifier: Apache-2.0
 *
 * What a workload may tell the profiler about itself, and the only thing that src/engine/ knows
 * of it.  Every call is cheap enough to stay in production code, and harmless when no profiler
 * runs.  Layer: include/; implemented by src/profiler/agent/.
 */
#ifndef ENGINE_TOP_PROBE_H
#define ENGINE_TOP_PROBE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine-top/snapshot.h"

enum et_role {
	ET_ROLE_WORKLOAD = 0, /* profiled: SIGPROF delivered, allocations counted */
	ET_ROLE_SELF,         /* engine-top's own: signals blocked, allocations kept apart */
};

/* Start a thread that the profiler knows from its first instruction to its last.  `name` is cut
 * to 15 bytes (pthread_setname_np).
 * [own] `arg` must live as the thread needs it   [thr] any   [sig] no   [err] errno value, 0 ok */
int et_probe_thread_start(pthread_t *thread, enum et_role role, const char *name,
			  void *(*fn)(void *arg), void *arg);

/* Make the calling thread known (main, at start) with a role; or change its role (a known
 * thread keeps its name).
 * [own] none   [thr] any   [sig] no   [err] -1 without memory: the thread is then not profiled */
int et_probe_thread_self(enum et_role role, const char *name);

/* Around the wait of a pool's worker for work: its state shows as "idle", not as "waiting".
 * [own] none   [thr] any   [sig] safe   [err] never */
void et_probe_idle_begin(void);
void et_probe_idle_end(void);

/* Register an allocator (a pool) under a name that is unique; returns its id for the calls below
 * (the same id if the name is known).  Ids 0 and 1 are glibc and mmap.
 * [own] copies the name   [thr] any   [sig] no   [err] ET_NONE: table full (64) */
uint32_t et_probe_allocator(const char *name, enum et_allocator_kind kind);

/* `allocator` handed out `ptr`, `size` bytes as the caller asked for them / took it back (the same
 * size).  Call alloc after, free before the memory can be handed out again.  `ptr` identifies the object and
 * is not read.  The stack is taken from the calling thread; the reported call site is the caller
 * of the function that contains `caller_ra` as its return address
 * (`__builtin_return_address(0)` of the pool's public entry point).
 * [own] none   [thr] any   [sig] no   [err] never */
void et_probe_alloc(uint32_t allocator, const void *ptr, size_t size, const void *caller_ra);
void et_probe_free(uint32_t allocator, const void *ptr, size_t size);

/* Exact counters of the calling thread since it began, all libc allocation calls. */
struct et_heap_counts {
	uint64_t allocs; /* successful malloc, calloc, realloc that moved or grew, ... */
	uint64_t bytes;  /* as asked for */
	uint64_t frees;
};

/* [own] none   [thr] any   [sig] no   [err] false: not counted in this build (then n/a) */
bool et_probe_heap_counts(struct et_heap_counts *out);

/* Who else fills tables of each snapshot (the engine: targets, benches, pools).  fill() is called
 * on the collector thread, must not block for long and must not keep `b`. */
struct et_producer {
	void *self;
	void (*fill)(void *self, struct et_snapbuild *b);
};

#endif
