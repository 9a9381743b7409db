/* SPDX-License-Identifier: Apache-2.0
 *
 * A group of a layer (pack.h): tar by libarchive, gzip by zlib, on a worker thread.
 *
 * Each group is a piece of the tar stream and a whole gzip member: pieces and members that
 * follow one another are one tar and one gzip file, so groups need not know of each other.
 *
 * A file is read against what fstat(2) said when it was opened, and looked at again afterwards:
 * if anything moved, the whole group is done again, and after three tries the build fails with
 * the file's name.  So the size in a header is always the size that follows. */
#include "engine/image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#define READ_BYTES (64u << 10)
#define SCRATCH_BYTES ET_HEADER_SCRATCH
#define OUTGREW_BYTES (4u * ET_GROUP_BYTES)
#define TAR_BLOCK 512u
#define GZIP_OS_UNKNOWN 255

_Static_assert(READ_BYTES + 1 <= SCRATCH_BYTES, "one byte more than asked shows a file that grew");

/* One attempt at a group. */
struct attempt {
	struct et_group *g;
	struct archive *a;
	struct archive_entry *ae;
	struct et_treedir dir;
	char *path, *leader; /* scratch of et_tree_path */
	size_t path_room, leader_room;
};

/* ---- outcomes ----------------------------------------------------------------------------- */

static const char *path_of(struct attempt *t, uint32_t ix)
{
	const char *path = et_tree_path(t->g->pack->tree, ix, &t->path, &t->path_room);

	return path == NULL ? "?" : path;
}

static enum et_pack_end no_memory(struct et_group *g)
{
	et_err_set(&g->err, ET_EXIT_LACK, "out of memory while packing '%s'", g->pack->context);
	return ET_PACK_FAILED;
}

static enum et_pack_end changed(struct attempt *t, uint32_t ix, const char *how)
{
	et_err_set(&t->g->err, ET_EXIT_JOB,
		   "cannot pack '%.500s': it %s while it was read (tried %d times)", path_of(t, ix),
		   how, ET_PACK_TRIES);
	return ET_PACK_CHANGED;
}

/* A system call on the entry failed: gone or replaced counts as a change, the rest is final. */
static enum et_pack_end cannot(struct attempt *t, uint32_t ix, int errno_value)
{
	if (errno_value == ENOENT || errno_value == ENODATA)
		return changed(t, ix, "vanished");
	if (errno_value == ENOTDIR || errno_value == ELOOP || errno_value == ENXIO)
		return changed(t, ix, "was replaced by something else");
	et_err_sys(&t->g->err,
		   errno_value == EACCES || errno_value == EPERM ? ET_EXIT_INPUT : ET_EXIT_JOB,
		   errno_value, "cannot read '%.500s' of '%.300s'", path_of(t, ix),
		   t->g->pack->context);
	return ET_PACK_FAILED;
}

static bool is_stopping(const struct et_pack *p)
{
	return atomic_load_explicit(&p->is_stopped, memory_order_relaxed) ||
	       atomic_load_explicit(&p->progress->is_cancelled, memory_order_relaxed);
}

static enum et_pack_end stopped(struct et_group *g)
{
	et_err_set(&g->err, ET_EXIT_JOB, "cancelled");
	return ET_PACK_FAILED;
}

/* ---- bytes -------------------------------------------------------------------------------- */

static int reserve(struct et_bytes *b, size_t n)
{
	size_t room = b->room < ET_GROUP_BYTES ? ET_GROUP_BYTES + (64u << 10) : b->room;
	char *more;

	if (b->n + n <= b->room)
		return 0;
	while (room < b->n + n)
		room += room / 2;
	more = realloc(b->p, room);
	if (more == NULL)
		return -1;
	b->p = more;
	b->room = room;
	return 0;
}

static int append_zeros(struct et_bytes *b, size_t n)
{
	if (reserve(b, n) != 0)
		return -1;
	memset(b->p + b->n, 0, n);
	b->n += n;
	return 0;
}

/* libarchive's way out: it writes here as soon as it has bytes (bytes_per_block 0).  The archive
 * goes on in the next group, so what it writes when it is closed (the rest of a sliced file, the
 * end mark) must not come here; an error makes it stop trying. */
static la_ssize_t take_tar(struct archive *a, void *arg, const void *buf, size_t n)
{
	struct et_group *g = arg;

	if (g->is_tar_over)
		return -1;
	if (reserve(&g->tar, n) != 0) {
		archive_set_error(a, ENOMEM, "out of memory");
		return -1;
	}
	memcpy(g->tar.p + g->tar.n, buf, n);
	g->tar.n += n;
	return (la_ssize_t)n;
}

/* ---- one entry ---------------------------------------------------------------------------- */

static enum et_pack_end archive_failed(struct attempt *t, uint32_t ix)
{
	if (archive_errno(t->a) == ENOMEM)
		return no_memory(t->g);
	et_err_set(&t->g->err, ET_EXIT_JOB, "cannot pack '%.500s': %s", path_of(t, ix),
		   archive_error_string(t->a) == NULL ? "libarchive refuses"
						      : archive_error_string(t->a));
	return ET_PACK_FAILED;
}

/* ARCHIVE_WARN is what a name that is not UTF-8 gives: it then stands in the header byte by byte,
 * marked as binary, which is what we want. */
static enum et_pack_end write_header(struct attempt *t, uint32_t ix, const struct stat *st, int fd,
				     const char *name)
{
	const struct et_tree *tree = t->g->pack->tree;
	uint32_t link = tree->entries[ix].link;
	const char *path = et_tree_path(tree, ix, &t->path, &t->path_room);
	const char *leader = NULL;
	int rc;

	if (link != ET_TREE_NONE)
		leader = et_tree_path(tree, link, &t->leader, &t->leader_room);
	if (path == NULL || (link != ET_TREE_NONE && leader == NULL))
		return no_memory(t->g);
	et_header_fill(t->ae, tree, ix, st, path, leader, &t->g->losses);
	rc = leader != NULL ? 0
			    : et_header_xattrs(t->ae, fd, name, path, t->g->scratch, &t->g->losses);
	if (rc != 0)
		return cannot(t, ix, rc);
	rc = archive_write_header(t->a, t->ae);
	return rc == ARCHIVE_OK || rc == ARCHIVE_WARN ? ET_PACK_OK : archive_failed(t, ix);
}

/* Copy exactly `size` bytes of fd into the archive. */
static enum et_pack_end write_contents(struct attempt *t, uint32_t ix, int fd, uint64_t size)
{
	struct et_group *g = t->g;
	uint64_t left = size;

	do {
		size_t want = left < READ_BYTES ? (size_t)left + 1 : READ_BYTES;
		ssize_t n = read(fd, g->scratch, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(t, ix, errno);
		if ((uint64_t)n > left)
			return changed(t, ix, "grew");
		if (n == 0 && left > 0)
			return changed(t, ix, "shrank");
		if (n > 0 && archive_write_data(t->a, g->scratch, (size_t)n) != n)
			return archive_failed(t, ix);
		left -= (uint64_t)n;
		atomic_fetch_add_explicit(&g->pack->progress->bytes_in, (uint64_t)n,
					  memory_order_relaxed);
	} while (left > 0);
	g->source_bytes += size;
	return ET_PACK_OK;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Was the file left alone between two looks at it?  (ctime moves with every write and chmod.) */
static bool is_untouched(const struct stat *before, const struct stat *after)
{
	return before->st_size == after->st_size && is_same_time(before->st_mtim, after->st_mtim) &&
	       is_same_time(before->st_ctim, after->st_ctim);
}

static enum et_pack_end pack_open_file(struct attempt *t, uint32_t ix, int fd)
{
	const struct et_entry *e = &t->g->pack->tree->entries[ix];
	struct stat before, after;
	enum et_pack_end end;

	if (fstat(fd, &before) != 0)
		return cannot(t, ix, errno);
	if (!S_ISREG(before.st_mode))
		return changed(t, ix, "was replaced by something else");
	if (e->is_leader && (before.st_dev != e->dev || before.st_ino != e->ino))
		return changed(t, ix, "was replaced (it has hard links)");
	if (before.st_size > OUTGREW_BYTES) {
		t->g->grown = ix;
		t->g->grown_size = (uint64_t)before.st_size;
		return ET_PACK_OUTGREW;
	}
	end = write_header(t, ix, &before, fd, NULL);
	if (end == ET_PACK_OK)
		end = write_contents(t, ix, fd, (uint64_t)before.st_size);
	if (end != ET_PACK_OK)
		return end;
	if (fstat(fd, &after) != 0)
		return cannot(t, ix, errno);
	return is_untouched(&before, &after) ? ET_PACK_OK : changed(t, ix, "was written to");
}

/* O_NONBLOCK: should a FIFO have taken the file's place, it must not hold us up. */
static int open_file(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static enum et_pack_end pack_file(struct attempt *t, uint32_t ix, int dir_fd)
{
	int fd = open_file(dir_fd, et_tree_name(t->g->pack->tree, ix));
	enum et_pack_end end;

	if (fd < 0)
		return cannot(t, ix, errno);
	end = pack_open_file(t, ix, fd);
	close(fd);
	return end;
}

/* Anything but a regular file, never opened; the look makes sure that it still is what the walk
 * saw, and that a hard link still is one. */
static enum et_pack_end pack_other(struct attempt *t, uint32_t ix, int dir_fd)
{
	const struct et_entry *e = &t->g->pack->tree->entries[ix];
	const char *name = et_tree_name(t->g->pack->tree, ix);
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return cannot(t, ix, errno);
	if (st.st_ino != e->ino || st.st_dev != e->dev || ((st.st_mode ^ e->mode) & S_IFMT) != 0)
		return changed(t, ix, "was replaced by something else");
	return write_header(t, ix, NULL, dir_fd, name);
}

static enum et_pack_end pack_entry(struct attempt *t, uint32_t ix)
{
	const struct et_tree *tree = t->g->pack->tree;
	const struct et_entry *e = &tree->entries[ix];
	int dir_fd = et_treedir_open(&t->dir, tree, e->parent);
	enum et_pack_end end;

	if (dir_fd < 0)
		return cannot(t, ix, errno);
	if (S_ISREG(e->mode) && e->link == ET_TREE_NONE)
		end = pack_file(t, ix, dir_fd);
	else
		end = pack_other(t, ix, dir_fd);
	if (end == ET_PACK_OK && archive_write_finish_entry(t->a) != ARCHIVE_OK)
		end = archive_failed(t, ix);
	return end;
}

/* ---- slices ------------------------------------------------------------------------------- */

struct et_bigfile *et_pack_open_big(const struct et_pack *p, uint32_t ix, struct et_err *err)
{
	struct et_group none = { .pack = p };
	struct attempt t = { .g = &none, .dir = ET_TREEDIR_EMPTY };
	const struct et_entry *e = &p->tree->entries[ix];
	struct et_bigfile *big = calloc(1, sizeof *big);
	int dir_fd = et_treedir_open(&t.dir, p->tree, e->parent);

	if (big != NULL)
		*big = (struct et_bigfile){ .ix = ix, .fd = -1, .refs = 1 };
	if (big == NULL) {
		no_memory(&none);
	} else if (dir_fd < 0 || (big->fd = open_file(dir_fd, et_tree_name(p->tree, ix))) < 0) {
		cannot(&t, ix, errno);
	} else if (fstat(big->fd, &big->st) != 0) {
		cannot(&t, ix, errno);
	} else if (!S_ISREG(big->st.st_mode) ||
		   (e->is_leader && (big->st.st_dev != e->dev || big->st.st_ino != e->ino))) {
		changed(&t, ix, "was replaced by something else");
	}
	et_treedir_close(&t.dir);
	free(t.path);
	if (none.err.code != ET_EXIT_OK) {
		if (big != NULL && big->fd >= 0)
			close(big->fd);
		free(big);
		*err = none.err;
		return NULL;
	}
	return big;
}

bool et_pack_is_unchanged(const struct et_pack *p, const struct et_bigfile *big,
			  struct et_err *err)
{
	struct et_group none = { .pack = p };
	struct attempt t = { .g = &none, .dir = ET_TREEDIR_EMPTY };
	struct stat now;
	char c;

	if (fstat(big->fd, &now) == 0 && is_untouched(&big->st, &now) &&
	    pread(big->fd, &c, 1, big->st.st_size) == 0)
		return true;
	changed(&t, big->ix, "was written to");
	free(t.path);
	*err = none.err;
	return false;
}

void et_pack_unref_big(struct et_bigfile *big)
{
	if (big == NULL || --big->refs > 0)
		return;
	close(big->fd);
	free(big);
}

/* Slices go past libarchive, which has no way to write a part of a file; what it would put
 * between header and next header is just the bytes, filled up to a block. */
static enum et_pack_end pack_slice(struct attempt *t)
{
	struct et_group *g = t->g;
	const struct et_bigfile *big = g->big;
	size_t done = 0, pad;
	enum et_pack_end end;

	if (g->is_head) {
		end = write_header(t, big->ix, &big->st, big->fd, NULL);
		if (end != ET_PACK_OK)
			return end;
	}
	if (reserve(&g->tar, g->length + TAR_BLOCK) != 0)
		return no_memory(g);
	while (done < g->length) {
		ssize_t n = pread(big->fd, g->tar.p + g->tar.n, g->length - done,
				  (off_t)(g->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(t, big->ix, errno);
		if (n == 0)
			return changed(t, big->ix, "shrank");
		done += (size_t)n;
		g->tar.n += (size_t)n;
		atomic_fetch_add_explicit(&g->pack->progress->bytes_in, (uint64_t)n,
					  memory_order_relaxed);
	}
	g->source_bytes = g->length;
	pad = (TAR_BLOCK - g->length % TAR_BLOCK) % TAR_BLOCK;
	if (g->is_tail && append_zeros(&g->tar, pad) != 0)
		return no_memory(g);
	return ET_PACK_OK;
}

/* ---- the group ---------------------------------------------------------------------------- */

static struct archive *new_archive(struct et_group *g)
{
	struct archive *a = archive_write_new();

	if (a == NULL)
		return NULL;
	/* full pax: the restricted form drops the nanoseconds of mtime */
	if (archive_write_set_format_pax(a) == ARCHIVE_OK &&
	    archive_write_set_options(a, "pax:xattrheader=SCHILY") == ARCHIVE_OK &&
	    archive_write_set_bytes_per_block(a, 0) == ARCHIVE_OK &&
	    archive_write_open(a, g, NULL, take_tar, NULL) == ARCHIVE_OK)
		return a;
	archive_write_free(a);
	return NULL;
}

static enum et_pack_end pack_all(struct attempt *t)
{
	struct et_group *g = t->g;
	enum et_pack_end end = ET_PACK_OK;

	if (g->big != NULL)
		end = pack_slice(t);
	for (uint32_t ix = g->first; ix < g->end && end == ET_PACK_OK; ix++)
		end = is_stopping(g->pack) ? stopped(g) : pack_entry(t, ix);
	if (end == ET_PACK_OK && g->is_last && append_zeros(&g->tar, (size_t)2 * TAR_BLOCK) != 0)
		end = no_memory(g);
	return end;
}

static enum et_pack_end try_once(struct et_group *g)
{
	struct attempt t = { .g = g, .dir = ET_TREEDIR_EMPTY };
	enum et_pack_end end = ET_PACK_FAILED;

	g->tar.n = 0;
	g->source_bytes = 0;
	g->losses.n = 0;
	g->is_tar_over = false;
	memset(&g->err, 0, sizeof g->err);
	t.a = new_archive(g);
	t.ae = archive_entry_new();
	if (g->scratch == NULL)
		g->scratch = malloc(SCRATCH_BYTES);
	if (t.a == NULL || t.ae == NULL || g->scratch == NULL)
		no_memory(g);
	else
		end = pack_all(&t);
	g->is_tar_over = true;
	archive_write_free(t.a);
	archive_entry_free(t.ae);
	et_treedir_close(&t.dir);
	free(t.path);
	free(t.leader);
	return end;
}

static int begin_member(struct et_group *g, gz_header *header)
{
	int rc = g->has_z ? deflateReset(&g->z)
			  : deflateInit2(&g->z, g->pack->level, Z_DEFLATED, 15 + 16, 8,
					 Z_DEFAULT_STRATEGY);

	if (rc != Z_OK)
		return -1;
	g->has_z = true;
	/* time 0, and no operating system: the bytes must not tell where they were made */
	*header = (gz_header){ .os = GZIP_OS_UNKNOWN };
	g->gz.n = 0;
	return deflateSetHeader(&g->z, header) == Z_OK ? 0 : -1;
}

/* In pieces, so that a cancelled build need not wait for the whole group. */
static enum et_pack_end compress_group(struct et_group *g)
{
	gz_header header;
	size_t done = 0;
	int rc = Z_OK;

	if (begin_member(g, &header) != 0 || reserve(&g->gz, deflateBound(&g->z, g->tar.n)) != 0)
		return no_memory(g);
	g->z.next_out = (Bytef *)g->gz.p;
	g->z.avail_out = (uInt)g->gz.room;
	while (rc == Z_OK) {
		size_t n = g->tar.n - done < READ_BYTES ? g->tar.n - done : READ_BYTES;

		if (is_stopping(g->pack))
			return stopped(g);
		g->z.next_in = (Bytef *)g->tar.p + done;
		g->z.avail_in = (uInt)n;
		done += n;
		rc = deflate(&g->z, done == g->tar.n ? Z_FINISH : Z_NO_FLUSH);
	}
	if (rc != Z_STREAM_END)
		return no_memory(g);
	g->gz.n = g->gz.room - g->z.avail_out;
	return ET_PACK_OK;
}

void et_pack_group(struct et_group *g)
{
	locale_t old = uselocale(g->pack->utf8);
	enum et_pack_end end = ET_PACK_CHANGED;
	/* a slice cannot be tried again alone: its header may be written already */
	int tries = g->big != NULL ? 1 : ET_PACK_TRIES;

	while (tries-- > 0 && end == ET_PACK_CHANGED)
		end = is_stopping(g->pack) ? stopped(g) : try_once(g);
	if (end == ET_PACK_OK)
		end = compress_group(g);
	uselocale(old);
	g->result = end;
}

void et_pack_group_fini(struct et_group *g)
{
	if (g->has_z)
		deflateEnd(&g->z);
	free(g->tar.p);
	free(g->gz.p);
	free(g->scratch);
	memset(g, 0, sizeof *g);
}
