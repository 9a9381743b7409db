/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: a tree becomes a layer blob.  Layer: engine/image. */
#ifndef ET_IMAGE_LAYER_H
#define ET_IMAGE_LAYER_H

#include "engine/build/workers.h"
#include "engine/image/blob.h"
#include "engine/image/header.h"
#include "engine/image/tree.h"
#include "engine/progress.h"

struct et_layer_opts {
	const char *context; /* for messages */
	int level;           /* 1..9 */
	struct et_workers *workers;
	struct et_progress *progress;
};

struct et_layer_result {
	char diff_id[ET_DIGEST_ROOM];
	uint64_t bytes_in, bytes_tar;
	struct et_header_losses losses; /* also counted in progress->warnings */
};

/* Pack all entries into the blob, which is begun, and then finished but not linked.  The workers
 * must not include the calling thread.  May correct the size of entries in the tree.
 * -1 and *err; no worker is at work for this layer any more when it returns. */
int et_layer_write(struct et_tree *tree, struct et_blob *blob, const struct et_layer_opts *opts,
		   struct et_layer_result *result, struct et_err *err);

#endif
