/* SPDX-License-Identifier: Apache-2.0
 *
 * Tar headers (header.h).  No state; worker threads.
 *
 * Only what is part of the tree goes in: no device and inode number, no atime or ctime, no user
 * and group names.  libarchive would write all of them if it were handed a whole stat. */
#include "engine/image/header.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define LIST_ROOM 65536u  /* XATTR_LIST_MAX */
#define VALUE_ROOM 65536u /* XATTR_SIZE_MAX */
#define MOST_XATTRS (LIST_ROOM / 2)

_Static_assert(LIST_ROOM + VALUE_ROOM <= ET_HEADER_SCRATCH, "scratch holds a list and a value");

/* Before 1970 libarchive 3.6 prints seconds and fraction as they are, so that -2 s + 0.7 s comes
 * out as "-2.7" and not as the "-1.3" that pax means.  The complement makes it print the latter.
 * Between -1 s and 0 that would need "-0.x", which it cannot print: the whole second then. */
static void set_mtime(struct archive_entry *ae, int64_t s, long ns)
{
	if (s < -1 && ns > 0)
		archive_entry_set_mtime(ae, s + 1, 1000000000 - ns);
	else if (s == -1)
		archive_entry_set_mtime(ae, s, 0);
	else
		archive_entry_set_mtime(ae, s, ns);
}

void et_header_fill(struct archive_entry *ae, const struct et_tree *t, uint32_t ix,
		    const struct stat *st, const char *path, const char *leader)
{
	const struct et_entry *e = &t->entries[ix];

	archive_entry_clear(ae);
	archive_entry_copy_pathname(ae, path);
	archive_entry_set_mode(ae, st != NULL ? st->st_mode : e->mode);
	archive_entry_set_uid(ae, st != NULL ? st->st_uid : e->uid);
	archive_entry_set_gid(ae, st != NULL ? st->st_gid : e->gid);
	if (st != NULL)
		set_mtime(ae, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	else
		set_mtime(ae, e->mtime, (long)e->mtime_ns);
	if (leader != NULL)
		archive_entry_copy_hardlink(ae, leader);
	else if (S_ISLNK(e->mode))
		archive_entry_copy_symlink(ae, t->text + e->target);
	else if (S_ISREG(e->mode))
		archive_entry_set_size(ae, st != NULL ? (int64_t)st->st_size : (int64_t)e->size);
	if (S_ISCHR(e->mode) || S_ISBLK(e->mode)) {
		archive_entry_set_rdevmajor(ae, major((dev_t)e->size));
		archive_entry_set_rdevminor(ae, minor((dev_t)e->size));
	}
}

/* ---- extended attributes ------------------------------------------------------------------ */

/* The kernel gives no *at form of these calls; the directory's descriptor under /proc serves. */
static char *proc_path(int fd, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "/proc/self/fd/%d/%s", fd, name) < 0 ? NULL : path;
}

static int is_of_machine(const char *name)
{
	return strcmp(name, "security.selinux") == 0 || strcmp(name, "security.evm") == 0 ||
	       strcmp(name, "system.nfs4_acl") == 0 || strncmp(name, "trusted.overlay.", 16) == 0;
}

static int by_bytes_down(const void *a, const void *b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

/* Pointers to the names in list that we keep; libarchive puts each one before the others, so the
 * last name comes first. */
static size_t keep_names(const char *list, size_t n, const char **names)
{
	size_t kept = 0;

	for (const char *p = list; p < list + n && kept < MOST_XATTRS; p += strlen(p) + 1)
		if (!is_of_machine(p))
			names[kept++] = p;
	qsort(names, kept, sizeof names[0], by_bytes_down);
	return kept;
}

static int add_values(struct archive_entry *ae, int fd, const char *path, const char *list,
		      size_t n_list, char *value)
{
	const char **names = malloc(MOST_XATTRS * sizeof names[0]);
	size_t n = names == NULL ? 0 : keep_names(list, n_list, names);
	int rc = names == NULL ? ENOMEM : 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		ssize_t len = path != NULL ? lgetxattr(path, names[i], value, VALUE_ROOM)
					   : fgetxattr(fd, names[i], value, VALUE_ROOM);

		if (len < 0)
			rc = errno;
		else
			archive_entry_xattr_add_entry(ae, names[i], value, (size_t)len);
	}
	free(names);
	return rc;
}

int et_header_xattrs(struct archive_entry *ae, int fd, const char *name, char *scratch)
{
	char *path = NULL;
	ssize_t n;
	int rc = 0;

	if (name != NULL && (path = proc_path(fd, name)) == NULL)
		return ENOMEM;
	n = path != NULL ? llistxattr(path, scratch, LIST_ROOM) : flistxattr(fd, scratch, LIST_ROOM);
	if (n > 0)
		rc = add_values(ae, fd, path, scratch, (size_t)n, scratch + LIST_ROOM);
	else if (n < 0 && errno != ENOTSUP)
		rc = errno;
	free(path);
	return rc;
}
