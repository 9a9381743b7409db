/* SPDX-License-Identifier: Apache-2.0
 *
 * Layout at every size: nothing overlaps, nothing leaves the screen, the focused pane is there. */
#include "tap.h"

#include "tui/layout.h"

#define N 5u
static const struct et_slot slots[N] = {
	{ .weight = 4, .want = 8 }, { .weight = 5 }, { .weight = 5 }, { .weight = 3 },
	{ .weight = 4, .want = 8, .is_wide = true },
};

static unsigned char seen[100][300];

/* Mark a rectangle; false if it leaves the screen or meets what is marked. */
static int claim(struct et_rect r, unsigned cols, unsigned rows)
{
	if (r.w == 0 || r.h == 0)
		return 1;
	if (r.x + r.w > cols || r.y + r.h > rows)
		return 0;
	for (unsigned y = r.y; y < r.y + r.h; y++)
		for (unsigned x = r.x; x < r.x + r.w; x++)
			if (seen[y][x]++ != 0)
				return 0;
	return 1;
}

static int is_sound(unsigned cols, unsigned rows, unsigned focus, bool is_zoomed, bool has_message)
{
	struct et_layout l;
	int is_ok;

	memset(seen, 0, sizeof seen);
	et_layout_compute(&l, cols, rows, slots, N, focus, is_zoomed, has_message);
	is_ok = claim(l.header, cols, rows) && claim(l.message, cols, rows) &&
		claim(l.keys, cols, rows);
	for (unsigned i = 0; i < N; i++)
		is_ok = is_ok && claim(l.pane[i], cols, rows);
	if (l.regime != ET_REGIME_LINE)
		is_ok = is_ok && l.pane[focus].h >= 1 && l.pane[focus].w > 0;
	return is_ok;
}

static void t_every_size(void)
{
	unsigned n_bad = 0, n = 0;

	for (unsigned cols = 1; cols <= 300; cols++)
		for (unsigned rows = 1; rows <= 100; rows += cols % 7 == 0 ? 1 : 3)
			for (unsigned focus = 0; focus < N; focus += 2) {
				n++;
				n_bad += !is_sound(cols, rows, focus, false, rows % 2 == 0) ||
					 !is_sound(cols, rows, focus, true, false);
			}
	ET_IS_INT(n_bad, 0, "1x1 to 300x100: all inside, no overlap, the focus is shown");
	ET_OK(n > 20000, "%u layouts", n);
}

static unsigned shown(const struct et_layout *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N; i++)
		n += l->pane[i].h >= 3;
	return n;
}

static void t_regimes(void)
{
	static const struct { unsigned cols, rows, panes; enum et_regime regime; } cases[] = {
		{ 1, 1, 0, ET_REGIME_LINE },       { 19, 50, 0, ET_REGIME_LINE },
		{ 100, 4, 0, ET_REGIME_LINE },     { 20, 5, 1, ET_REGIME_SINGLE },
		{ 59, 40, 1, ET_REGIME_SINGLE },   { 80, 15, 1, ET_REGIME_SINGLE },
		{ 80, 24, 5, ET_REGIME_GRID },     { 120, 40, 5, ET_REGIME_GRID },
		{ 200, 60, 5, ET_REGIME_GRID },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct et_layout l;

		et_layout_compute(&l, cases[i].cols, cases[i].rows, slots, N, 0, false, false);
		ET_OK(l.regime == cases[i].regime, "%ux%u: regime", cases[i].cols, cases[i].rows);
		ET_IS_INT(shown(&l), cases[i].panes, "panes with at least three rows");
	}
}

static void t_focus_and_want(void)
{
	struct et_layout one, two;

	et_layout_compute(&one, 80, 40, slots, N, 1, false, false);
	et_layout_compute(&two, 80, 40, slots, N, 2, false, false);
	ET_OK(one.pane[1].h > two.pane[1].h && one.pane[2].h < two.pane[2].h,
	      "the focused pane has more rows");
	et_layout_compute(&one, 80, 100, slots, N, 0, false, false);
	ET_IS_INT(one.pane[0].h, 8, "a pane gets no more than it wants");
	et_layout_compute(&one, 120, 40, slots, N, 0, false, false);
	ET_IS_INT(one.pane[4].w, 120, "the wide pane spans the columns");
	ET_IS_INT(one.pane[4].h, 8, "with the rows that it wants");
	ET_IS_INT(one.pane[0].x, one.pane[2].x, "builds and heap share a column");
	et_layout_compute(&one, 120, 40, slots, N, 3, true, false);
	ET_OK(one.pane[3].w == 120 && one.pane[3].h == 36, "zoom takes all between header and keys");
	ET_IS_INT(shown(&one), 1, "and hides the others");
}

int main(void)
{
	t_every_size();
	t_regimes();
	t_focus_and_want();
	return tap_done();
}
