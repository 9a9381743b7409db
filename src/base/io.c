/* SPDX-License-Identifier: Apache-2.0
 *
 * The leaf that touches the file system (io.h).  No state. */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_WAIT_MS 5000

int et_io_write_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* read(2) that waits for a pipe's writer, but not for ever: whoever reads a preset has the signals
 * blocked that would end the wait. */
static ssize_t read_some(int fd, void *buf, size_t n)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t r = read(fd, buf, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r >= 0 || errno != EAGAIN)
			return r;
		if (poll(&p, 1, PIPE_WAIT_MS) == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

static int read_open_file(int fd, const char *path, size_t limit, char **out, size_t *n,
			  struct et_err *err)
{
	size_t used = 0, room = 1 << 16;
	char *buf = malloc(room + 1);

	while (buf != NULL) {
		ssize_t r = read_some(fd, buf + used, room - used);

		if (r < 0) {
			et_err_sys(err, ET_EXIT_INPUT, errno, "cannot read '%s'", path);
			break;
		}
		used += (size_t)r;
		if (used > limit) {
			et_err_set(err, ET_EXIT_INPUT, "'%s' is larger than %zu bytes", path, limit);
			break;
		}
		if (r == 0) {
			buf[used] = '\0';
			*out = buf;
			*n = used;
			return 0;
		}
		if (used == room) {
			char *more = realloc(buf, room * 2 + 1);

			if (more == NULL)
				break;
			buf = more;
			room *= 2;
		}
	}
	free(buf);
	return et_err_set(err, ET_EXIT_LACK, "out of memory reading '%s'", path);
}

int et_io_read_file(const char *path, size_t limit, char **out, size_t *n, struct et_err *err)
{
	/* O_NONBLOCK: a FIFO without a writer is an empty file */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int rc;

	if (fd < 0)
		return et_err_sys(err, ET_EXIT_INPUT, errno, "cannot open '%s'", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		rc = et_err_set(err, ET_EXIT_INPUT, "'%s' is a directory, not a file", path);
	else
		rc = read_open_file(fd, path, limit, out, n, err);
	close(fd);
	return rc;
}

static int put_linked(int dirfd, const char *name, const void *buf, size_t n)
{
	char proc[64];
	int fd = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	int rc = -1;

	if (fd < 0)
		return -1;
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	if (et_io_write_all(fd, buf, n) == 0 && fsync(fd) == 0)
		rc = linkat(AT_FDCWD, proc, dirfd, name, AT_SYMLINK_FOLLOW);
	if (rc != 0 && errno == EEXIST)
		rc = 0;
	close(fd);
	return rc;
}

/* A new file under a name of its own: other threads may be putting the same name, and a killed
 * process with our pid may have left one. */
static int open_temporary(int dirfd, const char *name, char *tmp, size_t n)
{
	int fd = -1;

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(tmp, n, ".tmp-%d-%u-%.200s", (int)getpid(), i, name);
		fd = openat(dirfd, tmp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd;
}

/* Give `tmp` its name.  Without `replace` a file of that name stays, and that is success. */
static int name_it(int dirfd, const char *tmp, const char *name, int replace)
{
	int rc;

	if (replace)
		return renameat(dirfd, tmp, dirfd, name);
	rc = renameat2(dirfd, tmp, dirfd, name, RENAME_NOREPLACE);
	if (rc != 0 && errno == EINVAL) { /* not known to this file system, as NFS */
		rc = linkat(dirfd, tmp, dirfd, name, 0);
		if (rc == 0)
			unlinkat(dirfd, tmp, 0);
	}
	if (rc == 0 || errno != EEXIST)
		return rc;
	return unlinkat(dirfd, tmp, 0);
}

static int put_renamed(int dirfd, const char *name, const void *buf, size_t n, int replace)
{
	char tmp[NAME_MAX + 1];
	int fd, rc = -1, saved;

	fd = open_temporary(dirfd, name, tmp, sizeof tmp);
	if (fd < 0)
		return -1;
	if (et_io_write_all(fd, buf, n) == 0 && fsync(fd) == 0)
		rc = name_it(dirfd, tmp, name, replace);
	saved = errno;
	close(fd);
	if (rc != 0)
		unlinkat(dirfd, tmp, 0);
	errno = saved;
	return rc;
}

int et_io_put_file(int dirfd, const char *name, const void *buf, size_t n, int replace)
{
	int rc = -1;

	if (!replace) {
		rc = put_linked(dirfd, name, buf, n);
		if (rc != 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
			return rc;
	}
	if (rc != 0)
		rc = put_renamed(dirfd, name, buf, n, replace);
	if (rc == 0)
		(void)fsync(dirfd); /* the name itself; not every file system can */
	return rc;
}

int et_io_mkdirs(const char *path)
{
	char buf[PATH_MAX];
	struct stat st;

	if (path[0] == '\0' || strlen(path) >= sizeof buf) {
		errno = path[0] == '\0' ? ENOENT : ENAMETOOLONG;
		return -1;
	}
	strcpy(buf, path);
	for (char *p = buf + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(buf, 0777) != 0 && errno != EEXIST)
			return -1;
		*p = '/';
	}
	if (mkdir(buf, 0777) == 0)
		return 0;
	if (errno == EEXIST && stat(buf, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	return errno == EEXIST ? 0 : -1;
}

static int rmtree_below(int fd, dev_t dev);

/* One entry of a directory: 0, or the errno of what is in the way. */
static int rm_entry(int dirfd, const char *name, dev_t dev)
{
	struct stat st;
	int sub;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM) /* EPERM: how POSIX says that it is a directory */
		return errno;
	sub = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return errno == ENOTDIR ? EPERM : errno;
	if (fstat(sub, &st) != 0 || st.st_dev != dev) {
		close(sub);
		return EXDEV;
	}
	if (rmtree_below(sub, dev) != 0 || unlinkat(dirfd, name, AT_REMOVEDIR) != 0)
		return errno;
	return 0;
}

/* Takes fd.  Removes all it can; -1 and the errno of the first thing that it could not. */
static int rmtree_below(int fd, dev_t dev)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *e;
	int first = 0;

	if (dir == NULL) {
		first = errno;
		close(fd);
		errno = first;
		return -1;
	}
	while ((e = readdir(dir)) != NULL) {
		int why = 0;

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			why = rm_entry(dirfd(dir), e->d_name, dev);
		first = first != 0 ? first : why;
	}
	closedir(dir);
	errno = first;
	return first == 0 ? 0 : -1;
}

int et_io_rmtree(int dirfd, const char *name)
{
	struct stat st;
	int why, fd;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	why = errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		errno = why;
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) != 0) {
		close(fd);
		return -1;
	}
	if (rmtree_below(fd, st.st_dev) != 0)
		return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR);
}

int et_io_tmpdir(const char *prefix, char *path, size_t n)
{
	const char *base = getenv("TMPDIR");

	if (base == NULL || base[0] == '\0')
		base = "/tmp";
	if ((size_t)snprintf(path, n, "%s/%s.%d.XXXXXX", base, prefix, (int)getpid()) >= n) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mkdtemp(path) == NULL ? -1 : 0;
}

bool et_io_can_write(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			errno = EISDIR;
		return !S_ISDIR(st.st_mode) && access(path, W_OK) == 0;
	}
	if (errno != ENOENT || path[0] == '\0' || strlen(path) >= sizeof folder)
		return false;
	snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
		 slash == NULL ? "." : path);
	return access(folder, W_OK | X_OK) == 0;
}
