/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and directories, as the rest of the program needs them: whole writes, whole reads,
 * atomic appearance, removal of a tree.  Layer: base.  Any thread, not in signal context.
 * All return 0 or -1 with errno set, unless they take an et_err. */
#ifndef ET_BASE_IO_H
#define ET_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine-top/err.h"

/* write(2) until all is written; EINTR and short writes are handled. */
int et_io_write_all(int fd, const void *buf, size_t n);

/* Read the whole of `path` into *out (malloc'ed, NUL-terminated behind *n bytes).  More than
 * `limit` bytes is an error (ET_EXIT_INPUT), as is a directory.  `-` is not special. */
int et_io_read_file(const char *path, size_t limit, char **out, size_t *n, struct et_err *err);

/* Make `name` in directory `dirfd` appear whole or not at all: O_TMPFILE + fsync + linkat, or,
 * where the file system lacks O_TMPFILE or `replace` is asked, temporary name + fsync + rename.
 * Without `replace` an existing file is left as it is and counts as success. */
int et_io_put_file(int dirfd, const char *name, const void *buf, size_t n, int replace);

/* mkdir -p, mode 0777 & ~umask.  An existing directory is fine. */
int et_io_mkdirs(const char *path);

/* Remove what is below and including `name` of `dirfd` (AT_FDCWD).  Never follows a symlink,
 * never crosses into another file system.  Missing is fine. */
int et_io_rmtree(int dirfd, const char *name);

/* New private directory under $TMPDIR (else /tmp): PREFIX.PID.XXXXXX.  path: PATH_MAX bytes. */
int et_io_tmpdir(const char *prefix, char *path, size_t n);

/* Could a file of this name be written?  Asked before work is begun, so that a wrong name costs
 * none; nothing is touched.  False with errno. */
bool et_io_can_write(const char *path);

#endif
