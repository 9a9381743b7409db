/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: every way a terminal may send them, sequences cut anywhere, and the table. */
#include "tap.h"

#include "tui/input.h"

static struct et_input input;

static void decodes(const char *bytes, uint32_t key, size_t used, const char *name)
{
	uint32_t got = 99;
	size_t n = et_input_decode(&input, bytes, strlen(bytes), true, &got);

	ET_OK(got == key && n == used, "%s", name);
	if (got != key || n != used)
		printf("# got key %u, %zu bytes\n", got, n);
}

static void t_decode(void)
{
	et_input_learn(&input, "\033[[9~", ET_KEY_F10);
	decodes("q", 'q', 1, "a letter");
	decodes("\r", ET_KEY_ENTER, 1, "Enter");
	decodes("\n", ET_KEY_ENTER, 1, "Enter of a cooked terminal");
	decodes("\t", ET_KEY_TAB, 1, "Tab");
	decodes("\x03", ET_CTRL('c'), 1, "^C");
	decodes("\033[A", ET_KEY_UP, 3, "Up");
	decodes("\033OA", ET_KEY_UP, 3, "Up in application mode");
	decodes("\033[5~x", ET_KEY_PGUP, 4, "PgUp, and what follows stays");
	decodes("\033[Z", ET_KEY_BACKTAB, 3, "Shift-Tab");
	decodes("\033[21~", ET_KEY_F10, 5, "F10");
	decodes("\033[[9~", ET_KEY_F10, 5, "a sequence learned from terminfo");
	decodes("\033", ET_KEY_ESC, 1, "Esc alone");
	decodes("\033\033[A", ET_KEY_ESC, 1, "Esc before a sequence");
	decodes("\033[1;5C", ET_KEY_NONE, 6, "an unknown sequence is swallowed whole");
	decodes("\033[<0;12;3Mq", ET_KEY_NONE, 10, "a mouse report does not quit");
	decodes("\033Ox", ET_KEY_NONE, 3, "an unknown SS3");
	decodes("\033q", ET_KEY_NONE, 2, "Alt-q is not q");
	decodes("\u00e9", 0xe9, 2, "a letter of two bytes");
	decodes("\xffq", ET_KEY_NONE, 1, "an invalid byte");
}

/* Cut at any place, a sequence waits for its rest and never turns into other keys. */
static void t_cut(void)
{
	static const char *const whole[] = { "\033[A", "\033OP", "\033[21~", "\033[1;5C", "\u65e5" };
	unsigned n_bad = 0;

	for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
		for (size_t n = 1; n < strlen(whole[i]); n++) {
			uint32_t key = 99;

			n_bad += et_input_decode(&input, whole[i], n, false, &key) != 0;
			n_bad += et_input_decode(&input, whole[i], n, true, &key) == 0;
		}
	ET_IS_INT(n_bad, 0, "a cut sequence waits, and ends when nothing follows");
}

static void t_fuzz(void)
{
	unsigned seed = 99, n_bad = 0;
	char bytes[32];

	for (int round = 0; round < 200000; round++) {
		size_t n = 1 + (size_t)(round % 31);
		uint32_t key = 0;
		size_t used;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			bytes[i] = (seed >> 20) % 3 == 0 ? "\033[O~;1"[seed >> 16 & 3]
							 : (char)(seed >> 16);
		}
		used = et_input_decode(&input, bytes, n, true, &key);
		n_bad += used == 0 || used > n || key >= ET_KEY_SPECIAL_END;
	}
	ET_IS_INT(n_bad, 0, "200,000 random inputs: always some bytes, never too many");
}

static void t_table(void)
{
	unsigned n_bad = 0;

	ET_IS_INT(et_input_action('q', ET_MODE_LIVE), ET_ACT_QUIT, "q quits");
	ET_IS_INT(et_input_action(ET_CTRL('c'), ET_MODE_REPLAY), ET_ACT_QUIT, "so does ^C");
	ET_IS_INT(et_input_action(' ', ET_MODE_LIVE), ET_ACT_PAUSE, "space pauses when live");
	ET_IS_INT(et_input_action(' ', ET_MODE_REPLAY), ET_ACT_PLAY, "and plays in a replay");
	ET_IS_INT(et_input_action('[', ET_MODE_LIVE), ET_ACT_NONE, "no steps when live");
	ET_IS_INT(et_input_action(ET_KEY_HOME, ET_MODE_LIVE), ET_ACT_TOP, "Home is the first row");
	ET_IS_INT(et_input_action(ET_KEY_HOME, ET_MODE_REPLAY), ET_ACT_FIRST, "or the first frame");
	ET_IS_INT(et_input_action('5', ET_MODE_LIVE), ET_ACT_PANE_NUMBER, "digits are panes");
	ET_IS_INT(et_input_action(ET_KEY_NONE, ET_MODE_LIVE), ET_ACT_NONE, "noise is nothing");
	/* no key may mean two things in one mode */
	for (unsigned i = 0; i < et_bindings_count; i++)
		for (unsigned k = 0; k < 4 && et_bindings[i].keys[k] != 0; k++)
			for (unsigned m = ET_MODE_LIVE; m <= ET_MODE_REPLAY; m++)
				n_bad += (et_bindings[i].modes & m) != 0 &&
					 et_input_action(et_bindings[i].keys[k], m) !=
						 et_bindings[i].action;
	ET_IS_INT(n_bad, 0, "every key of the table reaches its action");
}

/* A whole small file, without the escapes of a manual page. */
static const char *read_page(const char *path)
{
	static char text[32768];
	FILE *f = fopen(path, "r");
	size_t n = 0;
	int c;

	while (f != NULL && n + 1 < sizeof text && (c = getc(f)) != EOF) {
		if (c == '\\' && (c = getc(f)) == '(')
			c = getc(f) == 'h' && getc(f) == 'a' ? '^' : '?';
		text[n++] = (char)c;
	}
	if (f != NULL)
		fclose(f);
	text[n] = '\0';
	return text;
}

/* The manual says what the help says. */
static void t_manual(void)
{
	const char *page = read_page("docs/man/engine-top.1");
	char entry[200];

	for (unsigned i = 0; i < et_bindings_count; i++) {
		const struct et_binding *b = &et_bindings[i];

		if (b->help == NULL)
			continue;
		snprintf(entry, sizeof entry, ".TP\n.B %s\n%s", b->shown, b->help);
		ET_OK(strstr(page, entry) != NULL, "the manual has: %s  %s", b->shown, b->help);
	}
}

int main(void)
{
	t_decode();
	t_cut();
	t_fuzz();
	t_table();
	t_manual();
	return tap_done();
}
