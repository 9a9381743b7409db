/* SPDX-License-Identifier: Apache-2.0
 *
 * Who holds what: recorded allocations folded, in place, into one row a call site.  No events
 * and no ring, so nothing can be dropped when a program allocates faster than anybody reads:
 * the exact mode is exact.  Layer: profiler/agent.  Called inside malloc: nothing here may
 * allocate but et_pages_new. */
#ifndef ET_AGENT_HEAP_H
#define ET_AGENT_HEAP_H

#include "profiler/agent/region.h"

/* Mean bytes between two recorded allocations: 0 = record none, 1 = record all,
 * ET_HEAP_ADAPTIVE = begin fine and double each time that enough are recorded, so that a short
 * run has samples and a long one costs little.  A thread takes it over at its next record.
 * [own] none   [thr] main   [sig] no   [err] -1 without memory for the tables */
#define ET_HEAP_ADAPTIVE UINT64_MAX
int et_heap_start(uint64_t period);
uint64_t et_heap_period(void); /* the one in force now */

/* `t` got / gives back an object; see probe.h.  `usable` >= size is what counts as in use.
 * [own] none   [thr] owner of t   [sig] no   [err] never: a lost record is counted */
void et_heap_alloc(struct et_thread *t, uint32_t allocator, const void *ptr, size_t size,
		   size_t usable, const void *caller_ra);
void et_heap_free(struct et_thread *t, uint32_t allocator, const void *ptr, size_t usable);

/* Forget the record of ptr (false: it had none) / put it back, for a realloc that may fail.
 * [own] none   [thr] any   [sig] no   [err] false */
struct et_heap_record {
	uint32_t site;
	uint64_t size, weight_fix;
};
bool et_heap_forget(const void *ptr, struct et_heap_record *out);
void et_heap_restore(const void *ptr, const struct et_heap_record *rec);
void et_heap_dead(const struct et_heap_record *rec); /* forgotten for good */

/* mmap: mappings are few, each is recorded, and munmap may take any part of them.  unmap says
 * whether any of it was known.
 * [own] none   [thr] owner of t   [sig] no   [err] never */
void et_heap_map(struct et_thread *t, const void *at, size_t n, const void *caller_ra);
bool et_heap_unmap(struct et_thread *t, const void *at, size_t n);

#endif
