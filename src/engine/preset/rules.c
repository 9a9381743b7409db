/* SPDX-License-Identifier: Apache-2.0
 *
 * What the keys of a preset mean to each other: each kind's own rules, who needs whom, and that
 * nobody needs itself in a circle.  Runs once, while the YAML is at hand for line and column. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/preset/load.h"

#define SHOWN 64
#define TAG_MAX 128

static const char *const pool_cases[] = { "string", "hash", "tar", NULL };
static const char *const selftest_cases[] = { "cpu-shares", "heap-sites", NULL };
static const struct {
	const char *suite;
	const char *const *cases;
	bool has_variants;
} suites[] = {
	{ "pool", pool_cases, true },
	{ "selftest", selftest_cases, false },
};

static int no_memory(struct et_load *l)
{
	return et_err_set(l->err, ET_EXIT_LACK, "out of memory reading '%s'", l->preset->path);
}

bool et_rules_is_name(const char *s, size_t most)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = strlen(s);

	if (n == 0 || n > most || strchr(first, s[0]) == NULL)
		return false;
	for (size_t i = 1; i < n; i++)
		if (strchr(first, s[i]) == NULL && strchr("._-", s[i]) == NULL)
			return false;
	return true;
}

static struct et_setting *setting(struct et_target_spec *t, const char *key)
{
	return &t->settings[et_preset_setting(t, key) - t->settings];
}

/* ---- needs --------------------------------------------------------------------------------- */

static int find_target(struct et_load *l, const struct et_yaml *at, const char *what, size_t *ix)
{
	const char *names[ET_PRESET_TARGETS_MAX];
	char shown[SHOWN];
	const char *near;

	for (*ix = 0; *ix < l->preset->n_targets; (*ix)++) {
		names[*ix] = l->preset->targets[*ix].name;
		if (strcmp(names[*ix], at->text) == 0)
			return 0;
	}
	et_text_safe(shown, sizeof shown, at->text);
	near = et_text_nearest(at->text, names, l->preset->n_targets);
	if (near != NULL)
		return et_load_fail(l, at, "%s: there is no target '%s'; did you mean '%s'?", what,
				    shown, near);
	return et_load_fail(l, at,
			    "%s: there is no target '%s'; write the name of a target of this file",
			    what, shown);
}

static void add_need(struct et_target_spec *t, size_t ix)
{
	for (size_t i = 0; i < t->n_needs; i++)
		if (t->needs[i] == ix)
			return;
	t->needs[t->n_needs++] = ix;
}

static int need_one(struct et_load *l, struct et_target_spec *t, const struct et_yaml *v)
{
	size_t ix;

	if (v->kind != ET_YAML_SCALAR || v->text[0] == '\0')
		return et_load_fail(l, v, "needs: names of targets are needed, not %s",
				      et_yamldoc_kind_text(v));
	if (find_target(l, v, "needs", &ix) != 0)
		return -1;
	add_need(t, ix);
	return 0;
}

static int take_needs(struct et_load *l, struct et_target_spec *t, const struct et_yaml *map)
{
	const struct et_yaml *v = et_yamldoc_get(map, "needs");

	t->needs = calloc(l->preset->n_targets, sizeof *t->needs);
	if (t->needs == NULL)
		return no_memory(l);
	if (v == NULL)
		return 0;
	if (v->kind != ET_YAML_LIST)
		return need_one(l, t, v);
	for (const struct et_yaml *c = v->first; c != NULL; c = c->next)
		if (need_one(l, t, c) != 0)
			return -1;
	return 0;
}

enum { UNSEEN, OPEN, DONE };

struct walk {
	size_t path[ET_PRESET_TARGETS_MAX]; /* from a root to the target at hand */
	size_t at_need[ET_PRESET_TARGETS_MAX];
	unsigned char state[ET_PRESET_TARGETS_MAX];
	size_t depth;
};

static int fail_cycle(struct et_load *l, const struct walk *w, size_t again)
{
	const struct et_target_spec *targets = l->preset->targets;
	char text[600];
	size_t i = 0, at = 0;

	while (w->path[i] != again)
		i++;
	for (; i < w->depth && at < sizeof text; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s -> ",
				       targets[w->path[i]].name);
	if (at >= sizeof text)
		strcpy(text + sizeof text - sizeof "... -> ", "... -> ");
	return et_load_fail(l, l->nodes[again],
			    "targets need each other in a circle: %s%s; remove one of the needs",
			    text, targets[again].name);
}

static void enter(struct walk *w, size_t ix)
{
	w->state[ix] = OPEN;
	w->at_need[w->depth] = 0;
	w->path[w->depth++] = ix;
}

/* Depth first without recursion: the graph is the file's to choose. */
static int walk_from(struct et_load *l, struct walk *w, size_t root)
{
	enter(w, root);
	while (w->depth > 0) {
		size_t top = w->path[w->depth - 1];
		const struct et_target_spec *t = &l->preset->targets[top];
		size_t next;

		if (w->at_need[w->depth - 1] == t->n_needs) {
			w->state[top] = DONE;
			w->depth--;
			continue;
		}
		next = t->needs[w->at_need[w->depth - 1]++];
		if (w->state[next] == OPEN)
			return fail_cycle(l, w, next);
		if (w->state[next] == UNSEEN)
			enter(w, next);
	}
	return 0;
}

static int check_cycles(struct et_load *l)
{
	struct walk w = { .depth = 0 };

	for (size_t i = 0; i < l->preset->n_targets; i++)
		if (w.state[i] == UNSEEN && walk_from(l, &w, i) != 0)
			return -1;
	return 0;
}

/* ---- image --------------------------------------------------------------------------------- */

/* A path that cannot leave the store. */
static bool is_below(const char *dir, size_t n)
{
	for (size_t i = 0, len; i <= n; i += len + 1) {
		len = strcspn(dir + i, "/:");
		if (len == 2 && dir[i] == '.' && dir[i + 1] == '.')
			return false;
	}
	return n > 0 && dir[0] != '/';
}

static int check_output(struct et_load *l, const struct et_target_spec *t, size_t ix)
{
	const struct et_yaml *at = et_yamldoc_get(l->nodes[ix], "output");
	const char *ref = et_preset_setting(t, "output")->text;
	const char *dir = strncmp(ref, "oci:", 4) == 0 ? ref + 4 : NULL;
	const char *colon = dir == NULL ? NULL : strchr(dir, ':');
	char shown[SHOWN];

	et_text_safe(shown, sizeof shown, ref);
	if (colon == NULL || colon == dir || !et_rules_is_name(colon + 1, TAG_MAX))
		return et_load_fail(l, at,
				    "output: '%s' is not oci:DIR:TAG; write it like oci:images:%s",
				    shown, t->name);
	if (!is_below(dir, (size_t)(colon - dir)))
		return et_load_fail(l, at,
				    "output: '%s' leaves the store; write a DIR below it (key "
				    "store)", shown);
	for (size_t i = 0; i < ix; i++)
		if (strcmp(l->preset->targets[i].kind->name, "image") == 0 &&
		    strcmp(et_preset_setting(&l->preset->targets[i], "output")->text, ref) == 0)
			return et_load_fail(l, at,
					    "output: target '%s' writes '%s' too; use another TAG",
					    l->preset->targets[i].name, shown);
	return 0;
}

static int check_from(struct et_load *l, struct et_target_spec *t, const struct et_yaml *at)
{
	const char *kind;
	size_t ix;

	if (find_target(l, at, "from", &ix) != 0)
		return -1;
	kind = l->preset->targets[ix].kind->name;
	if (strcmp(kind, "generate") != 0)
		return et_load_fail(l, at,
				    "from: '%s' is of kind %s; write the name of a generate target",
				    at->text, kind);
	/* room for one more: needs holds each target at most once */
	add_need(t, ix);
	return 0;
}

static int check_image(struct et_load *l, struct et_target_spec *t, size_t ix)
{
	const struct et_yaml *from = et_yamldoc_get(l->nodes[ix], "from");
	bool has_context = et_preset_setting(t, "context")->is_given;

	if (from == NULL && !has_context)
		return et_load_fail(l, l->nodes[ix],
				      "target '%s' has neither context nor from; write one of them",
				      t->name);
	if (from != NULL && has_context)
		return et_load_fail_key(l, from,
					"target '%s' has both context and from; remove one",
					t->name);
	if (from != NULL && check_from(l, t, from) != 0)
		return -1;
	return check_output(l, t, ix);
}

/* ---- generate ------------------------------------------------------------------------------ */

static int check_generate(struct et_load *l, struct et_target_spec *t, size_t ix)
{
	int64_t files = et_preset_setting(t, "files")->number;
	struct et_setting *dirs = setting(t, "dirs");

	(void)l;
	(void)ix;
	if (!dirs->is_given)
		dirs->number = files < 100 ? 1 : files / 50;
	return 0;
}

/* ---- bench --------------------------------------------------------------------------------- */

static bool is_among(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static int fail_case(struct et_load *l, const struct et_yaml *at, size_t item, const char *word,
		     size_t suite)
{
	char list[100] = "";
	size_t n = 0;

	if (at->kind == ET_YAML_LIST)
		for (at = at->first; item > 0; item--)
			at = at->next;
	for (const char *const *c = suites[suite].cases; *c != NULL; c++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n == 0 ? "" : ", ", *c);
	return et_load_fail(l, at, "cases: '%s' is not of suite %s; write some of %s",
			      word, suites[suite].suite, list);
}

static int fill_cases(struct et_load *l, struct et_setting *cases, const char *const *all)
{
	cases->list = calloc(8, sizeof *cases->list);
	if (cases->list == NULL)
		return no_memory(l);
	for (; *all != NULL && cases->n_list < 7; all++) {
		cases->list[cases->n_list] = strdup(*all);
		if (cases->list[cases->n_list++] == NULL)
			return no_memory(l);
	}
	return 0;
}

static int check_bench(struct et_load *l, struct et_target_spec *t, size_t ix)
{
	size_t suite = (size_t)et_preset_setting(t, "suite")->number;
	struct et_setting *cases = setting(t, "cases"), *variants = setting(t, "variants");

	for (size_t i = 0; i < cases->n_list; i++)
		if (!is_among(cases->list[i], suites[suite].cases))
			return fail_case(l, et_yamldoc_get(l->nodes[ix], "cases"), i,
					 cases->list[i], suite);
	if (!cases->is_given && fill_cases(l, cases, suites[suite].cases) != 0)
		return -1;
	if (suites[suite].has_variants)
		return 0;
	if (variants->is_given)
		return et_load_fail_key(l, et_yamldoc_get(l->nodes[ix], "variants"),
					  "suite %s has no variants; remove the key",
					  suites[suite].suite);
	for (; variants->n_list > 0; variants->n_list--) /* the default is not for this suite */
		free(variants->list[variants->n_list - 1]);
	variants->list[0] = NULL;
	return 0;
}

/* ---- all ----------------------------------------------------------------------------------- */

static const struct {
	const char *kind;
	int (*check)(struct et_load *l, struct et_target_spec *t, size_t ix);
} rules[] = {
	{ "image", check_image },
	{ "generate", check_generate },
	{ "bench", check_bench },
};

static int check_target(struct et_load *l, size_t ix)
{
	struct et_target_spec *t = &l->preset->targets[ix];

	if (take_needs(l, t, l->nodes[ix]) != 0)
		return -1;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (strcmp(rules[i].kind, t->kind->name) == 0)
			return rules[i].check(l, t, ix);
	return 0;
}

int et_rules_check(struct et_load *l)
{
	for (size_t i = 0; i < l->preset->n_targets; i++)
		if (check_target(l, i) != 0)
			return -1;
	return check_cycles(l);
}
