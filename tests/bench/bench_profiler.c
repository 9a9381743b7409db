/* SPDX-License-Identifier: Apache-2.0
 *
 * What the profiler costs the program it watches, as ratios taken in one run: a malloc/free pair
 * straight to glibc, through the hooks, and with allocation sampling; a collection at work beside
 * a busy thread.  Rounds are interleaved; figures are medians. */
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine-top/metric.h"
#include "engine-top/probe.h"
#include "profiler/agent/heap.h"
#include "profiler/agent/hook.h"
#include "profiler/agent/unwind.h"
#include "profiler/collect/profiler.h"

#ifndef ET_NO_INTERPOSE
extern void *__libc_malloc(size_t n);
extern void __libc_free(void *p);
#else
#define __libc_malloc malloc
#define __libc_free free
#endif

enum { ROUNDS = 15, PAIRS = 200000 };

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

static double pairs_ns(bool is_hooked)
{
	static const size_t sizes[] = { 16, 32, 64, 128, 256 };
	int64_t begin = et_clock_thread_cpu_ns();

	for (int i = 0; i < PAIRS; i++) {
		void *volatile p = is_hooked ? malloc(sizes[i % 5]) : __libc_malloc(sizes[i % 5]);

		if (is_hooked)
			free(p);
		else
			__libc_free(p);
	}
	return (double)(et_clock_thread_cpu_ns() - begin) / PAIRS;
}

static void *hooked_pairs(void *out)
{
	*(double *)out = pairs_ns(true);
	return NULL;
}

static void *plain_pairs(void *out)
{
	*(double *)out = pairs_ns(false);
	return NULL;
}

static double plain_ns(void)
{
	double ns = 0;
	pthread_t t;

	et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "plain", plain_pairs, &ns);
	pthread_join(t, NULL);
	return ns;
}

/* In a thread of its own: a thread takes the period over when it begins. */
static double hooked_ns(uint64_t period)
{
	double ns = 0;
	pthread_t t;

	et_heap_start(period);
	et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "pairs", hooked_pairs, &ns);
	pthread_join(t, NULL);
	return ns;
}

static void measure_pairs(void)
{
	static const uint64_t periods[] = { 0, 512 << 10, 64 << 10, 1 };
	static const char *const names[] = { "counted, not sampled", "sampled every 512 KiB",
					     "sampled every 64 KiB", "exact (every one)" };
	double plain[ROUNDS], hooked[4][ROUNDS], base;

	for (int r = 0; r < ROUNDS; r++) {
		plain[r] = plain_ns();
		for (int k = 0; k < 4; k++)
			hooked[k][r] = hooked_ns(periods[k]);
	}
	base = median(plain, ROUNDS);
	printf("malloc/free pair, 16..256 B, thread CPU, median of %d\n", ROUNDS);
	printf("  %-24s %8.1f ns\n", "glibc alone", base);
	for (int k = 0; k < 4; k++) {
		double ns = median(hooked[k], ROUNDS);

		printf("  %-24s %8.1f ns  %+7.1f ns  x%.2f\n", names[k], ns, ns - base, ns / base);
	}
}

static int recurse(int depth, double *ns_frame)
{
	void *volatile bt[200];
	int64_t begin;
	int n = 0;

	if (depth > 0)
		return recurse(depth - 1, ns_frame) + 1;
	begin = et_clock_mono_ns();
	for (int i = 0; i < 2000; i++)
		n = backtrace((void **)(uintptr_t)bt, 200);
	*ns_frame = (double)(et_clock_mono_ns() - begin) / 2000 / n;
	return n;
}

static volatile bool is_over;

static void *spin(void *arg)
{
	while (!is_over)
		free(malloc(100));
	return arg;
}

static void measure_collector(void)
{
	struct et_profiler_opts opts = { .hz = 250, .heap_period = 64 << 10,
					 .interval_ns = 250 * ET_NS_PER_MS };
	struct et_err err = { 0 };
	struct et_profiler *p = et_profiler_start(&opts, &err);
	const struct et_snapshot *s;
	struct timespec two = { .tv_sec = 2 };
	int64_t self = 0, load = 0, handler = 0;
	pthread_t t;

	if (p == NULL)
		return;
	et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "spin", spin, NULL);
	nanosleep(&two, NULL);
	is_over = true;
	pthread_join(t, NULL);
	s = et_profiler_stop(p);
	et_snapshot_metric(s, ET_M_SELF_CPU_NS, &self);
	et_snapshot_metric(s, ET_M_SELF_HANDLER_NS, &handler);
	et_snapshot_metric(s, ET_M_CPU_NS, &load);
	printf("collector at 4 snapshots/s, 250 Hz, beside one busy thread\n"
	       "  own CPU / workload CPU   %8.2f %%  (of it in the signal handler %.2f %%)\n",
	       100.0 * (double)self / (double)load, 100.0 * (double)handler / (double)load);
	et_snapshot_unref(s);
	et_profiler_free(p);
}

int main(void)
{
	double ns_frame = 0;

	et_probe_thread_self(ET_ROLE_SELF, "main");
	et_unwind_build(); /* the collector does it where there is one */
	if (et_hook_is_on())
		measure_pairs();
	printf("backtrace(), %d frames\n", recurse(30, &ns_frame));
	printf("  %-24s %8.1f ns\n", "per frame", ns_frame);
	measure_collector();
	return 0;
}
