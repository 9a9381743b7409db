/* SPDX-License-Identifier: Apache-2.0
 *
 * Themes: 24 semantic roles, each with foreground, background and attributes, from one YAML file.
 * Layer: tui. */
#ifndef ET_TUI_THEME_H
#define ET_TUI_THEME_H

#include "engine-top/err.h"
#include "tui/cell.h"

enum et_color_kind { ET_COLOR_DEFAULT = 0, ET_COLOR_ANSI, ET_COLOR_RGB };

struct et_color {
	uint8_t kind;       /* enum et_color_kind; default = what the terminal has */
	uint8_t ansi;       /* 0..15 */
	uint8_t r, g, b;
};

#define ET_ATTR_BOLD 1u
#define ET_ATTR_DIM 2u
#define ET_ATTR_UNDERLINE 4u
#define ET_ATTR_REVERSE 8u

struct et_paint {
	struct et_color fg, bg;
	uint8_t attr;
};

#define ET_THEME_DEFAULT "dusk"
struct et_theme {
	char name[64];
	char about[160]; /* one line */
	struct et_paint paint[ET_STYLE_COUNT];
};

/* Names of the roles, as the files spell them; indexed by enum et_style. */
extern const char *const et_theme_roles[ET_STYLE_COUNT];

/* Parse n bytes of YAML.  A role that is left out looks like `text`, a missing background is
 * that of `text`.  0, or -1 and *err: FILE:LINE:COLUMN: what is wrong. */
int et_theme_parse(struct et_theme *t, const char *file, const char *bytes, size_t n,
		   struct et_err *err);

/* Attributes only: what is shown when there is no theme folder, and with NO_COLOR. */
void et_theme_plain(struct et_theme *t);

/* Load by name (of the shipped ones) or by path (it has a '/' or ends in .yaml).  NULL: the
 * environment's ENGINE_TOP_THEME, else the default. */
int et_theme_load(struct et_theme *t, const char *name, struct et_err *err);

/* Names of the shipped themes, sorted; malloc'ed, release with et_theme_names_free(). */
char **et_theme_names(size_t *n, struct et_err *err);
void et_theme_names_free(char **names, size_t n);
/* Path of a shipped one: 0, or -1 if there is no theme folder. */
int et_theme_path(const char *name, char *path, size_t n);

/* The nearest of a terminal's n_colors (8, 16, 256) as its number; -1 = the terminal's default.
 * Distances are perceived ones (OKLab). */
int et_color_index(struct et_color c, int n_colors);
/* Foreground and background of a role as such numbers; never the same one twice: on a terminal of
 * few colours a pale rule would vanish. */
void et_color_pair(const struct et_theme *t, enum et_style style, int n_colors, int *fg, int *bg);
/* WCAG contrast of two RGB colours, 1..21. */
double et_color_contrast(struct et_color a, struct et_color b);

#endif
