/* SPDX-License-Identifier: Apache-2.0
 *
 * A subcommand: one file, one row in main.c.  Layer: cli. */
#ifndef ET_CLI_CMD_H
#define ET_CLI_CMD_H

#include "engine-top/err.h"

struct et_cmd {
	const char *name;
	const char *args;    /* for the usage line: "PRESET [--plain] ..." */
	const char *summary; /* one line, lower case */
	const char *help;    /* the options, one a line, two spaces in front */
	/* argv[0] is the subcommand's name.  Returns the exit status; failures are printed by
	 * et_cmd_fail() or et_cmd_usage(). */
	int (*run)(int argc, char **argv);
};

extern const struct et_cmd et_cmd_run, et_cmd_build, et_cmd_replay, et_cmd_presets, et_cmd_themes,
	et_cmd_doctor, et_cmd_top;

/* `engine-top help preset`: the keys of presets, from the table that checks them. */
void et_cmd_help_preset(void);

/* Print "engine-top: MSG" on stderr; returns err->code (ET_EXIT_JOB if it is 0). */
int et_cmd_fail(const struct et_err *err);

/* Bad usage: "engine-top NAME: MSG" and how to get help, on stderr.  Returns ET_EXIT_INPUT. */
int et_cmd_usage(const struct et_cmd *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What getopt_long's '?' and ':' mean, said in our words (the argument and the nearest long
 * option); call with opterr = 0.  Returns ET_EXIT_INPUT. */
struct option;
int et_cmd_bad_option(const struct et_cmd *cmd, char **argv, const struct option *options);

/* Parse a whole decimal number of an option; -1 and *err with the option's name and the range. */
int et_cmd_number(const char *option, const char *text, long long least, long long most,
		  long long *out, struct et_err *err);

#endif
