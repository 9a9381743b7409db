/* SPDX-License-Identifier: Apache-2.0
 *
 * `engine-top run PRESET`: one round without a screen.  Build threads leave a line for each change
 * of state in a buffer; the main thread alone writes, and only what poll(2) says will not block:
 * a reader that stopped reading cannot keep a signal from ending the session. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/live.h"
#include "cli/report_json.h"
#include "cli/report_text.h"

#define PIECE 4096u       /* PIPE_BUF: a writable pipe takes this much without blocking */
#define UNREAD_MAX 1048576u /* lines beyond this are dropped: nobody reads them anyway */

struct run {
	struct et_live live;
	bool is_plain, is_json, is_verbose;
	const char *json_file; /* NULL: the document goes to standard output */
	int64_t began_ns;
	int signal_fd;
	int signo;             /* what ended the session; 0 = it ended by itself */
	int write_errno;       /* the first failure of standard output */

	int wake_fd;           /* readable when there are lines */
	int lines_fd;          /* where they go; -1 = nowhere */
	pthread_mutex_t lock;  /* the two below */
	char *lines;
	size_t n_lines;
};

/* ---- lines: any thread ---------------------------------------------------------------------- */

static void append(struct run *r, const char *text, size_t n)
{
	const uint64_t one = 1;
	char *more = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->n_lines + n <= UNREAD_MAX)
		more = realloc(r->lines, r->n_lines + n);
	if (more != NULL) {
		memcpy(more + r->n_lines, text, n);
		r->lines = more;
		r->n_lines += n;
	}
	pthread_mutex_unlock(&r->lock);
	(void)!write(r->wake_fd, &one, sizeof one); /* an overflow leaves it readable */
}

static void on_change(void *self, const char *target, enum et_target_state state, const char *line)
{
	struct run *r = self;
	int64_t ms = (et_clock_mono_ns() - r->began_ns) / ET_NS_PER_MS;
	char text[1400];
	int n = snprintf(text, sizeof text, "%5lld.%03lld s  %-16s %-9s %s\n",
			 (long long)(ms / 1000), (long long)(ms % 1000), target,
			 et_snapshot_target_state(state), line);

	if (r->lines_fd < 0)
		return;
	if ((size_t)n >= sizeof text) {
		n = (int)sizeof text - 1;
		text[n - 1] = '\n';
	}
	append(r, text, (size_t)n);
}

/* ---- writing: main thread ------------------------------------------------------------------- */

/* Write what fits now; how much of it was written.  A failure counts as written: there is no
 * second try at a full disk. */
static size_t write_piece(struct run *r, int fd, const char *text, size_t n)
{
	ssize_t w = write(fd, text, n < PIECE ? n : PIECE);

	if (w >= 0)
		return (size_t)w;
	if (errno == EINTR || errno == EAGAIN)
		return 0;
	if (r->write_errno == 0)
		r->write_errno = errno;
	return n;
}

static void write_lines(struct run *r)
{
	char piece[PIECE];
	size_t n;

	pthread_mutex_lock(&r->lock);
	n = r->n_lines < PIECE ? r->n_lines : PIECE;
	memcpy(piece, r->lines, n);
	pthread_mutex_unlock(&r->lock);
	n = write_piece(r, r->lines_fd, piece, n); /* without the lock: it may take a while */
	pthread_mutex_lock(&r->lock);
	memmove(r->lines, r->lines + n, r->n_lines - n);
	r->n_lines -= n;
	pthread_mutex_unlock(&r->lock);
}

static bool has_lines(struct run *r)
{
	bool has;

	pthread_mutex_lock(&r->lock);
	has = r->n_lines > 0;
	pthread_mutex_unlock(&r->lock);
	return has;
}

static void take_signal(struct run *r)
{
	struct signalfd_siginfo info;

	if (read(r->signal_fd, &info, sizeof info) == sizeof info && r->signo == 0)
		r->signo = (int)info.ssi_signo;
}

enum { IS_DONE = 1, IS_WRITABLE = 2 };

/* Wait for a signal, for new lines, for `done_fd`, for room in `out_fd` (-1: not for these two).
 * What of the last two is ready. */
static int wait_once(struct run *r, int done_fd, int out_fd)
{
	struct pollfd p[] = { { r->signal_fd, POLLIN, 0 }, { done_fd, POLLIN, 0 },
			      { r->wake_fd, POLLIN, 0 }, { out_fd, POLLOUT, 0 } };
	uint64_t n;

	if (poll(p, 4, -1) < 0)
		return 0;
	if (p[0].revents != 0)
		take_signal(r);
	if (p[2].revents != 0)
		(void)!read(r->wake_fd, &n, sizeof n);
	return (p[1].revents != 0 ? IS_DONE : 0) | (p[3].revents != 0 ? IS_WRITABLE : 0);
}

/* Write lines until there are none and, if `done_fd` is one, it is ready; or until a signal. */
static void write_until(struct run *r, int done_fd)
{
	bool is_done = done_fd < 0;

	while (r->signo == 0 && (!is_done || has_lines(r))) {
		int ready = wait_once(r, is_done ? -1 : done_fd, has_lines(r) ? r->lines_fd : -1);

		if (ready & IS_DONE)
			is_done = true;
		if (ready & IS_WRITABLE)
			write_lines(r);
	}
}

static void write_out(struct run *r, const char *text)
{
	size_t left = strlen(text);

	while (left > 0 && r->signo == 0 && r->write_errno == 0) {
		size_t n;

		if (!(wait_once(r, -1, STDOUT_FILENO) & IS_WRITABLE))
			continue;
		n = write_piece(r, STDOUT_FILENO, text, left);
		text += n;
		left -= n;
	}
}

/* ---- reports -------------------------------------------------------------------------------- */

static int print_text(struct run *r, const struct et_snapshot *last, struct et_err *err)
{
	char *text = et_report_text(last, r->live.preset->name);

	if (text == NULL)
		return et_err_set(err, ET_EXIT_LACK, "out of memory for the report");
	write_out(r, "\n");
	write_out(r, text);
	free(text);
	return 0;
}

static int print_json(struct run *r, const struct et_snapshot *last, struct et_err *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *mem = open_memstream(&text, &n);
	int rc;

	if (mem == NULL)
		return et_err_set(err, ET_EXIT_LACK, "out of memory for the report");
	rc = et_report_json_write(last, mem, err);
	if (fclose(mem) != 0 && rc == 0)
		rc = et_err_set(err, ET_EXIT_LACK, "out of memory for the report");
	if (rc == 0)
		write_out(r, text);
	free(text);
	return rc;
}

/* Print "engine-top: ..." and remember the status, if there is something to say. */
static void complain(const struct et_err *err, int *status)
{
	int code;

	if (err->code == ET_EXIT_OK)
		return;
	code = et_cmd_fail(err);
	if (*status == ET_EXIT_OK)
		*status = code;
}

static int report(struct run *r, const struct et_snapshot *last, unsigned n_failed)
{
	int status = n_failed > 0 ? ET_EXIT_JOB : ET_EXIT_OK;
	struct et_err err = { 0 }, json_err = { 0 }, out_err = { 0 };

	if (last == NULL) {
		et_err_set(&err, ET_EXIT_LACK, "out of memory for the last snapshot");
		complain(&err, &status);
		return status;
	}
	if (r->is_json && r->json_file == NULL)
		print_json(r, last, &json_err);
	else
		print_text(r, last, &err);
	if (r->json_file != NULL)
		et_report_json_file(last, r->json_file, &json_err);
	if (r->write_errno != 0)
		et_err_sys(&out_err, ET_EXIT_JOB, r->write_errno,
			   "cannot write to standard output");
	complain(&err, &status);
	complain(&json_err, &status);
	complain(&out_err, &status);
	return status;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int make_fds(struct run *r, struct et_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK); /* main() blocked them */
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->signal_fd < 0 || r->wake_fd < 0)
		return et_err_sys(err, ET_EXIT_LACK, errno, "cannot make descriptors to wait on");
	return 0;
}

static void fini(struct run *r)
{
	et_live_free(&r->live);
	if (r->signal_fd >= 0)
		close(r->signal_fd);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r->lines);
}

/* Build, wait, report.  The status; r->signo if a signal ended it. */
static int work(struct run *r)
{
	const struct et_snapshot *last;
	struct et_err rec_err = { 0 };
	unsigned n_failed;
	int status = ET_EXIT_OK;

	write_until(r, et_session_done_fd(r->live.session));
	last = et_live_stop(&r->live, &n_failed, &rec_err);
	if (r->signo == 0) {
		write_until(r, -1); /* what came between the end and the join */
		status = report(r, last, n_failed);
	}
	complain(&rec_err, &status);
	et_snapshot_unref(last);
	return status;
}

static int run_preset(struct run *r, const struct et_live_opts *o)
{
	struct et_session_opts session = { .on_change = on_change, .on_change_self = r };
	struct et_err err = { 0 };
	int status;

	if (r->json_file != NULL && !et_io_can_write(r->json_file)) {
		et_err_sys(&err, ET_EXIT_INPUT, errno, "cannot write '%s'", r->json_file);
		return et_cmd_fail(&err);
	}
	r->signal_fd = r->wake_fd = -1;
	r->lines_fd = !r->is_json || r->json_file != NULL ? STDOUT_FILENO
		      : r->is_verbose			  ? STDERR_FILENO
							  : -1;
	r->began_ns = et_clock_mono_ns();
	pthread_mutex_init(&r->lock, NULL);
	if (make_fds(r, &err) != 0 || et_live_open(&r->live, o, &session, &err) != 0 ||
	    et_live_start(&r->live, o, &err) != 0)
		status = et_cmd_fail(&err);
	else
		status = work(r);
	fini(r);
	if (r->signo != 0)
		et_live_die(r->signo);
	return status;
}

/* 0, or the exit status of a usage error. */
static int take_own(struct run *r, int c, char **argv, const struct option *options)
{
	switch (c) {
	case 'p':
		r->is_plain = true;
		return 0;
	case 'v':
		r->is_verbose = true;
		return 0;
	case 'J':
		r->is_json = true;
		if (optarg != NULL && optarg[0] == '\0')
			return et_cmd_usage(&et_cmd_run,
					    "--json= wants a file; or write --json alone");
		r->json_file = optarg != NULL && strcmp(optarg, "-") != 0 ? optarg : NULL;
		return 0;
	default:
		return et_cmd_bad_option(&et_cmd_run, argv, options);
	}
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		ET_LIVE_LONG,
		{ "plain", no_argument, NULL, 'p' },
		{ "json", optional_argument, NULL, 'J' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct et_live_opts o = { 0 };
	struct et_err err = { 0 };
	struct run r = { 0 };
	int c, bad;

	while ((c = getopt_long(argc, argv, ":v" ET_LIVE_SHORT, options, NULL)) != -1) {
		int taken = et_live_option(&o, c, optarg, &err);

		if (taken < 0)
			return et_cmd_usage(&et_cmd_run, "%s", err.msg);
		bad = taken > 0 ? 0 : take_own(&r, c, argv, options);
		if (bad != 0)
			return bad;
	}
	if (argc == optind)
		return et_cmd_usage(&et_cmd_run, "which preset? 'engine-top presets' lists them");
	if (argc - optind > 1)
		return et_cmd_usage(&et_cmd_run, "one preset at a time, got '%s' too",
				    argv[optind + 1]);
	if (r.is_plain && r.is_json && r.json_file == NULL)
		return et_cmd_usage(&et_cmd_run,
				    "--plain and --json both want standard output; "
				    "write --json=FILE");
	o.preset = argv[optind];
	return run_preset(&r, &o);
}

const struct et_cmd et_cmd_run = {
	.name = "run",
	.args = "PRESET [--plain|--json[=FILE]] [options]",
	.summary = "one round without a screen: progress lines, closing report, exit status",
	.help = "      --plain             a line for each change, then the report (default)\n"
		"      --json              the report as one JSON document, nothing else\n"
		"      --json=FILE         --plain, and the document into FILE\n"
		"  -v, --verbose           with --json: the lines, on standard error\n"
		ET_LIVE_HELP,
	.run = run,
};
