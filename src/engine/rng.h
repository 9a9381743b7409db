/* SPDX-License-Identifier: Apache-2.0
 * Small seeded generator (splitmix64): the same seed gives the same sequence on every machine.
 * For shuffles and generated content, never for secrets.  Layer: engine, header only. */
#ifndef ET_ENGINE_RNG_H
#define ET_ENGINE_RNG_H

#include <stdint.h>

struct et_rng {
	uint64_t state;
};

static inline uint64_t et_rng_next(struct et_rng *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. n-1, n > 0; the bias of the multiplication is below 2^-32 for n < 2^32. */
static inline uint64_t et_rng_below(struct et_rng *r, uint64_t n)
{
	return (uint64_t)(((__uint128_t)et_rng_next(r) * n) >> 64);
}

#endif
