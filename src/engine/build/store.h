/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder that a session writes to: a private one, removed at the end, or the preset's.
 *
 * Invariants.
 * 1. A folder named engine-top-store.* always has its lock file, and the lock is held while its
 *    session lives: it is made under another name and renamed when it is locked.
 * 2. So whoever gets the lock of such a folder may remove it: its session was killed.
 * 3. A kept store is locked by at most one session; nothing of it is ever removed but
 *    generated trees that are being replaced.
 * Layer: engine/build; knows base. */
#ifndef ET_ENGINE_STORE_H
#define ET_ENGINE_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine-top/err.h"

struct et_store {
	char path[PATH_MAX]; /* absolute */
	bool is_private;
	int lock_fd;         /* -1: not open */
};

/* `kept`: the preset's folder, made if missing; NULL for a private one under $TMPDIR or /tmp,
 * which also removes private ones that were left by killed sessions of this user.
 * [own] et_store_close   [thr] any   [sig] no   [err] -1 and *err; then nothing is open */
int et_store_open(struct et_store *s, const char *kept, struct et_err *err);

/* Remove a private store; unlock.  Fine on one that is not open (lock_fd -1). */
void et_store_close(struct et_store *s);

/* STORE/generated/NAME, the tree of a generate target.  -1: the path is too long. */
int et_store_tree(const struct et_store *s, const char *name, char *out, size_t n);

#endif
