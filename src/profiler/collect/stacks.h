/* SPDX-License-Identifier: Apache-2.0
 *
 * Stacks of frames (symbols.h), interned: many addresses, one stack a way of being called.
 * Layer: profiler/collect; one owner. */
#ifndef ET_COLLECT_STACKS_H
#define ET_COLLECT_STACKS_H

#include "profiler/collect/hash.h"
#include "profiler/collect/symbols.h"

#define ET_STACKS_MAX 100000u

struct et_stack {
	uint32_t first; /* in frames */
	uint32_t depth;
	bool is_truncated;
	uint64_t samples; /* weight of the CPU samples that ended here */
};

struct et_stacks {
	struct et_symbols *symbols; /* borrowed */
	struct et_stack *rows;
	uint32_t n_rows, room_rows;
	uint32_t *frames;
	size_t n_frames, room_frames;
	struct et_hash by_content;
	uint64_t n_lost; /* no room for a new one */
};

void et_stacks_init(struct et_stacks *st, struct et_symbols *symbols);
void et_stacks_fini(struct et_stacks *st);

/* Id of the stack of n lookup addresses of a process, leaf first, without the agent's own frames:
 * its work inside a program's malloc() belongs to malloc(), inside a pool's get to the pool; ET_NONE (counted) if there is no room. */
uint32_t et_stacks_intern(struct et_stacks *st, struct et_addrs *a, const uint64_t *addresses,
			  uint32_t n, bool is_truncated);

#endif
