/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots for tests: what a busy session looks like at frame 0, 1, 2, ... (4 a second), made
 * with the public builder.  The same arguments give the same bytes on every machine.  Sums agree
 * (an allocator is the sum of its sites, flat and cum follow from the CPU rows, groups from the
 * threads), and names are as bad as the outside may send: escape sequences, invalid UTF-8, wide
 * and combining characters, right-to-left overrides, 200 bytes long.
 *
 *   const struct et_snapshot *s = fixture_snap(FIXTURE_RICH, 12, 20);   // frame 12 of 20
 *   ...
 *   et_snapshot_unref(s);
 */
#ifndef ET_TESTS_FIXTURE_H
#define ET_TESTS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine-top/metric.h"
#include "engine-top/snapshot.h"

enum fixture_kind {
	FIXTURE_RICH,  /* everything measured */
	FIXTURE_NA,    /* heap and benches not available (a sanitizer build), /proc silent */
	FIXTURE_EMPTY, /* the first moment: no rows, every metric "not yet" */
};

#define FIXTURE_STEP_NS INT64_C(250000000)
#define FIXTURE_WALL_NS INT64_C(1760000000000000000)
#define FIXTURE_LEN(a) (sizeof(a) / sizeof(a)[0])
#define FIXTURE_ESC "\x1b[31mred\x1b]0;title\x07"

struct fixture_func { const char *name, *module, *file; uint32_t line, flags; };

static const struct fixture_func fixture_funcs[] = {
	{ "deflate_slow", "libz.so.1.2.13", "deflate.c", 1877, ET_FUNC_NAMED },
	{ "longest_match", "libz.so.1.2.13", "deflate.c", 1236, ET_FUNC_NAMED },
	{ "sha256_block_data_order_shaext", "libcrypto.so.3", "", 0, ET_FUNC_NAMED },
	{ "crc32_z", "libz.so.1.2.13", "crc32.c", 734, ET_FUNC_NAMED },
	{ "layer_pack", "engine-top", "src/engine/image/layer.c", 212, ET_FUNC_NAMED },
	{ "image_build", "engine-top", "src/engine/image/image.c", 88, ET_FUNC_NAMED },
	{ "worker_main", "engine-top", "src/engine/build/workers.c", 61, ET_FUNC_NAMED },
	{ "start_thread", "libc.so.6", "pthread_create.c", 442, ET_FUNC_NAMED },
	{ "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::"
	  "_M_replace_aux(unsigned long, unsigned long, unsigned long, char) [clone .constprop.0] "
	  "[with extra text to reach two hundred bytes]",
	  "libstdc++.so.6.0.30", "/build/gcc-12/src/libstdc++-v3/include/bits/basic_string.tcc",
	  420, ET_FUNC_NAMED },
	{ "libarchive.so.13+0x4a2f0", "libarchive.so.13", "", 0, 0 },
	{ "名前_\xe9\x96\xa2\xe6\x95\xb0", "ライブラリ.so", "ソース.c", 7, ET_FUNC_NAMED },
	{ "evil_" FIXTURE_ESC "\xff\xfe_\xe2\x80\xae" "gnp", "bad\nmodule", "dir\twith\rtabs.c", 13,
	  ET_FUNC_NAMED },
	{ "e\xcc\x81tude_\xf0\x9f\x8f\x97", "libe.so", "e\xcc\x81tude.c", 3, ET_FUNC_NAMED },
	{ "strbuf_grow", "engine-top", "src/engine/pool/strbuf.c", 40, ET_FUNC_NAMED },
	{ "work_strings", "engine-top", "src/engine/work/strings.c", 25, ET_FUNC_NAMED },
	{ "pool_get", "engine-top", "src/engine/pool/pool.c", 133, ET_FUNC_NAMED },
	{ "pthread_cond_wait@@GLIBC_2.3.2", "libc.so.6", "pthread_cond_wait.c", 618,
	  ET_FUNC_NAMED },
	{ "__lll_lock_wait", "libc.so.6", "lowlevellock.c", 49, ET_FUNC_NAMED },
	{ "__GI___libc_read", "libc.so.6", "read.c", 26, ET_FUNC_NAMED },
	{ "collector_main", "engine-top", "src/profiler/collect/collector.c", 301, ET_FUNC_NAMED },
};
#define FIXTURE_FUNCS FIXTURE_LEN(fixture_funcs)

/* Indices into fixture_funcs, leaf first, -1 ends.  weight: CPU samples a frame. */
struct fixture_stack { int func[8]; unsigned weight; };

static const struct fixture_stack fixture_stacks[] = {
	{ { 1, 0, 4, 5, 6, 7, -1 }, 31 },
	{ { 0, 4, 5, 6, 7, -1 }, 17 },
	{ { 2, 4, 5, 6, 7, -1 }, 13 },
	{ { 3, 4, 5, 6, 7, -1 }, 5 },
	{ { 8, 13, 14, 6, 7, -1 }, 4 },
	{ { 9, 4, 5, 6, 7, -1 }, 3 },
	{ { 10, 14, 6, 7, -1 }, 2 },
	{ { 11, 14, 6, 7, -1 }, 2 },
	{ { 12, 14, 14, 14, 7, -1 }, 1 }, /* recursion: counts once in cum */
	{ { 13, 14, 6, 7, -1 }, 0 },      /* the rest: no CPU samples, heap and threads only */
	{ { 15, 14, 6, 7, -1 }, 0 },
	{ { 16, 6, 7, -1 }, 0 },
	{ { 17, 15, 14, 6, 7, -1 }, 0 },
	{ { 18, 4, 5, 6, 7, -1 }, 0 },
	{ { 16, 19, 7, -1 }, 0 },
};
#define FIXTURE_STACKS FIXTURE_LEN(fixture_stacks)

__attribute__((unused)) static uint64_t fixture_samples(unsigned stack, unsigned frame)
{
	/* not proportional: the order of functions changes from frame to frame */
	return (uint64_t)fixture_stacks[stack].weight * (frame + 1) + (frame * (stack + 3)) % 7 *
	       (fixture_stacks[stack].weight > 0);
}

static void fixture_count(unsigned frame, uint64_t flat[FIXTURE_FUNCS], uint64_t cum[FIXTURE_FUNCS])
{
	memset(flat, 0, FIXTURE_FUNCS * sizeof *flat);
	memset(cum, 0, FIXTURE_FUNCS * sizeof *cum);
	for (unsigned s = 0; s < FIXTURE_STACKS; s++) {
		const int *f = fixture_stacks[s].func;
		uint64_t seen = 0;

		flat[f[0]] += fixture_samples(s, frame);
		for (unsigned i = 0; f[i] >= 0; i++) {
			if (!(seen >> f[i] & 1))
				cum[f[i]] += fixture_samples(s, frame);
			seen |= UINT64_C(1) << f[i];
		}
	}
}

/* FUNCS hottest flat first, then FRAMES (one a function), STACKS, CPU. */
static void fixture_cpu(struct et_snapbuild *b, unsigned frame)
{
	uint64_t flat[FIXTURE_FUNCS], cum[FIXTURE_FUNCS];
	unsigned order[FIXTURE_FUNCS], place[FIXTURE_FUNCS];

	fixture_count(frame, flat, cum);
	for (unsigned i = 0; i < FIXTURE_FUNCS; i++) {
		unsigned at = i;

		for (; at > 0 && flat[order[at - 1]] < flat[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	for (unsigned i = 0; i < FIXTURE_FUNCS; i++) {
		const struct fixture_func *f = &fixture_funcs[order[i]];
		struct et_row_func fn = { .name = et_snapbuild_str(b, f->name),
			.module = et_snapbuild_str(b, f->module),
			.file = et_snapbuild_str(b, f->file), .line = f->line,
			.flags = f->flags, .flat = flat[order[i]],
			.cum = cum[order[i]] };
		struct et_row_frame fr = { .func = i, .file = fn.file,
			.line = f->line > 0 ? f->line + 9 : 0 };

		place[order[i]] = i;
		et_snapbuild_add(b, ET_TAB_FUNCS, &fn, sizeof fn);
		et_snapbuild_add(b, ET_TAB_FRAMES, &fr, sizeof fr);
	}
	for (uint32_t s = 0, first = 0; s < FIXTURE_STACKS; s++) {
		struct et_row_stack st = { .first = first,
					   .flags = s == 5 ? ET_STACK_TRUNCATED : 0 };
		struct et_row_cpu cpu = { .stack = s, .samples = fixture_samples(s, frame) };

		for (; fixture_stacks[s].func[st.depth] >= 0; st.depth++)
			et_snapbuild_add(b, ET_TAB_STACK_FRAMES,
					 &place[fixture_stacks[s].func[st.depth]], sizeof place[0]);
		first += st.depth;
		et_snapbuild_add(b, ET_TAB_STACKS, &st, sizeof st);
		if (cpu.samples > 0)
			et_snapbuild_add(b, ET_TAB_CPU, &cpu, sizeof cpu);
	}
}

/* A target runs from frame `begin` for `frames` frames, then ends in `end`. */
struct fixture_target {
	const char *name, *kind, *unit, *output, *error;
	unsigned begin, frames;
	enum et_target_state end;
	uint64_t total, rate; /* work units; bytes read a frame */
};

static const struct fixture_target fixture_targets[] = {
	{ "self", "image", "B", "store/self", "", 0, 8, ET_TARGET_OK, 41943040, 5242880 },
	{ "tree-5000", "generate", "files", "store/tree", "", 0, 3, ET_TARGET_OK, 5000, 0 },
	{ "tree", "image", "B", "store/tree-image", "", 3, 30, ET_TARGET_OK, 402653184, 13421772 },
	{ "broken-" FIXTURE_ESC, "image", "files", "",
	  "cannot open 'src/no\xff" "such': No such file or directory \xe2\x80\xae"
	  "(and a long explanation that does not fit into any column of any table on "
	  "any screen that we know of)", 1, 3, ET_TARGET_FAILED, 900, 65536 },
	{ "after-broken", "image", "B", "", "it needs 'broken', which failed", 4, 0,
	  ET_TARGET_SKIPPED, 0, 0 },
	{ "画像_e\xcc\x81_\xf0\x9f\x8f\x97", "image", "B", "", "", 6, 400, ET_TARGET_OK, 0, 1048576 },
	{ "strings", "bench", "trials", "", "", 2, 20, ET_TARGET_OK, 40, 0 },
	{ "sha256-with-a-pooled-buffer-and-a-name-that-goes-on-and-on-until-it-has-to-be-cut",
	  "bench", "trials", "", "", 5, 40, ET_TARGET_OK, 40, 0 },
	{ "tarbuf", "bench", "trials", "", "", 1000, 1, ET_TARGET_OK, 40, 0 },
};

static void fixture_add_target(struct et_snapbuild *b, const struct fixture_target *t,
			       unsigned frame)
{
	unsigned since = frame < t->begin ? 0 : frame - t->begin;
	unsigned ran = since < t->frames ? since : t->frames;
	bool is_over = frame >= t->begin && ran == t->frames;
	struct et_row_target row = { .name = et_snapbuild_str(b, t->name),
		.kind = et_snapbuild_str(b, t->kind), .output = et_snapbuild_str(b, t->output),
		.work_unit = et_snapbuild_str(b, t->unit), .round = frame >= t->begin,
		.wall_ns = ran * FIXTURE_STEP_NS, .bytes_in = ran * t->rate,
		.bytes_out = ran * t->rate / 3, .work_total = t->total,
		.warnings = is_over && t->end == ET_TARGET_OK && t->rate > 0 ? 2 : 0 };

	row.work_done = t->frames == 0 ? 0 : t->total * ran / t->frames;
	row.state = is_over ? t->end : frame >= t->begin ? ET_TARGET_RUNNING : ET_TARGET_WAITING;
	if (row.state == ET_TARGET_RUNNING)
		row.stage = et_snapbuild_str(b, ran < 2 ? "walk" : "pack");
	if (is_over && t->end != ET_TARGET_OK)
		row.error = et_snapbuild_str(b, t->error);
	if (is_over && t->end == ET_TARGET_OK && strcmp(t->kind, "image") == 0)
		row.digest = et_snapbuild_str(b, "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"
						 "2b0b822cd15d6c15b0f00a08");
	row.rounds_ok = is_over && t->end == ET_TARGET_OK;
	row.rounds_failed = is_over && t->end == ET_TARGET_FAILED;
	et_snapbuild_add(b, ET_TAB_TARGETS, &row, sizeof row);
}

struct fixture_site { unsigned allocator, stack; int64_t size, live, per_frame; };

static const char *const fixture_allocators[] = { "glibc", "mmap", "pool strings",
						   "pool " FIXTURE_ESC "\xff" };

static const struct fixture_site fixture_sites[] = {
	{ 0, 0, 262144, 16, 4 }, { 0, 4, 96, 5000, 800 }, { 0, 9, 4096, 40, 40 }, { 0, 8, 24, 7, 1 },
	{ 1, 2, 4194304, 3, 1 }, { 1, 5, 65536, 2, 0 },
	{ 2, 10, 1024, 64, 9000 }, { 2, 7, 512, 8, 300 }, { 3, 6, 65536, 2, 5 },
};

static struct et_row_site fixture_site_row(const struct fixture_site *s, unsigned frame)
{
	int64_t live = s->live + (int64_t)frame % 5 * (s->live / 8);
	int64_t ever = live + s->per_frame * (int64_t)(frame + 1);

	return (struct et_row_site){ .allocator = s->allocator, .stack = s->stack,
		.inuse_bytes = s->size * live, .inuse_objects = live,
		.alloc_bytes = s->size * ever, .alloc_objects = ever,
		.samples = (uint64_t)(s->size * ever / 524288 + 1),
		.inuse_bytes_err = s->size * live / 9, .inuse_objects_err = live / 9 + 1,
		.alloc_bytes_err = s->size * ever / 11, .alloc_objects_err = ever / 11 + 1 };
}

static struct et_row_allocator fixture_allocator_row(unsigned allocator, unsigned frame)
{
	struct et_row_allocator a = { .kind = allocator == 0 ? ET_ALLOC_LIBC : allocator == 1 ?
		ET_ALLOC_MMAP : ET_ALLOC_POOL, .series = ET_NONE, .flags = ET_HEAP_EXACT };

	for (unsigned i = 0; i < FIXTURE_LEN(fixture_sites); i++) {
		struct et_row_site s = fixture_site_row(&fixture_sites[i], frame);

		if (s.allocator != allocator)
			continue;
		a.inuse_bytes += s.inuse_bytes;
		a.inuse_objects += s.inuse_objects;
		a.alloc_bytes += s.alloc_bytes;
		a.alloc_objects += s.alloc_objects;
	}
	return a;
}

/* One series of up to 60 points that ends at this frame; returns its row. */
static uint32_t fixture_series(struct et_snapbuild *b, enum et_series_kind kind, uint32_t key,
			       unsigned frame, int64_t (*value)(uint32_t key, unsigned frame))
{
	struct et_row_series s = { .kind = kind, .key = key, .n = frame < 60 ? frame + 1 : 60,
				   .step_ns = FIXTURE_STEP_NS };
	void *rows = et_snapbuild_rows(b, ET_TAB_POINTS, &s.first);

	(void)rows; /* only their number is asked for */
	for (unsigned f = frame + 1 - s.n; f <= frame; f++) {
		int64_t v = value(key, f);

		et_snapbuild_add(b, ET_TAB_POINTS, &v, sizeof v);
	}
	return et_snapbuild_add(b, ET_TAB_SERIES, &s, sizeof s);
}

static int64_t fixture_allocator_value(uint32_t key, unsigned frame)
{
	return fixture_allocator_row(key, frame).inuse_bytes;
}

static void fixture_heap(struct et_snapbuild *b, unsigned frame, bool is_na)
{
	for (uint32_t i = 0; i < FIXTURE_LEN(fixture_allocators); i++) {
		struct et_row_allocator a = fixture_allocator_row(i, frame);

		if (is_na)
			a = (struct et_row_allocator){ .na = ET_NA_NO_INTERPOSE, .kind = a.kind,
						       .series = ET_NONE };
		else
			a.series = fixture_series(b, ET_SERIES_ALLOCATOR, i, frame,
						  fixture_allocator_value);
		a.name = et_snapbuild_str(b, fixture_allocators[i]);
		et_snapbuild_add(b, ET_TAB_ALLOCATORS, &a, sizeof a);
	}
	for (unsigned i = 0; i < FIXTURE_LEN(fixture_sites) && !is_na; i++) {
		struct et_row_site s = fixture_site_row(&fixture_sites[i], frame);

		et_snapbuild_add(b, ET_TAB_SITES, &s, sizeof s);
	}
}

#define FIXTURE_THREADS 13u

static struct et_row_thread fixture_thread_row(unsigned i, unsigned frame)
{
	static const struct { enum et_thread_state state; uint32_t stack; } kinds[] = {
		{ ET_THREAD_RUNNING, 0 }, { ET_THREAD_RUNNING, 2 }, { ET_THREAD_RUNNABLE, 0 },
		{ ET_THREAD_LOCK, 12 }, { ET_THREAD_IO, 13 }, { ET_THREAD_COND, 11 },
		{ ET_THREAD_IDLE, 11 },
	};
	unsigned k = i < 11 ? (i + frame) % 7 : 0;
	struct et_row_thread t = { .tid = 4100 + i, .state = kinds[k].state,
		.stack = kinds[k].stack, .cpu_ns = (int64_t)(i + 1) * 30000000 * (frame + 1) };

	if (i == 10)
		t.stack = ET_NONE;
	if (i >= 11) {
		t.flags = ET_THREAD_SELF;
		t.state = i == 11 ? ET_THREAD_RUNNING : ET_THREAD_IO;
		t.stack = 14;
		t.cpu_ns = (int64_t)3000000 * (frame + 1);
	}
	return t;
}

static void fixture_threads(struct et_snapbuild *b, unsigned frame)
{
	static const char *const names[FIXTURE_THREADS] = {
		[9] = "bad\x1b[2J\xff", [10] = "早い糸", [11] = "et-collect", [12] = "et-record",
	};
	struct et_row_group groups[FIXTURE_THREADS];
	unsigned n = 0;

	for (unsigned i = 0; i < FIXTURE_THREADS; i++) {
		struct et_row_thread t = fixture_thread_row(i, frame);
		char name[24];
		unsigned g = 0;

		snprintf(name, sizeof name, "worker-%u", i);
		t.name = et_snapbuild_str(b, names[i] != NULL ? names[i] : name);
		et_snapbuild_add(b, ET_TAB_THREADS, &t, sizeof t);
		while (g < n && (groups[g].state != t.state || groups[g].stack != t.stack ||
				 groups[g].flags != t.flags))
			g++;
		if (g == n)
			groups[n++] = (struct et_row_group){ t.state, t.stack, 0, t.flags };
		groups[g].count++;
	}
	for (unsigned count = FIXTURE_THREADS; count > 0; count--)
		for (unsigned g = 0; g < n; g++)
			if (groups[g].count == count)
				et_snapbuild_add(b, ET_TAB_GROUPS, &groups[g], sizeof groups[g]);
}

struct fixture_bench {
	unsigned target; /* in fixture_targets */
	const char *arm;
	double ns_op, bytes_op, allocs_op, ratio;
};

static const struct fixture_bench fixture_benches[] = {
	{ 6, "malloc", 412.5, 1536, 3, 1 }, { 6, "pool", 251.25, 0, 0, 0.609 },
	{ 7, "malloc", 105000, 65536, 1, 1 }, { 7, "pool", 104100, 12.5, 0.002, 0.991 },
	{ 8, "malloc", 2.5e6, 1048576, 17, 1 },
	{ 8, "pool \xff" FIXTURE_ESC, 2.75e6, 4096, 1.5, 1.1 },
};

static void fixture_add_benches(struct et_snapbuild *b, unsigned frame, bool is_na)
{
	for (unsigned i = 0; i < FIXTURE_LEN(fixture_benches); i++) {
		const struct fixture_bench *f = &fixture_benches[i];
		const struct fixture_target *t = &fixture_targets[f->target];
		unsigned n = frame <= t->begin ? 0 : frame - t->begin;
		double spread = 0.08 / (n + 1);
		bool is_base = strcmp(f->arm, "malloc") == 0;
		struct et_row_bench r = { .target = et_snapbuild_str(b, t->name),
			.experiment = et_snapbuild_str(b, "pool against malloc"),
			.arm = et_snapbuild_str(b, f->arm),
			.flags = is_base ? ET_BENCH_BASE : 0, .n = n,
			.na = n < 2 ? ET_NA_NOT_YET : ET_NA_MEASURED };

		if (is_na)
			r.na = ET_NA_OFF;
		if (r.na == ET_NA_MEASURED) {
			r.ns_op = f->ns_op;
			r.ns_lo = f->ns_op * (1 - spread);
			r.ns_hi = f->ns_op * (1 + spread);
			r.bytes_op = f->bytes_op;
			r.allocs_op = f->allocs_op;
			r.flags |= n >= 6 ? ET_BENCH_HAS_CI : 0;
			if (!is_base) {
				r.flags |= ET_BENCH_HAS_RATIO;
				r.ratio = f->ratio;
				r.ratio_lo = f->ratio * (1 - spread);
				r.ratio_hi = f->ratio * (1 + spread);
			}
		}
		et_snapbuild_add(b, ET_TAB_BENCHES, &r, sizeof r);
	}
}

static void fixture_pools(struct et_snapbuild *b, unsigned frame)
{
	for (uint32_t i = 2; i < FIXTURE_LEN(fixture_allocators); i++) {
		uint64_t gets = (uint64_t)(frame + 1) * 9300 / (i - 1);
		struct et_row_pool p = { .name = et_snapbuild_str(b, fixture_allocators[i] + 5),
			.allocator = i, .gets = gets, .puts = gets - 3 * i, .misses = 16 * i,
			.hits = gets - 16 * i, .retained_bytes = 65536 * i,
			.peak_bytes = 131072 * i };

		et_snapbuild_add(b, ET_TAB_POOLS, &p, sizeof p);
	}
}

/* One place for the value of every metric at a frame; the series call it too. */
static int64_t fixture_metric(uint32_t id, unsigned frame)
{
	int64_t f = frame + 1, total = 0;
	struct et_row_allocator sum = { .name = 0 };

	for (unsigned i = 0; i < FIXTURE_LEN(fixture_allocators); i++) {
		struct et_row_allocator a = fixture_allocator_row(i, frame);

		sum.inuse_bytes += a.inuse_bytes;
		sum.inuse_objects += a.inuse_objects;
		sum.alloc_bytes += a.alloc_bytes;
		sum.alloc_objects += a.alloc_objects;
	}
	for (unsigned s = 0; s < FIXTURE_STACKS; s++)
		total += (int64_t)fixture_samples(s, frame);
	switch (id) {
	case ET_M_UPTIME_NS: return f * FIXTURE_STEP_NS;
	case ET_M_CPU_PERMILLE: return 1500 + (f * 137) % 400;
	case ET_M_CPU_NS: return f * 400000000;
	case ET_M_USER_NS: return f * 380000000;
	case ET_M_SYS_NS: return f * 30000000;
	case ET_M_RSS_BYTES: return 50331648 + (f * 7919) % 97 * 65536;
	case ET_M_RSS_PEAK_BYTES: return 50331648 + 97 * 65536;
	case ET_M_MINOR_FAULTS: return 1200 * f;
	case ET_M_MAJOR_FAULTS: return f / 4;
	case ET_M_HEAP_INUSE_BYTES: return sum.inuse_bytes;
	case ET_M_HEAP_INUSE_OBJECTS: return sum.inuse_objects;
	case ET_M_HEAP_ALLOC_BYTES: return sum.alloc_bytes;
	case ET_M_HEAP_ALLOC_OBJECTS: return sum.alloc_objects;
	case ET_M_HEAP_ALLOC_RATE: return 61000000 + f % 9 * 500000;
	case ET_M_HEAP_PERIOD_BYTES: return 524288;
	case ET_M_THREADS: return 11;
	case ET_M_THREADS_PEAK: return 12;
	case ET_M_THREADS_SELF: return 2;
	case ET_M_HZ: return 250;
	case ET_M_SAMPLES: return total;
	case ET_M_SAMPLES_WEIGHT: return total;
	case ET_M_ENGINE: return ET_ENGINE_ITIMER;
	case ET_M_SAMPLES_SELF: return f;
	case ET_M_SAMPLES_LOST: return f / 5;
	case ET_M_SAMPLES_MISSED: return f / 3;
	case ET_M_STACKS_LOST: return 0;
	case ET_M_SELF_CPU_NS: return f * 3100000;
	case ET_M_SELF_CPU_PERMILLE: return 9 + f % 6;
	case ET_M_SELF_HEAP_BYTES: return 2097152 + f % 3 * 4096;
	case ET_M_SELF_HANDLER_NS: return f * 900000;
	case ET_M_CPU_ONLINE: return 2;
	default: return f;
	}
}

static enum et_na fixture_metric_na(uint32_t id, enum fixture_kind kind)
{
	if (kind == FIXTURE_EMPTY)
		return ET_NA_NOT_YET;
	if (kind == FIXTURE_NA && id >= ET_M_HEAP_INUSE_BYTES && id <= ET_M_HEAP_ALLOC_RATE)
		return ET_NA_NO_INTERPOSE;
	if (kind == FIXTURE_NA && (id == ET_M_RSS_BYTES || id == ET_M_CPU_PERMILLE))
		return ET_NA_NO_PROC;
	if (kind == FIXTURE_NA && id == ET_M_SELF_HEAP_BYTES)
		return ET_NA_NO_INTERPOSE;
	return ET_NA_MEASURED;
}

static void fixture_metrics(struct et_snapbuild *b, enum fixture_kind kind, unsigned frame)
{
	static const uint32_t plotted[] = { ET_M_CPU_PERMILLE, ET_M_RSS_BYTES,
					    ET_M_HEAP_INUSE_BYTES, ET_M_HEAP_ALLOC_RATE };

	for (uint32_t id = 0; id < ET_M_COUNT; id++) {
		enum et_na na = fixture_metric_na(id, kind);

		if (na == ET_NA_MEASURED)
			et_snapbuild_metric(b, id, fixture_metric(id, frame));
		else
			et_snapbuild_metric_na(b, id, na);
	}
	for (unsigned i = 0; i < FIXTURE_LEN(plotted); i++)
		if (fixture_metric_na(plotted[i], kind) == ET_NA_MEASURED)
			fixture_series(b, ET_SERIES_METRIC, plotted[i], frame, fixture_metric);
}

static void fixture_messages(struct et_snapbuild *b, unsigned frame)
{
	static const struct {
		enum et_severity severity;
		unsigned frame;
		const char *text;
	} all[] = {
		{ ET_SEV_INFO, 0, "sampling at 250 Hz with setitimer" },
		{ ET_SEV_WARN, 2, "2 sockets left out of 'self': " FIXTURE_ESC "\xff" },
		{ ET_SEV_ERROR, 4, "target 'broken' failed" },
	};

	for (unsigned i = 0; i < FIXTURE_LEN(all); i++) {
		struct et_row_message m = { .severity = all[i].severity,
			.text = et_snapbuild_str(b, all[i].text),
			.t_ns = (int64_t)(all[i].frame + 1) * FIXTURE_STEP_NS };

		if (all[i].frame <= frame)
			et_snapbuild_add(b, ET_TAB_MESSAGES, &m, sizeof m);
	}
}

/* Frame `frame` of a session of n_frames (the last one has ET_SNAP_FINAL; 0 = endless).
 * [own] new: et_snapshot_unref() it   [err] NULL without memory */
__attribute__((unused)) static const struct et_snapshot *
fixture_snap(enum fixture_kind kind, unsigned frame, unsigned n_frames)
{
	struct et_snapbuild *b = et_snapbuild_new();
	struct et_snapshot head = { .seq = frame + 1, .t_ns = (frame + 1) * FIXTURE_STEP_NS,
		.wall_ns = FIXTURE_WALL_NS + (frame + 1) * FIXTURE_STEP_NS,
		.dt_ns = frame == 0 ? 0 : FIXTURE_STEP_NS,
		.flags = frame + 1 == n_frames ? ET_SNAP_FINAL : 0 };
	const struct et_snapshot *snap;

	if (b == NULL)
		return NULL;
	fixture_metrics(b, kind, frame);
	if (kind != FIXTURE_EMPTY) {
		for (unsigned i = 0; i < FIXTURE_LEN(fixture_targets); i++)
			fixture_add_target(b, &fixture_targets[i], frame);
		fixture_cpu(b, frame);
		fixture_heap(b, frame, kind == FIXTURE_NA);
		fixture_threads(b, frame);
		fixture_add_benches(b, frame, kind == FIXTURE_NA);
		fixture_pools(b, frame);
		fixture_messages(b, frame);
	}
	snap = et_snapbuild_finish(b, &head);
	et_snapbuild_free(b);
	return snap;
}

#endif
