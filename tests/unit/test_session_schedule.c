/* SPDX-License-Identifier: Apache-2.0
 * The schedule, step by step: who may run, who is skipped, and what is told in which order. */
#include "engine/build/schedule.h"

#include "tap.h"

#define MAX 6

struct graph {
	struct et_target_spec spec[MAX];
	struct et_target target[MAX];
	size_t needs[MAX][MAX];
	struct et_schedule s;
};

/* "a b:a c:ab": a name of one letter, and the letters of what it needs. */
static void make(struct graph *g, const char *text)
{
	static char names[MAX][2] = { "a", "b", "c", "d", "e", "f" };

	memset(g, 0, sizeof *g);
	g->s.target = g->target;
	for (const char *c = text; *c != '\0'; c++) {
		struct et_target_spec *spec = &g->spec[g->s.n];

		spec->name = names[g->s.n];
		spec->needs = g->needs[g->s.n];
		if (c[1] == ':')
			for (c += 2; *c >= 'a' && *c <= 'f'; c++)
				spec->needs[spec->n_needs++] = (size_t)(*c - 'a');
		else
			c++;
		g->target[g->s.n].spec = spec;
		g->target[g->s.n].is_wanted = true;
		g->s.n++;
		if (*c == '\0')
			break;
	}
	et_schedule_begin(&g->s);
}

static const char *next(struct graph *g)
{
	struct et_target *t = et_schedule_next(&g->s);

	return t == NULL ? "-" : t->spec->name;
}

static void finish(struct graph *g, char name, enum et_target_state state)
{
	et_schedule_finish(&g->s, &g->target[name - 'a'], state);
}

static enum et_target_state state(const struct graph *g, char name)
{
	return g->target[name - 'a'].state;
}

static void t_order(void)
{
	struct graph g;

	make(&g, "a b:a c:ab d");
	ET_IS_INT(g.s.n_left, 4, "four to do");
	ET_IS_STR(next(&g), "a", "the first without needs");
	ET_IS_STR(next(&g), "d", "then the next without needs");
	ET_IS_STR(next(&g), "-", "the others wait");
	finish(&g, 'a', ET_TARGET_OK);
	ET_IS_STR(next(&g), "b", "b needed only a");
	ET_IS_STR(next(&g), "-", "c needs b too");
	finish(&g, 'b', ET_TARGET_OK);
	ET_IS_STR(next(&g), "c", "now c");
	finish(&g, 'c', ET_TARGET_OK);
	finish(&g, 'd', ET_TARGET_OK);
	ET_IS_INT(g.s.n_left, 0, "all done");
	et_schedule_begin(&g.s);
	ET_OK(g.s.n_left == 4 && state(&g, 'c') == ET_TARGET_WAITING, "a new round begins anew");
}

static void t_skip(void)
{
	struct graph g;

	make(&g, "a b:a c:b d:c e");
	next(&g);
	finish(&g, 'a', ET_TARGET_FAILED);
	ET_OK(state(&g, 'b') == ET_TARGET_SKIPPED && state(&g, 'c') == ET_TARGET_SKIPPED &&
	      state(&g, 'd') == ET_TARGET_SKIPPED, "a failure skips all that depends on it");
	ET_IS_STR(g.target[1].error, "it needs 'a', which failed", "the first says why");
	ET_IS_STR(g.target[2].error, "it needs 'b', which was skipped", "so does the next");
	ET_IS_INT(g.s.n_left, 1, "one is left");
	ET_IS_STR(next(&g), "e", "the others go on");
	finish(&g, 'e', ET_TARGET_OK);
	ET_IS_INT(g.s.n_left, 0, "done");
}

static void t_needs_of_later(void)
{
	struct graph g;

	make(&g, "a:c b:a c");
	ET_IS_STR(next(&g), "c", "needs may come later in the file");
	finish(&g, 'c', ET_TARGET_FAILED);
	ET_OK(state(&g, 'a') == ET_TARGET_SKIPPED && state(&g, 'b') == ET_TARGET_SKIPPED,
	      "skipped in any order");
}

static void t_cancel(void)
{
	struct graph g;

	make(&g, "a b:a c");
	next(&g);
	et_schedule_cancel(&g.s);
	ET_OK(state(&g, 'a') == ET_TARGET_RUNNING && state(&g, 'b') == ET_TARGET_CANCELLED &&
	      state(&g, 'c') == ET_TARGET_CANCELLED, "what waits is cancelled, what runs must end");
	ET_IS_INT(g.s.n_left, 1, "one still runs");
	finish(&g, 'a', ET_TARGET_CANCELLED);
	ET_IS_INT(g.s.n_left, 0, "none is counted twice");
	et_schedule_cancel(&g.s);
	ET_IS_INT(g.s.n_left, 0, "cancelling the end changes nothing");
}

static void t_unwanted(void)
{
	struct graph g;

	make(&g, "a b");
	g.target[0].is_wanted = false;
	et_schedule_begin(&g.s);
	ET_OK(g.s.n_left == 1, "an unwanted target does not count");
	ET_IS_STR(next(&g), "b", "and does not run");
}

static void t_told(void)
{
	struct graph g;
	struct et_target *t;

	make(&g, "a b c:a");
	ET_OK(et_schedule_unsaid(&g.s) == NULL, "waiting is nothing to tell");
	next(&g);
	next(&g);
	finish(&g, 'b', ET_TARGET_OK);
	finish(&g, 'a', ET_TARGET_FAILED);
	t = et_schedule_unsaid(&g.s);
	ET_OK(t == &g.target[1], "first b ended");
	t = et_schedule_unsaid(&g.s);
	ET_OK(t == &g.target[0], "then a");
	t = et_schedule_unsaid(&g.s);
	ET_OK(t == &g.target[2] && t->state == ET_TARGET_SKIPPED, "then c was skipped");
	ET_OK(et_schedule_unsaid(&g.s) == NULL, "each once");
}

int main(void)
{
	t_order();
	t_skip();
	t_needs_of_later();
	t_cancel();
	t_unwanted();
	t_told();
	return tap_done();
}
