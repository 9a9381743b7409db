/* SPDX-License-Identifier: Apache-2.0
 *
 * The collecting half of a collection (collector.h).  Order matters: the state of a thread is
 * read first, then it is asked for its stack, then its answer is waited for, a few milliseconds
 * at most, so that state and stack are of the same moment.  Asking wakes a sleeping thread for
 * some microseconds; SA_RESTART puts it back into its wait. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "profiler/agent/heap.h"
#include "profiler/agent/signal.h"
#include "profiler/collect/collector.h"
#include "profiler/collect/grow.h"
#include "profiler/collect/procfs.h"

#define ANSWER_WAIT_NS (4 * ET_NS_PER_MS)
#define ANSWER_STEP_NS (200 * ET_NS_PER_US)
#define IN_HOOK_MAX 32u /* frames of the unwinder, at most */
#define GONE ET_THREAD_STATE_COUNT /* ended between the visit and the look */

static void add_tally(struct et_totals *to, uint32_t ix, const struct et_tally *y)
{
	to->allocs[ix] += atomic_load_explicit(&y->allocs, memory_order_relaxed);
	to->bytes[ix] += atomic_load_explicit(&y->bytes, memory_order_relaxed);
	to->frees[ix] += atomic_load_explicit(&y->frees, memory_order_relaxed);
	to->inuse_bytes[ix] += atomic_load_explicit(&y->inuse_bytes, memory_order_relaxed);
}

/* What a thread did so far. */
static void add_thread(struct et_totals *to, const struct et_thread *t, int64_t cpu_ns)
{
	for (uint32_t i = 0; i < ET_ALLOCATORS_MAX; i++)
		add_tally(to, i, &t->tally[i]);
	to->n_samples += atomic_load(&t->n_samples);
	to->n_weight += atomic_load(&t->n_weight);
	to->n_lost += atomic_load(&t->n_lost);
	to->n_stray += atomic_load(&t->n_stray);
	to->n_hook += atomic_load(&t->n_hook);
	to->handler_ns += (int64_t)atomic_load(&t->handler_ns);
	if (et_thread_is_workload(t))
		to->cpu_ns += cpu_ns;
	else
		to->self_cpu_ns += cpu_ns;
}

static void add_totals(struct et_totals *to, const struct et_totals *from)
{
	for (uint32_t i = 0; i < ET_ALLOCATORS_MAX; i++) {
		to->allocs[i] += from->allocs[i];
		to->bytes[i] += from->bytes[i];
		to->frees[i] += from->frees[i];
		to->inuse_bytes[i] += from->inuse_bytes[i];
	}
	to->cpu_ns += from->cpu_ns;
	to->self_cpu_ns += from->self_cpu_ns;
	to->handler_ns += from->handler_ns;
	to->n_samples += from->n_samples;
	to->n_weight += from->n_weight;
	to->n_lost += from->n_lost;
	to->n_stray += from->n_stray;
	to->n_hook += from->n_hook;
}

/* A thread that is gone for the kernel, but has not said so yet, keeps its last figure. */
static int64_t live_cpu_ns(struct et_thread *t)
{
	int64_t ns = et_procfs_thread_cpu_ns(t->tid);

	if (ns > t->seen.cpu_ns)
		t->seen.cpu_ns = ns;
	return t->seen.cpu_ns;
}

/* While an allocation was recorded, what the agent called (backtrace) lies in front of it. */
static uint32_t skip_called(struct et_collector *c, const uint64_t *addresses, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < IN_HOOK_MAX; i++) {
		uint32_t frame = et_symbols_frame(c->symbols, &c->proc.addrs, addresses[i]);

		if (et_symbols_get(c->symbols, frame)->code != ET_CODE_OTHER)
			return i;
	}
	return 0;
}

/* The ring in the thread's slot, at our address of it. */
static struct et_ring *ring_of(struct et_thread *t)
{
	return &((struct et_slot *)(void *)t)->ring;
}

/* Fold what a thread has put into its ring. */
static void drain(struct et_collector *c, struct et_thread *t)
{
	uint64_t rec[ET_RECORD_MAX];
	size_t n;

	while ((n = et_ring_get(ring_of(t), rec, ET_RECORD_MAX)) != 0) {
		bool is_cut = (et_record_flags(rec[0]) & ET_RECORD_TRUNCATED) != 0;
		uint32_t depth = (uint32_t)(n - ET_RECORD_HEAD);
		bool is_in_hook = (et_record_flags(rec[0]) & ET_RECORD_IN_HOOK) != 0;
		uint32_t skip = is_in_hook ? skip_called(c, rec + ET_RECORD_HEAD, depth) : 0;
		uint32_t stack = et_stacks_intern(&c->stacks, &c->proc.addrs,
						  rec + ET_RECORD_HEAD + skip, depth - skip, is_cut);

		if (et_record_kind(rec[0]) == ET_RECORD_STATE) {
			if ((int64_t)rec[1] >= t->seen.asked_ns)
				t->seen.stack = stack;
		} else if (stack != ET_NONE) {
			c->stacks.rows[stack].samples += et_record_weight(rec[0]);
		}
	}
}

/* R is split by what the thread did since the last look: on a CPU, or waiting for one. */
static uint32_t running_or_runnable(struct et_thread *t, const struct et_proc_thread *p)
{
	int64_t run = p->run_ns - t->seen.run_ns, delay = p->delay_ns - t->seen.delay_ns;

	return delay > run ? ET_THREAD_RUNNABLE : ET_THREAD_RUNNING;
}

static void look_at(struct et_collector *c, struct et_thread *t)
{
	struct et_proc_thread p;

	t->seen.asked_ns = et_clock_mono_ns();
	t->seen.stack = ET_NONE;
	t->seen.is_asleep = false;
	t->seen.state = GONE;
	if (!et_procfs_thread(t->tid, &p))
		return;
	c->is_proc_dead = false;
	t->seen.state = ET_THREAD_OTHER;
	if (p.state == 'R')
		t->seen.state = running_or_runnable(t, &p);
	else if (p.state == 'D')
		t->seen.state = ET_THREAD_IO;
	else if (atomic_load(&t->is_idle))
		t->seen.state = ET_THREAD_IDLE;
	else
		t->seen.is_asleep = p.state == 'S';
	t->seen.syscall_nr = p.syscall_nr;
	t->seen.run_ns = p.run_ns;
	t->seen.delay_ns = p.delay_ns;
	if (et_thread_is_workload(t))
		et_signal_ask_stack(c->proc.pid, t->tid);
}

/* A futex is the wait of locks and conditions alike; the caller's name tells them apart. */
static uint32_t futex_wait_kind(const struct et_collector *c, uint32_t stack)
{
	const struct et_stack *s = stack == ET_NONE ? NULL : &c->stacks.rows[stack];

	for (uint32_t i = 0; s != NULL && i < s->depth && i < 8; i++) {
		uint32_t frame = c->stacks.frames[s->first + i];
		const char *name =
			et_symbols_func(c->symbols, et_symbols_get(c->symbols, frame)->func)->name;

		if (strncmp(name, "pthread_cond_", 13) == 0 || strncmp(name, "sem_", 4) == 0 ||
		    strncmp(name, "pthread_barrier_", 16) == 0)
			return ET_THREAD_COND;
		if (strncmp(name, "pthread_mutex_", 14) == 0 ||
		    strncmp(name, "pthread_rwlock_", 15) == 0)
			return ET_THREAD_LOCK;
	}
	return stack == ET_NONE ? ET_THREAD_OTHER : ET_THREAD_LOCK;
}

static uint32_t state_of(const struct et_collector *c, const struct et_thread *t)
{
	if (!t->seen.is_asleep)
		return t->seen.state;
	switch (et_procfs_wait(t->seen.syscall_nr)) {
	case ET_WAIT_IO:
		return ET_THREAD_IO;
	case ET_WAIT_SLEEP:
		return ET_THREAD_SLEEP;
	case ET_WAIT_FUTEX:
		return futex_wait_kind(c, t->seen.stack);
	case ET_WAIT_OTHER:
		break;
	}
	return ET_THREAD_OTHER;
}

/* The slots of threads that are there, for one collection. */
struct roll {
	struct et_thread *t[ET_SLOTS_MAX];
	uint32_t n;
};

static bool has_unanswered(struct et_collector *c, const struct roll *roll)
{
	bool is_missing = false;

	for (uint32_t i = 0; i < roll->n; i++) {
		if (!et_thread_is_workload(roll->t[i]) || roll->t[i]->seen.state == GONE)
			continue;
		drain(c, roll->t[i]);
		is_missing |= roll->t[i]->seen.stack == ET_NONE;
	}
	return is_missing;
}

static void add_seen(struct et_collector *c, struct et_thread *t)
{
	struct et_seen *s;

	if (!et_grow(&c->seen, c->n_seen, &c->room_seen, sizeof *c->seen))
		return;
	s = &c->seen[c->n_seen++];
	*s = (struct et_seen){ .tid = t->tid, .is_self = !et_thread_is_workload(t),
			       .state = state_of(c, t), .stack = t->seen.stack,
			       .cpu_ns = t->seen.cpu_ns };
	memcpy(s->name, t->name, sizeof s->name);
}

/* One more look at a thread in this state and stack; a full table stops growing (the table of
 * stacks, which counts what it loses, is full before it). */
static void add_wait(struct et_collector *c, const struct et_seen *s)
{
	uint64_t key = (uint64_t)s->stack << 8 | s->state << 1 | s->is_self;
	uint32_t ix;

	if (!et_hash_get(&c->waits_by_key, key, &ix)) {
		if (!et_grow(&c->waits, c->n_waits, &c->room_waits, sizeof *c->waits))
			return;
		ix = c->n_waits;
		if (!et_hash_put(&c->waits_by_key, key, ix))
			return;
		c->waits[c->n_waits++] = (struct et_wait_sum){ .state = s->state, .stack = s->stack,
							       .is_self = s->is_self };
	}
	c->waits[ix].times++;
}

static void see_threads(struct et_collector *c, struct roll *roll)
{
	int64_t give_up_ns;

	c->is_proc_dead = true; /* until one answers */
	for (uint32_t i = 0; i < roll->n; i++)
		look_at(c, roll->t[i]);
	give_up_ns = et_clock_mono_ns() + ANSWER_WAIT_NS;
	while (has_unanswered(c, roll) && et_clock_mono_ns() < give_up_ns) {
		struct timespec step = { .tv_nsec = ANSWER_STEP_NS };

		nanosleep(&step, NULL);
	}
	c->n_seen = 0;
	for (uint32_t i = 0; i < roll->n; i++)
		if (roll->t[i]->seen.state != GONE)
			add_seen(c, roll->t[i]);
	for (uint32_t i = 0; i < c->n_seen; i++)
		add_wait(c, &c->seen[i]);
}

/* Take over what an ended thread left: its last records, its final figures. */
static void bury(struct et_collector *c, struct et_thread *t)
{
	drain(c, t);
	add_thread(&c->proc.ended, t, t->cpu_final_ns);
	atomic_store_explicit(&t->state, ET_SLOT_FREE, memory_order_release);
}

/* One pass over the slots.  A thread that ends behind our back is LIVE now and ENDED at the next
 * collection: counted once each time. */
static void call_roll(struct et_collector *c, struct roll *roll)
{
	struct et_region *r = c->proc.region;
	uint32_t n = atomic_load(&r->n_slots);

	roll->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct et_thread *t = &r->slots[i].thread;
		unsigned state = atomic_load_explicit(&t->state, memory_order_acquire);

		if (state == ET_SLOT_ENDED)
			bury(c, t);
		if (state != ET_SLOT_LIVE)
			continue;
		drain(c, t);
		add_thread(&c->now, t, live_cpu_ns(t));
		if (et_thread_is_workload(t))
			c->now.n_threads++;
		else
			c->now.n_threads_self++;
		roll->t[roll->n++] = t;
	}
	add_totals(&c->now, &c->proc.ended);
	for (uint32_t i = 0; i < ET_ALLOCATORS_MAX; i++)
		add_tally(&c->now, i, &r->orphans[i]);
	c->now.n_lost += atomic_load(&r->n_homeless);
	c->n_threads_peak = atomic_load(&r->n_live_peak);
}

void et_gather(struct et_collector *c)
{
	static struct roll roll; /* 128 KiB; one collector a process */

	c->before = c->now;
	memset(&c->now, 0, sizeof c->now);
	call_roll(c, &roll);
	c->now_ns = et_clock_mono_ns();
	c->dt_ns = c->last_ns == 0 ? 0 : c->now_ns - c->last_ns;
	c->last_ns = c->now_ns;
	see_threads(c, &roll);
}
