/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop of the dashboard: waits for keys, signals, snapshots and the terminal in one poll(),
 * keeps the newest snapshot (and, while paused, the held one), and draws when something changed:
 * at most ten times a second for new data, sooner for an answer to a key.  It never collects and
 * never waits for the terminal: while that is slow, frames are left out, not queued.
 *
 * ui thread, which is the main thread: signals are blocked in every thread and read here from a
 * signalfd, so that no code runs between two instructions of anybody. */
#include "tui/app.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "tui/term.h"
#include "tui/view.h"

#define FRAME_NS (ET_NS_PER_S / 10)  /* between two frames of new data */
#define ANSWER_NS (ET_NS_PER_S / 60) /* between two answers to keys: a held key must not flood */
#define NOTE_NS (5 * ET_NS_PER_S)    /* an answer in words stays so long: errors need its line */
#define ESC_NS (30 * ET_NS_PER_MS)   /* after an Esc: what follows within is a sequence */

struct app {
	const struct et_app_opts *opts;
	const struct et_source *source;
	struct et_term *term;
	struct et_view view;
	struct et_grid grid;
	struct et_theme theme;
	int signal_fd;
	sigset_t before; /* mask of the thread before us */

	const struct et_snapshot *newest, *held; /* references; held: shown while paused */
	uint64_t n_behind;
	struct et_position position;
	bool is_playing;

	bool is_dirty, is_answer; /* something to draw; it answers a key */
	int64_t drawn_ns, partial_ns, note_ns; /* note_ns: when the note goes; 0 = there is none */
	bool is_done;
	struct et_app_end *end;
};

/* ---- what is shown ------------------------------------------------------------------------- */

static void touch(struct app *a, bool is_answer)
{
	a->is_dirty = true;
	a->is_answer |= is_answer;
}

static bool is_replay(const struct app *a)
{
	return a->source->is_replay;
}

static void take_newest(struct app *a)
{
	const struct et_snapshot *snap;

	while ((snap = a->source->take(a->source->self)) != NULL) {
		et_snapshot_unref(a->newest);
		a->newest = snap;
		a->n_behind += a->held != NULL;
		touch(a, false);
		if (is_replay(a)) /* one step at a time: a replay has no backlog */
			break;
	}
	if (is_replay(a))
		a->source->position(a->source->self, &a->position);
}

static void toggle_pause(struct app *a)
{
	if (a->held != NULL) {
		et_snapshot_unref(a->held);
		a->held = NULL;
	} else {
		a->held = et_snapshot_ref(a->newest);
	}
	a->n_behind = 0;
}

static int draw(struct app *a)
{
	struct et_scene scene = { .snap = a->held != NULL ? a->held : a->newest,
				  .replay = is_replay(a) ? &a->position : NULL,
				  .label = a->source->label, .is_paused = a->held != NULL,
				  .n_behind = a->n_behind };
	struct et_app_rec rec = { 0 };
	unsigned cols, rows;

	if (a->opts->record_status != NULL) {
		a->opts->record_status(a->opts->self, &rec);
		scene.rec = &rec;
	}
	if (a->held != NULL)
		scene.behind_ns = a->newest->t_ns - a->held->t_ns;
	et_term_size(a->term, &cols, &rows);
	if (et_cell_resize(&a->grid, cols, rows) != 0)
		return 0; /* without memory the old frame stays */
	et_view_draw(&a->view, &scene, &a->grid);
	a->is_dirty = a->is_answer = false;
	a->drawn_ns = et_clock_mono_ns();
	return et_term_draw(a->term, &a->grid);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void next_theme(struct app *a)
{
	struct et_err err = { 0 };
	struct et_theme theme;
	size_t n, at = 0;
	char **names = et_theme_names(&n, &err);

	if (n == 0) {
		snprintf(a->view.note, sizeof a->view.note, "%.250s",
			 err.msg[0] != '\0' ? err.msg : "there are no themes");
		et_theme_names_free(names, n);
		return;
	}
	while (at < n && strcmp(names[at], a->theme.name) != 0)
		at++;
	at = at + 1 < n ? at + 1 : 0;
	if (et_theme_load(&theme, names[at], &err) == 0) {
		a->theme = theme;
		snprintf(a->theme.name, sizeof a->theme.name, "%.60s", names[at]);
		et_term_set_theme(a->term, &a->theme);
		snprintf(a->view.note, sizeof a->view.note, "theme %s: %s", a->theme.name,
			 a->theme.about);
	} else {
		snprintf(a->theme.name, sizeof a->theme.name, "%.60s", names[at]); /* pass over it */
		snprintf(a->view.note, sizeof a->view.note, "%.250s", err.msg);
	}
	et_theme_names_free(names, n);
}

static void toggle_record(struct app *a)
{
	char *note = a->view.note;

	if (a->opts->record_toggle == NULL)
		snprintf(note, sizeof a->view.note, "this session cannot record");
	else
		a->opts->record_toggle(a->opts->self, note, sizeof a->view.note);
}

static void move_in_replay(struct app *a, enum et_action action)
{
	const struct et_source *s = a->source;

	switch (action) {
	case ET_ACT_STEP_BACK: s->step(s->self, -1); break;
	case ET_ACT_STEP: s->step(s->self, 1); break;
	case ET_ACT_STRIDE_BACK: s->step(s->self, -10); break;
	case ET_ACT_STRIDE: s->step(s->self, 10); break;
	case ET_ACT_FIRST: s->seek(s->self, 0); break;
	case ET_ACT_LAST: s->seek(s->self, 1); break;
	case ET_ACT_PLAY: s->play(s->self, !a->position.is_playing); break;
	default: return;
	}
	take_newest(a);
}

static void suspend(struct app *a)
{
	sigset_t stop, old;

	et_term_suspend(a->term);
	/* the default action, as the shell expects it; its CONT brings us back to the next line */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &stop, &old);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	et_term_resume(a->term);
}

static void act(struct app *a, enum et_action action)
{
	switch (action) {
	case ET_ACT_QUIT: a->is_done = true; break;
	case ET_ACT_PAUSE:
		if (a->newest != NULL)
			toggle_pause(a);
		break;
	case ET_ACT_THEME: next_theme(a); break;
	case ET_ACT_RECORD: toggle_record(a); break;
	/* to the whole job, as the terminal would have sent it; ours comes by the signalfd */
	case ET_ACT_SUSPEND: kill(0, SIGTSTP); break;
	case ET_ACT_REPAINT: et_term_repaint(a->term); break;
	default: move_in_replay(a, action); break;
	}
}

static void press(struct app *a, uint32_t key)
{
	enum et_action action;

	switch (et_view_key(&a->view, key, is_replay(a) ? ET_MODE_REPLAY : ET_MODE_LIVE, &action)) {
	case ET_EFFECT_NONE: return;
	case ET_EFFECT_DRAW: break;
	case ET_EFFECT_ACTION: act(a, action); break;
	}
	a->note_ns = a->view.note[0] != '\0' ? et_clock_mono_ns() + NOTE_NS : 0;
	touch(a, true);
}

static void end_note(struct app *a)
{
	if (a->note_ns == 0 || et_clock_mono_ns() < a->note_ns)
		return;
	a->view.note[0] = '\0';
	a->note_ns = 0;
	touch(a, false);
}

static void press_all(struct app *a)
{
	uint32_t key;

	while (!a->is_done && et_term_key(a->term, &key))
		press(a, key);
	a->partial_ns = et_term_is_partial(a->term) ? et_clock_mono_ns() + ESC_NS : 0;
}

static void end_partial(struct app *a)
{
	uint32_t key;

	while (!a->is_done && et_term_final_key(a->term, &key))
		press(a, key);
	a->partial_ns = 0;
}

/* ---- signals ------------------------------------------------------------------------------- */

static int open_signals(struct app *a, struct et_err *err)
{
	static const int handled[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
		sigaddset(&set, handled[i]);
	pthread_sigmask(SIG_BLOCK, &set, &a->before);
	a->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (a->signal_fd < 0)
		return et_err_sys(err, ET_EXIT_LACK, errno, "cannot make a signalfd");
	return 0;
}

static void end_by(struct app *a, int signo)
{
	a->is_done = true;
	*a->end = (struct et_app_end){ .is_signal = true, .signo = signo };
}

static void read_signals(struct app *a)
{
	struct signalfd_siginfo info;

	while (read(a->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGWINCH: break; /* the next frame asks for the size */
		case SIGTSTP: suspend(a); break;
		case SIGCONT: et_term_resume(a->term); break;
		default: end_by(a, (int)info.ssi_signo); return;
		}
		touch(a, true);
	}
}

/* ---- the loop ------------------------------------------------------------------------------ */

enum { P_KEYS, P_SIGNALS, P_SOURCE, P_OUT, P_COUNT };

static int64_t earlier(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* ns until the next frame may be drawn; -1: there is nothing to draw, or the terminal still has
 * to take the last one. */
static int64_t draw_wait(const struct app *a, int64_t now)
{
	int64_t wait = a->drawn_ns + (a->is_answer ? ANSWER_NS : FRAME_NS) - now;

	if (!a->is_dirty || et_term_is_pending(a->term))
		return -1;
	return wait > 0 ? wait : 0;
}

/* ns until there is something to do without an event; -1: nothing. */
static int64_t next_wait(const struct app *a)
{
	int64_t now = et_clock_mono_ns(), wait = draw_wait(a, now);

	if (a->partial_ns != 0)
		wait = earlier(wait, a->partial_ns > now ? a->partial_ns - now : 0);
	if (a->note_ns != 0)
		wait = earlier(wait, a->note_ns > now ? a->note_ns - now : 0);
	if (a->source->wait_ns != NULL)
		wait = earlier(wait, a->source->wait_ns(a->source->self));
	return wait;
}

static void wait_events(struct app *a, struct pollfd *fds)
{
	int64_t ns = next_wait(a);
	struct timespec ts = { .tv_sec = ns / ET_NS_PER_S, .tv_nsec = ns % ET_NS_PER_S };

	fds[P_KEYS] = (struct pollfd){ .fd = et_term_in_fd(a->term), .events = POLLIN };
	fds[P_SIGNALS] = (struct pollfd){ .fd = a->signal_fd, .events = POLLIN };
	fds[P_SOURCE] = (struct pollfd){ .fd = a->source->fd != NULL
						       ? a->source->fd(a->source->self) : -1,
					 .events = POLLIN };
	fds[P_OUT] = (struct pollfd){ .fd = et_term_is_pending(a->term) ? et_term_out_fd(a->term) : -1,
				      .events = POLLOUT };
	if (ppoll(fds, P_COUNT, ns < 0 ? NULL : &ts, NULL) < 0)
		for (int i = 0; i < P_COUNT; i++)
			fds[i].revents = 0;
}

/* One round: wait, read, draw.  A terminal that hung up counts as a SIGHUP, which may still be on
 * its way. */
static void turn(struct app *a)
{
	struct pollfd fds[P_COUNT];
	bool is_gone = false;

	wait_events(a, fds);
	if (fds[P_SIGNALS].revents != 0)
		read_signals(a);
	if (a->is_done)
		return;
	if ((fds[P_KEYS].revents & POLLIN) != 0)
		is_gone = et_term_read(a->term) != 0;
	else if (fds[P_KEYS].revents != 0)
		is_gone = true;
	if (!is_gone && fds[P_OUT].revents != 0)
		is_gone = et_term_flush(a->term) != 0;
	if (is_gone) {
		end_by(a, SIGHUP);
		return;
	}
	if ((fds[P_KEYS].revents & POLLIN) != 0)
		press_all(a);
	if (a->partial_ns != 0 && et_clock_mono_ns() >= a->partial_ns)
		end_partial(a);
	end_note(a);
	if (fds[P_SOURCE].revents != 0 || a->source->wait_ns != NULL)
		take_newest(a);
	if (!a->is_done && draw_wait(a, et_clock_mono_ns()) == 0 && draw(a) != 0)
		end_by(a, SIGHUP);
}

int et_app_check(const struct et_app_opts *opts, struct et_err *err)
{
	const char *instead = opts->source->is_replay ? "replay REC --screen 80x24" : "run PRESET --plain";
	struct et_err why = { 0 };
	struct et_theme theme;

	if (et_term_check(&why) != 0)
		return et_err_set(err, why.code, "%s; use 'engine-top %s' instead", why.msg, instead);
	return et_theme_load(&theme, opts->theme, err);
}

int et_app_run(const struct et_app_opts *opts, struct et_app_end *end, struct et_err *err)
{
	struct app a = { .opts = opts, .source = opts->source, .end = end, .signal_fd = -1 };
	int rc = -1;

	*end = (struct et_app_end){ 0 };
	if (et_theme_load(&a.theme, opts->theme, err) != 0)
		return -1;
	if (open_signals(&a, err) != 0)
		goto out;
	a.term = et_term_open(err);
	if (a.term == NULL)
		goto out;
	et_term_set_theme(a.term, &a.theme);
	take_newest(&a);
	touch(&a, true);
	while (!a.is_done)
		turn(&a);
	rc = 0;
out:
	et_term_close(a.term);
	if (a.signal_fd >= 0)
		close(a.signal_fd);
	pthread_sigmask(SIG_SETMASK, &a.before, NULL);
	et_cell_fini(&a.grid);
	et_snapshot_unref(a.newest);
	et_snapshot_unref(a.held);
	return rc;
}
