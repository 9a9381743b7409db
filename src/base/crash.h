/* SPDX-License-Identifier: Apache-2.0
 *
 * One line when the program crashes, and the terminal given back if it was ours.  Layer: base. */
#ifndef ET_BASE_CRASH_H
#define ET_BASE_CRASH_H

#include <stddef.h>
#include <termios.h>

#define ET_CRASH_BYTES 256

/* From now on a SIGSEGV, SIGBUS, SIGABRT, SIGFPE or SIGILL of any thread is reported in one line
 * on stderr, and then ends the process as it would have ended without us.  Main thread, once,
 * before other threads begin. */
void et_crash_install(void);

/* The terminal is ours: a crash writes `bytes` to fd and restores its termios before the line.
 * Replaces an earlier call's.  ui thread. */
void et_crash_terminal(int fd, const char *bytes, size_t n, const struct termios *termios);
/* The terminal has been restored in order. */
void et_crash_no_terminal(void);

#endif
