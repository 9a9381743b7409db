/* SPDX-License-Identifier: Apache-2.0
 *
 * The composition root: finds the subcommand, and sets up what every one of them relies on
 * before any thread exists: the main thread is engine-top's own, the signals that end a session
 * are blocked (a signalfd hears them), SIGPROF is ignored until a sampler is armed. */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "engine-top/probe.h"

static const struct et_cmd *const cmds[] = {
	&et_cmd_top,    &et_cmd_run,     &et_cmd_build,  &et_cmd_replay,
	&et_cmd_presets, &et_cmd_themes, &et_cmd_doctor,
};
#define N_CMDS (sizeof cmds / sizeof cmds[0])

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

	if (end == text || *end != '\0' || v < least || v > most)
		return et_err_set(err, ET_EXIT_INPUT,
				  "%s wants a whole number from %lld to %lld, not '%s'", option, least,
				  most, text);
	*out = v;
	return 0;
}

static void print_help(void)
{
	puts("engine-top: where the time and memory of a build go, live in the terminal\n\n"
	     "usage: engine-top [PRESET]              the dashboard (default preset: quickstart)");
	for (size_t i = 1; i < N_CMDS; i++)
		printf("       engine-top %s%s%s\n", cmds[i]->name, cmds[i]->args[0] != '\0' ? " " : "",
		       cmds[i]->args);
	puts("       engine-top help [COMMAND | preset] | --version\n");
	for (size_t i = 0; i < N_CMDS; i++)
		printf("  %-9s %s\n", cmds[i]->name, cmds[i]->summary);
	puts("\nexit status: 0 done; 1 the job itself failed; 2 bad usage or bad input;\n"
	     "             3 this machine lacks something (the message says what)");
}

static const struct et_cmd *find(const char *name)
{
	for (size_t i = 0; i < N_CMDS; i++)
		if (strcmp(cmds[i]->name, name) == 0)
			return cmds[i];
	return NULL;
}

static int unknown(const char *word)
{
	const char *names[N_CMDS + 1];
	const char *near;
	char safe[128];

	for (size_t i = 0; i < N_CMDS; i++)
		names[i] = cmds[i]->name;
	names[N_CMDS] = "help";
	near = et_text_nearest(word, names, N_CMDS + 1);
	et_text_safe(safe, sizeof safe, word);
	if (near == NULL)
		fprintf(stderr, "engine-top: unknown command '%s'; see 'engine-top help'\n", safe);
	else
		fprintf(stderr, "engine-top: unknown command '%s'; did you mean '%s'?\n", safe, near);
	return ET_EXIT_INPUT;
}

static int help(int argc, char **argv)
{
	const struct et_cmd *cmd;

	if (argc < 2) {
		print_help();
		return ET_EXIT_OK;
	}
	if (strcmp(argv[1], "preset") == 0) {
		et_cmd_help_preset();
		return ET_EXIT_OK;
	}
	cmd = find(argv[1]);
	if (cmd == NULL)
		return unknown(argv[1]);
	printf("usage: engine-top %s %s\n\n%s\n", cmd->name, cmd->args, cmd->summary);
	if (cmd->help[0] != '\0')
		printf("\n%s", cmd->help);
	return ET_EXIT_OK;
}

static void block_signals(void)
{
	static const int heard[] = { SIGTERM, SIGHUP, SIGINT, SIGWINCH, SIGPROF };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof heard / sizeof heard[0]; i++)
		sigaddset(&set, heard[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a closed stdout is an error like any other */
	/* a timer that the program before us left armed survives exec (setitimer(2)) */
	signal(SIGPROF, SIG_IGN);
}

/* What is printed must have arrived: a full disk behind stdout is a failed job. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "engine-top: cannot write to standard output\n");
	return status == ET_EXIT_OK ? ET_EXIT_JOB : status;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct et_cmd *cmd;

	et_probe_thread_self(ET_ROLE_SELF, "et-ui");
	block_signals();
	setlocale(LC_CTYPE, "");
	opterr = 0; /* messages are ours */
	if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return finish(help(argc - 1, argv + 1));
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		puts("engine-top " ET_VERSION);
		return finish(ET_EXIT_OK);
	}
	cmd = find(word);
	if (cmd != NULL)
		return finish(cmd->run(argc - 1, argv + 1));
	/* `engine-top [PRESET]`: a preset, or an option of the dashboard; else a slip of the pen */
	if (argc > 1 && word[0] != '-' && strchr(word, '/') == NULL && strchr(word, '.') == NULL &&
	    et_text_nearest(word, (const char *const[]){ "run", "build", "replay", "presets", "themes",
							 "doctor", "help" }, 7) != NULL)
		return unknown(word);
	return finish(et_cmd_top.run(argc, argv));
}
