/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler of fatal signals.  It runs on whatever thread crashed and calls only what
 * signal-safety(7) allows (write, tcsetattr, sigaction, raise) and two plain system calls for the
 * thread's name and id.  Everything it needs is prepared beforehand.
 *
 * It must not hide the crash: it reinstates the handler that was there before (a sanitizer's, or
 * the default) and lets the same signal come again, so that the exit status, the core file and
 * the sanitizer's report are those of the crash. */
#include "base/crash.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { int signo; const char *name; } fatal[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGABRT, "SIGABRT" },
	{ SIGFPE, "SIGFPE" },   { SIGILL, "SIGILL" },
};
#define N_FATAL (sizeof fatal / sizeof fatal[0])

/* Global because a signal handler gets no argument of ours.  The terminal's part is written while
 * has_terminal is false. */
static struct {
	struct sigaction before[N_FATAL];
	atomic_bool has_terminal;
	int fd;
	char bytes[ET_CRASH_BYTES];
	size_t n;
	struct termios termios;
} crash;
static atomic_flag is_reported = ATOMIC_FLAG_INIT;

static void write_all(int fd, const char *bytes, size_t n)
{
	int tries = 0;

	while (n > 0 && tries < 20) {
		ssize_t w = write(fd, bytes, n);

		if (w > 0) {
			bytes += w;
			n -= (size_t)w;
		} else if (w < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 10);
			tries++;
		} else if (w < 0 && errno != EINTR) {
			return;
		}
	}
}

static size_t add(char *line, size_t at, size_t room, const char *text)
{
	while (*text != '\0' && at + 1 < room)
		line[at++] = *text++;
	return at;
}

static size_t add_number(char *line, size_t at, size_t room, long v)
{
	char digits[24];
	size_t i = sizeof digits - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return add(line, at, room, digits + i);
}

static void report(const char *signal_name, bool is_restored)
{
	char line[160], thread[17] = "?";
	size_t at = 0, room = sizeof line;

	prctl(PR_GET_NAME, thread);
	for (char *p = thread; *p != '\0'; p++) /* a name is foreign text */
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	at = add(line, at, room, "engine-top: crashed: ");
	at = add(line, at, room, signal_name);
	at = add(line, at, room, " in thread ");
	at = add(line, at, room, thread);
	at = add(line, at, room, " (tid ");
	at = add_number(line, at, room, syscall(SYS_gettid));
	at = add(line, at, room, is_restored ? "); the terminal was restored\n" : ")\n");
	write_all(STDERR_FILENO, line, at);
}

static void on_crash(int signo, siginfo_t *info, void *context)
{
	size_t i = 0;

	(void)info;
	(void)context;
	while (i + 1 < N_FATAL && fatal[i].signo != signo)
		i++;
	if (!atomic_flag_test_and_set(&is_reported)) {
		bool is_ours = atomic_load(&crash.has_terminal);

		if (is_ours) {
			write_all(crash.fd, crash.bytes, crash.n);
			tcsetattr(crash.fd, TCSANOW, &crash.termios);
		}
		report(fatal[i].name, is_ours);
	}
	sigaction(signo, &crash.before[i], NULL);
	raise(signo); /* blocked until we return; a fault would come again anyway, a kill would not */
}

void et_crash_install(void)
{
	struct sigaction sa = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < N_FATAL; i++)
		sigaction(fatal[i].signo, &sa, &crash.before[i]);
}

void et_crash_terminal(int fd, const char *bytes, size_t n, const struct termios *termios)
{
	atomic_store(&crash.has_terminal, false);
	crash.fd = fd;
	crash.n = n < sizeof crash.bytes ? n : 0;
	memcpy(crash.bytes, bytes, crash.n);
	crash.termios = *termios;
	atomic_store(&crash.has_terminal, true);
}

void et_crash_no_terminal(void)
{
	atomic_store(&crash.has_terminal, false);
}
