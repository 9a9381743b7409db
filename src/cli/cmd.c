/* SPDX-License-Identifier: Apache-2.0
 *
 * What every subcommand needs to answer a person: failures, bad usage, options, numbers.  Apart
 * from main.c, so that subcommands do not stand on the file that stands on them.  No state; main
 * thread. */
#include "cli/cmd.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int et_cmd_fail(const struct et_err *err)
{
	fprintf(stderr, "engine-top: %s\n", err->msg);
	return err->code == ET_EXIT_OK ? ET_EXIT_JOB : (int)err->code;
}

int et_cmd_usage(const struct et_cmd *cmd, const char *fmt, ...)
{
	struct et_err safe = { 0 };
	char msg[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	et_err_set(&safe, ET_EXIT_INPUT, "%s", msg);
	fprintf(stderr, "engine-top %s: %s; see 'engine-top help %s'\n", cmd->name, safe.msg, cmd->name);
	return ET_EXIT_INPUT;
}

static const char *nearest_option(const char *word, const struct option *options)
{
	const char *names[64];
	size_t n = 0;

	for (; options[n].name != NULL && n < 64; n++)
		names[n] = options[n].name;
	return et_text_nearest(word, names, n);
}

int et_cmd_bad_option(const struct et_cmd *cmd, char **argv, const struct option *options)
{
	const char *word = argv[optind - 1];
	bool is_long = strncmp(word, "--", 2) == 0 && word[2] != '\0';
	const char *near;
	char name[64];

	for (size_t i = 0; options[i].name != NULL; i++) {
		bool is_this = is_long ? strcmp(word + 2, options[i].name) == 0
				       : optopt != 0 && options[i].val == optopt;

		if (is_this && options[i].has_arg == required_argument)
			return et_cmd_usage(cmd, "option '%s' needs a value", word);
	}
	if (!is_long)
		return et_cmd_usage(cmd, "unknown option '-%c' or its value is missing", optopt);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (size_t i = 0; options[i].name != NULL; i++)
		if (strcmp(name, options[i].name) == 0)
			return et_cmd_usage(cmd, "option '--%s' takes no value", name);
	near = nearest_option(name, options);
	if (near == NULL)
		return et_cmd_usage(cmd, "unknown option '--%s'", name);
	return et_cmd_usage(cmd, "unknown option '--%s'; did you mean '--%s'?", name, near);
}

int et_cmd_number(const char *option, const char *text, long long least, long long most,
		  long long *out, struct et_err *err)
{
	char *end;
	long long v = strtoll(text, &end, 10);
	const char *digits = text + (text[0] == '-');

	/* strtoll also takes blanks and a plus, which nobody means */
	if (strspn(digits, "0123456789") == 0 || *end != '\0' || v < least || v > most)
		return et_err_set(err, ET_EXIT_INPUT,
				  "%s wants a whole number from %lld to %lld, not '%s'", option, least,
				  most, text);
	*out = v;
	return 0;
}
