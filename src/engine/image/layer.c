/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipeline of one layer (layer.h), run by the building thread: cut the tree into groups, hand
 * them to the workers, take them back in order, hash and write them.
 *
 * The slots are a ring: groups [n_taken, n_cut) are under way, never more than 2 x workers + 2,
 * which bounds the memory whatever the size of the files.  A slot belongs to a worker between
 * submit and is_done, else to the building thread; `mu` guards is_done only.
 *
 * Where a group begins depends on names and sizes alone, never on time or on the number of
 * workers: the borders of the gzip members are part of the digest.
 *
 * A big file that changed is found out when its last slice comes back, when the others are
 * written already: then the blob and both digests go back to where the file began. */
#include "engine/image/layer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/locale.h"
#include "engine/image/pack.h"

struct layer;

struct slot {
	struct et_group g;
	struct layer *layer;
	bool is_done;
};

/* Where a big file began. */
struct mark {
	struct et_blob_mark blob;
	EVP_MD_CTX *diff;
	struct et_layer_result result;
};

struct layer {
	struct et_tree *tree;
	struct et_blob *blob;
	const struct et_layer_opts *opts;
	struct et_layer_result *result;
	struct et_err *err;
	struct et_pack pack;
	EVP_MD_CTX *diff; /* of the tar stream */

	uint32_t next;    /* first entry that is not cut yet */
	struct et_bigfile *big; /* being sliced; then `next` is behind it */
	uint64_t big_done;
	bool is_cut;      /* nothing left to cut */
	uint32_t retry_ix; /* big file that was tried again last, and how often */
	unsigned n_retries;
	struct mark mark;

	pthread_mutex_t mu;
	pthread_cond_t has_done;
	struct slot *slots;
	size_t n_slots;
	uint64_t n_cut, n_taken;
};

/* ---- cutting ------------------------------------------------------------------------------ */

static bool is_big(const struct et_entry *e)
{
	return S_ISREG(e->mode) && e->link == ET_TREE_NONE && e->size > ET_GROUP_BYTES;
}

/* About what an entry takes in the tar: headers, contents; a long path stands there three times. */
static uint64_t cost(const struct et_tree *t, uint32_t ix)
{
	const struct et_entry *e = &t->entries[ix];
	uint64_t bytes = 2048 + 3 * (uint64_t)et_tree_path_length(t, ix);

	return S_ISREG(e->mode) ? bytes + e->size : bytes;
}

static void cut_slice(struct layer *l, struct et_group *g)
{
	uint64_t size = (uint64_t)l->big->st.st_size;
	uint64_t left = size - l->big_done;

	g->big = l->big;
	g->big->refs++;
	g->offset = l->big_done;
	g->length = left < ET_GROUP_BYTES ? (size_t)left : ET_GROUP_BYTES;
	g->is_head = l->big_done == 0;
	l->big_done += g->length;
	g->is_tail = l->big_done == size;
	if (g->is_tail) {
		et_pack_unref_big(l->big);
		l->big = NULL;
	}
}

static void cut_entries(struct layer *l, struct et_group *g)
{
	uint64_t bytes = 0;

	g->first = l->next;
	while (l->next < l->tree->n && !is_big(&l->tree->entries[l->next])) {
		bytes += cost(l->tree, l->next);
		if (bytes > ET_GROUP_BYTES && l->next > g->first)
			break;
		l->next++;
	}
	g->end = l->next;
}

/* Cut the next group into a slot that is ours. */
static int cut(struct layer *l, struct et_group *g)
{
	g->first = g->end = 0;
	g->big = NULL;
	g->is_head = g->is_tail = false;
	if (l->big == NULL && is_big(&l->tree->entries[l->next])) {
		l->big = et_pack_open_big(&l->pack, l->next, l->err);
		if (l->big == NULL)
			return -1;
		l->big_done = 0;
		l->next++;
	}
	if (l->big != NULL)
		cut_slice(l, g);
	else
		cut_entries(l, g);
	l->is_cut = g->is_last = l->big == NULL && l->next == l->tree->n;
	return 0;
}

/* ---- slots -------------------------------------------------------------------------------- */

/* Worker thread.  The slot is the builder's again when the lock is released. */
static void pack_slot(void *arg)
{
	struct slot *s = arg;
	struct layer *l = s->layer;

	et_pack_group(&s->g);
	pthread_mutex_lock(&l->mu);
	s->is_done = true;
	pthread_cond_signal(&l->has_done);
	pthread_mutex_unlock(&l->mu);
}

/* Keep the workers fed. */
static int feed(struct layer *l)
{
	while (!l->is_cut && l->n_cut - l->n_taken < l->n_slots) {
		struct slot *s = &l->slots[l->n_cut % l->n_slots];

		if (cut(l, &s->g) != 0)
			return -1;
		s->is_done = false;
		if (et_workers_submit(l->opts->workers, pack_slot, s) != 0) {
			et_pack_unref_big(s->g.big);
			return et_err_set(l->err, ET_EXIT_LACK, "out of memory while packing '%s'",
					  l->opts->context);
		}
		l->n_cut++;
	}
	return 0;
}

/* Wait for the oldest group under way and give it back.  A cancelled build need not be woken:
 * the workers look at the flag themselves and come back soon. */
static struct slot *wait_oldest(struct layer *l)
{
	struct slot *s = &l->slots[l->n_taken % l->n_slots];

	pthread_mutex_lock(&l->mu);
	while (!s->is_done)
		pthread_cond_wait(&l->has_done, &l->mu);
	pthread_mutex_unlock(&l->mu);
	return s;
}

/* Forget what is under way (when all of it has come back). */
static void drain(struct layer *l)
{
	while (l->n_taken < l->n_cut) {
		et_pack_unref_big(wait_oldest(l)->g.big);
		l->n_taken++;
	}
	et_pack_unref_big(l->big);
	l->big = NULL;
	l->is_cut = false;
}

/* ---- going back --------------------------------------------------------------------------- */

static int cannot_hash(struct layer *l)
{
	return et_err_set(l->err, ET_EXIT_LACK, "cannot compute SHA-256: OpenSSL refuses");
}

static int set_mark(struct layer *l)
{
	struct mark *m = &l->mark;

	if (m->diff == NULL)
		m->diff = EVP_MD_CTX_new();
	if (m->diff == NULL || EVP_MD_CTX_copy_ex(m->diff, l->diff) != 1)
		return cannot_hash(l);
	m->result = *l->result;
	return et_blob_mark(l->blob, &m->blob, l->err);
}

static void show_progress(struct layer *l)
{
	struct et_progress *p = l->opts->progress;

	atomic_store(&p->work_done, l->result->bytes_in);
	atomic_store(&p->bytes_out, l->blob->n);
}

/* Cut again from entry ix; false if that was done often enough. */
static bool may_retry(struct layer *l, uint32_t ix)
{
	if (l->retry_ix != ix) {
		l->retry_ix = ix;
		l->n_retries = 0;
	}
	return ++l->n_retries < ET_PACK_TRIES;
}

/* The big file of the group at hand changed: take it back and begin it anew, or fail with why. */
static int retry_big(struct layer *l, const struct et_group *g, const struct et_err *why)
{
	uint32_t ix = g->big->ix;

	if (!may_retry(l, ix)) {
		*l->err = *why;
		return -1;
	}
	drain(l);
	l->next = ix;
	if (g->is_head)
		return 0; /* nothing of it is written yet */
	if (EVP_MD_CTX_copy_ex(l->diff, l->mark.diff) != 1)
		return cannot_hash(l);
	atomic_fetch_sub(&l->opts->progress->warnings,
			 l->result->losses.n - l->mark.result.losses.n);
	*l->result = l->mark.result;
	if (et_blob_rewind(l->blob, &l->mark.blob, l->err) != 0)
		return -1;
	show_progress(l);
	return 0;
}

/* A file is by now too big for its group: cut again from there with the new size. */
static int recut(struct layer *l, const struct et_group *g)
{
	uint32_t first = g->first;

	if (!may_retry(l, g->grown))
		return et_err_set(l->err, ET_EXIT_JOB,
				  "cannot pack '%.500s': it keeps growing while it is read",
				  et_tree_name(l->tree, g->grown));
	drain(l);
	l->tree->entries[g->grown].size = g->grown_size;
	l->next = first;
	return 0;
}

/* ---- taking ------------------------------------------------------------------------------- */

static void add_losses(struct layer *l, const struct et_header_losses *losses)
{
	struct et_header_losses *sum = &l->result->losses;

	if (losses->n == 0)
		return;
	if (sum->n == 0)
		memcpy(sum->first, losses->first, sizeof sum->first);
	sum->n += losses->n;
	atomic_fetch_add(&l->opts->progress->warnings, losses->n);
}

static int write_group(struct layer *l, const struct et_group *g)
{
	if (g->is_head && !g->is_tail && set_mark(l) != 0)
		return -1;
	if (EVP_DigestUpdate(l->diff, g->tar.p, g->tar.n) != 1)
		return cannot_hash(l);
	if (et_blob_write(l->blob, g->gz.p, g->gz.n, l->err) != 0)
		return -1;
	l->result->bytes_in += g->source_bytes;
	l->result->bytes_tar += g->tar.n;
	add_losses(l, &g->losses);
	show_progress(l);
	return 0;
}

/* Take the group that came back; its slot stays counted until the caller frees it. */
static int take_group(struct layer *l, struct et_group *g)
{
	struct et_err why = { 0 };

	switch (g->result) {
	case ET_PACK_OUTGREW:
		return recut(l, g);
	case ET_PACK_CHANGED:
		if (g->big != NULL)
			return retry_big(l, g, &g->err);
		/* fall through */
	case ET_PACK_FAILED:
		*l->err = g->err;
		return -1;
	case ET_PACK_OK:
		break;
	}
	if (g->is_tail && !et_pack_is_unchanged(&l->pack, g->big, &why))
		return retry_big(l, g, &why);
	return write_group(l, g);
}

static int take_oldest(struct layer *l)
{
	struct slot *s = wait_oldest(l);
	struct et_bigfile *big = s->g.big;
	int rc;

	/* out of the ring first: going back drains the ring, and must not wait for this one */
	l->n_taken++;
	rc = take_group(l, &s->g);
	et_pack_unref_big(big);
	return rc;
}

static int run(struct layer *l)
{
	for (;;) {
		if (atomic_load(&l->opts->progress->is_cancelled))
			return et_err_set(l->err, ET_EXIT_JOB, "cancelled");
		if (feed(l) != 0)
			return -1;
		if (l->n_taken == l->n_cut)
			return 0;
		if (take_oldest(l) != 0)
			return -1;
	}
}

/* ---- life --------------------------------------------------------------------------------- */

static int init(struct layer *l)
{
	pthread_mutex_init(&l->mu, NULL);
	pthread_cond_init(&l->has_done, NULL);
	l->n_slots = 2 * (size_t)et_workers_count(l->opts->workers) + 2;
	l->slots = calloc(l->n_slots, sizeof l->slots[0]);
	if (l->slots == NULL)
		return et_err_set(l->err, ET_EXIT_LACK, "out of memory for %zu groups", l->n_slots);
	for (size_t i = 0; i < l->n_slots; i++) {
		l->slots[i].layer = l;
		l->slots[i].g.pack = &l->pack;
	}
	l->diff = et_blob_sha256(l->err);
	if (l->diff == NULL)
		return -1;
	l->pack.utf8 = et_locale_utf8();
	if (l->pack.utf8 == (locale_t)0)
		return et_err_set(l->err, ET_EXIT_LACK,
				  "this system has no locale C.UTF-8, which names in a layer need");
	return 0;
}

static void fini(struct layer *l)
{
	atomic_store(&l->pack.is_stopped, true);
	drain(l);
	for (size_t i = 0; l->slots != NULL && i < l->n_slots; i++)
		et_pack_group_fini(&l->slots[i].g);
	free(l->slots);
	EVP_MD_CTX_free(l->diff);
	EVP_MD_CTX_free(l->mark.diff);
	et_blob_mark_fini(&l->mark.blob);
	pthread_cond_destroy(&l->has_done);
	pthread_mutex_destroy(&l->mu);
}

int et_layer_write(struct et_tree *tree, struct et_blob *blob, const struct et_layer_opts *opts,
		   struct et_layer_result *result, struct et_err *err)
{
	struct layer l = {
		.tree = tree, .blob = blob, .opts = opts, .result = result, .err = err,
		.retry_ix = ET_TREE_NONE,
		.pack = { .tree = tree, .context = opts->context, .level = opts->level,
			  .progress = opts->progress },
	};
	int rc = -1;

	*result = (struct et_layer_result){ 0 };
	if (init(&l) == 0 && run(&l) == 0 && et_blob_hex(l.diff, result->diff_id, err) == 0)
		rc = et_blob_finish(blob, err);
	fini(&l);
	return rc;
}
