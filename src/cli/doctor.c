/* SPDX-License-Identifier: Apache-2.0
 *
 * `engine-top doctor`: what this machine gives the profiler and the screen, measured where it
 * can be, one line each.  Exit 3 if something that engine-top cannot do without is not there. */
#include <execinfo.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/datadir.h"
#include "cli/cmd.h"
#include "profiler/agent/engine.h"
#include "profiler/agent/hook.h"
#include "profiler/collect/procfs.h"

#define PROBE_NS (400 * ET_NS_PER_MS)

static volatile sig_atomic_t ticks;

static void on_tick(int signo)
{
	(void)signo;
	ticks++; /* SIGNAL CONTEXT */
}

/* Ticks that setitimer(ITIMER_PROF) delivers per CPU second when asked for `hz`. */
static double delivered(unsigned hz)
{
	struct itimerval tick = { .it_interval = { 0, (suseconds_t)(1000000u / hz) },
				  .it_value = { 0, (suseconds_t)(1000000u / hz) } };
	struct itimerval off = { 0 };
	int64_t begin = et_clock_process_cpu_ns(), used;

	ticks = 0;
	setitimer(ITIMER_PROF, &tick, NULL);
	while ((used = et_clock_process_cpu_ns() - begin) < PROBE_NS)
		;
	setitimer(ITIMER_PROF, &off, NULL);
	return (double)ticks * (double)ET_NS_PER_S / (double)used;
}

static void say(const char *what, const char *verdict, const char *detail)
{
	printf("%-22s %-8s %s\n", what, verdict, detail);
}

static void check_timer(void)
{
	static const unsigned rates[] = { 99, 250, 1000 };
	struct sigaction sa = { .sa_handler = on_tick }, old;
	sigset_t prof;

	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	sigaction(SIGPROF, &sa, &old);
	pthread_sigmask(SIG_UNBLOCK, &prof, NULL);
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		double got = delivered(rates[i]);
		char detail[160], what[40];

		snprintf(what, sizeof what, "setitimer at %u Hz", rates[i]);
		snprintf(detail, sizeof detail, "%.0f signals per CPU second delivered (%.0f %%)", got,
			 100.0 * got / rates[i]);
		say(what, got * 2 > rates[i] ? "ok" : "limited", detail);
	}
	pthread_sigmask(SIG_BLOCK, &prof, NULL);
	sigaction(SIGPROF, &old, NULL);
}

static void check_engines(void)
{
	enum et_engine best, e;

	if (et_engine_choose(ET_ENGINE_AUTO, &best, NULL) != 0)
		best = ET_ENGINE_ITIMER;
	for (int want = ET_ENGINE_PERF; want > ET_ENGINE_AUTO; want--) {
		struct et_err err = { 0 };
		bool is_there = et_engine_choose((enum et_engine)want, &e, &err) == 0;
		char what[40];

		snprintf(what, sizeof what, "CPU engine %s", et_snapshot_engine((uint32_t)want));
		say(what, is_there ? "ok" : "refused",
		    !is_there ? err.msg : want == (int)best ? "used unless --cpu-engine says otherwise" : "");
	}
}

static bool check_proc(void)
{
	struct et_proc_thread t;
	bool is_there = et_procfs_thread((int)gettid(), &t);

	say("/proc/self/task", is_there ? "ok" : "missing",
	    !is_there ? "thread states will be n/a: mount /proc"
	    : t.run_ns < 0 ? "no schedstat: running and runnable cannot be told apart"
			   : "thread states, run and wait times");
	return is_there;
}

static void check_unwinder(void)
{
	void *bt[64];
	char detail[80];
	int64_t begin;
	int n = backtrace(bt, 64);

	begin = et_clock_mono_ns();
	for (int i = 0; i < 1000; i++)
		n = backtrace(bt, 64);
	snprintf(detail, sizeof detail, "%d frames in %lld ns", n,
		 (long long)(et_clock_mono_ns() - begin) / 1000);
	say("backtrace()", n > 1 ? "ok" : "broken", detail);
}

static void check_terminal(void)
{
	const char *term = getenv("TERM");
	struct winsize ws;
	char detail[160];

	if (!isatty(STDOUT_FILENO)) {
		say("terminal", "none", "standard output is not one; 'engine-top run PRESET' needs none");
		return;
	}
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0)
		memset(&ws, 0, sizeof ws);
	snprintf(detail, sizeof detail, "TERM=%.40s, %ux%u, %s", term == NULL ? "(unset)" : term,
		 ws.ws_col, ws.ws_row, nl_langinfo(CODESET));
	say("terminal", term == NULL ? "unset" : "ok", detail);
}

static bool check_files(const char *name, const char *env)
{
	char dir[4096];
	bool is_there = et_datadir(name, env, dir, sizeof dir) == 0;

	say(name, is_there ? "ok" : "missing", is_there ? dir : "the shipped files are not installed");
	return is_there;
}

static int run(int argc, char **argv)
{
	struct utsname u;
	char detail[200];
	bool is_well;

	if (argc > 1)
		return et_cmd_usage(&et_cmd_doctor, "takes no arguments, got '%s'", argv[1]);
	uname(&u);
	snprintf(detail, sizeof detail, "%.60s %.60s, %ld processors", u.release, u.machine,
		 sysconf(_SC_NPROCESSORS_ONLN));
	say("machine", "ok", detail);
	check_engines();
	check_timer();
	check_unwinder();
	say("malloc interposition", et_hook_is_on() ? "ok" : "off",
	    et_hook_is_on() ? "heap by allocator and call site"
			    : "sanitizer build: glibc's heap is n/a, pools are counted");
	is_well = check_proc();
	check_terminal();
	is_well &= check_files("examples", "ENGINE_TOP_EXAMPLES");
	is_well &= check_files("themes", "ENGINE_TOP_THEMES");
	return is_well ? ET_EXIT_OK : ET_EXIT_LACK;
}

const struct et_cmd et_cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "say what this machine gives the profiler and the screen",
	.help = "",
	.run = run,
};
