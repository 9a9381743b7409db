/* SPDX-License-Identifier: Apache-2.0
 *
 * Tar headers (header.h).  No state; worker threads.
 *
 * Only what is part of the tree goes in: no device and inode number, no atime or ctime, no user
 * and group names.  libarchive would write all of them if it were handed a whole stat. */
#include "engine/image/header.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/text.h"

#define LIST_ROOM 65536u  /* XATTR_LIST_MAX */
#define VALUE_ROOM 65536u /* XATTR_SIZE_MAX */
#define MOST_XATTRS (LIST_ROOM / 2)

_Static_assert(LIST_ROOM + VALUE_ROOM <= ET_HEADER_SCRATCH, "scratch holds a list and a value");

static void note_loss(struct et_header_losses *losses, const char *what, const char *name,
		      const char *path)
{
	char raw[sizeof losses->first];

	if (losses->n++ > 0)
		return;
	snprintf(raw, sizeof raw, "left out %s%.60s of %.100s", what, name, path);
	et_text_safe(losses->first, sizeof losses->first, raw);
}

/* Before 1970 libarchive 3.6 prints seconds and fraction as they are, so that -2 s + 0.7 s comes
 * out as "-2.7" and not as the "-1.3" that pax means.  The complement makes it print the latter.
 * Between -1 s and 0 that would need "-0.x", which it cannot print: the whole second then.
 * False if something was lost. */
static bool set_mtime(struct archive_entry *ae, int64_t s, long ns)
{
	if (s < -1 && ns > 0)
		archive_entry_set_mtime(ae, s + 1, 1000000000 - ns);
	else if (s == -1)
		archive_entry_set_mtime(ae, s, 0);
	else
		archive_entry_set_mtime(ae, s, ns);
	return s != -1 || ns == 0;
}

void et_header_fill(struct archive_entry *ae, const struct et_tree *t, uint32_t ix,
		    const struct stat *st, const char *path, const char *leader,
		    struct et_header_losses *losses)
{
	const struct et_entry *e = &t->entries[ix];
	int64_t mtime = st != NULL ? st->st_mtim.tv_sec : e->mtime;
	long mtime_ns = st != NULL ? st->st_mtim.tv_nsec : (long)e->mtime_ns;

	archive_entry_clear(ae);
	archive_entry_copy_pathname(ae, path);
	archive_entry_set_mode(ae, st != NULL ? st->st_mode : e->mode);
	archive_entry_set_uid(ae, st != NULL ? st->st_uid : e->uid);
	archive_entry_set_gid(ae, st != NULL ? st->st_gid : e->gid);
	if (!set_mtime(ae, mtime, mtime_ns))
		note_loss(losses, "the nanoseconds of the mtime", "", path);
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

/* libarchive writes these as %XX, and no reader writes them back. */
static bool is_changed_in_tar(const char *name)
{
	for (; *name != '\0'; name++)
		if (*name <= ' ' || *name >= 0x7f || *name == '%' || *name == '=')
			return true;
	return false;
}

/* Pointers to the names in list that we keep; libarchive puts each one before the others, so the
 * last name comes first. */
static size_t keep_names(const char *list, size_t n, const char *path, const char **names,
			 struct et_header_losses *losses)
{
	size_t kept = 0;

	for (const char *p = list; p < list + n && kept < MOST_XATTRS; p += strlen(p) + 1) {
		if (is_changed_in_tar(p))
			note_loss(losses, "the attribute ", p, path);
		else if (!is_of_machine(p))
			names[kept++] = p;
	}
	qsort(names, kept, sizeof names[0], by_bytes_down);
	return kept;
}

/* Where the attributes are: of fd, or of what `link` names. */
struct place {
	int fd;
	const char *link;
};

static ssize_t list_names(const struct place *at, char *list)
{
	return at->link != NULL ? llistxattr(at->link, list, LIST_ROOM)
				: flistxattr(at->fd, list, LIST_ROOM);
}

static ssize_t get_value(const struct place *at, const char *name, char *value)
{
	return at->link != NULL ? lgetxattr(at->link, name, value, VALUE_ROOM)
				: fgetxattr(at->fd, name, value, VALUE_ROOM);
}

static int add_values(struct archive_entry *ae, const struct place *at, const char **names,
		      size_t n, char *value)
{
	for (size_t i = 0; i < n; i++) {
		ssize_t len = get_value(at, names[i], value);

		if (len < 0)
			return errno;
		archive_entry_xattr_add_entry(ae, names[i], value, (size_t)len);
	}
	return 0;
}

static int add_all(struct archive_entry *ae, const struct place *at, const char *path,
		   char *scratch, struct et_header_losses *losses)
{
	ssize_t n = list_names(at, scratch);
	const char **names;
	int rc;

	if (n <= 0)
		return n == 0 || errno == ENOTSUP ? 0 : errno;
	names = malloc(MOST_XATTRS * sizeof names[0]);
	if (names == NULL)
		return ENOMEM;
	rc = add_values(ae, at, names, keep_names(scratch, (size_t)n, path, names, losses),
			scratch + LIST_ROOM);
	free(names);
	return rc;
}

int et_header_xattrs(struct archive_entry *ae, int fd, const char *name, const char *path,
		     char *scratch, struct et_header_losses *losses)
{
	char *link = name == NULL ? NULL : proc_path(fd, name);
	int rc = ENOMEM;

	if (name == NULL || link != NULL)
		rc = add_all(ae, &(struct place){ fd, link }, path, scratch, losses);
	free(link);
	return rc;
}
