/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: which entry was the first name of an inode.  Layer: engine/image. */
#ifndef ET_IMAGE_LINKTAB_H
#define ET_IMAGE_LINKTAB_H

#include <stddef.h>
#include <stdint.h>

struct et_linktab_slot {
	uint64_t dev, ino;
	uint32_t entry_plus_1; /* 0 = free */
};

/* All 0 is an empty table. */
struct et_linktab {
	struct et_linktab_slot *slots;
	size_t n, n_slots; /* n_slots: 0 or a power of two */
};

/* The entry that came first with this inode: `entry` itself if it is new (then it is kept).
 * -1 without memory. */
int et_linktab_first(struct et_linktab *t, uint64_t dev, uint64_t ino, uint32_t entry,
		     uint32_t *first);
void et_linktab_fini(struct et_linktab *t);

#endif
