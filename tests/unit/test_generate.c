/* SPDX-License-Identifier: Apache-2.0
 * Generated trees: the same seed gives the same tree whatever the umask, another seed another
 * one, and the tree has what it promises. */
#include "engine/build/generate.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "tap.h"

/* What a walk found; nftw() has no argument for its callback, hence a global. */
static struct found {
	size_t root_len;
	uint64_t files, dirs, symlinks, hard_links, executables, bytes, long_names, foreign_names;
	uint64_t sum; /* of entries' checksums: independent of their order */
} found;

static uint32_t crc_of_content(const char *path, const struct stat *st)
{
	char target[PATH_MAX], *bytes = NULL;
	struct et_err err = { 0 };
	size_t n = 0;
	uint32_t crc;

	if (S_ISLNK(st->st_mode)) {
		ssize_t len = readlink(path, target, sizeof target);

		return et_crc32c(0, target, len > 0 ? (size_t)len : 0);
	}
	if (!S_ISREG(st->st_mode) || et_io_read_file(path, 1 << 30, &bytes, &n, &err) != 0)
		return 0;
	crc = et_crc32c(0, bytes, n);
	free(bytes);
	return crc;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *name = path + found.root_len;
	int64_t facts[3] = { S_ISLNK(st->st_mode) ? 0 : st->st_mode, st->st_mtim.tv_sec,
			     st->st_mtim.tv_nsec };
	uint32_t crc = crc_of_content(path, st);

	(void)at;
	crc = et_crc32c(crc, name, strlen(name));
	found.sum += et_crc32c(crc, facts, sizeof facts);
	found.files += S_ISREG(st->st_mode);
	found.bytes += S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	found.dirs += type == FTW_D;
	found.symlinks += S_ISLNK(st->st_mode);
	found.hard_links += S_ISREG(st->st_mode) && st->st_nlink > 1;
	found.executables += S_ISREG(st->st_mode) && (st->st_mode & 0111) != 0;
	found.long_names += strlen(path + at->base) > 100;
	for (const char *c = path + at->base; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80) {
			found.foreign_names++;
			break;
		}
	return 0;
}

static struct found walk(const char *dir)
{
	found = (struct found){ .root_len = strlen(dir) };
	nftw(dir, visit, 20, FTW_PHYS);
	return found;
}

static struct found walk_again(const char *top, const char *name)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof dir, "%s/%s", top, name);
	return walk(dir);
}

static struct found make(const char *top, const char *name, uint64_t seed, uint64_t files,
			 uint64_t size, bool is_rewrite)
{
	struct et_progress progress = { 0 };
	struct et_err err = { 0 };
	char dir[PATH_MAX];
	struct found f;

	snprintf(dir, sizeof dir, "%s/%s", top, name);
	mkdir(dir, 0700);
	ET_OK(et_generate_tree(dir, &(struct et_generate_opts){ .files = files, .size_bytes = size,
		.dirs = files / 50, .seed = seed, .is_rewrite = is_rewrite }, &progress, &err) == 0,
	      "%s: %s", name, err.msg);
	ET_IS_INT(atomic_load(&progress.work_done), files, "every file is counted");
	f = walk(dir);
	ET_OK(atomic_load(&progress.bytes_out) <= f.bytes && f.files == files &&
	      f.dirs == files / 50 + 1 && f.symlinks == files / 50,
	      "as many files, folders and links as asked");
	return f;
}

static void t_same_tree(const char *top)
{
	struct found a, b, c;

	umask(022);
	a = make(top, "a", 1, 700, 4096, false);
	umask(077);
	b = make(top, "b", 1, 700, 4096, false);
	umask(022);
	c = make(top, "c", 2, 700, 4096, false);
	ET_OK(a.sum == b.sum, "same seed, other umask: the same tree");
	ET_OK(a.sum != c.sum, "another seed: another tree");
	ET_IS_INT(a.sum, INT64_C(1548457261299), "the tree of seed 1 is the one it always was");
	ET_OK(a.hard_links > 5 && a.executables > 50 && a.long_names > 5 && a.foreign_names > 10,
	      "hard links, executables, long and non-ASCII names");
	ET_OK(a.bytes > 700 * 4096 * 8 / 10 && a.bytes < 700 * 4096 * 12 / 10,
	      "mean size %" PRIu64 " is near 4096", a.bytes / 700);
}

/* Over a tree of the same options, in which somebody changed things; and over half a tree. */
static void t_rewrite(const char *top)
{
	struct found want = make(top, "w", 3, 300, 2000, true), got;
	char damage[PATH_MAX + 200];

	snprintf(damage, sizeof damage, "cd '%s/w' && for f in $(find . -name 'f*' | head -50); do "
		 "echo changed >$f; done; rm -rf $(find . -name 'd*' | head -2); "
		 "find . -name 'l*' -delete", top);
	ET_OK(system(damage) == 0, "a tree is damaged");
	got = walk_again(top, "w");
	ET_OK(got.sum != want.sum, "which can be seen");
	got = make(top, "w", 3, 300, 2000, true);
	ET_OK(got.sum == want.sum, "written over, it is whole again");
	got = make(top, "w", 3, 300, 2000, true);
	ET_OK(got.sum == want.sum, "and again");
}

static void t_small(const char *top)
{
	struct et_progress progress = { 0 };
	struct et_err err = { 0 };
	struct found f;
	char dir[PATH_MAX];

	snprintf(dir, sizeof dir, "%s/one", top);
	mkdir(dir, 0700);
	ET_OK(et_generate_tree(dir, &(struct et_generate_opts){ .files = 1, .size_bytes = 1,
		.dirs = 1, .seed = 0 }, &progress, &err) == 0, "one file of one byte, seed 0");
	f = walk(dir);
	ET_OK(f.files == 1 && f.dirs == 2, "is one file in or beside one folder");
}

static void t_fails(const char *top)
{
	const struct et_generate_opts opts = { .files = 10, .size_bytes = 10, .dirs = 1,
					       .seed = 1 };
	struct et_progress progress = { 0 };
	struct et_err err = { 0 };
	char dir[PATH_MAX];

	snprintf(dir, sizeof dir, "%s/missing", top);
	ET_OK(et_generate_tree(dir, &opts, &progress, &err) != 0 && err.sys_errno == ENOENT &&
	      strstr(err.msg, "missing") != NULL, "a missing directory: %s", err.msg);
	et_err_clear(&err);
	atomic_store(&progress.is_cancelled, true);
	ET_OK(et_generate_tree(top, &opts, &progress, &err) != 0 &&
	      strcmp(err.msg, "cancelled") == 0, "cancelled");
}

int main(void)
{
	char top[PATH_MAX - 64];

	if (et_io_tmpdir("engine-top-test", top, sizeof top) != 0) {
		printf("Bail out! no temporary directory\n");
		return 1;
	}
	t_same_tree(top);
	t_rewrite(top);
	t_small(top);
	t_fails(top);
	ET_OK(et_io_rmtree(AT_FDCWD, top) == 0, "removed");
	return tap_done();
}
