/* SPDX-License-Identifier: Apache-2.0
 *
 * Selftest of the heap profile: call sites that hold exactly known bytes until teardown, and one
 * that allocates and frees a known number:
 *
 *   et_selftest_hold_small   1000 x   64 B =   64,000 B in use
 *   et_selftest_hold_medium   100 x 4096 B =  409,600 B
 *   et_selftest_hold_large      3 x  1 MiB = 3,145,728 B
 *   et_selftest_churn       10000 x  256 B = 2,560,000 B allocated, 0 in use */
#include <stdlib.h>

#include "engine/work/cases.h"

#define SMALL_N 1000u
#define MEDIUM_N 100u
#define LARGE_N 3u
#define CHURN_N 10000u

struct sites {
	void *small[SMALL_N], *medium[MEDIUM_N], *large[LARGE_N];
};

/* `n` is an argument so that the loop is not unrolled: each function has one call site. */
static __attribute__((noipa)) void et_selftest_hold_small(void **block, size_t n)
{
	for (size_t i = 0; i < n; i++)
		block[i] = malloc(64);
}

static __attribute__((noipa)) void et_selftest_hold_medium(void **block, size_t n)
{
	for (size_t i = 0; i < n; i++)
		block[i] = malloc(4096);
}

static __attribute__((noipa)) void et_selftest_hold_large(void **block, size_t n)
{
	for (size_t i = 0; i < n; i++)
		block[i] = malloc(1048576);
}

static __attribute__((noipa)) void et_selftest_churn(void)
{
	for (size_t i = 0; i < CHURN_N; i++) {
		void *block = malloc(256);

		et_work_escape(block);
		free(block);
	}
}

static void free_all(void **block, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(block[i]);
}

static bool is_whole(const struct sites *s)
{
	bool is_there = true;

	for (size_t i = 0; i < SMALL_N; i++)
		is_there &= s->small[i] != NULL;
	for (size_t i = 0; i < MEDIUM_N; i++)
		is_there &= s->medium[i] != NULL;
	for (size_t i = 0; i < LARGE_N; i++)
		is_there &= s->large[i] != NULL;
	return is_there;
}

static void teardown(void *state)
{
	struct sites *s = state;

	free_all(s->small, SMALL_N);
	free_all(s->medium, MEDIUM_N);
	free_all(s->large, LARGE_N);
	free(s);
}

static int setup(void **state, const struct et_work_env *env, unsigned arm, struct et_err *err)
{
	struct sites *s = calloc(1, sizeof *s);

	(void)env;
	(void)arm;
	if (s == NULL)
		return et_err_set(err, ET_EXIT_LACK, "heap-sites: out of memory");
	et_selftest_hold_small(s->small, SMALL_N);
	et_selftest_hold_medium(s->medium, MEDIUM_N);
	et_selftest_hold_large(s->large, LARGE_N);
	et_selftest_churn();
	if (!is_whole(s)) {
		teardown(s);
		return et_err_set(err, ET_EXIT_LACK, "heap-sites: out of memory");
	}
	*state = s;
	return 0;
}

const struct et_work et_work_heap_sites = {
	.suite = "selftest", .name = "heap-sites",
	.help = "call sites that hold exactly known bytes until the session ends",
	.arms = { "hold" },
	.setup = setup, .teardown = teardown,
};
