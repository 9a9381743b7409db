/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocation calls of the whole process, interposed by defining them in the program: every
 * library's malloc() lands here.  A workload thread's goes to glibc and is counted; anybody
 * else's goes to the own heap (selfheap.c).  Whose a pointer is, is told by its address, so it
 * may be freed by any thread.
 *
 * Not compiled into the sanitizer builds (ET_NO_INTERPOSE): there malloc belongs to the
 * sanitizer, and the heap panes say so. */
#undef _FILE_OFFSET_BITS /* it would turn our mmap into a second mmap64 */
#include "engine-top/probe.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profiler/agent/heap.h"
#include "profiler/agent/hook.h"
#include "profiler/agent/selfheap.h"

#ifdef ET_NO_INTERPOSE

bool et_hook_is_on(void) { return false; }

bool et_probe_heap_counts(struct et_heap_counts *out)
{
	memset(out, 0, sizeof *out);
	return false;
}

#else

/* glibc's own entry points: no dlsym, which allocates, and no recursion. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);
extern void __libc_free(void *p);

#define CALLER __builtin_return_address(0)
/* A helper is part of the call that bears the C library's name: profiles show only that. */
#define PART static inline __attribute__((always_inline))

/* glibc sets its heap up in the first call without a lock: it trusts that it comes before there
 * are threads.  The main thread's calls go to the own heap, so two workers could be the first at
 * once; glibc then counts one arena's threads wrong and aborts when they end. */
__attribute__((constructor)) static void init_glibc(void)
{
	__libc_free(__libc_malloc(1));
}

bool et_hook_is_on(void) { return true; }

bool et_probe_heap_counts(struct et_heap_counts *out)
{
	const struct et_thread *t = et_thread_me;

	memset(out, 0, sizeof *out);
	if (t == NULL)
		return false;
	out->allocs = atomic_load_explicit(&t->tally[ET_ALLOCATOR_GLIBC].allocs, memory_order_relaxed);
	out->bytes = atomic_load_explicit(&t->tally[ET_ALLOCATOR_GLIBC].bytes, memory_order_relaxed);
	out->frees = atomic_load_explicit(&t->tally[ET_ALLOCATOR_GLIBC].frees, memory_order_relaxed);
	return true;
}

/* Usable size of a glibc block.  malloc_usable_size() is ours too (below), and the next one in
 * line would have to be found by dlsym; so read the size field in front of the block, whose
 * layout is part of the malloc ABI that debuggers rely on (malloc/malloc.c, "chunk"). */
PART size_t glibc_usable(const void *p)
{
	size_t field = ((const size_t *)p)[-1];

	return (field & ~(size_t)7) - ((field & 2) != 0 ? 2 : 1) * sizeof(size_t);
}

PART void got(struct et_thread *t, void *p, size_t n, const void *ra)
{
	if (__builtin_expect(p != NULL, 1))
		et_heap_alloc(t, ET_ALLOCATOR_GLIBC, p, n, glibc_usable(p), ra);
}

/* Is p from the own heap?  A known thread has its range beside its counters. */
PART bool is_own(const struct et_thread *t, const void *p)
{
	if (__builtin_expect(t != NULL && t->own_bytes != 0, 1))
		return (uintptr_t)p - t->own_begin < t->own_bytes;
	return et_selfheap_owns(p);
}

void *malloc(size_t n)
{
	struct et_thread *t = et_thread_me;
	void *p;

	if (__builtin_expect(!et_thread_is_workload(t), 0))
		return et_selfheap_alloc(n, 16);
	p = __libc_malloc(n);
	got(t, p, n, CALLER);
	return p;
}

void *calloc(size_t n, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!et_thread_is_workload(et_thread_me)) {
		p = et_selfheap_alloc(total, 16);
		return p == NULL ? NULL : memset(p, 0, total);
	}
	p = __libc_calloc(n, size);
	got(et_thread_me, p, total, CALLER);
	return p;
}

/* glibc's own free() keeps errno (POSIX.1-2024), and so does what we do before it. */
void free(void *p)
{
	struct et_thread *t = et_thread_me;
	int saved;

	if (p == NULL)
		return;
	if (__builtin_expect(!is_own(t, p), 1)) {
		et_heap_free(t, ET_ALLOCATOR_GLIBC, p, glibc_usable(p));
		__libc_free(p);
		return;
	}
	saved = errno;
	et_selfheap_free(p);
	errno = saved;
}

/* A successful realloc counts as a free and an allocation, moved or not.  The record is taken
 * out before: once glibc has freed p, another thread may get the address. */
PART void *realloc_glibc(void *p, size_t n, const void *ra)
{
	size_t old = glibc_usable(p);
	struct et_heap_record rec;
	bool is_recorded = et_heap_forget(p, &rec);
	void *q = __libc_realloc(p, n);

	if (q == NULL && n != 0) {
		if (is_recorded)
			et_heap_restore(p, &rec);
		return NULL;
	}
	if (is_recorded)
		et_heap_dead(&rec);
	et_heap_free(et_thread_me, ET_ALLOCATOR_GLIBC, NULL, old);
	if (q != NULL && et_thread_me != NULL)
		et_heap_alloc(et_thread_me, ET_ALLOCATOR_GLIBC, q, n, glibc_usable(q), ra);
	return q;
}

void *realloc(void *p, size_t n)
{
	if (p == NULL) {
		if (!et_thread_is_workload(et_thread_me))
			return et_selfheap_alloc(n, 16);
		p = __libc_malloc(n);
		got(et_thread_me, p, n, CALLER);
		return p;
	}
	if (!et_selfheap_owns(p))
		return realloc_glibc(p, n, CALLER);
	if (n == 0) {
		et_selfheap_free(p);
		return NULL;
	}
	return et_selfheap_realloc(p, n);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	if (p != NULL && !et_selfheap_owns(p))
		return realloc_glibc(p, total, CALLER);
	return realloc(p, total);
}

PART void *aligned(size_t align, size_t n, const void *ra)
{
	void *p;

	if (!et_thread_is_workload(et_thread_me))
		return et_selfheap_alloc(n, align);
	p = __libc_memalign(align, n);
	got(et_thread_me, p, n, ra);
	return p;
}

static bool is_power_of_two(size_t n) { return n != 0 && (n & (n - 1)) == 0; }

void *memalign(size_t align, size_t n)
{
	size_t a = 16;

	while (a < align) /* glibc rounds an odd alignment up */
		a *= 2;
	return aligned(a, n, CALLER);
}

void *aligned_alloc(size_t align, size_t n)
{
	if (!is_power_of_two(align)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(align, n, CALLER);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	int saved = errno;
	void *p;

	if (!is_power_of_two(align) || align % sizeof(void *) != 0)
		return EINVAL;
	p = aligned(align, n, CALLER);
	errno = saved;
	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}

void *valloc(size_t n) { return aligned((size_t)sysconf(_SC_PAGESIZE), n, CALLER); }

void *pvalloc(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return aligned(page, (n + page - 1) & ~(page - 1), CALLER);
}

size_t malloc_usable_size(void *p)
{
	if (p == NULL)
		return 0;
	return et_selfheap_owns(p) ? et_selfheap_usable(p) : glibc_usable(p);
}

/* ---- mappings: anonymous ones are memory, those of files are not ---------------------------- */

PART void *map(void *at, size_t n, int prot, int flags, int fd, off_t off, const void *ra)
{
	long got_at = syscall(SYS_mmap, at, n, prot, flags, fd, off);

	if (got_at == -1)
		return MAP_FAILED;
	if ((flags & MAP_ANONYMOUS) != 0 && et_thread_is_workload(et_thread_me))
		et_heap_map(et_thread_me, (void *)got_at, n, ra);
	return (void *)got_at;
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return map(at, n, prot, flags, fd, off, CALLER);
}

void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return map(at, n, prot, flags, fd, off, CALLER);
}

void *mremap(void *at, size_t old, size_t n, int flags, ...)
{
	void *to = NULL;
	long got_at;
	va_list ap;

	va_start(ap, flags);
	if ((flags & MREMAP_FIXED) != 0)
		to = va_arg(ap, void *);
	va_end(ap);
	got_at = syscall(SYS_mremap, at, old, n, flags, to);
	if (got_at == -1)
		return MAP_FAILED;
	if (et_heap_unmap(et_thread_me, at, old) && et_thread_is_workload(et_thread_me))
		et_heap_map(et_thread_me, (void *)got_at, n, CALLER);
	return (void *)got_at;
}

int munmap(void *at, size_t n)
{
	int saved = errno;

	et_heap_unmap(et_thread_me, at, n);
	errno = saved;
	return (int)syscall(SYS_munmap, at, n);
}

#endif
