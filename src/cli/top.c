/* SPDX-License-Identifier: Apache-2.0
 *
 * `engine-top [PRESET]`: the dashboard on a preset that is built round after round until `q`.
 * Main thread, which is the ui thread once the screen is open. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/live.h"
#include "tui/app.h"

struct top {
	struct et_live live;
	struct et_mbox box;
	char rec_path[512], rec_error[1000];
	uint64_t rec_frames, rec_bytes;
	bool is_rec_failed;
};

/* ---- the live source: a mailbox ------------------------------------------------------------- */

static int source_fd(void *self) { return ((struct top *)self)->box.fd; }

static const struct et_snapshot *source_take(void *self)
{
	return et_mbox_take(&((struct top *)self)->box);
}

/* ---- recording on a key --------------------------------------------------------------------- */

static void remember_status(struct top *t)
{
	struct et_recorder_status st;

	et_recorder_status(t->live.recorder, &st);
	t->rec_frames = st.frames;
	t->rec_bytes = st.bytes;
	t->is_rec_failed = st.is_failed;
	snprintf(t->rec_path, sizeof t->rec_path, "%s", st.path);
	snprintf(t->rec_error, sizeof t->rec_error, "%s", st.error);
}

static void record_status(void *self, struct et_app_rec *out)
{
	struct top *t = self;

	if (t->live.recorder != NULL)
		remember_status(t);
	*out = (struct et_app_rec){ .is_on = t->live.recorder != NULL, .is_failed = t->is_rec_failed,
				    .frames = t->rec_frames, .bytes = t->rec_bytes,
				    .path = t->rec_path, .error = t->rec_error };
}

/* Two recordings may begin within one second. */
static void free_name(char *path, size_t n)
{
	time_t now = time(NULL);
	char stem[40];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(stem, sizeof stem, "engine-top-%Y%m%d-%H%M%S", &tm);
	snprintf(path, n, "%s.etr", stem);
	for (int i = 2; i < 100 && access(path, F_OK) == 0; i++)
		snprintf(path, n, "%s-%d.etr", stem, i);
}

static void record_toggle(void *self, char *line, size_t n)
{
	struct top *t = self;
	struct et_err err = { 0 };
	char path[64];

	if (t->live.recorder != NULL) {
		remember_status(t);
		if (et_live_record_stop(&t->live, NULL, &err) != 0)
			snprintf(line, n, "%s", err.msg);
		else
			snprintf(line, n, "recorded %llu frames to %s",
				 (unsigned long long)t->rec_frames, t->rec_path);
		return;
	}
	free_name(path, sizeof path);
	t->is_rec_failed = false;
	if (et_live_record(&t->live, path, &err) != 0)
		snprintf(line, n, "%s", err.msg);
	else
		snprintf(line, n, "recording to %s", path);
}

/* ---- the command ---------------------------------------------------------------------------- */

static int end(struct top *t, const struct et_app_end *how)
{
	struct et_err err = { 0 };
	unsigned n_failed;

	et_profiler_detach(t->live.profiler, &t->box);
	if (t->live.recorder != NULL)
		remember_status(t);
	et_snapshot_unref(et_live_stop(&t->live, &n_failed, &err));
	et_snapshot_unref(et_mbox_take(&t->box));
	et_mbox_fini(&t->box);
	et_live_free(&t->live);
	if (err.code != ET_EXIT_OK)
		return et_cmd_fail(&err);
	if (t->rec_path[0] != '\0' && !t->is_rec_failed)
		fprintf(stderr, "engine-top: recorded to %s; look at it with 'engine-top replay %s'\n",
			t->rec_path, t->rec_path);
	if (how->is_signal)
		et_live_die(how->signo);
	return ET_EXIT_OK;
}

/* In every thread, so that the screen alone hears them: it must give the terminal back before
 * the process stops or ends. */
static void block_screen_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int show(struct top *t, const struct et_live_opts *o, const char *theme)
{
	struct et_session_opts session = { .is_loop = true };
	struct et_source source = { .self = t, .fd = source_fd, .take = source_take };
	struct et_app_opts app = { .source = &source, .theme = theme, .record_toggle = record_toggle,
				   .record_status = record_status, .self = t };
	struct et_app_end how = { 0 };
	struct et_err err = { 0 };

	if (et_live_open(&t->live, o, &session, &err) != 0)
		goto fail;
	source.label = t->live.preset->name;
	block_screen_signals();
	if (et_app_check(&app, &err) != 0 || et_live_start(&t->live, o, &err) != 0)
		goto fail;
	if (et_mbox_init(&t->box) != 0 || et_profiler_attach(t->live.profiler, &t->box) != 0) {
		et_err_set(&err, ET_EXIT_LACK, "cannot make the screen's mailbox");
		goto fail;
	}
	if (et_app_run(&app, &how, &err) == 0)
		return end(t, &how);
	et_profiler_detach(t->live.profiler, &t->box);
fail:
	et_live_free(&t->live);
	return et_cmd_fail(&err);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		ET_LIVE_LONG,
		{ "theme", required_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 },
	};
	struct et_live_opts o = { 0 };
	const char *theme = NULL;
	struct et_err err = { 0 };
	struct top t = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, ":" ET_LIVE_SHORT, options, NULL)) != -1) {
		int taken = et_live_option(&o, c, optarg, &err);

		if (taken < 0)
			return et_cmd_usage(&et_cmd_top, "%s", err.msg);
		if (taken > 0)
			continue;
		if (c != 'T')
			return et_cmd_bad_option(&et_cmd_top, argv, options);
		theme = optarg;
	}
	if (argc - optind > 1)
		return et_cmd_usage(&et_cmd_top, "one preset at a time, got '%s' too", argv[optind + 1]);
	o.preset = argc > optind ? argv[optind] : NULL;
	return show(&t, &o, theme);
}

const struct et_cmd et_cmd_top = {
	.name = "top",
	.args = "[PRESET] [options]",
	.summary = "the dashboard on a preset, round after round until q; 'top' may be left out",
	.help = ET_LIVE_HELP
		"      --theme NAME        a theme of 'engine-top themes', or a file\n",
	.run = run,
};
