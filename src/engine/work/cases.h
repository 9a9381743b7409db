/* SPDX-License-Identifier: Apache-2.0
 * The rows of the registry, one per file of this folder.  Layer: engine/work. */
#ifndef ET_ENGINE_WORK_CASES_H
#define ET_ENGINE_WORK_CASES_H

#include "engine/work/work.h"

extern const struct et_work et_work_string, et_work_hash, et_work_tar, et_work_cpu_shares,
	et_work_heap_sites;

#endif
