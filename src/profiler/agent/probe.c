/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pool says of its gets and puts (probe.h): counted and recorded as the C library's calls
 * are (hook.c), in every build.  Apart from the hooks, because profiles leave these names out: the
 * time belongs to the pool that called. */
#include "engine-top/probe.h"

#include "profiler/agent/heap.h"

void et_probe_alloc(uint32_t allocator, const void *ptr, size_t size, const void *caller_ra)
{
	if (allocator < ET_ALLOCATORS_MAX && et_thread_is_workload(et_thread_me))
		et_heap_alloc(et_thread_me, allocator, ptr, size, size, caller_ra);
}

void et_probe_free(uint32_t allocator, const void *ptr, size_t size)
{
	if (allocator < ET_ALLOCATORS_MAX && et_thread_is_workload(et_thread_me))
		et_heap_free(et_thread_me, allocator, ptr, size);
}
