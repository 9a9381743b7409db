/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers in groups (buffers.h).  Owned and used by the thread that runs the trial.
 *
 * Why groups: a single buffer that is freed and asked for again never leaves malloc's hands, while
 * two adjacent large ones pass its trim threshold together and go back to the kernel every time.
 * So the number that is live at once decides the result, and the preset says it. */
#include "engine/work/buffers.h"

#include <stdlib.h>

int et_buffers_init(struct et_buffers *b, const char *name, size_t size, unsigned arm,
		    const struct et_work_env *env, struct et_err *err)
{
	*b = (struct et_buffers){ .size = size, .live = env->live };
	b->buf = calloc(env->live, sizeof *b->buf);
	if (b->buf == NULL)
		return et_err_set(err, ET_EXIT_LACK, "%s: out of memory for %zu buffers", name,
				  env->live);
	if (arm == ET_ARM_MALLOC)
		return 0;
	b->pool = et_pool_new(&(struct et_pool_opts){ .name = name, .size = size,
				       .is_cleared = arm == ET_ARM_POOL_CLEAR }, err);
	if (b->pool != NULL)
		return 0;
	free(b->buf);
	b->buf = NULL;
	return -1;
}

void et_buffers_fini(struct et_buffers *b)
{
	et_pool_free(b->pool);
	free(b->buf);
}

/* A trial without memory has no result to give, and nobody to give it to. */
static void *need(void *buf)
{
	if (buf == NULL)
		abort();
	et_work_escape(buf);
	return buf;
}

static void run_malloc(struct et_buffers *b, size_t n, void (*use)(void *self, void *buf),
		       void *self)
{
	for (size_t i = 0; i < n; i++) {
		b->buf[i] = need(malloc(b->size));
		use(self, b->buf[i]);
	}
	for (size_t i = 0; i < n; i++) {
		et_work_escape(b->buf[i]);
		free(b->buf[i]);
	}
}

static void run_pool(struct et_buffers *b, size_t n, void (*use)(void *self, void *buf),
		     void *self)
{
	for (size_t i = 0; i < n; i++) {
		b->buf[i] = need(et_pool_get(b->pool));
		use(self, b->buf[i]);
	}
	for (size_t i = 0; i < n; i++) {
		et_work_escape(b->buf[i]);
		et_pool_put(b->pool, b->buf[i]);
	}
}

void et_buffers_run(struct et_buffers *b, uint64_t n, void (*use)(void *self, void *buf),
		    void *self)
{
	for (uint64_t done = 0; done < n; done += b->live) {
		size_t group = n - done < b->live ? (size_t)(n - done) : b->live;

		if (b->pool == NULL)
			run_malloc(b, group, use, self);
		else
			run_pool(b, group, use, self);
	}
}
