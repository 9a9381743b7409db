/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML to struct et_preset (preset.h): top-level keys, then each target by its kind's table of
 * keys, then rules.c for what keys mean to each other.  A preset under way is always in a state
 * that et_preset_free can free; every refusal names file, line and column.  Any thread. */
#include "engine/preset/preset.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "engine/preset/load.h"

#define SHOWN 64
#define NAME_MAX_BYTES 64
#define LIST_MAX 1000
#define KEYS_MAX 32 /* that a map of a preset may have */

static int no_memory(struct et_load *l)
{
	return et_err_set(l->err, ET_EXIT_LACK, "out of memory reading '%s'", l->preset->path);
}

/* ---- one value ----------------------------------------------------------------------------- */

static int fail_scalar(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		       const char *key)
{
	if (v->kind == ET_YAML_SCALAR)
		return et_yamldoc_err(doc, v, l->err, "%s: no value; write one, or remove the key",
				      key);
	return et_yamldoc_err(doc, v, l->err, "%s: a single value is needed, not %s", key,
			      et_yamldoc_kind_text(v));
}

/* A text that is there: plain `~`, `null` and nothing are none. */
static bool is_text(const struct et_yaml *v)
{
	if (v->kind != ET_YAML_SCALAR || v->text[0] == '\0')
		return false;
	return !v->is_plain || (strcmp(v->text, "~") != 0 && strcmp(v->text, "null") != 0);
}

static int take_text(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		     const char *key, char **out)
{
	if (!is_text(v))
		return fail_scalar(l, doc, v, key);
	*out = strdup(v->text);
	return *out == NULL ? no_memory(l) : 0;
}

static int take_path(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		     const char *key, char **out)
{
	if (!is_text(v))
		return fail_scalar(l, doc, v, key);
	if (strlen(v->text) + strlen(l->preset->dir) + 2 > PATH_MAX)
		return et_yamldoc_err(doc, v, l->err, "%s: the path is longer than %d bytes", key,
				      PATH_MAX);
	if (v->text[0] == '/')
		*out = strdup(v->text);
	else if (asprintf(out, "%s/%s", l->preset->dir, v->text) < 0)
		*out = NULL;
	return *out == NULL ? no_memory(l) : 0;
}

static void join_words(char *out, size_t n, const char *const *words)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; words[i] != NULL && at < n; i++)
		at += (size_t)snprintf(out + at, n - at, "%s%s", i == 0 ? "" : ", ", words[i]);
}

static int word_index(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		      const struct et_key *key, int64_t *ix)
{
	char shown[SHOWN], list[200];

	if (!is_text(v))
		return fail_scalar(l, doc, v, key->name);
	for (*ix = 0; key->words[*ix] != NULL; (*ix)++)
		if (strcmp(key->words[*ix], v->text) == 0)
			return 0;
	join_words(list, sizeof list, key->words);
	return et_yamldoc_err(doc, v, l->err, "%s: '%s' is not known; write one of %s", key->name,
			      et_text_safe(shown, sizeof shown, v->text), list);
}

static const char *range_text(const struct et_key *key, char *buf, size_t n)
{
	char least[ET_NUM], most[ET_NUM];

	if (key->type == ET_KEY_DURATION)
		snprintf(buf, n, "%s to %s", et_text_time(least, sizeof least, key->least),
			 et_text_time(most, sizeof most, key->most));
	else
		snprintf(buf, n, "%s to %s", et_text_bytes(least, sizeof least, key->least),
			 et_text_bytes(most, sizeof most, key->most));
	return buf;
}

static int take_amount(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		       const struct et_key *key, int64_t *out)
{
	char range[64];
	int rc = key->type == ET_KEY_DURATION ? et_yamldoc_duration(doc, v, out, l->err)
					      : et_yamldoc_bytes(doc, v, out, l->err);

	if (rc != 0)
		return -1;
	if ((key->least == 0 && key->most == 0) || (*out >= key->least && *out <= key->most))
		return 0;
	return et_yamldoc_err(doc, v, l->err, "%s: '%s' is not in range; write it from %s",
			      key->name, v->text, range_text(key, range, sizeof range));
}

static int add_item(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		    const struct et_key *key, struct et_setting *out)
{
	int64_t ix;

	if (key->type == ET_KEY_WORDS && word_index(l, doc, v, key, &ix) != 0)
		return -1;
	for (size_t i = 0; is_text(v) && i < out->n_list; i++)
		if (strcmp(out->list[i], v->text) == 0)
			return et_yamldoc_err(doc, v, l->err,
					      "%s: this item is already in the list; remove one",
					      key->name);
	if (take_text(l, doc, v, key->name, &out->list[out->n_list]) != 0)
		return -1;
	out->n_list++;
	return 0;
}

static size_t count(const struct et_yaml *list)
{
	size_t n = 0;

	for (const struct et_yaml *c = list->first; c != NULL; c = c->next)
		n++;
	return n;
}

/* A list, or a single value as a list of one. */
static int take_list(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		     const struct et_key *key, struct et_setting *out)
{
	if (v->kind == ET_YAML_MAP)
		return et_yamldoc_err(doc, v, l->err,
				      "%s: a list is needed, not a map; write [a, b]", key->name);
	if (count(v) > LIST_MAX)
		return et_yamldoc_err(doc, v, l->err, "%s: %zu items; at most %d are taken",
				      key->name, count(v), LIST_MAX);
	out->list = calloc(count(v) + 2, sizeof *out->list);
	if (out->list == NULL)
		return no_memory(l);
	if (v->kind == ET_YAML_SCALAR)
		return add_item(l, doc, v, key, out);
	for (const struct et_yaml *c = v->first; c != NULL; c = c->next)
		if (add_item(l, doc, c, key, out) != 0)
			return -1;
	if (key->type == ET_KEY_WORDS && out->n_list == 0)
		return et_yamldoc_err(doc, v, l->err, "%s: an empty list; write [a, b]", key->name);
	return 0;
}

static int take_value(struct et_load *l, const struct et_yamldoc *doc, const struct et_yaml *v,
		      const struct et_key *key, struct et_setting *out)
{
	bool is_true, is_any = key->least == 0 && key->most == 0;

	switch (key->type) {
	case ET_KEY_STRING:
		return take_text(l, doc, v, key->name, &out->text);
	case ET_KEY_PATH:
		return take_path(l, doc, v, key->name, &out->text);
	case ET_KEY_INT:
		return et_yamldoc_int(doc, v, key->least, is_any ? INT64_MAX : key->most,
				      &out->number, l->err);
	case ET_KEY_BYTES:
	case ET_KEY_DURATION:
		return take_amount(l, doc, v, key, &out->number);
	case ET_KEY_BOOL:
		if (et_yamldoc_bool(doc, v, &is_true, l->err) != 0)
			return -1;
		out->number = is_true;
		return 0;
	case ET_KEY_WORD:
		if (word_index(l, doc, v, key, &out->number) != 0)
			return -1;
		return take_text(l, doc, v, key->name, &out->text);
	case ET_KEY_STRINGS:
	case ET_KEY_WORDS:
		return take_list(l, doc, v, key, out);
	case ET_KEY_MAP:
	case ET_KEY_TARGETS:
		break; /* not of a setting */
	}
	return 0;
}

/* Defaults are YAML too: one reader, and a wrong default cannot pass the tests. */
static int take_default(struct et_load *l, const struct et_key *key, struct et_setting *out)
{
	struct et_yamldoc doc;
	int rc;

	if (et_yamldoc_parse(&doc, key->name, key->def, strlen(key->def), l->err) != 0)
		return -1;
	rc = take_value(l, &doc, doc.root, key, out);
	et_yamldoc_fini(&doc);
	return rc;
}

/* ---- one target ---------------------------------------------------------------------------- */

static bool has_key(const struct et_key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return true;
	return false;
}

/* Append the names of `keys` to the n words; returns how many there are then. */
static size_t add_names(const char **words, size_t n, const struct et_key *keys)
{
	for (; keys->name != NULL && n < KEYS_MAX; keys++)
		words[n++] = keys->name;
	return n;
}

static int check_map(struct et_load *l, const struct et_yaml *map, const struct et_key *common,
		     const struct et_key *own)
{
	const char *known[KEYS_MAX];
	size_t n = add_names(known, 0, common);

	if (own != NULL)
		n = add_names(known, n, own);
	return et_yamldoc_known_keys(&l->doc, map, known, n, l->err);
}

/* Which kinds have this key, as "a, b"; false if none. */
static bool kinds_with(const char *name, char *out, size_t n)
{
	const char *kinds[16];
	size_t n_kinds = 0;

	for (const struct et_kind *k = et_kinds; k->name != NULL && n_kinds < 15; k++)
		if (has_key(k->keys, name))
			kinds[n_kinds++] = k->name;
	kinds[n_kinds] = NULL;
	join_words(out, n, kinds);
	return n_kinds > 0;
}

static int check_keys(struct et_load *l, const struct et_yaml *map, const struct et_kind *kind)
{
	char where[100];

	for (const struct et_yaml *c = map->first; c != NULL; c = c->next)
		if (!has_key(et_target_keys, c->key) && !has_key(kind->keys, c->key) &&
		    kinds_with(c->key, where, sizeof where))
			return et_load_fail_key(l, c,
						  "kind %s has no key '%s'; it belongs to kind %s",
						  kind->name, c->key, where);
	return check_map(l, map, et_target_keys, kind->keys);
}

static int take_name(struct et_load *l, struct et_target_spec *t, const struct et_yaml *map)
{
	const struct et_yaml *v = et_yamldoc_get(map, "name");
	char shown[SHOWN];

	if (v == NULL)
		return et_load_fail(l, map, "a target without a name; write name: WORD");
	if (!is_text(v))
		return fail_scalar(l, &l->doc, v, "name");
	if (!et_rules_is_name(v->text, NAME_MAX_BYTES))
		return et_load_fail(l, v,
				    "name: '%s' is not a name; write at most %d letters, digits, "
				    "'.', '_', '-', the first a letter or digit",
				    et_text_safe(shown, sizeof shown, v->text), NAME_MAX_BYTES);
	for (size_t i = 0; i < l->preset->n_targets; i++)
		if (strcmp(l->preset->targets[i].name, v->text) == 0)
			return et_load_fail(l, v,
					    "a second target '%s'; the first is at line %u, rename "
					    "one", v->text, l->preset->targets[i].line);
	return take_text(l, &l->doc, v, "name", &t->name);
}

static int take_kind(struct et_load *l, struct et_target_spec *t, const struct et_yaml *map)
{
	const struct et_yaml *v = et_yamldoc_get(map, "kind");
	const char *names[16];
	char list[200], shown[SHOWN];
	const char *near;
	size_t n = 0;

	for (const struct et_kind *k = et_kinds; k->name != NULL && n < 15; k++)
		names[n++] = k->name;
	names[n] = NULL;
	join_words(list, sizeof list, names);
	if (v == NULL)
		return et_load_fail(l, map, "target '%s' has no kind; write kind: one of %s",
				    t->name, list);
	if (!is_text(v))
		return fail_scalar(l, &l->doc, v, "kind");
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], v->text) == 0)
			t->kind = &et_kinds[i];
	if (t->kind != NULL)
		return 0;
	et_text_safe(shown, sizeof shown, v->text);
	near = et_text_nearest(v->text, names, n);
	if (near != NULL)
		return et_load_fail(l, v, "unknown kind '%s'; did you mean '%s'?",
				      shown, near);
	return et_load_fail(l, v, "unknown kind '%s'; kinds are %s", shown, list);
}

static int take_settings(struct et_load *l, struct et_target_spec *t, const struct et_yaml *map)
{
	size_t n = 0;

	while (t->kind->keys[n].name != NULL)
		n++;
	t->settings = calloc(n, sizeof *t->settings);
	if (t->settings == NULL)
		return no_memory(l);
	for (size_t i = 0; i < n; i++)
		t->settings[i].key = &t->kind->keys[i];
	for (size_t i = 0; i < n; i++) {
		struct et_setting *s = &t->settings[i];
		const struct et_yaml *v = et_yamldoc_get(map, s->key->name);

		if (v != NULL && take_value(l, &l->doc, v, s->key, s) != 0)
			return -1;
		if (v == NULL && s->key->is_required)
			return et_load_fail(l, map, "target '%s' has no %s; kind %s needs it: %s",
					    t->name, s->key->name, t->kind->name, s->key->help);
		if (v == NULL && s->key->def != NULL && take_default(l, s->key, s) != 0)
			return -1;
		s->is_given = v != NULL;
	}
	return 0;
}

static int take_target(struct et_load *l, const struct et_yaml *map)
{
	struct et_target_spec *t = &l->preset->targets[l->preset->n_targets];

	if (map->kind != ET_YAML_MAP)
		return et_load_fail(l, map,
				    "a target is a map, not %s; write - name: WORD and its keys "
				    "below", et_yamldoc_kind_text(map));
	t->line = map->line;
	t->column = map->column;
	if (take_name(l, t, map) != 0)
		return -1;
	l->nodes[l->preset->n_targets++] = map;
	if (take_kind(l, t, map) != 0 || check_keys(l, map, t->kind) != 0)
		return -1;
	return take_settings(l, t, map);
}

static int take_targets(struct et_load *l, const struct et_yaml *root)
{
	const struct et_yaml *list = et_yamldoc_get(root, "targets");
	size_t n;

	if (list == NULL)
		return et_load_fail(l, root,
				      "no targets; write targets: and a list of them");
	n = count(list);
	if (list->kind != ET_YAML_LIST || n == 0)
		return et_load_fail(l, list,
				    "targets: a list of at least one target is needed, not %s",
				    n == 0 && list->kind == ET_YAML_LIST ?
				    "an empty one" : et_yamldoc_kind_text(list));
	if (n > ET_PRESET_TARGETS_MAX)
		return et_load_fail(l, list, "%zu targets; at most %zu fit a preset", n,
				      ET_PRESET_TARGETS_MAX);
	l->preset->targets = calloc(n, sizeof *l->preset->targets);
	if (l->preset->targets == NULL)
		return no_memory(l);
	for (const struct et_yaml *c = list->first; c != NULL; c = c->next)
		if (take_target(l, c) != 0)
			return -1;
	return 0;
}

/* ---- the top ------------------------------------------------------------------------------- */

static int take_version(struct et_load *l, const struct et_yaml *root)
{
	const struct et_yaml *v = et_yamldoc_get(root, "version");
	char shown[SHOWN];

	if (v == NULL)
		return et_load_fail(l, root, "no version; write version: 1");
	if (!is_text(v))
		return fail_scalar(l, &l->doc, v, "version");
	if (strcmp(v->text, "1") != 0)
		return et_load_fail(l, v,
				      "version '%s' is not supported; write version: 1",
				      et_text_safe(shown, sizeof shown, v->text));
	return 0;
}

/* A line for lists and headers. */
static int take_line(struct et_load *l, const struct et_yaml *root, const char *key, size_t most,
		     char **out)
{
	const struct et_yaml *v = et_yamldoc_get(root, key);

	if (v == NULL)
		return 0;
	if (is_text(v) && (strlen(v->text) > most || strchr(v->text, '\n') != NULL))
		return et_load_fail(l, v, "%s: one line of at most %zu bytes is needed",
				      key, most);
	free(*out);
	*out = NULL;
	return take_text(l, &l->doc, v, key, out);
}

/* A number: the file's, else the default. */
static int take_number(struct et_load *l, const struct et_yaml *map, const struct et_key *key,
		       int64_t *out)
{
	const struct et_yaml *v = et_yamldoc_get(map, key->name);
	struct et_setting s = { 0 };
	int rc = 0;

	if (v != NULL)
		rc = take_value(l, &l->doc, v, key, &s);
	else if (key->def != NULL)
		rc = take_default(l, key, &s);

	*out = s.number;
	return rc;
}

static const struct et_key *key_of(const struct et_key *keys, const char *name)
{
	while (strcmp(keys->name, name) != 0)
		keys++;
	return keys;
}

static int take_sample(struct et_load *l, const struct et_yaml *root)
{
	const struct et_key *keys = key_of(et_preset_keys, "sample")->keys;
	const struct et_yaml *map = et_yamldoc_get(root, "sample");

	if (map != NULL && check_map(l, map, keys, NULL) != 0)
		return -1;
	if (take_number(l, map, key_of(keys, "hz"), &l->preset->hz) != 0)
		return -1;
	return take_number(l, map, key_of(keys, "heap_bytes"), &l->preset->heap_bytes);
}

static int take_top(struct et_load *l, const struct et_yaml *root)
{
	const struct et_yaml *v;

	if (root->kind != ET_YAML_MAP)
		return et_load_fail(l, root,
				      "a preset is a map, not %s; begin with version: 1",
				      et_yamldoc_kind_text(root));
	if (check_map(l, root, et_preset_keys, NULL) != 0 || take_version(l, root) != 0 ||
	    take_line(l, root, "name", 80, &l->preset->name) != 0 ||
	    take_line(l, root, "description", 200, &l->preset->description) != 0 ||
	    take_number(l, root, key_of(et_preset_keys, "jobs"), &l->preset->jobs) != 0)
		return -1;
	if ((v = et_yamldoc_get(root, "store")) != NULL &&
	    take_path(l, &l->doc, v, "store", &l->preset->store) != 0)
		return -1;
	return take_sample(l, root);
}

static char *stem_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	const char *dot = strrchr(base, '.');

	return dot == NULL || dot == base ? strdup(base) : strndup(base, (size_t)(dot - base));
}

static struct et_preset *new_preset(const char *name, const char *dir, struct et_err *err)
{
	struct et_preset *p = calloc(1, sizeof *p);

	if (p != NULL) {
		p->path = strdup(name);
		p->dir = strdup(dir);
		p->name = stem_of(name);
		p->description = strdup("");
	}
	if (p == NULL || p->path == NULL || p->dir == NULL || p->name == NULL ||
	    p->description == NULL) {
		et_err_set(err, ET_EXIT_LACK, "out of memory reading '%s'", name);
		et_preset_free(p);
		return NULL;
	}
	return p;
}

/* Takes the document. */
static struct et_preset *load_doc(struct et_yamldoc doc, const char *name, const char *dir,
				  struct et_err *err)
{
	struct et_load l = { .doc = doc, .err = err, .preset = new_preset(name, dir, err) };

	if (l.preset != NULL &&
	    (take_top(&l, l.doc.root) != 0 || take_targets(&l, l.doc.root) != 0 ||
	     et_rules_check(&l) != 0)) {
		et_preset_free(l.preset);
		l.preset = NULL;
	}
	et_yamldoc_fini(&l.doc);
	return l.preset;
}

struct et_preset *et_preset_parse(const char *name, const char *dir, const char *bytes, size_t n,
				  struct et_err *err)
{
	struct et_yamldoc doc;

	if (et_yamldoc_parse(&doc, name, bytes, n, err) != 0)
		return NULL;
	return load_doc(doc, name, dir, err);
}

/* Absolute folder of a file, without following what the file itself may link to. */
static int folder_of(const char *path, char *out)
{
	char buf[PATH_MAX];
	char *slash;

	if (strlen(path) >= sizeof buf)
		return -1;
	strcpy(buf, path);
	slash = strrchr(buf, '/');
	if (slash == NULL)
		return realpath(".", out) == NULL ? -1 : 0;
	slash[slash == buf] = '\0';
	return realpath(buf, out) == NULL ? -1 : 0;
}

struct et_preset *et_preset_load(const char *path, struct et_err *err)
{
	struct et_yamldoc doc;
	char dir[PATH_MAX];

	if (et_yamldoc_read(&doc, path, err) != 0)
		return NULL;
	if (folder_of(path, dir) != 0) {
		et_yamldoc_fini(&doc);
		et_err_set(err, ET_EXIT_INPUT, "cannot find the folder of '%s'", path);
		return NULL;
	}
	return load_doc(doc, path, dir, err);
}
