/* SPDX-License-Identifier: Apache-2.0
 *
 * Interning of symbolized stacks (stacks.h).  Collector thread only. */
#include "profiler/collect/stacks.h"

#include <stdlib.h>
#include <string.h>

#include "engine-top/snapshot.h"
#include "profiler/agent/stack.h"
#include "profiler/collect/grow.h"

void et_stacks_init(struct et_stacks *st, struct et_symbols *symbols)
{
	memset(st, 0, sizeof *st);
	st->symbols = symbols;
}

void et_stacks_fini(struct et_stacks *st)
{
	free(st->rows);
	free(st->frames);
	et_hash_fini(&st->by_content);
}

static bool has_room(struct et_stacks *st, uint32_t depth)
{
	if (st->n_rows == ET_STACKS_MAX ||
	    !et_grow(&st->rows, st->n_rows, &st->room_rows, sizeof *st->rows))
		return false;
	if (st->room_frames - st->n_frames < depth) {
		size_t room = st->room_frames == 0 ? 8192 : st->room_frames * 2;
		uint32_t *frames = realloc(st->frames, room * sizeof *frames);

		if (frames == NULL)
			return false;
		st->frames = frames;
		st->room_frames = room;
	}
	return true;
}

uint32_t et_stacks_intern(struct et_stacks *st, struct et_addrs *a, const uint64_t *addresses,
			  uint32_t n, bool is_truncated)
{
	uint32_t ids[ET_DEPTH_MAX], id;
	uint32_t depth = 0;
	uint64_t key = 1;

	if (n > ET_DEPTH_MAX) {
		n = ET_DEPTH_MAX;
		is_truncated = true;
	}
	for (uint32_t i = 0; i < n; i++) {
		id = et_symbols_frame(st->symbols, a, addresses[i]);
		if (et_symbols_get(st->symbols, id)->code != ET_CODE_AGENT)
			ids[depth++] = id;
	}
	if (depth == 0) /* nothing but ours, or nothing: a stack has a leaf */
		ids[depth++] = n > 0 ? et_symbols_frame(st->symbols, a, addresses[0]) : 0;
	n = depth;
	for (uint32_t i = 0; i < n; i++)
		key = et_hash_mix(key ^ ids[i]);
	for (; et_hash_get(&st->by_content, key, &id); key++) {
		const struct et_stack *s = &st->rows[id];

		if (s->depth == n && s->is_truncated == is_truncated &&
		    memcmp(st->frames + s->first, ids, n * sizeof *ids) == 0)
			return id;
	}
	if (!has_room(st, n) || !et_hash_put(&st->by_content, key, st->n_rows)) {
		st->n_lost++;
		return ET_NONE;
	}
	memcpy(st->frames + st->n_frames, ids, n * sizeof *ids);
	st->rows[st->n_rows] = (struct et_stack){ .first = (uint32_t)st->n_frames, .depth = n,
						  .is_truncated = is_truncated };
	st->n_frames += n;
	return st->n_rows++;
}
