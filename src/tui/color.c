/* SPDX-License-Identifier: Apache-2.0
 *
 * Colours of a theme as numbers of a terminal's palette.  The nearest one is sought in OKLab,
 * where distance is what an eye sees; in RGB a calm dark blue becomes black or purple.  Pure. */
#include <math.h>

#include "tui/theme.h"

/* What the 16 colours are taken for when a hex colour must be mapped to them (xterm's). */
static const uint8_t ansi_rgb[16][3] = {
	{ 0, 0, 0 },       { 205, 0, 0 },   { 0, 205, 0 },   { 205, 205, 0 },
	{ 0, 0, 238 },     { 205, 0, 205 }, { 0, 205, 205 }, { 229, 229, 229 },
	{ 127, 127, 127 }, { 255, 0, 0 },   { 0, 255, 0 },   { 255, 255, 0 },
	{ 92, 92, 255 },   { 255, 0, 255 }, { 0, 255, 255 }, { 255, 255, 255 },
};

static double linear(uint8_t v)
{
	double c = v / 255.0;

	return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

struct lab {
	double l, a, b;
};

static struct lab to_lab(uint8_t r8, uint8_t g8, uint8_t b8)
{
	double r = linear(r8), g = linear(g8), b = linear(b8);
	double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
	double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
	double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);

	return (struct lab){ 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
			     1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
			     0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s };
}

static double distance(struct lab x, struct lab y)
{
	double l = x.l - y.l, a = x.a - y.a, b = x.b - y.b;

	return l * l + a * a + b * b;
}

/* Colour i of xterm's 256: 16 named, a cube of 6 x 6 x 6, 24 greys. */
static struct lab palette(int i)
{
	static const uint8_t level[6] = { 0, 95, 135, 175, 215, 255 };
	uint8_t grey = (uint8_t)(8 + 10 * (i - 232));

	if (i < 16)
		return to_lab(ansi_rgb[i][0], ansi_rgb[i][1], ansi_rgb[i][2]);
	if (i < 232)
		return to_lab(level[(i - 16) / 36], level[(i - 16) / 6 % 6], level[(i - 16) % 6]);
	return to_lab(grey, grey, grey);
}

int et_color_index(struct et_color c, int n_colors)
{
	/* with 256 the first 16 are not used: people redefine them */
	int from = n_colors >= 256 ? 16 : 0, to = n_colors >= 256 ? 256 : n_colors, best = from;
	struct lab want;

	if (c.kind == ET_COLOR_DEFAULT || n_colors < 8)
		return -1;
	if (c.kind == ET_COLOR_ANSI)
		return c.ansi < n_colors ? c.ansi : c.ansi % 8;
	want = to_lab(c.r, c.g, c.b);
	for (int i = from + 1; i < to; i++)
		if (distance(palette(i), want) < distance(palette(best), want))
			best = i;
	return best;
}

void et_color_pair(const struct et_theme *t, enum et_style style, int n_colors, int *fg, int *bg)
{
	*fg = et_color_index(t->paint[style].fg, n_colors);
	*bg = et_color_index(t->paint[style].bg, n_colors);
	if (*fg != *bg || *fg < 0)
		return;
	*fg = et_color_index(t->paint[ET_STYLE_TEXT].fg, n_colors);
	if (*fg == *bg) /* black or white, whatever it is not */
		*fg = *bg == 0 ? 7 : 0;
}

static double luminance(struct et_color c)
{
	return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
}

double et_color_contrast(struct et_color a, struct et_color b)
{
	double x = luminance(a) + 0.05, y = luminance(b) + 0.05;

	return x > y ? x / y : y / x;
}
