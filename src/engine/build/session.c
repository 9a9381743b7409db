/* SPDX-License-Identifier: Apache-2.0
 *
 * A session (session.h): build threads that take ready targets from the schedule, one set of pack
 * threads shared by all images, the store, and the rows about targets.
 *
 * Locks.  `lock` owns the schedule and all results; it is held for moments only, since the
 * collector takes it for each snapshot.  `note_lock` is taken before `lock` and held over a change
 * of state and its on_change call: so changes are told in the order in which they happen, and a
 * slow listener delays the build, never the collector.
 *
 * Rounds of a loop follow each other at once, but a round shorter than ROUND_LEAST_NS (every target
 * fails at once, say) is followed by a pause: no loop spins. */
#include "engine/build/session.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/build/schedule.h"

#define ROUND_LEAST_NS (250 * ET_NS_PER_MS)
#define JOBS_MAX 256u

struct et_session {
	const struct et_preset *preset;
	struct et_session_opts opts; /* `only` is not kept: see is_wanted */
	struct et_store store;
	struct et_workers *packers;
	unsigned jobs, n_threads;
	pthread_t *thread;
	int done_fd;

	pthread_mutex_t note_lock; /* before lock */
	pthread_mutex_t lock;      /* all below, and the targets */
	pthread_cond_t is_changed; /* on CLOCK_MONOTONIC */
	struct et_schedule schedule;
	bool is_cancelled, is_over;
	bool is_leaving; /* threads end; until then they stay, idle, when all is over */
	unsigned n_busy; /* threads that have a target */
	bool is_told; /* the end of the round was told: the next may begin */
	int64_t round_began_ns;
};

/* ---- what is told about a target ----------------------------------------------------------- */

static void describe_ok(const struct et_target *t, char *line, size_t n)
{
	uint64_t in = atomic_load(&t->progress.bytes_in), out = atomic_load(&t->progress.bytes_out);
	char a[ET_NUM];
	size_t at = (size_t)snprintf(line, n, "%s", et_text_time(a, sizeof a, t->wall_ns));

	if (in > 0)
		at += (size_t)snprintf(line + at, n - at, ", %s in",
				       et_text_bytes(a, sizeof a, (int64_t)in));
	if (out > 0)
		at += (size_t)snprintf(line + at, n - at, ", %s out",
				       et_text_bytes(a, sizeof a, (int64_t)out));
	if (t->digest[0] != '\0')
		at += (size_t)snprintf(line + at, n - at, ", %.19s", t->digest);
	if (t->note[0] != '\0')
		snprintf(line + at, n - at, ", %s", t->note);
}

static void describe(const struct et_target *t, char *line, size_t n)
{
	line[0] = '\0';
	if (t->state == ET_TARGET_RUNNING)
		snprintf(line, n, "%s, round %u", t->spec->kind->name, t->round);
	else if (t->state == ET_TARGET_OK)
		describe_ok(t, line, n);
	else if (t->state == ET_TARGET_FAILED || t->state == ET_TARGET_SKIPPED)
		snprintf(line, n, "%s", t->error);
}

/* note_lock held. */
static void tell(struct et_session *s)
{
	enum et_target_state state;
	struct et_target *t;
	char line[1200];

	for (;;) {
		pthread_mutex_lock(&s->lock);
		t = et_schedule_unsaid(&s->schedule);
		if (t != NULL) {
			state = t->state;
			describe(t, line, sizeof line);
		}
		pthread_mutex_unlock(&s->lock);
		if (t == NULL)
			return;
		if (s->opts.on_change != NULL)
			s->opts.on_change(s->opts.on_change_self, t->spec->name, state, line);
	}
}

/* ---- rounds: lock held --------------------------------------------------------------------- */

static void begin_round(struct et_session *s)
{
	s->round_began_ns = et_clock_mono_ns();
	et_schedule_begin(&s->schedule);
	s->is_told = false;
	pthread_cond_broadcast(&s->is_changed);
}

static void end_if_over(struct et_session *s)
{
	const uint64_t one = 1;

	if (s->schedule.n_left > 0 || s->is_over || (s->opts.is_loop && !s->is_cancelled))
		return;
	s->is_over = true;
	(void)!write(s->done_fd, &one, sizeof one); /* cannot fail but by overflow */
}

/* Until something changes; between two rounds no longer than the next one may begin. */
static void wait_for_work(struct et_session *s)
{
	struct timespec at;
	int64_t at_ns = s->round_began_ns + ROUND_LEAST_NS;

	et_probe_idle_begin();
	if (s->is_over || s->schedule.n_left > 0 || !s->is_told) {
		pthread_cond_wait(&s->is_changed, &s->lock);
	} else {
		at.tv_sec = at_ns / ET_NS_PER_S;
		at.tv_nsec = at_ns % ET_NS_PER_S;
		pthread_cond_timedwait(&s->is_changed, &s->lock, &at);
	}
	et_probe_idle_end();
}

static void reset_progress(struct et_progress *p)
{
	atomic_store(&p->stage, "");
	atomic_store(&p->unit, "");
	atomic_store(&p->work_done, 0);
	atomic_store(&p->work_total, 0);
	atomic_store(&p->bytes_in, 0);
	atomic_store(&p->bytes_out, 0);
	atomic_store(&p->warnings, 0);
	atomic_store(&p->is_cancelled, false);
}

static struct et_target *next_target(struct et_session *s)
{
	struct et_target *t;

	while (!s->is_leaving) {
		if (!s->is_over && s->schedule.n_left == 0 && s->is_told &&
		    et_clock_mono_ns() >= s->round_began_ns + ROUND_LEAST_NS)
			begin_round(s);
		t = et_schedule_next(&s->schedule);
		if (t != NULL)
			return t;
		wait_for_work(s);
	}
	return NULL;
}

/* ---- build threads ------------------------------------------------------------------------- */

static struct et_target *claim(struct et_session *s)
{
	struct et_target *t;

	pthread_mutex_lock(&s->lock);
	t = next_target(s);
	if (t != NULL) {
		reset_progress(&t->progress);
		s->n_busy++;
		t->round++;
		t->started_ns = et_clock_mono_ns();
		t->note[0] = '\0';
	}
	pthread_mutex_unlock(&s->lock);
	if (t == NULL)
		return NULL;
	pthread_mutex_lock(&s->note_lock);
	tell(s);
	pthread_mutex_unlock(&s->note_lock);
	return t;
}

static enum et_target_state outcome(const struct et_session *s, int rc)
{
	if (rc == 0)
		return ET_TARGET_OK;
	return s->is_cancelled ? ET_TARGET_CANCELLED : ET_TARGET_FAILED;
}

static void settle(struct et_session *s, struct et_target *t, int rc, const struct et_err *err)
{
	enum et_target_state state;

	pthread_mutex_lock(&s->note_lock);
	pthread_mutex_lock(&s->lock);
	state = outcome(s, rc);
	t->wall_ns = et_clock_mono_ns() - t->started_ns;
	t->rounds_ok += state == ET_TARGET_OK;
	t->rounds_failed += state == ET_TARGET_FAILED;
	snprintf(t->error, sizeof t->error, "%s",
		 state != ET_TARGET_FAILED ? "" : err->msg[0] != '\0' ? err->msg : "failed");
	atomic_store(&t->progress.stage, "");
	et_schedule_finish(&s->schedule, t, state);
	end_if_over(s);
	pthread_cond_broadcast(&s->is_changed);
	pthread_mutex_unlock(&s->lock);
	tell(s);
	pthread_mutex_lock(&s->lock);
	if (s->schedule.n_left == 0)
		s->is_told = true;
	s->n_busy--;
	pthread_cond_broadcast(&s->is_changed);
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->note_lock);
}

static void *build(void *arg)
{
	struct et_session *s = arg;
	struct et_target *t;

	while ((t = claim(s)) != NULL) {
		struct et_err err = { 0 };
		int rc = t->ops->run(t, &err);

		settle(s, t, rc, &err);
	}
	return NULL;
}

/* Images share one set of packers, as many as there are jobs: more would only take turns. */
static int start_packers(struct et_session *s, struct et_err *err)
{
	for (size_t i = 0; i < s->schedule.n; i++) {
		struct et_target *t = &s->schedule.target[i];

		if (!t->is_wanted || t->ops != &et_kind_image)
			continue;
		if (s->packers == NULL)
			s->packers = et_workers_new(s->jobs, "pack", err);
		if (s->packers == NULL)
			return -1;
		t->packers = s->packers;
	}
	return 0;
}

/* More threads than targets would only wait. */
static unsigned thread_count(const struct et_session *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->schedule.n && n < s->jobs; i++)
		n += s->schedule.target[i].is_wanted;
	return n;
}

int et_session_start(struct et_session *s, struct et_err *err)
{
	unsigned n = thread_count(s);

	if (start_packers(s, err) != 0)
		return -1;
	pthread_mutex_lock(&s->lock);
	begin_round(s);
	end_if_over(s);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < n; i++) {
		char name[16];
		int rc;

		snprintf(name, sizeof name, "build-%u", (i + 1) % 10000);
		rc = et_probe_thread_start(&s->thread[i], ET_ROLE_WORKLOAD, name, build, s);
		if (rc != 0) {
			et_session_cancel(s);
			return et_err_sys(err, ET_EXIT_LACK, rc, "cannot start thread %s", name);
		}
		s->n_threads++;
	}
	return 0;
}

int et_session_done_fd(const struct et_session *s)
{
	return s->done_fd;
}

void et_session_cancel(struct et_session *s)
{
	pthread_mutex_lock(&s->note_lock);
	pthread_mutex_lock(&s->lock);
	s->is_cancelled = true;
	for (size_t i = 0; i < s->schedule.n; i++)
		if (s->schedule.target[i].state == ET_TARGET_RUNNING)
			atomic_store(&s->schedule.target[i].progress.is_cancelled, true);
	et_schedule_cancel(&s->schedule);
	end_if_over(s);
	pthread_cond_broadcast(&s->is_changed);
	pthread_mutex_unlock(&s->lock);
	tell(s);
	pthread_mutex_unlock(&s->note_lock);
}

unsigned et_session_join(struct et_session *s)
{
	unsigned n_bad = 0;

	pthread_mutex_lock(&s->lock);
	while (s->n_threads > 0 && (!s->is_over || s->n_busy > 0))
		pthread_cond_wait(&s->is_changed, &s->lock);
	for (size_t i = 0; i < s->schedule.n; i++) {
		enum et_target_state state = s->schedule.target[i].state;

		n_bad += state == ET_TARGET_FAILED || state == ET_TARGET_SKIPPED;
	}
	pthread_mutex_unlock(&s->lock);
	return n_bad;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static uint32_t intern(struct et_snapbuild *b, _Atomic(const char *) const *text)
{
	return et_snapbuild_str(b, atomic_load(text));
}

static void fill_target(const struct et_target *t, struct et_snapbuild *b)
{
	const struct et_progress *p = &t->progress;
	bool is_running = t->state == ET_TARGET_RUNNING;
	struct et_row_target row = {
		.name = et_snapbuild_str(b, t->spec->name),
		.kind = et_snapbuild_str(b, t->spec->kind->name),
		.stage = is_running ? intern(b, &p->stage) : 0,
		/* a failed round has none; the last good one would pass for its result */
		.digest = t->state == ET_TARGET_FAILED ? 0 : et_snapbuild_str(b, t->digest),
		.error = et_snapbuild_str(b, t->error),
		.output = et_snapbuild_str(b, t->output),
		.state = t->state,
		.round = t->round,
		.wall_ns = is_running ? et_clock_mono_ns() - t->started_ns : t->wall_ns,
		.bytes_in = atomic_load(&p->bytes_in),
		.bytes_out = atomic_load(&p->bytes_out),
		.work_done = atomic_load(&p->work_done),
		.work_total = atomic_load(&p->work_total),
		.work_unit = intern(b, &p->unit),
		.warnings = atomic_load(&p->warnings),
		.rounds_ok = t->rounds_ok,
		.rounds_failed = t->rounds_failed,
	};

	et_snapbuild_add(b, ET_TAB_TARGETS, &row, sizeof row);
}

static void fill(void *self, struct et_snapbuild *b)
{
	struct et_session *s = self;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->schedule.n; i++) {
		struct et_target *t = &s->schedule.target[i];

		if (!t->is_wanted)
			continue;
		fill_target(t, b);
		if (t->ops->fill != NULL)
			t->ops->fill(t, b);
	}
	pthread_mutex_unlock(&s->lock);
}

struct et_producer et_session_producer(struct et_session *s)
{
	return (struct et_producer){ .self = s, .fill = fill };
}

/* ---- life ---------------------------------------------------------------------------------- */

static unsigned cpu_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static int unknown_target(const struct et_preset *preset, const char *name, struct et_err *err)
{
	const char **names = calloc(preset->n_targets + 1, sizeof *names);
	const char *near = NULL;

	for (size_t i = 0; names != NULL && i < preset->n_targets; i++)
		names[i] = preset->targets[i].name;
	if (names != NULL)
		near = et_text_nearest(name, names, preset->n_targets);
	if (near != NULL)
		et_err_set(err, ET_EXIT_INPUT, "preset '%s' has no target '%s'; did you mean '%s'?",
			   preset->name, name, near);
	else
		et_err_set(err, ET_EXIT_INPUT, "preset '%s' has no target '%s'; its first is '%s'",
			   preset->name, name,
			   preset->n_targets > 0 ? preset->targets[0].name : "");
	free(names);
	return -1;
}

static void want(struct et_session *s, size_t ix)
{
	struct et_target *t = &s->schedule.target[ix];

	if (t->is_wanted) /* the graph has no cycle, so this ends */
		return;
	t->is_wanted = true;
	for (size_t i = 0; i < t->spec->n_needs; i++)
		want(s, t->spec->needs[i]);
}

static int want_by_name(struct et_session *s, const char *name, struct et_err *err)
{
	for (size_t i = 0; i < s->schedule.n; i++) {
		if (strcmp(s->preset->targets[i].name, name) != 0)
			continue;
		want(s, i);
		return 0;
	}
	return unknown_target(s->preset, name, err);
}

static int choose(struct et_session *s, const struct et_session_opts *opts, struct et_err *err)
{
	if (opts->only == NULL || opts->n_only == 0) {
		for (size_t i = 0; i < s->schedule.n; i++)
			s->schedule.target[i].is_wanted = true;
		return 0;
	}
	for (size_t i = 0; i < opts->n_only; i++)
		if (want_by_name(s, opts->only[i], err) != 0)
			return -1;
	return 0;
}

static int make_target(struct et_session *s, size_t ix, struct et_err *err)
{
	struct et_target *t = &s->schedule.target[ix];

	t->spec = &s->preset->targets[ix];
	t->store = &s->store;
	t->lock = &s->lock;
	t->ops = et_kind_find(t->spec->kind->name);
	reset_progress(&t->progress);
	if (t->ops == NULL)
		return et_err_set(err, ET_EXIT_INPUT, "target '%s': this program cannot do '%s'",
				  t->spec->name, t->spec->kind->name);
	return 0;
}

static int check_targets(struct et_session *s, struct et_err *err)
{
	for (size_t i = 0; i < s->schedule.n; i++) {
		struct et_target *t = &s->schedule.target[i];

		if (t->is_wanted && t->ops->check != NULL && t->ops->check(t, err) != 0)
			return -1;
	}
	return 0;
}

static void init_locks(struct et_session *s)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&s->note_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->is_changed, &attr);
	pthread_condattr_destroy(&attr);
}

static int prepare(struct et_session *s, const struct et_session_opts *opts, struct et_err *err)
{
	size_t n = s->preset->n_targets;

	s->schedule.target = calloc(n + 1, sizeof *s->schedule.target);
	s->thread = calloc(s->jobs, sizeof *s->thread);
	s->done_fd = eventfd(0, EFD_CLOEXEC);
	if (s->schedule.target == NULL || s->thread == NULL)
		return et_err_set(err, ET_EXIT_LACK, "out of memory for %zu targets", n);
	if (s->done_fd < 0)
		return et_err_sys(err, ET_EXIT_LACK, errno, "cannot make an event descriptor");
	for (size_t i = 0; i < n; i++, s->schedule.n++)
		if (make_target(s, i, err) != 0)
			return -1;
	if (choose(s, opts, err) != 0 || check_targets(s, err) != 0)
		return -1;
	return et_store_open(&s->store, s->preset->store, err);
}

static unsigned pick_jobs(const struct et_preset *preset, const struct et_session_opts *opts)
{
	unsigned jobs = opts->jobs != 0 ? opts->jobs : (unsigned)preset->jobs;

	if (jobs == 0)
		jobs = cpu_count();
	return jobs > JOBS_MAX ? JOBS_MAX : jobs;
}

static void end_threads(struct et_session *s)
{
	pthread_mutex_lock(&s->lock);
	s->is_leaving = true;
	pthread_cond_broadcast(&s->is_changed);
	pthread_mutex_unlock(&s->lock);
	for (unsigned i = 0; i < s->n_threads; i++)
		pthread_join(s->thread[i], NULL);
	s->n_threads = 0;
	et_workers_free(s->packers);
	s->packers = NULL;
}

struct et_session *et_session_new(const struct et_preset *preset,
				  const struct et_session_opts *opts, struct et_err *err)
{
	struct et_session *s = calloc(1, sizeof *s);

	if (s == NULL) {
		et_err_set(err, ET_EXIT_LACK, "out of memory");
		return NULL;
	}
	s->preset = preset;
	s->opts = *opts;
	s->opts.only = NULL;
	s->store.lock_fd = s->done_fd = -1;
	s->jobs = pick_jobs(preset, opts);
	init_locks(s);
	if (prepare(s, opts, err) == 0)
		return s;
	et_session_free(s);
	return NULL;
}

void et_session_free(struct et_session *s)
{
	if (s == NULL)
		return;
	if (s->n_threads > 0)
		et_session_cancel(s);
	end_threads(s);
	for (size_t i = 0; i < s->schedule.n; i++)
		if (s->schedule.target[i].ops->release != NULL)
			s->schedule.target[i].ops->release(&s->schedule.target[i]);
	et_store_close(&s->store);
	if (s->done_fd >= 0)
		close(s->done_fd);
	pthread_cond_destroy(&s->is_changed);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->note_lock);
	free(s->thread);
	free(s->schedule.target);
	free(s);
}
