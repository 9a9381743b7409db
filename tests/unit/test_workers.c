/* SPDX-License-Identifier: Apache-2.0
 * The worker pool: order, completeness, parallelism, the end. */
#include <pthread.h>
#include <stdatomic.h>

#include "engine-top/probe.h"
#include "engine/build/workers.h"
#include "tap.h"

static atomic_int n_run;
static int order[200];
static char thread_name[16];

static void note_order(void *arg)
{
	order[atomic_fetch_add(&n_run, 1)] = *(int *)arg;
}

static void note_name(void *arg)
{
	(void)arg;
	pthread_getname_np(pthread_self(), thread_name, sizeof thread_name);
}

static void meet(void *arg)
{
	pthread_barrier_wait(arg);
	atomic_fetch_add(&n_run, 1);
}

static void t_one_worker_keeps_the_order(void)
{
	struct et_workers *w = et_workers_new(1, "et-pack", NULL);
	int ids[200], n_wrong = 0;

	atomic_store(&n_run, 0);
	et_workers_submit(w, note_name, NULL);
	for (int i = 0; i < 200; i++) {
		ids[i] = i;
		if (et_workers_submit(w, note_order, &ids[i]) != 0)
			n_wrong++;
	}
	et_workers_free(w);
	for (int i = 0; i < 200; i++)
		n_wrong += order[i] != i;
	ET_IS_INT(n_wrong, 0, "one worker runs 200 tasks in the order of their submission");
	ET_IS_INT(atomic_load(&n_run), 200, "free runs all that is queued");
	ET_IS_STR(thread_name, "et-pack-1", "the worker's name");
}

static void t_workers_run_at_the_same_time(void)
{
	struct et_workers *w = et_workers_new(4, "meet", NULL);
	pthread_barrier_t all;

	atomic_store(&n_run, 0);
	pthread_barrier_init(&all, NULL, 4);
	ET_IS_INT(et_workers_count(w), 4, "four workers");
	for (int i = 0; i < 8; i++)
		et_workers_submit(w, meet, &all);
	et_workers_free(w);
	ET_IS_INT(atomic_load(&n_run), 8, "twice four tasks that wait for each other all end");
	pthread_barrier_destroy(&all);
}

struct chain {
	struct et_workers *w;
	pthread_barrier_t *end;
	int left;
};

static void next_link(void *arg)
{
	struct chain *c = arg;

	if (c->left-- > 0)
		et_workers_submit(c->w, next_link, c);
	else
		pthread_barrier_wait(c->end);
}

static void t_task_submits_task(void)
{
	struct et_workers *w = et_workers_new(2, "chain", NULL);
	pthread_barrier_t end;
	struct chain c = { w, &end, 1000 };

	pthread_barrier_init(&end, NULL, 2);
	et_workers_submit(w, next_link, &c);
	pthread_barrier_wait(&end);
	et_workers_free(w);
	ET_IS_INT(c.left, -1, "a task may submit the next one, 1000 times");
	pthread_barrier_destroy(&end);
}

int main(void)
{
	et_probe_thread_self(ET_ROLE_WORKLOAD, "main");
	t_one_worker_keeps_the_order();
	t_workers_run_at_the_same_time();
	t_task_submits_task();
	return tap_done();
}
