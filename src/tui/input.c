/* SPDX-License-Identifier: Apache-2.0
 *
 * The key table and the decoder of terminal input.  No state: the caller keeps undecoded bytes.
 * Unknown escape sequences are swallowed whole, so that their tails never act as keys. */
#include "tui/input.h"

#include <string.h>

#include "base/text.h"

/* ---- decoding ------------------------------------------------------------------------------ */

/* What xterm and its many descendants send, in normal and application mode; rxvt, Linux console. */
static const struct et_input_seq usual[] = {
	{ "\033[A", ET_KEY_UP },     { "\033OA", ET_KEY_UP },     { "\033[B", ET_KEY_DOWN },
	{ "\033OB", ET_KEY_DOWN },   { "\033[C", ET_KEY_RIGHT },  { "\033OC", ET_KEY_RIGHT },
	{ "\033[D", ET_KEY_LEFT },   { "\033OD", ET_KEY_LEFT },   { "\033[H", ET_KEY_HOME },
	{ "\033OH", ET_KEY_HOME },   { "\033[1~", ET_KEY_HOME },  { "\033[7~", ET_KEY_HOME },
	{ "\033[F", ET_KEY_END },    { "\033OF", ET_KEY_END },    { "\033[4~", ET_KEY_END },
	{ "\033[8~", ET_KEY_END },   { "\033[5~", ET_KEY_PGUP },  { "\033[6~", ET_KEY_PGDN },
	{ "\033[Z", ET_KEY_BACKTAB }, { "\033OP", ET_KEY_F1 },    { "\033[11~", ET_KEY_F1 },
	{ "\033[[A", ET_KEY_F1 },    { "\033[21~", ET_KEY_F10 },
};

void et_input_learn(struct et_input *in, const char *bytes, uint32_t key)
{
	struct et_input_seq *s;

	if (bytes == NULL || bytes[0] != '\033' || bytes[1] == '\0' || in->n_seqs >= ET_INPUT_SEQS ||
	    strlen(bytes) >= sizeof in->seqs[0].bytes)
		return;
	s = &in->seqs[in->n_seqs++];
	strcpy(s->bytes, bytes);
	s->key = key;
}

/* The sequence that `bytes` starts with, or NULL; *is_prefix: more bytes could make one. */
static const struct et_input_seq *match(const struct et_input_seq *seqs, size_t n_seqs,
					const char *bytes, size_t n, bool *is_prefix)
{
	for (size_t i = 0; i < n_seqs; i++) {
		size_t len = strlen(seqs[i].bytes);

		if (len <= n && memcmp(seqs[i].bytes, bytes, len) == 0)
			return &seqs[i];
		if (len > n && memcmp(seqs[i].bytes, bytes, n) == 0)
			*is_prefix = true;
	}
	return NULL;
}

/* Length of a control sequence (ESC [ parameters final, ESC O x, ESC x); 0 if it is cut short. */
static size_t unknown_sequence(const char *b, size_t n)
{
	size_t i = 2;

	if (n < 2)
		return 0;
	if (b[1] != '[')
		return b[1] != 'O' ? 2 : n < 3 ? 0 : 3;
	while (i < n && b[i] >= 0x20 && b[i] < 0x40)
		i++;
	return i < n ? i + 1 : 0;
}

static size_t decode_escape(const struct et_input *in, const char *b, size_t n, bool is_final,
			    uint32_t *key)
{
	bool is_prefix = false;
	const struct et_input_seq *s = match(in->seqs, in->n_seqs, b, n, &is_prefix);
	size_t len;

	if (s == NULL)
		s = match(usual, sizeof usual / sizeof usual[0], b, n, &is_prefix);
	if (s != NULL) {
		*key = s->key;
		return strlen(s->bytes);
	}
	if (n >= 2 && b[1] == '\033') { /* a key of its own before the next sequence */
		*key = ET_KEY_ESC;
		return 1;
	}
	len = unknown_sequence(b, n);
	if (!is_final && (is_prefix || len == 0))
		return 0;
	*key = n == 1 ? (uint32_t)ET_KEY_ESC : (uint32_t)ET_KEY_NONE;
	return len == 0 ? n : len;
}

static size_t decode_utf8(const char *b, size_t n, bool is_final, uint32_t *key)
{
	unsigned char lead = (unsigned char)b[0];
	size_t want = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 1;
	char one[5] = { 0 };
	size_t len;

	if (n < want && !is_final)
		return 0;
	memcpy(one, b, n < want ? n : want);
	len = et_text_utf8(one, key);
	if (len == 0) {
		*key = ET_KEY_NONE;
		return 1;
	}
	return len;
}

size_t et_input_decode(const struct et_input *in, const char *bytes, size_t n, bool is_final,
		       uint32_t *key)
{
	if (bytes[0] == '\033')
		return decode_escape(in, bytes, n, is_final, key);
	if ((unsigned char)bytes[0] >= 0x80)
		return decode_utf8(bytes, n, is_final, key);
	*key = bytes[0] == '\n' ? (uint32_t)ET_KEY_ENTER : (uint32_t)(unsigned char)bytes[0];
	return 1;
}

/* ---- the table ----------------------------------------------------------------------------- */

#define B ET_MODE_BOTH
#define L ET_MODE_LIVE
#define R ET_MODE_REPLAY

const struct et_binding et_bindings[] = {
	{ ET_ACT_QUIT, B, { 'q', 'Q', ET_KEY_F10, ET_CTRL('c') }, "q", "Quit", NULL, 0,
	  "quit (also Q, F10, ^C)" },
	{ ET_ACT_HELP, B, { '?', ET_KEY_F1 }, "?", "Help", NULL, 0, "this help (also F1)" },
	{ ET_ACT_NEXT_PANE, B, { ET_KEY_TAB, ET_KEY_RIGHT, 'l' }, "Tab", "Pane", NULL, 1,
	  "next pane (also Right, l)" },
	{ ET_ACT_PREV_PANE, B, { ET_KEY_BACKTAB, ET_KEY_LEFT, 'h' }, "S-Tab", NULL, NULL, 0,
	  "previous pane (also Left, h)" },
	{ ET_ACT_PANE_NUMBER, B, { 0 }, "1..5", NULL, NULL, 0, "the pane with this number" },
	{ ET_ACT_PAUSE, L, { ' ' }, "Space", "Pause", NULL, 2,
	  "hold the view; collection goes on" },
	{ ET_ACT_PLAY, R, { ' ' }, "Space", "Play", NULL, 2, "play or stop" },
	{ ET_ACT_STEP_BACK, R, { '[' }, "[", "Back", NULL, 3, "one frame back" },
	{ ET_ACT_STEP, R, { ']' }, "]", "Step", NULL, 3, "one frame on" },
	{ ET_ACT_STRIDE_BACK, R, { '{' }, "{", NULL, NULL, 0, "ten frames back" },
	{ ET_ACT_STRIDE, R, { '}' }, "}", NULL, NULL, 0, "ten frames on" },
	{ ET_ACT_FIRST, R, { ET_KEY_HOME, '<' }, "Home", NULL, NULL, 0, "first frame (also <)" },
	{ ET_ACT_LAST, R, { ET_KEY_END, '>' }, "End", "Last", NULL, 7, "last frame (also >)" },
	{ ET_ACT_ZOOM, B, { 'z' }, "z", "Zoom", NULL, 4, "this pane alone, and back" },
	{ ET_ACT_OPEN, B, { ET_KEY_ENTER }, "Enter", "Unfold", NULL, 6,
	  "unfold the row; zoom where none unfolds" },
	{ ET_ACT_BACK, B, { ET_KEY_ESC }, "Esc", NULL, NULL, 0,
	  "close help, then fold, then leave zoom" },
	{ ET_ACT_UP, B, { ET_KEY_UP, 'k' }, "Up", NULL, NULL, 0, "row up (also k)" },
	{ ET_ACT_DOWN, B, { ET_KEY_DOWN, 'j' }, "Down", NULL, NULL, 0, "row down (also j)" },
	{ ET_ACT_PAGE_UP, B, { ET_KEY_PGUP, ET_CTRL('u') }, "PgUp", NULL, NULL, 0,
	  "ten rows up (also ^U)" },
	{ ET_ACT_PAGE_DOWN, B, { ET_KEY_PGDN, ET_CTRL('d') }, "PgDn", NULL, NULL, 0,
	  "ten rows down (also ^D)" },
	{ ET_ACT_TOP, B, { 'g' }, "g", NULL, NULL, 0, "first row (live: also Home)" },
	{ ET_ACT_BOTTOM, B, { 'G' }, "G", NULL, NULL, 0, "last row (live: also End)" },
	{ ET_ACT_TOP, L, { ET_KEY_HOME }, NULL, NULL, NULL, 0, NULL },
	{ ET_ACT_BOTTOM, L, { ET_KEY_END }, NULL, NULL, NULL, 0, NULL },
	{ ET_ACT_VIEW, B, { 'v' }, "v", "View", NULL, 8, "next view of this pane" },
	{ ET_ACT_CUM, B, { 'c' }, "c", "Flat/cum", "cpu", 5, "CPU: order by flat or cumulative" },
	{ ET_ACT_ALLOC, B, { 'a' }, "a", "In-use/alloc", "heap", 5,
	  "heap: order by in-use or ever allocated" },
	{ ET_ACT_OBJECTS, B, { 'o' }, "o", "Bytes/objects", "heap", 5,
	  "heap: order by bytes or objects" },
	{ ET_ACT_OWN, B, { 'O' }, "O", "Own", "threads", 5, "threads: show engine-top's own" },
	{ ET_ACT_RECORD, L, { 'r' }, "r", "Record", NULL, 7, "start or stop recording" },
	{ ET_ACT_THEME, B, { 'T' }, "T", "Theme", NULL, 9, "next theme" },
	{ ET_ACT_REPAINT, B, { ET_CTRL('l') }, "^L", NULL, NULL, 0, "repaint the screen" },
	{ ET_ACT_SUSPEND, B, { ET_CTRL('z') }, "^Z", NULL, NULL, 0, "suspend; fg comes back" },
};
const unsigned et_bindings_count = sizeof et_bindings / sizeof et_bindings[0];

enum et_action et_input_action(uint32_t key, unsigned mode)
{
	if (key == ET_KEY_NONE)
		return ET_ACT_NONE;
	if (key >= '1' && key <= '9')
		return ET_ACT_PANE_NUMBER;
	for (unsigned i = 0; i < et_bindings_count; i++)
		for (unsigned k = 0; k < 4 && et_bindings[i].keys[k] != 0; k++)
			if (et_bindings[i].keys[k] == key && (et_bindings[i].modes & mode) != 0)
				return et_bindings[i].action;
	return ET_ACT_NONE;
}
