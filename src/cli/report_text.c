/* SPDX-License-Identifier: Apache-2.0
 *
 * The closing report: one function a section, written to a memory stream.  A line is cells of
 * fixed width with one blank between them, so 100 columns is a sum that can be checked where the
 * widths stand.  Foreign text only passes through cell(), name() and wrap(), which escape it.
 * Any thread, no state. */
#include "cli/report_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/report.h"
#include "engine-top/metric.h"
#include "tui/cell.h"

#define COLUMNS 100u
#define TEXT_MAX 640 /* bytes of an elided cell: 100 columns with marks */
#define TOP_FUNCTIONS 10u
#define TOP_SITES 8u
#define TOP_GROUPS 5u
#define TOP_MESSAGES 6u
#define PLACE_COLUMNS 33u
#define CALLERS 3u /* frames that we show of a stack */

/* What every section needs. */
struct page {
	FILE *out;
	const struct et_snapshot *snap;
};

/* ---- cells --------------------------------------------------------------------------------- */

static void blanks(FILE *out, unsigned n) { fprintf(out, "%*s", (int)n, ""); }

/* Foreign or own text, elided in the middle to `cols` and filled up to it. */
static void cell(FILE *out, unsigned cols, const char *text)
{
	char cut[TEXT_MAX];
	unsigned w;

	fputs(et_cell_elide(cut, sizeof cut, text, cols), out);
	w = et_cell_width(cut);
	blanks(out, (w < cols ? cols - w : 0) + 1);
}

/* The last cell of a line: not filled up. */
static void last_cell(FILE *out, unsigned cols, const char *text)
{
	char cut[TEXT_MAX];

	fprintf(out, "%s\n", et_cell_elide(cut, sizeof cut, text, cols));
}

/* Our own words and numbers, right-aligned; ### if it does not fit: a cut number is a wrong one. */
static void number(FILE *out, unsigned cols, const char *text)
{
	fprintf(out, "%*s ", (int)cols, strlen(text) <= cols ? text : "###");
}

static const char *str(const struct page *p, uint32_t offset)
{
	return et_snapshot_str(p->snap, offset);
}

static int64_t clip(uint64_t n) { return n > INT64_MAX ? INT64_MAX : (int64_t)n; }

/* Bytes of `s` that fit into `cols`: all, or up to the last blank, or what a long word allows. */
static size_t fitting(const char *s, unsigned cols)
{
	unsigned used = 0;
	size_t at = 0, at_blank = 0;

	while (s[at] != '\0') {
		uint32_t cp;
		size_t len = et_text_utf8(s + at, &cp);
		int w = et_cell_cp_width(cp);

		if (s[at] == ' ')
			at_blank = at;
		used += (unsigned)(w < 0 ? 1 : w);
		if (used > cols)
			return at_blank > 0 ? at_blank : at;
		at += len;
	}
	return at;
}

/* Foreign or own text in full, in lines that begin with `indent` blanks. */
static void wrap(FILE *out, unsigned indent, const char *text)
{
	char safe[4096];
	const char *s = et_text_safe(safe, sizeof safe, text);

	do {
		size_t n = fitting(s, COLUMNS - indent);

		blanks(out, indent);
		fwrite(s, 1, n, out);
		fputc('\n', out);
		s += n;
		s += strspn(s, " ");
	} while (*s != '\0');
}

__attribute__((format(printf, 2, 3))) static void sentence(FILE *out, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	wrap(out, 0, text);
}

/* A scalar with its unit, or "n/a (why)". */
static const char *metric(const struct page *p, uint32_t id, char *buf, size_t n)
{
	int64_t v;
	enum et_na na = et_snapshot_metric(p->snap, id, &v);

	if (na != ET_NA_MEASURED) {
		snprintf(buf, n, "n/a (%s)", et_snapshot_na_text(na));
		return buf;
	}
	switch (et_metrics[id].unit) {
	case ET_UNIT_NS: return et_text_time(buf, n, v);
	case ET_UNIT_BYTES: return et_text_bytes(buf, n, v);
	case ET_UNIT_BYTES_PER_S:
		et_text_bytes(buf, n, v);
		strncat(buf, "/s", n - strlen(buf) - 1);
		return buf;
	case ET_UNIT_PERMILLE:
		snprintf(buf, n, "%.1f %%", (double)v / 10);
		return buf;
	case ET_UNIT_HZ:
		snprintf(buf, n, "%lld Hz", (long long)v);
		return buf;
	case ET_UNIT_COUNT_OF:
		break;
	}
	return et_text_count(buf, n, v);
}

/* "leaf < caller < caller" from frame `from` on; "" if the stack ends before. */
static void stack_text(const struct page *p, uint32_t stack, uint32_t from, char *buf, size_t n)
{
	struct et_row_func fn;
	size_t at = 0;

	buf[0] = '\0';
	for (uint32_t i = from; i < from + CALLERS && at < n; i++) {
		char name[TEXT_MAX];
		int len;

		if (!et_snapshot_frame(p->snap, stack, i, NULL, &fn))
			return;
		et_cell_elide(name, sizeof name, str(p, fn.name), 32);
		len = snprintf(buf + at, n - at, "%s%s", i > from ? " < " : "", name);
		at += len > 0 ? (size_t)len : 0;
	}
}

/* file:line, else the module; only the file's own name where the path is too long. */
static void place_text(const struct page *p, const struct et_row_func *fn, char *buf, size_t n)
{
	const char *name = str(p, fn->file != 0 ? fn->file : fn->module);
	const char *slash = strrchr(name, '/');

	if (slash != NULL && et_cell_width(name) > PLACE_COLUMNS - 6) /* :12345 */
		name = slash + 1;
	snprintf(buf, n, fn->file != 0 && fn->line != 0 ? "%s:%u" : "%s", name, fn->line);
}

/* ---- head and builds ----------------------------------------------------------------------- */

static void count_targets(const struct page *p, unsigned *count, unsigned *all)
{
	struct et_row_target t;

	memset(count, 0, ET_TARGET_STATE_COUNT * sizeof *count);
	for (*all = 0; et_snapshot_get(p->snap, ET_TAB_TARGETS, *all, &t, sizeof t); (*all)++)
		if (t.state < ET_TARGET_STATE_COUNT)
			count[t.state]++;
}

static void head(const struct page *p, const char *title)
{
	unsigned count[ET_TARGET_STATE_COUNT], all;
	char line[1024], a[80], b[80], c[80], d[80];
	size_t n;

	snprintf(line, sizeof line, "engine-top " ET_VERSION ": %.900s", title);
	last_cell(p->out, COLUMNS, line);
	count_targets(p, count, &all);
	n = (size_t)snprintf(line, sizeof line, "%u of %u targets ok", count[ET_TARGET_OK], all);
	for (unsigned s = 0; s < ET_TARGET_STATE_COUNT; s++)
		if (s != ET_TARGET_OK && count[s] > 0)
			n += (size_t)snprintf(line + n, sizeof line - n, ", %u %s", count[s],
					      et_snapshot_target_state(s));
	sentence(p->out, "%s; %s", line, et_text_time(a, sizeof a, p->snap->t_ns));
	sentence(p->out, "CPU user %s, system %s on %s CPUs; peak RSS %s",
		 metric(p, ET_M_USER_NS, a, sizeof a), metric(p, ET_M_SYS_NS, b, sizeof b),
		 metric(p, ET_M_CPU_ONLINE, c, sizeof c),
		 metric(p, ET_M_RSS_PEAK_BYTES, d, sizeof d));
}

static void failures(const struct page *p)
{
	struct et_row_target t;

	for (uint32_t i = 0; et_snapshot_get(p->snap, ET_TAB_TARGETS, i, &t, sizeof t); i++) {
		if (t.state != ET_TARGET_FAILED)
			continue;
		fputs("\nFAILED ", p->out);
		last_cell(p->out, COLUMNS - 7, str(p, t.name));
		wrap(p->out, 2, t.error != 0 ? str(p, t.error) : "no reason was given");
	}
}

static void rate_text(const struct et_row_target *t, char *buf, size_t n)
{
	char bytes[ET_NUM];
	double rate = t->wall_ns > 0 ? (double)t->bytes_in * 1e9 / (double)t->wall_ns : 0;

	if (t->wall_ns <= 0 || t->bytes_in == 0 || rate >= 9e18)
		snprintf(buf, n, "n/a");
	else
		snprintf(buf, n, "%s/s", et_text_bytes(bytes, sizeof bytes, (int64_t)rate));
}

/* "sha256:0123..." as its first 12 digits, the way registries' tools print it. */
static void digest_text(const char *digest, char *buf, size_t n)
{
	const char *colon = strchr(digest, ':');

	snprintf(buf, n, "%.12s", colon == NULL ? digest : colon + 1);
}

static void build(const struct page *p, const struct et_row_target *t)
{
	char num[ET_NUM * 2], digest[64];

	cell(p->out, 9, t->state == ET_TARGET_FAILED ? "FAILED" :
			et_snapshot_target_state(t->state));
	cell(p->out, 27, str(p, t->name));
	cell(p->out, 8, str(p, t->kind));
	number(p->out, 7, t->round == 0 || t->state == ET_TARGET_SKIPPED ? "n/a" :
			  et_text_time(num, sizeof num, t->wall_ns));
	number(p->out, 7, et_text_bytes(num, sizeof num, clip(t->bytes_in)));
	number(p->out, 7, et_text_bytes(num, sizeof num, clip(t->bytes_out)));
	rate_text(t, num, sizeof num);
	number(p->out, 9, num);
	digest_text(str(p, t->digest), digest, sizeof digest);
	last_cell(p->out, 12, digest);
}

static void builds(const struct page *p)
{
	struct et_row_target t;
	uint32_t n = et_snapshot_rows(p->snap, ET_TAB_TARGETS);

	if (n == 0)
		return;
	fprintf(p->out, "\n%-9s %-27s %-8s %7s %7s %7s %9s %s\n", "Builds", "target", "kind",
		"time", "read", "written", "read/s", "sha256");
	for (uint32_t pass = 0; pass < 2; pass++) /* failed ones first */
		for (uint32_t i = 0; i < n; i++) {
			et_snapshot_get(p->snap, ET_TAB_TARGETS, i, &t, sizeof t);
			if ((t.state == ET_TARGET_FAILED) == (pass == 0))
				build(p, &t);
		}
}

/* ---- CPU ----------------------------------------------------------------------------------- */

static void function(const struct page *p, const struct et_row_func *fn, int64_t weight, int64_t n)
{
	struct et_share flat = et_report_part(fn->flat, weight, n);
	struct et_share cum = et_report_part(fn->cum, weight, n);
	char place[TEXT_MAX];

	fprintf(p->out, "%5.1f %% %5.1f %5.1f %% ", flat.pct, (flat.hi_pct - flat.lo_pct) / 2,
		cum.pct);
	cell(p->out, 44, str(p, fn->name));
	place_text(p, fn, place, sizeof place);
	last_cell(p->out, PLACE_COLUMNS, place);
}

static void cpu(const struct page *p)
{
	char a[80], b[80], c[80], d[80], e[80];
	struct et_row_func fn;
	int64_t weight, n, engine;
	enum et_na na = et_snapshot_cpu_total(p->snap, &weight, &n);

	fputc('\n', p->out);
	if (na != ET_NA_MEASURED && na != ET_NA_TOO_FEW) {
		sentence(p->out, "CPU: n/a (%s)", et_snapshot_na_text(na));
		return;
	}
	et_snapshot_metric(p->snap, ET_M_ENGINE, &engine);
	sentence(p->out, "CPU: %s samples at %s (%s), %s lost, %s missed; workload %s CPU",
		 metric(p, ET_M_SAMPLES, a, sizeof a), metric(p, ET_M_HZ, b, sizeof b),
		 et_snapshot_engine((uint32_t)engine),
		 metric(p, ET_M_SAMPLES_LOST, c, sizeof c),
		 metric(p, ET_M_SAMPLES_MISSED, d, sizeof d), metric(p, ET_M_CPU_NS, e, sizeof e));
	if (na != ET_NA_MEASURED)
		return;
	fprintf(p->out, "%7s %5s %7s %-44s %s\n", "flat", "+/-", "cum",
		"function (+/-: 95 %, points)", "where");
	for (uint32_t i = 0; i < TOP_FUNCTIONS; i++)
		if (et_snapshot_get(p->snap, ET_TAB_FUNCS, i, &fn, sizeof fn) &&
		    (fn.flat > 0 || fn.cum > 0))
			function(p, &fn, weight, n);
}

/* ---- heap ---------------------------------------------------------------------------------- */

static void allocator(const struct page *p, const struct et_row_allocator *a)
{
	char num[ET_NUM];

	cell(p->out, 42, str(p, a->name));
	if (a->na != ET_NA_MEASURED) {
		fprintf(p->out, "n/a (%s)\n", et_snapshot_na_text(a->na));
		return;
	}
	number(p->out, 10, et_text_bytes(num, sizeof num, a->inuse_bytes));
	number(p->out, 10, et_text_count(num, sizeof num, a->inuse_objects));
	number(p->out, 10, et_text_bytes(num, sizeof num, a->alloc_bytes));
	number(p->out, 10, et_text_count(num, sizeof num, a->alloc_objects));
	fputs(a->flags & ET_HEAP_EXACT ? "counted\n" : "estimated\n", p->out);
}

static void allocators(const struct page *p)
{
	struct et_row_allocator a;

	if (et_snapshot_rows(p->snap, ET_TAB_ALLOCATORS) == 0)
		return;
	fprintf(p->out, "\n%-42s %10s %10s %10s %10s how\n", "Heap by allocator", "in use",
		"objects", "allocated", "objects");
	for (uint32_t i = 0; et_snapshot_get(p->snap, ET_TAB_ALLOCATORS, i, &a, sizeof a); i++)
		allocator(p, &a);
}

/* Half of the 95 % interval in bytes; nothing beside an exact figure. */
static void error(const struct page *p, uint32_t flags, int64_t bytes)
{
	char num[ET_NUM];

	number(p->out, 7, flags & ET_HEAP_EXACT ? "" : et_text_bytes(num, sizeof num, bytes));
}

static void site(const struct page *p, uint32_t row)
{
	struct et_row_site s;
	struct et_row_allocator a;
	char num[ET_NUM], stack[4 * TEXT_MAX];

	et_snapshot_get(p->snap, ET_TAB_SITES, row, &s, sizeof s);
	et_snapshot_get(p->snap, ET_TAB_ALLOCATORS, s.allocator, &a, sizeof a);
	number(p->out, 7, et_text_count(num, sizeof num, s.inuse_objects));
	number(p->out, 7, et_text_bytes(num, sizeof num, s.inuse_bytes));
	error(p, s.flags, s.inuse_bytes_err);
	number(p->out, 9, et_text_bytes(num, sizeof num, s.alloc_bytes));
	error(p, s.flags, s.alloc_bytes_err);
	cell(p->out, 14, str(p, a.name));
	stack_text(p, s.stack, 0, stack, sizeof stack);
	last_cell(p->out, 43, stack[0] == '\0' ? "(no stack)" : stack);
}

static void sites(const struct page *p)
{
	char period[80];
	uint32_t n, *rows = et_report_sites(p->snap, &n);
	bool is_exact = (p->snap->flags & ET_SNAP_EXACT_HEAP) != 0;

	if (rows == NULL)
		return;
	fputc('\n', p->out);
	sentence(p->out, "Heap by call site, top %u of %u; %s%s%s", n < TOP_SITES ? n : TOP_SITES, n,
		 is_exact ? "every allocation counted" : "estimated from one allocation in ",
		 is_exact ? "" : metric(p, ET_M_HEAP_PERIOD_BYTES, period, sizeof period),
		 p->snap->flags & ET_SNAP_ADAPTIVE_HEAP ? " now, in less before" : "");
	fprintf(p->out, "%7s %7s %7s %9s %7s %-14s %s\n", "objects", "in use", "+/- 95%",
		"allocated", "+/- 95%", "allocator", "call site < caller < caller");
	for (uint32_t i = 0; i < n && i < TOP_SITES; i++)
		site(p, rows[i]);
	free(rows);
}

/* ---- threads ------------------------------------------------------------------------------- */

/* "; 4 running, 1 lock": the workload's threads by state. */
static void states_text(const struct page *p, char *buf, size_t n)
{
	uint64_t count[ET_THREAD_STATE_COUNT] = { 0 };
	struct et_row_thread t;
	size_t at = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; et_snapshot_get(p->snap, ET_TAB_THREADS, i, &t, sizeof t); i++)
		if (!(t.flags & ET_THREAD_SELF) && t.state < ET_THREAD_STATE_COUNT)
			count[t.state]++;
	for (unsigned s = 0; s < ET_THREAD_STATE_COUNT && at < n; s++)
		if (count[s] > 0)
			at += (size_t)snprintf(buf + at, n - at, "%s %llu %s", at == 0 ? ";" : ",",
					       (unsigned long long)count[s],
					       et_snapshot_thread_state(s));
}

/* Over the session, by how often threads were seen there; `times` of `all` looks. */
static void wait(const struct page *p, const struct et_row_wait *w, uint64_t all)
{
	struct et_share share = et_report_share(w->times, all);
	char text[4 * TEXT_MAX];

	snprintf(text, sizeof text, "%.1f %%", share.pct);
	number(p->out, 7, text);
	cell(p->out, 8, et_snapshot_thread_state(w->state));
	stack_text(p, w->stack, 0, text, sizeof text);
	last_cell(p->out, 83, text[0] == '\0' ? "(no stack)" : text);
}

/* Where threads were over the session; false if the snapshot does not say. */
static bool waits(const struct page *p)
{
	struct et_row_wait w;
	uint64_t all = 0;
	unsigned shown = 0;
	char num[ET_NUM];

	for (uint32_t i = 0; et_snapshot_get(p->snap, ET_TAB_WAITS, i, &w, sizeof w); i++)
		all += w.flags & ET_THREAD_SELF ? 0 : w.times;
	if (all == 0)
		return false;
	fprintf(p->out, "   seen state    where, over the session: %s looks at a thread\n",
		et_text_count(num, sizeof num, clip(all)));
	for (uint32_t i = 0; shown < TOP_GROUPS; i++) {
		if (!et_snapshot_get(p->snap, ET_TAB_WAITS, i, &w, sizeof w))
			break;
		if (w.flags & ET_THREAD_SELF)
			continue;
		shown++;
		wait(p, &w, all);
	}
	return true;
}

static void threads(const struct page *p)
{
	char a[80], b[80], states[256], stack[4 * TEXT_MAX];
	struct et_row_group g;
	unsigned shown = 0;

	states_text(p, states, sizeof states);
	fputc('\n', p->out);
	sentence(p->out, "Threads: %s now, %s at peak%s", metric(p, ET_M_THREADS, a, sizeof a),
		 metric(p, ET_M_THREADS_PEAK, b, sizeof b), states);
	if (waits(p))
		return;
	for (uint32_t i = 0; shown < TOP_GROUPS; i++) {
		if (!et_snapshot_get(p->snap, ET_TAB_GROUPS, i, &g, sizeof g))
			break;
		if (g.flags & ET_THREAD_SELF)
			continue;
		shown++;
		stack_text(p, g.stack, 0, stack, sizeof stack);
		number(p->out, 7, et_text_count(a, sizeof a, g.count));
		cell(p->out, 8, et_snapshot_thread_state(g.state));
		last_cell(p->out, 83, stack[0] == '\0' ? "(no stack)" : stack);
	}
}

/* ---- pool versus malloc -------------------------------------------------------------------- */

/* Four digits are enough beside an interval: 412.5, 105000, 2.50M. */
static const char *figure(char *buf, size_t n, double v)
{
	if (!isfinite(v) || fabs(v) >= 1e18)
		snprintf(buf, n, "n/a");
	else if (fabs(v) >= 1e6)
		et_text_count(buf, n, (int64_t)v);
	else
		snprintf(buf, n, fabs(v) < 1000 ? "%.1f" : "%.0f", v);
	return buf;
}

static const char *two_places(char *buf, size_t n, double v)
{
	if (!isfinite(v) || fabs(v) >= 1e4)
		snprintf(buf, n, "n/a");
	else
		snprintf(buf, n, "%.2f", v);
	return buf;
}

/* [lo..hi] is a 95 % interval, (lo..hi) least and most of too few trials. */
static void interval(const struct page *p, const struct et_row_bench *b, unsigned cols,
		     const char *lo, const char *hi)
{
	char text[64];
	bool is_ci = (b->flags & ET_BENCH_HAS_CI) != 0;

	snprintf(text, sizeof text, "%c%s..%s%c", is_ci ? '[' : '(', lo, hi, is_ci ? ']' : ')');
	number(p->out, cols, text);
}

static void ratio(const struct page *p, const struct et_row_bench *b)
{
	char lo[ET_NUM], hi[ET_NUM];

	if (!(b->flags & ET_BENCH_HAS_RATIO)) {
		number(p->out, 5, b->flags & ET_BENCH_BASE ? "base" : "n/a");
		number(p->out, 12, "");
		return;
	}
	number(p->out, 5, two_places(lo, sizeof lo, b->ratio));
	interval(p, b, 12, two_places(lo, sizeof lo, b->ratio_lo),
		 two_places(hi, sizeof hi, b->ratio_hi));
}

/* "target", or "target/case" where the case is called otherwise. */
static void bench_name(const struct page *p, const struct et_row_bench *b)
{
	const char *target = str(p, b->target), *experiment = str(p, b->experiment);
	char name[TEXT_MAX];

	snprintf(name, sizeof name, "%s/%s", target, experiment);
	cell(p->out, 18, strcmp(target, experiment) == 0 ? target : name);
}

static void bench(const struct page *p, const struct et_row_bench *b)
{
	bool is_counted = (b->flags & ET_BENCH_NO_HEAP) == 0;
	char lo[ET_NUM], hi[ET_NUM];

	bench_name(p, b);
	cell(p->out, 10, str(p, b->arm));
	if (b->na != ET_NA_MEASURED) {
		fprintf(p->out, "n/a (%s)\n", et_snapshot_na_text(b->na));
		return;
	}
	number(p->out, 7, figure(lo, sizeof lo, b->ns_op));
	interval(p, b, 16, figure(lo, sizeof lo, b->ns_lo), figure(hi, sizeof hi, b->ns_hi));
	number(p->out, 7, is_counted ? figure(lo, sizeof lo, b->bytes_op) : "n/a");
	number(p->out, 9, is_counted ? two_places(lo, sizeof lo, b->allocs_op) : "n/a");
	ratio(p, b);
	number(p->out, 6, et_text_count(lo, sizeof lo, b->n));
	fputc('\n', p->out);
}

static void benches(const struct page *p)
{
	struct et_row_bench b;

	if (et_snapshot_rows(p->snap, ET_TAB_BENCHES) == 0)
		return;
	fprintf(p->out, "\n%-18s %-10s %7s %16s %7s %9s %5s %12s %6s\n", "Pool versus malloc",
		"arm", "ns/op", "[95 %] (range)", "B/op", "allocs/op", "ratio", "", "trials");
	for (uint32_t i = 0; et_snapshot_get(p->snap, ET_TAB_BENCHES, i, &b, sizeof b); i++)
		bench(p, &b);
	if (p->snap->flags & ET_SNAP_EXACT_HEAP)
		fputs("These times include the recording of every allocation (heap period 1): no measure "
		      "of a pool.\n", p->out);
}

static void pools(const struct page *p)
{
	struct et_row_pool o;
	char num[ET_NUM];

	if (et_snapshot_rows(p->snap, ET_TAB_POOLS) == 0)
		return;
	fprintf(p->out, "\n%-38s %9s %9s %9s %9s %10s %10s\n", "Pools", "gets", "puts", "reused",
		"misses", "retained", "peak");
	for (uint32_t i = 0; et_snapshot_get(p->snap, ET_TAB_POOLS, i, &o, sizeof o); i++) {
		cell(p->out, 38, str(p, o.name));
		number(p->out, 9, et_text_count(num, sizeof num, clip(o.gets)));
		number(p->out, 9, et_text_count(num, sizeof num, clip(o.puts)));
		number(p->out, 9, et_text_count(num, sizeof num, clip(o.hits)));
		number(p->out, 9, et_text_count(num, sizeof num, clip(o.misses)));
		number(p->out, 10, et_text_bytes(num, sizeof num, clip(o.retained_bytes)));
		number(p->out, 10, et_text_bytes(num, sizeof num, clip(o.peak_bytes)));
		fputc('\n', p->out);
	}
}

/* ---- tail ---------------------------------------------------------------------------------- */

static void messages(const struct page *p)
{
	uint32_t n = et_snapshot_rows(p->snap, ET_TAB_MESSAGES), found = 0;
	struct et_row_message m;

	for (uint32_t i = 0; i < n; i++) {
		et_snapshot_get(p->snap, ET_TAB_MESSAGES, i, &m, sizeof m);
		if (m.severity == ET_SEV_INFO || ++found > TOP_MESSAGES)
			continue;
		if (found == 1)
			fputs("\nWarnings\n", p->out);
		wrap(p->out, 2, str(p, m.text));
	}
	if (found > TOP_MESSAGES)
		fprintf(p->out, "  ... and %u more\n", found - TOP_MESSAGES);
}

static void self(const struct page *p)
{
	char a[80], b[80], c[80], d[80];

	fputc('\n', p->out);
	sentence(p->out, "engine-top itself: %s CPU (%s of it in the signal handler), heap %s, "
		 "%s threads",
		 metric(p, ET_M_SELF_CPU_NS, a, sizeof a),
		 metric(p, ET_M_SELF_HANDLER_NS, b, sizeof b),
		 metric(p, ET_M_SELF_HEAP_BYTES, c, sizeof c),
		 metric(p, ET_M_THREADS_SELF, d, sizeof d));
}

/* Cells fill up to their width; at a line's end nobody needs that. */
static void cut_trailing_blanks(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		while (*from == '\n' && to > text && to[-1] == ' ')
			to--;
		*to++ = *from;
	}
	*to = '\0';
}

char *et_report_text(const struct et_snapshot *snap, const char *title)
{
	char *text = NULL;
	size_t n = 0;
	struct page p = { .out = open_memstream(&text, &n), .snap = snap };
	int failed;

	if (p.out == NULL)
		return NULL;
	head(&p, title);
	failures(&p);
	builds(&p);
	cpu(&p);
	allocators(&p);
	sites(&p);
	threads(&p);
	benches(&p);
	pools(&p);
	messages(&p);
	self(&p);
	failed = ferror(p.out);
	if (fclose(p.out) != 0 || failed) {
		free(text);
		return NULL;
	}
	cut_trailing_blanks(text);
	return text;
}
