/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: one group of a layer, formatted as tar and compressed by a worker on its own.
 *
 * group: some whole entries that stand together, or one slice of a big file
 * slice: a part of a file that is too big for one group; the first one carries the header
 * Layer: engine/image. */
#ifndef ET_IMAGE_PACK_H
#define ET_IMAGE_PACK_H

#include <locale.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <zlib.h>

#include "engine-top/err.h"
#include "engine/image/header.h"
#include "engine/image/tree.h"
#include "engine/progress.h"

#define ET_GROUP_BYTES (512u << 10) /* of tar, about; part of what decides the digest */
#define ET_PACK_TRIES 3             /* for a file that changes while it is read */

/* What all groups of a layer share; constant while workers run. */
struct et_pack {
	const struct et_tree *tree;
	const char *context;    /* for messages */
	locale_t utf8;          /* workers format under it, whatever the user's locale is */
	int level;
	struct et_progress *progress;
	atomic_bool is_stopped; /* the layer failed elsewhere: give up soon */
};

struct et_bytes {
	char *p;
	size_t n, room;
};

/* A file that is cut into slices: opened once, so that all slices are of the same file. */
struct et_bigfile {
	uint32_t ix;
	int fd;
	unsigned refs;  /* counted by the building thread only */
	struct stat st; /* when it was opened: the header says this */
};

enum et_pack_end {
	ET_PACK_OK = 0,
	ET_PACK_CHANGED, /* a file changed while it was read; err names it */
	ET_PACK_OUTGREW, /* file `grown` has `grown_size` bytes by now: too much for a group */
	ET_PACK_FAILED,
};

struct et_group {
	const struct et_pack *pack;
	uint32_t first, end;    /* entries [first, end) */
	struct et_bigfile *big; /* or a slice of this: bytes [offset, offset + length) */
	uint64_t offset;
	size_t length;
	bool is_head, is_tail;  /* first slice, last slice */
	bool is_last;           /* of the layer: the end-of-archive mark follows */

	enum et_pack_end result;
	struct et_err err;
	uint32_t grown;
	uint64_t grown_size;
	uint64_t source_bytes;  /* of files */
	struct et_header_losses losses;
	struct et_bytes tar, gz;
	bool is_tar_over;       /* libarchive has nothing to add any more */
	char *scratch;          /* room to read into */
	z_stream z;
	bool has_z;
};

/* Fill tar, gz, source_bytes and result.  The buffers stay with the group for its next use.
 * Worker thread. */
void et_pack_group(struct et_group *g);
void et_pack_group_fini(struct et_group *g);

/* Open a file that will be sliced.  NULL and *err, which names it. */
struct et_bigfile *et_pack_open_big(const struct et_pack *p, uint32_t ix, struct et_err *err);

/* Is it still what its header says, now that all of it was read?  Else *err says what changed. */
bool et_pack_is_unchanged(const struct et_pack *p, const struct et_bigfile *big,
			  struct et_err *err);
void et_pack_unref_big(struct et_bigfile *big);

#endif
