/* SPDX-License-Identifier: Apache-2.0
 *
 * A plain allocator behind one mutex (selfheap.h): one reserved range of addresses, cut from its
 * bottom up; classes of sizes, four to a doubling; a list of free blocks for each class.  Blocks
 * of 128 KiB and more give their pages back when they are freed.  It serves a handful of threads
 * at human speed; what matters is that ownership can be told from the address alone.
 *
 * A block is 16 bytes of header, then the memory:  { class, back, magic, - }
 * where `back` is the distance from the header to the block's begin (alignment > 16). */
#include "profiler/agent/selfheap.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pages.h"

#define HEAD 16u
#define CLASSES 128u
#define MAGIC_LIVE 0x5e1f11f3u
#define MAGIC_FREE 0xf3eef3eeu
#define GIVE_BACK (128u << 10)

struct head {
	uint32_t class_ix;
	uint32_t back;
	uint32_t magic;
	uint32_t pad;
};

struct free_block {
	struct head head;
	struct free_block *next;
};

/* Process-wide because malloc is. */
static struct {
	pthread_mutex_t lock;
	uintptr_t base, end, top;
	struct free_block *free[CLASSES];
	size_t inuse;
	bool is_fork_safe;
} sh = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Class c holds blocks of (4 + c % 4) << (c / 4 + 3) bytes: 32, 40, 48, 56, 64, 80, ... */
static size_t class_bytes(uint32_t c)
{
	size_t n = (size_t)(4 + c % 4) << (c / 4 + 3);

	return (n + 15) & ~(size_t)15;
}

static uint32_t class_of(size_t n)
{
	uint32_t c = 0;

	if (n > 64) {
		unsigned log2 = 63u - (unsigned)__builtin_clzl(n - 1);

		c = (log2 - 5) * 4 + (uint32_t)((n - 1) >> (log2 - 2) & 3) + 1;
	}
	while (c > 0 && class_bytes(c - 1) >= n)
		c--;
	while (class_bytes(c) < n)
		c++;
	return c;
}

static void before_fork(void) { pthread_mutex_lock(&sh.lock); }
static void after_fork(void) { pthread_mutex_unlock(&sh.lock); }

/* As much address space as a limit allows: it is only reserved. */
static bool reserve(void)
{
	for (size_t n = (size_t)64 << 30; n >= (size_t)64 << 20; n /= 4) {
		uintptr_t at = (uintptr_t)et_pages_new(n);

		if (at == 0)
			continue;
		sh.top = at;
		sh.end = at + n;
		__atomic_store_n(&sh.base, at, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

static struct head *head_of(void *p)
{
	return (struct head *)(void *)((char *)p - HEAD);
}

static void *take_block(uint32_t c)
{
	struct free_block *b = sh.free[c];
	size_t n = class_bytes(c);
	uintptr_t at;

	if (b != NULL) {
		sh.free[c] = b->next;
		return b;
	}
	if (sh.base == 0 && !reserve())
		return NULL;
	at = sh.top;
	if (n >= GIVE_BACK)
		at = (at + 4095) & ~(uintptr_t)4095; /* so that whole pages can be given back */
	if (at > sh.end || sh.end - at < n)
		return NULL;
	sh.top = at + n;
	return (void *)at; /* NOLINT: our own reservation */
}

void *et_selfheap_alloc(size_t n, size_t align)
{
	size_t slack = align > 16 ? align : 0;
	uint32_t c;
	char *block, *p;
	struct head *h;

	if (n > (size_t)1 << 40 || align > (size_t)1 << 30) {
		errno = ENOMEM;
		return NULL;
	}
	c = class_of(n + HEAD + slack);
	pthread_mutex_lock(&sh.lock);
	block = take_block(c);
	sh.inuse += block != NULL ? class_bytes(c) : 0;
	pthread_mutex_unlock(&sh.lock);
	if (block == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	p = block + HEAD;
	if (slack != 0)
		p += (align - (uintptr_t)p % align) % align;
	h = head_of(p);
	*h = (struct head){ .class_ix = c, .back = (uint32_t)((char *)h - block),
			    .magic = MAGIC_LIVE };
	if (!__atomic_exchange_n(&sh.is_fork_safe, true, __ATOMIC_RELAXED))
		pthread_atfork(before_fork, after_fork, after_fork);
	return p;
}

bool et_selfheap_owns(const void *p)
{
	uintptr_t base = __atomic_load_n(&sh.base, __ATOMIC_ACQUIRE);

	return base != 0 && (uintptr_t)p - base < sh.end - base;
}

static void die(const char *what)
{
	/* no stdio: it allocates */
	if (write(STDERR_FILENO, what, strlen(what)) < 0)
		abort();
	abort();
}

void et_selfheap_range(uintptr_t *begin, uintptr_t *bytes)
{
	pthread_mutex_lock(&sh.lock);
	*begin = *bytes = 0;
	if (sh.base != 0 || reserve()) {
		*begin = sh.base;
		*bytes = sh.end - sh.base;
	}
	pthread_mutex_unlock(&sh.lock);
}

void et_selfheap_free(void *p)
{
	struct head *h = head_of(p);
	struct free_block *b = (struct free_block *)(void *)((char *)h - h->back);
	uint32_t c = h->class_ix;

	if (h->magic != MAGIC_LIVE)
		die("engine-top: free() of a block that is not live (own heap)\n");
	h->magic = MAGIC_FREE;
	if (class_bytes(c) >= GIVE_BACK)
		madvise((char *)b + 4096, class_bytes(c) - 4096, MADV_DONTNEED);
	pthread_mutex_lock(&sh.lock);
	b->next = sh.free[c];
	sh.free[c] = b;
	sh.inuse -= class_bytes(c);
	pthread_mutex_unlock(&sh.lock);
}

size_t et_selfheap_usable(const void *p)
{
	const struct head *h = (const struct head *)(const void *)((const char *)p - HEAD);

	return class_bytes(h->class_ix) - h->back - HEAD;
}

void *et_selfheap_realloc(void *p, size_t n)
{
	size_t room = et_selfheap_usable(p);
	void *q;

	if (n <= room && n * 4 >= room)
		return p;
	q = et_selfheap_alloc(n, 16);
	if (q == NULL)
		return NULL;
	memcpy(q, p, n < room ? n : room);
	et_selfheap_free(p);
	return q;
}

size_t et_selfheap_inuse(void)
{
	size_t n;

	pthread_mutex_lock(&sh.lock);
	n = sh.inuse;
	pthread_mutex_unlock(&sh.lock);
	return n;
}
