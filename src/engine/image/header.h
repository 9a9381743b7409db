/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: from what the file system says of a file to what a tar header says of it.
 * Layer: engine/image. */
#ifndef ET_IMAGE_HEADER_H
#define ET_IMAGE_HEADER_H

#include <sys/stat.h>

#include <archive_entry.h>

#include "engine/image/tree.h"

/* What a header could not say, to be told to the user. */
struct et_header_losses {
	unsigned n;
	char first[192]; /* one line, safe to print */
};

/* Name, type, mode, numeric owner, mtime, size, link target of an entry.  `st` (regular files):
 * what the open file says, instead of what the walk saw; NULL = the walk.  `path` and `leader`
 * are its path and, for a hard link, the path of the file it is a name of. */
void et_header_fill(struct archive_entry *ae, const struct et_tree *t, uint32_t ix,
		    const struct stat *st, const char *path, const char *leader,
		    struct et_header_losses *losses);

/* Add the extended attributes that belong to the contents, sorted by name: of the open file
 * `fd`, or, if name is not NULL, of `name` in the directory `fd` without following symlinks.
 * Attributes that the machine made (SELinux labels, EVM, overlay bookkeeping) stay out; so do
 * those whose name a tar header would change, which are losses (`path` names the file there).
 * scratch: ET_HEADER_SCRATCH bytes.  0 or errno. */
#define ET_HEADER_SCRATCH (2 * 65536u)
int et_header_xattrs(struct archive_entry *ae, int fd, const char *name, const char *path,
		     char *scratch, struct et_header_losses *losses);

#endif
