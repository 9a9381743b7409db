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

/* The slow part of et_heap_alloc / et_heap_free, and of a free by a thread without a slot.
 * [own] none   [thr] owner of t   [sig] no   [err] never: a lost record is counted */
void et_heap_record(struct et_thread *t, uint32_t allocator, const void *ptr, size_t size,
		    const void *caller_ra);
void et_heap_remove(const void *ptr);
void et_heap_orphan(uint32_t allocator, const void *ptr, size_t usable);

/* Index of an address in the filter. */
#define ET_HEAP_FILTER_BITS 16
static inline uint32_t et_heap_filter_ix(const void *ptr)
{
	return (uint32_t)(((uint64_t)(uintptr_t)ptr * UINT64_C(0x9e3779b97f4a7c15)) >>
			  (64 - ET_HEAP_FILTER_BITS));
}

/* `t` got / gives back an object; see probe.h.  `usable` >= size is what counts as in use.
 * In line, because they are in every malloc() and free() of the workload: four additions and a
 * compare; two additions and a load.
 * [own] none   [thr] owner of t   [sig] no   [err] never: a lost record is counted */
static inline void et_heap_alloc(struct et_thread *t, uint32_t allocator, const void *ptr,
				 size_t size, size_t usable, const void *caller_ra)
{
	struct et_tally *y = &t->tally[allocator];

	et_tally_add(&y->allocs, 1);
	et_tally_add(&y->bytes, size);
	et_tally_inuse(y, (int64_t)usable);
	t->countdown -= (int64_t)(size + (size == 0)); /* malloc(0) is an object too */
	if (__builtin_expect(t->countdown <= 0, 0))
		et_heap_record(t, allocator, ptr, size, caller_ra);
}

static inline void et_heap_free(struct et_thread *t, uint32_t allocator, const void *ptr,
				size_t usable)
{
	if (__builtin_expect(t == NULL, 0)) {
		et_heap_orphan(allocator, ptr, usable);
		return;
	}
	et_tally_add(&t->tally[allocator].frees, 1);
	et_tally_inuse(&t->tally[allocator], -(int64_t)usable);
	if (t->filter != NULL && atomic_load_explicit(&t->filter[et_heap_filter_ix(ptr)],
						      memory_order_acquire) != 0)
		et_heap_remove(ptr);
}

/* The filter as it is now, for a thread that begins.
 * [own] static   [thr] any   [sig] no   [err] NULL: nothing is recorded */
const atomic_uchar *et_heap_filter(void);

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
