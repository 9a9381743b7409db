/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry of threads, and the probe calls that are about threads and allocator names.
 *
 * Slots lie in the region (region.h); a beginning thread claims one by compare-and-swap, so there
 * is no lock that a fork could leave taken.
 *
 * A thread that is not registered counts as engine-top's own: its allocations go to the own
 * heap (selfheap.c), so that glibc's heap holds the workload's objects and nothing else. */
#include "profiler/agent/thread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pages.h"
#include "profiler/agent/engine.h"
#include "profiler/agent/heap.h"
#include "profiler/agent/selfheap.h"

#define ALTSTACK_BYTES 65536u

__thread struct et_thread *et_thread_me;

static struct et_thread *claim(struct et_region *r)
{
	uint32_t n = atomic_load(&r->n_slots);

	for (uint32_t i = 0; i < r->n_slots_max; i++) {
		unsigned want = ET_SLOT_FREE;

		if (!atomic_compare_exchange_strong(&r->slots[i].thread.state, &want,
						    ET_SLOT_CLAIMED))
			continue;
		while (n < i + 1 && !atomic_compare_exchange_weak(&r->n_slots, &n, i + 1))
			;
		return &r->slots[i].thread;
	}
	return NULL;
}

/* A reused slot keeps its alternate stack and its ring, which is empty again by now. */
static void clear_slot(struct et_thread *t)
{
	struct et_slot *slot = (struct et_slot *)(void *)t; /* its first member */
	void *altstack = t->altstack;

	memset((char *)t + offsetof(struct et_thread, role), 0,
	       sizeof *t - offsetof(struct et_thread, role));
	t->ring = &slot->ring;
	t->altstack = altstack != NULL ? altstack : et_pages_new(ALTSTACK_BYTES);
}

static void use_altstack(struct et_thread *t)
{
	stack_t ss = { .ss_sp = t->altstack, .ss_size = ALTSTACK_BYTES };

	if (t->altstack != NULL)
		sigaltstack(&ss, NULL);
}

static void count_live(struct et_region *r, int delta)
{
	unsigned n = atomic_fetch_add(&r->n_live, (unsigned)delta) + (unsigned)delta;
	unsigned peak = atomic_load(&r->n_live_peak);

	while (delta > 0 && n > peak && !atomic_compare_exchange_weak(&r->n_live_peak, &peak, n))
		;
}

static void change_role(struct et_region *r, struct et_thread *t, enum et_role role)
{
	unsigned old = atomic_exchange(&t->role, role);

	if (old != (unsigned)role)
		count_live(r, role == ET_ROLE_WORKLOAD ? 1 : -1);
}

/* SIGPROF goes to workload threads only. */
static void mask_prof(enum et_role role)
{
	sigset_t prof;

	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	pthread_sigmask(role == ET_ROLE_WORKLOAD ? SIG_UNBLOCK : SIG_BLOCK, &prof, NULL);
}

static struct et_thread *fill_slot(struct et_region *r, enum et_role role, const char *name)
{
	struct et_thread *t = claim(r);

	if (t == NULL)
		return NULL;
	clear_slot(t);
	t->tid = (int)syscall(SYS_gettid);
	t->rng = (uint64_t)t->tid * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)et_clock_mono_ns();
	strncpy(t->name, name, sizeof t->name - 1);
	atomic_store(&t->role, role);
	if (role == ET_ROLE_WORKLOAD)
		count_live(r, 1);
	atomic_store_explicit(&t->state, ET_SLOT_LIVE, memory_order_release);
	return t;
}

/* The limits of the calling thread's stack; unknown stays 0. */
static struct et_unwind_bounds stack_bounds(void)
{
	struct et_unwind_bounds b = { 0, 0 };
	pthread_attr_t attr;
	size_t bytes;
	void *lo;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return b;
	if (pthread_attr_getstack(&attr, &lo, &bytes) == 0) {
		b.lo = (uint64_t)(uintptr_t)lo;
		b.hi = b.lo + bytes;
	}
	pthread_attr_destroy(&attr);
	return b;
}

static int enter(enum et_role role, const char *name)
{
	struct et_region *r = et_region_here();
	struct et_thread *t = et_thread_me;

	if (r == NULL)
		return -1;
	if (t == NULL)
		t = fill_slot(r, role, name);
	if (t == NULL)
		return -1;
	change_role(r, t, role);
	use_altstack(t);
	et_thread_me = t;
	if (role == ET_ROLE_WORKLOAD && t->stack.hi == 0)
		t->stack = stack_bounds();
	et_selfheap_range(&t->own_begin, &t->own_bytes);
	t->filter = et_heap_filter();
	if (role == ET_ROLE_WORKLOAD)
		et_engine_enter(t);
	else
		et_engine_leave(t);
	mask_prof(role);
	return 0;
}

static void leave(void *unused)
{
	struct et_region *r = et_region_peek();
	struct et_thread *t = et_thread_me;
	stack_t off = { .ss_flags = SS_DISABLE };

	(void)unused;
	if (t == NULL)
		return;
	/* from here on no sample and no count: the figures must be final */
	mask_prof(ET_ROLE_SELF);
	et_engine_leave(t);
	sigaltstack(&off, NULL);
	et_thread_me = NULL;
	if (et_thread_is_workload(t))
		count_live(r, -1);
	t->cpu_final_ns = et_clock_thread_cpu_ns();
	atomic_store_explicit(&t->state, atomic_load(&r->is_collected) ? ET_SLOT_ENDED : ET_SLOT_FREE,
			      memory_order_release);
}

struct start {
	enum et_role role;
	char name[16];
	void *(*fn)(void *);
	void *arg;
};

static void *trampoline(void *arg)
{
	struct start s = *(struct start *)arg;
	void *result;

	free(arg);
	pthread_setname_np(pthread_self(), s.name);
	enter(s.role, s.name);
	pthread_cleanup_push(leave, NULL);
	result = s.fn(s.arg);
	pthread_cleanup_pop(1);
	return result;
}

/* All signals but those that a fault of the thread itself raises: those must reach the crash
 * handler whatever thread it is. */
static void own_mask(sigset_t *set)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };

	sigfillset(set);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		sigdelset(set, faults[i]);
}

int et_probe_thread_start(pthread_t *thread, enum et_role role, const char *name,
			  void *(*fn)(void *arg), void *arg)
{
	struct start *s = malloc(sizeof *s);
	sigset_t mask, old;
	int rc;

	if (s == NULL)
		return ENOMEM;
	*s = (struct start){ .role = role, .fn = fn, .arg = arg };
	strncpy(s->name, name, sizeof s->name - 1);
	/* The new thread begins with the mask of its maker: SIGPROF must not come before enter(). */
	if (role == ET_ROLE_SELF)
		own_mask(&mask);
	else {
		sigemptyset(&mask);
		sigaddset(&mask, SIGPROF);
	}
	pthread_sigmask(role == ET_ROLE_SELF ? SIG_SETMASK : SIG_BLOCK, &mask, &old);
	rc = pthread_create(thread, NULL, trampoline, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		free(s);
	return rc;
}

int et_probe_thread_self(enum et_role role, const char *name)
{
	return enter(role, name);
}

/* SIGNAL CONTEXT allowed: one store. */
void et_probe_idle_begin(void)
{
	if (et_thread_me != NULL)
		atomic_store_explicit(&et_thread_me->is_idle, true, memory_order_relaxed);
}

void et_probe_idle_end(void)
{
	if (et_thread_me != NULL)
		atomic_store_explicit(&et_thread_me->is_idle, false, memory_order_relaxed);
}

uint32_t et_probe_allocator(const char *name, enum et_allocator_kind kind)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct et_region *r = et_region_here();
	uint32_t id, n;

	if (r == NULL)
		return ET_NONE;
	pthread_mutex_lock(&lock);
	n = atomic_load(&r->n_allocators);
	for (id = 0; id < n && strncmp(r->allocators[id].name, name,
				       sizeof r->allocators[0].name - 1) != 0; id++)
		;
	if (id == n && n == ET_ALLOCATORS_MAX) {
		id = ET_NONE;
	} else if (id == n) {
		strncpy(r->allocators[id].name, name, sizeof r->allocators[0].name - 1);
		r->allocators[id].kind = kind;
		atomic_store_explicit(&r->n_allocators, n + 1, memory_order_release);
	}
	pthread_mutex_unlock(&lock);
	return id;
}
