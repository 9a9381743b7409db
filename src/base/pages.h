/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages from the kernel, past every interposed mmap(): for memory that must not show up as
 * somebody's allocation (the profiler's own tables, the backing of a pool).  Layer: base.
 * Any thread.  Not in signal context (mmap is not in signal-safety(7)). */
#ifndef ET_BASE_PAGES_H
#define ET_BASE_PAGES_H

#include <stddef.h>

/* n bytes (rounded up to pages), zeroed, reserved only: untouched pages cost nothing.  NULL
 * without memory. */
void *et_pages_new(size_t n);
void et_pages_free(void *p, size_t n);

#endif
