/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings (docs/recording.md): one append-only file of frames, each a length, a CRC-32C and
 * one zstd-compressed snapshot.  A frame is there whole or not at all; a file cut anywhere
 * replays up to its last whole frame.  Layer: profiler/record. */
#ifndef ET_RECORD_H
#define ET_RECORD_H

#include "base/mbox.h"
#include "engine-top/sink.h"
#include "engine-top/source.h"

/* Writer: make the file (refuses to overwrite an existing one), write its header.
 * [own] fills *sink, released by its close()   [thr] any   [sig] no   [err] -1 and *err */
int et_record_create(const char *path, struct et_sink *sink, struct et_err *err);

/* A recorder thread (role self, named et-record) that takes snapshots from its mailbox and puts
 * them into the file; one write(2) a frame.  A failing write stops it: status() says so. */
struct et_recorder;
struct et_recorder_status {
	uint64_t frames;
	uint64_t bytes;
	bool is_failed;
	char path[512];
	char error[1000]; /* "cannot record to 'x.etr': No space left on device (12 frames kept)" */
};
struct et_recorder *et_recorder_start(const char *path, struct et_err *err);
struct et_mbox *et_recorder_mbox(struct et_recorder *r);
void et_recorder_status(struct et_recorder *r, struct et_recorder_status *out);
/* Writes `last` too (may be NULL; borrowed), ends the thread, closes the file; -1 and *err if
 * recording had failed or fails now.  Frees r. */
int et_recorder_stop(struct et_recorder *r, const struct et_snapshot *last, struct et_err *err);

/* Reader: map the file, index the whole frames.  A damaged frame ends the index there (what
 * follows is found again by its magic), and is counted.  An empty file, or one without a single
 * whole frame, is an error. */
struct et_recording;
struct et_recording *et_recording_open(const char *path, struct et_err *err);
void et_recording_close(struct et_recording *r);
uint64_t et_recording_frames(const struct et_recording *r);
uint64_t et_recording_holes(const struct et_recording *r);      /* damaged places skipped */
int64_t et_recording_time_ns(const struct et_recording *r, uint64_t frame); /* t_ns of a frame */
/* Last frame at or before t_ns, held to the recording's ends. */
uint64_t et_recording_find(const struct et_recording *r, int64_t t_ns);
/* [own] new reference   [err] NULL and *err: the frame is damaged */
const struct et_snapshot *et_recording_read(struct et_recording *r, uint64_t frame,
					    struct et_err *err);

/* Times on the command line: 12.5s, 00:01:05, -30s (from the end), 50%; -1 and ET_EXIT_INPUT. */
int et_recording_parse_time(const struct et_recording *r, const char *text, int64_t *t_ns,
			    struct et_err *err);

/* A source over a recording (step, seek, play in real time).  Starts on the first frame, paused.
 * [own] borrows r until free   [thr] ui */
int et_replay_init(struct et_source *source, struct et_recording *r, const char *label);
void et_replay_fini(struct et_source *source);

#endif
