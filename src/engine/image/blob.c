/* SPDX-License-Identifier: Apache-2.0
 *
 * Blobs of an OCI layout (blob.h).  Runs on the thread that builds the image.
 *
 * Invariants, which make a kill at any moment harmless:
 * 1. A name in blobs/sha256 that is a digest has complete, durable contents of that digest:
 *    write, fsync, only then linkat (or rename).
 * 2. Without O_TMPFILE the bytes stand under a name that begins with a dot, and its writer holds
 *    a lock on it: who can take that lock knows that the writer is dead and may remove it. */
#include "engine/image/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define TMP_PREFIX ".tmp-"

/* A layout that we may not write to is a wrong one; the rest is the disk's fault. */
static int cannot_write(const struct et_blob *b, struct et_err *err)
{
	bool is_forbidden = errno == EACCES || errno == EPERM || errno == EROFS;

	return et_err_sys(err, is_forbidden ? ET_EXIT_INPUT : ET_EXIT_JOB, errno,
			  "cannot write a blob to '%s'", b->where);
}

static int cannot_hash(struct et_err *err)
{
	return et_err_set(err, ET_EXIT_LACK,
			  "cannot compute SHA-256: OpenSSL refuses (no memory, or switched off "
			  "by its configuration)");
}

EVP_MD_CTX *et_blob_sha256(struct et_err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	cannot_hash(err);
	return NULL;
}

int et_blob_hex(EVP_MD_CTX *ctx, char *digest, struct et_err *err)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n;

	if (EVP_DigestFinal_ex(ctx, md, &n) != 1)
		return cannot_hash(err);
	memcpy(digest, "sha256:", 7);
	digest += 7;
	for (unsigned i = 0; i < n; i++) {
		*digest++ = hex[md[i] >> 4];
		*digest++ = hex[md[i] & 15];
	}
	*digest = '\0';
	return 0;
}

/* A temporary name that is ours, locked; the layout may be swept by others at the same time, so
 * a name that lost its file before it was locked is tried again. */
static int open_named(struct et_blob *b)
{
	for (unsigned i = 0; i < 1000; i++) {
		struct stat st;

		snprintf(b->tmp, sizeof b->tmp, TMP_PREFIX "%d-%u", (int)getpid(), i);
		b->fd = openat(b->dir_fd, b->tmp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
		if (b->fd < 0 && errno == EEXIST)
			continue;
		if (b->fd < 0)
			break;
		if (flock(b->fd, LOCK_EX | LOCK_NB) == 0 && fstat(b->fd, &st) == 0 &&
		    st.st_nlink == 1)
			return 0;
		close(b->fd);
		b->fd = -1;
	}
	b->tmp[0] = '\0';
	return -1;
}

static bool is_tmpfile_unknown(int errno_value)
{
	return errno_value == EOPNOTSUPP || errno_value == EISDIR || errno_value == EINVAL ||
	       errno_value == ENOENT;
}

int et_blob_begin(struct et_blob *b, const char *where, int dir_fd, bool is_named,
		  struct et_err *err)
{
	*b = (struct et_blob){ .where = where, .dir_fd = dir_fd, .fd = -1 };
	b->sha = et_blob_sha256(err);
	if (b->sha == NULL)
		return -1;
	if (!is_named)
		b->fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	if (b->fd < 0 && (is_named || is_tmpfile_unknown(errno)))
		open_named(b);
	return b->fd < 0 ? cannot_write(b, err) : 0;
}

int et_blob_write(struct et_blob *b, const void *buf, size_t n, struct et_err *err)
{
	if (et_io_write_all(b->fd, buf, n) != 0)
		return cannot_write(b, err);
	if (EVP_DigestUpdate(b->sha, buf, n) != 1)
		return cannot_hash(err);
	b->n += n;
	return 0;
}

int et_blob_mark(const struct et_blob *b, struct et_blob_mark *mark, struct et_err *err)
{
	if (mark->sha == NULL)
		mark->sha = EVP_MD_CTX_new();
	if (mark->sha == NULL || EVP_MD_CTX_copy_ex(mark->sha, b->sha) != 1)
		return cannot_hash(err);
	mark->n = b->n;
	return 0;
}

int et_blob_rewind(struct et_blob *b, const struct et_blob_mark *mark, struct et_err *err)
{
	if (EVP_MD_CTX_copy_ex(b->sha, mark->sha) != 1)
		return cannot_hash(err);
	if (ftruncate(b->fd, (off_t)mark->n) != 0 || lseek(b->fd, (off_t)mark->n, SEEK_SET) < 0)
		return cannot_write(b, err);
	b->n = mark->n;
	return 0;
}

void et_blob_mark_fini(struct et_blob_mark *mark)
{
	EVP_MD_CTX_free(mark->sha);
	mark->sha = NULL;
}

int et_blob_finish(struct et_blob *b, struct et_err *err)
{
	if (et_blob_hex(b->sha, b->digest, err) != 0)
		return -1;
	return fsync(b->fd) == 0 ? 0 : cannot_write(b, err);
}

/* Is there a blob of this name that can be the same?  One that was cut short by a dying file
 * system is removed, so that ours takes its place. */
static bool is_there(const struct et_blob *b, const char *name)
{
	struct stat st;

	if (fstatat(b->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == b->n)
		return true;
	unlinkat(b->dir_fd, name, 0);
	return false;
}

static int give_name(struct et_blob *b, const char *name)
{
	char proc[64];

	if (b->tmp[0] != '\0') {
		if (renameat(b->dir_fd, b->tmp, b->dir_fd, name) != 0)
			return -1;
		b->tmp[0] = '\0';
		return 0;
	}
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", b->fd);
	if (linkat(AT_FDCWD, proc, b->dir_fd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* without /proc, with the right to open any file */
	return errno == ENOENT ? linkat(b->fd, "", b->dir_fd, name, AT_EMPTY_PATH) : -1;
}

int et_blob_link(struct et_blob *b, struct et_err *err)
{
	const char *name = strchr(b->digest, ':') + 1;

	return is_there(b, name) || give_name(b, name) == 0 ? 0 : cannot_write(b, err);
}

void et_blob_abort(struct et_blob *b)
{
	if (b->tmp[0] != '\0')
		unlinkat(b->dir_fd, b->tmp, 0);
	if (b->fd >= 0)
		close(b->fd);
	EVP_MD_CTX_free(b->sha);
	*b = (struct et_blob){ .fd = -1 };
}

int et_blob_make(struct et_blob *b, const char *where, int dir_fd, const void *buf, size_t n,
		 struct et_err *err)
{
	if (et_blob_begin(b, where, dir_fd, false, err) != 0 || et_blob_write(b, buf, n, err) != 0)
		return -1;
	return et_blob_finish(b, err);
}

static void sweep_one(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir_fd, name, 0);
	close(fd);
}

void et_blob_sweep(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0)
			sweep_one(dir_fd, d->d_name);
	closedir(dir);
}
