/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a consumer gets snapshots from: a live session or a recording.  The screen is written
 * once against this table.  Layer: include/.
 */
#ifndef ENGINE_TOP_SOURCE_H
#define ENGINE_TOP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine-top/snapshot.h"

/* Where a replay stands. */
struct et_position {
	uint64_t frame;   /* 0 .. n_frames - 1 */
	uint64_t n_frames;
	int64_t t_ns;     /* of this frame */
	int64_t end_ns;   /* of the last frame */
	bool is_playing;
};

/* All functions are called by the ui thread only and never block.  Optional ones are NULL. */
struct et_source {
	void *self;
	const char *label; /* for the header: preset name or file name */
	bool is_replay;
	/* Descriptor that polls readable when take() has something new; -1 if there is none and
	 * take() should be asked every wait_ns(). */
	int (*fd)(void *self);
	/* Optional (replay): ns until take() has the next frame; -1 = not before a key is pressed. */
	int64_t (*wait_ns)(void *self);
	/* The newest snapshot with a reference for the caller; NULL if nothing is new. */
	const struct et_snapshot *(*take)(void *self);
	/* Replay only: move by frames (negative = back), jump to a fraction 0..1 of the session,
	 * start or stop playing; take() then returns the frame at the new place. */
	void (*step)(void *self, int64_t frames);
	void (*seek)(void *self, double fraction);
	void (*play)(void *self, bool on);
	void (*position)(void *self, struct et_position *out);
};

#endif
