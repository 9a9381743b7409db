/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads: how many are in which state, then groups that share a state and a stack, largest
 * first; or one by one; or where they were seen over the whole session.  engine-top's own are
 * hidden unless asked for. */
#include <stdio.h>
#include <string.h>

#include "tui/pane/pane.h"
#include "tui/table.h"
#include "tui/widget.h"

enum { GROUPS, EACH, SESSION };
enum { C_COUNT_OF, C_STATE, C_STACK, C_GROUP_COLS };
enum { C_TID, C_NAME, C_TSTATE, C_CPU, C_TSTACK, C_EACH_COLS };

struct threads {
	const struct et_pane_args *a;
	struct et_table_fit table;
	double sightings; /* session view: what 100 % is */
};

static const struct et_col group_cols[C_GROUP_COLS] = {
	[C_COUNT_OF] = { .title = "count", .width = 5, .is_right = true },
	[C_STATE] = { .title = "state", .width = 8 },
	[C_STACK] = { .title = "stack: function < its caller < ...", .width = 10, .grow = 1,
		      .is_phrase = true },
};

static const struct et_col session_cols[C_GROUP_COLS] = {
	[C_COUNT_OF] = { .title = "time", .width = 6, .is_right = true },
	[C_STATE] = { .title = "state", .width = 8 },
	[C_STACK] = { .title = "stack: function < its caller < ...", .width = 10, .grow = 1,
		      .is_phrase = true },
};

static const struct et_col each_cols[C_EACH_COLS] = {
	[C_TID] = { .title = "tid", .width = 7, .is_right = true, .priority = 2 },
	[C_NAME] = { .title = "name", .width = 10, .grow = 1, .most = 18 },
	[C_TSTATE] = { .title = "state", .width = 8 },
	[C_CPU] = { .title = "cpu time", .width = 8, .is_right = true, .priority = 1 },
	[C_TSTACK] = { .title = "stack", .width = 10, .grow = 3, .priority = 3,
		       .is_phrase = true },
};

static bool is_hidden(const struct threads *p, uint32_t flags)
{
	return (flags & ET_THREAD_SELF) != 0 && !p->a->opts->shows_self;
}

static enum et_style state_style(uint32_t state)
{
	switch (state) {
	case ET_THREAD_RUNNING: return ET_STYLE_CPU;
	case ET_THREAD_RUNNABLE: return ET_STYLE_WARN;
	case ET_THREAD_IDLE:
	case ET_THREAD_SLEEP: return ET_STYLE_DIM;
	default: return ET_STYLE_WAIT;
	}
}

/* ---- both lists: a row has a state, a stack and flags -------------------------------------- */

struct thread_row {
	uint32_t state, stack, flags;
	int64_t key;
};

static struct thread_row row_at(const struct threads *p, uint32_t ix)
{
	struct et_row_thread t;
	struct et_row_group g;
	struct et_row_wait w;

	if (p->a->st->view == EACH) {
		et_snapshot_get(p->a->snap, ET_TAB_THREADS, ix, &t, sizeof t);
		return (struct thread_row){ t.state, t.stack, t.flags, t.cpu_ns };
	}
	if (p->a->st->view == SESSION) {
		et_snapshot_get(p->a->snap, ET_TAB_WAITS, ix, &w, sizeof w);
		return (struct thread_row){ w.state, w.stack, w.flags, (int64_t)(w.times & INT64_MAX) };
	}
	et_snapshot_get(p->a->snap, ET_TAB_GROUPS, ix, &g, sizeof g);
	return (struct thread_row){ g.state, g.stack, g.flags, g.count };
}

static int64_t key_of(const void *ctx, uint32_t ix)
{
	const struct threads *p = ctx;
	struct thread_row r = row_at(p, ix);

	return is_hidden(p, r.flags) ? ET_LIST_HIDDEN : r.key < 0 ? 0 : r.key;
}

static uint64_t id_of(const void *ctx, uint32_t ix)
{
	const struct threads *p = ctx;
	struct thread_row r = row_at(p, ix);
	struct et_row_thread t;
	uint64_t h = ET_LIST_HASH;

	if (p->a->st->view == EACH) {
		et_snapshot_get(p->a->snap, ET_TAB_THREADS, ix, &t, sizeof t);
		return et_list_hash(h, &t.tid, sizeof t.tid);
	}
	h = et_list_hash(h, &r.flags, sizeof r.flags);
	h = et_list_hash(h, &r.state, sizeof r.state);
	return et_pane_stack_id(p->a->snap, r.stack, h);
}

static uint32_t unfolded(const void *ctx, uint32_t ix)
{
	const struct threads *p = ctx;

	return et_pane_stack_lines(p->a->snap, row_at(p, ix).stack);
}

static void draw_body(const void *ctx, uint32_t ix, const struct et_canvas *c)
{
	const struct threads *p = ctx;

	et_pane_stack_draw(c, p->a->snap, row_at(p, ix).stack);
}

static void draw_group(const struct threads *p, const struct et_canvas *c, uint32_t ix)
{
	struct thread_row r = row_at(p, ix);
	char text[1024];

	if (p->a->st->view == SESSION)
		et_table_textf(&p->table, c, 0, C_COUNT_OF, ET_STYLE_STRONG, "%.1f%%",
			       (double)r.key * 100 / p->sightings);
	else
		et_table_textf(&p->table, c, 0, C_COUNT_OF, ET_STYLE_STRONG, "%lld", (long long)r.key);
	et_table_text(&p->table, c, 0, C_STATE, state_style(r.state),
		      et_snapshot_thread_state(r.state));
	et_table_textf(&p->table, c, 0, C_STACK, ET_STYLE_TEXT, "%s%s",
		       (r.flags & ET_THREAD_SELF) != 0 ? "(own) " : "",
		       et_pane_stack(text, sizeof text, p->a->snap, r.stack));
}

static void draw_thread(const struct threads *p, const struct et_canvas *c, uint32_t ix)
{
	struct et_row_thread t;
	char text[1024];

	et_snapshot_get(p->a->snap, ET_TAB_THREADS, ix, &t, sizeof t);
	et_table_textf(&p->table, c, 0, C_TID, ET_STYLE_DIM, "%u", t.tid);
	et_table_text(&p->table, c, 0, C_NAME, ET_STYLE_TEXT, et_snapshot_str(p->a->snap, t.name));
	et_table_text(&p->table, c, 0, C_TSTATE, state_style(t.state),
		      et_snapshot_thread_state(t.state));
	et_table_text(&p->table, c, 0, C_TSTACK, ET_STYLE_TEXT,
		      et_pane_stack(text, sizeof text, p->a->snap, t.stack));
	et_table_text(&p->table, c, 0, C_CPU, ET_STYLE_STRONG,
		      et_text_time(text, sizeof text, t.cpu_ns));
}

static void draw_row(const void *ctx, uint32_t ix, uint32_t place, const struct et_canvas *line)
{
	const struct threads *p = ctx;
	struct et_canvas c = et_cell_sub(line, ET_PANE_MARGIN, 0, line->r.w, 1);

	(void)place;
	if (p->a->st->view == EACH)
		draw_thread(p, &c, ix);
	else
		draw_group(p, &c, ix);
}

/* ---- counts by state ----------------------------------------------------------------------- */

struct counts {
	unsigned n[ET_THREAD_STATE_COUNT], total, own;
};

static struct counts count_states(const struct threads *p)
{
	struct counts k = { .total = 0 };
	struct et_row_thread t;

	for (uint32_t i = 0; et_snapshot_get(p->a->snap, ET_TAB_THREADS, i, &t, sizeof t); i++) {
		k.own += (t.flags & ET_THREAD_SELF) != 0;
		if (is_hidden(p, t.flags))
			continue;
		k.total++;
		if (t.state < ET_THREAD_STATE_COUNT)
			k.n[t.state]++;
	}
	return k;
}

/* Columns for the bar: one a thread, or what the words leave, at most half. */
static unsigned bar_room(const struct counts *k, unsigned width)
{
	unsigned words = ET_PANE_MARGIN + 2, room;
	char text[32];

	for (uint32_t s = 0; s < ET_THREAD_STATE_COUNT; s++)
		if (k->n[s] > 0)
			words += 2 + (unsigned)snprintf(text, sizeof text, "%u %s", k->n[s],
							et_snapshot_thread_state(s));
	room = width <= words ? 0 : width - words < width / 2 ? width - words : width / 2;
	room = k->total < room ? k->total : room;
	return room < 4 && room < k->total ? 0 : room; /* a crumb of a bar says nothing */
}

/* A bar of all threads, then the numbers and the words; all on one line. */
static void draw_counts(const struct threads *p, const struct et_canvas *c)
{
	struct counts k = count_states(p);
	unsigned x = ET_PANE_MARGIN, room = bar_room(&k, c->r.w), sum = 0, at = 0;

	for (uint32_t s = 0; s < ET_THREAD_STATE_COUNT && k.total > 0; s++) {
		sum += k.n[s];
		/* ends are rounded, not lengths: the whole is never longer than its room */
		et_cell_run(c, x + at, 0, sum * room / k.total - at, state_style(s), 0x2588);
		at = sum * room / k.total;
	}
	x += room > 0 ? room + 2 : 0;
	for (uint32_t s = 0; s < ET_THREAD_STATE_COUNT; s++)
		if (k.n[s] > 0)
			x += et_cell_textf(c, x, 0, state_style(s), "%u %s", k.n[s],
					   et_snapshot_thread_state(s)) + 2;
}

static void draw(const struct et_pane_args *a)
{
	static const struct { const struct et_col *cols; unsigned n; enum et_table rows; } views[] = {
		[GROUPS] = { group_cols, C_GROUP_COLS, ET_TAB_GROUPS },
		[EACH] = { each_cols, C_EACH_COLS, ET_TAB_THREADS },
		[SESSION] = { session_cols, C_GROUP_COLS, ET_TAB_WAITS },
	};
	unsigned view = a->st->view;
	struct threads p = { .a = a };
	unsigned n_head = a->c.r.h >= 4 ? 1 : 0; /* on a low pane the words of the counts do */
	struct et_canvas head = et_cell_sub(&a->c, ET_PANE_MARGIN, 1, a->c.r.w, n_head);
	struct et_pane_list l = { .a = a,
				  .c = et_cell_sub(&a->c, 0, 1 + n_head, a->c.r.w, a->c.r.h),
				  .ops = { .id = id_of, .unfolded = unfolded, .ctx = &p },
				  .row = draw_row, .body = draw_body, .empty = "no threads yet" };

	draw_counts(&p, &a->c);
	et_table_fit(&p.table, views[view].cols, views[view].n, head.r.w);
	et_table_head(&p.table, &head, 0);
	et_list_build(&l.list, et_snapshot_rows(a->snap, views[view].rows), key_of, &p);
	for (uint32_t i = 0; i < l.list.n; i++)
		p.sightings += (double)l.list.items[i].key;
	et_pane_list_draw(&l);
}

static void caption(const struct et_pane_args *a, char *buf, size_t n)
{
	struct threads p = { .a = a };
	struct counts k = count_states(&p);
	static const char *const what[] = { " by stack", "", " now; time of the session by stack" };
	size_t at = (size_t)snprintf(buf, n, "%u%s", k.total, what[a->st->view]);

	if (k.own > 0 && at < n)
		snprintf(buf + at, n - at, a->opts->shows_self ? ", %u of them own (O hides)"
							       : ", %u own hidden (O shows)",
			 k.own);
}

const struct et_pane et_pane_threads = {
	.name = "threads",
	.title = "Threads",
	.about = "threads by state, and groups that share a stack, largest first; Enter unfolds the "
		 "stack",
	.views = { "groups", "threads", "over the session" },
	.unfolds = true,
	.weight = 3,
	.caption = caption,
	.draw = draw,
};
