/* SPDX-License-Identifier: Apache-2.0
 *
 * Trials of the arms of one workload (experiment.h).
 *
 * run() works on one thread; `lock` protects only what others read meanwhile: the results and the
 * arms' states (for their pools).  It is taken between trials, never inside one.
 *
 * Time is the thread's CPU clock, not the wall's: builds run in other threads of the same
 * processors, and time spent waiting for a processor says nothing about an allocator.  Each trial
 * runs all arms in a new random order, because blocks (AAA BBB) turn any drift of the machine into
 * a difference: 44 % false positives were measured, 4 % when shuffled.  An arm that comes on after
 * another finds cold caches, so the first sixteenth of a batch is run untimed.
 *
 * Figures include what the profiler adds to each malloc and each get of a pool, as everything does
 * that runs while it is on. */
#include "engine/experiment/experiment.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine-top/probe.h"
#include "engine/rng.h"

/* An operation batch is cut into pieces of about this long, to look at is_cancelled in between. */
#define PIECE_NS (10 * ET_NS_PER_MS)

struct arm {
	unsigned ix;         /* in work->arms */
	void *state;         /* NULL until set up */
	uint64_t piece, n_pieces; /* operations per op() call, calls per trial */
	double *ns;          /* per operation, one per trial */
	struct et_heap_counts heap; /* sum over the timed trials */
	uint64_t timed_ops;
	bool has_heap;
	struct et_arm_result result; /* under lock */
};

struct et_experiment {
	const struct et_work *work;
	struct et_work_env env;
	unsigned trials, n_done;
	int64_t trial_ns;
	struct et_rng rng;
	double *scratch;
	pthread_mutex_t lock;
	size_t n_arms;
	struct arm arm[ET_WORK_ARMS];
};

/* ---- one batch ---------------------------------------------------------------------------- */

static bool is_cancelled(const struct et_progress *progress)
{
	return atomic_load_explicit(&progress->is_cancelled, memory_order_relaxed);
}

static int64_t time_piece(const struct et_work *work, struct arm *a, uint64_t n)
{
	int64_t begin = et_clock_thread_cpu_ns();

	work->op(a->state, n);
	return et_clock_thread_cpu_ns() - begin;
}

/* How many operations make a trial.  Doubling until a piece is long enough to be timed also warms
 * the arm up. */
static void calibrate(struct et_experiment *x, struct arm *a, const struct et_progress *progress)
{
	int64_t piece_ns = x->trial_ns < PIECE_NS ? x->trial_ns : PIECE_NS;
	uint64_t n = x->env.live;
	int64_t ns = time_piece(x->work, a, n);
	double op_ns, piece_ops;

	while (ns < piece_ns / 2 && n < UINT64_C(1) << 40 && !is_cancelled(progress)) {
		n *= 2;
		ns = time_piece(x->work, a, n);
	}
	op_ns = (double)(ns > 0 ? ns : 1) / (double)n;
	piece_ops = (double)piece_ns / op_ns / (double)x->env.live;
	/* whole groups of live buffers, so that each operation does the same */
	a->piece = (piece_ops < 1 ? 1 : (uint64_t)piece_ops) * x->env.live;
	a->n_pieces = (uint64_t)((double)x->trial_ns / (op_ns * (double)a->piece) + 0.5);
	if (a->n_pieces == 0)
		a->n_pieces = 1;
}

static void add_heap(struct arm *a, const struct et_heap_counts *from,
		     const struct et_heap_counts *to)
{
	a->heap.allocs += to->allocs - from->allocs;
	a->heap.bytes += to->bytes - from->bytes;
	a->timed_ops += a->piece * a->n_pieces;
}

/* One trial of one arm: ns per operation.  False when it was cancelled halfway. */
static bool try_arm(struct et_experiment *x, struct arm *a, const struct et_progress *progress,
		    double *ns_op)
{
	struct et_heap_counts from = { 0 }, to = { 0 };
	int64_t ns = 0;

	x->work->op(a->state, a->piece / 16 / x->env.live * x->env.live);
	a->has_heap = et_probe_heap_counts(&from);
	for (uint64_t i = 0; i < a->n_pieces; i++) {
		if (is_cancelled(progress))
			return false;
		ns += time_piece(x->work, a, a->piece);
	}
	a->has_heap &= et_probe_heap_counts(&to);
	add_heap(a, &from, &to);
	*ns_op = (double)ns / (double)(a->piece * a->n_pieces);
	return true;
}

/* ---- results ------------------------------------------------------------------------------ */

static void publish(struct et_experiment *x, unsigned n)
{
	pthread_mutex_lock(&x->lock);
	for (size_t i = 0; i < x->n_arms; i++) {
		struct arm *a = &x->arm[i];
		struct et_arm_result *r = &a->result;

		r->ns_op = et_stats_describe(a->ns, n, x->scratch);
		r->has_heap = a->has_heap;
		r->bytes_op = (double)a->heap.bytes / (double)a->timed_ops;
		r->allocs_op = (double)a->heap.allocs / (double)a->timed_ops;
		r->ratio = et_stats_ratio(a->ns, x->arm[0].ns, n, x->scratch);
		r->has_ratio = x->arm[0].result.is_base && r->ratio.n > 0;
	}
	pthread_mutex_unlock(&x->lock);
}

bool et_experiment_result(struct et_experiment *x, size_t ix, struct et_arm_result *out)
{
	if (ix >= x->n_arms || x->work->op == NULL)
		return false;
	pthread_mutex_lock(&x->lock);
	*out = x->arm[ix].result;
	pthread_mutex_unlock(&x->lock);
	return true;
}

bool et_experiment_pool(struct et_experiment *x, size_t ix, struct et_pool_stats *out, char *name,
			size_t n_name)
{
	struct et_pool *pool = NULL;

	if (ix >= x->n_arms || x->work->pool == NULL)
		return false;
	pthread_mutex_lock(&x->lock);
	if (x->arm[ix].state != NULL)
		pool = x->work->pool(x->arm[ix].state);
	pthread_mutex_unlock(&x->lock);
	/* the pool lives as long as the experiment, and counts for itself */
	if (pool == NULL)
		return false;
	et_pool_stats(pool, out);
	strncpy(name, et_pool_name(pool), n_name - 1);
	name[n_name - 1] = '\0';
	return true;
}

/* ---- trials ------------------------------------------------------------------------------- */

static void shuffle(struct et_rng *rng, size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)et_rng_below(rng, i), swap = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swap;
	}
}

static int set_up(struct et_experiment *x, struct et_err *err)
{
	for (size_t i = 0; i < x->n_arms; i++) {
		void *state = NULL;

		if (x->work->setup(&state, &x->env, x->arm[i].ix, err) != 0)
			return -1;
		pthread_mutex_lock(&x->lock);
		x->arm[i].state = state;
		pthread_mutex_unlock(&x->lock);
	}
	return 0;
}

/* One trial of each arm; false when it was cancelled. */
static bool try_all(struct et_experiment *x, unsigned trial, struct et_progress *progress)
{
	size_t order[ET_WORK_ARMS];

	shuffle(&x->rng, order, x->n_arms);
	for (size_t i = 0; i < x->n_arms; i++) {
		struct arm *a = &x->arm[order[i]];

		if (!try_arm(x, a, progress, &a->ns[trial]))
			return false;
		atomic_fetch_add_explicit(&progress->work_done, 1, memory_order_relaxed);
	}
	return true;
}

int et_experiment_run(struct et_experiment *x, struct et_progress *progress, struct et_err *err)
{
	if (set_up(x, err) != 0)
		return -1;
	if (x->work->op == NULL) {
		atomic_fetch_add_explicit(&progress->work_done, x->n_arms, memory_order_relaxed);
		return 0;
	}
	for (size_t i = 0; i < x->n_arms; i++)
		calibrate(x, &x->arm[i], progress);
	for (unsigned t = 0; t < x->trials; t++) {
		if (!try_all(x, t, progress))
			return et_err_set(err, ET_EXIT_JOB, "%s: cancelled after %u of %u trials",
					  x->work->name, t, x->trials);
		publish(x, t + 1);
	}
	return 0;
}

/* ---- life --------------------------------------------------------------------------------- */

uint64_t et_experiment_work(const struct et_experiment *x)
{
	return x->work->op == NULL ? x->n_arms : (uint64_t)x->trials * x->n_arms;
}

static bool is_asked(const struct et_experiment_opts *opts, const char *arm)
{
	for (size_t i = 0; i < opts->n_arms; i++)
		if (strcmp(opts->arms[i], arm) == 0)
			return true;
	return opts->n_arms == 0;
}

static int add_arms(struct et_experiment *x, const struct et_experiment_opts *opts)
{
	for (unsigned i = 0; x->work->arms[i] != NULL; i++) {
		struct arm *a = &x->arm[x->n_arms];

		if (!is_asked(opts, x->work->arms[i]))
			continue;
		a->ix = i;
		a->ns = calloc(x->trials, sizeof *a->ns);
		if (a->ns == NULL)
			return -1;
		a->result = (struct et_arm_result){ .experiment = x->work->name,
						    .arm = x->work->arms[i], .is_base = i == 0 };
		x->n_arms++;
	}
	return 0;
}

struct et_experiment *et_experiment_new(const struct et_experiment_opts *opts, struct et_err *err)
{
	struct et_experiment *x = calloc(1, sizeof *x);

	if (x == NULL) {
		et_err_set(err, ET_EXIT_LACK, "%s: out of memory", opts->work->name);
		return NULL;
	}
	x->work = opts->work;
	x->env.live = opts->live > 0 ? opts->live : 1;
	x->env.seed = opts->seed;
	x->trials = opts->trials;
	x->trial_ns = opts->trial_ns;
	x->rng = (struct et_rng){ opts->seed };
	pthread_mutex_init(&x->lock, NULL);
	x->scratch = calloc(opts->trials, sizeof *x->scratch);
	if (x->scratch == NULL || add_arms(x, opts) != 0) {
		et_err_set(err, ET_EXIT_LACK, "%s: out of memory for %u trials", opts->work->name,
			   opts->trials);
		et_experiment_free(x);
		return NULL;
	}
	if (x->n_arms == 0) {
		et_err_set(err, ET_EXIT_INPUT, "%s: has none of the variants asked for",
			   opts->work->name);
		et_experiment_free(x);
		return NULL;
	}
	return x;
}

void et_experiment_free(struct et_experiment *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < ET_WORK_ARMS; i++) {
		if (x->arm[i].state != NULL)
			x->work->teardown(x->arm[i].state);
		free(x->arm[i].ns);
	}
	free(x->scratch);
	pthread_mutex_destroy(&x->lock);
	free(x);
}
