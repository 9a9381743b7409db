/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings: what is written is read back byte by byte; cut at every length, flipped at 2,000
 * seeded bits, zeroed in runs, forged with right checksums.  Numbers in comments (I1, I2, ...)
 * are the invariants of docs/recording.md. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "fixture.h"
#include "profiler/record/record.h"
#include "tap.h"

#define MAX_FRAMES 32

static char dir[4096];

/* A recording in memory with the place of each frame, found by the offsets of the document. */
struct sample {
	char path[4200];
	char *bytes;
	size_t n;
	unsigned n_frames;
	size_t begin[MAX_FRAMES + 1]; /* begin[n_frames] = n */
};

static uint16_t u16_at(const void *p) { uint16_t v; memcpy(&v, p, sizeof v); return v; }
static uint32_t u32_at(const void *p) { uint32_t v; memcpy(&v, p, sizeof v); return v; }
static uint64_t u64_at(const void *p) { uint64_t v; memcpy(&v, p, sizeof v); return v; }

static void put_file(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0 || et_io_write_all(fd, bytes, n) != 0)
		exit(printf("Bail out! cannot write %s\n", path));
	close(fd);
}

static char *path_of(char *path, const char *name)
{
	snprintf(path, 4200, "%s/%s", dir, name);
	return path;
}

static void write_frames(const char *path, enum fixture_kind kind, unsigned n)
{
	struct et_sink sink;

	if (et_record_create(path, &sink, NULL) != 0)
		exit(printf("Bail out! cannot record to %s\n", path));
	for (unsigned i = 0; i < n; i++) {
		const struct et_snapshot *snap = fixture_snap(kind, i, n);

		if (sink.put(sink.self, snap, NULL) != 0)
			exit(printf("Bail out! put failed\n"));
		et_snapshot_unref(snap);
	}
	if (sink.close(sink.self, NULL) != 0)
		exit(printf("Bail out! close failed\n"));
}

static void sample_init(struct sample *s, const char *name, enum fixture_kind kind, unsigned n)
{
	size_t at = 32;

	path_of(s->path, name);
	write_frames(s->path, kind, n);
	if (et_io_read_file(s->path, 1 << 26, &s->bytes, &s->n, NULL) != 0)
		exit(printf("Bail out! cannot read %s\n", s->path));
	for (s->n_frames = 0; at < s->n && s->n_frames < MAX_FRAMES; s->n_frames++) {
		s->begin[s->n_frames] = at;
		at += u16_at(s->bytes + at + 6) + ((u32_at(s->bytes + at + 12) + 7) & ~7u);
	}
	s->begin[s->n_frames] = at;
}

/* fixture_snap() made once for each of its arguments: some tests ask for it 10,000 times. */
static const struct et_snapshot *expected(enum fixture_kind kind, unsigned frame, unsigned n)
{
	static const struct et_snapshot *made[3][MAX_FRAMES][MAX_FRAMES];
	const struct et_snapshot **slot = &made[kind][frame][n];

	if (*slot == NULL)
		*slot = fixture_snap(kind, frame, n);
	return *slot;
}

/* Is frame `ix` of an open recording the fixture's frame `want`, byte by byte? */
static bool is_fixture(struct et_recording *r, uint64_t ix, enum fixture_kind kind, unsigned want,
		       unsigned n)
{
	const struct et_snapshot *got = et_recording_read(r, ix, NULL);
	const struct et_snapshot *exp = expected(kind, want, n);
	bool is_same = got != NULL && got->total_bytes == exp->total_bytes &&
		       memcmp(got, exp, exp->total_bytes) == 0;

	et_snapshot_unref(got);
	return is_same;
}

static void t_round_trip(void)
{
	struct sample s;
	struct et_recording *r;
	struct et_err err = { .code = ET_EXIT_OK };
	unsigned n_same = 0;

	sample_init(&s, "trip.etr", FIXTURE_RICH, 20);
	r = et_recording_open(s.path, &err);
	ET_OK(r != NULL, "opens: %s", err.msg);
	ET_IS_INT(et_recording_frames(r), 20, "all frames are there");
	ET_IS_INT(et_recording_holes(r), 0, "no holes");
	for (unsigned i = 0; i < 20; i++)
		n_same += is_fixture(r, i, FIXTURE_RICH, i, 20);
	ET_IS_INT(n_same, 20, "each frame is the same bytes as written");
	ET_IS_INT(et_recording_time_ns(r, 7), 8 * FIXTURE_STEP_NS, "time of a frame");
	ET_IS_INT(et_recording_find(r, 8 * FIXTURE_STEP_NS), 7, "find: at a frame's own time");
	ET_IS_INT(et_recording_find(r, 9 * FIXTURE_STEP_NS - 1), 7, "find: just before the next");
	ET_IS_INT(et_recording_find(r, -5), 0, "find: held to the first");
	ET_IS_INT(et_recording_find(r, INT64_MAX), 19, "find: held to the last");
	ET_OK(et_recording_read(r, 20, &err) == NULL && err.code == ET_EXIT_INPUT,
	      "a frame behind the end is an error: %s", err.msg);
	et_recording_close(r);
	free(s.bytes);
}

/* The bytes on disk, by the offsets that docs/recording.md gives. */
static void t_layout(void)
{
	struct sample s;
	unsigned n_good = 0;

	sample_init(&s, "layout.etr", FIXTURE_EMPTY, 3);
	ET_OK(memcmp(s.bytes, "ETREC\r\n\x1a", 8) == 0, "I1: file magic");
	ET_IS_INT(u16_at(s.bytes + 8), 1, "I1: version");
	ET_IS_INT(u16_at(s.bytes + 10), 32, "I1: header length");
	ET_IS_INT(u32_at(s.bytes + 28), et_crc32c(0, s.bytes, 28), "I1: header checksum");
	ET_IS_INT(s.n_frames, 3, "three frames by their lengths");
	ET_IS_INT(s.begin[3], s.n, "I2: nothing between and behind frames");
	for (unsigned i = 0; i < 3; i++) {
		const char *f = s.bytes + s.begin[i];
		size_t len = u32_at(f + 12), padded = (len + 7) & ~(size_t)7;

		n_good += memcmp(f, "\xe7" "ETF", 4) == 0 && u16_at(f + 4) == 1 &&
			  u16_at(f + 6) == 48 && u32_at(f + 8) == (i == 2) &&
			  u32_at(f + 20) == et_crc32c(0, f + 48, padded) &&
			  u64_at(f + 24) == i + 1 && s.begin[i] % 8 == 0 &&
			  u64_at(f + 32) == (i + 1) * (uint64_t)FIXTURE_STEP_NS &&
			  u32_at(f + 44) == et_crc32c(0, f, 44) &&
			  ZSTD_getFrameContentSize(f + 48, len) == u32_at(f + 16);
	}
	ET_IS_INT(n_good, 3, "I3: every field of every frame header");
	free(s.bytes);
}

static void t_one_write_a_frame(void)
{
	char path[4200], io[64];
	struct et_sink sink;
	char *text = NULL;
	size_t n;
	unsigned long long calls[2] = { 0, 0 };
	const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, 9, 0);

	et_record_create(path_of(path, "calls.etr"), &sink, NULL);
	snprintf(io, sizeof io, "/proc/thread-self/io");
	for (int i = 0; i < 2; i++) {
		if (et_io_read_file(io, 4096, &text, &n, NULL) == 0) {
			sscanf(strstr(text, "syscw:"), "syscw: %llu", &calls[i]);
			free(text);
		}
		if (i == 0)
			sink.put(sink.self, snap, NULL);
	}
	sink.close(sink.self, NULL);
	et_snapshot_unref(snap);
	if (calls[0] == 0 && calls[1] == 0)
		tap_skip("I2: one write(2) a frame", "no /proc/thread-self/io");
	else
		ET_IS_INT(calls[1] - calls[0], 1, "I2: one write(2) a frame");
}

static void t_cut_everywhere(void)
{
	struct sample s;
	unsigned n_wrong = 0, n_opened = 0;

	sample_init(&s, "cut.etr", FIXTURE_RICH, 3);
	for (size_t len = s.n; len > 0; len--) {
		unsigned whole = 0;
		struct et_err err = { .code = ET_EXIT_OK };
		struct et_recording *r;

		if (truncate(s.path, (off_t)len) != 0)
			exit(printf("Bail out! truncate\n"));
		while (whole < s.n_frames && s.begin[whole + 1] <= len)
			whole++;
		r = et_recording_open(s.path, &err);
		n_opened += r != NULL;
		if (whole == 0) {
			n_wrong += r != NULL || err.code != ET_EXIT_INPUT;
			et_recording_close(r);
			continue;
		}
		n_wrong += r == NULL || et_recording_frames(r) != whole ||
			   et_recording_holes(r) != 0 ||
			   !is_fixture(r, whole - 1, FIXTURE_RICH, whole - 1, 3);
		et_recording_close(r);
	}
	ET_IS_INT(n_wrong, 0, "I5: cut at every length: exactly the whole frames, no hole");
	ET_IS_INT(n_opened, s.n - s.begin[1] + 1, "opens as soon as one frame is whole");
	free(s.bytes);
}

/* xorshift64*: the same flips on every machine */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

/* All frames but those that touch [from, to) must be there, unchanged, and one hole. */
static bool is_hurt_only_there(const struct sample *s, enum fixture_kind kind, size_t from, size_t to)
{
	struct et_recording *r = et_recording_open(s->path, NULL);
	uint64_t ix = 0;
	bool is_good = r != NULL && et_recording_holes(r) == 1;

	for (unsigned i = 0; i < s->n_frames && is_good; i++)
		if (s->begin[i] >= to || s->begin[i + 1] <= from)
			is_good = is_fixture(r, ix++, kind, i, s->n_frames);
	is_good = is_good && et_recording_frames(r) == ix;
	et_recording_close(r);
	return is_good;
}

static void t_flips(void)
{
	struct sample s;
	uint64_t state = 20240229;
	unsigned n_wrong = 0;
	int fd;

	sample_init(&s, "flip.etr", FIXTURE_EMPTY, 6);
	fd = open(s.path, O_WRONLY | O_CLOEXEC);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t bit = next_random(&state) % (s.n * 8);
		char was = s.bytes[bit / 8], flipped = (char)(was ^ 1 << bit % 8);

		if (pwrite(fd, &flipped, 1, (off_t)(bit / 8)) != 1)
			exit(printf("Bail out! pwrite\n"));
		if (!is_hurt_only_there(&s, FIXTURE_EMPTY, bit / 8, bit / 8 + 1)) {
			n_wrong++;
			printf("# bit %llu\n", (unsigned long long)bit);
		}
		if (pwrite(fd, &was, 1, (off_t)(bit / 8)) != 1)
			exit(printf("Bail out! pwrite\n"));
	}
	close(fd);
	ET_IS_INT(n_wrong, 0, "I4: 2,000 flipped bits: each found, costs its own frame only");
	free(s.bytes);
}

static void t_zeroed_runs(void)
{
	struct sample s;
	unsigned n_wrong = 0;
	char *copy;

	sample_init(&s, "zero.etr", FIXTURE_EMPTY, 5);
	copy = malloc(s.n);
	for (size_t at = 0; at + 64 <= s.n; at += 7) {
		size_t from = at, to = at + 64;

		memcpy(copy, s.bytes, s.n);
		memset(copy + at, 0, 64);
		/* bytes that were 0 before are not hurt */
		while (from < to && s.bytes[from] == 0)
			from++;
		while (to > from && s.bytes[to - 1] == 0)
			to--;
		put_file(s.path, copy, s.n);
		n_wrong += !is_hurt_only_there(&s, FIXTURE_EMPTY, from, to);
	}
	ET_IS_INT(n_wrong, 0, "64 zeroed bytes anywhere: the frames they touch, and no other");
	free(copy);
	free(s.bytes);
}

static void t_shifted(void)
{
	struct sample s;
	struct et_recording *r;
	char *copy;

	sample_init(&s, "shift.etr", FIXTURE_EMPTY, 5);
	copy = malloc(s.n + 3);
	memcpy(copy, s.bytes, s.begin[2]);
	memcpy(copy + s.begin[2], "\xe7" "ET", 3); /* half a magic in the gap */
	memcpy(copy + s.begin[2] + 3, s.bytes + s.begin[2], s.n - s.begin[2]);
	put_file(s.path, copy, s.n + 3);
	r = et_recording_open(s.path, NULL);
	ET_OK(r != NULL && et_recording_frames(r) == 5 && et_recording_holes(r) == 1,
	      "three foreign bytes in between: all frames, one hole");
	ET_OK(is_fixture(r, 4, FIXTURE_EMPTY, 4, 5), "frames at odd places read well");
	et_recording_close(r);
	free(copy);
	free(s.bytes);
}

/* ---- forged: wrong contents under right checksums ---------------------------------------- */

static void seal(char *frame)
{
	size_t said = u16_at(frame + 6), header = said <= 64 ? said : 48;
	size_t padded = (u32_at(frame + 12) + (size_t)7) & ~(size_t)7;
	uint32_t crc = et_crc32c(0, frame + header, padded);

	memcpy(frame + 20, &crc, 4);
	crc = et_crc32c(0, frame, header - 4);
	memcpy(frame + header - 4, &crc, 4);
}

/* Frame 1 of 3 forged in place with `n` bytes at `offset` of its header, then sealed. */
static struct et_recording *forge(struct sample *s, size_t offset, const void *value, size_t n)
{
	char *copy = malloc(s->n);
	struct et_recording *r;

	memcpy(copy, s->bytes, s->n);
	memcpy(copy + s->begin[1] + offset, value, n);
	seal(copy + s->begin[1]);
	put_file(s->path, copy, s->n);
	free(copy);
	r = et_recording_open(s->path, NULL);
	return r;
}

static void forged_read_fails(struct sample *s, size_t offset, uint64_t value, size_t n,
			      const char *what)
{
	struct et_recording *r = forge(s, offset, &value, n);
	struct et_err err = { .code = ET_EXIT_OK };

	ET_OK(r != NULL && et_recording_frames(r) == 3 && et_recording_read(r, 1, &err) == NULL &&
	      err.code == ET_EXIT_INPUT && is_fixture(r, 2, FIXTURE_EMPTY, 2, 3), "I6: %s", what);
	et_recording_close(r);
}

static void forged_skipped(struct sample *s, size_t offset, uint64_t value, size_t n,
			   unsigned n_holes, const char *what)
{
	struct et_recording *r = forge(s, offset, &value, n);

	ET_OK(r != NULL && et_recording_frames(r) == 2 && et_recording_holes(r) == n_holes &&
	      is_fixture(r, 1, FIXTURE_EMPTY, 2, 3), "%s", what);
	et_recording_close(r);
}

static void t_forged(void)
{
	struct sample s;

	sample_init(&s, "forged.etr", FIXTURE_EMPTY, 3);
	forged_read_fails(&s, 16, 552 + 8, 4, "raw length too large by 8");
	forged_read_fails(&s, 16, 200u << 20, 4, "raw length of 200 MiB that the payload has not");
	forged_read_fails(&s, 16, 0, 4, "raw length 0");
	forged_read_fails(&s, 24, 77, 8, "another number than the snapshot's");
	forged_read_fails(&s, 32, 1, 8, "another time than the snapshot's");
	forged_read_fails(&s, 48, 0x1234567812345678, 8, "payload is not zstd");
	forged_read_fails(&s, 12, 0, 4, "empty payload"); /* what follows is a hole */
	forged_skipped(&s, 4, 2, 2, 0, "I7: a frame of an unknown type is passed over, not a hole");
	forged_skipped(&s, 8, 0x10000, 4, 0, "I7: a flag that one must know: likewise");
	forged_skipped(&s, 16, (256u << 20) + 1, 4, 0, "I6: more than 256 MiB is not read");
	forged_skipped(&s, 32, UINT64_MAX, 8, 1, "I3: a time before 0 is damage");
	forged_skipped(&s, 6, 40, 2, 1, "I3: a header shorter than ours is damage");
	forged_skipped(&s, 6, 0xfff8, 2, 1, "I3: a header longer than 256 bytes is damage");
	free(s.bytes);
}

/* A snapshot whose directory leaves the block, honestly compressed and summed. */
static void t_forged_snapshot(void)
{
	struct sample s;
	char *copy, *frame;
	char block[4096], *packed = malloc(8192);
	const struct et_snapshot *snap = fixture_snap(FIXTURE_EMPTY, 0, 1);
	uint32_t lie = 0xfffffff8u, n, size = snap->total_bytes;
	struct et_recording *r;
	struct et_err err = { .code = ET_EXIT_OK };

	ET_OK(size <= sizeof block, "the fixture fits");
	memcpy(block, snap, size);
	memcpy(block + sizeof *snap + 12, &lie, sizeof lie); /* dir[0].offset */
	et_snapshot_unref(snap);
	sample_init(&s, "badsnap.etr", FIXTURE_EMPTY, 1);
	n = (uint32_t)ZSTD_compress(packed, 8192, block, size, 1);
	copy = calloc(1, 4096 + 128);
	memcpy(copy, s.bytes, 32 + 48);
	frame = copy + 32;
	memcpy(frame + 12, &n, 4);
	memcpy(frame + 48, packed, n);
	seal(frame);
	put_file(s.path, copy, 32 + 48 + ((n + 7) & ~7u));
	r = et_recording_open(s.path, NULL);
	ET_OK(r != NULL && et_recording_read(r, 0, &err) == NULL && err.code == ET_EXIT_INPUT,
	      "I6: a malformed snapshot is refused: %s", err.msg);
	et_recording_close(r);
	free(copy);
	free(packed);
	free(s.bytes);
}

/* A later version may lengthen both headers; we skip the tails. */
static void t_longer_headers(void)
{
	struct sample s;
	char *copy;
	uint16_t head = 40, frame = 64;
	uint32_t crc;
	size_t n;
	struct et_recording *r;

	sample_init(&s, "long.etr", FIXTURE_EMPTY, 1);
	n = s.n - 32 - 48;
	copy = calloc(1, s.n + 64);
	memcpy(copy, s.bytes, 32);
	memcpy(copy + 10, &head, 2);
	crc = et_crc32c(0, copy, 28);
	memcpy(copy + 28, &crc, 4);
	memcpy(copy + 40, s.bytes + 32, 44);
	memcpy(copy + 40 + 6, &frame, 2);
	memcpy(copy + 40 + 64, s.bytes + 32 + 48, n);
	seal(copy + 40);
	put_file(s.path, copy, 40 + 64 + n);
	r = et_recording_open(s.path, NULL);
	ET_OK(r != NULL && et_recording_holes(r) == 0 && is_fixture(r, 0, FIXTURE_EMPTY, 0, 1),
	      "I7: longer headers of a later version are read");
	et_recording_close(r);
	free(copy);
	free(s.bytes);
}

static void refuse(const char *path, const char *want)
{
	struct et_err err = { .code = ET_EXIT_OK };
	struct et_recording *r = et_recording_open(path, &err);

	ET_OK(r == NULL && err.code == ET_EXIT_INPUT && strstr(err.msg, want) != NULL,
	      "refused: %s", err.msg);
	et_recording_close(r);
}

static void t_not_recordings(void)
{
	char path[4200];
	struct sample s;
	uint16_t later = 2;
	uint32_t crc;

	refuse(path_of(path, "missing.etr"), "No such file");
	refuse(dir, "a directory");
	mkfifo(path_of(path, "fifo.etr"), 0600);
	refuse(path, "not a regular file");
	put_file(path_of(path, "empty.etr"), "", 0);
	refuse(path, "is empty");
	put_file(path, "targets:\n", 9);
	refuse(path, "not a recording");
	put_file(path, "E", 1);
	refuse(path, "no whole frame");
	sample_init(&s, "later.etr", FIXTURE_EMPTY, 1);
	memcpy(s.bytes + 8, &later, 2);
	crc = et_crc32c(0, s.bytes, 28);
	memcpy(s.bytes + 28, &crc, 4);
	put_file(s.path, s.bytes, s.n);
	refuse(s.path, "version 2");
	free(s.bytes);
}

/* Nothing but beginnings of frames: the search must stay linear, and find nothing. */
static void t_magic_bomb(void)
{
	char path[4200], *bomb = malloc(1 << 22);

	for (size_t i = 0; i < 1 << 22; i += 4)
		memcpy(bomb + i, "\xe7" "ETF", 4);
	put_file(path_of(path, "bomb.etr"), bomb, 1 << 22);
	refuse(path, "not a recording");
	free(bomb);
}

static void parse(const struct et_recording *r, const char *text, int64_t want)
{
	int64_t t = -1;
	struct et_err err = { .code = ET_EXIT_OK };
	int rc = et_recording_parse_time(r, text, &t, &err);
	char name[120];

	snprintf(name, sizeof name, "time '%.60s'", text);
	if (want >= 0) {
		ET_IS_INT(t, want, name);
		return;
	}
	ET_OK(rc == -1 && err.code == ET_EXIT_INPUT && strstr(err.msg, "00:01:05") != NULL,
	      "%s is refused, and what is right is said", name);
}

static void t_times(void)
{
	struct sample s;
	struct et_recording *r;
	const int64_t first = FIXTURE_STEP_NS, last = 20 * FIXTURE_STEP_NS; /* 0.25 s .. 5 s */
	static const char *const bad[] = { "", "x", "5", "-", "5 s", "1:2:3:4", "00:61", "1.5:00",
		"1e3s", "%", "50%%", "-50%", "--3s", "+3s", "1..5s", ".5s", "5.s", "0x10s", "nan",
		"9999999999s", "12:", ":12", "00:01:05s", "\xff" };

	sample_init(&s, "times.etr", FIXTURE_EMPTY, 20);
	r = et_recording_open(s.path, NULL);
	parse(r, "2.5s", 2500 * ET_NS_PER_MS);
	parse(r, "1500ms", 1500 * ET_NS_PER_MS);
	parse(r, "00:00:03", 3 * ET_NS_PER_S);
	parse(r, "00:03.25", 3250 * ET_NS_PER_MS);
	parse(r, "-2s", 3 * ET_NS_PER_S);
	parse(r, "-00:00:01.5", 3500 * ET_NS_PER_MS);
	parse(r, "0s", first);
	parse(r, "00:01:05", last);
	parse(r, "999999999h", last);
	parse(r, "-1h", first);
	parse(r, "0%", first);
	parse(r, "50%", first + (last - first) / 2);
	parse(r, "12.5%", first + (last - first) / 8);
	parse(r, "100%", last);
	parse(r, "400%", last);
	for (size_t i = 0; i < FIXTURE_LEN(bad); i++)
		parse(r, bad[i], -1);
	et_recording_close(r);
	free(s.bytes);
}

/* ---- the source ---------------------------------------------------------------------------- */

static uint64_t taken_seq(const struct et_source *src)
{
	const struct et_snapshot *snap = src->take(src->self);
	uint64_t seq = snap == NULL ? 0 : snap->seq;

	et_snapshot_unref(snap);
	return seq;
}

static void t_replay_moves(void)
{
	struct sample s;
	struct et_recording *r;
	struct et_source src;
	struct et_position pos;

	sample_init(&s, "moves.etr", FIXTURE_EMPTY, 20);
	r = et_recording_open(s.path, NULL);
	ET_IS_INT(et_replay_init(&src, r, "moves.etr"), 0, "a source over a recording");
	ET_OK(src.is_replay && src.fd(src.self) == -1, "says that it is a replay, has no descriptor");
	ET_IS_INT(src.wait_ns(src.self), 0, "the first frame is due at once");
	ET_IS_INT(taken_seq(&src), 1, "begins on the first frame");
	ET_IS_INT(taken_seq(&src), 0, "a frame is given once");
	ET_IS_INT(src.wait_ns(src.self), -1, "then nothing until a key");
	src.step(src.self, 3);
	ET_IS_INT(taken_seq(&src), 4, "three steps on");
	src.step(src.self, -1);
	ET_IS_INT(taken_seq(&src), 3, "one back");
	src.step(src.self, INT64_MIN);
	ET_IS_INT(taken_seq(&src), 1, "far back is the first");
	src.step(src.self, INT64_MAX);
	ET_IS_INT(taken_seq(&src), 20, "far on is the last");
	src.seek(src.self, 0.5);
	ET_IS_INT(taken_seq(&src), 10, "half the time");
	src.seek(src.self, 1);
	ET_IS_INT(taken_seq(&src), 20, "the end");
	src.seek(src.self, -1);
	ET_IS_INT(taken_seq(&src), 1, "before the begin is the begin");
	src.step(src.self, 4);
	src.position(src.self, &pos);
	ET_OK(pos.frame == 4 && pos.n_frames == 20 && pos.t_ns == 5 * FIXTURE_STEP_NS &&
	      pos.end_ns == 20 * FIXTURE_STEP_NS && !pos.is_playing, "position");
	et_replay_fini(&src);
	et_recording_close(r);
	free(s.bytes);
}

/* Plays 3 frames, i.e. half a second: waits as long as the source says, no longer. */
static void t_replay_plays(void)
{
	struct sample s;
	struct et_recording *r;
	struct et_source src;
	struct et_position pos;
	uint64_t seq = 0, seen = 0;
	int64_t began = et_clock_mono_ns(), wait;

	sample_init(&s, "plays.etr", FIXTURE_EMPTY, 3);
	r = et_recording_open(s.path, NULL);
	et_replay_init(&src, r, "plays.etr");
	src.play(src.self, true);
	while ((wait = src.wait_ns(src.self)) >= 0) {
		poll(NULL, 0, (int)(wait / ET_NS_PER_MS) + (wait > 0));
		seq = taken_seq(&src);
		seen |= UINT64_C(1) << seq;
	}
	ET_OK(seen >> 1 & 1 && seq == 3, "plays from the first frame to the last");
	ET_OK(et_clock_mono_ns() - began >= 2 * FIXTURE_STEP_NS, "not faster than it was recorded");
	src.position(src.self, &pos);
	ET_OK(!pos.is_playing && pos.frame == 2, "stops at the end");
	src.play(src.self, true);
	ET_IS_INT(taken_seq(&src), 1, "play at the end begins again");
	src.play(src.self, false);
	ET_IS_INT(src.wait_ns(src.self), -1, "pauses");
	et_replay_fini(&src);
	et_recording_close(r);
	free(s.bytes);
}

static void t_replay_passes_bad_frames(void)
{
	struct sample s;
	struct et_recording *r;
	struct et_source src;
	uint64_t other = 77;

	sample_init(&s, "pass.etr", FIXTURE_EMPTY, 3);
	r = forge(&s, 24, &other, 8);
	et_replay_init(&src, r, "pass.etr");
	ET_IS_INT(taken_seq(&src), 1, "a good frame");
	src.step(src.self, 1);
	ET_IS_INT(taken_seq(&src), 3, "a frame that cannot be read is passed over");
	et_replay_fini(&src);
	et_recording_close(r);
	free(s.bytes);
}

/* ---- the recorder -------------------------------------------------------------------------- */

static void wait_frames(struct et_recorder *r, uint64_t n, struct et_recorder_status *st)
{
	int64_t deadline = et_clock_mono_ns() + 10 * ET_NS_PER_S;

	do {
		et_recorder_status(r, st);
		if (st->frames >= n || st->is_failed)
			return;
		poll(NULL, 0, 1);
	} while (et_clock_mono_ns() < deadline);
}

static void t_recorder(void)
{
	char path[4200];
	struct et_err err = { .code = ET_EXIT_OK };
	struct et_recorder *rec = et_recorder_start(path_of(path, "thread.etr"), &err);
	struct et_recorder_status st;
	struct et_recording *r;
	struct stat file;
	const struct et_snapshot *last = fixture_snap(FIXTURE_RICH, 5, 6);

	ET_OK(rec != NULL, "starts: %s", err.msg);
	for (unsigned i = 0; i < 5; i++) {
		et_snapshot_unref(et_mbox_put(et_recorder_mbox(rec),
					      fixture_snap(FIXTURE_RICH, i, 6)));
		wait_frames(rec, i + 1, &st);
	}
	stat(path, &file);
	ET_OK(st.frames == 5 && !st.is_failed && st.bytes == (uint64_t)file.st_size,
	      "status counts frames and bytes");
	/* the final one comes both ways */
	et_snapshot_unref(et_mbox_put(et_recorder_mbox(rec), et_snapshot_ref(last)));
	ET_IS_INT(et_recorder_stop(rec, last, &err), 0, "stops");
	et_snapshot_unref(last);
	r = et_recording_open(path, &err);
	ET_OK(r != NULL && et_recording_frames(r) == 6, "the final snapshot is there once");
	ET_OK(is_fixture(r, 5, FIXTURE_RICH, 5, 6), "and is the last");
	et_recording_close(r);
	ET_OK(et_recorder_start(path, &err) == NULL && err.code == ET_EXIT_INPUT &&
	      strstr(err.msg, "it exists") != NULL, "does not overwrite: %s", err.msg);
	r = et_recording_open(path, NULL);
	ET_OK(r != NULL && et_recording_frames(r) == 6, "and leaves the old one as it was");
	et_recording_close(r);
	et_err_clear(&err);
	ET_OK(et_recorder_start(path_of(path, "no/such/dir.etr"), &err) == NULL &&
	      strstr(err.msg, "No such file") != NULL, "a missing folder is said: %s", err.msg);
}

static void set_file_limit(rlim_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = n;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* A file limit acts as a full disk does: a short write first, then an error. */
static void t_full(void)
{
	char path[4200];
	struct sample s;
	struct et_err err = { .code = ET_EXIT_OK };
	struct et_recorder *rec;
	struct et_recorder_status st = { .frames = 0 };
	struct et_recording *r;
	struct stat file;

	sample_init(&s, "size.etr", FIXTURE_RICH, 6);
	rec = et_recorder_start(path_of(path, "full.etr"), &err);
	set_file_limit(s.begin[3] + 100); /* the fourth frame does not fit */
	for (unsigned i = 0; i < 6; i++) {
		et_snapshot_unref(et_mbox_put(et_recorder_mbox(rec),
					      fixture_snap(FIXTURE_RICH, i, 6)));
		wait_frames(rec, i + 1, &st);
	}
	set_file_limit(RLIM_INFINITY);
	ET_OK(st.is_failed && st.frames == 3, "stops at the frame that does not fit");
	ET_OK(strstr(st.error, "File too large (3 frames kept)") != NULL, "says so: %s", st.error);
	ET_OK(et_recorder_stop(rec, NULL, &err) == -1 && err.code == ET_EXIT_JOB,
	      "stop repeats it: %s", err.msg);
	stat(path, &file);
	ET_IS_INT(file.st_size, s.begin[3], "I5: the file ends with its last whole frame");
	r = et_recording_open(path, NULL);
	ET_OK(r != NULL && et_recording_frames(r) == 3 && et_recording_holes(r) == 0,
	      "and replays whole");
	et_recording_close(r);
	free(s.bytes);
}

int main(void)
{
	if (et_io_tmpdir("test_record", dir, sizeof dir) != 0)
		exit(printf("Bail out! no folder for temporary files\n"));
	t_round_trip();
	t_layout();
	t_one_write_a_frame();
	t_cut_everywhere();
	t_flips();
	t_zeroed_runs();
	t_shifted();
	t_forged();
	t_forged_snapshot();
	t_longer_headers();
	t_not_recordings();
	t_magic_bomb();
	t_times();
	t_replay_moves();
	t_replay_plays();
	t_replay_passes_bad_frames();
	t_recorder();
	t_full();
	et_io_rmtree(AT_FDCWD, dir);
	return tap_done();
}
