/* SPDX-License-Identifier: Apache-2.0
 *
 * A pool of equal buffers: what is put back is handed out again, without a call to malloc.
 * Any number of threads; an object may be put by another thread than the one that got it.
 *
 * Its memory comes from mappings of its own, so that it never shows as glibc heap; what is handed
 * out shows as allocator "pool NAME".  Layer: engine/pool; knows base and probe.h. */
#ifndef ET_ENGINE_POOL_H
#define ET_ENGINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine-top/err.h"

struct et_pool;

struct et_pool_opts {
	const char *name;  /* allocator name is "pool NAME"; cut to 47 bytes */
	size_t size;       /* bytes of an object; aligned to 16, and to 64 from 32 KiB on */
	size_t max_bytes;  /* most it keeps of what was put back; 0 = no bound.  Objects under
	                      32 KiB share chunks that go back whole: a chunk with an object in
	                      use stays */
	uint32_t max_live; /* most objects handed out at once; 0 = no bound */
	bool is_cleared;   /* get returns zeroed memory: costs a memset at each reuse */
};

struct et_pool_stats {
	uint64_t gets, puts;
	uint64_t hits;           /* gets that reused an object */
	uint64_t misses;         /* gets - hits */
	uint64_t live;           /* handed out now */
	uint64_t retained_bytes; /* put back and kept, ready for reuse */
	uint64_t mapped_bytes;   /* held now, handed out or not */
	uint64_t peak_bytes;     /* most ever mapped */
};

/* [own] new; et_pool_free   [thr] any   [sig] no   [err] NULL and *err */
struct et_pool *et_pool_new(const struct et_pool_opts *opts, struct et_err *err);

/* An object of `size` bytes with undefined content (zeroed with is_cleared).
 * [own] caller's until et_pool_put   [thr] any   [sig] no   [err] NULL: no memory, or max_live */
void *et_pool_get(struct et_pool *p);

/* Give it back; NULL is allowed.  An object that was put already, or that is not this pool's, ends
 * the process with one line: going on would hand it to two owners.
 * [own] takes   [thr] any   [sig] no   [err] aborts */
void et_pool_put(struct et_pool *p, void *object);

/* Consistent while others work: hits + misses == gets.
 * [own] none   [thr] any   [sig] no   [err] never */
void et_pool_stats(struct et_pool *p, struct et_pool_stats *out);

/* [own] borrows until free   [thr] any   [sig] no   [err] never */
const char *et_pool_name(const struct et_pool *p);

/* Unmap everything; objects still handed out are gone.  No other thread may be in a call or be
 * ending: the caches of threads that used the pool are freed here.  NULL is allowed.
 * [own] frees   [thr] any   [sig] no   [err] never */
void et_pool_free(struct et_pool *p);

#endif
