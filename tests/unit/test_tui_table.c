/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables that drop columns, lists that sort only what they show, bars and strips. */
#include "tap.h"

#include "fixture.h"
#include "tui/list.h"
#include "tui/table.h"
#include "tui/widget.h"

static struct et_grid grid;

static const char *line(void)
{
	static char text[1024];
	char *all = et_cell_dump(&grid);

	*strchr(all, '\n') = '\0';
	snprintf(text, sizeof text, "%s", all);
	free(all);
	return text;
}

static struct et_canvas fresh(unsigned cols)
{
	et_cell_resize(&grid, cols, 1);
	return et_cell_canvas(&grid);
}

/* ---- tables -------------------------------------------------------------------------------- */

static const struct et_col cols[] = {
	{ .title = "flat", .width = 5, .is_right = true },
	{ .title = "name", .width = 6, .grow = 1 },
	{ .title = "where", .width = 6, .priority = 1 },
	{ .title = "trend", .width = 8, .priority = 2 },
};

static const char *drawn(unsigned width)
{
	struct et_canvas c = fresh(width);
	struct et_table_fit t;

	et_table_fit(&t, cols, 4, width);
	et_table_text(&t, &c, 0, 0, ET_STYLE_TEXT, "1.5%");
	et_table_text(&t, &c, 0, 1, ET_STYLE_TEXT, "module_function");
	et_table_text(&t, &c, 0, 2, ET_STYLE_TEXT, "a.c:1");
	et_table_text(&t, &c, 0, 3, ET_STYLE_TEXT, "up");
	return line();
}

static void t_columns(void)
{
	ET_IS_STR(drawn(50), " 1.5%  module_function            a.c:1   up",
		  "all columns, the spare width goes to the name");
	ET_IS_STR(drawn(31), " 1.5%  mod\u2026on  a.c:1   up", "all columns, just");
	ET_IS_STR(drawn(30), " 1.5%  module_function  a.c:1", "trend is dropped first");
	ET_IS_STR(drawn(21), " 1.5%  mod\u2026on  a.c:1", "names are cut in the middle");
	ET_IS_STR(drawn(20), " 1.5%  module\u2026nction", "then where");
	ET_IS_STR(drawn(13), " 1.5%  mod\u2026on", "the rest is never dropped");
	ET_IS_STR(drawn(11), " 1.5%  mo\u2026n", "names become as narrow as can be");
	ET_IS_STR(drawn(8), " 1.5%  m", "only cut off");
}

/* ---- lists --------------------------------------------------------------------------------- */

static int64_t keys[5000];

static int64_t key_of(const void *ctx, uint32_t ix)
{
	(void)ctx;
	return keys[ix];
}

static uint64_t id_of(const void *ctx, uint32_t ix)
{
	(void)ctx;
	return et_list_hash(ET_LIST_HASH, &ix, sizeof ix);
}

static int by_key(const void *a, const void *b)
{
	const struct et_list_item *x = a, *y = b;

	return x->key != y->key ? (x->key < y->key ? 1 : -1) : x->ix < y->ix ? -1 : x->ix > y->ix;
}

/* A window must hold what a whole sort would put there. */
static int is_window_right(uint32_t n, uint32_t from, uint32_t to)
{
	struct et_list l, whole;
	int is_same;

	et_list_build(&l, n, key_of, NULL);
	et_list_build(&whole, n, key_of, NULL);
	qsort(whole.items, whole.n, sizeof *whole.items, by_key);
	et_list_window(&l, from, to);
	to = to < l.n ? to : l.n;
	is_same = l.n == whole.n;
	for (uint32_t i = from; i < to; i++)
		is_same = is_same && l.items[i].ix == whole.items[i].ix;
	et_list_fini(&l);
	et_list_fini(&whole);
	return is_same;
}

static void t_window(void)
{
	unsigned n_bad = 0, seed = 7;

	for (unsigned round = 0; round < 600; round++) {
		uint32_t n = round % 3 == 0 ? round % 20 + 1 : round * 8 % 5000 + 1;

		for (uint32_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			/* few distinct keys, sorted, reversed, random */
			keys[i] = round % 4 == 0 ? (int64_t)(seed >> 16) % 3 : round % 4 == 1 ? i
				  : round % 4 == 2 ? -(int64_t)i : (int64_t)seed;
			if (seed % 11 == 0 && round % 5 == 0)
				keys[i] = ET_LIST_HIDDEN;
		}
		n_bad += !is_window_right(n, seed % n, seed % n + 40) || !is_window_right(n, 0, 25);
	}
	ET_IS_INT(n_bad, 0, "1,200 windows agree with a whole sort");
}

static void t_cursor(void)
{
	struct et_list_ops ops = { .id = id_of };
	struct et_list_state st = { .cursor = 3 };
	struct et_list l;

	for (uint32_t i = 0; i < 100; i++)
		keys[i] = 1000 - i;
	et_list_build(&l, 100, key_of, NULL);
	et_list_settle(&l, &st, &ops, 10);
	ET_IS_INT(l.items[st.cursor].ix, 3, "row 3 is under the cursor");
	et_list_fini(&l);
	keys[3] = 994; /* falls to place 6 */
	et_list_build(&l, 100, key_of, NULL);
	et_list_settle(&l, &st, &ops, 10);
	ET_IS_INT(l.items[st.cursor].ix, 3, "the cursor goes a little way down with its row");
	ET_IS_INT(st.top, 0, "and the largest rows stay on the screen");
	et_list_fini(&l);
	st.open_id = st.cursor_id;
	keys[3] = 992;
	et_list_build(&l, 100, key_of, NULL);
	et_list_settle(&l, &st, &ops, 10);
	ET_IS_INT(st.cursor - st.top, 5, "an unfolded row is read: it stays on its line");
	et_list_fini(&l);
	st = (struct et_list_state){ .cursor = 3, .cursor_id = st.cursor_id };
	keys[3] = 950; /* falls to place 50 */
	et_list_build(&l, 100, key_of, NULL);
	et_list_settle(&l, &st, &ops, 10);
	ET_IS_INT(l.items[st.cursor].ix, 3, "the cursor follows its row");
	ET_IS_INT(st.cursor - st.top, 3, "which stays on the same line");
	et_list_fini(&l);
	keys[3] = ET_LIST_HIDDEN;
	et_list_build(&l, 100, key_of, NULL);
	et_list_settle(&l, &st, &ops, 10);
	ET_OK(st.cursor < l.n && st.top <= st.cursor && st.cursor < st.top + 10,
	      "a row that is gone leaves the cursor on the screen");
	et_list_fini(&l);
	et_list_build(&l, 0, key_of, NULL);
	et_list_settle(&l, &st, &ops, 10);
	ET_OK(st.cursor == 0 && st.top == 0, "an empty list");
	st = (struct et_list_state){ .cursor = 0 };
	for (int round = 0; round < 2; round++) {
		keys[round == 0 ? 40 : 41] = 5000 + round;
		et_list_build(&l, 100, key_of, NULL);
		et_list_settle(&l, &st, &ops, 10);
		ET_IS_INT(l.items[0].ix, round == 0 ? 40 : 41, "at the top the largest is shown");
		ET_IS_INT(st.cursor, 0, "and the cursor stays there");
		et_list_fini(&l);
	}
}

/* ---- bars ---------------------------------------------------------------------------------- */

static const char *bar(double num, double den)
{
	struct et_canvas c = fresh(6);

	et_widget_bar(&c, 0, 0, 4, ET_STYLE_CPU, num, den);
	et_cell_text(&c, 4, 0, ET_STYLE_TEXT, "|");
	return line();
}

static void t_bars(void)
{
	ET_IS_STR(bar(0, 100), "    |", "nothing");
	ET_IS_STR(bar(0.001, 100), "\u258f   |", "little is not nothing");
	ET_IS_STR(bar(50, 100), "\u2588\u2588  |", "a half");
	ET_IS_STR(bar(100, 100), "\u2588\u2588\u2588\u2588|", "all");
	ET_IS_STR(bar(1e300, 1), "\u2588\u2588\u2588\u2588|", "more than all");
	ET_IS_STR(bar(5, 32), "\u258b   |", "five eighths of a column");
	ET_IS_STR(bar(1, 0), "    |", "of nothing");
	ET_IS_STR(bar(-1, 4), "    |", "negative");
}

static void t_spark(void)
{
	static const int64_t points[] = { 999, 0, 1, 4, 8 };
	struct et_snapbuild *b = et_snapbuild_new();
	struct et_row_series s = { .n = 5 };
	struct et_snapshot head = { .seq = 1 };
	const struct et_snapshot *snap;
	struct et_canvas c = fresh(8);

	for (int i = 0; i < 5; i++)
		et_snapbuild_add(b, ET_TAB_POINTS, &points[i], sizeof points[i]);
	snap = et_snapbuild_finish(b, &head);
	/* columns of {999}, {0, 1}, {4, 8} */
	et_widget_spark(&c, 0, 0, 3, ET_STYLE_SPARK, snap, &s);
	ET_IS_STR(line(), "\u2588\u2581\u2581", "two points a column, means");
	c = fresh(8);
	s.n = 4;
	s.first = 1;
	et_widget_spark(&c, 0, 0, 4, ET_STYLE_SPARK, snap, &s);
	ET_IS_STR(line(), "\u2581\u2581\u2584\u2588", "one point a column, from 0 to the largest");
	c = fresh(8);
	et_widget_spark(&c, 0, 0, 2, ET_STYLE_SPARK, snap, &s);
	ET_IS_STR(line(), "\u2581\u2588", "means of 0, 1 and of 4, 8");
	c = fresh(8);
	et_widget_spark(&c, 0, 0, 7, ET_STYLE_SPARK, snap, &s);
	ET_IS_STR(line(), "   \u2581\u2581\u2584\u2588", "fewer points stand at the right");
	s.n = UINT32_MAX;
	c = fresh(8);
	et_widget_spark(&c, 0, 0, 7, ET_STYLE_SPARK, snap, &s);
	ET_IS_STR(line(), "", "a hostile length is not walked");
	et_snapshot_unref(snap);
	et_snapbuild_free(b);
}

static void t_strip(void)
{
	struct et_seg segs[] = {
		{ .label = "CPU", .text = "187% of 200%", .shorter = "187%" },
		{ .label = "RSS", .text = "58.1M, peak 63.0M", .shorter = "58.1M", .priority = 2 },
		{ .label = "up", .text = "00:01:07", .priority = 3, .is_right = true },
	}, copy[3];
	static const struct { unsigned cols; const char *want; } cases[] = {
		{ 60, " CPU 187% of 200%   RSS 58.1M, peak 63.0M       up 00:01:07" },
		{ 50, " CPU 187% of 200%   RSS 58.1M         up 00:01:07" },
		{ 36, " CPU 187%   RSS 58.1M   up 00:01:07" },
		{ 30, " CPU 187%   RSS 58.1M" },
		{ 15, " CPU 187%" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct et_canvas c = fresh(cases[i].cols);

		memcpy(copy, segs, sizeof segs);
		et_widget_strip(&c, 0, NULL, copy, 3);
		ET_IS_STR(line(), cases[i].want, "a strip shortens, then drops what matters least");
	}
}

int main(void)
{
	t_columns();
	t_window();
	t_cursor();
	t_bars();
	t_spark();
	t_strip();
	et_cell_fini(&grid);
	return tap_done();
}
