/* SPDX-License-Identifier: Apache-2.0
 *
 * One OCI image of one directory tree, into an OCI layout.  Deterministic: the same tree gives
 * the same digests, whatever the number of workers, locale, time zone, umask, directory order.
 * Layer: engine/image; knows base, include/, engine/progress.h, engine/build/workers.h. */
#ifndef ET_ENGINE_IMAGE_H
#define ET_ENGINE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "engine-top/err.h"
#include "engine/build/workers.h"
#include "engine/progress.h"

struct et_image_opts {
	const char *context;          /* directory */
	const char *layout;           /* directory of the OCI layout; made if missing */
	const char *tag;              /* [A-Za-z0-9][A-Za-z0-9._-]*, up to 128 bytes */
	const char *const *exclude;   /* patterns against the path below context, fnmatch(3) with
	                                 FNM_PATHNAME; a matching directory is left out with all
	                                 below; no slash in it = matches at any depth */
	size_t n_exclude;
	int level;                    /* gzip level 1..9; 0 = default (6) */
	int is_store_private;         /* remove blobs that no manifest of the layout refers to */
	struct et_workers *workers;   /* who packs; may be shared with other images */
	struct et_progress *progress; /* never NULL */
};

struct et_image_result {
	char digest[80];       /* sha256:... of the manifest */
	char layer_digest[80];
	char diff_id[80];
	uint64_t bytes_in;     /* file bytes read */
	uint64_t bytes_tar;    /* uncompressed layer */
	uint64_t bytes_out;    /* compressed layer */
	uint64_t entries;
	unsigned n_sockets;    /* skipped, counted */
	char warning[256];     /* first thing left out, e.g. "skipped 2 sockets, first: run/x.sock" */
};

/* [own] none   [thr] any   [sig] no
 * [err] -1 and *err: ET_EXIT_INPUT context or layout unusable, ET_EXIT_JOB disk full, file that
 *       keeps changing, cancelled.  What was in the layout before is intact. */
int et_image_build(const struct et_image_opts *opts, struct et_image_result *result,
		   struct et_err *err);

/* Split "oci:DIR:TAG" (TAG optional: "latest").  dir: n bytes.
 * [own] none   [thr] any   [sig] no   [err] -1, ET_EXIT_INPUT, says the right form */
int et_image_parse_ref(const char *ref, char *dir, size_t n_dir, char *tag, size_t n_tag,
		       struct et_err *err);

#endif
