/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree of a context as a flat table (tree.h), and how to get back to its files.
 *
 * Runs on the thread that builds the image; workers then read the table without a lock, since
 * nothing changes in it while they run (the one exception, a file that outgrew its group, is
 * written by the builder while no worker is at work).  Names and targets are offsets into one
 * block of text: 64 bytes an entry, and no pointer to follow. */
#include "engine/image/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void et_tree_fini(struct et_tree *t)
{
	if (t->root_fd >= 0)
		close(t->root_fd);
	free(t->entries);
	free(t->text);
	*t = (struct et_tree){ .root_fd = -1 };
}

size_t et_tree_path_length(const struct et_tree *t, uint32_t ix)
{
	size_t n = 0;

	if (ix == 0)
		return 1;
	for (; ix != 0; ix = t->entries[ix].parent)
		n += strlen(et_tree_name(t, ix)) + 1;
	return n - 1;
}

const char *et_tree_path(const struct et_tree *t, uint32_t ix, char **buf, size_t *room)
{
	size_t n = et_tree_path_length(t, ix);
	char *end;

	if (*room < n + 1) {
		char *more = realloc(*buf, n + 256);

		if (more == NULL)
			return NULL;
		*buf = more;
		*room = n + 256;
	}
	if (ix == 0)
		return strcpy(*buf, ".");
	end = *buf + n;
	*end = '\0';
	for (; ix != 0; ix = t->entries[ix].parent) {
		const char *name = et_tree_name(t, ix);
		size_t len = strlen(name);

		if (*end == '\0' && end == *buf + n)
			end -= len;
		else
			*--end = '/', end -= len;
		memcpy(end, name, len);
	}
	return *buf;
}

void et_treedir_close(struct et_treedir *at)
{
	if (at->fd >= 0)
		close(at->fd);
	*at = (struct et_treedir)ET_TREEDIR_EMPTY;
}

static int open_below(int fd, const char *name)
{
	return openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Entries from the root (not included) down to `ix`, as a malloc'ed list. */
static uint32_t *chain_of(const struct et_tree *t, uint32_t ix, size_t *n)
{
	uint32_t *chain;
	size_t depth = 0;

	for (uint32_t i = ix; i != 0; i = t->entries[i].parent)
		depth++;
	chain = malloc((depth + 1) * sizeof chain[0]);
	if (chain == NULL)
		return NULL;
	*n = depth;
	for (uint32_t i = ix; i != 0; i = t->entries[i].parent)
		chain[--depth] = i;
	return chain;
}

static int open_from_root(const struct et_tree *t, uint32_t dir_ix)
{
	size_t n;
	uint32_t *chain = chain_of(t, dir_ix, &n);
	int fd = chain == NULL ? -1 : open_below(t->root_fd, ".");

	for (size_t i = 0; i < n && fd >= 0; i++) {
		int sub = open_below(fd, et_tree_name(t, chain[i]));
		int saved = errno;

		close(fd);
		errno = saved;
		fd = sub;
	}
	free(chain);
	return fd;
}

int et_treedir_open(struct et_treedir *at, const struct et_tree *t, uint32_t dir_ix)
{
	int fd;

	if (at->fd >= 0 && at->ix == dir_ix)
		return at->fd;
	if (at->fd >= 0 && dir_ix != 0 && t->entries[dir_ix].parent == at->ix)
		fd = open_below(at->fd, et_tree_name(t, dir_ix));
	else
		fd = open_from_root(t, dir_ix);
	if (fd < 0)
		return -1;
	et_treedir_close(at);
	*at = (struct et_treedir){ dir_ix, fd };
	return fd;
}
