/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing, doubled at two thirds (hash.h).  Nothing is ever removed. */
#include "profiler/collect/hash.h"

#include <stdlib.h>
#include <string.h>

void et_hash_fini(struct et_hash *h)
{
	free(h->keys);
	free(h->vals);
	memset(h, 0, sizeof *h);
}

static size_t slot_of(const struct et_hash *h, uint64_t key)
{
	size_t i = et_hash_mix(key) & (h->room - 1);

	while (h->vals[i] != 0 && h->keys[i] != key)
		i = (i + 1) & (h->room - 1);
	return i;
}

bool et_hash_get(const struct et_hash *h, uint64_t key, uint32_t *val)
{
	size_t i;

	if (h->room == 0)
		return false;
	i = slot_of(h, key);
	if (h->vals[i] == 0)
		return false;
	*val = h->vals[i] - 1;
	return true;
}

static bool widen(struct et_hash *h)
{
	struct et_hash wide = { .room = h->room == 0 ? 1024 : h->room * 2, .n = h->n };

	wide.keys = calloc(wide.room, sizeof *wide.keys);
	wide.vals = calloc(wide.room, sizeof *wide.vals);
	if (wide.keys == NULL || wide.vals == NULL) {
		et_hash_fini(&wide);
		return false;
	}
	for (size_t i = 0; i < h->room; i++) {
		size_t j;

		if (h->vals[i] == 0)
			continue;
		j = slot_of(&wide, h->keys[i]);
		wide.keys[j] = h->keys[i];
		wide.vals[j] = h->vals[i];
	}
	et_hash_fini(h);
	*h = wide;
	return true;
}

bool et_hash_put(struct et_hash *h, uint64_t key, uint32_t val)
{
	size_t i;

	if (h->n * 3 >= h->room * 2 && !widen(h))
		return false;
	i = slot_of(h, key);
	h->keys[i] = key;
	h->vals[i] = val + 1;
	h->n++;
	return true;
}
