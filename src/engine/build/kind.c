/* SPDX-License-Identifier: Apache-2.0
 * The table of kinds of targets (target.h). */
#include <string.h>

#include "engine/build/target.h"

static const struct et_kind_ops *const table[] = {
	&et_kind_image,
	&et_kind_generate,
	&et_kind_bench,
};

const struct et_kind_ops *et_kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i]->name, name) == 0)
			return table[i];
	return NULL;
}
