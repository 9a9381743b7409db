/* SPDX-License-Identifier: Apache-2.0
 *
 * The one way a fallible function says what went wrong: a code that is also an exit status, and
 * one line for a person.  Lives on the caller's stack, never allocates.
 *
 * Layer: include/ (anyone may use it).  Contract tags used in every header here:
 *   [own] who owns what is passed or returned   [thr] which thread may call
 *   [sig] may it run in a signal handler        [err] how it fails
 */
#ifndef ENGINE_TOP_ERR_H
#define ENGINE_TOP_ERR_H

/* Exit statuses of the command line (docs: engine-top(1), EXIT STATUS). */
enum et_exit {
	ET_EXIT_OK = 0,    /* done */
	ET_EXIT_JOB = 1,   /* the job itself failed: a build failed, the disk was full */
	ET_EXIT_INPUT = 2, /* bad usage or bad input: flag, YAML, recording, terminal */
	ET_EXIT_LACK = 3,  /* this machine lacks something; the message says what */
};

struct et_err {
	enum et_exit code; /* ET_EXIT_OK while nothing failed */
	int sys_errno;     /* errno of the failing call, 0 if none */
	char msg[1000];    /* one line, no trailing newline, no program name */
};

/* Fill *err (if not NULL and still empty: the first cause wins) with a formatted line.  Control
 * characters are escaped as \xNN, so that a hostile file name cannot reach the terminal.
 * Returns -1 always, so that `return et_err_set(...)` reads well.
 * [own] none   [thr] any   [sig] no   [err] never */
int et_err_set(struct et_err *err, enum et_exit code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Same, and append ": " and strerror(errno_value).
 * [own] none   [thr] any   [sig] no   [err] never */
int et_err_sys(struct et_err *err, enum et_exit code, int errno_value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Forget a failure, so that *err can be used again.
 * [own] none   [thr] any   [sig] no   [err] never */
void et_err_clear(struct et_err *err);

#endif
