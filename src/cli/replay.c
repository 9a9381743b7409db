/* SPDX-License-Identifier: Apache-2.0
 *
 * engine-top replay: the dashboard on a recording, or one frame of it as text.  What differs from
 * a live session is only the source; what is drawn is the same function of one snapshot. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/live.h"
#include "profiler/record/record.h"
#include "tui/app.h"

struct options {
	const char *path, *at, *pane, *theme;
	unsigned cols, rows;
	bool is_text; /* one frame on stdout instead of the dashboard */
};

/* A whole number without sign or blanks; moves *s behind it.  0 if there is none. */
static unsigned digits(const char **s)
{
	size_t n = strspn(*s, "0123456789");
	unsigned v = n >= 1 && n <= 4 ? (unsigned)strtoul(*s, NULL, 10) : 0;

	*s += n;
	return v;
}

static int parse_screen(const char *text, struct options *o, struct et_err *err)
{
	const char *s = text;

	o->cols = digits(&s);
	if (*s == 'x') {
		s++;
		o->rows = digits(&s);
		if (*s == '\0' && o->cols >= 20 && o->cols <= 500 && o->rows >= 5 && o->rows <= 200)
			return 0;
	}
	return et_err_set(err, ET_EXIT_INPUT,
			  "bad --screen '%s': write COLUMNSxROWS from 20x5 to 500x200, as in 120x40",
			  text);
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "at", required_argument, NULL, 'a' },
		{ "screen", required_argument, NULL, 's' },
		{ "pane", required_argument, NULL, 'p' },
		{ "theme", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct et_err err = { .code = ET_EXIT_OK };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		switch (c) {
		case 'a': o->at = optarg; break;
		case 'p': o->pane = optarg; break;
		case 't': o->theme = optarg; break;
		case 's':
			if (parse_screen(optarg, o, &err) != 0)
				return et_cmd_usage(&et_cmd_replay, "%s", err.msg);
			o->is_text = true;
			break;
		default: return et_cmd_bad_option(&et_cmd_replay, argv, known);
		}
	}
	if (optind == argc)
		return et_cmd_usage(&et_cmd_replay, "which recording?");
	if (optind + 1 < argc)
		return et_cmd_usage(&et_cmd_replay, "one recording at a time: '%s' is too much",
				    argv[optind + 1]);
	o->path = argv[optind];
	o->is_text = o->is_text || o->at != NULL || o->pane != NULL;
	return ET_EXIT_OK;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static void say_holes(const struct et_recording *r, const char *path)
{
	unsigned long long holes = et_recording_holes(r);
	struct et_err line = { .code = ET_EXIT_OK };

	if (holes == 0)
		return;
	et_err_set(&line, ET_EXIT_OK, "'%s' is damaged in %llu place%s: %llu whole frames are shown",
		   path, holes, holes == 1 ? "" : "s", (unsigned long long)et_recording_frames(r));
	fprintf(stderr, "engine-top: %s\n", line.msg);
}

/* The frame at o->at as text.  The source finds it, so that both ways of replay agree on what
 * stands for a frame that cannot be read. */
static int print_frame(const struct options *o, struct et_recording *r, struct et_source *source,
		       struct et_err *err)
{
	const struct et_snapshot *snap;
	struct et_position pos;
	int64_t t_ns;
	char *text;

	if (et_recording_parse_time(r, o->at == NULL ? "100%" : o->at, &t_ns, err) != 0)
		return -1;
	source->step(source->self, (int64_t)et_recording_find(r, t_ns));
	snap = source->take(source->self);
	if (snap == NULL)
		return et_err_set(err, ET_EXIT_INPUT, "no frame of '%s' can be read", o->path);
	source->position(source->self, &pos);
	text = et_app_render(snap, &pos, source->label, o->cols, o->rows, o->pane, err);
	et_snapshot_unref(snap);
	if (text == NULL)
		return -1;
	fputs(text, stdout); /* main() judges whether it arrived */
	free(text);
	return 0;
}

static int show(const struct options *o, struct et_recording *r, const struct et_source *source,
		struct et_app_end *end, struct et_err *err)
{
	struct et_app_opts app = { .source = source, .theme = o->theme };

	if (et_app_check(&app, err) != 0)
		return -1;
	say_holes(r, o->path);
	return et_app_run(&app, end, err);
}

static int replay(const struct options *o, struct et_app_end *end, struct et_err *err)
{
	struct et_recording *r = et_recording_open(o->path, err);
	struct et_source source;
	int rc = -1;

	if (r == NULL)
		return -1;
	if (et_replay_init(&source, r, base_name(o->path)) != 0) {
		et_err_set(err, ET_EXIT_LACK, "out of memory reading '%s'", o->path);
		goto out;
	}
	if (o->is_text) {
		rc = print_frame(o, r, &source, err);
		if (rc == 0)
			say_holes(r, o->path);
	} else {
		rc = show(o, r, &source, end, err);
	}
	et_replay_fini(&source);
out:
	et_recording_close(r);
	return rc;
}

static int replay_main(int argc, char **argv)
{
	struct options o = { .cols = 80, .rows = 24 };
	struct et_app_end end = { .is_signal = false };
	struct et_err err = { .code = ET_EXIT_OK };
	int rc = parse(argc, argv, &o);

	if (rc != ET_EXIT_OK)
		return rc;
	if (replay(&o, &end, &err) != 0)
		return et_cmd_fail(&err);
	if (end.is_signal)
		et_live_die(end.signo);
	return ET_EXIT_OK;
}

const struct et_cmd et_cmd_replay = {
	.name = "replay",
	.args = "REC [--at T] [--screen WxH] [--pane NAME] [--theme T]",
	.summary = "open the dashboard on a recording, or print one frame of it",
	.help = "  --at T         print the frame at T as text: 12.5s, 00:01:05, -30s (from the end)\n"
		"                 or 50%, held to the recording's ends (default with --screen: 100%)\n"
		"  --screen WxH   size of that text, 20x5 to 500x200 (default 80x24)\n"
		"  --pane NAME    that pane alone\n"
		"  --theme T      theme of the dashboard: a name or a file\n",
	.run = replay_main,
};
