/* SPDX-License-Identifier: Apache-2.0
 * The agent's small parts: the ring, trimming of stacks, /proc texts, the thread registry. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "engine-top/probe.h"
#include "profiler/agent/hook.h"
#include "profiler/agent/ring.h"
#include "profiler/agent/stack.h"
#include "profiler/agent/region.h"
#include "profiler/collect/hash.h"
#include "profiler/collect/procfs.h"
#include "tap.h"

static struct et_ring ring;

static void t_ring_whole_or_not(void)
{
	uint64_t rec[1000] = { 1000 }, out[1000];
	unsigned n_in = 0, n_out = 0;

	while (et_ring_put(&ring, rec, 1000))
		n_in++;
	ET_IS_INT(n_in, ET_RING_WORDS / 1000, "a full ring refuses, it does not overwrite");
	while (et_ring_get(&ring, out, 1000) == 1000)
		n_out++;
	ET_IS_INT(n_out, n_in, "everything accepted comes out");
	ET_IS_INT(et_ring_get(&ring, out, 1000), 0, "then it is empty");
	rec[0] = 3;
	et_ring_put(&ring, rec, 3);
	rec[0] = 2;
	et_ring_put(&ring, rec, 2);
	ET_IS_INT(et_ring_get(&ring, out, 2), 2, "a record too long for the reader is passed over");
}

enum { N_RECORDS = 200000 };

static void *produce(void *arg)
{
	uint64_t rec[40];

	for (uint64_t i = 0; i < N_RECORDS; i++) {
		uint64_t n = 2 + i % 30;

		rec[0] = n;
		for (uint64_t k = 1; k < n; k++)
			rec[k] = i * 1000 + k;
		while (!et_ring_put(&ring, rec, n))
			sched_yield();
	}
	return arg;
}

static void t_ring_two_threads(void)
{
	uint64_t rec[64];
	pthread_t t;
	bool is_right = true;

	pthread_create(&t, NULL, produce, NULL);
	for (uint64_t i = 0; i < N_RECORDS; i++) {
		size_t n;

		while ((n = et_ring_get(&ring, rec, 64)) == 0)
			sched_yield();
		is_right &= n == 2 + i % 30;
		for (uint64_t k = 1; k < n; k++)
			is_right &= rec[k] == i * 1000 + k;
	}
	pthread_join(t, NULL);
	ET_OK(is_right, "200,000 records of 2..31 words arrive in order and whole");
}

static void t_trim(void)
{
	static char code[16];
	void *bt[] = { code + 1, code + 2, code + 3, code + 4, NULL, code + 5 };
	uint64_t out[ET_DEPTH_MAX];

	ET_IS_INT(et_stack_trim(bt, 6, code + 3, out), 3, "frames of ours are left out");
	ET_OK(out[0] == (uint64_t)(uintptr_t)(code + 3) - 1, "a return address lies in its call");
	ET_OK(out[2] == (uint64_t)(uintptr_t)(code + 5) - 1, "an empty frame is left out");
	ET_IS_INT(et_stack_trim(bt, 2, code + 9, out), 2, "a short stack without the caller is kept");
}

static void t_stat(void)
{
	ET_IS_INT(et_procfs_parse_stat("12 (cat) S 1 2 3"), 'S', "state");
	ET_IS_INT(et_procfs_parse_stat("12 (a) R (x) D 1"), 'D', "a name like ') R (' does not fool it");
	ET_IS_INT(et_procfs_parse_stat("12 (cut"), 0, "a cut line has no state");
	ET_IS_INT(et_procfs_wait(SYS_futex), ET_WAIT_FUTEX, "futex");
	ET_IS_INT(et_procfs_wait(SYS_fsync), ET_WAIT_IO, "fsync is i/o");
	ET_IS_INT(et_procfs_wait(SYS_clock_nanosleep), ET_WAIT_SLEEP, "clock_nanosleep");
	ET_IS_INT(et_procfs_wait(-1), ET_WAIT_OTHER, "unknown");
	ET_OK(et_procfs_rss() > 100000, "resident memory");
}

static void t_hash(void)
{
	struct et_hash h = { 0 };
	bool is_right = true;
	uint32_t v;

	for (uint64_t i = 0; i < 100000; i++)
		is_right &= et_hash_put(&h, i * i, (uint32_t)i);
	for (uint64_t i = 0; i < 100000; i++)
		is_right &= et_hash_get(&h, i * i, &v) && v == i;
	ET_OK(is_right, "100,000 keys are found");
	ET_OK(!et_hash_get(&h, 3, &v), "a key that is not there is not");
	et_hash_fini(&h);
}

/* ---- the registry ------------------------------------------------------------------------------ */

static void *nothing(void *arg)
{
	void *volatile p = malloc(100);

	free(p);
	return arg;
}

static unsigned count_slots(unsigned state)
{
	const struct et_region *r = et_region_here();
	unsigned n = 0;

	for (unsigned i = 0; i < atomic_load(&r->n_slots); i++)
		n += atomic_load(&r->slots[i].thread.state) == state;
	return n;
}

static void t_slots(void)
{
	struct et_region *r = et_region_here();
	unsigned n_live = count_slots(ET_SLOT_LIVE);
	int n_failed = 0;
	pthread_t t;

	for (int i = 0; i < 3000; i++) {
		if (et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "brief", nothing, NULL) == 0)
			pthread_join(t, NULL);
		else
			n_failed++;
	}
	ET_IS_INT(n_failed, 0, "3,000 threads, one after the other");
	ET_IS_INT(count_slots(ET_SLOT_LIVE), n_live, "no slot stays taken");
	ET_OK(atomic_load(&r->n_slots) <= 3, "a free slot is used again");
	ET_IS_INT(atomic_load(&r->n_live_peak), 1, "one workload thread at a time");
	atomic_store(&r->is_collected, true);
	et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "kept", nothing, NULL);
	pthread_join(t, NULL);
	atomic_store(&r->is_collected, false);
	ET_IS_INT(count_slots(ET_SLOT_ENDED), 1, "an ended slot waits for its collector");
	for (unsigned i = 0; i < atomic_load(&r->n_slots); i++) {
		struct et_thread *e = &r->slots[i].thread;

		if (atomic_load(&e->state) != ET_SLOT_ENDED)
			continue;
		ET_IS_STR(e->name, "kept", "with its name");
		ET_OK(e->cpu_final_ns > 0, "its CPU time");
		if (et_hook_is_on())
			ET_OK(atomic_load(&e->tally[0].allocs) >= 1, "its allocations");
		atomic_store(&e->state, ET_SLOT_FREE);
	}
}

static void *own_module(void *arg)
{
	return arg;
}

static void t_modules(void)
{
	struct et_region *r = et_region_here();
	const struct et_module *m;
	unsigned n;

	et_region_note_modules();
	n = atomic_load(&r->n_modules);
	ET_OK(n >= 3, "program, libc, vdso at least: %u modules", n);
	et_region_note_modules();
	ET_IS_INT(atomic_load(&r->n_modules), n, "a second look finds nothing new");
	m = et_region_module(r, (uint64_t)(uintptr_t)own_module);
	ET_OK(m != NULL && strstr(m->path, "test_agent") != NULL, "our own code is in our program");
	ET_OK(et_region_module(r, 1) == NULL, "nothing is at address 1");
}

static void t_allocators(void)
{
	const struct et_region *r = et_region_here();
	uint32_t a = et_probe_allocator("pool a", ET_ALLOC_POOL), last = 0;
	char name[32];

	ET_IS_STR(r->allocators[0].name, "glibc", "allocator 0");
	ET_IS_STR(r->allocators[1].name, "mmap", "allocator 1");
	ET_IS_INT(et_probe_allocator("pool a", ET_ALLOC_POOL), a, "the same name, the same id");
	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof name, "pool %d", i);
		last = et_probe_allocator(name, ET_ALLOC_POOL);
	}
	ET_OK(last == ET_NONE, "a full table says so");
	et_probe_alloc(last, name, 1, NULL); /* must be harmless */
}

int main(void)
{
	et_probe_thread_self(ET_ROLE_SELF, "main");
	t_ring_whole_or_not();
	t_ring_two_threads();
	t_trim();
	t_stat();
	t_hash();
	t_slots();
	t_modules();
	t_allocators();
	return tap_done();
}
