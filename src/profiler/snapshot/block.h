/* SPDX-License-Identifier: Apache-2.0
 * Room-private: an empty block of n bytes with one reference.  Layer: profiler/snapshot. */
#ifndef ET_SNAPSHOT_BLOCK_H
#define ET_SNAPSHOT_BLOCK_H

#include "engine-top/snapshot.h"

/* [own] new   [thr] any   [sig] no   [err] NULL without memory */
struct et_snapshot *et_block_new(size_t n);

#endif
