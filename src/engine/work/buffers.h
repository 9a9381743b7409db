/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pool cases share: `live` buffers of one size, from malloc or from a pool, taken, used
 * and given back in groups.  Layer: engine/work. */
#ifndef ET_ENGINE_WORK_BUFFERS_H
#define ET_ENGINE_WORK_BUFFERS_H

#include "engine/work/work.h"

/* Arms of every pool case, in this order; cases without clearing name the first two. */
enum { ET_ARM_MALLOC = 0, ET_ARM_POOL, ET_ARM_POOL_CLEAR };

struct et_buffers {
	struct et_pool *pool; /* NULL: malloc */
	size_t size, live;
	void **buf;           /* `live` slots */
};

/* 0, or -1 and *err.  `name` is the pool's. */
int et_buffers_init(struct et_buffers *b, const char *name, size_t size, unsigned arm,
		    const struct et_work_env *env, struct et_err *err);
void et_buffers_fini(struct et_buffers *b);

/* n times: take a buffer, use(self, buffer), give it back; `live` of them are held at once. */
void et_buffers_run(struct et_buffers *b, uint64_t n, void (*use)(void *self, void *buf),
		    void *self);

#endif
