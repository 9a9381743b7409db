/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a recording, twice: as they are, and with every checksum put right, which leads
 * behind the checks that random damage never passes.  What must hold: a refusal is one line with
 * a code; every frame is within bounds; what is read is a well-formed snapshot. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "profiler/record/record.h"
#include "fuzz.h"

static void put_right(uint8_t *frame, size_t left)
{
	uint16_t header;
	uint32_t length, crc;
	size_t padded;

	memcpy(&header, frame + 6, 2);
	memcpy(&length, frame + 12, 4);
	padded = ((size_t)length + 7) & ~(size_t)7;
	if (header < 48 || header > left || padded > left - header)
		return;
	crc = et_crc32c(0, frame + header, padded);
	memcpy(frame + 20, &crc, 4);
	crc = et_crc32c(0, frame, header - 4u);
	memcpy(frame + header - 4, &crc, 4);
}

static void put_all_right(uint8_t *bytes, size_t n)
{
	uint32_t crc;

	if (n >= 32) {
		crc = et_crc32c(0, bytes, 28);
		memcpy(bytes + 28, &crc, 4);
	}
	for (size_t i = 0; i + 48 <= n; i++)
		if (memcmp(bytes + i, "\xe7" "ETF", 4) == 0)
			put_right(bytes + i, n - i);
}

static void read_frames(struct et_recording *r)
{
	uint64_t n = et_recording_frames(r);

	MUST(n > 0);
	for (uint64_t i = 0; i < n; i++) {
		struct et_err err = { .code = ET_EXIT_OK };
		const struct et_snapshot *snap = et_recording_read(r, i, &err);

		MUST((snap == NULL) == (err.code != ET_EXIT_OK));
		MUST(et_recording_find(r, et_recording_time_ns(r, i)) < n);
		if (snap != NULL)
			MUST(et_snapshot_check(snap, snap->total_bytes, NULL) == 0);
		et_snapshot_unref(snap);
	}
}

static void walk(struct et_recording *r)
{
	struct et_source src;
	struct et_position pos;

	MUST(et_replay_init(&src, r, "fuzz") == 0);
	for (int i = -3; i < 4; i++) {
		src.step(src.self, i);
		et_snapshot_unref(src.take(src.self));
		src.seek(src.self, (double)i / 4);
		src.position(src.self, &pos);
		MUST(pos.frame < pos.n_frames && src.wait_ns(src.self) >= -1);
		src.play(src.self, i % 2 == 0);
		et_snapshot_unref(src.take(src.self));
	}
	et_replay_fini(&src);
}

static void try_file(int fd)
{
	char path[64];
	struct et_err err = { .code = ET_EXIT_OK };
	struct et_recording *r;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r = et_recording_open(path, &err);
	if (r == NULL) {
		MUST(err.code == ET_EXIT_INPUT && strpbrk(err.msg, "\n\r\033") == NULL);
		return;
	}
	MUST(err.code == ET_EXIT_OK);
	read_frames(r);
	walk(r);
	et_recording_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uint8_t *copy = malloc(n + 1);

	MUST(fd >= 0 && copy != NULL);
	MUST(et_io_write_all(fd, data, n) == 0);
	try_file(fd);
	memcpy(copy, data, n);
	put_all_right(copy, n);
	MUST(pwrite(fd, copy, n, 0) == (ssize_t)n);
	try_file(fd);
	free(copy);
	close(fd);
	return 0;
}
