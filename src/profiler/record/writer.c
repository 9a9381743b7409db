/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer of recordings: a sink that turns each snapshot into one frame and gives it to the
 * kernel with one write(2), so that kill -9 at any moment leaves whole frames and at most one cut
 * tail.  Owned by one thread at a time (the recorder's).  What must never happen: a byte after a
 * damaged frame.  So a write that fails is taken back with ftruncate, and nothing follows it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/io.h"
#include "profiler/record/format.h"
#include "profiler/record/writer.h"

struct writer {
	int fd;
	off_t good_bytes;  /* the file up to here is whole frames */
	uint64_t n_frames;
	int failed_errno;  /* 0 while all is well */
	ZSTD_CCtx *zstd;
	unsigned char *buf; /* one frame: header, payload, padding */
	size_t room;
	char path[512];    /* for messages */
};

static void writer_free(struct writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	ZSTD_freeCCtx(w->zstd);
	free(w->buf);
	free(w);
}

static int say_failed(const struct writer *w, struct et_err *err)
{
	return et_err_set(err, ET_EXIT_JOB, "cannot record to '%s': %s (%llu frames kept)", w->path,
			  strerror(w->failed_errno), (unsigned long long)w->n_frames);
}

static int reserve(struct writer *w, size_t n)
{
	unsigned char *more;

	if (n <= w->room)
		return 0;
	more = realloc(w->buf, n);
	if (more == NULL)
		return -1;
	w->buf = more;
	w->room = n;
	return 0;
}

/* Header and padded payload into w->buf; returns the frame's length, 0 without memory. */
static size_t encode(struct writer *w, const struct et_snapshot *snap)
{
	size_t bound = ZSTD_compressBound(snap->total_bytes), n, padded;
	struct et_record_frame head = { .magic = ET_FRAME_MAGIC, .type = ET_FRAME_SNAPSHOT,
		.header_bytes = sizeof head, .raw_length = snap->total_bytes, .seq = snap->seq,
		.flags = snap->flags & ET_SNAP_FINAL ? ET_FRAME_FINAL : 0, .t_ns = snap->t_ns };
	unsigned char *payload;

	if (reserve(w, sizeof head + et_record_align8(bound)) != 0)
		return 0;
	payload = w->buf + sizeof head;
	n = ZSTD_compressCCtx(w->zstd, payload, bound, snap, snap->total_bytes,
			      ET_RECORD_ZSTD_LEVEL);
	if (ZSTD_isError(n))
		return 0;
	padded = et_record_align8(n);
	memset(payload + n, 0, padded - n);
	head.length = (uint32_t)n;
	head.payload_crc = et_crc32c(0, payload, padded);
	head.crc = et_crc32c(0, &head, offsetof(struct et_record_frame, crc));
	memcpy(w->buf, &head, sizeof head);
	return sizeof head + padded;
}

/* Append n bytes or nothing. */
static int append(struct writer *w, const void *bytes, size_t n)
{
	if (et_io_write_all(w->fd, bytes, n) == 0) {
		w->good_bytes += (off_t)n;
		return 0;
	}
	w->failed_errno = errno;
	/* if even this fails the tail is cut inside a frame, which a reader knows how to skip */
	if (ftruncate(w->fd, w->good_bytes) != 0)
		(void)lseek(w->fd, w->good_bytes, SEEK_SET);
	return -1;
}

static int put(void *self, const struct et_snapshot *snap, struct et_err *err)
{
	struct writer *w = self;
	size_t n;

	if (w->failed_errno != 0)
		return say_failed(w, err);
	if (snap->total_bytes > ET_FRAME_RAW_MAX) {
		w->failed_errno = EFBIG;
		return say_failed(w, err);
	}
	n = encode(w, snap);
	if (n == 0) {
		w->failed_errno = ENOMEM;
		return say_failed(w, err);
	}
	if (append(w, w->buf, n) != 0)
		return say_failed(w, err);
	w->n_frames++;
	return 0;
}

/* EINVAL, EROFS: a file that cannot be synced is as safe as its file system makes it. */
static int sync_file(struct writer *w)
{
	if (fsync(w->fd) == 0 || errno == EINVAL || errno == EROFS || errno == ENOSYS)
		return 0;
	return -1;
}

static int finish(void *self, struct et_err *err)
{
	struct writer *w = self;
	int rc = 0;

	if (w->failed_errno == 0 && sync_file(w) != 0)
		w->failed_errno = errno;
	if (w->failed_errno != 0)
		rc = say_failed(w, err);
	writer_free(w);
	return rc;
}

uint64_t et_writer_bytes(const struct et_sink *sink)
{
	const struct writer *w = sink->self;

	return (uint64_t)w->good_bytes;
}

static int open_new(struct writer *w, const char *path, struct et_err *err)
{
	w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);
	if (w->fd >= 0)
		return 0;
	if (errno == EEXIST)
		return et_err_set(err, ET_EXIT_INPUT,
				  "cannot record to '%s': it exists; remove it or choose another name",
				  path);
	return et_err_sys(err, errno == ENOSPC ? ET_EXIT_JOB : ET_EXIT_INPUT, errno,
			  "cannot record to '%s'", path);
}

static int write_head(struct writer *w, struct et_err *err)
{
	struct et_record_head head = { .magic = { 0 }, .version = ET_RECORD_VERSION,
		.header_bytes = sizeof head, .wall_ns = et_clock_wall_ns() };

	memcpy(head.magic, ET_RECORD_MAGIC, sizeof head.magic);
	head.crc = et_crc32c(0, &head, offsetof(struct et_record_head, crc));
	return append(w, &head, sizeof head) == 0 ? 0 : say_failed(w, err);
}

int et_record_create(const char *path, struct et_sink *sink, struct et_err *err)
{
	struct writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		return et_err_set(err, ET_EXIT_LACK, "cannot record to '%s': out of memory", path);
	w->fd = -1;
	w->zstd = ZSTD_createCCtx();
	strncpy(w->path, path, sizeof w->path - 1);
	if (w->zstd == NULL) {
		et_err_set(err, ET_EXIT_LACK, "cannot record to '%s': out of memory", path);
		goto fail;
	}
	if (open_new(w, path, err) != 0)
		goto fail;
	if (write_head(w, err) != 0) {
		unlink(path); /* ours since a moment ago, and empty */
		goto fail;
	}
	*sink = (struct et_sink){ .self = w, .put = put, .close = finish };
	return 0;
fail:
	writer_free(w);
	return -1;
}
