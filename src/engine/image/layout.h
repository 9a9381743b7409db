/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: the directory of an OCI image layout and its index.  Layer: engine/image. */
#ifndef ET_IMAGE_LAYOUT_H
#define ET_IMAGE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "engine-top/err.h"
#include "engine/progress.h"

#define ET_MT_INDEX "application/vnd.oci.image.index.v1+json"
#define ET_MT_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define ET_MT_CONFIG "application/vnd.oci.image.config.v1+json"
#define ET_MT_LAYER "application/vnd.oci.image.layer.v1.tar+gzip"

struct et_layout {
	const char *path; /* as given; borrowed */
	int fd;           /* the directory; its lock is the layout's lock */
	int blobs_fd;     /* blobs/sha256 */
};
#define ET_LAYOUT_CLOSED { NULL, -1, -1 }

/* Open the layout at `path`, or make one where there is nothing, an empty directory, or what a
 * killed process left of making one.  Anything else is refused (ET_EXIT_INPUT), as is a layout
 * whose index cannot be read, and the directory *context itself.  Unlocked on return.
 * Removes temporary names of dead processes. */
int et_layout_open(struct et_layout *l, const char *path, const struct stat *context,
		   struct et_progress *progress, struct et_err *err);
void et_layout_close(struct et_layout *l);

/* One process, and in it one thread, at a time; waiting ends when the build is cancelled. */
int et_layout_lock(struct et_layout *l, struct et_progress *progress, struct et_err *err);
void et_layout_unlock(struct et_layout *l);

/* Locked: make `tag` name the manifest, whose blobs have their names; other tags stay.  First
 * the names become durable, then the index is replaced as a whole. */
int et_layout_set_tag(struct et_layout *l, const char *tag, const char *digest, uint64_t size,
		      struct et_err *err);

/* Locked: remove blobs that no manifest of the index reaches.  If one of them cannot be read,
 * nothing is removed. */
int et_layout_collect(struct et_layout *l, struct et_err *err);

#endif
