/* SPDX-License-Identifier: Apache-2.0
 * Workloads and experiments: every arm of every case runs, allocates what it says, and is timed
 * in trials that can be watched and cancelled. */
#include "engine/work/work.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine-top/probe.h"
#include "engine/experiment/experiment.h"
#include "tap.h"

/* All arms with several buffers live, batches that are no multiple of it, and leak-free. */
static void t_every_arm(const struct et_work *w)
{
	const struct et_work_env env = { .live = 3, .seed = 42 };

	for (unsigned arm = 0; w->arms[arm] != NULL; arm++) {
		struct et_err err = { 0 };
		struct et_pool_stats s = { 0 };
		void *state = NULL;

		ET_OK(w->setup(&state, &env, arm, &err) == 0, "%s.%s.%s sets up %s", w->suite,
		      w->name, w->arms[arm], err.msg);
		if (w->op != NULL) {
			w->op(state, 0);
			w->op(state, 7);
		}
		if (w->pool != NULL && w->pool(state) != NULL) {
			et_pool_stats(w->pool(state), &s);
			ET_OK(s.gets == 7 && s.puts == 7 && s.misses == 3,
			      "7 operations are 7 gets, 3 live make 3 misses");
		} else {
			ET_OK(arm == 0, "only the base arm is without a pool");
		}
		w->teardown(state);
	}
	ET_IS_INT(et_work_arm(w, w->arms[0]), 0, "arms are found by name");
	ET_IS_INT(et_work_arm(w, "nosuch"), -1, "unknown arms are not");
	ET_OK(et_work_find(w->suite, w->name) == w, "cases are found by name");
}

/* Allocations of one operation, counted at every call. */
static bool per_op(const struct et_work *w, unsigned arm, double *allocs, double *bytes)
{
	const struct et_work_env env = { .live = 1, .seed = 1 };
	struct et_heap_counts from, to;
	struct et_err err = { 0 };
	void *state = NULL;
	bool is_counted;

	if (w->setup(&state, &env, arm, &err) != 0)
		return false;
	w->op(state, 10);
	is_counted = et_probe_heap_counts(&from);
	w->op(state, 1000);
	is_counted &= et_probe_heap_counts(&to);
	w->teardown(state);
	*allocs = is_counted ? (double)(to.allocs - from.allocs) / 1000 : 0;
	*bytes = is_counted ? (double)(to.bytes - from.bytes) / 1000 : 0;
	return is_counted;
}

/* What a pool saves, in calls and bytes; `own` calls are made by the library that does the work. */
static void t_allocations(const char *name, double want_allocs, double want_bytes, bool has_own)
{
	const struct et_work *w = et_work_find("pool", name);
	double allocs, bytes, pool_allocs, pool_bytes;

	if (!per_op(w, 0, &allocs, &bytes)) {
		tap_skip(name, "malloc is not interposed in this build");
		return;
	}
	per_op(w, 1, &pool_allocs, &pool_bytes);
	ET_OK(allocs - pool_allocs == want_allocs && bytes - pool_bytes == want_bytes,
	      "%s: the pool saves %g allocs, %g B an operation", name, allocs - pool_allocs,
	      bytes - pool_bytes);
	ET_OK(has_own || (pool_allocs == 0 && pool_bytes == 0), "%s pool: asks malloc %g times",
	      name, pool_allocs);
}

static struct et_experiment *experiment(const char *suite, const char *name, unsigned trials,
					int64_t trial_ns)
{
	struct et_err err = { 0 };
	struct et_experiment *x = et_experiment_new(&(struct et_experiment_opts){
		.work = et_work_find(suite, name), .trials = trials, .trial_ns = trial_ns,
		.live = 1, .seed = 7 }, &err);

	if (x == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return x;
}

static void t_experiment(void)
{
	struct et_experiment *x = experiment("pool", "tar", 8, 2 * ET_NS_PER_MS);
	struct et_progress progress = { 0 };
	struct et_err err = { 0 };
	struct et_arm_result base, pool, none;
	struct et_pool_stats stats;
	char name[40];

	ET_OK(et_experiment_result(x, 0, &base) && base.ns_op.n == 0, "before the run: no trial");
	ET_IS_INT(et_experiment_work(x), 16, "8 trials of 2 arms");
	ET_IS_INT(et_experiment_run(x, &progress, &err), 0, "runs");
	ET_IS_INT(atomic_load(&progress.work_done), 16, "each trial is counted");
	ET_OK(et_experiment_result(x, 0, &base) && et_experiment_result(x, 1, &pool) &&
	      !et_experiment_result(x, 2, &none), "two arms");
	ET_OK(base.is_base && !pool.is_base, "malloc is the base");
	ET_IS_STR(pool.arm, "pool", "arm");
	ET_OK(base.ns_op.n == 8 && base.ns_op.has_ci && base.ns_op.lo <= base.ns_op.median &&
	      base.ns_op.median <= base.ns_op.hi, "8 trials: a median in its interval");
	ET_OK(base.ns_op.median > 50 && base.ns_op.median < 1e6,
	      "copying 32 KiB takes between 50 ns and 1 ms (%g)", base.ns_op.median);
	ET_OK(base.ratio.median == 1 && base.ratio.lo == 1, "the base against itself is 1");
	ET_OK(pool.has_ratio && pool.ratio.median > 0 && pool.ratio.lo <= pool.ratio.median,
	      "the pool has a ratio");
	ET_OK(et_experiment_pool(x, 1, &stats, name, sizeof name) && stats.hits > 100 &&
	      stats.misses == 1 && strcmp(name, "tar") == 0, "the pool's counters can be read");
	ET_OK(!et_experiment_pool(x, 0, &stats, name, sizeof name), "malloc has none");
	et_experiment_free(x);
}

static void t_arms_asked(void)
{
	static const char *const only[] = { "pool" }, *const odd[] = { "jemalloc" };
	struct et_experiment_opts opts = { .work = et_work_find("pool", "hash"), .arms = only,
		.n_arms = 1, .trials = 1, .trial_ns = ET_NS_PER_MS, .live = 1 };
	struct et_progress progress = { 0 };
	struct et_arm_result r;
	struct et_err err = { 0 };
	struct et_experiment *x = et_experiment_new(&opts, &err);

	ET_OK(x != NULL && et_experiment_work(x) == 1, "one arm of three");
	ET_IS_INT(et_experiment_run(x, &progress, &err), 0, "runs");
	ET_OK(et_experiment_result(x, 0, &r) && strcmp(r.arm, "pool") == 0 && !r.has_ratio &&
	      r.ns_op.n == 1 && !r.ns_op.has_ci, "no base, no ratio; one trial, no interval");
	et_experiment_free(x);
	opts.arms = odd;
	ET_OK(et_experiment_new(&opts, &err) == NULL && strstr(err.msg, "hash") != NULL,
	      "no arm left is an error: %s", err.msg);
}

struct watched {
	struct et_experiment *x;
	struct et_progress progress;
	struct et_err err;
	int rc;
};

static void *run(void *arg)
{
	struct watched *w = arg;

	w->rc = et_experiment_run(w->x, &w->progress, &w->err);
	return NULL;
}

/* A long trial is left within its piece of 10 ms; results before it stay. */
static void t_cancel(void)
{
	struct watched w = { .x = experiment("selftest", "cpu-shares", 1000, 50 * ET_NS_PER_MS) };
	struct et_arm_result r = { 0 };
	int64_t deadline = et_clock_mono_ns() + 20 * ET_NS_PER_S;
	pthread_t thread;

	pthread_create(&thread, NULL, run, &w);
	while (r.ns_op.n == 0 && et_clock_mono_ns() < deadline) {
		usleep(1000);
		et_experiment_result(w.x, 0, &r);
	}
	atomic_store(&w.progress.is_cancelled, true);
	pthread_join(thread, NULL);
	ET_OK(r.ns_op.n >= 1, "results can be read while it runs");
	ET_OK(w.rc == -1 && strstr(w.err.msg, "cancelled") != NULL, "cancelled: %s", w.err.msg);
	ET_OK(et_experiment_result(w.x, 0, &r) && r.ns_op.n >= 1 && r.ns_op.n < 1000,
	      "what was found stays");
	et_experiment_free(w.x);
}

static void t_held(void)
{
	struct et_experiment *x = experiment("selftest", "heap-sites", 3, ET_NS_PER_MS);
	struct et_progress progress = { 0 };
	struct et_err err = { 0 };
	struct et_arm_result r;

	ET_IS_INT(et_experiment_run(x, &progress, &err), 0, "a case without operations runs");
	ET_IS_INT(atomic_load(&progress.work_done), et_experiment_work(x), "and is done");
	ET_OK(!et_experiment_result(x, 0, &r), "and has no timed result");
	et_experiment_free(x);
}

int main(void)
{
	et_probe_thread_self(ET_ROLE_WORKLOAD, "test"); /* else nothing is counted */
	for (const struct et_work *const *w = et_works; *w != NULL; w++)
		t_every_arm(*w);
	ET_OK(et_work_find("pool", "nosuch") == NULL && et_work_find("nosuch", "tar") == NULL,
	      "unknown cases are not found");
	t_allocations("string", 3, 112, false);
	t_allocations("hash", 1, 65536, true);
	t_allocations("tar", 1, 65536, false);
	t_experiment();
	t_arms_asked();
	t_cancel();
	t_held();
	return tap_done();
}
