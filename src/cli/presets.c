/* SPDX-License-Identifier: Apache-2.0
 *
 * `engine-top presets`: what can be run by name.  Loads each shipped preset, so that the list
 * cannot drift from the files; one that does not load is named on stderr and the rest is still
 * listed.  Main thread. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "engine/preset/preset.h"

struct row {
	char name[64], targets[64], description[256];
};

static void count_kinds(const struct et_preset *p, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (const struct et_kind *k = et_kinds; k->name != NULL && at < n; k++) {
		size_t of_kind = 0;

		for (size_t i = 0; i < p->n_targets; i++)
			of_kind += p->targets[i].kind == k;
		if (of_kind > 0)
			at += (size_t)snprintf(out + at, n - at, "%s%zu %s", at == 0 ? "" : ", ",
					       of_kind, k->name);
	}
}

static int read_row(const char *name, struct row *row, struct et_err *err)
{
	struct et_preset *p;
	char path[PATH_MAX];

	if (et_preset_find(name, path, sizeof path, err) != 0)
		return -1;
	p = et_preset_load(path, err);
	if (p == NULL)
		return -1;
	et_text_safe(row->name, sizeof row->name, name);
	et_text_safe(row->description, sizeof row->description, p->description);
	count_kinds(p, row->targets, sizeof row->targets);
	et_preset_free(p);
	return 0;
}

static void print_row(const char *name, const char *targets, const char *description)
{
	printf("%-16s %-30s %s\n", name, targets, description);
}

static int list(char **names, size_t n)
{
	int status = ET_EXIT_OK;

	print_row("PRESET", "TARGETS", "DESCRIPTION");
	for (size_t i = 0; i < n; i++) {
		struct et_err err = { 0 };
		struct row row;

		if (read_row(names[i], &row, &err) != 0)
			status = et_cmd_fail(&err);
		else
			print_row(row.name, row.targets, row.description);
	}
	return status;
}

/* ---- help preset --------------------------------------------------------------------------- */

static const char *range(const struct et_key *key, char *buf, size_t n)
{
	char least[ET_NUM], most[ET_NUM];

	if (key->type == ET_KEY_BYTES)
		snprintf(buf, n, ", %s to %s", et_text_bytes(least, sizeof least, key->least),
			 et_text_bytes(most, sizeof most, key->most));
	else if (key->type == ET_KEY_DURATION)
		snprintf(buf, n, ", %s to %s", et_text_time(least, sizeof least, key->least),
			 et_text_time(most, sizeof most, key->most));
	else if (key->least == key->most)
		snprintf(buf, n, ", %lld", (long long)key->least);
	else
		snprintf(buf, n, ", %lld to %lld", (long long)key->least, (long long)key->most);
	if (key->least == 0 && key->most == 0)
		buf[0] = '\0';
	return buf;
}

static void print_key(const struct et_key *key, const char *indent)
{
	static const char *const types[] = {
		[ET_KEY_STRING] = "text",         [ET_KEY_PATH] = "path",
		[ET_KEY_INT] = "whole number",    [ET_KEY_BYTES] = "bytes (64K)",
		[ET_KEY_DURATION] = "time (20ms)", [ET_KEY_BOOL] = "true or false",
		[ET_KEY_WORD] = "one of",         [ET_KEY_STRINGS] = "list of texts",
		[ET_KEY_WORDS] = "some of",       [ET_KEY_MAP] = "map",
		[ET_KEY_TARGETS] = "list of targets",
	};
	char buf[64];

	printf("%s%-*s %s", indent, 18 - (int)strlen(indent), key->name, types[key->type]);
	for (const char *const *w = key->words; w != NULL && *w != NULL; w++)
		printf(" %s", *w);
	printf("%s%s", range(key, buf, sizeof buf), key->is_required ? ", required" : "");
	if (key->def != NULL)
		printf(", default %s", key->def);
	printf(": %s\n", key->help);
	for (const struct et_key *k = key->keys; k != NULL && k->name != NULL; k++)
		print_key(k, "    ");
}

static void print_keys(const struct et_key *keys)
{
	for (; keys->name != NULL; keys++)
		print_key(keys, "  ");
}

void et_cmd_help_preset(void)
{
	puts("A preset is a YAML file: a map of these keys.  Relative paths are meant from its\n"
	     "folder.  'engine-top presets --path' says where the shipped ones are.\n");
	print_keys(et_preset_keys);
	puts("\nevery target:");
	print_keys(et_target_keys);
	for (const struct et_kind *k = et_kinds; k->name != NULL; k++) {
		printf("\nkind: %s (%s)\n", k->name, k->help);
		print_keys(k->keys);
	}
}

/* ---- the command --------------------------------------------------------------------------- */

static int run(int argc, char **argv)
{
	static const struct option options[] = { { "path", no_argument, NULL, 'p' }, { 0 } };
	struct et_err err = { 0 };
	bool is_path = false;
	char dir[PATH_MAX];
	char **names;
	size_t n;
	int opt, status = ET_EXIT_OK;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'p')
			return et_cmd_bad_option(&et_cmd_presets, argv, options);
		is_path = true;
	}
	if (optind < argc)
		return et_cmd_usage(&et_cmd_presets, "takes no argument, but '%s' was given",
				    argv[optind]);
	names = et_preset_names(dir, &n, &err);
	if (names == NULL)
		return et_cmd_fail(&err);
	if (is_path)
		puts(dir);
	else
		status = list(names, n);
	et_preset_names_free(names, n);
	return status;
}

const struct et_cmd et_cmd_presets = {
	.name = "presets",
	.args = "[--path]",
	.summary = "list the presets that can be run by name",
	.help = "  --path   print the folder that they are in\n",
	.run = run,
};
