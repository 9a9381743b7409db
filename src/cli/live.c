/* SPDX-License-Identifier: Apache-2.0
 *
 * Session + profiler + recorder, put together once (live.h).  Main thread.  Order of the end:
 * builds stop, the profiler takes its last snapshot (so that what targets hold is in it), the
 * recording is sealed with it, and only then the targets let go of what they hold. */
#include "cli/live.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define INTERVAL_NS (250 * ET_NS_PER_MS)

static int parse_size(const char *text, int64_t *out, struct et_err *err)
{
	static const char units[] = "KMG";
	char *end;
	long long v = strtoll(text, &end, 10);
	const char *unit = *end == '\0' ? NULL : strchr(units, *end);

	for (long i = 0; unit != NULL && i <= unit - units; i++)
		v = v > LLONG_MAX / 1024 ? LLONG_MAX : v * 1024;
	if (text[0] < '0' || text[0] > '9' || (*end != '\0' && (unit == NULL || end[1] != '\0')) || v < 1 ||
	    v > INT64_C(1) << 40)
		return et_err_set(err, ET_EXIT_INPUT,
				  "--heap-period wants bytes from 1 to 1024G, as 65536 or 64K, not '%s'",
				  text);
	*out = v;
	return 0;
}

static int parse_engine(const char *text, enum et_engine *out, struct et_err *err)
{
	for (int e = ET_ENGINE_AUTO; e < ET_ENGINE_COUNT; e++)
		if (strcmp(text, et_snapshot_engine((uint32_t)e)) == 0) {
			*out = (enum et_engine)e;
			return 0;
		}
	return et_err_set(err, ET_EXIT_INPUT,
			  "--cpu-engine wants perf, timer, itimer or auto, not '%s'", text);
}

int et_live_option(struct et_live_opts *o, int c, const char *value, struct et_err *err)
{
	switch (c) {
	case 'o':
		o->record = value;
		return 1;
	case 't':
		if (o->n_only == ET_LIVE_ONLY_MAX)
			return et_err_set(err, ET_EXIT_INPUT, "more than %d targets named with -t",
					  ET_LIVE_ONLY_MAX);
		o->only[o->n_only++] = value;
		return 1;
	case 'j':
		return et_cmd_number("--jobs", value, 1, 256, &o->jobs, err) == 0 ? 1 : -1;
	case 'H':
		return et_cmd_number("--hz", value, 1, 1000, &o->hz, err) == 0 ? 1 : -1;
	case 'E':
		return parse_engine(value, &o->engine, err) == 0 ? 1 : -1;
	case 'P':
		return parse_size(value, &o->heap_period, err) == 0 ? 1 : -1;
	default:
		return 0;
	}
}

int et_live_open(struct et_live *live, const struct et_live_opts *o,
		 const struct et_session_opts *session, struct et_err *err)
{
	struct et_session_opts s = *session;
	char path[PATH_MAX];

	memset(live, 0, sizeof *live);
	if (et_preset_find(o->preset == NULL ? "quickstart" : o->preset, path, sizeof path, err) != 0)
		return -1;
	live->preset = et_preset_load(path, err);
	if (live->preset == NULL)
		return -1;
	s.jobs = (unsigned)o->jobs;
	s.only = o->n_only > 0 ? o->only : NULL;
	s.n_only = o->n_only;
	live->session = et_session_new(live->preset, &s, err);
	return live->session == NULL ? -1 : 0;
}

/* Neither flag nor preset says: adaptive. */
static uint64_t heap_period(int64_t bytes)
{
	return bytes == 0 ? UINT64_MAX : (uint64_t)bytes;
}

int et_live_start(struct et_live *live, const struct et_live_opts *o, struct et_err *err)
{
	struct et_producer producer = et_session_producer(live->session);
	struct et_profiler_opts opts = {
		.hz = (unsigned)(o->hz != 0 ? o->hz : live->preset->hz),
		.heap_period = heap_period(o->heap_period != 0 ? o->heap_period
							       : live->preset->heap_bytes),
		.engine = o->engine,
		.interval_ns = INTERVAL_NS,
		.producers = &producer,
		.n_producers = 1,
	};

	live->profiler = et_profiler_start(&opts, err);
	if (live->profiler == NULL)
		return -1;
	if (o->record != NULL && et_live_record(live, o->record, err) != 0)
		return -1;
	return et_session_start(live->session, err);
}

int et_live_record(struct et_live *live, const char *path, struct et_err *err)
{
	live->recorder = et_recorder_start(path, err);
	if (live->recorder == NULL)
		return -1;
	if (et_profiler_attach(live->profiler, et_recorder_mbox(live->recorder)) == 0)
		return 0;
	et_recorder_stop(live->recorder, NULL, NULL);
	live->recorder = NULL;
	return et_err_set(err, ET_EXIT_LACK, "too many consumers to record to '%s'", path);
}

int et_live_record_stop(struct et_live *live, const struct et_snapshot *last, struct et_err *err)
{
	struct et_recorder *r = live->recorder;

	if (r == NULL)
		return 0;
	live->recorder = NULL;
	et_profiler_detach(live->profiler, et_recorder_mbox(r));
	return et_recorder_stop(r, last, err);
}

const struct et_snapshot *et_live_stop(struct et_live *live, unsigned *n_failed, struct et_err *err)
{
	const struct et_snapshot *last;

	et_session_cancel(live->session);
	*n_failed = et_session_join(live->session);
	last = et_profiler_stop(live->profiler);
	et_live_record_stop(live, last, err);
	return last;
}

void et_live_free(struct et_live *live)
{
	if (live->recorder != NULL)
		et_live_record_stop(live, NULL, NULL);
	if (live->profiler != NULL)
		et_snapshot_unref(et_profiler_stop(live->profiler));
	et_session_free(live->session);
	et_profiler_free(live->profiler);
	et_preset_free(live->preset);
	memset(live, 0, sizeof *live);
}

void et_live_die(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	signal(signo, SIG_DFL);
	raise(signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + signo);
}
