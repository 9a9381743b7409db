/* SPDX-License-Identifier: Apache-2.0
 *
 * Selftest of the CPU sampler: three functions that use exactly 60, 30 and 10 % of this thread's
 * CPU time.  One operation is one burst of 0.1 to 0.5 ms; the next burst goes to the function
 * that is furthest behind its share, and its length is random, so that no fixed sampling rate can
 * fall into step with it. */
#include <stdlib.h>

#include "base/clock.h"
#include "engine/rng.h"
#include "engine/work/cases.h"

#define BURST_LEAST_NS (100 * ET_NS_PER_US)
#define BURST_SPREAD_NS (400 * ET_NS_PER_US)

struct burner {
	int64_t (*burn)(int64_t until_ns);
	int64_t share; /* per cent */
	int64_t spent_ns;
};

struct shares {
	struct et_rng rng;
	struct burner burner[3];
};

/* A body of its own for each, not one inlined helper: the time must be found in the function that
 * bears the name.  About 80 us of arithmetic between two looks at the clock, so that the clock's
 * own cost stays below 1 %. */
#define BURN(name, factor)                                                                         \
	static __attribute__((noipa)) int64_t name(int64_t until_ns)                               \
	{                                                                                          \
		int64_t now = et_clock_thread_cpu_ns();                                            \
		uint64_t x = (uint64_t)now | 1;                                                    \
                                                                                                   \
		while (now < until_ns) {                                                           \
			for (int i = 0; i < 64000; i++) {                                          \
				x = x * UINT64_C(factor) + 1442695040888963407u;                   \
				__asm__ volatile("" : "+r"(x));                                    \
			}                                                                          \
			now = et_clock_thread_cpu_ns();                                            \
		}                                                                                  \
		return now;                                                                        \
	}

BURN(et_selftest_burn60, 6364136223846793005)
BURN(et_selftest_burn30, 2862933555777941757)
BURN(et_selftest_burn10, 3935559000370003845)

/* Who has got least of what is due to it. */
static struct burner *most_behind(struct shares *s)
{
	struct burner *found = &s->burner[0];
	int64_t total = s->burner[0].spent_ns + s->burner[1].spent_ns + s->burner[2].spent_ns;
	int64_t worst = INT64_MIN;

	for (int i = 0; i < 3; i++) {
		struct burner *b = &s->burner[i];
		int64_t behind = total / 100 * b->share - b->spent_ns;

		if (behind > worst) {
			worst = behind;
			found = b;
		}
	}
	return found;
}

static void op(void *state, uint64_t n)
{
	struct shares *s = state;

	for (uint64_t i = 0; i < n; i++) {
		struct burner *b = most_behind(s);
		int64_t begin = et_clock_thread_cpu_ns();
		int64_t burst = BURST_LEAST_NS + (int64_t)et_rng_below(&s->rng, BURST_SPREAD_NS);

		b->spent_ns += b->burn(begin + burst) - begin;
	}
}

static int setup(void **state, const struct et_work_env *env, unsigned arm, struct et_err *err)
{
	struct shares *s = calloc(1, sizeof *s);

	(void)arm;
	if (s == NULL)
		return et_err_set(err, ET_EXIT_LACK, "cpu-shares: out of memory");
	*s = (struct shares){ .rng = { env->seed }, .burner = { { et_selftest_burn60, 60, 0 },
		{ et_selftest_burn30, 30, 0 }, { et_selftest_burn10, 10, 0 } } };
	*state = s;
	return 0;
}

const struct et_work et_work_cpu_shares = {
	.suite = "selftest", .name = "cpu-shares",
	.help = "three functions with 60, 30 and 10 % of the CPU time",
	.arms = { "burn" },
	.setup = setup, .op = op, .teardown = free,
};
