/* SPDX-License-Identifier: Apache-2.0
 *
 * A loaded preset in use (preset.h): looking a setting up, and the end of it.  Immutable between
 * load and free, so any thread may read. */
#include "engine/preset/preset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_setting(struct et_setting *s)
{
	free(s->text);
	for (size_t i = 0; i < s->n_list; i++)
		free(s->list[i]);
	free(s->list);
}

static void free_target(struct et_target_spec *t)
{
	for (size_t i = 0; t->settings != NULL && t->kind->keys[i].name != NULL; i++)
		free_setting(&t->settings[i]);
	free(t->settings);
	free(t->needs);
	free(t->name);
}

void et_preset_free(struct et_preset *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_targets; i++)
		free_target(&p->targets[i]);
	free(p->targets);
	free(p->path);
	free(p->dir);
	free(p->name);
	free(p->description);
	free(p->store);
	free(p);
}

const struct et_setting *et_preset_setting(const struct et_target_spec *t, const char *key)
{
	for (size_t i = 0; t->kind->keys[i].name != NULL; i++)
		if (strcmp(t->kind->keys[i].name, key) == 0)
			return &t->settings[i];
	fprintf(stderr, "engine-top: kind %s has no key %s (a bug)\n", t->kind->name, key);
	abort();
}
