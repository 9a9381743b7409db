/* SPDX-License-Identifier: Apache-2.0
 *
 * Room-private: one content-addressed file of a layout while it is written.  It has no name
 * until et_blob_link(), so that kill -9 leaves nothing.  Layer: engine/image. */
#ifndef ET_IMAGE_BLOB_H
#define ET_IMAGE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "engine-top/err.h"

#define ET_DIGEST_ROOM 80 /* "sha256:" and 64 hex digits */

struct et_blob {
	const char *where;  /* the layout, for messages */
	int dir_fd;         /* blobs/sha256; borrowed */
	int fd;             /* -1: not open */
	char tmp[48];       /* name while it is written, where O_TMPFILE does not exist; else "" */
	uint64_t n;         /* bytes so far */
	EVP_MD_CTX *sha;
	char digest[ET_DIGEST_ROOM]; /* after et_blob_finish */
};

/* A place to come back to: what was written behind it did not happen. */
struct et_blob_mark {
	uint64_t n;
	EVP_MD_CTX *sha;
};

/* is_named: write under a temporary name even where O_TMPFILE exists (tests).
 * All return 0, or -1 and *err (ET_EXIT_JOB).  Any state may be given to et_blob_abort(), which
 * releases all and leaves nothing behind. */
int et_blob_begin(struct et_blob *b, const char *where, int dir_fd, bool is_named,
		  struct et_err *err);
int et_blob_write(struct et_blob *b, const void *buf, size_t n, struct et_err *err);
int et_blob_mark(const struct et_blob *b, struct et_blob_mark *mark, struct et_err *err);
int et_blob_rewind(struct et_blob *b, const struct et_blob_mark *mark, struct et_err *err);
void et_blob_mark_fini(struct et_blob_mark *mark);

/* No more bytes: compute the digest, make the bytes durable. */
int et_blob_finish(struct et_blob *b, struct et_err *err);

/* Begin to finish in one go, for small ones. */
int et_blob_make(struct et_blob *b, const char *where, int dir_fd, const void *buf, size_t n,
		 struct et_err *err);

/* Give it its name; a blob of the same digest and size that is there already will do.  The
 * layout must be locked (else somebody might clean it away before an index names it).  The name
 * is durable after fsync(2) of the directory. */
int et_blob_link(struct et_blob *b, struct et_err *err);
void et_blob_abort(struct et_blob *b);

/* "sha256:HEX" of a digest that is complete; ctx is used up. */
int et_blob_hex(EVP_MD_CTX *ctx, char *digest, struct et_err *err);

/* A SHA-256 that begins; NULL and *err without memory. */
EVP_MD_CTX *et_blob_sha256(struct et_err *err);

/* Remove temporary names that a killed process left (never those of a living one).  The layout
 * must be locked. */
void et_blob_sweep(int dir_fd);

#endif
