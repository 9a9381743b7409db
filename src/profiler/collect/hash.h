/* SPDX-License-Identifier: Apache-2.0
 *
 * A map from 64-bit keys to 32-bit ids, for the collector's interning tables.  Collisions of
 * different things under one key are the caller's to tell apart (chain by key + 1).
 * Layer: profiler/collect; one owner. */
#ifndef ET_COLLECT_HASH_H
#define ET_COLLECT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct et_hash {
	uint64_t *keys;
	uint32_t *vals; /* id + 1; 0 = free */
	size_t n, room;
};

/* Mix 64 bits (splitmix64's finalizer). */
static inline uint64_t et_hash_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

void et_hash_fini(struct et_hash *h);
/* True and *val if the key is there. */
bool et_hash_get(const struct et_hash *h, uint64_t key, uint32_t *val);
/* Insert a key that is not there.  False without memory. */
bool et_hash_put(struct et_hash *h, uint64_t key, uint32_t val);

#endif
