/* SPDX-License-Identifier: Apache-2.0
 *
 * The generator (generate.h).  One thread, no state outside the call.
 *
 * Every name has a generator of its own, seeded by seed and index, so that no choice depends on
 * the order of the others.  All arithmetic is on integers: exp() and log() may differ in the last
 * bit between machines, and one bit is another tree.
 *
 * What real trees have and simple ones lack is here on purpose: nested folders, empty and large
 * files, long and non-ASCII names, links, odd modes; text that compresses beside bytes that do
 * not. */
#include "engine/build/generate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/rng.h"

#define DEPTH_MAX 8
#define TEXT_BYTES 65536u
#define BLOCK_BYTES 65536u
#define EPOCH_FROM 1500000000 /* 2017; times are spread over the three years after it */
#define EPOCH_SPREAD 100000000

struct folder {
	uint32_t parent; /* index; 0 is the root */
	uint32_t depth;
	uint32_t last_file; /* a file that was put here, + 1; 0 = none yet */
};

struct gen {
	const struct et_generate_opts *opts;
	struct et_progress *progress;
	struct et_err *err;
	int root;
	struct folder *folder; /* dirs + 1 */
	char text[TEXT_BYTES];
	char block[BLOCK_BYTES];
};

enum salt { SALT_TEXT = 1, SALT_DIR, SALT_FILE, SALT_LINK };

static struct et_rng rng_of(const struct gen *g, enum salt salt, uint64_t ix)
{
	struct et_rng r = { g->opts->seed * UINT64_C(0x2545f4914f6cdd1d) + salt };

	r.state = et_rng_next(&r) + ix * UINT64_C(0xd6e8feb86659fd93);
	return r;
}

static int fail(struct gen *g, const char *what, const char *path)
{
	return et_err_sys(g->err, ET_EXIT_JOB, errno, "cannot %s '%s'", what, path);
}

static int check_cancelled(struct gen *g)
{
	if (!atomic_load_explicit(&g->progress->is_cancelled, memory_order_relaxed))
		return 0;
	return et_err_set(g->err, ET_EXIT_JOB, "cancelled");
}

/* ---- names -------------------------------------------------------------------------------- */

/* Path of a folder from the root, "" or ending in '/'. */
static size_t folder_path(const struct gen *g, uint32_t ix, char *out, size_t n)
{
	uint32_t chain[DEPTH_MAX + 1];
	size_t depth = 0, at = 0;

	for (; ix != 0; ix = g->folder[ix].parent)
		chain[depth++] = ix;
	out[0] = '\0';
	while (depth > 0)
		at += (size_t)snprintf(out + at, n - at, "d%05u/", chain[--depth]);
	return at;
}

static void file_name(const struct gen *g, uint64_t ix, char *out, size_t n)
{
	static const char *const suffix[] = { "c", "h", "txt", "md", "json", "o", "png", "yaml" };
	/* German, Japanese, French, Russian, a combining accent, outside the basic plane */
	static const char *const foreign[] = {
		"gr\303\266\303\237e", "\346\227\245\346\234\254\350\252\236",
		"caf\303\251 cr\303\250me",
		"\320\264\320\260\320\275\320\275\321\213\320\265",
		"e\314\201t\303\251", "\360\237\223\246",
	};
	struct et_rng r = rng_of(g, SALT_FILE, ix);
	const char *dot = suffix[et_rng_below(&r, sizeof suffix / sizeof *suffix)];
	uint64_t luck = et_rng_below(&r, 64);
	unsigned long long number = ix;

	if (luck == 0) /* too long for a ustar header */
		snprintf(out, n, "%07llu-%0*d.%s", number, (int)(120 + et_rng_below(&r, 110)), 0,
			 dot);
	else if (luck <= 2)
		snprintf(out, n, "%s-%llu.%s",
			 foreign[et_rng_below(&r, sizeof foreign / sizeof *foreign)], number, dot);
	else
		snprintf(out, n, "f%07llu.%s", number, dot);
}

static uint32_t folder_of(const struct gen *g, uint64_t ix)
{
	struct et_rng r = rng_of(g, SALT_FILE, ix);

	r.state ^= UINT64_C(0x5555555555555555);
	return (uint32_t)et_rng_below(&r, g->opts->dirs + 1);
}

static void file_path(const struct gen *g, uint64_t ix, char *out, size_t n)
{
	size_t at = folder_path(g, folder_of(g, ix), out, n);

	file_name(g, ix, out + at, n - at);
}

/* ---- sizes and bytes ---------------------------------------------------------------------- */

/* 2^x for x in Q16, as Q16; the fraction by a parabola (error below 0.4 %). */
static uint64_t exp2_q16(int64_t x)
{
	int64_t whole = x >> 16, f = x & 0xffff;
	int64_t m = 65536 + ((f * (43024 + ((22512 * f) >> 16))) >> 16);

	return whole >= 0 ? (uint64_t)m << whole : (uint64_t)m >> (whole < -40 ? 40 : -whole);
}

/* Lognormal with sigma 1: the sum of 12 uniforms is normal enough, and an integer. */
static uint64_t file_size(const struct gen *g, struct et_rng *r)
{
	uint64_t mean = g->opts->size_bytes, size;
	int64_t z = -6 * 65536;

	for (int i = 0; i < 12; i++)
		z += (int64_t)et_rng_below(r, 65536);
	/* median = mean / e^(1/2); e^z = 2^(z * 1.442695) */
	size = (uint64_t)(((__uint128_t)mean * 39749 * exp2_q16(z * 94548 / 65536)) >> 32);
	return size > mean * 64 ? mean * 64 : size;
}

/* Words, of which text files are cut: about as compressible as source code. */
static void make_text(struct gen *g)
{
	static const char letters[] = "etaoinsrhldcumfpgwybvk";
	struct et_rng r = rng_of(g, SALT_TEXT, 0);
	char word[512][12];
	size_t at = 0;

	for (size_t i = 0; i < 512; i++) {
		size_t n = 2 + et_rng_below(&r, 9);

		for (size_t k = 0; k < n; k++)
			word[i][k] = letters[et_rng_below(&r, sizeof letters - 1)];
		word[i][n] = '\0';
	}
	while (at < TEXT_BYTES) {
		uint64_t pick = et_rng_below(&r, 512);
		const char *w = word[pick * pick / 512]; /* some words are common */

		for (; *w != '\0' && at < TEXT_BYTES; w++)
			g->text[at++] = *w;
		if (at < TEXT_BYTES)
			g->text[at++] = et_rng_below(&r, 10) == 0 ? '\n' : ' ';
	}
}

static void fill_text(struct gen *g, struct et_rng *r, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t from = et_rng_below(r, TEXT_BYTES - 256);
		size_t len = 32 + et_rng_below(r, 224);

		if (len > n - at)
			len = n - at;
		memcpy(g->block + at, g->text + from, len);
		at += len;
	}
}

static void fill_random(struct gen *g, struct et_rng *r, size_t n)
{
	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = et_rng_next(r);

		/* byte by byte, so that their order is not the CPU's */
		for (size_t k = 0; k < 8 && at + k < n; k++)
			g->block[at + k] = (char)(word >> (8 * k));
	}
}

static int write_bytes(struct gen *g, int fd, struct et_rng *r, uint64_t size)
{
	bool is_text = et_rng_below(r, 10) < 7;

	for (uint64_t left = size; left > 0;) {
		size_t n = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;

		if (check_cancelled(g) != 0)
			return -1;
		if (is_text)
			fill_text(g, r, n);
		else
			fill_random(g, r, n);
		if (et_io_write_all(fd, g->block, n) != 0)
			return -1;
		atomic_fetch_add_explicit(&g->progress->bytes_out, n, memory_order_relaxed);
		left -= n;
	}
	return 0;
}

/* ---- entries ------------------------------------------------------------------------------ */

static void pick_times(struct et_rng *r, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec){
		.tv_sec = EPOCH_FROM + (time_t)et_rng_below(r, EPOCH_SPREAD) };
}

static mode_t pick_mode(struct et_rng *r)
{
	static const mode_t mode[16] = { 0644, 0644, 0644, 0644, 0644, 0644, 0644, 0644, 0644, 0644,
					 0755, 0755, 0664, 0600, 0444, 0640 };

	return mode[et_rng_below(r, 16)];
}

/* A file of its own owner may still refuse to be opened (0444): then it is made anew. */
static int open_file(const struct gen *g, const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	int fd;

	if (g->opts->is_rewrite) {
		fd = openat(g->root, path, flags | O_TRUNC, 0600);
		if (fd >= 0 || errno != EACCES || unlinkat(g->root, path, 0) != 0)
			return fd;
	}
	return openat(g->root, path, flags | O_EXCL, 0600);
}

static int make_file(struct gen *g, uint64_t ix, const char *path)
{
	struct et_rng r = rng_of(g, SALT_FILE, ix + (UINT64_C(1) << 40));
	struct timespec times[2];
	uint64_t size = file_size(g, &r);
	mode_t mode = pick_mode(&r);
	int fd = open_file(g, path);
	int rc;

	if (fd < 0)
		return fail(g, "create", path);
	pick_times(&r, times);
	rc = write_bytes(g, fd, &r, size);
	if (rc == 0)
		rc = fchmod(fd, mode); /* not by open(): the umask would have a say */
	if (rc == 0)
		rc = futimens(fd, times);
	if (rc != 0)
		fail(g, "write", path);
	close(fd);
	return rc;
}

/* Is this the EEXIST of a name that a rewritten tree already has? */
static bool is_there(const struct gen *g)
{
	return g->opts->is_rewrite && errno == EEXIST;
}

/* One in 100 is another name of a file of the same folder. */
static int make_name(struct gen *g, uint64_t ix)
{
	struct folder *in = &g->folder[folder_of(g, ix)];
	char path[PATH_MAX], other[PATH_MAX];
	struct et_rng r = rng_of(g, SALT_LINK, ix);
	bool is_link = in->last_file != 0 && et_rng_below(&r, 100) == 0;
	int rc;

	file_path(g, ix, path, sizeof path);
	if (is_link) {
		file_path(g, in->last_file - 1, other, sizeof other);
		rc = linkat(g->root, other, g->root, path, 0);
		if (rc != 0 && is_there(g) && unlinkat(g->root, path, 0) == 0)
			rc = linkat(g->root, other, g->root, path, 0);
		if (rc != 0)
			fail(g, "link", path);
	} else {
		rc = make_file(g, ix, path);
	}
	in->last_file = (uint32_t)ix + 1;
	atomic_fetch_add_explicit(&g->progress->work_done, 1, memory_order_relaxed);
	return rc;
}

/* Symbolic links to files of their own folder; one in four leads nowhere. */
static int make_symlink(struct gen *g, uint64_t ix)
{
	struct et_rng r = rng_of(g, SALT_LINK, ix + (UINT64_C(1) << 40));
	uint64_t file = et_rng_below(&r, g->opts->files);
	char path[PATH_MAX], target[NAME_MAX + 1] = "nowhere";
	struct timespec times[2];
	size_t at = folder_path(g, folder_of(g, file), path, sizeof path);

	if (et_rng_below(&r, 4) != 0)
		file_name(g, file, target, sizeof target);
	snprintf(path + at, sizeof path - at, "l%07llu", (unsigned long long)ix);
	if (symlinkat(target, g->root, path) != 0 && !is_there(g))
		return fail(g, "create", path);
	pick_times(&r, times);
	if (utimensat(g->root, path, times, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(g, "set the time of", path);
	return 0;
}

static int make_folders(struct gen *g)
{
	char path[PATH_MAX];

	for (uint32_t i = 1; i <= g->opts->dirs; i++) {
		struct et_rng r = rng_of(g, SALT_DIR, i);
		uint32_t parent = (uint32_t)et_rng_below(&r, i);

		if (g->folder[parent].depth + 1 >= DEPTH_MAX)
			parent = 0;
		g->folder[i].parent = parent;
		g->folder[i].depth = g->folder[parent].depth + 1;
		folder_path(g, i, path, sizeof path);
		if (check_cancelled(g) != 0)
			return -1;
		if (mkdirat(g->root, path, 0700) != 0 && !is_there(g))
			return fail(g, "create", path);
	}
	return 0;
}

/* Last of all and children first: each entry made in a folder changes its time. */
static int finish_folders(struct gen *g)
{
	char path[PATH_MAX];

	for (uint32_t i = (uint32_t)g->opts->dirs + 1; i-- > 0;) {
		struct et_rng r = rng_of(g, SALT_DIR, i + (UINT64_C(1) << 40));
		mode_t mode = et_rng_below(&r, 8) == 0 ? 0750 : 0755;
		struct timespec times[2];

		if (folder_path(g, i, path, sizeof path) == 0)
			strcpy(path, ".");
		pick_times(&r, times);
		if (fchmodat(g->root, path, mode, 0) != 0)
			return fail(g, "set the mode of", path);
		if (utimensat(g->root, path, times, 0) != 0)
			return fail(g, "set the time of", path);
	}
	return 0;
}

static int make_all(struct gen *g)
{
	make_text(g);
	if (make_folders(g) != 0)
		return -1;
	for (uint64_t i = 0; i < g->opts->files; i++)
		if (check_cancelled(g) != 0 || make_name(g, i) != 0)
			return -1;
	for (uint64_t i = 0; i < g->opts->files / 50; i++)
		if (make_symlink(g, i) != 0)
			return -1;
	return finish_folders(g);
}

int et_generate_tree(const char *dir, const struct et_generate_opts *opts,
		     struct et_progress *progress, struct et_err *err)
{
	struct gen *g = calloc(1, sizeof *g);
	int rc = -1;

	if (g == NULL)
		return et_err_set(err, ET_EXIT_LACK, "out of memory for the tree '%s'", dir);
	*g = (struct gen){ .opts = opts, .progress = progress, .err = err };
	g->folder = calloc(opts->dirs + 1, sizeof *g->folder);
	g->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	atomic_store(&progress->unit, "files");
	atomic_store(&progress->work_total, opts->files);
	if (g->folder == NULL)
		et_err_set(err, ET_EXIT_LACK, "out of memory for %llu folders",
			   (unsigned long long)opts->dirs);
	else if (g->root < 0)
		fail(g, "open", dir);
	else
		rc = make_all(g);
	if (g->root >= 0)
		close(g->root);
	free(g->folder);
	free(g);
	return rc;
}
