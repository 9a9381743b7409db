/* SPDX-License-Identifier: Apache-2.0
 *
 * Themes: what the shipped ones promise, and what a wrong file is told. */
#include "tap.h"

#include "tui/theme.h"

static void t_shipped(void)
{
	struct et_err err = { 0 };
	size_t n;
	char **names = et_theme_names(&n, &err);

	ET_OK(n >= 3, "%zu themes are shipped %s", n, err.msg);
	for (size_t i = 0; i < n; i++) {
		struct et_theme t;

		ET_OK(et_theme_load(&t, names[i], &err) == 0, "%s loads %s", names[i], err.msg);
		ET_IS_STR(t.name, names[i], "and is called like its file");
		ET_OK(t.about[0] != '\0', "and says what it is for");
	}
	et_theme_names_free(names, n);
}

/* Words must be readable: WCAG AA, 4.5 to 1; rules and bars are seen, not read: 2.5. */
static void t_contrast(void)
{
	static const char *const colored[] = { "dusk", "paper" };
	struct et_err err = { 0 };
	struct et_theme t;

	for (int k = 0; k < 2; k++) {
		et_theme_load(&t, colored[k], &err);
		for (int i = 0; i < ET_STYLE_COUNT; i++) {
			bool is_rule = i == ET_STYLE_BORDER || i == ET_STYLE_BORDER_FOCUS;
			double c = et_color_contrast(t.paint[i].fg, t.paint[i].bg);

			ET_OK(t.paint[i].fg.kind == ET_COLOR_RGB && c >= (is_rule ? 2.5 : 4.5),
			      "%s %s: contrast %.1f", colored[k], et_theme_roles[i], c);
		}
	}
}

#define GOOD "roles: {text: {fg: \"#010203\", bg: black, attr: [bold, underline]}, dim: {fg: default}}\n"

static void t_parse(void)
{
	struct et_err err = { 0 };
	struct et_theme t;

	ET_OK(et_theme_parse(&t, "x.yaml", GOOD, sizeof GOOD - 1, &err) == 0, "parses %s", err.msg);
	ET_OK(t.paint[0].fg.kind == ET_COLOR_RGB && t.paint[0].fg.g == 2, "hex colour");
	ET_OK(t.paint[0].bg.kind == ET_COLOR_ANSI && t.paint[0].bg.ansi == 0, "named colour");
	ET_IS_INT(t.paint[0].attr, ET_ATTR_BOLD | ET_ATTR_UNDERLINE, "list of attributes");
	ET_OK(t.paint[ET_STYLE_DIM].fg.kind == ET_COLOR_DEFAULT, "the terminal's colour");
	ET_OK(t.paint[ET_STYLE_DIM].bg.kind == ET_COLOR_ANSI, "background is that of text");
	ET_OK(t.paint[ET_STYLE_KEY].fg.b == 3 && t.paint[ET_STYLE_KEY].attr == 0,
	      "a role that is left out has the colours of text");
}

static void t_errors(void)
{
	static const struct { const char *yaml, *want; } cases[] = {
		{ "roles: {texd: {fg: red}}\n", "x.yaml:1:9: " },
		{ "roles: {text: {fgg: red}}\n", "x.yaml:1:16: " },
		{ "roles:\n  text: {fg: rad}\n",
		  "x.yaml:2:14: unknown colour 'rad'; did you mean 'red'?" },
		{ "roles:\n  text: {fg: chartreuse}\n", "x.yaml:2:14: unknown colour 'chartreuse'; it is" },
		{ "roles:\n  text: {fg: \"#12345\"}\n",
		  "x.yaml:2:14: colour '#12345' is not of the form \"#rrggbb\"" },
		{ "roles:\n  text: {fg: \"#12345g\"}\n",
		  "x.yaml:2:14: colour '#12345g' is not of the form \"#rrggbb\"" },
		{ "roles:\n  text: {fg: [red]}\n", "x.yaml:2:14: a colour is one word, got a list" },
		{ "roles:\n  text: {attr: blink}\n", "x.yaml:2:16: an attribute is one of bold, dim" },
		{ "roles:\n  text: red\n", "x.yaml:2:9: role 'text' must be a map like" },
		{ "roles: [text]\n", "x.yaml:1:8: 'roles' must be a map, got a list" },
		{ "about: nothing\n", "x.yaml:1:1: key 'roles' is missing" },
		{ "- roles\n", "x.yaml:1:1: a theme is a map with the keys theme, about, roles" },
		{ "theme: [x]\nroles: {}\n", "x.yaml:1:8: 'theme' must be a single value, got a list" },
		{ "roles: {text: {fg: red}, text: {fg: blue}}\n", "x.yaml:1:" },
		{ "", "x.yaml:1:1: " },
		{ "roles: {text: {fg: #fff}}\n", "x.yaml:" }, /* an unquoted # begins a comment */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct et_err err = { 0 };
		struct et_theme t;
		int rc = et_theme_parse(&t, "x.yaml", cases[i].yaml, strlen(cases[i].yaml), &err);

		ET_OK(rc == -1 && err.code == ET_EXIT_INPUT, "case %zu is refused", i);
		err.msg[strlen(cases[i].want)] = '\0';
		ET_IS_STR(err.msg, cases[i].want, "with its place");
	}
}

static void t_find(void)
{
	struct et_err err = { 0 };
	struct et_theme t;

	setenv("ENGINE_TOP_THEME", "paper", 1);
	ET_OK(et_theme_load(&t, NULL, &err) == 0 && strcmp(t.name, "paper") == 0,
	      "the environment names a theme");
	unsetenv("ENGINE_TOP_THEME");
	ET_OK(et_theme_load(&t, NULL, &err) == 0 && strcmp(t.name, ET_THEME_DEFAULT) == 0,
	      "else it is the default");
	ET_OK(et_theme_load(&t, "papr", &err) == -1, "an unknown one is refused");
	ET_IS_STR(err.msg, "unknown theme 'papr'; did you mean 'paper'?", "the nearest is suggested");
	et_err_clear(&err);
	ET_OK(et_theme_load(&t, "/nowhere/x.yaml", &err) == -1 && err.code == ET_EXIT_INPUT,
	      "a path that is not there: %s", err.msg);
	setenv("ENGINE_TOP_THEMES", "/", 1);
	et_err_clear(&err);
	ET_OK(et_theme_load(&t, NULL, &err) == 0 && t.paint[ET_STYLE_CURSOR].attr == ET_ATTR_REVERSE,
	      "without any theme the screen is plain, but it is there");
	ET_OK(et_theme_load(&t, "dusk", &err) == -1, "but one that was asked for is missed");
	unsetenv("ENGINE_TOP_THEMES");
}

static void t_few_colors(void)
{
	static const char *const names[] = { "dusk", "paper", "mono" };
	static const int palettes[] = { 8, 16, 256 };

	for (int k = 0; k < 3; k++) {
		struct et_err err = { 0 };
		struct et_theme t;

		et_theme_load(&t, names[k], &err);
		for (int p = 0; p < 3; p++) {
			unsigned n_same = 0;

			for (int i = 0; i < ET_STYLE_COUNT; i++) {
				int fg, bg;

				et_color_pair(&t, (enum et_style)i, palettes[p], &fg, &bg);
				n_same += (fg == bg && fg >= 0) || fg >= palettes[p] || bg >= palettes[p];
			}
			ET_IS_INT(n_same, 0, "every role can be seen with few colours");
		}
	}
}

static void t_palette(void)
{
	struct et_color grey = { .kind = ET_COLOR_RGB, .r = 0x1c, .g = 0x1c, .b = 0x1c };
	struct et_color red = { .kind = ET_COLOR_RGB, .r = 255 };
	struct et_color bright = { .kind = ET_COLOR_ANSI, .ansi = 12 };
	struct et_color none = { .kind = ET_COLOR_DEFAULT };

	ET_IS_INT(et_color_index(grey, 256), 234, "a grey of the grey ramp");
	ET_IS_INT(et_color_index(red, 256), 196, "red of the cube, not of the first 16");
	ET_IS_INT(et_color_index(red, 16), 9, "bright red of 16");
	ET_IS_INT(et_color_index(bright, 8), 4, "bright blue of 8 is blue");
	ET_IS_INT(et_color_index(none, 256), -1, "default stays default");
}

int main(void)
{
	t_shipped();
	t_contrast();
	t_parse();
	t_errors();
	t_find();
	t_few_colors();
	t_palette();
	return tap_done();
}
