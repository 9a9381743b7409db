/* SPDX-License-Identifier: Apache-2.0
 * The own heap: every size and alignment, growth, reuse, ownership, threads. */
#include <pthread.h>

#include "engine-top/probe.h"
#include "profiler/agent/selfheap.h"
#include "tap.h"

static void t_sizes(void)
{
	int is_sound = 1;

	for (size_t n = 0; n < 300000; n += n < 2000 ? 1 : 997) {
		unsigned char *p = et_selfheap_alloc(n, 16);

		is_sound &= p != NULL && (uintptr_t)p % 16 == 0 && et_selfheap_usable(p) >= n &&
			    et_selfheap_usable(p) <= n + n / 4 + 64;
		memset(p, 0xa5, n);
		et_selfheap_free(p);
	}
	ET_OK(is_sound, "sizes 0..300000: aligned, large enough, at most a quarter wasted");
}

static void t_alignments(void)
{
	int is_sound = 1;

	for (size_t align = 16; align <= 1 << 16; align *= 2) {
		char *p = et_selfheap_alloc(100, align);

		is_sound &= p != NULL && (uintptr_t)p % align == 0 && et_selfheap_usable(p) >= 100;
		memset(p, 1, 100);
		et_selfheap_free(p);
	}
	ET_OK(is_sound, "alignments 16..65536");
}

static void t_no_overlap(void)
{
	enum { N = 4000 };
	static unsigned char *p[N];
	static size_t n[N];
	unsigned seed = 1;
	int is_sound = 1;

	for (int round = 0; round < 20000; round++) {
		int i = rand_r(&seed) % N;

		if (p[i] != NULL) {
			for (size_t k = 0; k < n[i]; k += 13)
				is_sound &= p[i][k] == (unsigned char)i;
			if (round % 3 == 0) {
				size_t m = (size_t)(rand_r(&seed) % 5000);
				unsigned char *q = et_selfheap_realloc(p[i], m);

				for (size_t k = 0; k < (m < n[i] ? m : n[i]); k += 7)
					is_sound &= q[k] == (unsigned char)i;
				p[i] = q;
				n[i] = m;
				memset(q, (unsigned char)i, m);
				continue;
			}
			et_selfheap_free(p[i]);
			p[i] = NULL;
			continue;
		}
		n[i] = (size_t)(rand_r(&seed) % (i % 50 == 0 ? 400000 : 3000));
		p[i] = et_selfheap_alloc(n[i], 16);
		memset(p[i], (unsigned char)i, n[i]);
	}
	ET_OK(is_sound, "20,000 random steps: contents survive, blocks do not overlap");
	for (int i = 0; i < N; i++)
		if (p[i] != NULL)
			et_selfheap_free(p[i]);
}

static void t_ownership(void)
{
	int on_stack;
	void *p = et_selfheap_alloc(1, 16);

	ET_OK(et_selfheap_owns(p), "its own block is its own");
	ET_OK(!et_selfheap_owns(&on_stack), "a stack address is not");
	ET_OK(!et_selfheap_owns(NULL), "NULL is not");
	et_selfheap_free(p);
}

static void t_too_large(void)
{
	ET_OK(et_selfheap_alloc((size_t)1 << 50, 16) == NULL, "a petabyte is refused");
	ET_OK(et_selfheap_alloc(SIZE_MAX - 8, 16) == NULL, "a size that wraps is refused");
}

static void *churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	uintptr_t is_sound = 1;

	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)(rand_r(&seed) % 900);
		unsigned char *p = et_selfheap_alloc(n + 1, 16);

		p[0] = (unsigned char)i;
		p[n] = (unsigned char)i;
		is_sound &= p[0] == (unsigned char)i;
		et_selfheap_free(p);
	}
	return (void *)is_sound;
}

static void t_threads(void)
{
	size_t before = et_selfheap_inuse();
	pthread_t t[4];
	int is_sound = 1;

	for (uintptr_t i = 0; i < 4; i++)
		et_probe_thread_start(&t[i], ET_ROLE_SELF, "churn", churn, (void *)(i + 1));
	for (int i = 0; i < 4; i++) {
		void *r;

		pthread_join(t[i], &r);
		is_sound &= r != NULL;
	}
	ET_OK(is_sound, "four threads at once");
	/* the threads' own bookkeeping (thread start, libc) may keep a little */
	ET_OK(et_selfheap_inuse() < before + 65536, "what was taken came back");
}

int main(void)
{
	et_probe_thread_self(ET_ROLE_SELF, "main");
	t_sizes();
	t_alignments();
	t_no_overlap();
	t_ownership();
	t_too_large();
	t_threads();
	return tap_done();
}
