/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores on disk (store.h, invariants 1 to 3).  No state but the caller's struct.
 *
 * flock, not a pid file: the kernel lets go of it however the session ends, and a pid may belong
 * to another container that shares /tmp. */
#include "engine/build/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

#define PREFIX "engine-top-store."
#define UNBORN ".engine-top-new."
#define UNBORN_SECONDS 3600 /* nobody needs an hour from mkdtemp to rename */
#define LOCK_NAME ".lock"

static const char *tmp_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir == NULL || dir[0] == '\0' ? "/tmp" : dir;
}

/* Open and lock DIR/.lock; -1 with errno (EWOULDBLOCK: somebody has it). */
static int lock_in(int dir, int flags)
{
	int fd = openat(dir, LOCK_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	errno = EWOULDBLOCK;
	return -1;
}

/* ---- what killed sessions left ------------------------------------------------------------ */

static bool is_mine(int top, const char *name, struct stat *st)
{
	return fstatat(top, name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st->st_mode) &&
	       st->st_uid == geteuid();
}

/* A store whose lock can be had, or that has none any more (killed while it was removed). */
static bool is_stale(int top, const char *name)
{
	int dir = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool is_free;
	int fd;

	if (dir < 0)
		return false;
	fd = lock_in(dir, 0);
	is_free = fd >= 0 || errno == ENOENT;
	if (fd >= 0)
		close(fd);
	close(dir);
	return is_free;
}

static void remove_stale(const char *where)
{
	DIR *dir = opendir(where);
	struct dirent *e;
	struct stat st;

	if (dir == NULL)
		return; /* making the store will say what is wrong */
	while ((e = readdir(dir)) != NULL) {
		bool is_store = strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) == 0;
		bool is_unborn = strncmp(e->d_name, UNBORN, sizeof UNBORN - 1) == 0;

		if ((!is_store && !is_unborn) || !is_mine(dirfd(dir), e->d_name, &st))
			continue;
		if (is_store ? is_stale(dirfd(dir), e->d_name)
			     : st.st_mtim.tv_sec < time(NULL) - UNBORN_SECONDS)
			et_io_rmtree(dirfd(dir), e->d_name);
	}
	closedir(dir);
}

/* ---- making ------------------------------------------------------------------------------- */

static int lock_dir(struct et_store *s, const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -1;
	s->lock_fd = lock_in(dir, O_CREAT);
	close(dir);
	return s->lock_fd < 0 ? -1 : 0;
}

/* TMP/.engine-top-new.XXXXXX, locked, becomes TMP/engine-top-store.PID.XXXXXX. */
static int make_private(struct et_store *s, const char *where)
{
	char unborn[PATH_MAX];
	int n;

	if ((size_t)snprintf(unborn, sizeof unborn, "%s/%sXXXXXX", where, UNBORN) >=
	    sizeof unborn) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (mkdtemp(unborn) == NULL)
		return -1;
	n = snprintf(s->path, sizeof s->path, "%s/%s%d.%s", where, PREFIX, (int)getpid(),
		     unborn + strlen(unborn) - 6);
	errno = ENAMETOOLONG;
	if ((size_t)n < sizeof s->path && lock_dir(s, unborn) == 0 && rename(unborn, s->path) == 0)
		return 0;
	n = errno;
	et_io_rmtree(AT_FDCWD, unborn);
	errno = n;
	return -1;
}

static int open_private(struct et_store *s, struct et_err *err)
{
	char where[PATH_MAX];

	if (realpath(tmp_dir(), where) == NULL)
		return et_err_sys(err, ET_EXIT_INPUT, errno, "no place for a private store: '%s'",
				  tmp_dir());
	remove_stale(where);
	if (make_private(s, where) != 0)
		return et_err_sys(err, ET_EXIT_JOB, errno, "cannot make a private store in '%s'",
				  where);
	return 0;
}

static int open_kept(struct et_store *s, const char *kept, struct et_err *err)
{
	if (et_io_mkdirs(kept) != 0 || realpath(kept, s->path) == NULL)
		return et_err_sys(err, ET_EXIT_INPUT, errno, "cannot make the store '%s'", kept);
	if (lock_dir(s, s->path) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return et_err_set(err, ET_EXIT_INPUT,
				  "the store '%s' is in use by another engine-top; wait for it, or "
				  "name another store", kept);
	return et_err_sys(err, ET_EXIT_INPUT, errno, "cannot lock the store '%s'", kept);
}

int et_store_open(struct et_store *s, const char *kept, struct et_err *err)
{
	int rc;

	*s = (struct et_store){ .is_private = kept == NULL, .lock_fd = -1 };
	rc = kept == NULL ? open_private(s, err) : open_kept(s, kept, err);
	if (rc != 0 && s->lock_fd >= 0) {
		close(s->lock_fd);
		s->lock_fd = -1;
	}
	return rc;
}

void et_store_close(struct et_store *s)
{
	if (s->lock_fd < 0)
		return;
	if (s->is_private)
		et_io_rmtree(AT_FDCWD, s->path);
	close(s->lock_fd);
	s->lock_fd = -1;
}

int et_store_tree(const struct et_store *s, const char *name, char *out, size_t n)
{
	return (size_t)snprintf(out, n, "%s/generated/%s", s->path, name) < n ? 0 : -1;
}
