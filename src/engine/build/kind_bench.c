/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind "bench": the cases of a suite, one experiment after the other on the build thread.
 *
 * `own` is the set of experiments of the last round.  They live on until the next round of the
 * target begins or the session is freed, so that results, pools and held blocks can still be seen
 * in the last snapshot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/build/target.h"
#include "engine/experiment/experiment.h"

/* One case: its experiment, and what the round before found, shown until there is a first trial. */
struct run_case {
	struct et_experiment *x;
	struct et_arm_result before[ET_WORK_ARMS];
};

struct set {
	size_t n;
	struct run_case c[];
};

static void set_free(struct set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		et_experiment_free(set->c[i].x);
	free(set);
}

/* Results of an arm: of this round, or of the one before while there is none. */
static bool result_of(struct run_case *c, size_t arm, struct et_arm_result *out)
{
	if (!et_experiment_result(c->x, arm, out))
		return false;
	if (out->ns_op.n == 0)
		*out = c->before[arm].arm != NULL ? c->before[arm] : *out;
	return true;
}

static void inherit(struct set *set, struct set *old)
{
	for (size_t i = 0; i < set->n; i++)
		for (size_t arm = 0; arm < ET_WORK_ARMS; arm++)
			if (!result_of(&old->c[i], arm, &set->c[i].before[arm]))
				set->c[i].before[arm].arm = NULL;
}

/* Make `set` (may be NULL) the one that is shown; the former, of the same cases, goes. */
static void show(struct et_target *t, struct set *set)
{
	struct set *old;

	pthread_mutex_lock(t->lock);
	old = t->own;
	if (set != NULL && old != NULL)
		inherit(set, old);
	t->own = set;
	pthread_mutex_unlock(t->lock);
	set_free(old);
}

/* The order of the trials comes from the target's name and round: another in each round, and the
 * same again when the same preset runs again. */
static uint64_t seed_of(const struct et_target *t)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) + t->round;

	for (const char *c = t->spec->name; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	return h >> 32; /* short enough to be typed */
}

static struct set *make_set(const struct et_target *t, uint64_t seed, struct et_err *err)
{
	const struct et_setting *cases = et_preset_setting(t->spec, "cases");
	const struct et_setting *variants = et_preset_setting(t->spec, "variants");
	const char *suite = et_preset_setting(t->spec, "suite")->text;
	struct et_experiment_opts opts = {
		.arms = (const char *const *)variants->list, .n_arms = variants->n_list,
		.trials = (unsigned)et_preset_setting(t->spec, "trials")->number,
		.trial_ns = et_preset_setting(t->spec, "trial_time")->number,
		.live = (size_t)et_preset_setting(t->spec, "live")->number, .seed = seed,
	};
	struct set *set = calloc(1, sizeof *set + cases->n_list * sizeof *set->c);

	if (set == NULL) {
		et_err_set(err, ET_EXIT_LACK, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < cases->n_list; i++) {
		opts.work = et_work_find(suite, cases->list[i]);
		if (opts.work == NULL)
			et_err_set(err, ET_EXIT_INPUT, "suite %s has no case '%s'", suite,
				   cases->list[i]);
		else
			set->c[i].x = et_experiment_new(&opts, err);
		if (set->c[i].x == NULL) {
			set_free(set);
			return NULL;
		}
		set->n = i + 1;
	}
	return set;
}

static int run(struct et_target *t, struct et_err *err)
{
	uint64_t seed = seed_of(t), total = 0;
	struct set *set = make_set(t, seed, err);

	if (set == NULL)
		return -1;
	for (size_t i = 0; i < set->n; i++)
		total += et_experiment_work(set->c[i].x);
	atomic_store(&t->progress.unit, "trials");
	atomic_store(&t->progress.work_total, total);
	atomic_store(&t->progress.stage, "trials");
	show(t, set);
	for (size_t i = 0; i < set->n; i++)
		if (et_experiment_run(set->c[i].x, &t->progress, err) != 0)
			return -1;
	pthread_mutex_lock(t->lock);
	snprintf(t->note, sizeof t->note, "seed %llu", (unsigned long long)seed);
	pthread_mutex_unlock(t->lock);
	return 0;
}

/* ---- rows --------------------------------------------------------------------------------- */

static void fill_arm(struct et_target *t, struct run_case *c, size_t ix, struct et_snapbuild *b)
{
	struct et_arm_result r;
	struct et_row_bench row;

	if (!result_of(c, ix, &r))
		return;
	row = (struct et_row_bench){
		.target = et_snapbuild_str(b, t->spec->name),
		.experiment = et_snapbuild_str(b, r.experiment),
		.arm = et_snapbuild_str(b, r.arm),
		.n = (uint32_t)r.ns_op.n,
		.na = r.ns_op.n == 0 ? ET_NA_NOT_YET : ET_NA_MEASURED,
		.ns_op = r.ns_op.median, .ns_lo = r.ns_op.lo, .ns_hi = r.ns_op.hi,
	};
	row.flags = (r.is_base ? ET_BENCH_BASE : 0) | (r.ns_op.has_ci ? ET_BENCH_HAS_CI : 0);
	if (r.ns_op.n > 0 && r.has_heap) {
		row.bytes_op = r.bytes_op;
		row.allocs_op = r.allocs_op;
	} else {
		row.flags |= ET_BENCH_NO_HEAP;
	}
	if (r.has_ratio && !r.is_base) {
		row.flags |= ET_BENCH_HAS_RATIO;
		row.ratio = r.ratio.median;
		row.ratio_lo = r.ratio.lo;
		row.ratio_hi = r.ratio.hi;
	}
	et_snapbuild_add(b, ET_TAB_BENCHES, &row, sizeof row);
}

/* Row of the allocator "pool NAME", if the heap profile has it in this snapshot. */
static uint32_t allocator_row(struct et_snapbuild *b, const char *pool)
{
	const struct et_row_allocator *rows;
	uint32_t n, name;
	char text[80];

	snprintf(text, sizeof text, "pool %s", pool);
	name = et_snapbuild_str(b, text);
	rows = et_snapbuild_rows(b, ET_TAB_ALLOCATORS, &n);
	for (uint32_t i = 0; rows != NULL && i < n; i++)
		if (rows[i].name == name)
			return i;
	return ET_NONE;
}

/* Pools of the same name (two targets may run the same case) are one row. */
static struct et_row_pool *pool_row(struct et_snapbuild *b, const char *pool)
{
	struct et_row_pool row = { .name = et_snapbuild_str(b, pool) }, *rows;
	uint32_t n;

	rows = et_snapbuild_rows(b, ET_TAB_POOLS, &n);
	for (uint32_t i = 0; rows != NULL && i < n; i++)
		if (rows[i].name == row.name)
			return &rows[i];
	row.allocator = allocator_row(b, pool);
	if (et_snapbuild_add(b, ET_TAB_POOLS, &row, sizeof row) == ET_NONE)
		return NULL;
	rows = et_snapbuild_rows(b, ET_TAB_POOLS, &n);
	return &rows[n - 1];
}

static void fill_pool(struct et_experiment *x, size_t ix, struct et_snapbuild *b)
{
	struct et_pool_stats s;
	struct et_row_pool *row;
	char name[64];

	if (!et_experiment_pool(x, ix, &s, name, sizeof name) ||
	    (row = pool_row(b, name)) == NULL)
		return;
	row->gets += s.gets;
	row->puts += s.puts;
	row->hits += s.hits;
	row->misses += s.misses;
	row->retained_bytes += s.retained_bytes;
	row->peak_bytes += s.peak_bytes;
}

static void fill(struct et_target *t, struct et_snapbuild *b)
{
	struct set *set = t->own;

	for (size_t i = 0; set != NULL && i < set->n; i++)
		for (size_t arm = 0; arm < ET_WORK_ARMS; arm++) {
			fill_arm(t, &set->c[i], arm, b);
			fill_pool(set->c[i].x, arm, b);
		}
}

static void release(struct et_target *t)
{
	show(t, NULL);
}

const struct et_kind_ops et_kind_bench = { .name = "bench", .run = run, .fill = fill,
					   .release = release };
