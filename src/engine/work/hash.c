/* SPDX-License-Identifier: Apache-2.0
 *
 * The seeds' hash experiment: SHA-256 (OpenSSL EVP) over 4 KiB that were copied into a 64 KiB
 * buffer, as a reader would.  "pool-clear" is what the seeds measured and called "the pool": its
 * whole cost was the clearing of 64 KiB at each use.
 *
 * OpenSSL 3.0 itself asks malloc for 112 bytes at each digest, in every arm. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rng.h"
#include "engine/work/buffers.h"
#include "engine/work/cases.h"

#define BUFFER_BYTES 65536u
#define DATA_BYTES 4096u

struct hash {
	struct et_buffers buffers;
	EVP_MD *sha256; /* fetched once: fetching anew would be most of the operation */
	EVP_MD_CTX *ctx;
	unsigned char data[DATA_BYTES];
	unsigned char digest[EVP_MAX_MD_SIZE];
};

static void use(void *self, void *buf)
{
	struct hash *h = self;

	memcpy(buf, h->data, DATA_BYTES);
	if (EVP_DigestInit_ex(h->ctx, h->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(h->ctx, buf, DATA_BYTES) != 1 ||
	    EVP_DigestFinal_ex(h->ctx, h->digest, NULL) != 1)
		abort(); /* a fetched SHA-256 on a live context has no way to fail */
	et_work_escape(h->digest);
}

static void op(void *state, uint64_t n)
{
	struct hash *h = state;

	et_buffers_run(&h->buffers, n, use, h);
}

static void teardown(void *state)
{
	struct hash *h = state;

	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->sha256);
	et_buffers_fini(&h->buffers);
	free(h);
}

static int setup(void **state, const struct et_work_env *env, unsigned arm, struct et_err *err)
{
	struct hash *h = calloc(1, sizeof *h);
	struct et_rng rng = { env->seed };
	const char *name = arm == ET_ARM_POOL_CLEAR ? "hash-clear" : "hash";

	if (h == NULL)
		return et_err_set(err, ET_EXIT_LACK, "hash: out of memory");
	if (et_buffers_init(&h->buffers, name, BUFFER_BYTES, arm, env, err) != 0) {
		free(h);
		return -1;
	}
	h->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	for (size_t i = 0; i < DATA_BYTES; i++)
		h->data[i] = (unsigned char)et_rng_next(&rng);
	if (h->sha256 == NULL || h->ctx == NULL) {
		teardown(h);
		return et_err_set(err, ET_EXIT_LACK, "hash: OpenSSL offers no SHA-256");
	}
	*state = h;
	return 0;
}

static struct et_pool *pool(void *state)
{
	return ((struct hash *)state)->buffers.pool;
}

const struct et_work et_work_hash = {
	.suite = "pool", .name = "hash",
	.help = "SHA-256 of 4 KiB in a 64 KiB buffer",
	.arms = { "malloc", "pool", "pool-clear" },
	.setup = setup, .op = op, .teardown = teardown, .pool = pool,
};
