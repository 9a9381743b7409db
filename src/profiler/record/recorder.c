/* SPDX-License-Identifier: Apache-2.0
 *
 * The recorder's thread: takes the newest snapshot from its mailbox and puts it into the file, so
 * that neither the collector nor the screen ever waits for a disk.  A disk slower than the
 * collector costs frames (the mailbox holds one), never time.  The thread owns the writer; others
 * read a status under a mutex. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine-top/probe.h"
#include "profiler/record/record.h"
#include "profiler/record/writer.h"

struct et_recorder {
	struct et_mbox mbox;
	int stop_fd;               /* eventfd: readable when the thread shall end */
	pthread_t thread;
	struct et_sink sink;       /* recorder thread only */
	uint64_t last_seq;         /* likewise; 0 = nothing written yet */
	const struct et_snapshot *_Atomic last; /* set by stop(), before stop_fd is readable */
	pthread_mutex_t lock;      /* guards status */
	struct et_recorder_status status;
};

static void note_failure(struct et_recorder *r, const struct et_err *err)
{
	pthread_mutex_lock(&r->lock);
	if (!r->status.is_failed) {
		r->status.is_failed = true;
		memcpy(r->status.error, err->msg, sizeof r->status.error);
	}
	pthread_mutex_unlock(&r->lock);
}

static void note_frame(struct et_recorder *r)
{
	pthread_mutex_lock(&r->lock);
	r->status.frames++;
	r->status.bytes = et_writer_bytes(&r->sink);
	pthread_mutex_unlock(&r->lock);
}

/* The final snapshot comes by mailbox and by stop(): its number tells that it is the same. */
static void record(struct et_recorder *r, const struct et_snapshot *snap)
{
	struct et_err err = { .code = ET_EXIT_OK };

	if (snap == NULL || snap->seq <= r->last_seq || r->status.is_failed)
		return;
	if (r->sink.put(r->sink.self, snap, &err) != 0) {
		note_failure(r, &err);
		return;
	}
	r->last_seq = snap->seq;
	note_frame(r);
}

static void record_newest(struct et_recorder *r)
{
	const struct et_snapshot *snap = et_mbox_take(&r->mbox);

	record(r, snap);
	et_snapshot_unref(snap);
}

static void *recorder_main(void *arg)
{
	struct et_recorder *r = arg;
	struct pollfd fds[2] = { { .fd = r->mbox.fd, .events = POLLIN },
				 { .fd = r->stop_fd, .events = POLLIN } };

	while (fds[1].revents == 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		record_newest(r);
	}
	record(r, r->last);
	return NULL;
}

static void recorder_free(struct et_recorder *r)
{
	et_snapshot_unref(et_mbox_take(&r->mbox));
	et_mbox_fini(&r->mbox);
	if (r->stop_fd >= 0)
		close(r->stop_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* What a failed start leaves: nothing was recorded, so no file either. */
static struct et_recorder *give_up(struct et_recorder *r, const char *path)
{
	if (r->sink.self != NULL) {
		r->sink.close(r->sink.self, NULL);
		unlink(path);
	}
	recorder_free(r);
	return NULL;
}

struct et_recorder *et_recorder_start(const char *path, struct et_err *err)
{
	struct et_recorder *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL) {
		et_err_set(err, ET_EXIT_LACK, "cannot record to '%s': out of memory", path);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	strncpy(r->status.path, path, sizeof r->status.path - 1);
	r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (et_mbox_init(&r->mbox) != 0 || r->stop_fd < 0) {
		et_err_sys(err, ET_EXIT_LACK, errno, "cannot record to '%s'", path);
		return give_up(r, path);
	}
	if (et_record_create(path, &r->sink, err) != 0)
		return give_up(r, path);
	r->status.bytes = et_writer_bytes(&r->sink);
	rc = et_probe_thread_start(&r->thread, ET_ROLE_SELF, "et-record", recorder_main, r);
	if (rc != 0) {
		et_err_sys(err, ET_EXIT_LACK, rc, "cannot start the recorder's thread");
		return give_up(r, path);
	}
	return r;
}

struct et_mbox *et_recorder_mbox(struct et_recorder *r)
{
	return &r->mbox;
}

void et_recorder_status(struct et_recorder *r, struct et_recorder_status *out)
{
	pthread_mutex_lock(&r->lock);
	*out = r->status;
	pthread_mutex_unlock(&r->lock);
}

int et_recorder_stop(struct et_recorder *r, const struct et_snapshot *last, struct et_err *err)
{
	uint64_t one = 1;
	int rc;

	r->last = last;
	/* an eventfd that only we write to always takes a 1 */
	while (write(r->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
	pthread_join(r->thread, NULL);
	rc = r->sink.close(r->sink.self, err);
	recorder_free(r);
	return rc;
}
