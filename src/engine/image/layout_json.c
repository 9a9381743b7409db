/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and changing the JSON of a layout (layout_json.h).  No state.  Every value is judged
 * by its type before it is used: jansson's getters take NULL and a wrong type for "not there". */
#include "engine/image/layout_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/image/layout.h"

#define SIZE_LIMIT (16 << 20)
#define DEPTH_LIMIT 4
#define REF_NAME "org.opencontainers.image.ref.name"

/* O_NONBLOCK: a FIFO in the place of the file must not hold us up. */
static int open_regular(int dir_fd, const char *name, char *why, size_t n)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		snprintf(why, n, "cannot open %s: %s", name, strerrordesc_np(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SIZE_LIMIT)
		return fd;
	snprintf(why, n, "%s is not a regular file of at most 16 MiB", name);
	close(fd);
	return -1;
}

json_t *et_layout_json_load(int dir_fd, const char *name, char *why, size_t n)
{
	int fd = open_regular(dir_fd, name, why, n);
	json_error_t e;
	json_t *root;

	if (fd < 0)
		return NULL;
	root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &e);
	close(fd);
	if (root == NULL) {
		snprintf(why, n, "%s:%d:%d: %.80s", name, e.line, e.column, e.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		snprintf(why, n, "%s is not a JSON object", name);
		json_decref(root);
		return NULL;
	}
	return root;
}

static bool has_tag(const json_t *descriptor, const char *tag)
{
	const json_t *notes = json_object_get(descriptor, "annotations");
	const char *name = json_string_value(json_object_get(notes, REF_NAME));

	return name != NULL && strcmp(name, tag) == 0;
}

int et_layout_json_set_tag(json_t *index, const char *tag, const char *digest, uint64_t size)
{
	json_t *list = json_object_get(index, "manifests");
	json_t *mine = json_pack("{s:s, s:s, s:I, s:{s:s}}", "mediaType", ET_MT_MANIFEST, "digest",
				 digest, "size", (json_int_t)size, "annotations", REF_NAME, tag);
	bool is_placed = false;

	if (mine == NULL)
		return -1;
	for (size_t i = 0; i < json_array_size(list);) {
		if (!has_tag(json_array_get(list, i), tag)) {
			i++;
		} else if (is_placed) {
			json_array_remove(list, i);
		} else {
			is_placed = json_array_set(list, i, mine) == 0;
			i++;
		}
	}
	if (!is_placed)
		is_placed = json_array_append(list, mine) == 0;
	json_decref(mine);
	return is_placed ? 0 : -1;
}

/* ---- what an index reaches ---------------------------------------------------------------- */

/* The file name of a descriptor's blob, or NULL if it is none of blobs/sha256. */
static const char *blob_name(const json_t *descriptor)
{
	const char *digest = json_string_value(json_object_get(descriptor, "digest"));

	if (digest == NULL || strncmp(digest, "sha256:", 7) != 0 || strlen(digest) != 7 + 64 ||
	    strspn(digest + 7, "0123456789abcdef") != 64)
		return NULL;
	return digest + 7;
}

static int reach(const json_t *descriptor, json_t *reached)
{
	const char *name = blob_name(descriptor);

	return name == NULL || json_object_set_new(reached, name, json_true()) == 0 ? 0 : -1;
}

static int reach_document(int blobs_fd, const json_t *doc, json_t *reached, int depth);

/* A manifest or a nested index: itself, and what it names. */
static int reach_named(int blobs_fd, const json_t *descriptor, json_t *reached, int depth)
{
	const char *name = blob_name(descriptor);
	json_t *doc;
	int rc;

	if (name == NULL || depth == 0)
		return -1;
	if (reach(descriptor, reached) != 0)
		return -1;
	doc = et_layout_json_load(blobs_fd, name, NULL, 0);
	if (doc == NULL)
		return -1;
	rc = reach_document(blobs_fd, doc, reached, depth);
	json_decref(doc);
	return rc;
}

static int reach_document(int blobs_fd, const json_t *doc, json_t *reached, int depth)
{
	const json_t *d;
	size_t i;

	if (reach(json_object_get(doc, "config"), reached) != 0)
		return -1;
	json_array_foreach (json_object_get(doc, "layers"), i, d)
		if (reach(d, reached) != 0)
			return -1;
	json_array_foreach (json_object_get(doc, "manifests"), i, d)
		if (reach_named(blobs_fd, d, reached, depth - 1) != 0)
			return -1;
	return 0;
}

int et_layout_json_reach(int blobs_fd, const json_t *index, json_t *reached)
{
	return reach_document(blobs_fd, index, reached, DEPTH_LIMIT);
}
