/* SPDX-License-Identifier: Apache-2.0
 *
 * The seeds' tar experiment: 32 KiB copied through a 64 KiB buffer.  Their base arm had its buffer
 * on the stack (0 allocations), so it compared a pool with nothing; ours asks malloc. */
#include <stdlib.h>
#include <string.h>

#include "engine/rng.h"
#include "engine/work/buffers.h"
#include "engine/work/cases.h"

#define BUFFER_BYTES 65536u
#define DATA_BYTES 32768u

struct tar {
	struct et_buffers buffers;
	unsigned char data[DATA_BYTES];
};

static void use(void *self, void *buf)
{
	memcpy(buf, ((struct tar *)self)->data, DATA_BYTES);
	et_work_escape(buf);
}

static void op(void *state, uint64_t n)
{
	struct tar *t = state;

	et_buffers_run(&t->buffers, n, use, t);
}

static void teardown(void *state)
{
	struct tar *t = state;

	et_buffers_fini(&t->buffers);
	free(t);
}

static int setup(void **state, const struct et_work_env *env, unsigned arm, struct et_err *err)
{
	struct tar *t = calloc(1, sizeof *t);
	struct et_rng rng = { env->seed };

	if (t == NULL)
		return et_err_set(err, ET_EXIT_LACK, "tar: out of memory");
	for (size_t i = 0; i < DATA_BYTES; i++)
		t->data[i] = (unsigned char)et_rng_next(&rng);
	if (et_buffers_init(&t->buffers, "tar", BUFFER_BYTES, arm, env, err) != 0) {
		free(t);
		return -1;
	}
	*state = t;
	return 0;
}

static struct et_pool *pool(void *state)
{
	return ((struct tar *)state)->buffers.pool;
}

const struct et_work et_work_tar = {
	.suite = "pool", .name = "tar",
	.help = "32 KiB copied through a 64 KiB buffer",
	.arms = { "malloc", "pool" },
	.setup = setup, .op = op, .teardown = teardown, .pool = pool,
};
