/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording as a source for the screen: one place in it, moved by keys or by the clock.  Owned
 * by the ui thread.  While it plays, the frame is a function of the monotonic clock since play
 * began, so a screen that draws slowly skips frames instead of falling behind. */
#include <stdlib.h>

#include "base/clock.h"
#include "profiler/record/record.h"

struct replay {
	struct et_recording *rec; /* borrowed */
	uint64_t frame;
	bool is_due;              /* take() has not yet given this frame */
	bool is_playing;
	int64_t began_ns;         /* while playing: monotonic clock and ... */
	int64_t began_t_ns;       /* ... recorded time when play began here */
};

static uint64_t last_frame(const struct replay *p)
{
	return et_recording_frames(p->rec) - 1;
}

static void go(struct replay *p, uint64_t frame)
{
	p->frame = frame;
	p->is_due = true;
	p->began_ns = et_clock_mono_ns();
	p->began_t_ns = et_recording_time_ns(p->rec, frame);
}

/* Where play is by now.  At the end it stops. */
static void follow_clock(struct replay *p)
{
	uint64_t frame;

	if (!p->is_playing)
		return;
	frame = et_recording_find(p->rec, p->began_t_ns + et_clock_mono_ns() - p->began_ns);
	if (frame > p->frame) {
		p->frame = frame;
		p->is_due = true;
	}
	if (p->frame == last_frame(p))
		p->is_playing = false;
}

static int no_fd(void *self)
{
	(void)self;
	return -1;
}

static int64_t wait_ns(void *self)
{
	struct replay *p = self;
	int64_t left_ns;

	if (p->is_due)
		return 0;
	if (!p->is_playing || p->frame == last_frame(p))
		return -1;
	left_ns = et_recording_time_ns(p->rec, p->frame + 1) - p->began_t_ns -
		  (et_clock_mono_ns() - p->began_ns);
	return left_ns > 0 ? left_ns : 0;
}

/* A frame that cannot be read is passed over, first forwards, then backwards. */
static const struct et_snapshot *take(void *self)
{
	struct replay *p = self;
	const struct et_snapshot *snap = NULL;
	uint64_t at;

	follow_clock(p);
	if (!p->is_due)
		return NULL;
	p->is_due = false;
	for (at = p->frame; snap == NULL && at <= last_frame(p); at++)
		if ((snap = et_recording_read(p->rec, at, NULL)) != NULL)
			p->frame = at;
	for (at = p->frame; snap == NULL && at > 0; at--)
		if ((snap = et_recording_read(p->rec, at - 1, NULL)) != NULL)
			p->frame = at - 1;
	return snap;
}

static void step(void *self, int64_t frames)
{
	struct replay *p = self;
	uint64_t back = frames < 0 ? 0 - (uint64_t)frames : 0;
	uint64_t ahead = frames > 0 ? (uint64_t)frames : 0;
	uint64_t room = last_frame(p) - p->frame;

	go(p, p->frame - (back < p->frame ? back : p->frame) + (ahead < room ? ahead : room));
}

static void seek(void *self, double fraction)
{
	struct replay *p = self;
	double first = (double)et_recording_time_ns(p->rec, 0);
	double end = (double)et_recording_time_ns(p->rec, last_frame(p));

	if (!(fraction > 0)) /* NaN too */
		go(p, 0);
	else if (fraction >= 1)
		go(p, last_frame(p));
	else
		go(p, et_recording_find(p->rec, (int64_t)(first + (end - first) * fraction)));
}

/* Play at the end begins again: there is nothing else that it could mean. */
static void play(void *self, bool on)
{
	struct replay *p = self;

	if (on && !p->is_playing)
		go(p, p->frame == last_frame(p) ? 0 : p->frame);
	p->is_playing = on && last_frame(p) > 0;
}

static void position(void *self, struct et_position *out)
{
	const struct replay *p = self;

	*out = (struct et_position){ .frame = p->frame, .n_frames = last_frame(p) + 1,
		.t_ns = et_recording_time_ns(p->rec, p->frame),
		.end_ns = et_recording_time_ns(p->rec, last_frame(p)),
		.is_playing = p->is_playing };
}

int et_replay_init(struct et_source *source, struct et_recording *r, const char *label)
{
	struct replay *p = calloc(1, sizeof *p);

	if (p == NULL)
		return -1;
	p->rec = r;
	go(p, 0);
	*source = (struct et_source){ .self = p, .label = label, .is_replay = true, .fd = no_fd,
		.wait_ns = wait_ns, .take = take, .step = step, .seek = seek, .play = play,
		.position = position };
	return 0;
}

void et_replay_fini(struct et_source *source)
{
	free(source->self);
	source->self = NULL;
}
