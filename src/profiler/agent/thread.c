/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry of threads, and the probe calls that are about threads and allocator names.
 *
 * Data: one array of slots from the kernel (never from malloc: we run inside malloc), the sums
 * of ended threads, the names of allocators; all behind one mutex, which is taken when a thread
 * begins or ends and once a collection, never on an allocation or in a signal handler.
 *
 * A thread that is not registered counts as engine-top's own: its allocations go to the own
 * heap (selfheap.c), so that glibc's heap holds the workload's objects and nothing else. */
#include "profiler/agent/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pages.h"

#define ALTSTACK_BYTES 65536u

__thread struct et_thread *et_thread_me;

/* Process-wide because a process has one set of threads; private to this file. */
static struct {
	pthread_mutex_t lock;
	struct et_thread *slots; /* ET_THREADS_MAX, allocated at the first registration */
	uint32_t n_slots;        /* high-water mark */
	bool is_collecting;
	struct et_retired retired;
	char names[ET_ALLOCATORS_MAX][48];
	enum et_allocator_kind kinds[ET_ALLOCATORS_MAX];
	atomic_uint n_allocators;
} reg = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.names = { [ET_ALLOCATOR_GLIBC] = "glibc", [ET_ALLOCATOR_MMAP] = "mmap" },
	.kinds = { [ET_ALLOCATOR_GLIBC] = ET_ALLOC_LIBC, [ET_ALLOCATOR_MMAP] = ET_ALLOC_MMAP },
	.n_allocators = 2,
};

static struct et_thread *find_free(void)
{
	if (reg.slots == NULL)
		reg.slots = et_pages_new(ET_THREADS_MAX * sizeof *reg.slots);
	if (reg.slots == NULL)
		return NULL;
	for (uint32_t i = 0; i < reg.n_slots; i++)
		if (atomic_load(&reg.slots[i].state) == ET_SLOT_FREE)
			return &reg.slots[i];
	return reg.n_slots < ET_THREADS_MAX ? &reg.slots[reg.n_slots++] : NULL;
}

/* A reused slot keeps its ring and its alternate stack: both are empty again by now. */
static void clear_slot(struct et_thread *t)
{
	struct et_ring *ring = t->ring;
	void *altstack = t->altstack;

	memset((void *)t, 0, sizeof *t);
	t->ring = ring != NULL ? ring : et_pages_new(sizeof *ring);
	t->altstack = altstack != NULL ? altstack : et_pages_new(ALTSTACK_BYTES);
}

static void use_altstack(struct et_thread *t)
{
	stack_t ss = { .ss_sp = t->altstack, .ss_size = ALTSTACK_BYTES };

	if (t->altstack != NULL)
		sigaltstack(&ss, NULL);
}

/* Under the lock. */
static void count_live(int workload_delta)
{
	struct et_retired *r = &reg.retired;

	r->n_live = (uint32_t)((int)r->n_live + workload_delta);
	if (r->n_live > r->n_live_peak)
		r->n_live_peak = r->n_live;
}

static void change_role(struct et_thread *t, enum et_role role)
{
	unsigned old = atomic_load(&t->role);

	pthread_mutex_lock(&reg.lock);
	atomic_store(&t->role, role);
	count_live((role == ET_ROLE_WORKLOAD) - (old == ET_ROLE_WORKLOAD));
	pthread_mutex_unlock(&reg.lock);
}

/* SIGPROF goes to workload threads only. */
static void mask_prof(enum et_role role)
{
	sigset_t prof;

	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	pthread_sigmask(role == ET_ROLE_WORKLOAD ? SIG_UNBLOCK : SIG_BLOCK, &prof, NULL);
}

static int enter(enum et_role role, const char *name)
{
	struct et_thread *t = et_thread_me;

	if (t == NULL) {
		pthread_mutex_lock(&reg.lock);
		t = find_free();
		if (t != NULL) {
			clear_slot(t);
			t->tid = (int)syscall(SYS_gettid);
			t->rng = (uint64_t)t->tid * UINT64_C(0x9e3779b97f4a7c15) ^
				 (uint64_t)et_clock_mono_ns();
			strncpy(t->name, name, sizeof t->name - 1);
			atomic_store(&t->role, role);
			atomic_store(&t->state, ET_SLOT_LIVE);
			count_live(role == ET_ROLE_WORKLOAD);
		}
		pthread_mutex_unlock(&reg.lock);
	}
	if (t == NULL)
		return -1;
	change_role(t, role);
	use_altstack(t);
	et_thread_me = t;
	mask_prof(role);
	return 0;
}

static void retire(struct et_thread *t)
{
	struct et_retired *r = &reg.retired;
	unsigned role = atomic_load(&t->role);

	for (uint32_t i = 0; i < ET_ALLOCATORS_MAX; i++) {
		r->allocs[i] += atomic_load_explicit(&t->tally[i].allocs, memory_order_relaxed);
		r->bytes[i] += atomic_load_explicit(&t->tally[i].bytes, memory_order_relaxed);
		r->frees[i] += atomic_load_explicit(&t->tally[i].frees, memory_order_relaxed);
		r->inuse_bytes[i] +=
			atomic_load_explicit(&t->tally[i].inuse_bytes, memory_order_relaxed);
	}
	r->cpu_ns[role] += et_clock_thread_cpu_ns();
	r->n_samples[role] += atomic_load(&t->n_samples);
	r->n_lost += atomic_load(&t->n_lost);
	r->n_stray += atomic_load(&t->n_stray);
	r->n_hook += atomic_load(&t->n_hook);
	r->handler_ns += (int64_t)atomic_load(&t->handler_ns);
	r->n_threads[role]++;
	count_live(role == ET_ROLE_WORKLOAD ? -1 : 0);
}

static void leave(void *unused)
{
	struct et_thread *t = et_thread_me;
	stack_t off = { .ss_flags = SS_DISABLE };

	(void)unused;
	if (t == NULL)
		return;
	/* from here on no sample: the sums below must be final */
	mask_prof(ET_ROLE_SELF);
	sigaltstack(&off, NULL);
	pthread_mutex_lock(&reg.lock);
	et_thread_me = NULL;
	retire(t);
	atomic_store(&t->state, reg.is_collecting ? ET_SLOT_ENDED : ET_SLOT_FREE);
	pthread_mutex_unlock(&reg.lock);
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
	uint32_t id, n;

	pthread_mutex_lock(&reg.lock);
	n = atomic_load(&reg.n_allocators);
	for (id = 0; id < n && strncmp(reg.names[id], name, sizeof reg.names[0] - 1) != 0; id++)
		;
	if (id == n && n == ET_ALLOCATORS_MAX)
		id = ET_NONE;
	else if (id == n) {
		strncpy(reg.names[id], name, sizeof reg.names[0] - 1);
		reg.kinds[id] = kind;
		atomic_store(&reg.n_allocators, n + 1);
	}
	pthread_mutex_unlock(&reg.lock);
	return id;
}

const char *et_thread_allocator(uint32_t id, enum et_allocator_kind *kind)
{
	if (id >= atomic_load(&reg.n_allocators))
		return NULL;
	*kind = reg.kinds[id];
	return reg.names[id];
}

void et_thread_visit(void (*fn)(void *self, struct et_thread *t, enum et_slot_state state),
		     void *self, struct et_retired *retired)
{
	pthread_mutex_lock(&reg.lock);
	for (uint32_t i = 0; i < reg.n_slots; i++) {
		unsigned state = atomic_load(&reg.slots[i].state);

		if (state != ET_SLOT_FREE)
			fn(self, &reg.slots[i], (enum et_slot_state)state);
	}
	if (retired != NULL)
		*retired = reg.retired;
	pthread_mutex_unlock(&reg.lock);
}

void et_thread_collecting(bool is_on)
{
	pthread_mutex_lock(&reg.lock);
	reg.is_collecting = is_on;
	for (uint32_t i = 0; !is_on && i < reg.n_slots; i++)
		if (atomic_load(&reg.slots[i].state) == ET_SLOT_ENDED)
			atomic_store(&reg.slots[i].state, ET_SLOT_FREE);
	pthread_mutex_unlock(&reg.lock);
}

void et_thread_release(struct et_thread *t)
{
	atomic_store(&t->state, ET_SLOT_FREE);
}

void et_thread_orphan_free(uint32_t allocator, size_t usable)
{
	pthread_mutex_lock(&reg.lock);
	reg.retired.frees[allocator]++;
	reg.retired.inuse_bytes[allocator] -= (int64_t)usable;
	pthread_mutex_unlock(&reg.lock);
}

int64_t et_thread_cpu_ns(int tid)
{
	/* the kernel's encoding of "scheduler clock of thread tid", as pthread_getcpuclockid(3)
	 * computes it, for a thread of which we know only the id */
	clockid_t clock = (clockid_t)((~(unsigned)tid << 3) | 6u);
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		return -1;
	return (int64_t)ts.tv_sec * ET_NS_PER_S + ts.tv_nsec;
}
