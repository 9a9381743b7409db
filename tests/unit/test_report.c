/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON document and the closing text report of the fixture: figures computed here by hand
 * from the fixture's definition, null with reasons, hostile names, the 100 columns. */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "cli/report.h"
#include "cli/report_json.h"
#include "cli/report_text.h"
#include "fixture.h"
#include "tap.h"
#include "tui/cell.h"

/* "heap.by_site.0.stack.1.name" in a document; NULL if it is not there. */
static json_t *at(json_t *doc, const char *path)
{
	char word[64];

	while (doc != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		snprintf(word, sizeof word, "%.*s", (int)n, path);
		doc = json_is_array(doc) ? json_array_get(doc, strtoul(word, NULL, 10)) :
					   json_object_get(doc, word);
		path += n + (path[n] == '.');
	}
	return doc;
}

static void is_int(json_t *doc, const char *path, int64_t want)
{
	ET_OK(json_is_integer(at(doc, path)), "%s is a whole number", path);
	ET_IS_INT(json_integer_value(at(doc, path)), want, path);
}

static void is_real(json_t *doc, const char *path, double want)
{
	double got = json_real_value(at(doc, path));

	ET_OK(json_is_real(at(doc, path)) && fabs(got - want) < 1e-6 * (1 + fabs(want)),
	      "%s is %g (got %g)", path, want, got);
}

static void is_str(json_t *doc, const char *path, const char *want)
{
	ET_IS_STR(json_string_value(at(doc, path)), want, path);
}

/* null, and the reason beside it */
static void is_na(json_t *doc, const char *path, const char *want)
{
	char reason[96];

	snprintf(reason, sizeof reason, "%s_na", path);
	ET_OK(json_is_null(at(doc, path)), "%s is null", path);
	ET_IS_STR(json_string_value(at(doc, reason)), want, reason);
}

static json_t *document(enum fixture_kind kind, unsigned frame)
{
	const struct et_snapshot *snap = fixture_snap(kind, frame, 20);
	json_t *doc = et_report_json(snap);

	et_snapshot_unref(snap);
	if (doc == NULL)
		exit(printf("Bail out! no document\n"));
	return doc;
}

static void t_builds(void)
{
	json_t *doc = document(FIXTURE_RICH, 12);

	is_str(doc, "schema", "engine-top/run/1");
	ET_IS_INT(json_array_size(at(doc, "builds")), FIXTURE_LEN(fixture_targets), "all builds");
	is_str(doc, "builds.0.name", "self");
	is_str(doc, "builds.0.kind", "image");
	is_str(doc, "builds.0.state", "ok");
	is_real(doc, "builds.0.seconds", 8 * 0.25);
	is_int(doc, "builds.0.bytes_in", 8 * 5242880);
	is_int(doc, "builds.0.bytes_out", 8 * 5242880 / 3);
	ET_OK(json_is_null(at(doc, "builds.0.error")), "no error is null");
	ET_OK(strncmp(json_string_value(at(doc, "builds.0.digest")), "sha256:9f86d081", 15) == 0,
	      "digest");
	is_str(doc, "builds.3.state", "failed");
	is_str(doc, "builds.3.name", "broken-\\x1b[31mred\\x1b]0;title\\x07");
	ET_OK(strstr(json_string_value(at(doc, "builds.3.error")), "no\\xffsuch") != NULL,
	      "invalid UTF-8 in an error is escaped");
	is_str(doc, "builds.4.state", "skipped");
	is_na(doc, "builds.4.seconds", "not started");
	is_str(doc, "builds.5.name", "画像_e\xcc\x81_\xf0\x9f\x8f\x97");
	is_na(doc, "builds.5.work_total", "not known yet");
	is_str(doc, "builds.8.state", "waiting");
	json_decref(doc);
}

static void t_cpu(void)
{
	json_t *doc = document(FIXTURE_RICH, 12);
	int64_t samples = 0;
	/* longest_match is the leaf of stack 0 only; layer_pack is in 0, 1, 2, 3 and 5 */
	uint64_t leaf = fixture_samples(0, 12);
	uint64_t below = leaf + fixture_samples(1, 12) + fixture_samples(2, 12) +
			 fixture_samples(3, 12) + fixture_samples(5, 12);
	json_t *fn = NULL;
	size_t i;

	for (unsigned s = 0; s < FIXTURE_STACKS; s++)
		samples += (int64_t)fixture_samples(s, 12);
	is_str(doc, "cpu.engine", "itimer");
	is_int(doc, "cpu.hz", 250);
	is_int(doc, "cpu.samples", samples);
	is_int(doc, "cpu.lost", 13 / 5);
	is_int(doc, "cpu.missed", 13 / 3);
	is_real(doc, "cpu.seconds", 13 * 0.4);
	is_str(doc, "cpu.functions.0.name", "longest_match");
	is_str(doc, "cpu.functions.0.module", "libz.so.1.2.13");
	is_str(doc, "cpu.functions.0.file", "deflate.c");
	is_int(doc, "cpu.functions.0.line", 1236);
	is_int(doc, "cpu.functions.0.flat", (int64_t)leaf);
	is_int(doc, "cpu.functions.0.cum", (int64_t)leaf);
	is_real(doc, "cpu.functions.0.flat_pct", 100.0 * (double)leaf / (double)samples);
	json_array_foreach(at(doc, "cpu.functions"), i, fn)
		if (strcmp(json_string_value(json_object_get(fn, "name")), "layer_pack") == 0)
			break;
	is_int(fn, "flat", 0);
	is_int(fn, "cum", (int64_t)below);
	is_real(fn, "cum_pct", 100.0 * (double)below / (double)samples);
	is_str(doc, "cpu.functions.2.module", "libcrypto.so.3");
	ET_OK(json_is_null(at(doc, "cpu.functions.2.file")) &&
	      json_is_null(at(doc, "cpu.functions.2.line")), "no DWARF: file and line are null");
	json_decref(doc);
}

/* Wilson's interval for 10 of 100, by the textbook: 5.52 % .. 17.44 %. */
static void t_share(void)
{
	struct et_share s = et_report_share(10, 100);

	ET_OK(fabs(s.pct - 10) < 1e-9 && fabs(s.lo_pct - 5.5229) < 1e-3 &&
	      fabs(s.hi_pct - 17.4366) < 1e-3, "10 of 100: %.4f..%.4f %%", s.lo_pct, s.hi_pct);
	s = et_report_share(0, 50); /* 1 / (1 + n/z^2) = 7.1348 % */
	ET_OK(s.pct == 0 && s.lo_pct == 0 && fabs(s.hi_pct - 7.1348) < 1e-3,
	      "0 of 50 may be %.4f %%", s.hi_pct);
	s = et_report_share(50, 50);
	ET_OK(s.pct == 100 && fabs(s.lo_pct - 92.8652) < 1e-3 && s.hi_pct == 100, "50 of 50");
	s = et_report_share(7, 0);
	ET_OK(s.pct == 0 && s.hi_pct == 0, "of none");
	s = et_report_share(8, 4);
	ET_OK(s.pct == 100, "more than all is all");
	s = et_report_share(0, 1360);
	ET_OK(s.lo_pct <= 0, "0 of 1360 lies in its own interval, whatever the rounding");
}

static void t_heap(void)
{
	json_t *doc = document(FIXTURE_RICH, 0), *site;
	int64_t last = INT64_MAX;
	bool is_sorted = true;
	size_t i;

	is_int(doc, "heap.period", 524288);
	ET_OK(json_is_false(at(doc, "heap.exact")), "heap.exact");
	is_str(doc, "heap.by_allocator.0.allocator", "glibc");
	/* the four glibc sites at frame 0: size x live */
	is_int(doc, "heap.by_allocator.0.inuse_bytes",
	       262144 * 16 + 96 * 5000 + 4096 * 40 + 24 * 7);
	is_int(doc, "heap.by_allocator.0.inuse_objects", 16 + 5000 + 40 + 7);
	is_int(doc, "heap.by_allocator.0.alloc_objects", 20 + 5800 + 80 + 8);
	is_str(doc, "heap.by_allocator.3.allocator", "pool \\x1b[31mred\\x1b]0;title\\x07\\xff");
	is_str(doc, "heap.by_allocator.3.kind", "pool");
	is_str(doc, "heap.by_site.0.allocator", "mmap");
	is_int(doc, "heap.by_site.0.inuse_bytes", 4194304 * 3);
	is_int(doc, "heap.by_site.0.alloc_bytes", 4194304 * 4);
	is_str(doc, "heap.by_site.0.stack.0.name", "sha256_block_data_order_shaext");
	is_str(doc, "heap.by_site.0.stack.1.name", "layer_pack");
	is_int(doc, "heap.by_site.0.stack.1.line", 212 + 9);
	ET_IS_INT(json_array_size(at(doc, "heap.by_site.0.stack")), 5, "the whole stack");
	json_array_foreach(at(doc, "heap.by_site"), i, site) {
		is_sorted &= json_integer_value(json_object_get(site, "inuse_bytes")) <= last;
		last = json_integer_value(json_object_get(site, "inuse_bytes"));
	}
	ET_OK(is_sorted && i == FIXTURE_LEN(fixture_sites), "all sites, largest first");
	json_decref(doc);
}

static void t_threads(void)
{
	json_t *doc = document(FIXTURE_RICH, 12), *v;
	const char *key;
	json_int_t sum = 0, running = 0;

	for (unsigned i = 0; i < 11; i++)
		running += fixture_thread_row(i, 12).state == ET_THREAD_RUNNING;
	is_int(doc, "threads.count", 11);
	is_int(doc, "threads.peak", 12);
	is_int(doc, "threads.by_state.running", running);
	json_object_foreach(at(doc, "threads.by_state"), key, v)
		sum += json_integer_value(v);
	ET_IS_INT(sum, 11, "by_state counts the workload's threads");
	ET_IS_INT(json_object_size(at(doc, "threads.by_state")), ET_THREAD_STATE_COUNT,
		  "every state has its count");
	ET_OK(json_integer_value(at(doc, "threads.groups.0.count")) >=
	      json_integer_value(at(doc, "threads.groups.1.count")), "largest group first");
	is_str(doc, "threads.list.9.name", "bad\\x1b[2J\\xff");
	json_decref(doc);
}

static void t_benches(void)
{
	json_t *doc = document(FIXTURE_RICH, 12);
	double spread = 0.08 / (10 + 1); /* ten trials */

	is_str(doc, "benches.1.arm", "pool");
	is_int(doc, "benches.1.n", 10);
	is_real(doc, "benches.1.ns_per_op", 251.25);
	is_real(doc, "benches.1.ns_per_op_lo", 251.25 * (1 - spread));
	is_str(doc, "benches.1.interval", "ci95");
	is_real(doc, "benches.1.ratio", 0.609);
	is_real(doc, "benches.1.ratio_hi", 0.609 * (1 + spread));
	is_real(doc, "benches.1.bytes_per_op", 0);
	is_na(doc, "benches.0.ratio", "this arm is the base");
	is_na(doc, "benches.5.ns_per_op", "not yet");
	is_na(doc, "benches.5.ratio", "not yet");
	is_int(doc, "pools.0.gets", 13 * 9300);
	is_int(doc, "pools.0.misses", 32);
	is_int(doc, "pools.0.hits", 13 * 9300 - 32);
	is_int(doc, "pools.0.retained_bytes", 131072);
	json_decref(doc);
}

static void t_usage(void)
{
	json_t *doc = document(FIXTURE_RICH, 12);

	is_real(doc, "usage.user_s", 13 * 0.38);
	is_real(doc, "usage.sys_s", 13 * 0.03);
	is_int(doc, "usage.max_rss_bytes", 50331648 + 97 * 65536);
	is_int(doc, "usage.minor_faults", 1200 * 13);
	is_int(doc, "usage.major_faults", 3);
	is_real(doc, "self.cpu_s", 13 * 0.0031);
	is_int(doc, "self.heap_bytes", 2097152 + 4096);
	is_int(doc, "self.samples_dropped", 2);
	ET_OK(json_is_null(at(doc, "self.rss_bytes")) &&
	      json_is_string(at(doc, "self.rss_bytes_na")), "self.rss_bytes: null and why");
	is_na(doc, "locks", "lock waits are not measured by this version");
	ET_IS_INT(json_array_size(at(doc, "processes")), 1, "processes: the recorded one");
	ET_IS_INT(json_array_size(at(doc, "metrics")), ET_M_COUNT, "every metric");
	is_str(doc, "messages.1.severity", "warning");
	json_decref(doc);
}

static void t_not_measured(void)
{
	json_t *doc = document(FIXTURE_NA, 12), *m;
	size_t i, n_zero = 0;

	is_na(doc, "heap.inuse_bytes", "malloc not interposed in this build");
	is_na(doc, "heap.by_site", "malloc not interposed in this build");
	is_na(doc, "heap.by_allocator.0.inuse_bytes", "malloc not interposed in this build");
	is_na(doc, "benches.1.ns_per_op", "switched off");
	json_decref(doc);
	doc = document(FIXTURE_EMPTY, 0);
	is_na(doc, "cpu.samples", "not yet");
	is_na(doc, "usage.user_s", "not yet");
	is_na(doc, "threads.count", "not yet");
	ET_OK(json_is_null(at(doc, "threads.by_state")), "no threads seen: by_state is null");
	ET_IS_INT(json_array_size(at(doc, "builds")), 0, "no builds: an empty list");
	json_array_foreach(at(doc, "metrics"), i, m)
		n_zero += !json_is_null(json_object_get(m, "value"));
	ET_IS_INT(n_zero, 0, "nothing measured: no metric is a number");
	json_decref(doc);
}

/* A row that lies: indices out of range, numbers that are none. */
static void t_hostile_rows(void)
{
	struct et_snapbuild *b = et_snapbuild_new();
	struct et_snapshot zero = { .seq = 1 };
	struct et_row_bench bench = { .target = 0xfffffff0, .flags = ET_BENCH_HAS_RATIO, .n = 3,
		.ns_op = NAN, .ns_lo = -INFINITY, .ns_hi = 1e300, .ratio = INFINITY };
	struct et_row_site site = { .allocator = 99, .stack = 99, .inuse_bytes = INT64_MIN };
	struct et_row_target target = { .name = ET_NONE, .state = 99, .bytes_in = UINT64_MAX,
		.wall_ns = 1, .round = 1 };
	struct et_row_func func = { .flat = UINT64_MAX, .cum = 1 };
	struct et_row_group group = { .state = 77, .stack = 5, .count = 3 };
	const struct et_snapshot *snap;
	json_t *doc;
	char *text;

	et_snapbuild_metric(b, ET_M_SAMPLES, 10);
	et_snapbuild_metric(b, ET_M_HEAP_INUSE_BYTES, -5);
	et_snapbuild_add(b, ET_TAB_BENCHES, &bench, sizeof bench);
	et_snapbuild_add(b, ET_TAB_SITES, &site, sizeof site);
	et_snapbuild_add(b, ET_TAB_TARGETS, &target, sizeof target);
	et_snapbuild_add(b, ET_TAB_FUNCS, &func, sizeof func);
	et_snapbuild_add(b, ET_TAB_GROUPS, &group, sizeof group);
	snap = et_snapbuild_finish(b, &zero);
	et_snapbuild_free(b);
	doc = et_report_json(snap);
	is_na(doc, "benches.0.ns_per_op", "not a number");
	is_na(doc, "benches.0.ratio", "not a number");
	ET_OK(json_is_null(at(doc, "benches.0.target")), "a string out of range is no string");
	is_na(doc, "heap.by_site.0.stack", "no stack was taken");
	is_str(doc, "builds.0.state", "?");
	is_int(doc, "builds.0.bytes_in", INT64_MAX);
	is_real(doc, "cpu.functions.0.flat_pct", 100);
	json_decref(doc);
	text = et_report_text(snap, "");
	ET_OK(text != NULL && strstr(text, "(no stack)") != NULL, "the text report stands it too");
	free(text);
	et_snapshot_unref(snap);
}

/* ---- text ---------------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	uint32_t cp;
	size_t n;

	for (; *text != '\0'; text += n) {
		n = et_text_utf8(text, &cp);
		if (n == 0 || (cp < 0x20 && cp != '\n') || (cp >= 0x7f && cp < 0xa0) ||
		    (cp >= 0x202a && cp <= 0x202e))
			return false;
	}
	return true;
}

static unsigned widest_line(char *text)
{
	unsigned most = 0;

	for (char *line = text, *end; *line != '\0'; line = end + 1) {
		unsigned w;

		end = strchr(line, '\n');
		*end = '\0';
		w = et_cell_width(line);
		if (w > 100)
			printf("# %u columns: %s\n", w, line);
		most = w > most ? w : most;
		if (end > line && end[-1] == ' ')
			most = 1000; /* trailing blanks count as too wide */
		*end = '\n';
	}
	return most;
}

static char *text_of(enum fixture_kind kind, unsigned frame)
{
	const struct et_snapshot *snap = fixture_snap(kind, frame, 20);
	char *text = et_report_text(snap, "examples/q\x1b[31m\xff.yaml");

	et_snapshot_unref(snap);
	if (text == NULL)
		exit(printf("Bail out! no report\n"));
	return text;
}

static void has(const char *text, const char *want)
{
	ET_OK(strstr(text, want) != NULL, "says: %.*s", (int)strcspn(want, "\n"), want);
}

static void t_text(void)
{
	char *text = text_of(FIXTURE_RICH, 12);
	const char *failed = strstr(text, "FAILED broken-"), *table = strstr(text, "\nBuilds ");

	has(text, "engine-top " ET_VERSION ": examples/q\\x1b[31m\\xff.yaml\n");
	has(text, "2 of 9 targets ok, 1 waiting, 4 running, 1 failed, 1 skipped; 3.25s\n");
	ET_OK(failed != NULL && table != NULL && failed < table, "failures stand before all tables");
	has(text, "  cannot open 'src/no\\xffsuch': No such file or directory");
	ET_OK(table != NULL && strncmp(strchr(table + 1, '\n') + 1, "FAILED", 6) == 0,
	      "and first in the table");
	/* 40 MiB in 2 s */
	has(text, "ok        self                        image      2.00s   40.0M   13.3M   "
		  "20.0M/s 9f86d081884c\n");
	/* 403 of 1039 samples; (41.8 - 35.9) / 2 by Wilson */
	has(text, " 38.8 %   3.0  38.8 % longest_match ");
	has(text, "1.04k samples at 250 Hz (itimer), 2 lost, 4 missed; workload 5.20s CPU\n");
	has(text, "mmap                                            12.1M          5      64.1M   ");
	has(text, "longest_match < deflate_slow < layer_pack\n");
	has(text, "Threads: 11 now, 12 at peak; 4 running, 1 runnable, 1 lock, 2 cond, 1 io, 2 idle\n");
	has(text, " pool         251.2   [249.4..253.1]     0.0      0.00  0.61 "
		  "[0.60..0.61]     10\n");
	has(text, " malloc     n/a (not yet)\n");
	has(text, "engine-top itself: 40.3ms CPU (11.7ms of it in the signal handler)");
	free(text);
}

static void t_text_is_harmless(void)
{
	for (unsigned kind = 0; kind < 3; kind++)
		for (unsigned frame = 0; frame < 20; frame += 4) {
			char *text = text_of((enum fixture_kind)kind, frame);

			ET_OK(is_plain(text), "fixture %u frame %u: plain UTF-8", kind, frame);
			ET_OK(widest_line(text) <= 100, "fixture %u frame %u: 100 columns", kind,
			      frame);
			free(text);
		}
}

static void t_text_not_measured(void)
{
	char *text = text_of(FIXTURE_NA, 12);

	has(text, "glibc                                      n/a (malloc not interposed in this "
		  "build)\n");
	has(text, "n/a (switched off)\n");
	free(text);
	text = text_of(FIXTURE_EMPTY, 0);
	has(text, "CPU: n/a (not yet)\n");
	ET_OK(strstr(text, " 0 B") == NULL && strstr(text, "Builds") == NULL,
	      "an empty session shows no zeroes and no empty tables");
	free(text);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void t_file(void)
{
	char dir[4096], path[4200], link[4200];
	const struct et_snapshot *snap = fixture_snap(FIXTURE_RICH, 3, 20);
	struct et_err err = { .code = ET_EXIT_OK };
	struct stat st;
	json_t *doc, *want = et_report_json(snap);
	char *got, *exp;

	et_io_tmpdir("test_report", dir, sizeof dir);
	snprintf(path, sizeof path, "%s/out.json", dir);
	ET_IS_INT(et_report_json_file(snap, path, &err), 0, "writes a file");
	ET_IS_INT(et_report_json_file(snap, path, &err), 0, "writes it again");
	doc = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	got = json_dumps(doc, JSON_REAL_PRECISION(15));
	exp = json_dumps(want, JSON_REAL_PRECISION(15));
	ET_IS_STR(got, exp, "reads back the same document");
	free(got);
	free(exp);
	json_decref(doc);
	snprintf(link, sizeof link, "%s/link.json", dir);
	ET_OK(symlink("out.json", link) == 0 && truncate(path, 0) == 0 &&
	      et_report_json_file(snap, link, &err) == 0 && lstat(link, &st) == 0 &&
	      S_ISLNK(st.st_mode) && stat(path, &st) == 0 && st.st_size > 1000,
	      "a link is written through, not replaced");
	ET_OK(et_report_json_file(snap, "/dev/null", &err) == 0 && stat("/dev/null", &st) == 0 &&
	      S_ISCHR(st.st_mode), "/dev/null stays what it is");
	ET_OK(et_report_json_file(snap, "/dev/full", &err) == -1 && err.code == ET_EXIT_JOB &&
	      strstr(err.msg, "No space left") != NULL, "a full disk: %s", err.msg);
	et_err_clear(&err);
	snprintf(path, sizeof path, "%s/no/such/out.json", dir);
	ET_OK(et_report_json_file(snap, path, &err) == -1 && err.code == ET_EXIT_INPUT,
	      "a missing folder: %s", err.msg);
	et_err_clear(&err);
	ET_OK(et_report_json_file(snap, dir, &err) == -1 && err.code == ET_EXIT_INPUT,
	      "a folder: %s", err.msg);
	et_io_rmtree(AT_FDCWD, dir);
	json_decref(want);
	et_snapshot_unref(snap);
}

int main(void)
{
	t_builds();
	t_cpu();
	t_share();
	t_heap();
	t_threads();
	t_benches();
	t_usage();
	t_not_measured();
	t_hostile_rows();
	t_text();
	t_text_is_harmless();
	t_text_not_measured();
	t_file();
	return tap_done();
}
