/* SPDX-License-Identifier: Apache-2.0
 *
 * The grid: widths, hostile text, clipping, elision. */
#include "tap.h"

#include "tui/cell.h"

static struct et_grid grid;

static const char *row(unsigned y)
{
	static char line[4096];
	char *text = et_cell_dump(&grid), *s = text;

	for (; y > 0; y--)
		s = strchr(s, '\n') + 1;
	*strchr(s, '\n') = '\0';
	snprintf(line, sizeof line, "%s", s);
	free(text);
	return line;
}

static struct et_canvas fresh(unsigned cols, unsigned rows)
{
	et_cell_resize(&grid, cols, rows);
	return et_cell_canvas(&grid);
}

static void t_widths(void)
{
	static const struct { const char *text; unsigned width; } cases[] = {
		{ "", 0 }, { "abc", 3 }, { "\u65e5\u672c", 4 }, { "e\u0301tude", 5 },
		{ "\U0001f600", 2 }, { "\u2500\u2588\u258f\u2026\u00b1", 5 },
		{ "\x1b[31m", 8 },         /* \x1b is four columns as text */
		{ "\xff\xfe", 8 },         /* invalid UTF-8, byte for byte */
		{ "\u202egnp", 11 },       /* \u{202e} */
		{ "a\u200db", 10 },        /* zero width joiner */
		{ "\u2764\ufe0f", 1 },     /* a variation selector is left out */
		{ "\xed\xa0\x80", 12 },    /* a surrogate */
		{ "\xe6\x97", 8 },         /* cut short */
		{ "\u0301", 0 },           /* a mark on nothing is not drawn */
		{ "\uff21\uff22", 4 },     /* full width */
		{ "\u1100\u1161", 2 },     /* Hangul vowel joins the consonant */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct et_canvas c = fresh(40, 1);
		unsigned drawn = et_cell_text(&c, 0, 0, ET_STYLE_TEXT, cases[i].text);

		ET_IS_INT(et_cell_width(cases[i].text), cases[i].width, "width of a text");
		ET_IS_INT(drawn, cases[i].width, "columns it took");
	}
}

static void t_wrap(void)
{
	struct et_canvas c = fresh(10, 6), none = et_cell_sub(&c, 0, 0, 10, 0);
	const char *text = "one two  three /a/very/long/path \u65e5\u672c\u65e5\u672c\u65e5\u672c";
	unsigned seed = 7, n_differ = 0;

	ET_IS_INT(et_cell_wrap(&c, 0, ET_STYLE_TEXT, text), 6, "lines of a wrapped text");
	ET_IS_STR(row(0), "one two", "broken at a blank");
	ET_IS_STR(row(1), "three", "and at the next one");
	ET_IS_STR(row(2), "/a/very/lo", "a word that is too long: within");
	ET_IS_STR(row(3), "ng/path", "and goes on");
	ET_IS_STR(row(4), "\u65e5\u672c\u65e5\u672c\u65e5", "wide characters stay whole");
	ET_IS_STR(row(5), "\u672c", "all of them");
	ET_IS_INT(et_cell_wrap(&none, 0, ET_STYLE_TEXT, text), 6, "without lines it counts the same");
	none = et_cell_sub(&c, 0, 0, 0, 6);
	ET_IS_INT(et_cell_wrap(&none, 2, ET_STYLE_TEXT, text), 3, "without columns too");
	for (unsigned i = 0; i < 5000; i++) {
		char bytes[40];
		unsigned w = i % 7 + 1;
		struct et_canvas all = fresh(w, 400), few = et_cell_sub(&all, 0, 0, w, 0);

		for (unsigned k = 0; k < sizeof bytes; k++) {
			seed = seed * 1103515245u + 12345u;
			bytes[k] = seed >> 30 == 0 ? ' ' : (char)(seed >> 16);
		}
		bytes[sizeof bytes - 1] = '\0';
		n_differ += et_cell_wrap(&all, 0, ET_STYLE_TEXT, bytes) !=
			    et_cell_wrap(&few, 0, ET_STYLE_TEXT, bytes);
	}
	ET_IS_INT(n_differ, 0, "whatever the bytes");
}

/* Whatever the bytes, a grid holds only characters that a terminal may get. */
static void t_nothing_leaks(void)
{
	unsigned seed = 12345, n_bad = 0, n_gaps = 0;

	for (int round = 0; round < 20000; round++) {
		struct et_canvas c = fresh(23, 2);
		char text[24];
		size_t n = 1 + (size_t)(round % 22);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			text[i] = (char)(seed >> 16);
			text[i] = (char)(text[i] == '\0' ? 1 : text[i]);
		}
		text[n] = '\0';
		et_cell_text(&c, (unsigned)round % 25, 0, ET_STYLE_TEXT, text);
		for (unsigned x = 0; x < 23; x++) {
			const struct et_cell *cell = &grid.cells[x];

			n_bad += cell->cp < 0x20 || (cell->cp >= 0x7f && cell->cp < 0xa0) ||
				 (cell->cp >= 0x202a && cell->cp <= 0x202e) || cell->cp > 0x10ffff;
			n_gaps += (cell->width == 2 && (x + 1 == 23 || cell[1].width != 0)) ||
				  (cell->width == 0 && (x == 0 || cell[-1].width != 2));
		}
	}
	ET_IS_INT(n_bad, 0, "20,000 random texts: no control character in any cell");
	ET_IS_INT(n_gaps, 0, "and no half of a wide character without the other");
}

static void t_text(void)
{
	struct et_canvas c = fresh(10, 3), sub;

	et_cell_text(&c, 0, 0, ET_STYLE_TEXT, "a\x1b]0;x\x07");
	ET_IS_STR(row(0), "a\\x1b]0;x\\", "escape sequences become text, cut at the edge");
	et_cell_text(&c, 0, 1, ET_STYLE_TEXT, "abcdefghi\u65e5");
	ET_IS_STR(row(1), "abcdefghi", "a wide character that does not fit is left out");
	et_cell_text(&c, 0, 2, ET_STYLE_TEXT, "\u65e5\u672c\u8a9e");
	et_cell_text(&c, 1, 2, ET_STYLE_TEXT, "x");
	ET_IS_STR(row(2), " x\u672c\u8a9e", "writing on a half blanks the other half");
	sub = et_cell_sub(&c, 8, 0, 100, 100);
	ET_OK(sub.r.w == 2 && sub.r.h == 3, "a canvas cannot leave its parent");
	ET_IS_INT(et_cell_text(&sub, 5, 0, ET_STYLE_TEXT, "outside"), 0, "text outside is not drawn");
	et_cell_text(&sub, 0, 9, ET_STYLE_TEXT, "below");
	ET_IS_STR(row(0), "a\\x1b]0;x\\", "nothing was overwritten");
	c = fresh(4, 1);
	et_cell_text(&c, 0, 0, ET_STYLE_BAD, "e\u0301\u0302!");
	ET_OK(grid.cells[0].cp == 'e' && grid.cells[0].mark == 0x301, "one mark is kept");
	ET_OK(grid.cells[1].cp == '!' && grid.cells[1].style == ET_STYLE_BAD, "the second is dropped");
}

static void is_cut(const char *text, unsigned cols, const char *middle, const char *end)
{
	char buf[256];

	ET_IS_STR(et_cell_elide(buf, sizeof buf, text, cols), middle, "cut in the middle");
	ET_OK(et_cell_width(buf) <= cols, "fits");
	ET_IS_STR(et_cell_cut(buf, sizeof buf, text, cols), end, "cut at the end");
	ET_OK(et_cell_width(buf) <= cols, "fits");
}

static void t_elision(void)
{
	is_cut("short", 5, "short", "short");
	is_cut("module_function", 9, "modu\u2026tion", "module_f\u2026");
	is_cut("abc", 1, "\u2026", "\u2026");
	is_cut("abc", 0, "", "");
	is_cut("\u65e5\u672c\u8a9e\u6587\u5b57", 6, "\u65e5\u2026\u5b57", "\u65e5\u672c\u2026");
	is_cut("\x1b\x1b\x1b", 7, "\\x1\u2026x1b", "\\x1b\\x\u2026");
	is_cut("e\u0301tudes", 5, "e\u0301t\u2026es", "e\u0301tud\u2026");
}

static void t_fallback(void)
{
	ET_IS_INT(et_cell_fallback(0x2588, 0), 0x2588, "level 0 keeps");
	ET_IS_INT(et_cell_fallback(0x2588, 2), '#', "a block in ASCII");
	ET_IS_INT(et_cell_fallback(0x2501, 1), 0x2550, "a heavy rule on the Linux console");
	ET_IS_INT(et_cell_fallback(0x65e5, 2), '?', "a foreign letter in ASCII");
	ET_IS_INT(et_cell_fallback('x', 2), 'x', "ASCII stays");
	for (uint32_t cp = 0x80; cp < 0x3000; cp++)
		if (et_cell_fallback(cp, 2) >= 0x7f) {
			ET_OK(0, "U+%04X has no ASCII form", cp);
			return;
		}
	ET_OK(1, "every fallback of level 2 is ASCII");
}

int main(void)
{
	t_widths();
	t_wrap();
	t_nothing_leaks();
	t_text();
	t_elision();
	t_fallback();
	et_cell_fini(&grid);
	return tap_done();
}
