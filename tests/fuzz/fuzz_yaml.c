/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a YAML document and as a preset.  What must hold whatever they are: a refusal is
 * one line that begins with the file and has a code; what is accepted is whole, with needs that
 * point at targets. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/yamldoc.h"
#include "engine/preset/preset.h"
#include "fuzz.h"

static void must_be_refusal(const struct et_err *err)
{
	unsigned line, column;

	MUST(err->code == ET_EXIT_INPUT);
	MUST(strpbrk(err->msg, "\n\r\033") == NULL);
	MUST(sscanf(err->msg, "fuzz.yaml:%u:%u: ", &line, &column) == 2);
	MUST(line > 0 && column > 0);
}

static size_t count_nodes(const struct et_yaml *node, unsigned depth)
{
	size_t n = 1;

	MUST(depth <= 32);
	MUST(node->line > 0 && node->column > 0);
	MUST((node->kind == ET_YAML_SCALAR) == (node->text != NULL));
	for (const struct et_yaml *c = node->first; c != NULL; c = c->next) {
		MUST((node->kind == ET_YAML_MAP) == (c->key != NULL));
		n += count_nodes(c, depth + 1);
	}
	return n;
}

static void try_document(const char *bytes, size_t n)
{
	struct et_err err = { 0 };
	struct et_yamldoc doc;

	if (et_yamldoc_parse(&doc, "fuzz.yaml", bytes, n, &err) != 0) {
		must_be_refusal(&err);
		MUST(doc.root == NULL && doc.nodes == NULL && doc.name == NULL);
		return;
	}
	MUST(err.code == ET_EXIT_OK);
	MUST(count_nodes(doc.root, 0) == doc.n_nodes);
	et_yamldoc_fini(&doc);
}

static void check_target(const struct et_preset *p, size_t ix)
{
	const struct et_target_spec *t = &p->targets[ix];

	MUST(t->name[0] != '\0' && strlen(t->name) <= 64 && t->kind != NULL);
	for (size_t i = 0; i < t->n_needs; i++)
		MUST(t->needs[i] < p->n_targets && t->needs[i] != ix);
	for (size_t i = 0; t->kind->keys[i].name != NULL; i++) {
		const struct et_setting *s = &t->settings[i];

		MUST(s->key == &t->kind->keys[i]);
		MUST(s->is_given || !s->key->is_required);
		MUST(s->number >= 0);
		for (size_t k = 0; k < s->n_list; k++)
			MUST(s->list[k] != NULL);
	}
}

static void try_preset(const char *bytes, size_t n)
{
	struct et_err err = { 0 };
	struct et_preset *p = et_preset_parse("fuzz.yaml", "/presets", bytes, n, &err);

	if (p == NULL) {
		must_be_refusal(&err);
		return;
	}
	MUST(p->n_targets > 0 && p->hz >= 1 && p->hz <= 1000 && p->heap_bytes >= 0);
	for (size_t i = 0; i < p->n_targets; i++)
		check_target(p, i);
	et_preset_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	try_document((const char *)data, n);
	try_preset((const char *)data, n);
	return 0;
}
