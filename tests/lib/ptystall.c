/* SPDX-License-Identifier: Apache-2.0
 *
 * ptystall MS CMD [ARG...]: run CMD on a terminal of 120x40 whose reader stops: read until the
 * first 2,000 bytes have come, then nothing for MS milliseconds, in which ^L is typed fifty times a
 * second (each is a whole frame); then send SIGTERM, still without reading, and say how CMD ended.
 * Exit 0 if it ended by SIGTERM within five seconds. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int read_bytes(int fd, size_t want)
{
	char buf[512];

	while (want > 0) {
		ssize_t n = read(fd, buf, sizeof buf);

		if (n <= 0)
			return -1;
		want -= (size_t)n < want ? (size_t)n : want;
	}
	return 0;
}

/* What is not read fills the terminal's buffer; returns the bytes that wait in it. */
static int stall(int fd, int ms)
{
	int waiting = 0;

	for (int at = 0; at < ms; at += 20) {
		if (write(fd, "\f", 1) != 1)
			return -1;
		poll(NULL, 0, 20);
	}
	return ioctl(fd, FIONREAD, &waiting) == 0 ? waiting : -1;
}

static int wait_end(pid_t pid, int *status)
{
	for (int i = 0; i < 500; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return 0;
		poll(NULL, 0, 10);
	}
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return -1;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 40, .ws_col = 120 };
	int fd, status;
	pid_t pid;

	if (argc < 3)
		return 2;
	pid = forkpty(&fd, NULL, NULL, &size);
	if (pid < 0)
		return 3;
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (read_bytes(fd, 2000) != 0) {
		fprintf(stderr, "ptystall: it wrote less than 2,000 bytes\n");
		return 1;
	}
	fprintf(stderr, "ptystall: %d bytes wait to be read\n", stall(fd, atoi(argv[1])));
	kill(pid, SIGTERM);
	if (wait_end(pid, &status) != 0) {
		fprintf(stderr, "ptystall: it did not end within five seconds\n");
		return 1;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)
		return 0;
	fprintf(stderr, "ptystall: it ended with status %#x\n", (unsigned)status);
	return 1;
}
