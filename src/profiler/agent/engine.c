/* SPDX-License-Identifier: Apache-2.0
 *
 * The engines (engine.h).
 *
 * The random phase with perf: the period of an event cannot be changed from a signal handler
 * (ioctl is not in signal-safety(7)), so each thread has two events.  One fires once, after a
 * random part of the first period; the other every whole period, and its first shot, which the
 * other one stood for, is not counted.
 *
 * perf events of an unprivileged process may be refused the kernel's part of the time; then
 * system calls would vanish from the profile, so perf is not chosen (timer is). */
#include "profiler/agent/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define TIMER_MAGIC 0x65742d74 /* "et-t" */
#define FD_FLOOR 256           /* keep out of the low numbers that programs hand around */

/* Process-wide because the sampler is; private to this file. */
static struct {
	atomic_int engine; /* enum et_engine that threads begin with; AUTO = off */
	_Atomic int64_t period_ns;
} now;

static int64_t random_phase(struct et_thread *t, int64_t period_ns)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return 1 + (int64_t)(t->rng % (uint64_t)period_ns);
}

/* ---- timer ----------------------------------------------------------------------------------- */

static struct timespec span(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / ET_NS_PER_S, .tv_nsec = ns % ET_NS_PER_S };
}

/* CPU clock of a thread of this process, as pthread_getcpuclockid(3) makes it. */
static clockid_t thread_clock(int tid)
{
	return (clockid_t)((~(unsigned)tid << 3) | 6u);
}

static bool timer_begin(struct et_thread *t, int64_t period_ns)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF,
			       .sigev_value.sival_int = TIMER_MAGIC };
	struct itimerspec when = { .it_value = span(random_phase(t, period_ns)),
				   .it_interval = span(period_ns) };

	ev._sigev_un._tid = t->tid;
	if (timer_create(thread_clock(t->tid), &ev, &t->timer) != 0)
		return false;
	if (timer_settime(t->timer, 0, &when, NULL) == 0)
		return true;
	timer_delete(t->timer);
	return false;
}

/* ---- perf ------------------------------------------------------------------------------------ */

static int perf_open(int tid, int64_t period_ns)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof attr,
					.config = PERF_COUNT_SW_TASK_CLOCK,
					.sample_period = (uint64_t)period_ns, .wakeup_events = 1,
					.disabled = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = tid };
	int high;

	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	if (high >= 0) {
		close(fd);
		fd = high;
	}
	if (fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0 && fcntl(fd, F_SETSIG, SIGPROF) == 0 &&
	    fcntl(fd, F_SETOWN_EX, &owner) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool perf_begin(struct et_thread *t, int64_t period_ns)
{
	t->perf_fd[0] = perf_open(t->tid, random_phase(t, period_ns));
	t->perf_fd[1] = perf_open(t->tid, period_ns);
	t->is_past_first = false;
	if (t->perf_fd[0] >= 0 && t->perf_fd[1] >= 0 &&
	    ioctl(t->perf_fd[0], PERF_EVENT_IOC_REFRESH, 1) == 0 &&
	    ioctl(t->perf_fd[1], PERF_EVENT_IOC_ENABLE, 0) == 0)
		return true;
	for (int i = 0; i < 2; i++)
		if (t->perf_fd[i] >= 0)
			close(t->perf_fd[i]);
	return false;
}

/* ---- threads ----------------------------------------------------------------------------------- */

/* By the thread itself or, for those that were there before, by the starter: whoever takes the
 * step from AUTO does it. */
static void begin(struct et_thread *t, enum et_engine engine)
{
	int64_t period_ns = atomic_load(&now.period_ns);
	int none = ET_ENGINE_AUTO;
	bool is_on = true;

	if (engine == ET_ENGINE_AUTO ||
	    !atomic_compare_exchange_strong(&t->engine, &none, ET_ENGINE_COUNT))
		return;
	/* out of descriptors: this thread at least by its timer */
	if (engine == ET_ENGINE_PERF && !perf_begin(t, period_ns))
		engine = ET_ENGINE_TIMER;
	if (engine == ET_ENGINE_TIMER)
		is_on = timer_begin(t, period_ns);
	atomic_store(&t->engine, is_on ? (int)engine : ET_ENGINE_AUTO);
}

static void end(struct et_thread *t)
{
	int engine = atomic_exchange(&t->engine, ET_ENGINE_AUTO);

	if (engine == ET_ENGINE_TIMER)
		timer_delete(t->timer);
	for (int i = 0; engine == ET_ENGINE_PERF && i < 2; i++)
		close(t->perf_fd[i]);
}

void et_engine_enter(struct et_thread *t)
{
	begin(t, (enum et_engine)atomic_load(&now.engine));
}

void et_engine_leave(struct et_thread *t)
{
	end(t);
}

static void for_all(void (*fn)(struct et_thread *t, enum et_engine engine), enum et_engine engine)
{
	struct et_region *r = et_region_peek();

	for (uint32_t i = 0; r != NULL && i < atomic_load(&r->n_slots); i++) {
		struct et_thread *t = &r->slots[i].thread;

		if (atomic_load(&t->state) == ET_SLOT_LIVE && et_thread_is_workload(t))
			fn(t, engine);
	}
}

static void end_one(struct et_thread *t, enum et_engine engine)
{
	(void)engine;
	end(t);
}

static int itimer(unsigned hz)
{
	struct itimerval tick = { 0 };

	if (hz == 1)
		tick.it_interval.tv_sec = 1;
	else if (hz > 1)
		tick.it_interval.tv_usec = (suseconds_t)(1000000u / hz);
	tick.it_value = tick.it_interval;
	return setitimer(ITIMER_PROF, &tick, NULL);
}

int et_engine_start(enum et_engine engine, unsigned hz, struct et_err *err)
{
	atomic_store(&now.period_ns, ET_NS_PER_S / hz);
	atomic_store(&now.engine, (int)engine);
	if (engine == ET_ENGINE_ITIMER && itimer(hz) != 0)
		return et_err_sys(err, ET_EXIT_LACK, errno, "cannot start the profiling timer");
	for_all(begin, engine);
	return 0;
}

void et_engine_stop(void)
{
	atomic_store(&now.engine, ET_ENGINE_AUTO);
	itimer(0);
	for_all(end_one, ET_ENGINE_AUTO);
}

/* ---- choosing ---------------------------------------------------------------------------------- */

/* Two descriptors a thread are the program's: where it may have few, they are not ours to take. */
static bool has_descriptors(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 2 * FD_FLOOR;
}

static bool can_perf(void)
{
	int fd = perf_open((int)syscall(SYS_gettid), ET_NS_PER_S);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool can_timer(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	timer_t timer;

	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &timer) != 0)
		return false;
	timer_delete(timer);
	return true;
}

int et_engine_choose(enum et_engine want, enum et_engine *engine, struct et_err *err)
{
	if ((want == ET_ENGINE_PERF || (want == ET_ENGINE_AUTO && has_descriptors())) && can_perf())
		*engine = ET_ENGINE_PERF;
	else if (want == ET_ENGINE_PERF)
		return et_err_sys(err, ET_EXIT_LACK, errno,
				  "CPU engine 'perf' does not work here (perf_event_open; see "
				  "/proc/sys/kernel/perf_event_paranoid); 'timer' and 'itimer' need no "
				  "privilege");
	else if (want != ET_ENGINE_ITIMER && can_timer())
		*engine = ET_ENGINE_TIMER;
	else if (want == ET_ENGINE_TIMER)
		return et_err_sys(err, ET_EXIT_LACK, errno,
				  "CPU engine 'timer' does not work here (timer_create); 'itimer' always "
				  "does");
	else
		*engine = ET_ENGINE_ITIMER;
	return 0;
}

/* ---- SIGNAL CONTEXT ------------------------------------------------------------------------------ */

unsigned et_engine_weight(struct et_thread *t, const siginfo_t *info)
{
	int engine = atomic_load_explicit(&t->engine, memory_order_relaxed);

	if (info->si_code == SI_KERNEL)
		return engine == ET_ENGINE_ITIMER;
	if (info->si_code == SI_TIMER && info->si_value.sival_int == TIMER_MAGIC)
		return info->si_overrun < 0 ? 1 : 1 + (unsigned)info->si_overrun;
	if (engine != ET_ENGINE_PERF)
		return 0;
	if (info->si_code == POLL_HUP) /* the single shot: it switched itself off */
		return 1;
	if (info->si_code != POLL_IN)
		return 0;
	if (t->is_past_first)
		return 1;
	t->is_past_first = true;
	return 0;
}
