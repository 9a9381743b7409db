/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap of engine-top's own threads, apart from glibc's: what the dashboard, the collector
 * and the recorder allocate neither shows up in the workload's figures nor disturbs the layout
 * of the heap that is being judged.  Layer: profiler/agent. */
#ifndef ET_AGENT_SELFHEAP_H
#define ET_AGENT_SELFHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As malloc(3) and friends; align: power of two.  NULL and ENOMEM without memory.
 * [own] new   [thr] any   [sig] no   [err] NULL */
void *et_selfheap_alloc(size_t n, size_t align);
void *et_selfheap_realloc(void *p, size_t n);

/* p must be ours.
 * [own] frees   [thr] any   [sig] no   [err] aborts with one line on a block that is not live */
void et_selfheap_free(void *p);

/* Is p from here?  Two compares.
 * [own] none   [thr] any   [sig] safe   [err] never */
bool et_selfheap_owns(const void *p);

/* The range of addresses that the own heap can ever hand out; made if need be.  0 bytes: none.
 * [own] none   [thr] any   [sig] no   [err] never */
void et_selfheap_range(uintptr_t *begin, uintptr_t *bytes);

/* Bytes that can be used at p / bytes handed out now, rounding included.
 * [own] none   [thr] any   [sig] no   [err] never */
size_t et_selfheap_usable(const void *p);
size_t et_selfheap_inuse(void);

#endif
