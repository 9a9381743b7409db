/* SPDX-License-Identifier: Apache-2.0
 *
 * Ring of records between one producer (a thread's SIGPROF handler) and one consumer (the
 * collector).  A record is whole or not there; a full ring refuses, it never waits.
 * Layer: profiler/agent.  et_ring_put runs in signal context. */
#ifndef ET_AGENT_RING_H
#define ET_AGENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ET_RING_WORDS 16384u /* 128 KiB: 1 s of 500 samples of 30 frames */

struct et_ring {
	_Alignas(64) atomic_uint_fast64_t head; /* words ever written; producer only */
	_Alignas(64) atomic_uint_fast64_t tail; /* words ever read; consumer only */
	_Alignas(64) uint64_t words[ET_RING_WORDS];
};

/* Append n words (n < 65536; the low 16 bits of rec[0] must be n).
 * [own] copies   [thr] the producer   [sig] safe   [err] false: no room */
bool et_ring_put(struct et_ring *r, const uint64_t *rec, size_t n);

/* Take the oldest record into rec (room for `max` words).  Returns its length, 0 if empty.
 * [own] copies   [thr] collector   [sig] no   [err] never: a longer record is dropped */
size_t et_ring_get(struct et_ring *r, uint64_t *rec, size_t max);

#endif
