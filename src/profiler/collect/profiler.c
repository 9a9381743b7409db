/* SPDX-License-Identifier: Apache-2.0
 *
 * The collector thread and its life (profiler.h).  It owns all folded state; consumers own their
 * mailboxes; the only things shared are the list of mailboxes (one mutex, never held while a
 * consumer works) and the wish to stop (an eventfd, which is also the clock's other end). */
#include "profiler/collect/profiler.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "profiler/agent/engine.h"
#include "profiler/agent/heap.h"
#include "profiler/agent/signal.h"
#include "profiler/agent/unwind.h"
#include "profiler/collect/collector.h"

#define CONSUMERS_MAX 8u

struct et_profiler {
	struct et_collector c;
	struct et_producer *producers;
	size_t n_producers;
	int64_t interval_ns;
	pthread_t thread;
	bool is_running;
	int stop_fd;
	pthread_mutex_t lock; /* boxes */
	struct et_mbox *boxes[CONSUMERS_MAX];
	const struct et_snapshot *last;
};

/* Each consumer gets a reference of its own; what it has not taken is given back. */
static void publish(struct et_profiler *p, const struct et_snapshot *snap)
{
	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < CONSUMERS_MAX; i++)
		if (p->boxes[i] != NULL)
			et_snapshot_unref(et_mbox_put(p->boxes[i], et_snapshot_ref(snap)));
	et_snapshot_unref(p->last);
	p->last = snap;
	pthread_mutex_unlock(&p->lock);
}

static void collect(struct et_profiler *p, uint32_t flags)
{
	const struct et_snapshot *snap;

	et_gather(&p->c);
	snap = et_emit(&p->c, flags, p->producers, p->n_producers);
	if (snap != NULL)
		publish(p, snap);
}

static int ms_until(int64_t due_ns)
{
	int64_t left = due_ns - et_clock_mono_ns();

	return left <= 0 ? 0 : (int)((left + ET_NS_PER_MS - 1) / ET_NS_PER_MS);
}

static void *run(void *arg)
{
	struct et_profiler *p = arg;
	struct pollfd stop = { .fd = p->stop_fd, .events = POLLIN };
	int64_t due_ns = et_clock_mono_ns();

	do {
		collect(p, 0);
		et_unwind_build(); /* what was loaded since; off the path of any thread but this */
		due_ns += p->interval_ns;
		if (due_ns < et_clock_mono_ns()) /* late: skip, do not catch up in a burst */
			due_ns = et_clock_mono_ns() + p->interval_ns;
	} while (poll(&stop, 1, ms_until(due_ns)) == 0 || (stop.revents & POLLIN) == 0);
	collect(p, ET_SNAP_FINAL);
	return NULL;
}

static int init(struct et_profiler *p, const struct et_profiler_opts *opts, struct et_err *err)
{
	struct et_collector *c = &p->c;

	pthread_mutex_init(&p->lock, NULL);
	p->interval_ns = opts->interval_ns;
	p->n_producers = opts->n_producers;
	p->producers = calloc(opts->n_producers + 1, sizeof *p->producers);
	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->build = et_snapbuild_new();
	c->symbols = et_symbols_new();
	c->hz = opts->hz;
	c->heap_period = opts->heap_period;
	c->begin_ns = et_clock_mono_ns();
	if (p->stop_fd < 0)
		return et_err_sys(err, ET_EXIT_LACK, errno, "cannot make an eventfd");
	if (p->producers == NULL || c->build == NULL || c->symbols == NULL ||
	    et_heap_start(opts->heap_period) != 0)
		return et_err_set(err, ET_EXIT_LACK, "out of memory starting the profiler");
	if (opts->n_producers > 0)
		memcpy(p->producers, opts->producers, opts->n_producers * sizeof *p->producers);
	et_stacks_init(&c->stacks, c->symbols);
	c->proc.pid = getpid();
	c->proc.region = et_region_here();
	if (c->proc.region == NULL)
		return et_err_set(err, ET_EXIT_LACK, "out of memory starting the profiler");
	c->proc.addrs = (struct et_addrs){ .region = c->proc.region, .is_local = true };
	et_region_note_modules();
	atomic_store(&c->proc.region->is_collected, true);
	return 0;
}

struct et_profiler *et_profiler_start(const struct et_profiler_opts *opts, struct et_err *err)
{
	struct et_profiler *p = calloc(1, sizeof *p);
	int rc;

	if (p == NULL) {
		et_err_set(err, ET_EXIT_LACK, "out of memory starting the profiler");
		return NULL;
	}
	if (init(p, opts, err) != 0 || et_engine_choose(opts->engine, &p->c.engine, err) != 0 ||
	    et_signal_arm(p->c.engine, opts->hz, err) != 0)
		goto fail;
	rc = et_probe_thread_start(&p->thread, ET_ROLE_SELF, "et-collect", run, p);
	if (rc == 0) {
		p->is_running = true;
		return p;
	}
	et_signal_disarm();
	et_err_sys(err, ET_EXIT_LACK, rc, "cannot start the collector thread");
fail:
	et_profiler_free(p);
	return NULL;
}

int et_profiler_attach(struct et_profiler *p, struct et_mbox *m)
{
	unsigned i = 0;

	pthread_mutex_lock(&p->lock);
	while (i < CONSUMERS_MAX && p->boxes[i] != NULL)
		i++;
	if (i < CONSUMERS_MAX) {
		p->boxes[i] = m;
		/* it need not wait for the next collection to see something */
		if (p->last != NULL)
			et_snapshot_unref(et_mbox_put(m, et_snapshot_ref(p->last)));
	}
	pthread_mutex_unlock(&p->lock);
	return i < CONSUMERS_MAX ? 0 : -1;
}

void et_profiler_detach(struct et_profiler *p, struct et_mbox *m)
{
	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < CONSUMERS_MAX; i++)
		if (p->boxes[i] == m)
			p->boxes[i] = NULL;
	pthread_mutex_unlock(&p->lock);
}

const struct et_snapshot *et_profiler_stop(struct et_profiler *p)
{
	uint64_t one = 1;

	if (p->is_running) {
		if (write(p->stop_fd, &one, sizeof one) < 0)
			return NULL; /* cannot be: a fresh eventfd takes a 1 */
		pthread_join(p->thread, NULL);
		et_signal_disarm(); /* not earlier: the last snapshot asks for stacks too */
		atomic_store(&p->c.proc.region->is_collected, false);
		p->is_running = false;
	}
	return et_snapshot_ref(p->last);
}

void et_profiler_free(struct et_profiler *p)
{
	if (p == NULL)
		return;
	et_snapshot_unref(p->last);
	et_stacks_fini(&p->c.stacks);
	et_symbols_free(p->c.symbols);
	et_snapbuild_free(p->c.build);
	free(p->c.proc.site_stack);
	et_symbols_addrs_fini(&p->c.proc.addrs);
	free(p->c.seen);
	free(p->c.waits);
	et_hash_fini(&p->c.waits_by_key);
	free(p->producers);
	if (p->stop_fd >= 0)
		close(p->stop_fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
