/* SPDX-License-Identifier: Apache-2.0
 *
 * Give the terminal back when the program crashes.  Layer: tui. */
#ifndef ET_TUI_CRASH_H
#define ET_TUI_CRASH_H

#include <stddef.h>
#include <termios.h>

#define ET_CRASH_BYTES 256

/* From now on a SIGSEGV, SIGBUS, SIGABRT, SIGFPE or SIGILL of any thread writes `bytes` to fd,
 * restores its termios, says so in one line on stderr, and then ends the process as it would have
 * ended without us.  ui thread. */
void et_crash_arm(int fd, const char *bytes, size_t n, const struct termios *termios);
/* The terminal has been restored in order: handlers as they were before. */
void et_crash_disarm(void);

#endif
