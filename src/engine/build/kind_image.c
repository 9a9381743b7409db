/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind "image": one OCI image of a directory or of a generated tree, into a layout in the store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/build/target.h"
#include "engine/image/image.h"

static int check(struct et_target *t, struct et_err *err)
{
	const char *context = et_preset_setting(t->spec, "context")->text;
	struct stat st;

	if (context == NULL)
		return 0; /* `from`: the tree is made before this target runs */
	if (stat(context, &st) != 0)
		return et_err_sys(err, ET_EXIT_INPUT, errno, "target '%s': context '%s'",
				  t->spec->name, context);
	if (!S_ISDIR(st.st_mode))
		return et_err_set(err, ET_EXIT_INPUT,
				  "target '%s': context '%s' is not a directory", t->spec->name,
				  context);
	if (access(context, R_OK | X_OK) != 0)
		return et_err_sys(err, ET_EXIT_INPUT, errno,
				  "target '%s': cannot read context '%s'", t->spec->name, context);
	return 0;
}

static void keep_result(struct et_target *t, const struct et_image_result *r, const char *layout,
			const char *tag)
{
	pthread_mutex_lock(t->lock);
	snprintf(t->digest, sizeof t->digest, "%s", r->digest);
	snprintf(t->output, sizeof t->output, "oci:%s:%s", layout, tag);
	snprintf(t->note, sizeof t->note, "%s", r->warning);
	pthread_mutex_unlock(t->lock);
}

static int run(struct et_target *t, struct et_err *err)
{
	const struct et_setting *exclude = et_preset_setting(t->spec, "exclude");
	const char *from = et_preset_setting(t->spec, "from")->text;
	const char *context = et_preset_setting(t->spec, "context")->text;
	char tree[PATH_MAX], below[PATH_MAX], layout[PATH_MAX], tag[130];
	struct et_image_result result = { 0 };

	if (et_image_parse_ref(et_preset_setting(t->spec, "output")->text, below, sizeof below, tag,
			       sizeof tag, err) != 0)
		return -1;
	if ((size_t)snprintf(layout, sizeof layout, "%s/%s", t->store->path, below) >=
		    sizeof layout ||
	    (from != NULL && et_store_tree(t->store, from, tree, sizeof tree) != 0))
		return et_err_set(err, ET_EXIT_INPUT, "the path of '%s' in the store is too long",
				  below);
	if (et_image_build(&(struct et_image_opts){
			.context = from != NULL ? tree : context, .layout = layout, .tag = tag,
			.exclude = (const char *const *)exclude->list, .n_exclude = exclude->n_list,
			.level = (int)et_preset_setting(t->spec, "level")->number,
			.is_store_private = t->store->is_private, .workers = t->packers,
			.progress = &t->progress }, &result, err) != 0)
		return -1;
	keep_result(t, &result, layout, tag);
	return 0;
}

const struct et_kind_ops et_kind_image = { .name = "image", .check = check, .run = run };
