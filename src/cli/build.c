/* SPDX-License-Identifier: Apache-2.0
 *
 * `engine-top build`: one OCI image of one directory, without YAML and without a screen.
 *
 * The main thread coordinates (et_image_build); workers pack; one small thread of our own waits
 * for SIGINT, SIGTERM and SIGHUP, which main.c blocked everywhere, and asks the build to stop.
 * The program then dies by the signal that came, so that a shell sees what happened; the second
 * signal kills at once, which harms nothing: until the end the image has no name. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/report_json.h"
#include "engine-top/probe.h"
#include "engine/image/image.h"

#define JOBS_MOST 256
#define SAFE_ROOM 4096

struct args {
	const char *context;
	const char *ref;       /* -t as given */
	char dir[PATH_MAX];
	char tag[129];
	const char **exclude;
	size_t n_exclude;
	long long jobs, level; /* 0: default */
	bool is_json, is_quiet;
	const char *json_file; /* NULL: standard output */
};

/* ---- the command line --------------------------------------------------------------------- */

static unsigned n_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static const struct option options[] = {
	{ "tag", required_argument, NULL, 't' },     { "jobs", required_argument, NULL, 'j' },
	{ "exclude", required_argument, NULL, 'x' }, { "level", required_argument, NULL, 'l' },
	{ "json", optional_argument, NULL, 'J' },    { "quiet", no_argument, NULL, 'q' },
	{ 0 },
};

static int take_option(struct args *a, int opt, char **argv)
{
	struct et_err err = { 0 };
	int rc = 0;

	switch (opt) {
	case 't':
		if (a->ref != NULL)
			return et_cmd_usage(&et_cmd_build, "-t is given twice; one is enough");
		a->ref = optarg;
		rc = et_image_parse_ref(optarg, a->dir, sizeof a->dir, a->tag, sizeof a->tag, &err);
		break;
	case 'j':
		rc = et_cmd_number("-j", optarg, 1, JOBS_MOST, &a->jobs, &err);
		break;
	case 'l':
		rc = et_cmd_number("--level", optarg, 1, 9, &a->level, &err);
		break;
	case 'x':
		if (optarg[strspn(optarg, "./")] == '\0')
			return et_cmd_usage(&et_cmd_build, "--exclude '%s' matches nothing",
					    optarg);
		a->exclude[a->n_exclude++] = optarg;
		break;
	case 'J':
		a->is_json = true;
		a->json_file = optarg;
		break;
	case 'q':
		a->is_quiet = true;
		break;
	default:
		return et_cmd_bad_option(&et_cmd_build, argv, options);
	}
	return rc == 0 ? ET_EXIT_OK : et_cmd_usage(&et_cmd_build, "%s", err.msg);
}

static int parse(struct args *a, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, ":t:j:q", options, NULL)) != -1) {
		int status = take_option(a, opt, argv);

		if (status != ET_EXIT_OK)
			return status;
	}
	if (optind == argc)
		return et_cmd_usage(&et_cmd_build, "give the CONTEXT, the directory to build from");
	if (optind + 1 < argc)
		return et_cmd_usage(&et_cmd_build, "'%s' is one CONTEXT too many",
				    argv[optind + 1]);
	if (a->ref == NULL)
		return et_cmd_usage(&et_cmd_build,
				    "say where the image goes: -t oci:DIRECTORY:TAG");
	a->context = argv[optind];
	return ET_EXIT_OK;
}

/* ---- signals ------------------------------------------------------------------------------ */

struct stopper {
	pthread_t thread;
	struct et_progress *progress;
	sigset_t set;
	int signal_fd, end_fd;
	atomic_int signo; /* what came; 0 = nothing */
};

/* What the user's shell ignores for us (nohup) stays ignored. */
static void heard_signals(sigset_t *set)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(set);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct sigaction now;

		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(set, ends[i]);
	}
}

/* After the first signal the others are let through to this thread: the next one kills. */
static void *await_signal(void *arg)
{
	struct stopper *s = arg;
	struct pollfd fds[] = { { .fd = s->end_fd, .events = POLLIN },
				{ .fd = s->signal_fd, .events = POLLIN } };
	struct signalfd_siginfo info;

	while (fds[0].revents == 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents == 0 || read(s->signal_fd, &info, sizeof info) != sizeof info)
			continue;
		atomic_store(&s->signo, (int)info.ssi_signo);
		atomic_store(&s->progress->is_cancelled, true);
		pthread_sigmask(SIG_UNBLOCK, &s->set, NULL);
	}
	return NULL;
}

static void close_stopper(struct stopper *s)
{
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->end_fd >= 0)
		close(s->end_fd);
}

static int start_stopper(struct stopper *s, struct et_progress *progress, struct et_err *err)
{
	int rc;

	*s = (struct stopper){ .progress = progress };
	heard_signals(&s->set);
	pthread_sigmask(SIG_BLOCK, &s->set, NULL);
	s->signal_fd = signalfd(-1, &s->set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->end_fd = eventfd(0, EFD_CLOEXEC);
	rc = s->signal_fd < 0 || s->end_fd < 0 ? errno : 0;
	if (rc == 0)
		rc = et_probe_thread_start(&s->thread, ET_ROLE_SELF, "et-signals", await_signal, s);
	if (rc == 0)
		return 0;
	close_stopper(s);
	return et_err_sys(err, ET_EXIT_LACK, rc, "cannot wait for signals");
}

static void end_stopper(struct stopper *s)
{
	eventfd_write(s->end_fd, 1);
	pthread_join(s->thread, NULL);
	close_stopper(s);
}

/* Does not return. */
static void die_by(int signo, const char *layout)
{
	sigset_t set;
	char safe[SAFE_ROOM];

	fprintf(stderr, "engine-top: build stopped by SIG%s; '%s' is as it was\n",
		sigabbrev_np(signo), et_text_safe(safe, sizeof safe, layout));
	fflush(NULL);
	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(signo);
	_exit(ET_EXIT_JOB);
}

/* ---- what is said ------------------------------------------------------------------------- */

struct outcome {
	const struct args *args;
	const struct et_image_result *result;
	const struct et_err *err; /* NULL: done */
	unsigned jobs, warnings;
	int64_t wall_ns;
};

static double ratio_of(const struct et_image_result *r)
{
	return r->bytes_out == 0 ? 0 : (double)r->bytes_tar / (double)r->bytes_out;
}

static void print_summary(const struct outcome *o, FILE *to)
{
	const struct et_image_result *r = o->result;
	char in[ET_NUM], tar[ET_NUM], out[ET_NUM], wall[ET_NUM];

	fprintf(to,
		"%s: %llu entries, %s of files, %s as tar, %s as gzip (ratio %.2f), %s, "
		"%u warning%s%s%s\n",
		r->digest, (unsigned long long)r->entries,
		et_text_bytes(in, sizeof in, (int64_t)r->bytes_in),
		et_text_bytes(tar, sizeof tar, (int64_t)r->bytes_tar),
		et_text_bytes(out, sizeof out, (int64_t)r->bytes_out), ratio_of(r),
		et_text_time(wall, sizeof wall, o->wall_ns), o->warnings,
		o->warnings == 1 ? "" : "s", r->warning[0] == '\0' ? "" : ": ", r->warning);
}

/* A string of anybody's as JSON; null if it is empty. */
static json_t *text_json(const char *text)
{
	char safe[SAFE_ROOM];

	return text[0] == '\0' ? json_null() : json_string(et_text_safe(safe, sizeof safe, text));
}

/* What was counted; null with a reason if the build failed: nothing was counted to the end. */
static void set_count(json_t *doc, const struct outcome *o, const char *key, json_t *value)
{
	char na[40];

	if (o->err == NULL) {
		json_object_set_new(doc, key, value);
		return;
	}
	json_decref(value);
	snprintf(na, sizeof na, "%s_na", key);
	json_object_set_new(doc, key, json_null());
	json_object_set_new(doc, na, json_string("the build failed"));
}

static void set_counts(json_t *doc, const struct outcome *o)
{
	const struct et_image_result *r = o->result;

	set_count(doc, o, "entries", json_integer((json_int_t)r->entries));
	set_count(doc, o, "bytes_in", json_integer((json_int_t)r->bytes_in));
	set_count(doc, o, "bytes_tar", json_integer((json_int_t)r->bytes_tar));
	set_count(doc, o, "bytes_out", json_integer((json_int_t)r->bytes_out));
	set_count(doc, o, "ratio", json_real(ratio_of(r)));
	set_count(doc, o, "warnings", json_integer((json_int_t)o->warnings));
	set_count(doc, o, "skipped_sockets", json_integer((json_int_t)r->n_sockets));
}

static json_t *outcome_json(const struct outcome *o)
{
	const struct et_image_result *r = o->result;
	const struct args *a = o->args;
	json_t *doc = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:f, s:I, s:o}",
				"schema", "engine-top/build/1",
				"state", o->err == NULL ? "ok" : "failed",
				"error", text_json(o->err == NULL ? "" : o->err->msg),
				"reference", text_json(a->ref), "context", text_json(a->context),
				"layout", text_json(a->dir), "tag", a->tag,
				"digest", text_json(r->digest),
				"layer_digest", text_json(r->layer_digest),
				"diff_id", text_json(r->diff_id),
				"seconds", (double)o->wall_ns / 1e9,
				"workers", (json_int_t)o->jobs,
				"warning", text_json(r->warning));

	if (doc != NULL)
		set_counts(doc, o);
	return doc;
}

/* With a newline at its end; to be freed. */
static char *outcome_text(const struct outcome *o)
{
	json_t *doc = outcome_json(o);
	char *json = doc == NULL ? NULL : json_dumps(doc, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	char *text = NULL;

	if (json != NULL && asprintf(&text, "%s\n", json) < 0)
		text = NULL;
	free(json);
	json_decref(doc);
	return text;
}

static bool is_json_on_stdout(const struct args *a)
{
	return a->is_json && (a->json_file == NULL || strcmp(a->json_file, "-") == 0);
}

static int check_json(const struct args *a)
{
	struct et_err err = { 0 };

	if (!a->is_json || is_json_on_stdout(a) || et_io_can_write(a->json_file))
		return ET_EXIT_OK;
	et_err_sys(&err, ET_EXIT_INPUT, errno, "cannot write '%s'", a->json_file);
	return et_cmd_fail(&err);
}

/* Does not close standard output: main.c looks at it at the end. */
static int save_json(const struct outcome *o, struct et_err *err)
{
	char *text = outcome_text(o);
	int rc = 0;

	if (text == NULL)
		return et_err_set(err, ET_EXIT_LACK, "out of memory making the JSON document");
	if (!is_json_on_stdout(o->args))
		rc = et_report_file(o->args->json_file, text, strlen(text), err);
	else if (fputs(text, stdout) == EOF)
		rc = et_err_sys(err, ET_EXIT_JOB, errno, "cannot write the result as JSON");
	free(text);
	return rc;
}

/* Standard output belongs to the document when it goes there. */
static int report(const struct outcome *o)
{
	const struct args *a = o->args;
	struct et_err err = { 0 };
	int status = ET_EXIT_OK;

	if (o->err != NULL)
		status = et_cmd_fail(o->err);
	else if (!a->is_quiet)
		print_summary(o, is_json_on_stdout(a) ? stderr : stdout);
	if (a->is_json && save_json(o, &err) != 0) {
		int worse = et_cmd_fail(&err);

		status = status == ET_EXIT_OK ? worse : status;
	}
	return status;
}

/* ---- the build ---------------------------------------------------------------------------- */

static int build(const struct args *a)
{
	struct et_progress progress = { 0 };
	struct et_image_result result = { 0 };
	struct et_err err = { 0 };
	unsigned jobs = a->jobs > 0 ? (unsigned)a->jobs : n_cpus();
	struct et_image_opts opts = {
		.context = a->context, .layout = a->dir, .tag = a->tag, .exclude = a->exclude,
		.n_exclude = a->n_exclude, .level = (int)a->level, .progress = &progress,
	};
	struct outcome o = { .args = a, .result = &result, .jobs = jobs };
	int64_t t0 = et_clock_mono_ns();
	struct stopper stopper;

	if (start_stopper(&stopper, &progress, &err) != 0)
		return et_cmd_fail(&err);
	opts.workers = et_workers_new(jobs, "et-pack", &err);
	if (opts.workers == NULL || et_image_build(&opts, &result, &err) != 0)
		o.err = &err;
	et_workers_free(opts.workers);
	end_stopper(&stopper);
	if (o.err != NULL && atomic_load(&stopper.signo) != 0)
		die_by(atomic_load(&stopper.signo), a->dir);
	o.warnings = atomic_load(&progress.warnings);
	o.wall_ns = et_clock_mono_ns() - t0;
	return report(&o);
}

static int run(int argc, char **argv)
{
	struct args a = { .exclude = calloc((size_t)argc, sizeof *a.exclude) };
	int status;

	if (a.exclude == NULL)
		return et_cmd_fail(&(struct et_err){ ET_EXIT_LACK, 0, "out of memory" });
	status = parse(&a, argc, argv);
	if (status == ET_EXIT_OK)
		status = check_json(&a);
	if (status == ET_EXIT_OK)
		status = build(&a);
	free(a.exclude);
	return status;
}

const struct et_cmd et_cmd_build = {
	.name = "build",
	.args = "CONTEXT -t oci:DIR[:TAG] [options]",
	.summary = "build one OCI image of a directory",
	.help = "  -t, --tag oci:DIR[:TAG]  OCI layout DIR (made if missing) and tag (latest)\n"
		"  -j, --jobs N             threads that pack (default: all processors)\n"
		"      --exclude PATTERN    leave out what matches, with all below; repeatable:\n"
		"                           *.o at any depth, /doc or a/b from the top, dir/\n"
		"                           directories only\n"
		"      --level 1..9         gzip level (default 6)\n"
		"      --json[=FILE]        the result as JSON, on standard output or in FILE\n"
		"  -q, --quiet              no summary line\n",
	.run = run,
};
