/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: the two documents of an image with one layer.  Pure functions: the same facts
 * give the same bytes.  Layer: engine/image. */
#ifndef ET_IMAGE_MANIFEST_H
#define ET_IMAGE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

struct et_blob_ref {
	const char *digest;
	uint64_t size;
};

/* When the image was "created": the newest mtime in the tree, in whole seconds, held to what the
 * format can say (1970 to 9999).  Not the clock: it would change the digest at every build.
 * buf: 32 bytes; returns buf. */
const char *et_manifest_created(int64_t newest_mtime, char *buf);

/* Name of a processor in OCI's (Go's) words for what uname -m calls it; *variant is "" if none.
 * An unknown machine is passed through. */
const char *et_manifest_architecture(const char *machine, const char **variant);

/* JSON text, malloc'ed, or NULL without memory. */
char *et_manifest_config(const char *diff_id, const char *created, const char *machine);
char *et_manifest_text(const struct et_blob_ref *config, const struct et_blob_ref *layer);

#endif
