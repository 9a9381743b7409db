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
#include "profiler/collect/procfs.h"

#define ANSWER_WAIT_NS (4 * ET_NS_PER_MS)
#define ANSWER_STEP_NS (200 * ET_NS_PER_US)
#define IN_HOOK_MAX 32u /* frames of the unwinder, at most */
#define GONE ET_THREAD_STATE_COUNT /* ended between the visit and the look */

/* Slots found by the visit; looked at without the registry's lock afterwards (slots stay). */
struct roll {
	struct et_thread *t[ET_THREADS_MAX];
	bool is_ended[ET_THREADS_MAX];
	uint32_t n;
	struct et_collector *c;
};

static void add_tallies(struct et_totals *to, const struct et_thread *t)
{
	for (uint32_t i = 0; i < ET_ALLOCATORS_MAX; i++) {
		const struct et_tally *y = &t->tally[i];

		to->allocs[i] += atomic_load_explicit(&y->allocs, memory_order_relaxed);
		to->bytes[i] += atomic_load_explicit(&y->bytes, memory_order_relaxed);
		to->frees[i] += atomic_load_explicit(&y->frees, memory_order_relaxed);
		to->inuse_bytes[i] += atomic_load_explicit(&y->inuse_bytes, memory_order_relaxed);
	}
	to->n_samples += atomic_load(&t->n_samples);
	to->n_lost += atomic_load(&t->n_lost);
	to->n_stray += atomic_load(&t->n_stray);
	to->n_hook += atomic_load(&t->n_hook);
	to->handler_ns += (int64_t)atomic_load(&t->handler_ns);
}

static void note(void *self, struct et_thread *t, enum et_slot_state state)
{
	struct roll *roll = self;
	struct et_totals *now = &roll->c->now;
	int64_t cpu_ns;

	roll->t[roll->n] = t;
	roll->is_ended[roll->n++] = state == ET_SLOT_ENDED;
	if (state == ET_SLOT_ENDED)
		return; /* already in the retired sums */
	add_tallies(now, t);
	cpu_ns = et_thread_cpu_ns(t->tid);
	if (et_thread_is_workload(t)) {
		now->cpu_ns += cpu_ns > 0 ? cpu_ns : 0;
		now->n_threads++;
	} else {
		now->self_cpu_ns += cpu_ns > 0 ? cpu_ns : 0;
		now->n_threads_self++;
	}
}

static void add_retired(struct et_totals *now, const struct et_retired *r)
{
	for (uint32_t i = 0; i < ET_ALLOCATORS_MAX; i++) {
		now->allocs[i] += r->allocs[i];
		now->bytes[i] += r->bytes[i];
		now->frees[i] += r->frees[i];
		now->inuse_bytes[i] += r->inuse_bytes[i];
	}
	now->cpu_ns += r->cpu_ns[ET_ROLE_WORKLOAD];
	now->self_cpu_ns += r->cpu_ns[ET_ROLE_SELF];
	now->handler_ns += r->handler_ns;
	now->n_samples += r->n_samples[ET_ROLE_WORKLOAD] + r->n_samples[ET_ROLE_SELF];
	now->n_lost += r->n_lost;
	now->n_stray += r->n_stray;
	now->n_hook += r->n_hook;
}

/* The agent's work inside a program's malloc() belongs to malloc(), inside a pool's get to the
 * pool: leave out the agent's leaf frames, but for a hook that was called by the program. */
static uint32_t skip_agent(struct et_collector *c, const uint64_t *addresses, uint32_t n,
			   bool is_in_hook)
{
	uint32_t i = 0;

	/* the unwinder that the agent called lies in front of it */
	for (uint32_t k = 0; is_in_hook && k < n && k < IN_HOOK_MAX; k++)
		if (et_symbols_code(c->symbols, addresses[k]) != ET_CODE_OTHER) {
			i = k;
			break;
		}

	while (i + 1 < n) {
		enum et_code code = et_symbols_code(c->symbols, addresses[i]);

		if (code == ET_CODE_OTHER ||
		    (code == ET_CODE_HOOK &&
		     et_symbols_code(c->symbols, addresses[i + 1]) == ET_CODE_OTHER))
			break;
		i++;
	}
	return i;
}

/* Fold what a thread has put into its ring. */
static void drain(struct et_collector *c, struct et_thread *t)
{
	uint64_t rec[ET_RECORD_MAX];
	size_t n;

	if (t->ring == NULL)
		return;
	while ((n = et_ring_get(t->ring, rec, ET_RECORD_MAX)) != 0) {
		bool is_cut = (et_record_flags(rec[0]) & ET_RECORD_TRUNCATED) != 0;
		uint32_t depth = (uint32_t)(n - ET_RECORD_HEAD);
		bool is_in_hook = (et_record_flags(rec[0]) & ET_RECORD_IN_HOOK) != 0;
		uint32_t skip = skip_agent(c, rec + ET_RECORD_HEAD, depth, is_in_hook);
		uint32_t stack = et_stacks_intern(&c->stacks, rec + ET_RECORD_HEAD + skip,
						  depth - skip, is_cut);

		if (et_record_kind(rec[0]) == ET_RECORD_STATE) {
			if ((int64_t)rec[1] >= t->seen.asked_ns)
				t->seen.stack = stack;
		} else if (stack != ET_NONE) {
			c->stacks.rows[stack].samples++;
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
		et_signal_ask_stack(t->tid);
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

static bool has_unanswered(struct et_collector *c, const struct roll *roll)
{
	bool is_missing = false;

	for (uint32_t i = 0; i < roll->n; i++) {
		if (roll->is_ended[i] || !et_thread_is_workload(roll->t[i]) ||
		    roll->t[i]->seen.state == GONE)
			continue;
		drain(c, roll->t[i]);
		is_missing |= roll->t[i]->seen.stack == ET_NONE;
	}
	return is_missing;
}

static void add_seen(struct et_collector *c, struct et_thread *t)
{
	struct et_seen *s;

	if (c->n_seen == c->room_seen) {
		uint32_t room = c->room_seen == 0 ? 64 : c->room_seen * 2;
		struct et_seen *more = realloc(c->seen, room * sizeof *more);

		if (more == NULL)
			return;
		c->seen = more;
		c->room_seen = room;
	}
	s = &c->seen[c->n_seen++];
	*s = (struct et_seen){ .tid = t->tid, .is_self = !et_thread_is_workload(t),
			       .state = state_of(c, t), .stack = t->seen.stack,
			       .cpu_ns = et_thread_cpu_ns(t->tid) };
	memcpy(s->name, t->name, sizeof s->name);
}

/* One more look at a thread in this state and stack; a full table stops growing (the table of
 * stacks, which counts what it loses, is full before it). */
static void add_wait(struct et_collector *c, const struct et_seen *s)
{
	uint64_t key = (uint64_t)s->stack << 8 | s->state << 1 | s->is_self;
	uint32_t ix;

	if (!et_hash_get(&c->waits_by_key, key, &ix)) {
		if (c->n_waits == c->room_waits) {
			uint32_t room = c->room_waits == 0 ? 256 : c->room_waits * 2;
			struct et_wait_sum *more = realloc(c->waits, room * sizeof *more);

			if (more == NULL)
				return;
			c->waits = more;
			c->room_waits = room;
		}
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
		if (!roll->is_ended[i])
			look_at(c, roll->t[i]);
	give_up_ns = et_clock_mono_ns() + ANSWER_WAIT_NS;
	while (has_unanswered(c, roll) && et_clock_mono_ns() < give_up_ns) {
		struct timespec step = { .tv_nsec = ANSWER_STEP_NS };

		nanosleep(&step, NULL);
	}
	c->n_seen = 0;
	for (uint32_t i = 0; i < roll->n; i++)
		if (!roll->is_ended[i] && roll->t[i]->seen.state != GONE)
			add_seen(c, roll->t[i]);
	for (uint32_t i = 0; i < c->n_seen; i++)
		add_wait(c, &c->seen[i]);
}

void et_gather(struct et_collector *c)
{
	static struct roll roll; /* 36 KiB; one collector a process */
	struct et_retired retired;

	c->before = c->now;
	memset(&c->now, 0, sizeof c->now);
	roll.n = 0;
	roll.c = c;
	et_thread_visit(note, &roll, &retired);
	add_retired(&c->now, &retired);
	c->now.n_lost += et_signal_homeless();
	c->now_ns = et_clock_mono_ns();
	c->dt_ns = c->last_ns == 0 ? 0 : c->now_ns - c->last_ns;
	c->last_ns = c->now_ns;
	for (uint32_t i = 0; i < roll.n; i++) {
		drain(c, roll.t[i]);
		if (roll.is_ended[i])
			et_thread_release(roll.t[i]);
	}
	see_threads(c, &roll);
	c->n_threads_peak = retired.n_live_peak;
}
