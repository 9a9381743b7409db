/* SPDX-License-Identifier: Apache-2.0
 *
 * A fixed set of worker threads behind one FIFO queue (workers.h).
 *
 * The lock `mu` owns the queue and the closing flag; nothing else is shared.  Tasks run without
 * it.  A worker that finds the queue empty brackets its wait with et_probe_idle_begin/end, so
 * that the screen can tell "nothing to do" from "waiting for somebody". */
#include "engine/build/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine-top/probe.h"

struct task {
	struct task *next;
	void (*fn)(void *arg);
	void *arg;
};

struct et_workers {
	pthread_mutex_t mu;
	pthread_cond_t has_work;
	struct task *head, **tail;
	bool is_closing; /* no task will come any more */
	unsigned n;      /* threads that were started */
	pthread_t threads[];
};

/* The oldest task, or NULL when the queue is empty and closed. */
static struct task *next_task(struct et_workers *w)
{
	struct task *t;

	pthread_mutex_lock(&w->mu);
	while (w->head == NULL && !w->is_closing) {
		et_probe_idle_begin();
		pthread_cond_wait(&w->has_work, &w->mu);
		et_probe_idle_end();
	}
	t = w->head;
	if (t != NULL)
		w->head = t->next;
	if (w->head == NULL)
		w->tail = &w->head;
	pthread_mutex_unlock(&w->mu);
	return t;
}

static void *work(void *arg)
{
	struct et_workers *w = arg;
	struct task *t;

	while ((t = next_task(w)) != NULL) {
		void (*fn)(void *) = t->fn;
		void *fn_arg = t->arg;

		free(t);
		fn(fn_arg);
	}
	return NULL;
}

struct et_workers *et_workers_new(unsigned n, const char *name, struct et_err *err)
{
	struct et_workers *w = calloc(1, sizeof *w + n * sizeof w->threads[0]);

	if (w == NULL) {
		et_err_set(err, ET_EXIT_LACK, "out of memory for %u worker threads", n);
		return NULL;
	}
	w->tail = &w->head;
	pthread_mutex_init(&w->mu, NULL);
	pthread_cond_init(&w->has_work, NULL);
	for (; w->n < n; w->n++) {
		char label[32];
		int rc;

		snprintf(label, sizeof label, "%.20s-%u", name, w->n + 1);
		rc = et_probe_thread_start(&w->threads[w->n], ET_ROLE_WORKLOAD, label, work, w);
		if (rc != 0) {
			et_err_sys(err, ET_EXIT_LACK, rc, "cannot start worker thread %u of %u",
				   w->n + 1, n);
			et_workers_free(w);
			return NULL;
		}
	}
	return w;
}

int et_workers_submit(struct et_workers *w, void (*fn)(void *arg), void *arg)
{
	struct task *t = malloc(sizeof *t);

	if (t == NULL)
		return -1;
	*t = (struct task){ .fn = fn, .arg = arg };
	pthread_mutex_lock(&w->mu);
	*w->tail = t;
	w->tail = &t->next;
	pthread_cond_signal(&w->has_work);
	pthread_mutex_unlock(&w->mu);
	return 0;
}

unsigned et_workers_count(const struct et_workers *w)
{
	return w->n;
}

void et_workers_free(struct et_workers *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->mu);
	w->is_closing = true;
	pthread_cond_broadcast(&w->has_work);
	pthread_mutex_unlock(&w->mu);
	for (unsigned i = 0; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->has_work);
	pthread_mutex_destroy(&w->mu);
	free(w);
}
