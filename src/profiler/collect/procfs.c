/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading /proc (procfs.h).  Collector thread; a few microseconds a file. */
#include "profiler/collect/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static bool slurp(const char *path, char *buf, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r;

	if (fd < 0)
		return false;
	r = read(fd, buf, n - 1);
	close(fd);
	if (r <= 0)
		return false;
	buf[r] = '\0';
	return true;
}

char et_procfs_parse_stat(const char *text)
{
	const char *paren = strrchr(text, ')');

	return paren != NULL && paren[1] == ' ' ? paren[2] : '\0';
}

bool et_procfs_thread(int tid, struct et_proc_thread *out)
{
	char path[64], text[512];
	long long run, delay;

	*out = (struct et_proc_thread){ .syscall_nr = -1, .run_ns = -1, .delay_ns = -1 };
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	if (!slurp(path, text, sizeof text))
		return false;
	out->state = et_procfs_parse_stat(text);
	snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", tid);
	if (slurp(path, text, sizeof text) && sscanf(text, "%lld %lld", &run, &delay) == 2) {
		out->run_ns = run;
		out->delay_ns = delay;
	}
	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
	if (out->state != 'R' && slurp(path, text, sizeof text))
		sscanf(text, "%d", &out->syscall_nr);
	return out->state != '\0';
}

enum et_wait et_procfs_wait(int nr)
{
	static const int io[] = {
		SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_preadv,
		SYS_pwritev, SYS_preadv2, SYS_pwritev2, SYS_fsync, SYS_fdatasync, SYS_openat,
		SYS_close, SYS_ppoll, SYS_pselect6, SYS_epoll_pwait, SYS_recvfrom, SYS_recvmsg,
		SYS_sendto, SYS_sendmsg, SYS_accept, SYS_accept4, SYS_connect, SYS_getdents64,
		SYS_linkat, SYS_renameat2, SYS_unlinkat, SYS_mkdirat, SYS_newfstatat, SYS_statx,
		SYS_ftruncate, SYS_fallocate, SYS_copy_file_range, SYS_sendfile, SYS_splice,
		SYS_sync_file_range, SYS_syncfs, SYS_symlinkat, SYS_fchmodat, SYS_fchownat,
		SYS_utimensat,
#ifdef SYS_poll
		SYS_poll, SYS_select, SYS_epoll_wait, SYS_open, SYS_rename, SYS_unlink, SYS_mkdir,
		SYS_link, SYS_symlink, SYS_rmdir, SYS_stat, SYS_lstat,
#endif
	};

	if (nr == SYS_futex)
		return ET_WAIT_FUTEX;
	if (nr == SYS_nanosleep || nr == SYS_clock_nanosleep)
		return ET_WAIT_SLEEP;
	for (size_t i = 0; i < sizeof io / sizeof io[0]; i++)
		if (io[i] == nr)
			return ET_WAIT_IO;
	return ET_WAIT_OTHER;
}

int64_t et_procfs_thread_cpu_ns(int tid)
{
	/* the kernel's encoding of "scheduler clock of thread tid", as pthread_getcpuclockid(3)
	 * computes it, for a thread of which we know only the id */
	clockid_t clock = (clockid_t)((~(unsigned)tid << 3) | 6u);
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		return -1;
	return (int64_t)ts.tv_sec * ET_NS_PER_S + ts.tv_nsec;
}

int64_t et_procfs_rss(void)
{
	char text[128];
	long long size, resident;

	if (!slurp("/proc/self/statm", text, sizeof text) ||
	    sscanf(text, "%lld %lld", &size, &resident) != 2)
		return -1;
	return resident * sysconf(_SC_PAGESIZE);
}
