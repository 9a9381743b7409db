/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON document (docs/json.md): one function a section, all through four setters that know
 * what null means.  Rule: a value that was not measured is null with its reason under KEY_na; a
 * text that is not there is null.  Strings and stacks come from outside and are bounded, so that
 * a small hostile snapshot cannot become a huge document.  Any thread, no state. */
#include "cli/report_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/report.h"
#include "engine-top/metric.h"

#define STRING_MAX 1024u /* bytes of a foreign string that we repeat */
#define DEPTH_MAX 256u   /* frames of a stack */

/* Out of memory anywhere leaves NULL somewhere: jansson's setters then return -1 and leave the
 * key out.  Counting that here lets et_report_json() return NULL instead of half a document. */
struct doc {
	const struct et_snapshot *snap;
	unsigned n_failed;
};

/* ---- setters ------------------------------------------------------------------------------- */

static void set(struct doc *d, json_t *obj, const char *key, json_t *value)
{
	d->n_failed += json_object_set_new(obj, key, value) != 0;
}

static void add(struct doc *d, json_t *list, json_t *value)
{
	d->n_failed += json_array_append_new(list, value) != 0;
}

static void set_na(struct doc *d, json_t *obj, const char *key, const char *why)
{
	char name[64];

	snprintf(name, sizeof name, "%s_na", key);
	set(d, obj, key, json_null());
	set(d, obj, name, json_string(why));
}

static void set_text(struct doc *d, json_t *obj, const char *key, const char *text)
{
	char cut[STRING_MAX + 1], safe[4 * STRING_MAX + 1];

	if (*text == '\0') {
		set(d, obj, key, json_null());
		return;
	}
	cut[0] = '\0';
	strncat(cut, text, STRING_MAX);
	set(d, obj, key, json_string(et_text_safe(safe, sizeof safe, cut)));
}

static void set_str(struct doc *d, json_t *obj, const char *key, uint32_t offset)
{
	set_text(d, obj, key, et_snapshot_str(d->snap, offset));
}

static void set_count(struct doc *d, json_t *obj, const char *key, uint64_t n)
{
	set(d, obj, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

static void set_int(struct doc *d, json_t *obj, const char *key, int64_t v, uint32_t na)
{
	if (na != ET_NA_MEASURED)
		set_na(d, obj, key, et_snapshot_na_text(na));
	else
		set(d, obj, key, json_integer(v));
}

static void set_real(struct doc *d, json_t *obj, const char *key, double v, uint32_t na)
{
	if (na != ET_NA_MEASURED)
		set_na(d, obj, key, et_snapshot_na_text(na));
	else if (!isfinite(v))
		set_na(d, obj, key, "not a number");
	else
		set(d, obj, key, json_real(v));
}

static double seconds(int64_t ns) { return (double)ns / (double)ET_NS_PER_S; }

static void set_metric(struct doc *d, json_t *obj, const char *key, uint32_t id)
{
	int64_t v;
	enum et_na na = et_snapshot_metric(d->snap, id, &v);

	if (et_metrics[id].unit == ET_UNIT_NS)
		set_real(d, obj, key, seconds(v), na);
	else
		set_int(d, obj, key, v, na);
}

/* ---- pieces -------------------------------------------------------------------------------- */

static void set_place(struct doc *d, json_t *obj, const struct et_row_func *fn, uint32_t file,
		      uint32_t line)
{
	set_str(d, obj, "name", fn->name);
	set_str(d, obj, "module", fn->module);
	set_str(d, obj, "file", file);
	set(d, obj, "line", line == 0 ? json_null() : json_integer(line));
}

static void set_stack(struct doc *d, json_t *obj, uint32_t stack)
{
	struct et_row_stack st;
	struct et_row_frame frame;
	struct et_row_func fn;
	json_t *list;
	uint32_t i;

	if (!et_snapshot_get(d->snap, ET_TAB_STACKS, stack, &st, sizeof st)) {
		set_na(d, obj, "stack", "no stack was taken");
		return;
	}
	list = json_array();
	for (i = 0; i < DEPTH_MAX && et_snapshot_frame(d->snap, stack, i, &frame, &fn); i++) {
		json_t *one = json_object();

		set_place(d, one, &fn, frame.file, frame.line);
		add(d, list, one);
	}
	set(d, obj, "stack", list);
	set(d, obj, "stack_truncated",
	    json_boolean((st.flags & ET_STACK_TRUNCATED) != 0 || i < st.depth));
}

/* The four numbers that heap rows share. */
static void set_heap(struct doc *d, json_t *obj, const int64_t v[4], uint32_t na, uint32_t flags)
{
	static const char *const keys[4] = { "inuse_bytes", "inuse_objects", "alloc_bytes",
					     "alloc_objects" };

	for (unsigned i = 0; i < 4; i++)
		set_int(d, obj, keys[i], v[i], na);
	set(d, obj, "exact", json_boolean((flags & ET_HEAP_EXACT) != 0));
	set(d, obj, "usable", json_boolean((flags & ET_HEAP_USABLE) != 0));
}

/* ---- sections ------------------------------------------------------------------------------ */

static json_t *build_of(struct doc *d, const struct et_row_target *t)
{
	json_t *o = json_object();

	set_str(d, o, "name", t->name);
	set_str(d, o, "kind", t->kind);
	set(d, o, "state", json_string(et_snapshot_target_state(t->state)));
	if (t->round == 0 || t->state == ET_TARGET_SKIPPED)
		set_na(d, o, "seconds", "not started");
	else
		set_real(d, o, "seconds", seconds(t->wall_ns), ET_NA_MEASURED);
	set_count(d, o, "bytes_in", t->bytes_in);
	set_count(d, o, "bytes_out", t->bytes_out);
	set_str(d, o, "digest", t->digest);
	set_str(d, o, "error", t->error);
	set_str(d, o, "stage", t->stage);
	set_str(d, o, "output", t->output);
	set_count(d, o, "round", t->round);
	set_count(d, o, "rounds_ok", t->rounds_ok);
	set_count(d, o, "rounds_failed", t->rounds_failed);
	set_count(d, o, "warnings", t->warnings);
	set_count(d, o, "work_done", t->work_done);
	if (t->work_total == 0)
		set_na(d, o, "work_total", "not known yet");
	else
		set_count(d, o, "work_total", t->work_total);
	set_str(d, o, "work_unit", t->work_unit);
	return o;
}

static json_t *builds(struct doc *d)
{
	json_t *list = json_array();
	struct et_row_target t;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_TARGETS, i, &t, sizeof t); i++)
		add(d, list, build_of(d, &t));
	return list;
}

static json_t *function_of(struct doc *d, const struct et_row_func *fn, int64_t weight, int64_t n,
			   enum et_na na)
{
	json_t *o = json_object();
	struct et_share flat = et_report_part(fn->flat, weight, n);
	struct et_share cum = et_report_part(fn->cum, weight, n);

	set_place(d, o, fn, fn->file, fn->line);
	set_count(d, o, "flat", fn->flat);
	set_count(d, o, "cum", fn->cum);
	set_real(d, o, "flat_pct", flat.pct, na);
	set_real(d, o, "flat_pct_lo", flat.lo_pct, na);
	set_real(d, o, "flat_pct_hi", flat.hi_pct, na);
	set_real(d, o, "cum_pct", cum.pct, na);
	set_real(d, o, "cum_pct_lo", cum.lo_pct, na);
	set_real(d, o, "cum_pct_hi", cum.hi_pct, na);
	return o;
}

/* Functions with samples only: the table also names those of heap and thread stacks. */
static json_t *functions(struct doc *d)
{
	json_t *list = json_array();
	struct et_row_func fn;
	int64_t weight, n;
	enum et_na na = et_snapshot_cpu_total(d->snap, &weight, &n);

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_FUNCS, i, &fn, sizeof fn); i++)
		if (fn.flat > 0 || fn.cum > 0)
			add(d, list, function_of(d, &fn, weight, n, na));
	return list;
}

static json_t *cpu(struct doc *d)
{
	json_t *o = json_object();
	int64_t engine;

	if (et_snapshot_metric(d->snap, ET_M_ENGINE, &engine) == ET_NA_MEASURED)
		set(d, o, "engine", json_string(et_snapshot_engine((uint32_t)engine)));
	else
		set_na(d, o, "engine", "this recording does not say");
	set_metric(d, o, "hz", ET_M_HZ);
	set_metric(d, o, "samples", ET_M_SAMPLES);
	set_metric(d, o, "weight", ET_M_SAMPLES_WEIGHT);
	set_metric(d, o, "lost", ET_M_SAMPLES_LOST);
	set_metric(d, o, "missed", ET_M_SAMPLES_MISSED);
	set_metric(d, o, "stacks_lost", ET_M_STACKS_LOST);
	set_metric(d, o, "seconds", ET_M_CPU_NS);
	set(d, o, "functions", functions(d));
	return o;
}

static json_t *by_allocator(struct doc *d)
{
	static const char *const kinds[ET_ALLOC_KIND_COUNT] = { "libc", "pool", "mmap" };
	json_t *list = json_array();
	struct et_row_allocator a;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_ALLOCATORS, i, &a, sizeof a); i++) {
		json_t *o = json_object();
		int64_t v[4] = { a.inuse_bytes, a.inuse_objects, a.alloc_bytes, a.alloc_objects };

		set_str(d, o, "allocator", a.name);
		set(d, o, "kind", json_string(a.kind < ET_ALLOC_KIND_COUNT ? kinds[a.kind] : "?"));
		set_heap(d, o, v, a.na, a.flags);
		add(d, list, o);
	}
	return list;
}

static json_t *site_of(struct doc *d, uint32_t row)
{
	json_t *o = json_object();
	struct et_row_allocator a;
	struct et_row_site s;
	int64_t v[4];

	et_snapshot_get(d->snap, ET_TAB_SITES, row, &s, sizeof s);
	et_snapshot_get(d->snap, ET_TAB_ALLOCATORS, s.allocator, &a, sizeof a);
	v[0] = s.inuse_bytes;
	v[1] = s.inuse_objects;
	v[2] = s.alloc_bytes;
	v[3] = s.alloc_objects;
	set_str(d, o, "allocator", a.name);
	set_heap(d, o, v, ET_NA_MEASURED, s.flags);
	set(d, o, "inuse_bytes_err", json_integer(s.inuse_bytes_err));
	set(d, o, "inuse_objects_err", json_integer(s.inuse_objects_err));
	set(d, o, "alloc_bytes_err", json_integer(s.alloc_bytes_err));
	set(d, o, "alloc_objects_err", json_integer(s.alloc_objects_err));
	set_count(d, o, "samples", s.samples);
	set_stack(d, o, s.stack);
	return o;
}

static void set_by_site(struct doc *d, json_t *heap)
{
	int64_t unused;
	enum et_na na = et_snapshot_metric(d->snap, ET_M_HEAP_INUSE_BYTES, &unused);
	uint32_t n, *rows;
	json_t *list;

	if (na != ET_NA_MEASURED) {
		set_na(d, heap, "by_site", et_snapshot_na_text(na));
		return;
	}
	rows = et_report_sites(d->snap, &n);
	d->n_failed += rows == NULL && et_snapshot_rows(d->snap, ET_TAB_SITES) > 0;
	list = json_array();
	for (uint32_t i = 0; i < n; i++)
		add(d, list, site_of(d, rows[i]));
	free(rows);
	set(d, heap, "by_site", list);
}

static json_t *heap(struct doc *d)
{
	json_t *o = json_object();

	set_metric(d, o, "period", ET_M_HEAP_PERIOD_BYTES);
	set(d, o, "exact", json_boolean((d->snap->flags & ET_SNAP_EXACT_HEAP) != 0));
	set(d, o, "adaptive", json_boolean((d->snap->flags & ET_SNAP_ADAPTIVE_HEAP) != 0));
	set_metric(d, o, "inuse_bytes", ET_M_HEAP_INUSE_BYTES);
	set_metric(d, o, "inuse_objects", ET_M_HEAP_INUSE_OBJECTS);
	set_metric(d, o, "alloc_bytes", ET_M_HEAP_ALLOC_BYTES);
	set_metric(d, o, "alloc_objects", ET_M_HEAP_ALLOC_OBJECTS);
	set(d, o, "by_allocator", by_allocator(d));
	set_by_site(d, o);
	return o;
}

static json_t *by_state(struct doc *d)
{
	uint64_t count[ET_THREAD_STATE_COUNT] = { 0 };
	struct et_row_thread t;
	json_t *o = json_object();

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_THREADS, i, &t, sizeof t); i++)
		if (!(t.flags & ET_THREAD_SELF) && t.state < ET_THREAD_STATE_COUNT)
			count[t.state]++;
	for (unsigned s = 0; s < ET_THREAD_STATE_COUNT; s++)
		set_count(d, o, et_snapshot_thread_state(s), count[s]);
	return o;
}

/* What threads that share a state and a stack have in common. */
static void set_where(struct doc *d, json_t *o, uint32_t state, uint32_t flags, uint32_t stack)
{
	set(d, o, "state", json_string(et_snapshot_thread_state(state)));
	set(d, o, "self", json_boolean((flags & ET_THREAD_SELF) != 0));
	set_stack(d, o, stack);
}

static json_t *groups(struct doc *d)
{
	json_t *list = json_array();
	struct et_row_group g;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_GROUPS, i, &g, sizeof g); i++) {
		json_t *o = json_object();

		set_count(d, o, "count", g.count);
		set_where(d, o, g.state, g.flags, g.stack);
		add(d, list, o);
	}
	return list;
}

/* Where threads were seen over the session, own ones included and marked. */
static json_t *waits(struct doc *d)
{
	json_t *list = json_array();
	struct et_row_wait w;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_WAITS, i, &w, sizeof w); i++) {
		json_t *o = json_object();

		set_count(d, o, "times", w.times);
		set_where(d, o, w.state, w.flags, w.stack);
		add(d, list, o);
	}
	return list;
}

static json_t *thread_list(struct doc *d)
{
	json_t *list = json_array();
	struct et_row_thread t;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_THREADS, i, &t, sizeof t); i++) {
		json_t *o = json_object();

		set_count(d, o, "tid", t.tid);
		set_str(d, o, "name", t.name);
		set(d, o, "state", json_string(et_snapshot_thread_state(t.state)));
		set(d, o, "self", json_boolean((t.flags & ET_THREAD_SELF) != 0));
		set_real(d, o, "cpu_s", seconds(t.cpu_ns), ET_NA_MEASURED);
		add(d, list, o);
	}
	return list;
}

static json_t *threads(struct doc *d)
{
	json_t *o = json_object();

	set_metric(d, o, "count", ET_M_THREADS);
	set_metric(d, o, "peak", ET_M_THREADS_PEAK);
	set_metric(d, o, "self", ET_M_THREADS_SELF);
	if (et_snapshot_rows(d->snap, ET_TAB_THREADS) == 0)
		set_na(d, o, "by_state", "no thread was seen in this snapshot");
	else
		set(d, o, "by_state", by_state(d));
	set(d, o, "groups", groups(d));
	set(d, o, "list", thread_list(d));
	set(d, o, "seen", waits(d));
	return o;
}

static json_t *pools(struct doc *d)
{
	json_t *list = json_array();
	struct et_row_pool p;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_POOLS, i, &p, sizeof p); i++) {
		json_t *o = json_object();

		set_str(d, o, "name", p.name);
		set_count(d, o, "gets", p.gets);
		set_count(d, o, "puts", p.puts);
		set_count(d, o, "hits", p.hits);
		set_count(d, o, "misses", p.misses);
		set_count(d, o, "retained_bytes", p.retained_bytes);
		set_count(d, o, "peak_bytes", p.peak_bytes);
		add(d, list, o);
	}
	return list;
}

static void set_ratio(struct doc *d, json_t *o, const struct et_row_bench *b)
{
	bool has_ratio = b->na == ET_NA_MEASURED && (b->flags & ET_BENCH_HAS_RATIO) != 0;
	const char *why = b->flags & ET_BENCH_BASE ? "this arm is the base" :
		et_snapshot_na_text(b->na != ET_NA_MEASURED ? b->na : ET_NA_TOO_FEW);

	if (!has_ratio) {
		set_na(d, o, "ratio", why);
		set_na(d, o, "ratio_lo", why);
		set_na(d, o, "ratio_hi", why);
		return;
	}
	set_real(d, o, "ratio", b->ratio, ET_NA_MEASURED);
	set_real(d, o, "ratio_lo", b->ratio_lo, ET_NA_MEASURED);
	set_real(d, o, "ratio_hi", b->ratio_hi, ET_NA_MEASURED);
}

static json_t *bench_of(struct doc *d, const struct et_row_bench *b)
{
	bool is_counted = b->na != ET_NA_MEASURED || (b->flags & ET_BENCH_NO_HEAP) == 0;
	uint32_t heap_na = is_counted ? b->na : (uint32_t)ET_NA_NO_INTERPOSE;
	json_t *o = json_object();

	set_str(d, o, "target", b->target);
	set_str(d, o, "experiment", b->experiment);
	set_str(d, o, "arm", b->arm);
	set(d, o, "base", json_boolean((b->flags & ET_BENCH_BASE) != 0));
	set_count(d, o, "n", b->n);
	set(d, o, "slowed", json_boolean((d->snap->flags & ET_SNAP_EXACT_HEAP) != 0));
	set(d, o, "interval", json_string(b->flags & ET_BENCH_HAS_CI ? "ci95" : "min..max"));
	set_real(d, o, "ns_per_op", b->ns_op, b->na);
	set_real(d, o, "ns_per_op_lo", b->ns_lo, b->na);
	set_real(d, o, "ns_per_op_hi", b->ns_hi, b->na);
	set_real(d, o, "bytes_per_op", b->bytes_op, heap_na);
	set_real(d, o, "allocs_per_op", b->allocs_op, heap_na);
	set_ratio(d, o, b);
	return o;
}

static json_t *benches(struct doc *d)
{
	json_t *list = json_array();
	struct et_row_bench b;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_BENCHES, i, &b, sizeof b); i++)
		add(d, list, bench_of(d, &b));
	return list;
}

static json_t *usage(struct doc *d)
{
	json_t *o = json_object();

	set_metric(d, o, "user_s", ET_M_USER_NS);
	set_metric(d, o, "sys_s", ET_M_SYS_NS);
	set_metric(d, o, "max_rss_bytes", ET_M_RSS_PEAK_BYTES);
	set_metric(d, o, "minor_faults", ET_M_MINOR_FAULTS);
	set_metric(d, o, "major_faults", ET_M_MAJOR_FAULTS);
	return o;
}

static json_t *self(struct doc *d)
{
	json_t *o = json_object();

	set_metric(d, o, "cpu_s", ET_M_SELF_CPU_NS);
	set_metric(d, o, "handler_s", ET_M_SELF_HANDLER_NS);
	set_na(d, o, "rss_bytes", "resident pages of own threads cannot be told from the workload's; "
				  "see heap_bytes");
	set_metric(d, o, "heap_bytes", ET_M_SELF_HEAP_BYTES);
	set_metric(d, o, "threads", ET_M_THREADS_SELF);
	set_metric(d, o, "samples", ET_M_SAMPLES_SELF);
	set_metric(d, o, "samples_dropped", ET_M_SAMPLES_LOST);
	return o;
}

static json_t *metrics(struct doc *d)
{
	static const char *const units[] = {
		[ET_UNIT_NS] = "s", [ET_UNIT_BYTES] = "B", [ET_UNIT_BYTES_PER_S] = "B/s",
		[ET_UNIT_COUNT_OF] = "", [ET_UNIT_PERMILLE] = "permille", [ET_UNIT_HZ] = "Hz",
	};
	json_t *list = json_array();

	for (uint32_t id = 0; id < ET_M_COUNT; id++) {
		json_t *o = json_object();

		set(d, o, "name", json_string(et_metrics[id].name));
		set(d, o, "unit", json_string(units[et_metrics[id].unit]));
		set(d, o, "kind", json_string(et_metrics[id].kind == ET_KIND_GAUGE ? "gauge" :
								 "counter"));
		set_metric(d, o, "value", id);
		add(d, list, o);
	}
	return list;
}

static json_t *messages(struct doc *d)
{
	static const char *const severities[ET_SEV_COUNT] = { "info", "warning", "error" };
	json_t *list = json_array();
	struct et_row_message m;

	for (uint32_t i = 0; et_snapshot_get(d->snap, ET_TAB_MESSAGES, i, &m, sizeof m); i++) {
		json_t *o = json_object();

		set(d, o, "severity",
		    json_string(m.severity < ET_SEV_COUNT ? severities[m.severity] : "?"));
		set_real(d, o, "seconds", seconds(m.t_ns), ET_NA_MEASURED);
		set_str(d, o, "text", m.text);
		add(d, list, o);
	}
	return list;
}

static json_t *session(struct doc *d)
{
	json_t *o = json_object();

	set(d, o, "program", json_string("engine-top " ET_VERSION));
	set_count(d, o, "snapshot", d->snap->seq);
	set_real(d, o, "seconds", seconds(d->snap->t_ns), ET_NA_MEASURED);
	set_real(d, o, "unix_time", seconds(d->snap->wall_ns), ET_NA_MEASURED);
	set(d, o, "final", json_boolean((d->snap->flags & ET_SNAP_FINAL) != 0));
	return o;
}

/* ---- the document -------------------------------------------------------------------------- */

/* The recorded process alone: this version follows no children. */
static json_t *processes(struct doc *d)
{
	json_t *list = json_array(), *o = json_object();

	set_metric(d, o, "pid", ET_M_PID);
	set(d, o, "name", json_string("engine-top"));
	set(d, o, "state", json_string((d->snap->flags & ET_SNAP_FINAL) != 0 ? "ending" : "running"));
	set_metric(d, o, "user_s", ET_M_USER_NS);
	set_metric(d, o, "sys_s", ET_M_SYS_NS);
	set_metric(d, o, "max_rss_bytes", ET_M_RSS_PEAK_BYTES);
	add(d, list, o);
	return list;
}

json_t *et_report_json(const struct et_snapshot *snap)
{
	struct doc d = { .snap = snap };
	json_t *o = json_object();

	set(&d, o, "schema", json_string(ET_REPORT_SCHEMA));
	set(&d, o, "session", session(&d));
	set(&d, o, "builds", builds(&d));
	set(&d, o, "cpu", cpu(&d));
	set(&d, o, "heap", heap(&d));
	set(&d, o, "threads", threads(&d));
	set_na(&d, o, "locks", "lock waits are not measured by this version");
	set(&d, o, "processes", processes(&d));
	set(&d, o, "pools", pools(&d));
	set(&d, o, "benches", benches(&d));
	set(&d, o, "usage", usage(&d));
	set(&d, o, "self", self(&d));
	set(&d, o, "metrics", metrics(&d));
	set(&d, o, "messages", messages(&d));
	if (d.n_failed == 0)
		return o;
	json_decref(o);
	return NULL;
}
