/* SPDX-License-Identifier: Apache-2.0
 *
 * The sorted walk that fills a tree (tree.h).  Runs on the thread that builds the image.
 *
 * Depth first with a stack of our own, so that neither the C stack nor the number of open
 * descriptors grows with the depth of the tree: only the directory at hand is open.  On the way
 * up `..` is opened and must be the directory that we came from; if somebody moved things, the
 * walk stops instead of packing another place.  The order is that of the name bytes, so it does
 * not depend on the file system or the locale. */
#include "engine/image/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/locale.h"
#include "base/text.h"
#include "engine/image/linktab.h"

#define PATH_LIMIT (64u << 10) /* of one path: bounds what a header takes; readers stop at 4096 */

struct frame {
	uint32_t dir;  /* its entry */
	char *block;   /* the names */
	char **names;  /* sorted, pointing into block */
	size_t n, next;
};

struct walk {
	struct et_tree *tree;
	const struct et_tree_opts *opts;
	struct et_err *err;
	struct et_linktab links;
	DIR *dir;       /* of the topmost frame */
	struct frame *stack;
	size_t depth, stack_room;
	char *path;     /* scratch of et_tree_path */
	size_t path_room;
};

static int no_memory(struct walk *w)
{
	return et_err_set(w->err, ET_EXIT_LACK, "out of memory after %u entries of '%s'",
			  w->tree->n, w->opts->context);
}

/* Not to be let in is bad input; a machine out of descriptors or memory fails the job. */
static enum et_exit exit_of(int errno_value)
{
	return errno_value == EMFILE || errno_value == ENFILE || errno_value == ENOMEM ||
	       errno_value == EIO ? ET_EXIT_JOB : ET_EXIT_INPUT;
}

static const char *path_of(struct walk *w, uint32_t ix)
{
	const char *path = et_tree_path(w->tree, ix, &w->path, &w->path_room);

	return path == NULL ? "?" : path;
}

/* ---- the table ---------------------------------------------------------------------------- */

/* Append a NUL-terminated copy of n bytes; its offset, or ET_TREE_NONE. */
static uint32_t add_text(struct et_tree *t, const char *s, size_t n)
{
	uint32_t at = (uint32_t)t->n_text;

	if (t->n_text + n + 1 > t->text_room) {
		size_t room = (t->text_room + n + 1) * 2;
		char *more = room >= ET_TREE_NONE ? NULL : realloc(t->text, room);

		if (more == NULL)
			return ET_TREE_NONE;
		t->text = more;
		t->text_room = room;
	}
	memcpy(t->text + at, s, n);
	t->text[at + n] = '\0';
	t->n_text += n + 1;
	return at;
}

static struct et_entry *add_entry(struct et_tree *t)
{
	if (t->n == t->room) {
		uint32_t room = t->room == 0 ? 256 : t->room * 2;
		void *more = room <= t->room ? NULL
					     : realloc(t->entries, room * sizeof t->entries[0]);

		if (more == NULL)
			return NULL;
		t->entries = more;
		t->room = room;
	}
	return &t->entries[t->n++];
}

static int add_stat(struct walk *w, const char *name, uint32_t parent, const struct stat *st,
		    uint32_t *ix)
{
	struct et_tree *t = w->tree;
	struct et_entry *e = add_entry(t);
	uint32_t text = add_text(t, name, strlen(name));

	if (e == NULL || text == ET_TREE_NONE)
		return no_memory(w);
	*e = (struct et_entry){
		.name = text, .parent = parent, .link = ET_TREE_NONE,
		.mode = (uint16_t)st->st_mode, .uid = st->st_uid, .gid = st->st_gid,
		.mtime = st->st_mtim.tv_sec, .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.dev = st->st_dev, .ino = st->st_ino,
	};
	if (S_ISREG(st->st_mode))
		e->size = (uint64_t)st->st_size;
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		e->size = st->st_rdev;
	*ix = t->n - 1;
	return 0;
}

/* Take back the entry that was added last. */
static void drop_last(struct et_tree *t)
{
	t->n_text = t->entries[--t->n].name;
}

/* ---- what is left out or refused ---------------------------------------------------------- */

/* fnmatch(3) by characters where both are UTF-8, by bytes where they are not: the same answer
 * in every locale of the user. */
static bool is_match(const char *pattern, const char *text)
{
	locale_t old = uselocale(et_locale_utf8());
	int rc = fnmatch(pattern, text, FNM_PATHNAME);

	if (rc != 0 && rc != FNM_NOMATCH) {
		uselocale(et_locale_bytes());
		rc = fnmatch(pattern, text, FNM_PATHNAME);
	}
	uselocale(old);
	return rc == 0;
}

/* Is the pattern (less a leading "/" or "./" and a trailing "/") true of this entry? */
static bool is_excluded_by(struct walk *w, const char *given, uint32_t ix)
{
	bool is_rooted = given[0] == '/' || strncmp(given, "./", 2) == 0;
	const char *p = given + (given[0] == '/' ? 1 : is_rooted ? 2 : 0);
	size_t n = strlen(p);
	char pattern[PATH_MAX];

	if (n == 0 || n >= sizeof pattern)
		return false;
	memcpy(pattern, p, n + 1);
	if (pattern[n - 1] == '/') {
		if (!S_ISDIR(w->tree->entries[ix].mode))
			return false;
		pattern[n - 1] = '\0';
	}
	if (!is_rooted && strchr(pattern, '/') == NULL)
		return is_match(pattern, et_tree_name(w->tree, ix));
	return is_match(pattern, path_of(w, ix));
}

static bool is_excluded(struct walk *w, uint32_t ix)
{
	for (size_t i = 0; i < w->opts->n_exclude; i++)
		if (is_excluded_by(w, w->opts->exclude[i], ix))
			return true;
	return false;
}

static void skip_socket(struct walk *w, uint32_t ix)
{
	struct et_tree *t = w->tree;

	if (t->n_sockets++ == 0)
		et_text_safe(t->first_socket, sizeof t->first_socket, path_of(w, ix));
	atomic_fetch_add(&w->opts->progress->warnings, 1);
}

static bool is_store(const struct walk *w, const struct et_entry *e)
{
	return S_ISDIR(e->mode) && e->dev == w->opts->store_dev && e->ino == w->opts->store_ino;
}

/* True if the entry was left out (and said so). */
static bool leave_out(struct walk *w, uint32_t ix)
{
	struct et_tree *t = w->tree;

	if (is_excluded(w, ix))
		return true;
	if (S_ISSOCK(t->entries[ix].mode)) {
		skip_socket(w, ix);
		return true;
	}
	if (is_store(w, &t->entries[ix])) {
		t->has_skipped_store = true;
		atomic_fetch_add(&w->opts->progress->warnings, 1);
		return true;
	}
	return false;
}

/* Names that an image cannot say. */
static int check_name(struct walk *w, uint32_t ix)
{
	const char *path;

	if (strncmp(et_tree_name(w->tree, ix), ".wh.", 4) == 0)
		return et_err_set(w->err, ET_EXIT_INPUT,
				  "cannot pack '%.500s': a name that begins with '.wh.' would "
				  "delete files of lower layers; rename it or leave it out with --exclude",
				  path_of(w, ix));
	path = path_of(w, ix);
	if (strlen(path) > PATH_LIMIT)
		return et_err_set(w->err, ET_EXIT_INPUT,
				  "cannot pack '%.500s...': its path is longer than %u bytes", path,
				  PATH_LIMIT);
	return 0;
}

/* ---- one directory ------------------------------------------------------------------------ */

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sort_names(struct frame *f, size_t used)
{
	char *p = f->block;

	f->names = malloc((f->n + 1) * sizeof f->names[0]);
	if (f->names == NULL)
		return -1;
	for (size_t i = 0; p < f->block + used; p += strlen(p) + 1)
		f->names[i++] = p;
	qsort(f->names, f->n, sizeof f->names[0], by_bytes);
	return 0;
}

/* Read all names of w->dir into the frame, sorted. */
static int read_names(struct walk *w, struct frame *f)
{
	size_t used = 0, room = 0;
	struct dirent *d;

	while (errno = 0, (d = readdir(w->dir)) != NULL) {
		size_t n = strlen(d->d_name) + 1;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (used + n > room) {
			char *more = realloc(f->block, (room + n) * 2);

			if (more == NULL)
				return no_memory(w);
			f->block = more;
			room = (room + n) * 2;
		}
		memcpy(f->block + used, d->d_name, n);
		used += n;
		f->n++;
	}
	if (errno != 0)
		return et_err_sys(w->err, exit_of(errno), errno, "cannot read directory '%.500s'",
				  path_of(w, f->dir));
	return sort_names(f, used) == 0 ? 0 : no_memory(w);
}

/* Is the open descriptor the directory that the entry was when we looked? */
static bool is_same(const struct et_entry *e, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == e->dev && st.st_ino == e->ino;
}

static int moved(struct walk *w, uint32_t ix)
{
	return et_err_set(w->err, ET_EXIT_JOB,
			  "directory '%.500s' was moved or replaced while it was read; build again",
			  path_of(w, ix));
}

/* Make `fd` (owned) the directory at hand. */
static int take_dir(struct walk *w, int fd, uint32_t ix)
{
	DIR *dir;

	if (!is_same(&w->tree->entries[ix], fd)) {
		close(fd);
		return moved(w, ix);
	}
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return no_memory(w);
	}
	if (w->dir != NULL)
		closedir(w->dir);
	w->dir = dir;
	return 0;
}

static void free_frame(struct frame *f)
{
	free(f->block);
	free(f->names);
}

static int push(struct walk *w, int fd, uint32_t ix)
{
	if (w->depth == w->stack_room) {
		size_t room = w->stack_room * 2 + 16;
		void *more = realloc(w->stack, room * sizeof w->stack[0]);

		if (more == NULL) {
			close(fd);
			return no_memory(w);
		}
		w->stack = more;
		w->stack_room = room;
	}
	w->stack[w->depth] = (struct frame){ .dir = ix };
	if (take_dir(w, fd, ix) != 0)
		return -1;
	return read_names(w, &w->stack[w->depth++]);
}

/* Directory `ix` again, readable; `..` needs search permission below, so the long way is second. */
static int open_again(struct walk *w, uint32_t ix)
{
	struct et_treedir at = ET_TREEDIR_EMPTY;
	int fd = openat(dirfd(w->dir), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && is_same(&w->tree->entries[ix], fd))
		return fd;
	if (fd >= 0)
		close(fd);
	fd = et_treedir_open(&at, w->tree, ix);
	if (fd >= 0)
		fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	et_treedir_close(&at);
	return fd;
}

static int pop(struct walk *w)
{
	uint32_t up;
	int fd;

	free_frame(&w->stack[--w->depth]);
	if (w->depth == 0)
		return 0;
	up = w->stack[w->depth - 1].dir;
	if (w->stack[w->depth - 1].next == w->stack[w->depth - 1].n)
		return 0; /* nothing left there; the next pop looks from here again */
	fd = open_again(w, up);
	return fd < 0 ? moved(w, up) : take_dir(w, fd, up);
}

/* ---- one name ----------------------------------------------------------------------------- */

static int add_target(struct walk *w, uint32_t ix, const char *name)
{
	char target[PATH_MAX + 1];
	ssize_t n = readlinkat(dirfd(w->dir), name, target, sizeof target);
	uint32_t text;

	if (n < 0)
		return et_err_sys(w->err, ET_EXIT_JOB, errno, "cannot read symlink '%.500s'",
				  path_of(w, ix));
	text = add_text(w->tree, target, (size_t)n);
	if (text == ET_TREE_NONE)
		return no_memory(w);
	w->tree->entries[ix].target = text;
	return 0;
}

static int note_link(struct walk *w, uint32_t ix)
{
	struct et_entry *e = &w->tree->entries[ix];
	uint32_t first;

	if (et_linktab_first(&w->links, e->dev, e->ino, ix, &first) != 0)
		return no_memory(w);
	if (first == ix)
		return 0;
	w->tree->entries[first].is_leader = true;
	e->link = first;
	e->size = 0;
	return 0;
}

static int enter(struct walk *w, uint32_t ix, const char *name)
{
	int fd = openat(dirfd(w->dir), name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT) {
		drop_last(w->tree);
		return 0; /* gone before we opened it */
	}
	if (fd < 0)
		return et_err_sys(w->err, exit_of(errno), errno, "cannot open directory '%.500s'",
				  path_of(w, ix));
	return push(w, fd, ix);
}

static int visit(struct walk *w, uint32_t parent, const char *name)
{
	struct et_tree *t = w->tree;
	struct stat st;
	uint32_t ix;

	if (fstatat(dirfd(w->dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return 0; /* gone before we looked: as if it had never been */
		return et_err_sys(w->err, exit_of(errno), errno,
				  "cannot look at '%.400s' in '%.400s'", name, path_of(w, parent));
	}
	if (add_stat(w, name, parent, &st, &ix) != 0)
		return -1;
	if (leave_out(w, ix)) {
		drop_last(t);
		return 0;
	}
	if (check_name(w, ix) != 0)
		return -1;
	if (t->newest_mtime < t->entries[ix].mtime)
		t->newest_mtime = t->entries[ix].mtime;
	if (S_ISDIR(st.st_mode))
		return enter(w, ix, name);
	if (st.st_nlink > 1 && note_link(w, ix) != 0)
		return -1;
	if (S_ISREG(st.st_mode))
		t->total_bytes += t->entries[ix].size;
	return S_ISLNK(st.st_mode) ? add_target(w, ix, name) : 0;
}

static int walk_all(struct walk *w)
{
	const struct et_progress *progress = w->opts->progress;

	while (w->depth > 0) {
		struct frame *f = &w->stack[w->depth - 1];

		if (atomic_load_explicit(&progress->is_cancelled, memory_order_relaxed))
			return et_err_set(w->err, ET_EXIT_JOB, "cancelled");
		if (f->next == f->n ? pop(w) : visit(w, f->dir, f->names[f->next++]))
			return -1;
	}
	return 0;
}

static int begin(struct walk *w)
{
	struct et_tree *t = w->tree;
	struct stat st;
	uint32_t ix;
	int fd;

	if (fstat(t->root_fd, &st) != 0)
		return et_err_sys(w->err, exit_of(errno), errno, "cannot look at '%s'",
				  w->opts->context);
	if (add_stat(w, ".", 0, &st, &ix) != 0)
		return -1;
	t->newest_mtime = t->entries[0].mtime;
	fd = openat(t->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return et_err_sys(w->err, exit_of(errno), errno, "cannot read directory '%s'",
				  w->opts->context);
	return push(w, fd, 0);
}

int et_tree_walk(struct et_tree *tree, int root_fd, const struct et_tree_opts *opts,
		 struct et_err *err)
{
	struct walk w = { .tree = tree, .opts = opts, .err = err };
	int rc;

	*tree = (struct et_tree){ .root_fd = root_fd };
	for (size_t i = 0; i < opts->n_exclude; i++)
		if (strlen(opts->exclude[i]) >= PATH_MAX)
			return et_err_set(err, ET_EXIT_INPUT,
					  "exclude pattern '%.40s...' is longer than %d bytes",
					  opts->exclude[i], PATH_MAX - 1);
	rc = begin(&w) != 0 || walk_all(&w) != 0 ? -1 : 0;
	while (w.depth > 0)
		free_frame(&w.stack[--w.depth]);
	if (w.dir != NULL)
		closedir(w.dir);
	et_linktab_fini(&w.links);
	free(w.stack);
	free(w.path);
	return rc;
}
