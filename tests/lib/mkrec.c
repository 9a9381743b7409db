/* SPDX-License-Identifier: Apache-2.0
 *
 * mkrec [--slow] FILE N: write a recording of N frames of the rich fixture, for tests of replay.
 * The frames are the same on every machine.  --slow: a frame every 2 ms, without end if N is 0,
 * for tests that kill the writer. */
#include <signal.h>
#include <time.h>

#include "fixture.h"
#include "profiler/record/record.h"

static int fail(const struct et_err *err)
{
	fprintf(stderr, "mkrec: %s\n", err->msg);
	return err->code;
}

static void pause_between(bool is_slow)
{
	struct timespec pause = { .tv_nsec = 2000000 };

	if (is_slow)
		nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	bool is_slow = argc > 1 && strcmp(argv[1], "--slow") == 0;
	unsigned long n;
	struct et_sink sink;
	struct et_err err = { .code = ET_EXIT_OK };
	int rc = 0;

	if (argc != 3 + is_slow) {
		fprintf(stderr, "usage: mkrec [--slow] FILE N\n");
		return ET_EXIT_INPUT;
	}
	n = strtoul(argv[2 + is_slow], NULL, 10);
	signal(SIGXFSZ, SIG_IGN); /* a file limit shall be an error of write(2) */
	if (et_record_create(argv[1 + is_slow], &sink, &err) != 0)
		return fail(&err);
	for (unsigned i = 0; rc == 0 && (i < n || (is_slow && n == 0)); i++) {
		const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, i, (unsigned)n);

		rc = snap == NULL ? -1 : sink.put(sink.self, snap, &err);
		et_snapshot_unref(snap);
		pause_between(is_slow);
	}
	if (sink.close(sink.self, &err) != 0 || rc != 0)
		return fail(&err);
	return 0;
}
