/* SPDX-License-Identifier: Apache-2.0
 *
 * What a running target says of itself: single writer or atomic adds by its helpers, read by
 * the collector at any time.  Layer: engine, header only. */
#ifndef ET_ENGINE_PROGRESS_H
#define ET_ENGINE_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

struct et_progress {
	_Atomic(const char *) stage; /* static string: "walk", "pack", ... */
	_Atomic(const char *) unit;  /* static string: "B", "files", "trials" */
	atomic_uint_fast64_t work_done, work_total;
	atomic_uint_fast64_t bytes_in, bytes_out;
	atomic_uint warnings;
	atomic_bool is_cancelled; /* set by others; long work looks at it at least every 50 ms */
};

#endif
