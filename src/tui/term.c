/* SPDX-License-Identifier: Apache-2.0
 *
 * The only file that knows curses.  ncurses compares frames and knows the terminals, but writes
 * some 37 times a frame and owns signals and modes; so it is given a memfd for a terminal, its
 * bytes of one frame are collected there, and go out in one write(2) inside a synchronized update
 * (DEC private mode 2026).  Modes, size and keys are ours.
 *
 * Owned and used by the ui thread.  Output goes through a descriptor of our own that does not
 * block: the flag of an inherited one would be the shell's too. */
#include "tui/term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/locale.h"
#include "tui/input.h"

#define SYNC_BEGIN "\033[?2026h"
#define SYNC_END "\033[?2026l"
#define CLOSE_WAIT_MS 300 /* for a terminal that does not read */
#define COLS_MAX 1000u

struct et_term {
	int in_fd, out_fd;
	bool owns_out_fd, has_sync, is_color, has_defaults, is_repaint, is_suspended;
	int mem_fd;
	FILE *mem;       /* what ncurses takes for the terminal */
	SCREEN *screen;
	struct termios before, raw;
	locale_t locale; /* C.UTF-8: ncurses encodes under the thread's locale */
	int glyphs;      /* level of et_cell_fallback() */
	struct { attr_t attr; short pair; } look[ET_STYLE_COUNT];

	char *out;       /* of the last frame: not written yet from out_at on */
	size_t out_room, out_n, out_at;

	struct et_input input;
	char in[256];
	size_t in_n;
};

/* ---- what kind of terminal ----------------------------------------------------------------- */

int et_term_check(struct et_err *err)
{
	const char *term = getenv("TERM");
	int status = 0;
	char *cup;

	if (!isatty(STDIN_FILENO))
		return et_err_set(err, ET_EXIT_INPUT,
				  "the dashboard needs a terminal on standard input");
	if (!isatty(STDOUT_FILENO))
		return et_err_set(err, ET_EXIT_INPUT,
				  "the dashboard needs a terminal on standard output");
	if (term == NULL || term[0] == '\0')
		return et_err_set(err, ET_EXIT_INPUT, "TERM is not set");
	if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
		return et_err_set(err, ET_EXIT_INPUT, "terminal '%s' (TERM) is %s", term,
				  status == 1 ? "a printing one" : status == 0
				  ? "not known here, or too simple" : "not known: no terminfo database");
	cup = tigetstr("cup");
	if (cup == (char *)-1)
		cup = NULL;
	del_curterm(cur_term);
	if (cup == NULL)
		return et_err_set(err, ET_EXIT_INPUT, "terminal '%s' (TERM) cannot move its cursor",
				  term);
	return 0;
}

static bool starts_with(const char *s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strncmp(s, *list, strlen(*list)) == 0)
			return true;
	return false;
}

/* Terminals that execute or ignore an unknown private mode; a real vt100 or the Linux console
 * might show parts of it. */
static bool knows_sync(const char *term)
{
	static const char *const list[] = { "xterm", "tmux", "screen", "alacritty", "kitty", "foot",
					    "wezterm", "contour", "rxvt", "konsole", "gnome", "vte",
					    "st-", "ghostty", "iterm", NULL };

	return starts_with(term, list);
}

/* Does the person's locale say UTF-8?  Asked without setting it for the process. */
static bool is_utf8_locale(void)
{
	locale_t user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool is_utf8;

	if (user == (locale_t)0)
		return false;
	is_utf8 = strcmp(nl_langinfo_l(CODESET, user), "UTF-8") == 0;
	freelocale(user);
	return is_utf8;
}

static void choose_glyphs(struct et_term *t, const char *term)
{
	static const char *const consoles[] = { "linux", NULL };

	t->locale = et_locale_utf8();
	t->has_sync = knows_sync(term);
	t->glyphs = !is_utf8_locale() || t->locale == (locale_t)0 ? 2
		    : starts_with(term, consoles)		   ? 1
								   : 0;
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* A capability without its padding ($<5>), appended. */
static size_t add_capability(char *buf, size_t at, size_t room, const char *name)
{
	const char *s = tigetstr(name);

	if (s == NULL || s == (char *)-1)
		return at;
	while (*s != '\0' && at + 1 < room) {
		const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;

		if (end != NULL) {
			s = end + 1;
			continue;
		}
		buf[at++] = *s++;
	}
	return at;
}

static void arm_crash(const struct et_term *t)
{
	static const char *const order[] = { "sgr0", "op", "cnorm", "rmcup" };
	char buf[ET_CRASH_BYTES];
	size_t at = 0;

	if (t->has_sync) {
		memcpy(buf, SYNC_END, sizeof SYNC_END - 1);
		at = sizeof SYNC_END - 1;
	}
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		at = add_capability(buf, at, sizeof buf, order[i]);
	et_crash_terminal(t->out_fd, buf, at, &t->before);
}

/* Fetch what ncurses has written since the last time into t->out. */
static int collect(struct et_term *t, bool is_frame)
{
	size_t begin = is_frame && t->has_sync ? sizeof SYNC_BEGIN - 1 : 0;
	size_t end = is_frame && t->has_sync ? sizeof SYNC_END - 1 : 0;
	off_t n;

	fflush(t->mem);
	n = lseek(t->mem_fd, 0, SEEK_CUR);
	if (n <= 0)
		return 0;
	if ((size_t)n + begin + end > t->out_room) {
		char *more = realloc(t->out, (size_t)n + begin + end);

		if (more == NULL)
			return -1;
		t->out = more;
		t->out_room = (size_t)n + begin + end;
	}
	if (pread(t->mem_fd, t->out + begin, (size_t)n, 0) != n)
		return -1;
	memcpy(t->out, SYNC_BEGIN, begin);
	memcpy(t->out + begin + n, SYNC_END, end);
	t->out_at = 0;
	t->out_n = begin + (size_t)n + end;
	return lseek(t->mem_fd, 0, SEEK_SET) < 0 || ftruncate(t->mem_fd, 0) != 0 ? -1 : 0;
}

bool et_term_is_pending(const struct et_term *t)
{
	return t->out_at < t->out_n;
}

int et_term_flush(struct et_term *t)
{
	while (et_term_is_pending(t)) {
		ssize_t w = write(t->out_fd, t->out + t->out_at, t->out_n - t->out_at);

		if (w < 0 && errno == EAGAIN)
			return 0;
		if (w < 0 && errno != EINTR)
			return -1;
		if (w > 0)
			t->out_at += (size_t)w;
	}
	return 0;
}

/* For the last bytes: wait a moment for a slow terminal, but do not hang on one that is stuck. */
static void flush_waiting(struct et_term *t)
{
	for (int waited = 0; waited < CLOSE_WAIT_MS; waited += 20) {
		if (et_term_flush(t) != 0 || !et_term_is_pending(t))
			return;
		poll(&(struct pollfd){ .fd = t->out_fd, .events = POLLOUT }, 1, 20);
	}
}

/* ---- open and close ------------------------------------------------------------------------ */

static void open_output(struct et_term *t)
{
	char name[256];

	t->out_fd = -1;
	if (ttyname_r(STDOUT_FILENO, name, sizeof name) == 0)
		t->out_fd = open(name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	t->owns_out_fd = t->out_fd >= 0;
	if (!t->owns_out_fd)
		t->out_fd = STDOUT_FILENO;
}

static void learn_keys(struct et_term *t)
{
	static const struct { const char *name; uint32_t key; } keys[] = {
		{ "kcuu1", ET_KEY_UP },   { "kcud1", ET_KEY_DOWN }, { "kcub1", ET_KEY_LEFT },
		{ "kcuf1", ET_KEY_RIGHT }, { "khome", ET_KEY_HOME }, { "kend", ET_KEY_END },
		{ "kpp", ET_KEY_PGUP },   { "knp", ET_KEY_PGDN },   { "kcbt", ET_KEY_BACKTAB },
		{ "kf1", ET_KEY_F1 },     { "kf10", ET_KEY_F10 },
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *s = tigetstr(keys[i].name);

		if (s != (char *)-1)
			et_input_learn(&t->input, s, keys[i].key);
	}
}

/* newterm() installs handlers of its own; ours read a signalfd.  And around each frame curses
 * would set SIGTSTP to be ignored, which discards one that is waiting in the signalfd; where it
 * finds it ignored at the start, it leaves it alone for ever. */
static void drop_curses_handlers(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGTSTP, SIGWINCH };

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		signal(signals[i], SIG_DFL);
}

static int open_screen(struct et_term *t, struct et_err *err)
{
	locale_t before = uselocale(t->locale == (locale_t)0 ? LC_GLOBAL_LOCALE : t->locale);
	unsigned cols, rows;

	t->mem_fd = memfd_create("engine-top-screen", MFD_CLOEXEC);
	t->mem = t->mem_fd < 0 ? NULL : fdopen(t->mem_fd, "w+");
	signal(SIGTSTP, SIG_IGN);
	t->screen = t->mem == NULL ? NULL : newterm(NULL, t->mem, stdin);
	drop_curses_handlers();
	if (t->screen != NULL) {
		et_term_size(t, &cols, &rows);
		resize_term((int)rows, (int)cols);
		curs_set(0);
		leaveok(stdscr, TRUE);
		scrollok(stdscr, FALSE);
		typeahead(-1); /* no poll of the keyboard for every line */
		t->is_color = has_colors() && start_color() == OK && COLORS >= 8;
		t->has_defaults = t->is_color && use_default_colors() == OK;
		learn_keys(t);
	}
	uselocale(before);
	if (t->screen == NULL)
		return et_err_set(err, ET_EXIT_LACK, "cannot open the terminal '%s'", getenv("TERM"));
	return 0;
}

struct et_term *et_term_open(struct et_err *err)
{
	struct et_term *t = calloc(1, sizeof *t);

	if (t == NULL) {
		et_err_set(err, ET_EXIT_LACK, "out of memory for the screen");
		return NULL;
	}
	t->in_fd = STDIN_FILENO;
	t->mem_fd = -1;
	if (tcgetattr(t->in_fd, &t->before) != 0) {
		et_err_sys(err, ET_EXIT_INPUT, errno, "cannot read the terminal's modes");
		free(t);
		return NULL;
	}
	t->raw = t->before;
	cfmakeraw(&t->raw);
	open_output(t);
	choose_glyphs(t, getenv("TERM") == NULL ? "" : getenv("TERM"));
	if (open_screen(t, err) != 0) {
		et_term_close(t);
		return NULL;
	}
	arm_crash(t);
	tcsetattr(t->in_fd, TCSADRAIN, &t->raw);
	return t;
}

/* Where there is an alternate screen it is left blank: tmux gives rows of one that was resized to
 * the main screen.  Elsewhere the last frame stays. */
static void blank_screen(void)
{
	const char *s = tigetstr("rmcup");

	if (s == NULL || s == (char *)-1)
		return;
	werase(stdscr);
	wnoutrefresh(stdscr);
	doupdate();
}

static void leave_screen(struct et_term *t)
{
	locale_t before = uselocale(t->locale == (locale_t)0 ? LC_GLOBAL_LOCALE : t->locale);

	/* what is left of a frame first, so that no sequence is cut in its middle */
	flush_waiting(t);
	blank_screen();
	endwin();
	if (collect(t, false) == 0)
		flush_waiting(t);
	tcsetattr(t->in_fd, TCSANOW, &t->before);
	uselocale(before);
}

void et_term_close(struct et_term *t)
{
	if (t == NULL)
		return;
	if (t->screen != NULL) {
		if (!t->is_suspended)
			leave_screen(t);
		et_crash_no_terminal();
		delscreen(t->screen);
	}
	if (t->mem != NULL)
		fclose(t->mem);
	else if (t->mem_fd >= 0)
		close(t->mem_fd);
	if (t->owns_out_fd)
		close(t->out_fd);
	free(t->out);
	free(t);
}

void et_term_suspend(struct et_term *t)
{
	if (!t->is_suspended)
		leave_screen(t);
	et_crash_no_terminal();
	t->is_suspended = true;
}

void et_term_resume(struct et_term *t)
{
	if (t->is_suspended) /* the shell may have left other modes behind: keep those for the end */
		tcgetattr(t->in_fd, &t->before);
	t->is_suspended = false;
	t->out_at = t->out_n = 0;
	arm_crash(t);
	tcsetattr(t->in_fd, TCSADRAIN, &t->raw);
	et_term_repaint(t);
}

void et_term_repaint(struct et_term *t)
{
	t->is_repaint = true;
}

void et_term_size(const struct et_term *t, unsigned *cols, unsigned *rows)
{
	struct winsize ws;

	*cols = 80;
	*rows = 24;
	if (ioctl(t->out_fd, TIOCGWINSZ, &ws) != 0 || ws.ws_col == 0 || ws.ws_row == 0)
		return; /* a serial line does not know */
	*cols = ws.ws_col < COLS_MAX ? ws.ws_col : COLS_MAX;
	*rows = ws.ws_row < COLS_MAX ? ws.ws_row : COLS_MAX;
}

/* ---- colours ------------------------------------------------------------------------------- */

static attr_t attributes(unsigned attr)
{
	attr_t a = 0;

	a |= (attr & ET_ATTR_BOLD) != 0 ? A_BOLD : 0;
	a |= (attr & ET_ATTR_DIM) != 0 ? A_DIM : 0;
	a |= (attr & ET_ATTR_UNDERLINE) != 0 ? A_UNDERLINE : 0;
	a |= (attr & ET_ATTR_REVERSE) != 0 ? A_REVERSE : 0;
	return a;
}

void et_term_set_theme(struct et_term *t, const struct et_theme *theme)
{
	const char *no_color = getenv("NO_COLOR");
	bool is_color = t->is_color && (no_color == NULL || no_color[0] == '\0');
	struct et_theme plain;

	et_theme_plain(&plain);
	for (int i = 0; i < ET_STYLE_COUNT; i++) {
		const struct et_paint *p = &theme->paint[i];
		int fg, bg;

		if (!is_color) {
			t->look[i].attr = attributes(p->attr | plain.paint[i].attr);
			t->look[i].pair = 0;
			continue;
		}
		et_color_pair(theme, (enum et_style)i, COLORS, &fg, &bg);
		if (!t->has_defaults) { /* "the terminal's own" cannot be asked for */
			fg = fg < 0 ? COLOR_WHITE : fg;
			bg = bg < 0 ? COLOR_BLACK : bg;
		}
		init_extended_pair(i + 1, fg, bg);
		t->look[i].attr = attributes(p->attr);
		t->look[i].pair = (short)(i + 1);
	}
}

/* ---- frames -------------------------------------------------------------------------------- */

/* One cell for curses; returns the columns it takes. */
static unsigned convert(const struct et_term *t, const struct et_cell *cell, cchar_t *out)
{
	uint32_t cp = et_cell_fallback(cell->cp, t->glyphs);
	wchar_t text[3] = { (wchar_t)cp, 0, 0 };

	if (cell->mark != 0 && t->glyphs == 0)
		text[1] = (wchar_t)cell->mark;
	setcchar(out, text, t->look[cell->style].attr, t->look[cell->style].pair, NULL);
	return cp == cell->cp ? cell->width : 1;
}

static void draw_row(const struct et_term *t, const struct et_cell *row, int y, unsigned cols)
{
	cchar_t line[COLS_MAX + 1];
	unsigned x = 0;
	int n = 0;

	while (x < cols) {
		unsigned w = convert(t, &row[x], &line[n++]);

		/* a wide character that became '?': its right half becomes a blank of its own */
		for (unsigned i = w; i < row[x].width; i++)
			setcchar(&line[n++], L" ", t->look[row[x].style].attr,
				 t->look[row[x].style].pair, NULL);
		x += row[x].width == 0 ? 1 : row[x].width;
	}
	mvadd_wchnstr(y, 0, line, n);
}

int et_term_draw(struct et_term *t, const struct et_grid *grid)
{
	locale_t before = uselocale(t->locale == (locale_t)0 ? LC_GLOBAL_LOCALE : t->locale);
	unsigned cols = grid->cols < COLS_MAX ? grid->cols : COLS_MAX;
	int rc;

	if (is_term_resized((int)grid->rows, (int)cols)) {
		resize_term((int)grid->rows, (int)cols);
		t->is_repaint = true; /* terminals reflow as they like */
	}
	for (unsigned y = 0; y < grid->rows; y++)
		draw_row(t, grid->cells + (size_t)y * grid->cols, (int)y, cols);
	if (t->is_repaint)
		clearok(curscr, TRUE);
	t->is_repaint = false;
	wnoutrefresh(stdscr);
	doupdate();
	rc = collect(t, true);
	uselocale(before);
	return rc != 0 ? -1 : et_term_flush(t);
}

int et_term_out_fd(const struct et_term *t)
{
	return t->out_fd;
}

int et_term_in_fd(const struct et_term *t)
{
	return t->in_fd;
}

/* ---- keys ---------------------------------------------------------------------------------- */

int et_term_read(struct et_term *t)
{
	ssize_t n;

	if (t->in_n == sizeof t->in) /* nobody types 256 bytes of one sequence */
		t->in_n = 0;
	n = read(t->in_fd, t->in + t->in_n, sizeof t->in - t->in_n);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return -1;
	t->in_n += (size_t)n;
	return 0;
}

static bool next_key(struct et_term *t, bool is_final, uint32_t *key)
{
	size_t used = t->in_n == 0 ? 0 : et_input_decode(&t->input, t->in, t->in_n, is_final, key);

	memmove(t->in, t->in + used, t->in_n - used);
	t->in_n -= used;
	return used > 0;
}

bool et_term_key(struct et_term *t, uint32_t *key)
{
	return next_key(t, false, key);
}

bool et_term_is_partial(const struct et_term *t)
{
	return t->in_n > 0;
}

bool et_term_final_key(struct et_term *t, uint32_t *key)
{
	return next_key(t, true, key);
}
