/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel says of this process and of one thread of it.  Parsing is pure, so that it is
 * tested on texts.  Layer: profiler/collect. */
#ifndef ET_COLLECT_PROCFS_H
#define ET_COLLECT_PROCFS_H

#include <stdbool.h>
#include <stdint.h>

struct et_proc_thread {
	char state;        /* R, S, D, T, Z, ... of /proc/self/task/TID/stat */
	int syscall_nr;    /* of .../syscall; -1: running, or not told */
	int64_t run_ns;    /* .../schedstat: on a CPU; -1: not told */
	int64_t delay_ns;  /* .../schedstat: ready, waiting for a CPU */
};

/* False if the thread is gone or /proc does not answer.
 * [own] none   [thr] collector   [sig] no   [err] false */
bool et_procfs_thread(int tid, struct et_proc_thread *out);

/* State letter of a stat line: the name in parentheses may hold anything, even ") R".
 * [own] none   [thr] any   [sig] no   [err] 0 */
char et_procfs_parse_stat(const char *text);

/* What kind of wait a system call is. */
enum et_wait { ET_WAIT_FUTEX, ET_WAIT_IO, ET_WAIT_SLEEP, ET_WAIT_OTHER };
enum et_wait et_procfs_wait(int syscall_nr);

/* CPU time of a live thread of this process, exact; -1 if it is gone. */
int64_t et_procfs_thread_cpu_ns(int tid);

/* Resident bytes of this process; -1 if /proc does not answer. */
int64_t et_procfs_rss(void);

#endif
