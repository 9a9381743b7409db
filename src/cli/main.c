/* SPDX-License-Identifier: Apache-2.0
 *
 * The composition root: finds the subcommand, and sets up what every one of them relies on
 * before any thread exists: the main thread is engine-top's own, the signals that end a session
 * are blocked (a signalfd hears them), SIGPROF is ignored until a sampler is armed. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/crash.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "engine-top/probe.h"

static const struct et_cmd *const cmds[] = {
	&et_cmd_top,    &et_cmd_run,     &et_cmd_build,  &et_cmd_replay,
	&et_cmd_presets, &et_cmd_themes, &et_cmd_doctor,
};
#define N_CMDS (sizeof cmds / sizeof cmds[0])

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

	if (argc < 2 || strcmp(argv[1], "help") == 0) {
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
	printf("usage: engine-top %s%s%s\n\n%s\n", cmd->name, cmd->args[0] != '\0' ? " " : "",
	       cmd->args, cmd->summary);
	if (cmd->help[0] != '\0')
		printf("\n%s", cmd->help);
	return ET_EXIT_OK;
}

/* `engine-top NAME ... --help`: nobody who asks that wants anything else. */
static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

/* A descriptor 0 to 2 that is closed would be given to the next file that is opened: an error
 * message would go into an image.  /dev/null in the wrong direction keeps the place, and using it
 * is still the error that it was (EBADF). */
static void hold_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
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
	signal(SIGXFSZ, SIG_IGN); /* so is a file size limit */
	/* a timer that the program before us left armed survives exec (setitimer(2)) */
	signal(SIGPROF, SIG_IGN);
}

/* What is printed must have arrived: a full disk behind stdout is a failed job. */
static int finish(int status)
{
	int why = fflush(stdout) == 0 ? 0 : errno;

	if (why == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "engine-top: cannot write to standard output%s%s\n", why == 0 ? "" : ": ",
		why == 0 ? "" : strerror(why));
	return status == ET_EXIT_OK ? ET_EXIT_JOB : status;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct et_cmd *cmd;

	hold_standard_fds();
	et_probe_thread_self(ET_ROLE_SELF, "et-ui");
	et_crash_install();
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
	if (cmd != NULL && asks_for_help(argc - 1, argv + 1))
		return finish(help(2, (char *[]){ argv[0], argv[1], NULL }));
	if (cmd != NULL)
		return finish(cmd->run(argc - 1, argv + 1));
	/* `engine-top [PRESET]`: a preset, or an option of the dashboard; else a slip of the pen */
	if (argc > 1 && word[0] != '-' && strchr(word, '/') == NULL && strchr(word, '.') == NULL &&
	    et_text_nearest(word, (const char *const[]){ "run", "build", "replay", "presets", "themes",
							 "doctor", "help" }, 7) != NULL)
		return unknown(word);
	return finish(et_cmd_top.run(argc, argv));
}
