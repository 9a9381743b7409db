/* SPDX-License-Identifier: Apache-2.0
 *
 * OCI image layouts (layout.h).  Runs on the thread that builds the image.
 *
 * Invariants, which make a kill at any moment harmless:
 * 1. `oci-layout` is made last: a directory with it has a whole index and blobs/sha256.
 * 2. index.json is replaced by rename, after the blobs that it names are durable.
 * 3. Whoever names blobs or removes them holds the lock (flock on the directory), so a blob that
 *    no index names yet is never taken for garbage. */
#include "engine/image/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/io.h"
#include "engine/image/blob.h"
#include "engine/image/layout_json.h"

#define TMP_PREFIX ".tmp-"
#define TMP_INDEX TMP_PREFIX "index.json"
#define LOCK_POLL_NS (10 * ET_NS_PER_MS)

static const char marker_text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
static const char empty_index[] =
	"{\"schemaVersion\":2,\"mediaType\":\"" ET_MT_INDEX "\",\"manifests\":[]}";

/* The disk's fault is the job's failure; the rest is a wrong directory. */
static int cannot(const struct et_layout *l, struct et_err *err, const char *what)
{
	bool is_disk = errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG ||
		       errno == ENOMEM || errno == EMFILE || errno == ENFILE;

	return et_err_sys(err, is_disk ? ET_EXIT_JOB : ET_EXIT_INPUT, errno, "cannot %s '%s'", what,
			  l->path);
}

static bool exists(const struct et_layout *l, const char *name)
{
	struct stat st;

	return fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- lock --------------------------------------------------------------------------------- */

int et_layout_lock(struct et_layout *l, struct et_progress *progress, struct et_err *err)
{
	struct timespec pause = { .tv_nsec = LOCK_POLL_NS };

	while (flock(l->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cannot(l, err, "lock");
		if (atomic_load(&progress->is_cancelled))
			return et_err_set(err, ET_EXIT_JOB, "cancelled");
		nanosleep(&pause, NULL);
	}
	return 0;
}

void et_layout_unlock(struct et_layout *l)
{
	flock(l->fd, LOCK_UN);
}

/* ---- making one --------------------------------------------------------------------------- */

/* Call fn for each name but . and ..; ends early and returns what fn returned if not 0. */
static int each_name(int dir_fd, int (*fn)(int dir_fd, const char *name))
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	int rc = 0, saved = errno;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		errno = saved;
		return -1;
	}
	while (rc == 0 && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = fn(dir_fd, d->d_name);
	saved = errno;
	closedir(dir);
	errno = saved;
	return rc;
}

static int is_any(int dir_fd, const char *name)
{
	(void)dir_fd;
	(void)name;
	return 1;
}

/* -1 and errno if it cannot be looked into, which is not the same as foreign. */
static int check_sub(int dir_fd, const char *name, int (*fn)(int dir_fd, const char *name))
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc, saved;

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? 1 : -1;
	rc = each_name(fd, fn);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

static int is_not_empty_sha256(int dir_fd, const char *name)
{
	return strcmp(name, "sha256") != 0 ? 1 : check_sub(dir_fd, name, is_any);
}

/* Not a part of a layout that was being made?  (lost+found: a fresh file system.) */
static int is_foreign(int dir_fd, const char *name)
{
	if (strcmp(name, "lost+found") == 0 || strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0)
		return 0;
	if (strcmp(name, "blobs") == 0)
		return check_sub(dir_fd, name, is_not_empty_sha256);
	if (strcmp(name, "index.json") == 0) {
		json_t *index = (errno = 0, et_layout_json_load(dir_fd, name, NULL, 0));
		bool is_empty = index != NULL &&
				json_array_size(json_object_get(index, "manifests")) == 0;

		if (index == NULL && (errno == EMFILE || errno == ENFILE))
			return -1;
		json_decref(index);
		return !is_empty;
	}
	return 1;
}

static int make_dirs(struct et_layout *l, struct et_err *err)
{
	if (mkdirat(l->fd, "blobs", 0777) != 0 && errno != EEXIST)
		return cannot(l, err, "make directory blobs in");
	if (mkdirat(l->fd, "blobs/sha256", 0777) != 0 && errno != EEXIST)
		return cannot(l, err, "make directory blobs/sha256 in");
	l->blobs_fd = openat(l->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->blobs_fd < 0 ? cannot(l, err, "open directory blobs/sha256 of") : 0;
}

static int make_layout(struct et_layout *l, struct et_err *err)
{
	int rc = each_name(l->fd, is_foreign);

	if (rc < 0)
		return cannot(l, err, "look into");
	if (rc > 0)
		return et_err_set(err, ET_EXIT_INPUT, "'%s' is not an OCI layout (it has no file "
				  "oci-layout) and not empty: give another directory", l->path);
	if (make_dirs(l, err) != 0)
		return -1;
	if (et_io_put_file(l->fd, "index.json", empty_index, sizeof empty_index - 1, 0) != 0 ||
	    et_io_put_file(l->fd, "oci-layout", marker_text, sizeof marker_text - 1, 0) != 0)
		return cannot(l, err, "make an OCI layout in");
	return 0;
}

/* ---- opening one -------------------------------------------------------------------------- */

static int check_marker(struct et_layout *l, struct et_err *err)
{
	char why[160];
	json_t *root = et_layout_json_load(l->fd, "oci-layout", why, sizeof why);
	const char *version = json_string_value(json_object_get(root, "imageLayoutVersion"));
	int rc = 0;

	if (root == NULL)
		rc = et_err_set(err, ET_EXIT_INPUT, "'%s' is not an OCI layout: %s", l->path, why);
	else if (version == NULL || strcmp(version, "1.0.0") != 0)
		rc = et_err_set(err, ET_EXIT_INPUT,
				"'%s' is an OCI layout of version '%.20s'; known is 1.0.0", l->path,
				version == NULL ? "(none)" : version);
	json_decref(root);
	return rc;
}

static json_t *load_index(struct et_layout *l, struct et_err *err)
{
	char why[160];
	json_t *index = et_layout_json_load(l->fd, "index.json", why, sizeof why);

	if (index != NULL && !json_is_array(json_object_get(index, "manifests"))) {
		json_decref(index);
		index = NULL;
		snprintf(why, sizeof why, "index.json has no list 'manifests'");
	}
	if (index == NULL)
		et_err_set(err, ET_EXIT_INPUT,
			   "the OCI layout '%s' is broken: %s; repair it or give another directory",
			   l->path, why);
	return index;
}

static int check_layout(struct et_layout *l, struct et_err *err)
{
	json_t *index;

	if (check_marker(l, err) != 0)
		return -1;
	index = load_index(l, err);
	if (index == NULL)
		return -1;
	json_decref(index);
	return make_dirs(l, err);
}

static int remove_tmp(int dir_fd, const char *name)
{
	if (strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0)
		unlinkat(dir_fd, name, 0);
	return 0;
}

/* Temporary names in the layout itself exist under the lock only: what we see here is left over. */
static void sweep(struct et_layout *l)
{
	each_name(l->fd, remove_tmp);
	et_blob_sweep(l->blobs_fd);
}

static int open_dir(struct et_layout *l, const struct stat *context, struct et_err *err)
{
	struct stat st;

	if (et_io_mkdirs(l->path) != 0)
		return cannot(l, err, "make directory");
	l->fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->fd < 0 || fstat(l->fd, &st) != 0)
		return cannot(l, err, "open directory");
	if (st.st_dev == context->st_dev && st.st_ino == context->st_ino)
		return et_err_set(err, ET_EXIT_INPUT,
				  "the image cannot go into the directory that it is made of "
				  "('%s'): give another one after -t oci:", l->path);
	return 0;
}

int et_layout_open(struct et_layout *l, const char *path, const struct stat *context,
		   struct et_progress *progress, struct et_err *err)
{
	int rc;

	*l = (struct et_layout){ .path = path, .fd = -1, .blobs_fd = -1 };
	if (open_dir(l, context, err) != 0 || et_layout_lock(l, progress, err) != 0) {
		et_layout_close(l);
		return -1;
	}
	rc = exists(l, "oci-layout") ? check_layout(l, err) : make_layout(l, err);
	if (rc == 0)
		sweep(l);
	et_layout_unlock(l);
	if (rc != 0)
		et_layout_close(l);
	return rc;
}

void et_layout_close(struct et_layout *l)
{
	if (l->blobs_fd >= 0)
		close(l->blobs_fd);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct et_layout)ET_LAYOUT_CLOSED;
}

/* ---- the index ---------------------------------------------------------------------------- */

/* Complete and durable before it has any name; the temporary name lives for one rename. */
static int replace_index(struct et_layout *l, const char *text, size_t n)
{
	char proc[64];
	int fd = openat(l->fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	int rc = -1, saved;

	if (fd < 0)
		return et_io_put_file(l->fd, "index.json", text, n, 1);
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	if (et_io_write_all(fd, text, n) == 0 && fsync(fd) == 0 &&
	    linkat(AT_FDCWD, proc, l->fd, TMP_INDEX, AT_SYMLINK_FOLLOW) == 0)
		rc = renameat(l->fd, TMP_INDEX, l->fd, "index.json");
	saved = errno;
	close(fd);
	if (rc != 0)
		unlinkat(l->fd, TMP_INDEX, 0);
	errno = saved;
	if (rc != 0 && errno == ENOENT) /* no /proc */
		return et_io_put_file(l->fd, "index.json", text, n, 1);
	return rc == 0 ? fsync(l->fd) : -1;
}

int et_layout_set_tag(struct et_layout *l, const char *tag, const char *digest, uint64_t size,
		      struct et_err *err)
{
	json_t *index = load_index(l, err);
	char *text = NULL;
	int rc = -1;

	if (index == NULL)
		return -1;
	if (et_layout_json_set_tag(index, tag, digest, size) == 0)
		text = json_dumps(index, JSON_COMPACT);
	if (fsync(l->blobs_fd) != 0 && errno != EINVAL) /* EINVAL: this file system cannot */
		et_err_sys(err, ET_EXIT_JOB, errno, "cannot write the blobs of '%s'", l->path);
	else if (text == NULL)
		et_err_set(err, ET_EXIT_LACK, "out of memory for the index of '%s'", l->path);
	else if (replace_index(l, text, strlen(text)) != 0)
		et_err_sys(err, ET_EXIT_JOB, errno, "cannot write index.json of '%s'", l->path);
	else
		rc = 0;
	free(text);
	json_decref(index);
	return rc;
}

/* ---- garbage ------------------------------------------------------------------------------ */

static bool is_digest_name(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static int remove_unreached(struct et_layout *l, const json_t *reached)
{
	int fd = openat(l->blobs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((d = readdir(dir)) != NULL)
		if (is_digest_name(d->d_name) && json_object_get(reached, d->d_name) == NULL)
			unlinkat(l->blobs_fd, d->d_name, 0);
	closedir(dir);
	return 0;
}

int et_layout_collect(struct et_layout *l, struct et_err *err)
{
	json_t *index = load_index(l, err);
	json_t *reached = json_object();
	int rc = index == NULL || reached == NULL ? -1 : 0;

	if (rc == 0 && et_layout_json_reach(l->blobs_fd, index, reached) == 0 &&
	    remove_unreached(l, reached) != 0)
		rc = cannot(l, err, "clean");
	json_decref(index);
	json_decref(reached);
	return rc;
}
