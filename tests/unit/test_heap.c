/* SPDX-License-Identifier: Apache-2.0
 *
 * The estimates of the heap tables against the truth, run after run: intervals must hold the
 * truth as often as they say, and an adaptive period must give enough samples. */
#include <math.h>

#include "engine-top/probe.h"
#include "profiler/agent/heap.h"
#include "tap.h"

#define KEEP __attribute__((noinline, noclone))

enum { RUNS = 200, OBJECTS = 20000 };

struct truth {
	double bytes, objects, held_bytes, held_objects;
};

/* Objects of 16 B to 8 KiB, every fifth of them kept: told to the tables as a pool would. */
KEEP static void allocate(uint32_t id, unsigned *seed, struct truth *t, char *base)
{
	memset(t, 0, sizeof *t);
	for (int i = 0; i < OBJECTS; i++) {
		size_t n = (size_t)16 << (rand_r(seed) % 10);

		et_probe_alloc(id, base + i, n, __builtin_return_address(0));
		t->bytes += (double)n;
		t->objects++;
		if (i % 5 == 0) {
			t->held_bytes += (double)n;
			t->held_objects++;
		} else {
			et_probe_free(id, base + i, n);
		}
	}
}

struct sums {
	double v[4], var[4];
};

static void read_sites(uint32_t id, struct sums *s)
{
	const struct et_region *r = et_region_here();

	memset(s, 0, sizeof *s);
	for (uint32_t i = 0; i < atomic_load(&r->n_sites); i++) {
		const struct et_site *k = &r->sites[i];

		if (k->allocator != id)
			continue;
		s->v[0] += (double)atomic_load(&k->alloc_bytes);
		s->v[1] += (double)atomic_load(&k->alloc_fix) / (1 << ET_HEAP_FIX);
		s->v[2] += (double)atomic_load(&k->inuse_bytes);
		s->v[3] += (double)atomic_load(&k->inuse_fix) / (1 << ET_HEAP_FIX);
		s->var[0] += (double)atomic_load(&k->alloc_bytes_var);
		s->var[1] += (double)atomic_load(&k->alloc_var) / (1 << ET_VAR_FIX);
		s->var[2] += (double)atomic_load(&k->inuse_bytes_var);
		s->var[3] += (double)atomic_load(&k->inuse_var) / (1 << ET_VAR_FIX);
	}
}

/* One run: one more pool name would fill the table of allocators, so runs share one and look at
 * what they added. */
static void *one_run(void *arg)
{
	static char base[OBJECTS];
	unsigned *held = arg; /* how often each of the four intervals held the truth */
	uint32_t id = et_probe_allocator("pool estimate", ET_ALLOC_POOL);
	struct sums before, after;
	struct truth t;
	static unsigned seed = 1;
	double want[4];

	read_sites(id, &before);
	allocate(id, &seed, &t, base);
	read_sites(id, &after);
	want[0] = t.bytes;
	want[1] = t.objects;
	want[2] = t.held_bytes;
	want[3] = t.held_objects;
	for (int k = 0; k < 4; k++)
		held[k] += fabs(after.v[k] - before.v[k] - want[k]) <=
			   1.96 * sqrt(after.var[k] - before.var[k]);
	for (int i = 0; i < OBJECTS; i += 5)
		et_probe_free(id, base + i, 0);
	return NULL;
}

/* A process-wide table is no place for `static` in a thread, but runs follow one another. */
static void t_intervals(void)
{
	static const char *const what[4] = { "allocated bytes", "allocated objects", "held bytes",
					     "held objects" };
	unsigned held[4] = { 0 };

	et_heap_start(1024);
	for (int i = 0; i < RUNS; i++) {
		pthread_t t;

		et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "run", one_run, held);
		pthread_join(t, NULL);
	}
	for (int k = 0; k < 4; k++) {
		printf("# %s: the interval held the truth in %u of %d runs\n", what[k], held[k], RUNS);
		/* 95 % of 200: 190, standard deviation 3.1; 4 of them are 12 */
		ET_OK(held[k] >= 178, "%s: intervals are not too narrow", what[k]);
	}
	ET_OK(held[0] + held[1] + held[2] + held[3] < 4 * RUNS, "nor endless");
}

static void *much(void *arg)
{
	uint32_t id = et_probe_allocator("pool much", ET_ALLOC_POOL);
	static char c;

	for (long i = 0; i < (long)(uintptr_t)arg; i++) {
		et_probe_alloc(id, &c, 4096, __builtin_return_address(0));
		et_probe_free(id, &c, 4096);
	}
	return NULL;
}

static uint64_t samples_of(const char *name)
{
	const struct et_region *r = et_region_here();
	uint32_t id = et_probe_allocator(name, ET_ALLOC_POOL);
	uint64_t n = 0;

	for (uint32_t i = 0; i < atomic_load(&r->n_sites); i++)
		n += r->sites[i].allocator == id ? atomic_load(&r->sites[i].samples) : 0;
	return n;
}

static void run_much(uint64_t bytes)
{
	pthread_t t;

	et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "much", much, (void *)(uintptr_t)(bytes / 4096));
	pthread_join(t, NULL);
}

static void t_adaptive(void)
{
	struct sums s;
	uint64_t first;
	double all;

	et_heap_start(ET_HEAP_ADAPTIVE);
	run_much(64 << 20);
	first = samples_of("pool much");
	ET_OK(first >= 4000, "64 MiB give at least 4,000 samples: %llu", (unsigned long long)first);
	run_much((uint64_t)4 << 30);
	ET_OK(samples_of("pool much") < 80000, "4 GiB do not give a million: %llu",
	      (unsigned long long)samples_of("pool much"));
	ET_OK(et_heap_period() > 64 << 10, "the period has grown: %llu",
	      (unsigned long long)et_heap_period());
	read_sites(et_probe_allocator("pool much", ET_ALLOC_POOL), &s);
	all = (double)(64 << 20) + (double)((uint64_t)4 << 30);
	ET_OK(fabs(s.v[0] - all) < 5 * sqrt(s.var[0]) && sqrt(s.var[0]) < all / 50,
	      "and the bytes still add up: %.0f of %.0f, sigma %.0f", s.v[0], all, sqrt(s.var[0]));
}

int main(void)
{
	et_probe_thread_self(ET_ROLE_SELF, "main");
	t_intervals();
	t_adaptive();
	return tap_done();
}
