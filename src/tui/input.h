/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: bytes of a terminal become key codes, and one table says what each key does, how it is
 * called and what it means; dispatch, the key line and the help read that table, so that they
 * cannot drift apart.  Pure.  Layer: tui. */
#ifndef ET_TUI_INPUT_H
#define ET_TUI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key code is a code point, ^A..^Z are 1..26, the others: */
enum et_key {
	ET_KEY_NONE = 0, /* bytes that mean nothing to us */
	ET_KEY_TAB = 9,
	ET_KEY_ENTER = 13,
	ET_KEY_ESC = 27,
	ET_KEY_FIRST_SPECIAL = 0x110000,
	ET_KEY_UP = ET_KEY_FIRST_SPECIAL,
	ET_KEY_DOWN,
	ET_KEY_LEFT,
	ET_KEY_RIGHT,
	ET_KEY_HOME,
	ET_KEY_END,
	ET_KEY_PGUP,
	ET_KEY_PGDN,
	ET_KEY_BACKTAB,
	ET_KEY_F1,
	ET_KEY_F10,
	ET_KEY_SPECIAL_END
};
#define ET_CTRL(c) ((uint32_t)(c) & 0x1f)

/* What this terminal sends for special keys (from terminfo), besides what all the usual ones
 * send, which is built in. */
#define ET_INPUT_SEQS 24
struct et_input_seq {
	char bytes[16];
	uint32_t key;
};
struct et_input {
	struct et_input_seq seqs[ET_INPUT_SEQS];
	unsigned n_seqs;
};

/* Ignored if too long, empty, not starting with ESC, or one too many. */
void et_input_learn(struct et_input *in, const char *bytes, uint32_t key);

/* Decode one key at the start of n > 0 bytes.  Returns the bytes used; 0: they are the beginning
 * of a sequence, wait for more.  With is_final nothing more is coming: never 0. */
size_t et_input_decode(const struct et_input *in, const char *bytes, size_t n, bool is_final,
		       uint32_t *key);

enum et_action {
	ET_ACT_NONE = 0,
	ET_ACT_QUIT, ET_ACT_HELP, ET_ACT_NEXT_PANE, ET_ACT_PREV_PANE, ET_ACT_PANE_NUMBER,
	ET_ACT_ZOOM, ET_ACT_OPEN, ET_ACT_BACK,
	ET_ACT_UP, ET_ACT_DOWN, ET_ACT_PAGE_UP, ET_ACT_PAGE_DOWN, ET_ACT_TOP, ET_ACT_BOTTOM,
	ET_ACT_PAUSE, ET_ACT_PLAY, ET_ACT_THEME, ET_ACT_VIEW,
	ET_ACT_CUM, ET_ACT_ALLOC, ET_ACT_OBJECTS, ET_ACT_OWN, ET_ACT_RECORD,
	ET_ACT_STEP_BACK, ET_ACT_STEP, ET_ACT_STRIDE_BACK, ET_ACT_STRIDE, ET_ACT_FIRST, ET_ACT_LAST,
	ET_ACT_SUSPEND, ET_ACT_REPAINT,
};

#define ET_MODE_LIVE 1u
#define ET_MODE_REPLAY 2u
#define ET_MODE_BOTH 3u

struct et_binding {
	enum et_action action;
	unsigned modes;
	uint32_t keys[4];
	const char *shown; /* the keys, for people */
	const char *hint;  /* word on the key line; NULL = not there */
	const char *pane;  /* hint only while this pane has the focus; NULL = always */
	unsigned priority; /* on the key line: 0 = stays longest */
	const char *help;
};
extern const struct et_binding et_bindings[];
extern const unsigned et_bindings_count;

enum et_action et_input_action(uint32_t key, unsigned mode);

#endif
