/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of recordings: maps the file, indexes the frames that are whole, gives out
 * snapshots.  Every byte is checked before it is believed, since the file may be cut, damaged or
 * made by an enemy.  The search is linear in the file's length whatever it holds: each byte is
 * summed at most once as payload, and headers are bounded.  One thread at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "profiler/record/format.h"
#include "profiler/record/record.h"

struct entry {
	uint64_t offset; /* of the frame's header */
	int64_t t_ns;
};

struct et_recording {
	const unsigned char *map;
	size_t n_map;
	struct entry *frames;
	uint64_t n_frames, room;
	uint64_t n_holes;
	uint64_t n_foreign; /* whole frames of a type that this program does not know */
	ZSTD_DCtx *zstd;
	char path[512];
};

/* The header at `at`, if there is a whole and undamaged one. */
static bool header_at(const struct et_recording *r, uint64_t at, struct et_record_frame *head)
{
	uint32_t crc;

	if (at > r->n_map || r->n_map - at < sizeof *head)
		return false;
	memcpy(head, r->map + at, sizeof *head);
	if (memcmp(head->magic, ET_FRAME_MAGIC, sizeof head->magic) != 0 ||
	    head->header_bytes < sizeof *head || head->header_bytes > ET_FRAME_HEADER_MAX ||
	    head->header_bytes % 8 != 0 || r->n_map - at < head->header_bytes ||
	    head->t_ns < 0 || head->t_ns > ET_FRAME_T_MAX_NS)
		return false;
	memcpy(&crc, r->map + at + head->header_bytes - sizeof crc, sizeof crc);
	return crc == et_crc32c(0, r->map + at, head->header_bytes - sizeof crc);
}

static uint64_t payload_bytes(const struct et_record_frame *head)
{
	return ((uint64_t)head->length + 7) & ~UINT64_C(7);
}

static bool payload_fits(const struct et_recording *r, uint64_t at, const struct et_record_frame *head)
{
	return r->n_map - at - head->header_bytes >= payload_bytes(head);
}

static bool payload_is_whole(const struct et_recording *r, uint64_t at,
			     const struct et_record_frame *head)
{
	return et_crc32c(0, r->map + at + head->header_bytes, payload_bytes(head)) ==
	       head->payload_crc;
}

/* Can this program make a snapshot of it? */
static bool is_known(const struct et_record_frame *head)
{
	return head->type == ET_FRAME_SNAPSHOT && (head->flags & ET_RECORD_MUST_KNOW) == 0 &&
	       head->raw_length <= ET_FRAME_RAW_MAX;
}

static int add_frame(struct et_recording *r, uint64_t at, int64_t t_ns, struct et_err *err)
{
	if (r->n_frames == r->room) {
		uint64_t room = r->room == 0 ? 1024 : r->room * 2;
		struct entry *more = realloc(r->frames, room * sizeof *more);

		if (more == NULL)
			return et_err_set(err, ET_EXIT_LACK, "out of memory reading '%s'", r->path);
		r->frames = more;
		r->room = room;
	}
	r->frames[r->n_frames++] = (struct entry){ .offset = at, .t_ns = t_ns };
	return 0;
}

/* Where the next frame may begin, from `at` on; the end of the file if nowhere.  Not memmem():
 * sanitizers charge it for the whole rest of the file at each call. */
static uint64_t next_magic(const struct et_recording *r, uint64_t at)
{
	const size_t n = sizeof((struct et_record_frame *)0)->magic;

	while (at + n <= r->n_map) {
		const unsigned char *found = memchr(r->map + at, ET_FRAME_MAGIC[0] & 0xff,
						    r->n_map - at);

		if (found == NULL)
			break;
		at = (uint64_t)(found - r->map);
		if (r->n_map - at >= n && memcmp(found, ET_FRAME_MAGIC, n) == 0)
			return at;
		at++;
	}
	return r->n_map;
}

/* Is what begins here the front part of one frame that the file's end cuts?  That is how a kill
 * leaves a recording: not damage. */
static bool is_cut_tail(const struct et_recording *r, uint64_t at)
{
	struct et_record_frame head;
	size_t left = r->n_map - at, n = left < sizeof head.magic ? left : sizeof head.magic;

	if (header_at(r, at, &head))
		return true; /* it did not fit: index_frames() asks only then */
	return left < sizeof head && memcmp(r->map + at, ET_FRAME_MAGIC, n) == 0;
}

/* Walk from frame to frame; where there is none, search for the next.  Bytes that belong to no
 * whole frame make one hole, however many frames they were. */
static int index_frames(struct et_recording *r, uint64_t at, bool is_in_hole, struct et_err *err)
{
	r->n_holes = is_in_hole;
	while (at < r->n_map) {
		struct et_record_frame head;
		bool has_head = header_at(r, at, &head);

		if (!has_head || !payload_fits(r, at, &head)) {
			uint64_t next = next_magic(r, at + 1);

			r->n_holes += !is_in_hole && !(next == r->n_map && is_cut_tail(r, at));
			is_in_hole = true;
			at = next;
			continue;
		}
		if (payload_is_whole(r, at, &head)) {
			is_in_hole = false;
			r->n_foreign += !is_known(&head);
			if (is_known(&head) && add_frame(r, at, head.t_ns, err) != 0)
				return -1;
		} else {
			r->n_holes += !is_in_hole;
			is_in_hole = true;
		}
		at += head.header_bytes + payload_bytes(&head);
	}
	return 0;
}

/* 0 and where the frames begin; -1 if a later version says that we must not read on.  A header
 * that is damaged (*is_damaged) does not stop us: the frames speak for themselves. */
static int read_head(const struct et_recording *r, uint64_t *begin, bool *is_damaged,
		     struct et_err *err)
{
	struct et_record_head head = { .version = 0 };

	*begin = 0;
	*is_damaged = true;
	if (r->n_map < sizeof head)
		return 0;
	memcpy(&head, r->map, sizeof head);
	if (memcmp(head.magic, ET_RECORD_MAGIC, sizeof head.magic) != 0 ||
	    head.crc != et_crc32c(0, &head, offsetof(struct et_record_head, crc)))
		return 0;
	if (head.version != ET_RECORD_VERSION || (head.flags & ET_RECORD_MUST_KNOW) != 0)
		return et_err_set(err, ET_EXIT_INPUT,
				  "'%s' is a recording of version %u; this program reads version %u",
				  r->path, head.version, ET_RECORD_VERSION);
	*is_damaged = head.header_bytes < sizeof head || head.header_bytes > r->n_map;
	*begin = *is_damaged ? 0 : head.header_bytes;
	return 0;
}

static bool has_magic(const struct et_recording *r)
{
	size_t n = sizeof((struct et_record_head *)0)->magic;

	n = r->n_map < n ? r->n_map : n;
	return memcmp(r->map, ET_RECORD_MAGIC, n) == 0;
}

static int say_no_frame(const struct et_recording *r, struct et_err *err)
{
	if (!has_magic(r))
		return et_err_set(err, ET_EXIT_INPUT, "'%s' is not a recording of engine-top",
				  r->path);
	if (r->n_foreign > 0)
		return et_err_set(err, ET_EXIT_INPUT,
				  "'%s' was recorded by a later engine-top: none of its %llu frames "
				  "is of a kind that this program reads",
				  r->path, (unsigned long long)r->n_foreign);
	return et_err_set(err, ET_EXIT_INPUT,
			  "'%s' has no whole frame: it was cut or damaged before the first one ended",
			  r->path);
}

static int map_file(struct et_recording *r, struct et_err *err)
{
	/* O_NONBLOCK: a fifo shall be refused, not waited for */
	int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	void *map;

	if (fd < 0)
		return et_err_sys(err, ET_EXIT_INPUT, errno, "cannot open '%s'", r->path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		close(fd);
		return et_err_set(err, ET_EXIT_INPUT, "'%s' is %s, not a recording", r->path,
				  S_ISREG(st.st_mode) ? "empty" :
				  S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return et_err_sys(err, ET_EXIT_LACK, errno, "cannot map '%s'", r->path);
	r->map = map;
	r->n_map = (size_t)st.st_size;
	(void)madvise(map, r->n_map, MADV_SEQUENTIAL); /* a hint for the walk that follows */
	return 0;
}

static int load(struct et_recording *r, struct et_err *err)
{
	uint64_t begin;
	bool is_damaged;

	if (map_file(r, err) != 0 || read_head(r, &begin, &is_damaged, err) != 0 ||
	    index_frames(r, begin, is_damaged, err) != 0)
		return -1;
	if (r->n_frames == 0)
		return say_no_frame(r, err);
	(void)madvise((void *)(uintptr_t)r->map, r->n_map, MADV_NORMAL);
	return 0;
}

struct et_recording *et_recording_open(const char *path, struct et_err *err)
{
	struct et_recording *r = calloc(1, sizeof *r);

	if (r == NULL || (r->zstd = ZSTD_createDCtx()) == NULL) {
		free(r);
		et_err_set(err, ET_EXIT_LACK, "out of memory reading '%s'", path);
		return NULL;
	}
	if (strlen(path) >= sizeof r->path) {
		et_err_sys(err, ET_EXIT_INPUT, ENAMETOOLONG, "cannot open '%s'", path);
		et_recording_close(r);
		return NULL;
	}
	strcpy(r->path, path);
	if (load(r, err) != 0) {
		et_recording_close(r);
		return NULL;
	}
	return r;
}

void et_recording_close(struct et_recording *r)
{
	if (r == NULL)
		return;
	if (r->map != NULL)
		munmap((void *)(uintptr_t)r->map, r->n_map);
	ZSTD_freeDCtx(r->zstd);
	free(r->frames);
	free(r);
}

uint64_t et_recording_frames(const struct et_recording *r) { return r->n_frames; }
uint64_t et_recording_holes(const struct et_recording *r) { return r->n_holes; }

int64_t et_recording_time_ns(const struct et_recording *r, uint64_t frame)
{
	return r->frames[frame < r->n_frames ? frame : r->n_frames - 1].t_ns;
}

uint64_t et_recording_find(const struct et_recording *r, int64_t t_ns)
{
	uint64_t low = 0, high = r->n_frames; /* frames[low] is the answer or lies before it */

	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (r->frames[mid].t_ns <= t_ns)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Decompressed payload, malloc'ed; NULL if it is not exactly raw_length bytes. */
static void *decompress(struct et_recording *r, const unsigned char *payload,
			const struct et_record_frame *head)
{
	void *raw;
	size_t n;

	if (ZSTD_getFrameContentSize(payload, head->length) != head->raw_length)
		return NULL;
	raw = malloc(head->raw_length + (size_t)1);
	if (raw == NULL)
		return NULL;
	n = ZSTD_decompressDCtx(r->zstd, raw, head->raw_length, payload, head->length);
	if (!ZSTD_isError(n) && n == head->raw_length)
		return raw;
	free(raw);
	return NULL;
}

const struct et_snapshot *et_recording_read(struct et_recording *r, uint64_t frame,
					    struct et_err *err)
{
	uint64_t at = frame < r->n_frames ? r->frames[frame].offset : r->n_map;
	const struct et_snapshot *snap = NULL;
	struct et_record_frame head;
	struct et_snapshot *raw = NULL;

	/* the index was made from these bytes, but somebody may have written to the file since */
	if (header_at(r, at, &head) && is_known(&head) && payload_fits(r, at, &head) &&
	    payload_is_whole(r, at, &head))
		raw = decompress(r, r->map + at + head.header_bytes, &head);
	if (raw != NULL && et_snapshot_check(raw, head.raw_length, NULL) == 0 &&
	    raw->seq == head.seq && raw->t_ns == head.t_ns)
		snap = et_snapshot_copy(raw, head.raw_length);
	if (snap == NULL)
		et_err_set(err, ET_EXIT_INPUT, "frame %llu of '%s' is damaged",
			   (unsigned long long)frame + 1, r->path);
	free(raw);
	return snap;
}
