/* SPDX-License-Identifier: Apache-2.0
 *
 * The oracle of the unwinder, in two halves.  Compiled with -DUNWINDCHECK_PRELOAD, together with
 * the unwinder, it is a shared object that is preloaded into real programs: a timer of its own
 * for each thread interrupts it UNWINDCHECK_HZ times a second; from the same interrupted context
 * both et_unwind_context() and backtrace() take the stack, which are compared frame by frame.
 * The counts lie in a file mapping, UNWINDCHECK_OUT.PID, so they survive any end.
 *
 * The other half is a program: `unwindcheck MIN LATE FILE...` adds counts up, shows what
 * differed, and fails unless there are at least MIN samples, at most LATE of 10,000 of them in
 * code that no build had seen (and the unwinder said so), and all others equal. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTS_MAGIC UINT64_C(0x65742d756e770001)
#define SHOWN_MAX 8
#define SHOWN_DEPTH 48

struct shown {
	uint32_t n_ours, n_theirs, flags, is_set;
	uint64_t ours[SHOWN_DEPTH], theirs[SHOWN_DEPTH];
};

struct counts {
	uint64_t magic;
	atomic_uint_fast64_t samples;
	atomic_uint_fast64_t equal; /* to the end */
	atomic_uint_fast64_t late;  /* said so: code that no build has seen; equal as far as it went */
	atomic_uint_fast64_t asked; /* said so: anything else that it cannot do */
	atomic_uint_fast64_t wrong;
	atomic_uint_fast64_t frames; /* of the equal ones */
	atomic_uint_fast64_t n_first[2], ns_first[2], frames_first[2]; /* ours, theirs; whoever is first */
	atomic_uint_fast64_t n_builds, n_rows, n_bytes, build_us, n_functions, n_ask;
	char program[64];
	atomic_uint n_shown;
	struct shown shown[SHOWN_MAX];
};

#ifdef UNWINDCHECK_PRELOAD

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "profiler/agent/unwind.h"

#define DEPTH 1024
#define SKIP 8

/* One process, one result; the handler gets no context. */
static struct counts *counts;
static long hz = 4000;
static __thread struct et_unwind_bounds bounds;
static __thread uint64_t ours[DEPTH], theirs[DEPTH];
static __thread void *bt[DEPTH + SKIP];

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int is_trampoline(uint64_t at)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };

	return memcmp((const void *)(uintptr_t)at, code, sizeof code) == 0;
}

/* What backtrace() found, as we write stacks.  A return address is a call's, but a trampoline's
 * and the one that follows it. */
static unsigned their_stack(uint64_t pc, int n)
{
	unsigned depth = 0;
	int i = 0, is_exact = 1;

	while (i < n && i < SKIP && (uint64_t)(uintptr_t)bt[i] != pc)
		i++;
	if (i == n || i == SKIP)
		return 0;
	for (; i < n && depth < DEPTH; i++) {
		uint64_t ip = (uint64_t)(uintptr_t)bt[i];
		int is_signal = depth > 0 && ip > 4096 && is_trampoline(ip);

		theirs[depth++] = is_exact || is_signal ? ip : ip - 1;
		is_exact = is_signal;
	}
	return depth;
}

static void show(unsigned n_ours, unsigned n_theirs, unsigned flags)
{
	unsigned i = atomic_fetch_add(&counts->n_shown, 1);
	struct shown *s;

	if (i >= SHOWN_MAX)
		return;
	s = &counts->shown[i];
	s->n_ours = n_ours;
	s->n_theirs = n_theirs;
	s->flags = flags;
	memcpy(s->ours, ours, sizeof s->ours);
	memcpy(s->theirs, theirs, sizeof s->theirs);
	s->is_set = 1;
}

static void judge(unsigned n_ours, unsigned n_theirs, unsigned flags)
{
	int is_prefix = n_ours <= n_theirs && memcmp(ours, theirs, n_ours * sizeof *ours) == 0;
	enum et_unwind_cause cause = et_unwind_cause(flags);

	atomic_fetch_add(&counts->samples, 1);
	if (is_prefix && (flags & ET_UNWIND_ASK) == 0 && n_ours == n_theirs) {
		atomic_fetch_add(&counts->equal, 1);
		atomic_fetch_add(&counts->frames, n_ours);
		return;
	}
	show(n_ours, n_theirs, flags);
	if (is_prefix && (cause == ET_UNWIND_CAUSE_NO_MODULE || cause == ET_UNWIND_CAUSE_NO_SET))
		atomic_fetch_add(&counts->late, 1);
	else if (is_prefix && (flags & ET_UNWIND_ASK) != 0)
		atomic_fetch_add(&counts->asked, 1);
	else
		atomic_fetch_add(&counts->wrong, 1);
}

static void on_sample(int signo, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	int saved = errno, n_theirs = 0, is_ours_first = atomic_load(&counts->samples) % 2 == 0;
	unsigned n_ours, flags;
	int64_t t0, t1;

	(void)signo, (void)info;
	t0 = now_ns();
	if (!is_ours_first) {
		n_theirs = backtrace(bt, DEPTH + SKIP);
		t1 = now_ns();
		atomic_fetch_add(&counts->n_first[1], 1);
		atomic_fetch_add(&counts->ns_first[1], (uint64_t)(t1 - t0));
		atomic_fetch_add(&counts->frames_first[1], (uint64_t)n_theirs);
	}
	n_ours = et_unwind_context(uc, &bounds, ours, DEPTH, &flags);
	if (is_ours_first) {
		t1 = now_ns();
		atomic_fetch_add(&counts->n_first[0], 1);
		atomic_fetch_add(&counts->ns_first[0], (uint64_t)(t1 - t0));
		atomic_fetch_add(&counts->frames_first[0], n_ours);
		n_theirs = backtrace(bt, DEPTH + SKIP);
	}
	judge(n_ours, their_stack((uint64_t)uc->uc_mcontext.gregs[REG_RIP], n_theirs), flags);
	errno = saved;
}

static void note_build(void)
{
	struct et_ehset_info info;

	et_ehset_info(&info);
	atomic_store(&counts->n_builds, info.n_builds);
	atomic_store(&counts->n_rows, info.n_rows);
	atomic_store(&counts->n_bytes, info.bytes);
	atomic_store(&counts->n_functions, info.n_functions);
	atomic_store(&counts->n_ask, info.n_ask);
	if (info.build_ns / 1000 > (int64_t)atomic_load(&counts->build_us))
		atomic_store(&counts->build_us, (uint64_t)info.build_ns / 1000);
}

static void watch_this_thread(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };
	struct itimerspec period = { .it_interval.tv_nsec = 1000000000 / hz };
	pthread_attr_t attr;
	void *base;
	size_t size;
	timer_t timer;

	if (counts == NULL)
		return;
	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &base, &size);
		bounds.lo = (uint64_t)(uintptr_t)base;
		bounds.hi = bounds.lo + size;
		pthread_attr_destroy(&attr);
	}
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	period.it_value = period.it_interval;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_settime(timer, 0, &period, NULL);
}

static int open_counts(void)
{
	const char *out = getenv("UNWINDCHECK_OUT"), *rate = getenv("UNWINDCHECK_HZ");
	char path[4096];
	void *at;
	int fd;

	if (out == NULL)
		return -1;
	if (rate != NULL && atol(rate) > 0)
		hz = atol(rate);
	snprintf(path, sizeof path, "%s.%d", out, (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *counts) != 0)
		return -1;
	at = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return -1;
	counts = at;
	counts->magic = COUNTS_MAGIC;
	snprintf(counts->program, sizeof counts->program, "%s", program_invocation_short_name);
	return 0;
}

__attribute__((constructor)) static void start(void)
{
	struct sigaction sa = { .sa_sigaction = on_sample, .sa_flags = SA_SIGINFO | SA_RESTART };

	if (open_counts() != 0)
		return;
	backtrace(bt, SKIP); /* loads libgcc, which must not happen in the handler */
	et_unwind_build();
	note_build();
	sigaction(SIGPROF, &sa, NULL);
	watch_this_thread();
}

/* ---- what the program calls ---------------------------------------------------------------- */

extern void *dlopen(const char *file, int flags);
extern int dlclose(void *handle);
extern int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

void *dlopen(const char *file, int flags)
{
	static void *(*real)(const char *, int);
	void *handle;

	if (real == NULL)
		*(void **)&real = next("dlopen");
	handle = real(file, flags);
	et_unwind_build();
	if (counts != NULL)
		note_build();
	return handle;
}

int dlclose(void *handle)
{
	static int (*real)(void *);
	int rc;

	if (real == NULL)
		*(void **)&real = next("dlclose");
	et_ehset_unload_begin();
	rc = real(handle);
	et_ehset_unload_end();
	return rc;
}

struct begin {
	void *(*fn)(void *);
	void *arg;
};

static void *begin(void *self)
{
	struct begin b = *(struct begin *)self;

	free(self);
	watch_this_thread();
	return b.fn(b.arg);
}

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	struct begin *b = malloc(sizeof *b);

	if (real == NULL)
		*(void **)&real = next("pthread_create");
	if (b == NULL)
		return EAGAIN;
	*b = (struct begin){ fn, arg };
	return real(t, attr, begin, b);
}

#else

static void print_stack(const char *who, const uint64_t *ip, uint32_t n)
{
	printf("#   %s:", who);
	for (uint32_t i = 0; i < n && i < SHOWN_DEPTH; i++)
		printf(" %" PRIx64, ip[i]);
	printf("\n");
}

static void print_shown(const struct counts *c)
{
	for (int i = 0; i < SHOWN_MAX; i++) {
		const struct shown *s = &c->shown[i];

		if (!s->is_set)
			continue;
		printf("# %s: depth %u, backtrace %u, flags %x\n", c->program, s->n_ours,
		       s->n_theirs, s->flags);
		print_stack("ours", s->ours, s->n_ours);
		print_stack("theirs", s->theirs, s->n_theirs);
	}
}

static double per(uint64_t a, uint64_t b) { return b == 0 ? 0 : (double)a / (double)b; }

static void print_file(const struct counts *c)
{
	printf("# %s: %" PRIu64 " samples, %" PRIu64 " equal, %" PRIu64 " late, %" PRIu64
	       " asked, %" PRIu64 " wrong; %.1f frames; a sample %.0f ns (%.1f a frame), backtrace() "
	       "%.0f ns (%.1f)\n#   tables: %" PRIu64 " functions, %" PRIu64 " rows, %" PRIu64
	       " bytes, longest build %" PRIu64 " us of %" PRIu64 ", %" PRIu64 " functions not read\n",
	       c->program, c->samples, c->equal, c->late, c->asked, c->wrong,
	       per(c->frames, c->equal), per(c->ns_first[0], c->n_first[0]),
	       per(c->ns_first[0], c->frames_first[0]), per(c->ns_first[1], c->n_first[1]),
	       per(c->ns_first[1], c->frames_first[1]), c->n_functions, c->n_rows, c->n_bytes,
	       c->build_us, c->n_builds, c->n_ask);
}

static int read_counts(const char *path, struct counts *c)
{
	FILE *f = fopen(path, "rb");
	int is_ok = f != NULL && fread(c, sizeof *c, 1, f) == 1 && c->magic == COUNTS_MAGIC;

	if (f != NULL)
		fclose(f);
	return is_ok ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct counts c;
	uint64_t samples = 0, equal = 0, late = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: unwindcheck MIN LATE FILE...\n");
		return 2;
	}
	for (int i = 3; i < argc; i++) {
		if (read_counts(argv[i], &c) != 0) {
			fprintf(stderr, "unwindcheck: '%s' holds no counts\n", argv[i]);
			return 2;
		}
		print_file(&c);
		print_shown(&c);
		samples += c.samples;
		equal += c.equal;
		late += c.late;
	}
	printf("# %" PRIu64 " samples, %" PRIu64 " equal, %" PRIu64 " late\n", samples, equal, late);
	if (samples < strtoull(argv[1], NULL, 10) || samples != equal + late)
		return 1;
	return late * 10000 <= samples * strtoull(argv[2], NULL, 10) ? 0 : 1;
}

#endif
