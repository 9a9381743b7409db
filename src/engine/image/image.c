/* SPDX-License-Identifier: Apache-2.0
 *
 * One image from beginning to end (image.h): walk, pack, commit.
 *
 * Runs on the caller's thread, which also hashes and writes; the workers of the pool pack.  The
 * layout is locked twice for a moment, when it is opened and when the finished image is put in,
 * so that builds into one layout do not wait for each other's packing.  Until the commit nothing
 * of the image has a name. */
#include "engine/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/image/blob.h"
#include "engine/image/layer.h"
#include "engine/image/layout.h"
#include "engine/image/manifest.h"
#include "engine/image/tree.h"

#define LEVEL_DEFAULT 6
#define TAG_MOST 128

struct build {
	const struct et_image_opts *opts;
	struct et_image_result *result;
	struct et_err *err;
	struct et_layout layout;
	struct et_tree tree;
	struct et_blob layer, config, manifest;
	struct et_layer_result packed;
};

/* ---- references --------------------------------------------------------------------------- */

static bool is_tag(const char *s)
{
	static const char known[] = "._-0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = strlen(s);

	return n <= TAG_MOST && strspn(s, known + 3) > 0 && strspn(s, known) == n;
}

static int check_tag(const char *tag, struct et_err *err)
{
	if (is_tag(tag))
		return 0;
	return et_err_set(err, ET_EXIT_INPUT,
			  "'%.200s' is not a tag: up to %d letters, digits, '.', '_' and '-', the "
			  "first a letter or digit", tag, TAG_MOST);
}

/* Readers split at the first colon, so a directory cannot have one. */
int et_image_parse_ref(const char *ref, char *dir, size_t n_dir, char *tag, size_t n_tag,
		       struct et_err *err)
{
	const char *path = strncmp(ref, "oci:", 4) == 0 ? ref + 4 : "";
	const char *colon = strchrnul(path, ':');
	const char *name = *colon == ':' ? colon + 1 : "latest";

	if (colon == path)
		return et_err_set(err, ET_EXIT_INPUT,
				  "'%.300s' is not an image reference: oci:DIRECTORY:TAG is one",
				  ref);
	if (strchr(name, ':') != NULL)
		return et_err_set(err, ET_EXIT_INPUT,
				  "'%.300s' has a ':' too many: oci:DIRECTORY:TAG, where no name "
				  "has one", ref);
	if (check_tag(name, err) != 0)
		return -1;
	if ((size_t)(colon - path) >= n_dir || strlen(name) >= n_tag)
		return et_err_set(err, ET_EXIT_INPUT, "'%.300s...' is too long", ref);
	memcpy(dir, path, (size_t)(colon - path));
	dir[colon - path] = '\0';
	strcpy(tag, name);
	return 0;
}

/* ---- stages ------------------------------------------------------------------------------- */

static void enter_stage(struct build *b, const char *stage)
{
	atomic_store(&b->opts->progress->stage, stage);
}

static int open_context(struct build *b, struct stat *st)
{
	int fd = open(b->opts->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) != 0) {
		et_err_sys(b->err, errno == EMFILE || errno == ENFILE ? ET_EXIT_JOB : ET_EXIT_INPUT,
			   errno, "cannot open context '%s'", b->opts->context);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* The layout is opened before the walk: if it is new and lies in the context, the time of the
 * directory that it is in has changed before we look at it, and the next build sees the same. */
static int walk(struct build *b)
{
	struct et_tree_opts opts = {
		.context = b->opts->context, .exclude = b->opts->exclude,
		.n_exclude = b->opts->n_exclude, .progress = b->opts->progress,
	};
	struct stat context, store;
	int root;

	enter_stage(b, "walk");
	root = open_context(b, &context);
	if (root < 0)
		return -1;
	if (et_layout_open(&b->layout, b->opts->layout, &context, b->opts->progress, b->err) != 0) {
		close(root);
		return -1;
	}
	if (fstat(b->layout.fd, &store) == 0) {
		opts.store_dev = store.st_dev;
		opts.store_ino = store.st_ino;
	}
	return et_tree_walk(&b->tree, root, &opts, b->err);
}

static int pack(struct build *b)
{
	struct et_layer_opts opts = {
		.context = b->opts->context,
		.level = b->opts->level == 0 ? LEVEL_DEFAULT : b->opts->level,
		.workers = b->opts->workers, .progress = b->opts->progress,
	};

	atomic_store(&b->opts->progress->work_total, b->tree.total_bytes);
	enter_stage(b, "pack");
	if (et_blob_begin(&b->layer, b->layout.path, b->layout.blobs_fd, false, b->err) != 0)
		return -1;
	return et_layer_write(&b->tree, &b->layer, &opts, &b->packed, b->err);
}

/* `text` is owned; NULL if it could not be made. */
static int make_document(struct build *b, struct et_blob *blob, char *text)
{
	int rc;

	if (text == NULL)
		return et_err_set(b->err, ET_EXIT_LACK, "out of memory for the image's manifest");
	rc = et_blob_make(blob, b->layout.path, b->layout.blobs_fd, text, strlen(text), b->err);
	free(text);
	return rc;
}

static int make_documents(struct build *b)
{
	struct et_blob_ref layer = { b->layer.digest, b->layer.n }, config;
	struct utsname machine;
	char created[32];

	if (uname(&machine) != 0)
		strcpy(machine.machine, "unknown");
	et_manifest_created(b->tree.newest_mtime, created);
	if (make_document(b, &b->config,
			  et_manifest_config(b->packed.diff_id, created, machine.machine)) != 0)
		return -1;
	config = (struct et_blob_ref){ b->config.digest, b->config.n };
	return make_document(b, &b->manifest, et_manifest_text(&config, &layer));
}

/* Names last, and all at once: a kill between the first one and the index leaves whole blobs that
 * nobody names, which the next build of this tree takes as its own. */
static int commit_locked(struct build *b)
{
	if (et_blob_link(&b->layer, b->err) != 0 || et_blob_link(&b->config, b->err) != 0 ||
	    et_blob_link(&b->manifest, b->err) != 0 ||
	    et_layout_set_tag(&b->layout, b->opts->tag, b->manifest.digest, b->manifest.n,
			      b->err) != 0)
		return -1;
	return b->opts->is_store_private ? et_layout_collect(&b->layout, b->err) : 0;
}

static int commit(struct build *b)
{
	int rc;

	enter_stage(b, "commit");
	if (make_documents(b) != 0)
		return -1;
	if (atomic_load(&b->opts->progress->is_cancelled))
		return et_err_set(b->err, ET_EXIT_JOB, "cancelled");
	if (et_layout_lock(&b->layout, b->opts->progress, b->err) != 0)
		return -1;
	rc = commit_locked(b);
	et_layout_unlock(&b->layout);
	return rc;
}

/* ---- the result --------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void tell(struct et_image_result *r, const char *fmt,
						       ...)
{
	size_t n = strlen(r->warning);
	va_list ap;

	if (n > 0 && n + 2 < sizeof r->warning)
		n += strlen(strcpy(r->warning + n, "; "));
	va_start(ap, fmt);
	vsnprintf(r->warning + n, sizeof r->warning - n, fmt, ap);
	va_end(ap);
}

static void tell_left_out(const struct build *b)
{
	const struct et_tree *t = &b->tree;
	const struct et_header_losses *losses = &b->packed.losses;

	if (t->n_sockets > 0)
		tell(b->result, "skipped %u socket%s, first: %s", t->n_sockets,
		     t->n_sockets == 1 ? "" : "s", t->first_socket);
	if (t->has_skipped_store)
		tell(b->result, "left out the layout itself, which is inside the context");
	if (losses->n > 0)
		tell(b->result, "%s", losses->first);
	if (losses->n > 1)
		tell(b->result, "%u more like that", losses->n - 1);
}

static void fill_result(struct build *b)
{
	struct et_image_result *r = b->result;

	memcpy(r->digest, b->manifest.digest, sizeof r->digest);
	memcpy(r->layer_digest, b->layer.digest, sizeof r->layer_digest);
	memcpy(r->diff_id, b->packed.diff_id, sizeof r->diff_id);
	r->bytes_in = b->packed.bytes_in;
	r->bytes_tar = b->packed.bytes_tar;
	r->bytes_out = b->layer.n;
	r->entries = b->tree.n;
	r->n_sockets = b->tree.n_sockets;
	tell_left_out(b);
}

static void reset_progress(struct et_progress *p)
{
	atomic_store(&p->unit, "B");
	atomic_store(&p->work_done, 0);
	atomic_store(&p->work_total, 0);
	atomic_store(&p->bytes_in, 0);
	atomic_store(&p->bytes_out, 0);
	atomic_store(&p->warnings, 0);
}

int et_image_build(const struct et_image_opts *opts, struct et_image_result *result,
		   struct et_err *err)
{
	struct build b = {
		.opts = opts, .result = result, .err = err, .layout = ET_LAYOUT_CLOSED,
		.tree = { .root_fd = -1 }, .layer = { .fd = -1 },
		.config = { .fd = -1 }, .manifest = { .fd = -1 },
	};
	int rc = -1;

	memset(result, 0, sizeof *result);
	reset_progress(opts->progress);
	if (check_tag(opts->tag, err) == 0 && walk(&b) == 0 && pack(&b) == 0 && commit(&b) == 0) {
		fill_result(&b);
		rc = 0;
	} else {
		memset(result, 0, sizeof *result);
	}
	et_blob_abort(&b.layer);
	et_blob_abort(&b.config);
	et_blob_abort(&b.manifest);
	et_tree_fini(&b.tree);
	et_layout_close(&b.layout);
	return rc;
}
