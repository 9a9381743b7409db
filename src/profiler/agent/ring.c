/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring (ring.h): two counters that only grow, one owner each.  head is published with
 * release after the words are in place; the consumer gives room back with release after it has
 * copied them out. */
#include "profiler/agent/ring.h"

/* SIGNAL CONTEXT: atomics and plain stores only. */
bool et_ring_put(struct et_ring *r, const uint64_t *rec, size_t n)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

	if (ET_RING_WORDS - (head - tail) < n)
		return false;
	for (size_t i = 0; i < n; i++)
		r->words[(head + i) % ET_RING_WORDS] = rec[i];
	atomic_store_explicit(&r->head, head + n, memory_order_release);
	return true;
}

size_t et_ring_get(struct et_ring *r, uint64_t *rec, size_t max)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	size_t n;

	while (head != tail) {
		n = r->words[tail % ET_RING_WORDS] & 0xffff;
		if (n <= max)
			break;
		tail += n; /* cannot come from our own producer */
	}
	if (head == tail)
		return 0;
	for (size_t i = 0; i < n; i++)
		rec[i] = r->words[(tail + i) % ET_RING_WORDS];
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}
