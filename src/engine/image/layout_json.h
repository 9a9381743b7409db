/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: the JSON side of a layout's index, which anybody may have written.
 * Layer: engine/image. */
#ifndef ET_IMAGE_LAYOUT_JSON_H
#define ET_IMAGE_LAYOUT_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* Load the JSON object in a regular file of at most 16 MiB.  NULL, and one line in why (if n > 0),
 * which names the file. */
json_t *et_layout_json_load(int dir_fd, const char *name, char *why, size_t n);

/* Let `tag` name this manifest in an index: replaces the descriptor that had the tag (and any
 * further one), else appends.  Everything else stays.  0, or -1 without memory. */
int et_layout_json_set_tag(json_t *index, const char *tag, const char *digest, uint64_t size);

/* Put the hex digest of every blob that the index reaches, through manifests and nested indexes
 * in blobs_fd, as keys into `reached`.  -1 if one cannot be read: then the set is not whole. */
int et_layout_json_reach(int blobs_fd, const json_t *index, json_t *reached);

#endif
