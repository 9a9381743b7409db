/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of workloads (work.h).  An explicit array: a linker section would silently lose the
 * members of a static archive that nobody names. */
#include <string.h>

#include "engine/work/cases.h"

const struct et_work *const et_works[] = {
	&et_work_string,
	&et_work_hash,
	&et_work_tar,
	&et_work_cpu_shares,
	&et_work_heap_sites,
	NULL,
};

const struct et_work *et_work_find(const char *suite, const char *name)
{
	for (const struct et_work *const *w = et_works; *w != NULL; w++)
		if (strcmp((*w)->suite, suite) == 0 && strcmp((*w)->name, name) == 0)
			return *w;
	return NULL;
}

int et_work_arm(const struct et_work *w, const char *arm)
{
	for (int i = 0; w->arms[i] != NULL; i++)
		if (strcmp(w->arms[i], arm) == 0)
			return i;
	return -1;
}
