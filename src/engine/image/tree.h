/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: what a walk of the context found, in the order in which it is packed.
 *
 * entry:  one name below the context (entry 0 is the context itself)
 * leader: the first entry of an inode that has several names; the others are links to it
 * Layer: engine/image. */
#ifndef ET_IMAGE_TREE_H
#define ET_IMAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "engine-top/err.h"
#include "engine/progress.h"

#define ET_TREE_NONE UINT32_MAX

struct et_entry {
	uint32_t name;   /* offset in tree->text */
	uint32_t parent; /* entry of the directory it is in; the root is its own */
	uint32_t link;   /* leader that it is a hard link to, or ET_TREE_NONE */
	uint32_t target; /* symlink: offset of where it points, else 0 */
	uint32_t uid, gid;
	uint32_t mtime_ns; /* nanoseconds within the second */
	uint16_t mode;
	bool is_leader;    /* others link to it */
	int64_t mtime;
	uint64_t size;   /* regular file: bytes; device: its number; else 0 */
	uint64_t dev, ino;
};

struct et_tree {
	int root_fd;
	struct et_entry *entries;
	uint32_t n, room;
	char *text; /* all names and targets, NUL-terminated, one behind the other */
	size_t n_text, text_room;
	uint64_t total_bytes; /* of regular files that will be read */
	int64_t newest_mtime; /* of all entries */
	unsigned n_sockets;   /* left out */
	char first_socket[128];
	bool has_skipped_store; /* the layout itself lies in the context, left out */
};

struct et_tree_opts {
	const char *context;        /* for messages */
	const char *const *exclude; /* see image.h */
	size_t n_exclude;
	dev_t store_dev;            /* a directory to leave out: the layout that we write */
	ino_t store_ino;
	struct et_progress *progress;
};

/* Walk the directory root_fd, which the tree owns from now on, even on error: sorted by name
 * bytes within each directory, a directory before what it holds.  Never follows a symlink and
 * never opens anything but directories.  Holds at most three descriptors at any depth.
 * -1 and *err: unreadable directory, `.wh.` name, cancelled.  Release with et_tree_fini. */
int et_tree_walk(struct et_tree *tree, int root_fd, const struct et_tree_opts *opts,
		 struct et_err *err);
void et_tree_fini(struct et_tree *tree);

static inline const char *et_tree_name(const struct et_tree *t, uint32_t ix)
{
	return t->text + t->entries[ix].name;
}

/* Bytes that the path of an entry takes, without the NUL. */
size_t et_tree_path_length(const struct et_tree *t, uint32_t ix);

/* Write the path below the context ("a/b"; "." for the root) to *buf, a malloc'ed buffer of
 * *room bytes that is grown as needed.  Returns *buf, or NULL without memory. */
const char *et_tree_path(const struct et_tree *t, uint32_t ix, char **buf, size_t *room);

/* Where a thread stands while it opens files of a tree: the last directory stays open, since
 * neighbours in the tree are mostly neighbours on disk. */
struct et_treedir {
	uint32_t ix; /* which directory; ET_TREE_NONE = none */
	int fd;
};
#define ET_TREEDIR_EMPTY { ET_TREE_NONE, -1 }

/* A descriptor (O_PATH) of the directory entry `dir_ix`, opened name by name from the root, so
 * that no path is too long and no symlink that was put in place meanwhile is followed.
 * Borrowed until the next call; -1 with errno. */
int et_treedir_open(struct et_treedir *at, const struct et_tree *t, uint32_t dir_ix);
void et_treedir_close(struct et_treedir *at);

#endif
