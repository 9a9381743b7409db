/* SPDX-License-Identifier: Apache-2.0
 *
 * What backtrace() gives, made into what the program did (stack.h).  Pure. */
#include "profiler/agent/stack.h"

#include <stddef.h>

unsigned et_stack_trim(void *const *bt, int n, const void *from_ra, uint64_t *out)
{
	unsigned depth = 0;
	int i = 0;

	while (i < n && i < 8 && bt[i] != from_ra)
		i++;
	if (i == n || i == 8)
		i = n > 2 ? 2 : 0; /* return address not on the stack: inlined or a tail call */
	for (; i < n && depth < ET_DEPTH_MAX; i++)
		if (bt[i] != NULL)
			out[depth++] = (uint64_t)(uintptr_t)bt[i] - 1;
	return depth;
}
