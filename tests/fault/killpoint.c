/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded by image_kill.t: counts the calls that change a file system and, at number
 * $KILL_AT, kills the process before the call; with $KILL_AT=0 prints the count at exit. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long n_calls;

static void point(void)
{
	const char *at = getenv("KILL_AT");

	if (at != NULL && atomic_fetch_add(&n_calls, 1) + 1 == atol(at))
		kill(getpid(), SIGKILL);
}

__attribute__((destructor)) static void report(void)
{
	const char *to = getenv("KILL_COUNT");
	FILE *f = to == NULL ? NULL : fopen(to, "w");

	if (f == NULL)
		return;
	fprintf(f, "%ld\n", atomic_load(&n_calls));
	fclose(f);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int mkdir(const char *path, mode_t mode)
{
	point();
	return REAL(mkdir)(path, mode);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
	point();
	return REAL(mkdirat)(fd, path, mode);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	point();
	return REAL(write)(fd, buf, n);
}

int fsync(int fd)
{
	point();
	return REAL(fsync)(fd);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	point();
	return REAL(linkat)(from_fd, from, to_fd, to, flags);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	point();
	return REAL(renameat)(from_fd, from, to_fd, to);
}

int unlinkat(int fd, const char *path, int flags)
{
	point();
	return REAL(unlinkat)(fd, path, flags);
}
