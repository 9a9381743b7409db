/* SPDX-License-Identifier: Apache-2.0
 *
 * A tree of files made up from a seed: the same options give the same names, bytes, modes, links
 * and times on every machine.  Layer: engine/build; knows base and progress.h. */
#ifndef ET_ENGINE_GENERATE_H
#define ET_ENGINE_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine-top/err.h"
#include "engine/progress.h"

struct et_generate_opts {
	uint64_t files;      /* regular names; one in 100 of them is a hard link */
	uint64_t dirs;       /* directories below the root; plus one symlink for each 50 files */
	uint64_t size_bytes; /* mean; lognormal, largest 64 times the mean */
	uint64_t seed;
	bool is_rewrite;     /* the directory may hold a tree of the same other options: write over
	                        it, file by file, instead of making new ones */
};

/* Fill the directory `dir`, which is empty but for is_rewrite.
 * [own] none   [thr] any   [sig] no   [err] -1 and *err: the disk is full, cancelled, ... */
int et_generate_tree(const char *dir, const struct et_generate_opts *opts,
		     struct et_progress *progress, struct et_err *err);

#endif
