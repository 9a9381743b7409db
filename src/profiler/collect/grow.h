/* SPDX-License-Identifier: Apache-2.0
 * Arrays that double.  Layer: profiler/collect, header only. */
#ifndef ET_COLLECT_GROW_H
#define ET_COLLECT_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Room for one more in *(T **)array, which holds n of *room things of `size` bytes.  False without
 * memory; the array is then as it was. */
static inline bool et_grow(void *array, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t wide = *room == 0 ? 256 : *room * 2;
	void *more;

	if (n < *room)
		return true;
	more = realloc(*(void **)array, wide * size);
	if (more == NULL)
		return false;
	*(void **)array = more;
	*room = wide;
	return true;
}

#endif
