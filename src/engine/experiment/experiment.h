/* SPDX-License-Identifier: Apache-2.0
 *
 * An experiment: the arms of one workload, timed in shuffled trials, with figures that can be read
 * while it runs.  Layer: engine/experiment; knows work, progress.h, base, probe.h. */
#ifndef ET_ENGINE_EXPERIMENT_H
#define ET_ENGINE_EXPERIMENT_H

#include "engine-top/err.h"
#include "engine/experiment/stats.h"
#include "engine/progress.h"
#include "engine/work/work.h"

struct et_experiment_opts {
	const struct et_work *work;
	const char *const *arms; /* names; those that the workload lacks are left out */
	size_t n_arms;           /* 0: all of the workload's */
	unsigned trials;         /* of each arm, >= 1 */
	int64_t trial_ns;        /* thread CPU time of one trial, about */
	size_t live;
	uint64_t seed;           /* of order and data */
};

struct et_arm_result {
	const char *experiment, *arm; /* static */
	bool is_base;
	struct et_stats ns_op;        /* .n == 0: no trial yet */
	bool has_heap;                /* else bytes_op and allocs_op are not known in this build */
	double bytes_op, allocs_op;   /* exact, over all timed trials */
	bool has_ratio;
	struct et_stats ratio;        /* this arm / base arm, paired trials */
};

struct et_experiment;

/* Nothing is set up yet.  NULL and *err: no arm is left, or no memory.
 * [own] new; borrows work and the arms' names   [thr] any   [sig] no   [err] NULL and *err */
struct et_experiment *et_experiment_new(const struct et_experiment_opts *opts, struct et_err *err);

/* Trials that run() will count into progress->work_done. */
uint64_t et_experiment_work(const struct et_experiment *x);

/* Set up the arms and run the trials on the calling thread.  Once.
 * [own] none   [thr] the one that is to be measured   [sig] no
 * [err] -1 and *err; also when progress->is_cancelled is set: what was found so far stays */
int et_experiment_run(struct et_experiment *x, struct et_progress *progress, struct et_err *err);

/* Results so far; false if there is no arm `ix` or nothing is timed.  While run() works, too.
 * [own] none   [thr] any   [sig] no   [err] false */
bool et_experiment_result(struct et_experiment *x, size_t ix, struct et_arm_result *out);

/* Counters of the pool of arm `ix` and its name; false if it has none (now).
 * [own] none   [thr] any   [sig] no   [err] false */
bool et_experiment_pool(struct et_experiment *x, size_t ix, struct et_pool_stats *out, char *name,
			size_t n_name);

/* Tears the arms down: what a workload holds is held until here.  NULL is allowed.
 * [own] frees   [thr] any, after run()   [sig] no   [err] never */
void et_experiment_free(struct et_experiment *x);

#endif
