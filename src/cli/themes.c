/* SPDX-License-Identifier: Apache-2.0
 *
 * `engine-top themes`: the shipped themes with what they are for and where they lie.  Loads each
 * of them, so that the list cannot drift from the files; one that does not load is named on
 * stderr and the rest is still listed.  Main thread. */
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "tui/theme.h"

static int print_theme(const char *name)
{
	bool is_default = strcmp(name, ET_THEME_DEFAULT) == 0;
	char path[PATH_MAX], safe[256], where[PATH_MAX], about[256];
	struct et_err err = { 0 };
	struct et_theme theme;

	if (et_theme_path(name, path, sizeof path) != 0) {
		et_err_set(&err, ET_EXIT_LACK, "the folder of themes is gone");
		return et_cmd_fail(&err);
	}
	if (et_theme_load(&theme, path, &err) != 0)
		return et_cmd_fail(&err);
	et_text_safe(safe, sizeof safe, name);
	snprintf(about, sizeof about, "%s%s", theme.about, is_default ? " (default)" : "");
	printf("%-12s %-62s ", safe, about);
	puts(et_text_safe(where, sizeof where, path));
	return ET_EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	struct et_err err = { 0 };
	int status = ET_EXIT_OK;
	char **names;
	size_t n;

	opterr = 0;
	if (getopt_long(argc, argv, "", options, NULL) != -1)
		return et_cmd_bad_option(&et_cmd_themes, argv, options);
	if (optind < argc)
		return et_cmd_usage(&et_cmd_themes, "takes no argument, but '%s' was given",
				    argv[optind]);
	names = et_theme_names(&n, &err);
	if (names == NULL)
		return et_cmd_fail(&err);
	printf("%-12s %-62s %s\n", "THEME", "DESCRIPTION", "FILE");
	for (size_t i = 0; i < n; i++) {
		int rc = print_theme(names[i]);

		status = rc != ET_EXIT_OK ? rc : status;
	}
	et_theme_names_free(names, n);
	return status;
}

const struct et_cmd et_cmd_themes = {
	.name = "themes",
	.args = "",
	.summary = "list the themes of the dashboard",
	.help = "  use one with --theme NAME, or for every run: export ENGINE_TOP_THEME=NAME\n",
	.run = run,
};
