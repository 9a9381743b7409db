/* SPDX-License-Identifier: Apache-2.0
 * Snapshots: what the builder was given is what readers get, older and newer shapes are read as
 * promised, and damaged bytes never lead a reader outside the block. */
#include "engine-top/snapshot.h"

#include <pthread.h>

#include "engine-top/metric.h"
#include "tap.h"

static struct et_snapbuild *builder(void)
{
	struct et_snapbuild *b = et_snapbuild_new();

	if (b == NULL) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	return b;
}

/* Two functions, one stack leaf -> main, one sample, some metrics, one series. */
static void fill(struct et_snapbuild *b)
{
	struct et_row_func leaf = { .name = et_snapbuild_str(b, "leaf"), .line = 7, .flat = 3,
				    .cum = 3 };
	struct et_row_func root = { .name = et_snapbuild_str(b, "main"), .line = 1, .cum = 3 };
	struct et_row_frame frame = { .file = et_snapbuild_str(b, "a.c"), .line = 9 };
	struct et_row_stack stack = { .depth = 2 };
	struct et_row_series series = { .kind = ET_SERIES_METRIC, .key = ET_M_RSS_BYTES, .n = 3,
					.step_ns = 1000 };
	struct et_row_cpu cpu = { .samples = 3 };

	et_snapbuild_add(b, ET_TAB_FUNCS, &leaf, sizeof leaf);
	et_snapbuild_add(b, ET_TAB_FUNCS, &root, sizeof root);
	for (uint32_t i = 0; i < 2; i++) {
		frame.func = i;
		frame.line += i;
		et_snapbuild_add(b, ET_TAB_FRAMES, &frame, sizeof frame);
		et_snapbuild_add(b, ET_TAB_STACK_FRAMES, &i, sizeof i);
	}
	cpu.stack = et_snapbuild_add(b, ET_TAB_STACKS, &stack, sizeof stack);
	et_snapbuild_add(b, ET_TAB_CPU, &cpu, sizeof cpu);
	for (int64_t v = 10; v <= 30; v += 10)
		et_snapbuild_add(b, ET_TAB_POINTS, &v, sizeof v);
	et_snapbuild_add(b, ET_TAB_SERIES, &series, sizeof series);
	et_snapbuild_metric(b, ET_M_RSS_BYTES, 4096);
	et_snapbuild_metric_na(b, ET_M_HEAP_INUSE_BYTES, ET_NA_NO_INTERPOSE);
}

static const struct et_snapshot *finish(struct et_snapbuild *b)
{
	struct et_snapshot head = { .flags = ET_SNAP_FINAL, .seq = 5, .t_ns = 1, .wall_ns = 2,
				    .dt_ns = 3 };

	return et_snapbuild_finish(b, &head);
}

static void t_round_trip(void)
{
	struct et_snapbuild *b = builder();
	const struct et_snapshot *s;
	struct et_row_frame frame;
	struct et_row_func func;
	struct et_row_series series;
	struct et_err err = { 0 };
	int64_t v;

	fill(b);
	s = finish(b);
	ET_OK(s->magic == ET_SNAP_MAGIC && s->version == ET_SNAP_VERSION, "magic and version");
	ET_OK(s->flags == ET_SNAP_FINAL && s->seq == 5 && s->t_ns == 1 && s->wall_ns == 2 &&
	      s->dt_ns == 3, "the header is the caller's");
	ET_IS_INT(et_snapshot_check(s, s->total_bytes, &err), 0, "what is built is well-formed");
	ET_OK(et_snapshot_rows(s, ET_TAB_FUNCS) == 2 && et_snapshot_rows(s, ET_TAB_THREADS) == 0,
	      "rows are counted, no table is no rows");
	ET_OK(et_snapshot_frame(s, 0, 0, &frame, &func), "the leaf");
	ET_IS_STR(et_snapshot_str(s, func.name), "leaf", "its name");
	ET_OK(func.line == 7 && func.flat == 3 && frame.line == 9, "its numbers");
	ET_OK(et_snapshot_frame(s, 0, 1, NULL, &func), "its caller");
	ET_IS_STR(et_snapshot_str(s, func.name), "main", "its name");
	ET_OK(!et_snapshot_frame(s, 0, 2, &frame, &func), "there is no third");
	ET_OK(!et_snapshot_frame(s, 1, 0, &frame, &func), "nor another stack");
	ET_OK(!et_snapshot_frame(s, ET_NONE, 0, &frame, &func), "nor one of ET_NONE");
	ET_IS_INT(et_snapshot_metric(s, ET_M_RSS_BYTES, &v), ET_NA_MEASURED, "a measured metric");
	ET_IS_INT(v, 4096, "its value");
	ET_OK(et_snapshot_metric(s, ET_M_HEAP_INUSE_BYTES, &v) == ET_NA_NO_INTERPOSE && v == 0,
	      "one that is not there says why");
	ET_IS_INT(et_snapshot_metric(s, ET_M_SAMPLES, &v), ET_NA_NOT_YET, "one that nobody gave");
	ET_OK(et_snapshot_series(s, ET_SERIES_METRIC, ET_M_RSS_BYTES, &series) && series.n == 3,
	      "a series");
	ET_OK(et_snapshot_point(s, &series, 0) == 10 && et_snapshot_point(s, &series, 2) == 30,
	      "its points");
	ET_IS_INT(et_snapshot_point(s, &series, 3), 0, "no more than those");
	ET_OK(!et_snapshot_series(s, ET_SERIES_ALLOCATOR, ET_M_RSS_BYTES, &series),
	      "no other series");
	et_snapshot_unref(s);
	et_snapbuild_free(b);
}

static void t_reset(void)
{
	struct et_snapbuild *b = builder();
	const struct et_snapshot *one, *two;

	fill(b);
	one = finish(b);
	et_snapbuild_reset(b);
	two = finish(b);
	ET_OK(et_snapshot_rows(two, ET_TAB_FUNCS) == 0 && two->n_tables == 1, "reset empties");
	et_snapshot_unref(two);
	et_snapbuild_reset(b);
	fill(b);
	two = finish(b);
	ET_OK(one->total_bytes == two->total_bytes && memcmp(one, two, one->total_bytes) == 0,
	      "the same rows make the same bytes");
	et_snapshot_unref(one);
	et_snapshot_unref(two);
	et_snapbuild_free(b);
	et_snapbuild_free(NULL);
}

static void t_strings(void)
{
	struct et_snapbuild *b = builder();
	const struct et_snapshot *s;
	uint32_t at[5000];
	char name[32];
	int n_wrong = 0;

	ET_OK(et_snapbuild_str(b, "") == 0 && et_snapbuild_str(b, NULL) == 0, "nothing is 0");
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "string %d", i);
		at[i] = et_snapbuild_str(b, name);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "string %d", i);
		n_wrong += et_snapbuild_str(b, name) != at[i];
	}
	ET_IS_INT(n_wrong, 0, "the same string has the same place, through every growth");
	s = finish(b);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "string %d", i);
		n_wrong += strcmp(et_snapshot_str(s, at[i]), name) != 0;
	}
	ET_IS_INT(n_wrong, 0, "and is read back");
	ET_IS_STR(et_snapshot_str(s, 0), "", "0 is nothing");
	ET_IS_STR(et_snapshot_str(s, et_snapshot_rows(s, ET_TAB_STRINGS)), "",
		  "out of range is nothing");
	ET_IS_STR(et_snapshot_str(s, ET_NONE), "", "far out of range too");
	et_snapshot_unref(s);
	et_snapbuild_free(b);
}

static void t_sorted_rows(void)
{
	struct et_snapbuild *b = builder();
	struct et_row_cpu *rows, row = { .samples = 1 };
	const struct et_snapshot *s;
	uint32_t n;

	ET_OK(et_snapbuild_rows(b, ET_TAB_CPU, &n) == NULL && n == 0, "no rows yet");
	ET_IS_INT(et_snapbuild_add(b, ET_TAB_CPU, &row, sizeof row), 0, "index of the first row");
	row.samples = 2;
	ET_IS_INT(et_snapbuild_add(b, ET_TAB_CPU, &row, sizeof row), 1, "and of the second");
	rows = et_snapbuild_rows(b, ET_TAB_CPU, &n);
	ET_OK(n == 2 && rows[1].samples == 2, "rows can be seen before the end");
	rows[0].samples = 9;
	s = finish(b);
	et_snapshot_get(s, ET_TAB_CPU, 0, &row, sizeof row);
	ET_IS_INT(row.samples, 9, "and changed");
	et_snapshot_unref(s);
	et_snapbuild_free(b);
}

/* A shape of row that this program does not have, older or newer. */
static void t_other_shapes(void)
{
	struct et_snapbuild *b = builder();
	uint64_t wide[6] = { 1, 2, 3, 4, 5, 6 };
	struct et_row_cpu cpu; /* 16 bytes */
	const struct et_snapshot *s;
	uint64_t out[3];

	et_snapbuild_add(b, ET_TAB_CPU, wide, sizeof wide);
	et_snapbuild_add(b, ET_TAB_POOLS, wide, 8);
	s = finish(b);
	ET_OK(et_snapshot_get(s, ET_TAB_CPU, 0, &cpu, sizeof cpu) && cpu.stack == 1 &&
	      cpu.samples == 2, "of a longer row the known part is read");
	memset(out, 0xff, sizeof out);
	ET_OK(et_snapshot_get(s, ET_TAB_POOLS, 0, out, sizeof out) && out[0] == 1 && out[1] == 0 &&
	      out[2] == 0, "a shorter row reads as 0 in its missing tail");
	memset(out, 0xff, sizeof out);
	ET_OK(!et_snapshot_get(s, ET_TAB_POOLS, 1, out, sizeof out) && out[0] == 0 && out[2] == 0,
	      "no such row is all 0");
	et_snapshot_unref(s);
	et_snapbuild_free(b);
}

/* ---- damaged bytes --------------------------------------------------------------------------- */

static const char *judge(const void *bytes, size_t n)
{
	static struct et_err err;

	memset(&err, 0, sizeof err);
	return et_snapshot_check(bytes, n, &err) == 0 ? "fine" : err.msg;
}

/* A copy that may be changed; the header and directory are plain members. */
static struct et_snapshot *copy_of(const struct et_snapshot *s)
{
	struct et_snapshot *c = malloc(s->total_bytes);

	memcpy(c, s, s->total_bytes);
	return c;
}

static unsigned dir_of(const struct et_snapshot *s, uint32_t table)
{
	unsigned i = 0;

	while (s->dir[i].table != table)
		i++;
	return i;
}

static void t_check(void)
{
	struct et_snapbuild *b = builder();
	const struct et_snapshot *s;
	struct et_snapshot *c;
	uint32_t n;
	unsigned funcs, strings;

	fill(b);
	s = finish(b);
	n = s->total_bytes;
	funcs = dir_of(s, ET_TAB_FUNCS);
	strings = dir_of(s, ET_TAB_STRINGS);
	ET_IS_STR(judge(s, 0), "not a snapshot", "nothing");
	ET_IS_STR(judge(s, sizeof *s - 1), "not a snapshot", "less than a header");
	ET_IS_STR(judge(s, sizeof *s), "snapshot length is wrong", "only a header");
	ET_IS_STR(judge(s, n - 1), "snapshot length is wrong", "one byte short");

#define DAMAGED(change, want, what)           \
	do {                                  \
		c = copy_of(s);               \
		change;                       \
		ET_IS_STR(judge(c, n), want, what); \
		free(c);                      \
	} while (0)
	DAMAGED(c->magic++, "not a snapshot", "wrong magic");
	DAMAGED(c->version = 2, "snapshot version 2, this program reads 1", "version of tomorrow");
	DAMAGED(c->total_bytes++, "snapshot length is wrong", "wrong length");
	DAMAGED(c->n_tables = UINT16_MAX, "snapshot length is wrong", "too many tables");
	DAMAGED(c->dir[funcs].row_size = 0, "snapshot table 3 leaves its block", "rows of no size");
	DAMAGED(c->dir[funcs].n_rows = UINT32_MAX, "snapshot table 3 leaves its block",
		"too many rows");
	DAMAGED((c->dir[funcs].n_rows = UINT32_MAX, c->dir[funcs].row_size = UINT32_MAX),
		"snapshot table 3 leaves its block", "a product that overflows 32 bits");
	DAMAGED(c->dir[funcs].offset = UINT32_MAX - 7, "snapshot table 3 leaves its block",
		"far offset");
	DAMAGED(c->dir[funcs].offset += 4, "snapshot table 3 leaves its block", "odd offset");
	DAMAGED(c->dir[funcs].offset = 0, "snapshot table 3 leaves its block",
		"a table in the header");
	DAMAGED(c->dir[funcs].table = 1000, "fine", "a table of tomorrow is skipped");
	DAMAGED(c->dir[strings].n_rows--, "snapshot strings are not terminated",
		"open end of strings");
	DAMAGED(c->dir[strings].n_rows = 0, "snapshot strings are not terminated",
		"no strings at all");
	DAMAGED(c->dir[strings].row_size = 2, "snapshot strings are not terminated",
		"wide strings");
	et_snapshot_unref(s);
	et_snapbuild_free(b);
}

/* Read all there is; the sanitizers watch.  Returns something of it, so that nothing is elided. */
static int64_t read_all(const struct et_snapshot *s)
{
	struct et_row_series series;
	struct et_row_frame frame;
	struct et_row_func func;
	int64_t v, sum = 0;

	for (uint32_t t = 0; t < ET_TAB_COUNT; t++) {
		uint32_t n = et_snapshot_rows(s, (enum et_table)t);
		uint64_t row[16];

		for (uint32_t i = 0; i < n && i < 50; i++)
			sum += et_snapshot_get(s, (enum et_table)t, i, row, sizeof row);
		sum += et_snapshot_get(s, (enum et_table)t, n - 1, row, sizeof row);
	}
	for (uint32_t i = 0; i < 200; i++)
		sum += (int64_t)strlen(et_snapshot_str(s, i));
	for (uint32_t d = 0; d < 5 && et_snapshot_frame(s, 0, d, &frame, &func); d++)
		sum += (int64_t)(strlen(et_snapshot_str(s, func.name)) +
				 strlen(et_snapshot_str(s, frame.file)));
	sum += (int64_t)et_snapshot_metric(s, ET_M_RSS_BYTES, &v);
	if (et_snapshot_series(s, ET_SERIES_METRIC, ET_M_RSS_BYTES, &series))
		for (uint32_t i = 0; i < 5; i++)
			sum += et_snapshot_point(s, &series, i) & 0xff;
	return sum;
}

/* Every byte of a snapshot set to several values: refused, or read within bounds. */
static void t_every_byte(void)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct et_snapbuild *b = builder();
	const struct et_snapshot *s;
	unsigned n_read = 0, n_refused = 0;
	int64_t sum = 0;
	uint32_t n;

	fill(b);
	s = finish(b);
	n = s->total_bytes;
	for (uint32_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof values; k++) {
			struct et_snapshot *c = copy_of(s);
			const struct et_snapshot *live;

			((unsigned char *)c)[i] = values[k];
			if (et_snapshot_check(c, n, NULL) == 0) {
				live = et_snapshot_copy(c, n);
				sum += read_all(live);
				et_snapshot_unref(live);
				n_read++;
			} else {
				n_refused++;
			}
			free(c);
		}
	ET_OK(n_read > 0 && n_refused > 0 && sum > 0,
	      "%u damaged snapshots read, %u refused, none outside", n_read, n_refused);
	et_snapshot_unref(s);
	et_snapbuild_free(b);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void *ref_often(void *arg)
{
	const struct et_snapshot *s = arg;
	int64_t v;

	for (int i = 0; i < 10000; i++) {
		const struct et_snapshot *mine = et_snapshot_ref(s);

		et_snapshot_metric(mine, ET_M_RSS_BYTES, &v);
		et_snapshot_unref(mine);
	}
	et_snapshot_unref(s);
	return NULL;
}

static void t_life(void)
{
	struct et_snapbuild *b = builder();
	const struct et_snapshot *s;
	pthread_t thread[4];
	int64_t v;

	ET_OK(et_snapshot_ref(NULL) == NULL, "a reference to nothing");
	et_snapshot_unref(NULL);
	fill(b);
	s = finish(b);
	et_snapbuild_free(b);
	for (int i = 0; i < 4; i++) {
		union {
			const struct et_snapshot *in;
			void *out;
		} arg = { .in = et_snapshot_ref(s) };

		pthread_create(&thread[i], NULL, ref_often, arg.out);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ET_OK(et_snapshot_metric(s, ET_M_RSS_BYTES, &v) == ET_NA_MEASURED && v == 4096,
	      "lives as long as somebody holds it, after its builder");
	et_snapshot_unref(s);
}

static void t_words(void)
{
	int n_wrong = 0;

	for (uint32_t i = 0; i < ET_NA_COUNT; i++)
		n_wrong += strcmp(et_snapshot_na_text(i), "?") == 0;
	for (uint32_t i = 0; i < ET_TARGET_STATE_COUNT; i++)
		n_wrong += et_snapshot_target_state(i) == NULL;
	for (uint32_t i = 0; i < ET_THREAD_STATE_COUNT; i++)
		n_wrong += et_snapshot_thread_state(i) == NULL;
	ET_IS_INT(n_wrong, 0, "every value of the enums has a word");
	ET_IS_STR(et_snapshot_thread_state(ET_THREAD_IO), "io", "a word");
	ET_IS_STR(et_snapshot_target_state(ET_TARGET_FAILED), "failed", "another");
	ET_IS_STR(et_snapshot_na_text(99), "?", "out of range");
	ET_IS_STR(et_snapshot_thread_state(UINT32_MAX), "?", "far out of range");
}

static void t_metrics(void)
{
	int n_wrong = 0, n_twice = 0;

	for (int i = 0; i < ET_M_COUNT; i++) {
		n_wrong += et_metrics[i].name == NULL || et_metrics[i].help == NULL ||
			   strspn(et_metrics[i].name, "abcdefghijklmnopqrstuvwxyz_") !=
				   strlen(et_metrics[i].name);
		for (int k = 0; k < i; k++)
			n_twice += strcmp(et_metrics[i].name, et_metrics[k].name) == 0;
	}
	ET_IS_INT(n_wrong, 0, "every metric has a name in snake case and a help");
	ET_IS_INT(n_twice, 0, "no name twice");
}

int main(void)
{
	t_round_trip();
	t_reset();
	t_strings();
	t_sorted_rows();
	t_other_shapes();
	t_check();
	t_every_byte();
	t_life();
	t_words();
	t_metrics();
	return tap_done();
}
