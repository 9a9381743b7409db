/* SPDX-License-Identifier: Apache-2.0
 *
 * The profiler of this very process against workloads whose truth is known: call sites that hold
 * exactly so many bytes, functions that burn given shares, threads that wait in given ways. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine-top/metric.h"
#include "engine-top/probe.h"
#include "profiler/agent/engine.h"
#include "profiler/agent/hook.h"
#include "profiler/collect/profiler.h"
#include "tap.h"

#define KEEP __attribute__((noinline, noclone))

/* ThreadSanitizer holds signals back until the thread makes a call that it knows, and then runs
 * the handler somewhere else: stacks of waiting threads and of interrupted code do not exist. */
#ifdef __SANITIZE_THREAD__
#define HAS_STACKS 0
#else
#define HAS_STACKS 1
#endif

static void *volatile sink;
static void *held[2000];
static int n_held;

KEEP void t_hold_small(void);
KEEP void t_hold_large(void);
KEEP void t_churn(void);
KEEP void t_realloc(void);
KEEP void t_map(void);

KEEP void t_hold_small(void)
{
	for (int i = 0; i < 1000; i++)
		held[n_held++] = malloc(64);
}

KEEP void t_hold_large(void)
{
	for (int i = 0; i < 5; i++)
		held[n_held++] = calloc(3, 100000);
}

KEEP void t_churn(void)
{
	for (int i = 0; i < 500; i++) {
		sink = malloc(1000);
		free(sink);
	}
}

KEEP void t_realloc(void)
{
	char *p = NULL;

	for (size_t n = 1; n <= 10; n++)
		p = realloc(p, n * 1000);
	held[n_held++] = p;
}

/* Four 64 KiB mappings, one unmapped whole, one half. */
KEEP void t_map(void)
{
	for (int i = 0; i < 4; i++) {
		char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (i == 2)
			munmap(p, 65536);
		if (i == 3)
			munmap(p, 32768);
	}
}

/* ---- reading a snapshot -------------------------------------------------------------------- */

static int64_t metric(const struct et_snapshot *s, uint32_t id)
{
	int64_t v;

	return et_snapshot_metric(s, id, &v) == ET_NA_MEASURED ? v : -1;
}

/* The sum of the sites that begin in `leaf`. */
static struct et_row_site site(const struct et_snapshot *s, const char *leaf)
{
	struct et_row_site sum = { 0 }, row;

	for (uint32_t i = 0; et_snapshot_get(s, ET_TAB_SITES, i, &row, sizeof row); i++) {
		struct et_row_func f;

		if (!et_snapshot_frame(s, row.stack, 0, NULL, &f) ||
		    strcmp(et_snapshot_str(s, f.name), leaf) != 0)
			continue;
		sum.inuse_bytes += row.inuse_bytes;
		sum.inuse_objects += row.inuse_objects;
		sum.alloc_bytes += row.alloc_bytes;
		sum.alloc_objects += row.alloc_objects;
		sum.flags = row.flags;
	}
	return sum;
}

static struct et_row_allocator allocator(const struct et_snapshot *s, const char *name)
{
	struct et_row_allocator row;

	for (uint32_t i = 0; et_snapshot_get(s, ET_TAB_ALLOCATORS, i, &row, sizeof row); i++)
		if (strcmp(et_snapshot_str(s, row.name), name) == 0)
			return row;
	memset(&row, 0, sizeof row);
	row.na = ET_NA_OFF;
	return row;
}

static struct et_row_func func(const struct et_snapshot *s, const char *name)
{
	struct et_row_func row;

	for (uint32_t i = 0; et_snapshot_get(s, ET_TAB_FUNCS, i, &row, sizeof row); i++)
		if (strcmp(et_snapshot_str(s, row.name), name) == 0)
			return row;
	memset(&row, 0, sizeof row);
	return row;
}

static struct et_profiler *start_with(enum et_engine engine, unsigned hz, uint64_t period)
{
	struct et_profiler_opts opts = { .hz = hz, .heap_period = period, .engine = engine,
					 .interval_ns = 50 * ET_NS_PER_MS };
	struct et_err err = { 0 };
	struct et_profiler *p = et_profiler_start(&opts, &err);

	if (p == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return p;
}

static struct et_profiler *start(unsigned hz, uint64_t period)
{
	return start_with(ET_ENGINE_AUTO, hz, period);
}

static void run_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "load", fn, arg);
	pthread_join(t, NULL);
}

/* ---- heap, exact ---------------------------------------------------------------------------- */

static void *allocate_all(void *arg)
{
	uint32_t id = et_probe_allocator("pool test", ET_ALLOC_POOL);
	struct et_heap_counts before, after;

	(void)arg;
	t_hold_small();
	t_hold_large();
	et_probe_heap_counts(&before);
	t_churn();
	et_probe_heap_counts(&after);
	if (et_hook_is_on()) {
		ET_IS_INT(after.allocs - before.allocs, 500, "the thread's own counters: allocations");
		ET_IS_INT(after.bytes - before.bytes, 500000, "... bytes");
		ET_IS_INT(after.frees - before.frees, 500, "... frees");
	}
	t_realloc();
	t_map();
	for (int i = 0; i < 7; i++)
		et_probe_alloc(id, &held[i], 4096, __builtin_return_address(0));
	et_probe_free(id, &held[3], 4096);
	return NULL;
}

static void t_exact_heap(void)
{
	struct et_profiler *p = start(99, 1);
	const struct et_snapshot *s;
	struct et_row_allocator a;
	struct et_row_site row;
	int64_t sum = 0;

	run_thread(allocate_all, NULL);
	s = et_profiler_stop(p);
	a = allocator(s, "pool test");
	ET_IS_INT(a.inuse_bytes, 6 * 4096, "pool: in-use bytes");
	ET_IS_INT(a.inuse_objects, 6, "pool: in-use objects");
	ET_IS_INT(a.alloc_objects, 7, "pool: handed out ever");
	if (!et_hook_is_on()) {
		ET_IS_INT(allocator(s, "glibc").na, ET_NA_NO_INTERPOSE,
			  "without interposition glibc is n/a, not 0");
		et_snapshot_unref(s);
		et_profiler_free(p);
		return;
	}
	row = site(s, "t_hold_small");
	ET_IS_INT(row.inuse_bytes, 64000, "small: in-use bytes are exact");
	ET_IS_INT(row.inuse_objects, 1000, "small: in-use objects");
	ET_OK((row.flags & ET_HEAP_EXACT) != 0, "small: says that it is exact");
	row = site(s, "t_hold_large");
	ET_IS_INT(row.inuse_bytes, 5 * 300000, "large (calloc): in-use bytes");
	row = site(s, "t_churn");
	ET_IS_INT(row.inuse_bytes, 0, "churn holds nothing");
	ET_IS_INT(row.alloc_bytes, 500000, "churn: bytes ever");
	ET_IS_INT(row.alloc_objects, 500, "churn: objects ever");
	row = site(s, "t_realloc");
	ET_IS_INT(row.inuse_bytes, 10000, "realloc: only the last size is held");
	ET_IS_INT(row.inuse_objects, 1, "realloc: one object");
	ET_IS_INT(row.alloc_bytes, 55000, "realloc: each step counts");
	row = site(s, "t_map");
	ET_IS_INT(row.inuse_bytes, 2 * 65536 + 32768, "mmap: whole and partial munmap");
	ET_IS_INT(row.inuse_objects, 3, "mmap: three mappings left");
	a = allocator(s, "glibc");
	for (uint32_t i = 0; et_snapshot_get(s, ET_TAB_SITES, i, &row, sizeof row); i++)
		sum += row.allocator == 0 ? row.inuse_bytes : 0;
	ET_IS_INT(a.inuse_bytes, sum, "glibc's row is the sum of its sites");
	/* what the libraries keep for a thread (locale, stdio) may add a little */
	ET_OK(a.inuse_bytes >= 1574000 && a.inuse_bytes < 1574000 + 20000,
	      "glibc: in-use bytes, nothing of the profiler's own (%lld)", (long long)a.inuse_bytes);
	ET_OK(metric(s, ET_M_SELF_HEAP_BYTES) > 0, "the profiler's own heap is known");
	ET_IS_INT(metric(s, ET_M_STACKS_LOST), 0, "no record was lost");
	et_snapshot_unref(s);
	et_profiler_free(p);
}

/* ---- heap, sampled: bytes and counts are unbiased -------------------------------------------- */

KEEP void t_mixed(void);
KEEP void t_mixed(void)
{
	for (int i = 0; i < 200000; i++) {
		sink = malloc(i % 1000 == 0 ? 300000 : 100);
		free(sink);
	}
}

static void *mix(void *arg)
{
	(void)arg;
	t_mixed();
	return NULL;
}

static void t_sampled_heap(void)
{
	struct et_profiler *p;
	const struct et_snapshot *s;
	struct et_row_site row;
	double bytes = 200.0 * 300000 + 199800.0 * 100, objects = 200000;

	if (!et_hook_is_on()) {
		tap_skip("sampled heap", "malloc is not interposed in this build");
		return;
	}
	p = start(99, 8192);
	run_thread(mix, NULL);
	s = et_profiler_stop(p);
	row = site(s, "t_mixed");
	/* about 2,440 small samples: 4 sigma is 8 % */
	ET_OK(row.alloc_bytes > bytes * 0.92 && row.alloc_bytes < bytes * 1.08,
	      "bytes of a site of mixed sizes: %lld of %.0f", (long long)row.alloc_bytes, bytes);
	ET_OK(row.alloc_objects > objects * 0.88 && row.alloc_objects < objects * 1.12,
	      "objects, too: %lld of %.0f", (long long)row.alloc_objects, objects);
	ET_OK((row.flags & ET_HEAP_EXACT) == 0, "says that it is an estimate");
	ET_IS_INT(row.inuse_bytes, 0, "nothing is left in use");
	et_snapshot_unref(s);
	et_profiler_free(p);
}

/* ---- CPU ------------------------------------------------------------------------------------- */

KEEP void t_burn_60(int64_t ns);
KEEP void t_burn_30(int64_t ns);
KEEP void t_burn_10(int64_t ns);

#define BURN(name)                                              \
	KEEP void name(int64_t ns)                              \
	{                                                       \
		int64_t end = et_clock_thread_cpu_ns() + ns;    \
		volatile unsigned x = 0;                        \
		do                                              \
			for (int i = 0; i < 20000; i++)         \
				x = x * 7 + 1;                  \
		while (et_clock_thread_cpu_ns() < end);         \
	}
BURN(t_burn_60)
BURN(t_burn_30)
BURN(t_burn_10)

static void *burn(void *arg)
{
	(void)arg;
	for (int i = 0; i < 40; i++) {
		t_burn_60(60 * ET_NS_PER_MS);
		t_burn_30(30 * ET_NS_PER_MS);
		t_burn_10(10 * ET_NS_PER_MS);
	}
	return NULL;
}

static void t_cpu_shares(void)
{
	struct et_profiler *p = start(250, 0);
	const struct et_snapshot *s;
	struct et_row_func f60, f30, f10, top;
	int64_t samples;
	double all;

	run_thread(burn, NULL);
	s = et_profiler_stop(p);
	samples = metric(s, ET_M_SAMPLES_WEIGHT);
	f60 = func(s, "t_burn_60");
	f30 = func(s, "t_burn_30");
	f10 = func(s, "t_burn_10");
	top = func(s, "burn");
	all = (double)samples / 100;
	printf("# %lld samples, lost %lld, missed %lld, strays %lld; cum %.1f %.1f %.1f\n",
	       (long long)samples, (long long)metric(s, ET_M_SAMPLES_LOST),
	       (long long)metric(s, ET_M_SAMPLES_MISSED), (long long)metric(s, ET_M_SAMPLES_SELF),
	       (double)f60.cum / all, (double)f30.cum / all, (double)f10.cum / all);
	ET_OK(samples > 400, "4 CPU seconds at 250 Hz give some hundred samples");
	ET_OK((double)f60.cum / all > 53 && (double)f60.cum / all < 67, "60 %% within 7 points");
	ET_OK((double)f30.cum / all > 23 && (double)f30.cum / all < 37, "30 %% within 7 points");
	ET_OK((double)f10.cum / all > 4 && (double)f10.cum / all < 17, "10 %% within 7 points");
	ET_IS_INT(func(s, "trampoline").cum, 0, "no frame of ours is in any stack");
	ET_OK(!HAS_STACKS || (double)top.cum / all > 97, "their caller has them all below it (%.1f %%)",
	      (double)top.cum / all);
	ET_OK(strstr(et_snapshot_str(s, f60.file), "test_profiler.c") != NULL && f60.line > 0,
	      "file and line are known: %s:%u", et_snapshot_str(s, f60.file), f60.line);
	ET_OK(metric(s, ET_M_CPU_NS) >= 4 * ET_NS_PER_S, "CPU time of an ended thread is kept");
	et_snapshot_unref(s);
	et_profiler_free(p);
}

/* ---- engines --------------------------------------------------------------------------------- */

KEEP void t_brief(int64_t ns);
KEEP void t_long(int64_t ns);
BURN(t_brief)
BURN(t_long)

static void *brief(void *arg)
{
	t_brief(2 * ET_NS_PER_MS);
	return arg;
}

/* Half of the CPU time in threads of 2 ms, the other half in this one. */
static void *half_and_half(void *arg)
{
	for (int i = 0; i < 250; i++) {
		pthread_t t;

		t_long(2 * ET_NS_PER_MS);
		if (et_probe_thread_start(&t, ET_ROLE_WORKLOAD, "brief", brief, NULL) == 0)
			pthread_join(t, NULL);
	}
	return arg;
}

static bool works(enum et_engine engine)
{
	enum et_engine chosen;

	return et_engine_choose(engine, &chosen, NULL) == 0 && chosen == engine;
}

static void t_engine(enum et_engine engine)
{
	const char *name = et_snapshot_engine(engine);
	const struct et_snapshot *s;
	struct et_profiler *p;
	int64_t weight, due;
	double share;

	if (!works(engine)) {
		tap_skip(name, "this machine refuses it");
		return;
	}
	p = start_with(engine, 250, 0);
	run_thread(half_and_half, NULL);
	s = et_profiler_stop(p);
	weight = metric(s, ET_M_SAMPLES_WEIGHT);
	due = metric(s, ET_M_CPU_NS) * 250 / ET_NS_PER_S;
	share = 100.0 * (double)func(s, "t_brief").cum / (double)weight;
	printf("# %s: %lld stacks for %lld of %lld periods, missed %lld, brief threads %.1f %%\n", name,
	       (long long)metric(s, ET_M_SAMPLES), (long long)weight, (long long)due,
	       (long long)metric(s, ET_M_SAMPLES_MISSED), share);
	ET_IS_STR(et_snapshot_engine((uint32_t)metric(s, ET_M_ENGINE)), name,
		  "the engine that was asked for");
	ET_OK(func(s, "t_long").cum > 0, "%s: the thread that stays is sampled", name);
	/* 250 periods: 4 sigma of a half is 13 points; timers are looked at once a tick only */
	if (engine == ET_ENGINE_PERF && HAS_STACKS)
		ET_OK(weight > due * 8 / 10 && weight < due * 12 / 10 && share > 37 && share < 63,
		      "perf: every period is sampled, threads of 2 ms have their share");
	et_snapshot_unref(s);
	et_profiler_free(p);
}

/* Somebody's own signal of the kind must not count as a sample. */
static void *kick(void *arg)
{
	for (int i = 0; i < 100; i++)
		pthread_kill(pthread_self(), SIGPROF);
	return arg;
}

static void t_foreign_signal(void)
{
	struct et_profiler *p = start(1, 0);
	const struct et_snapshot *s;

	run_thread(kick, NULL);
	s = et_profiler_stop(p);
	ET_OK(metric(s, ET_M_SAMPLES) <= 1, "somebody's kill(SIGPROF) is no sample");
	et_snapshot_unref(s);
	et_profiler_free(p);
}

/* ---- threads --------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, cond_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int quit_pipe[2];
static atomic_bool is_over;

static void *wait_lock(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void *wait_cond(void *arg)
{
	pthread_mutex_lock(&cond_lock);
	if (arg != NULL)
		et_probe_idle_begin();
	while (!atomic_load(&is_over))
		pthread_cond_wait(&cond, &cond_lock);
	et_probe_idle_end();
	pthread_mutex_unlock(&cond_lock);
	return NULL;
}

static void *wait_io(void *arg)
{
	char c;

	while (read(quit_pipe[0], &c, 1) < 0 && errno == EINTR)
		;
	return arg;
}

static void *spin(void *arg)
{
	while (!atomic_load(&is_over))
		;
	return arg;
}

static int count(const struct et_snapshot *s, uint32_t state)
{
	struct et_row_thread t;
	int n = 0;

	for (uint32_t i = 0; et_snapshot_get(s, ET_TAB_THREADS, i, &t, sizeof t); i++)
		n += t.state == state && (t.flags & ET_THREAD_SELF) == 0;
	return n;
}

static bool has_group(const struct et_snapshot *s, uint32_t state, uint32_t n, const char *frame)
{
	struct et_row_group g;
	struct et_row_func f;

	for (uint32_t i = 0; et_snapshot_get(s, ET_TAB_GROUPS, i, &g, sizeof g); i++)
		for (uint32_t d = 0; g.state == state && g.count == n &&
				     et_snapshot_frame(s, g.stack, d, NULL, &f); d++)
			if (strcmp(et_snapshot_str(s, f.name), frame) == 0)
				return true;
	return false;
}

/* Snapshots until all threads are where they are meant to be, or the deadline has passed. */
static const struct et_snapshot *settle(struct et_mbox *box)
{
	int64_t give_up = et_clock_mono_ns() + 20 * ET_NS_PER_S;
	const struct et_snapshot *s = NULL;

	if (!HAS_STACKS)
		give_up = et_clock_mono_ns() + ET_NS_PER_S;
	do {
		struct pollfd p = { .fd = box->fd, .events = POLLIN };
		const struct et_snapshot *fresh;

		poll(&p, 1, 1000);
		fresh = et_mbox_take(box);
		if (fresh == NULL)
			continue;
		et_snapshot_unref(s);
		s = fresh;
	} while (s == NULL || ((count(s, ET_THREAD_IO) != 2 || count(s, ET_THREAD_COND) != 1 ||
				!has_group(s, ET_THREAD_LOCK, 3, "wait_lock") ||
				!has_group(s, ET_THREAD_IDLE, 4, "wait_cond")) &&
			       et_clock_mono_ns() < give_up));
	return s;
}

static void t_thread_states(void)
{
	struct et_profiler *p = start(99, 0);
	const struct et_snapshot *s;
	struct et_mbox box;
	pthread_t t[11];
	int n = 0;

	atomic_store(&is_over, false);
	if (pipe(quit_pipe) != 0 || et_mbox_init(&box) != 0)
		exit(1);
	et_profiler_attach(p, &box);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 3; i++)
		et_probe_thread_start(&t[n++], ET_ROLE_WORKLOAD, "lock", wait_lock, NULL);
	for (int i = 0; i < 4; i++)
		et_probe_thread_start(&t[n++], ET_ROLE_WORKLOAD, "idle", wait_cond, &lock);
	et_probe_thread_start(&t[n++], ET_ROLE_WORKLOAD, "cond", wait_cond, NULL);
	for (int i = 0; i < 2; i++)
		et_probe_thread_start(&t[n++], ET_ROLE_WORKLOAD, "io", wait_io, NULL);
	et_probe_thread_start(&t[n++], ET_ROLE_WORKLOAD, "spin", spin, NULL);
	s = settle(&box);
	ET_IS_INT(count(s, ET_THREAD_IDLE), 4, "four are idle");
	ET_IS_INT(count(s, ET_THREAD_IO), 2, "two wait for i/o");
	ET_IS_INT(count(s, ET_THREAD_RUNNING) + count(s, ET_THREAD_RUNNABLE), 1, "one runs");
	if (HAS_STACKS) {
		ET_IS_INT(count(s, ET_THREAD_LOCK), 3, "three wait for a lock");
		ET_IS_INT(count(s, ET_THREAD_COND), 1, "one waits for a condition");
		ET_OK(has_group(s, ET_THREAD_LOCK, 3, "wait_lock"), "the three share a stack");
		ET_OK(has_group(s, ET_THREAD_IDLE, 4, "wait_cond"), "so do the four");
	}
	ET_IS_INT(metric(s, ET_M_THREADS), 11, "count");
	et_snapshot_unref(s);
	atomic_store(&is_over, true);
	pthread_mutex_unlock(&lock);
	pthread_mutex_lock(&cond_lock);
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&cond_lock);
	ET_IS_INT(write(quit_pipe[1], "xx", 2), 2, "the readers are let go");
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	s = et_profiler_stop(p);
	ET_IS_INT(metric(s, ET_M_THREADS), 0, "all gone at the end");
	ET_IS_INT(metric(s, ET_M_THREADS_PEAK), 11, "the peak is kept");
	ET_OK((s->flags & ET_SNAP_FINAL) != 0, "the last snapshot says so");
	et_snapshot_unref(s);
	et_profiler_detach(p, &box);
	et_snapshot_unref(et_mbox_take(&box));
	et_mbox_fini(&box);
	et_profiler_free(p);
}

int main(void)
{
	et_probe_thread_self(ET_ROLE_SELF, "main");
	t_exact_heap();
	t_sampled_heap();
	t_cpu_shares();
	for (int e = ET_ENGINE_ITIMER; e < ET_ENGINE_COUNT; e++)
		t_engine((enum et_engine)e);
	t_foreign_signal();
	t_thread_states();
	return tap_done();
}
