/* SPDX-License-Identifier: Apache-2.0
 *
 * `engine-top presets`: what can be run by name.  Loads each shipped preset, so that the list
 * cannot drift from the files; one that does not load is named on stderr and the rest is still
 * listed.  Main thread. */
#include <errno.h>
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

static int finish(int status)
{
	struct et_err err = { 0 };

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	et_err_sys(&err, ET_EXIT_JOB, errno, "cannot write the list of presets");
	return et_cmd_fail(&err);
}

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
	return finish(status);
}

const struct et_cmd et_cmd_presets = {
	.name = "presets",
	.args = "[--path]",
	.summary = "list the presets that can be run by name",
	.help = "  --path   print the folder that they are in\n",
	.run = run,
};
