/* SPDX-License-Identifier: Apache-2.0
 *
 * The seeds' string experiment: "image:tag" put together by a growing builder.  From nothing it
 * grows three times (16, 32, 64 bytes: 3 allocations, 112 bytes, as in the seeds).
 *
 * A pooled builder keeps its buffer when it goes back.  The seeds' did not (Reset drops it), which
 * is why their pool allocated as much as no pool. */
#include <stdlib.h>
#include <string.h>

#include "engine/work/buffers.h"
#include "engine/work/cases.h"

#define LEAST_CAP 16u
#define POOLED_CAP 128u

struct builder {
	char *at;
	size_t len, cap;
};

struct pooled {
	struct builder b; /* b.at is `room`, or on the heap once it outgrew it */
	char room[POOLED_CAP];
};

struct string {
	struct et_pool *pool; /* NULL: malloc */
	size_t live;
	struct builder *plain; /* malloc arm: `live` builders */
	struct pooled **held;  /* pool arm: `live` of them */
};

static void grow(struct builder *b, size_t need)
{
	size_t cap = b->cap == 0 ? LEAST_CAP : b->cap;
	char *at;

	while (cap < need)
		cap *= 2;
	at = realloc(b->at, cap);
	if (at == NULL)
		abort(); /* 64 bytes: nothing sensible can follow */
	b->at = at;
	b->cap = cap;
}

/* Move a builder off its pooled room before it grows. */
static void grow_pooled(struct pooled *p, size_t need)
{
	struct builder on_heap = { .len = p->b.len };

	if (p->b.at == p->room) {
		grow(&on_heap, need);
		memcpy(on_heap.at, p->room, p->b.len);
		p->b = on_heap;
	} else {
		grow(&p->b, need);
	}
}

static void append(struct builder *b, struct pooled *p, const char *s, size_t n)
{
	if (b->len + n > b->cap && p != NULL)
		grow_pooled(p, b->len + n);
	else if (b->len + n > b->cap)
		grow(b, b->len + n);
	memcpy(b->at + b->len, s, n);
	b->len += n;
}

/* docker.io/containifyci/golang-alpine:1.24 in three pieces: 9, 22 and 42 bytes with the NUL. */
static void build_name(struct builder *b, struct pooled *p)
{
	append(b, p, "docker.io", 9);
	append(b, p, "/containifyci", 13);
	append(b, p, "/golang-alpine:1.24", 20);
	et_work_escape(b->at);
}

static void run_plain(struct string *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		s->plain[i] = (struct builder){ 0 };
		build_name(&s->plain[i], NULL);
	}
	for (size_t i = 0; i < n; i++)
		free(s->plain[i].at);
}

static void run_pooled(struct string *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pooled *p = s->held[i] = et_pool_get(s->pool);

		if (p == NULL)
			abort();
		p->b = (struct builder){ .at = p->room, .cap = POOLED_CAP };
		build_name(&p->b, p);
	}
	for (size_t i = 0; i < n; i++) {
		if (s->held[i]->b.at != s->held[i]->room)
			free(s->held[i]->b.at);
		et_pool_put(s->pool, s->held[i]);
	}
}

static void op(void *state, uint64_t n)
{
	struct string *s = state;

	for (uint64_t done = 0; done < n; done += s->live) {
		size_t group = n - done < s->live ? (size_t)(n - done) : s->live;

		if (s->pool == NULL)
			run_plain(s, group);
		else
			run_pooled(s, group);
	}
}

static void teardown(void *state)
{
	struct string *s = state;

	et_pool_free(s->pool);
	free(s->plain);
	free(s->held);
	free(s);
}

static int setup(void **state, const struct et_work_env *env, unsigned arm, struct et_err *err)
{
	struct string *s = calloc(1, sizeof *s);

	if (s == NULL)
		return et_err_set(err, ET_EXIT_LACK, "string: out of memory");
	s->live = env->live;
	s->plain = calloc(env->live, sizeof *s->plain);
	s->held = calloc(env->live, sizeof *s->held);
	if (s->plain == NULL || s->held == NULL) {
		et_err_set(err, ET_EXIT_LACK, "string: out of memory for %zu builders", env->live);
		teardown(s);
		return -1;
	}
	if (arm != ET_ARM_MALLOC) {
		s->pool = et_pool_new(&(struct et_pool_opts){ .name = "string",
					       .size = sizeof(struct pooled) }, err);
		if (s->pool == NULL) {
			teardown(s);
			return -1;
		}
	}
	*state = s;
	return 0;
}

static struct et_pool *pool(void *state)
{
	return ((struct string *)state)->pool;
}

const struct et_work et_work_string = {
	.suite = "pool", .name = "string",
	.help = "image:tag by a growing string builder, 3 growth steps",
	.arms = { "malloc", "pool" },
	.setup = setup, .op = op, .teardown = teardown, .pool = pool,
};
