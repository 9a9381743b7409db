/* SPDX-License-Identifier: Apache-2.0
 *
 * What runs between a SIGPROF and its return.  SIGNAL CONTEXT: from on_prof() down nothing but
 * clock_gettime (signal-safety(7)), atomics, this thread's own slot and ring, the unwinder's
 * tables, and, where those do not reach, backtrace(), which was called once at start so that it
 * need not load anything.  The list of undefined
 * symbols of this object is checked by `make check-layers`.
 *
 * Engine itimer: the kernel sends ITIMER_PROF to the process and picks a thread itself.  When an own thread
 * (which blocks the signal) used the CPU, it may wake an idle one instead; such a stray is told
 * by the thread's clock, which has not moved, and is counted, not credited.  So is a sample that
 * hits the recording of an allocation: that time is ours, not the program's. */
#include "profiler/agent/signal.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/clock.h"
#include "profiler/agent/engine.h"
#include "profiler/agent/unwind.h"

/* A thread that used less CPU than this since its last sample was woken by the signal itself. */
#define STRAY_NS (50 * ET_NS_PER_US)
#define ASK_MAGIC 0x65742d73 /* "et-s" in the value of our own signals */
#define SKIP_MAX 6           /* frames of the handler and the signal trampoline */

static uint64_t pc_of(const ucontext_t *uc)
{
#if defined(__x86_64__)
	return (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uint64_t)uc->uc_mcontext.pc;
#else
#error "unknown processor: say where the program counter is"
#endif
}

/* SIGNAL CONTEXT.  Where the unwinder's tables do not reach: backtrace(). */
static unsigned ask_backtrace(uint64_t pc, uint64_t *out, unsigned *flags)
{
	void *bt[ET_BACKTRACE_MAX];
	int n = backtrace(bt, ET_BACKTRACE_MAX);
	int i = 0;
	unsigned depth = 1;

	while (i < n && i < SKIP_MAX && (uint64_t)(uintptr_t)bt[i] != pc)
		i++;
	/* not found: no unwind table at pc; the frames that follow cannot be trusted either */
	out[0] = pc;
	if (i == SKIP_MAX || i >= n)
		return depth;
	for (i++; i < n; i++)
		if (bt[i] != NULL)
			out[depth++] = (uint64_t)(uintptr_t)bt[i] - 1;
	if (n == ET_BACKTRACE_MAX)
		*flags |= ET_RECORD_TRUNCATED;
	return depth;
}

/* SIGNAL CONTEXT.  The stack of the code that was interrupted. */
static unsigned record_stack(struct et_thread *t, const ucontext_t *uc, uint64_t *out,
			     unsigned *flags)
{
	unsigned how;
	unsigned depth = et_unwind_context(uc, &t->stack, out, ET_DEPTH_MAX, &how);

	if ((how & ET_UNWIND_ASK) != 0 || depth == 0)
		return ask_backtrace(pc_of(uc), out, flags);
	if ((how & ET_UNWIND_TRUNCATED) != 0)
		*flags |= ET_RECORD_TRUNCATED;
	return depth;
}

/* SIGNAL CONTEXT.  `weight` periods of CPU time; 0: a stack that was asked for. */
static void take_sample(struct et_thread *t, enum et_record_kind kind, unsigned weight,
			const ucontext_t *uc, int64_t now_ns)
{
	uint64_t *rec = et_region_slot(t)->signal_scratch;
	unsigned flags = t->is_in_hook ? ET_RECORD_IN_HOOK : 0;
	unsigned n = ET_RECORD_HEAD + record_stack(t, uc, rec + ET_RECORD_HEAD, &flags);

	rec[0] = n | (uint64_t)kind << 16 | (uint64_t)flags << 24 | (uint64_t)weight << 32;
	rec[1] = (uint64_t)now_ns;
	if (!et_ring_put(t->ring, rec, n)) {
		et_tally_add(&t->n_lost, weight);
	} else if (kind == ET_RECORD_CPU) {
		et_tally_add(&t->n_samples, 1);
		et_tally_add(&t->n_weight, weight);
	}
}

/* SIGNAL CONTEXT. */
static void on_tick(struct et_thread *t, unsigned weight, const ucontext_t *uc, int64_t now_ns)
{
	bool is_itimer = atomic_load_explicit(&t->engine, memory_order_relaxed) == ET_ENGINE_ITIMER;

	if (is_itimer && et_clock_thread_cpu_ns() - t->cpu_seen_ns < STRAY_NS)
		et_tally_add(&t->n_stray, weight);
	else if (t->is_in_hook)
		et_tally_add(&t->n_hook, weight);
	else
		take_sample(t, ET_RECORD_CPU, weight, uc, now_ns);
	if (is_itimer)
		t->cpu_seen_ns = et_clock_thread_cpu_ns();
}

/* SIGNAL CONTEXT: the handler. */
static void on_prof(int signo, siginfo_t *info, void *context)
{
	struct et_thread *t = et_thread_me;
	int saved = errno;
	unsigned weight;
	int64_t begin;

	(void)signo;
	if (t == NULL) {
		struct et_region *r = et_region_peek();

		if (r != NULL)
			atomic_fetch_add_explicit(&r->n_homeless, 1, memory_order_relaxed);
		errno = saved;
		return;
	}
	begin = et_clock_mono_ns();
	weight = et_engine_weight(t, info);
	if (weight > 0)
		on_tick(t, weight, context, begin);
	else if (info->si_code == SI_QUEUE && info->si_value.sival_int == ASK_MAGIC)
		take_sample(t, ET_RECORD_STATE, 0, context, begin);
	et_tally_add(&t->handler_ns, (uint64_t)(et_clock_mono_ns() - begin));
	errno = saved;
}

int et_signal_arm(enum et_engine engine, unsigned hz, struct et_err *err)
{
	struct sigaction sa = { .sa_sigaction = on_prof, .sa_flags = SA_SIGINFO | SA_RESTART };
	void *warm[4];

	backtrace(warm, 4); /* see the top of this file */
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGPROF, &sa, NULL) != 0)
		return et_err_sys(err, ET_EXIT_LACK, errno, "cannot handle SIGPROF");
	return et_engine_start(engine, hz, err);
}

void et_signal_disarm(void)
{
	et_engine_stop();
	signal(SIGPROF, SIG_IGN); /* a tick in flight must not kill the process */
}

void et_signal_ask_stack(int pid, int tid)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = ASK_MAGIC;
	syscall(SYS_rt_tgsigqueueinfo, pid, tid, SIGPROF, &info);
}
