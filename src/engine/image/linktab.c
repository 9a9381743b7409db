/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash table (device, inode) -> first entry, for hard links (linktab.h).  Open addressing, at
 * most half full; only inodes with more than one name enter it, so it is mostly empty. */
#include "engine/image/linktab.h"

#include <stdlib.h>

static size_t slot_of(const struct et_linktab *t, uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ (dev << 32 | dev >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(h >> 20) & (t->n_slots - 1);

	while (t->slots[i].entry_plus_1 != 0 &&
	       (t->slots[i].dev != dev || t->slots[i].ino != ino))
		i = (i + 1) & (t->n_slots - 1);
	return i;
}

static int grow(struct et_linktab *t)
{
	struct et_linktab more = { .n = t->n, .n_slots = t->n_slots == 0 ? 64 : t->n_slots * 2 };

	more.slots = calloc(more.n_slots, sizeof more.slots[0]);
	if (more.slots == NULL)
		return -1;
	for (size_t i = 0; i < t->n_slots; i++) {
		const struct et_linktab_slot *s = &t->slots[i];

		if (s->entry_plus_1 != 0)
			more.slots[slot_of(&more, s->dev, s->ino)] = *s;
	}
	free(t->slots);
	*t = more;
	return 0;
}

int et_linktab_first(struct et_linktab *t, uint64_t dev, uint64_t ino, uint32_t entry,
		     uint32_t *first)
{
	struct et_linktab_slot *s;

	if (t->n * 2 >= t->n_slots && grow(t) != 0)
		return -1;
	s = &t->slots[slot_of(t, dev, ino)];
	if (s->entry_plus_1 == 0) {
		*s = (struct et_linktab_slot){ dev, ino, entry + 1 };
		t->n++;
	}
	*first = s->entry_plus_1 - 1;
	return 0;
}

void et_linktab_fini(struct et_linktab *t)
{
	free(t->slots);
	*t = (struct et_linktab){ 0 };
}
