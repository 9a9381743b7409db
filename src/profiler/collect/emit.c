/* SPDX-License-Identifier: Apache-2.0
 *
 * The telling half of a collection (collector.h): tables of a snapshot out of the folded state.
 * Only what the tables need is written: functions, frames and stacks that no row refers to stay
 * out, and indices are those of the snapshot, not the collector's ids. */
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "profiler/agent/heap.h"
#include "profiler/agent/hook.h"
#include "profiler/agent/selfheap.h"
#include "profiler/collect/collector.h"
#include "profiler/collect/procfs.h"

/* Rows of a kind in one snapshot; what is left out is said in a message. */
#define ROWS_MAX 4000u
#define WAITS_MAX 500u

/* Collector ids -> snapshot rows, for one snapshot. */
struct maps {
	uint32_t *func, *frame, *stack; /* row + 1; 0 = not in yet */
	uint64_t *flat, *cum;           /* by function id */
};

static void maps_fini(struct maps *m)
{
	free(m->func);
	free(m->frame);
	free(m->stack);
	free(m->flat);
	free(m->cum);
}

static bool maps_init(struct maps *m, const struct et_collector *c)
{
	uint32_t n_funcs = et_symbols_n_funcs(c->symbols);

	m->func = calloc(n_funcs, sizeof *m->func);
	m->frame = calloc(et_symbols_n_frames(c->symbols), sizeof *m->frame);
	m->stack = calloc(c->stacks.n_rows + 1, sizeof *m->stack);
	m->flat = calloc(n_funcs, sizeof *m->flat);
	m->cum = calloc(n_funcs, sizeof *m->cum);
	if (m->func != NULL && m->frame != NULL && m->stack != NULL && m->flat != NULL &&
	    m->cum != NULL)
		return true;
	maps_fini(m);
	return false;
}

/* ---- functions, frames, stacks ------------------------------------------------------------ */

static uint32_t func_at(const struct et_collector *c, const struct et_stack *s, uint32_t i)
{
	return et_symbols_get(c->symbols, c->stacks.frames[s->first + i])->func;
}

/* cum counts a function once a stack, however often it recurs. */
static void add_up(const struct et_collector *c, struct maps *m, const struct et_stack *s)
{
	m->flat[func_at(c, s, 0)] += s->samples;
	for (uint32_t i = 0; i < s->depth; i++) {
		uint32_t func = func_at(c, s, i);
		bool is_again = false;

		for (uint32_t j = 0; j < i && !is_again; j++)
			is_again = func_at(c, s, j) == func;
		if (!is_again)
			m->cum[func] += s->samples;
	}
}

struct hot {
	uint64_t flat, cum;
	uint32_t id;
};

static int hotter(const void *a, const void *b)
{
	const struct hot *x = a, *y = b;

	if (x->flat != y->flat)
		return x->flat < y->flat ? 1 : -1;
	if (x->cum != y->cum)
		return x->cum < y->cum ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static uint32_t put_func(struct et_collector *c, struct maps *m, uint32_t id)
{
	const struct et_func *f = et_symbols_func(c->symbols, id);
	struct et_row_func row = { .line = f->line, .flags = f->is_named ? ET_FUNC_NAMED : 0,
				   .flat = m->flat[id], .cum = m->cum[id] };

	if (m->func[id] == 0) {
		row.name = et_snapbuild_str(c->build, f->name);
		row.module = et_snapbuild_str(c->build, f->module);
		row.file = et_snapbuild_str(c->build, f->file);
		m->func[id] = et_snapbuild_add(c->build, ET_TAB_FUNCS, &row, sizeof row) + 1;
	}
	return m->func[id] - 1;
}

/* Functions with samples first, in order; the rest follows as stacks need them. */
static void put_hot_funcs(struct et_collector *c, struct maps *m)
{
	uint32_t n_funcs = et_symbols_n_funcs(c->symbols), n = 0;
	struct hot *hot = malloc(n_funcs * sizeof *hot);

	if (hot == NULL)
		return;
	for (uint32_t i = 0; i < n_funcs; i++)
		if (m->cum[i] != 0)
			hot[n++] = (struct hot){ m->flat[i], m->cum[i], i };
	qsort(hot, n, sizeof *hot, hotter);
	for (uint32_t i = 0; i < n; i++)
		put_func(c, m, hot[i].id);
	free(hot);
}

static uint32_t put_frame(struct et_collector *c, struct maps *m, uint32_t id)
{
	const struct et_frame *f = et_symbols_get(c->symbols, id);
	struct et_row_frame row = { .line = f->line };

	if (m->frame[id] == 0) {
		row.func = put_func(c, m, f->func);
		row.file = et_snapbuild_str(c->build, f->file);
		m->frame[id] = et_snapbuild_add(c->build, ET_TAB_FRAMES, &row, sizeof row) + 1;
	}
	return m->frame[id] - 1;
}

static uint32_t put_stack(struct et_collector *c, struct maps *m, uint32_t id)
{
	const struct et_stack *s;
	struct et_row_stack row;

	if (id == ET_NONE)
		return ET_NONE;
	if (m->stack[id] != 0)
		return m->stack[id] - 1;
	s = &c->stacks.rows[id];
	row = (struct et_row_stack){ .depth = s->depth,
				     .flags = s->is_truncated ? ET_STACK_TRUNCATED : 0 };
	for (uint32_t i = 0; i < s->depth; i++) {
		uint32_t frame = put_frame(c, m, c->stacks.frames[s->first + i]);
		uint32_t at = et_snapbuild_add(c->build, ET_TAB_STACK_FRAMES, &frame, sizeof frame);

		if (i == 0)
			row.first = at;
	}
	m->stack[id] = et_snapbuild_add(c->build, ET_TAB_STACKS, &row, sizeof row) + 1;
	return m->stack[id] - 1;
}

static void message(struct et_collector *c, enum et_severity severity, const char *text)
{
	struct et_row_message row = { .severity = severity, .t_ns = c->now_ns - c->begin_ns };

	row.text = et_snapbuild_str(c->build, text);
	et_snapbuild_add(c->build, ET_TAB_MESSAGES, &row, sizeof row);
}

/* ---- CPU ---------------------------------------------------------------------------------- */

static void put_cpu(struct et_collector *c, struct maps *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->stacks.n_rows; i++)
		if (c->stacks.rows[i].samples != 0)
			add_up(c, m, &c->stacks.rows[i]);
	put_hot_funcs(c, m);
	for (uint32_t i = 0; i < c->stacks.n_rows; i++) {
		struct et_row_cpu row = { .samples = c->stacks.rows[i].samples };

		if (row.samples == 0)
			continue;
		if (n++ == ROWS_MAX) {
			message(c, ET_SEV_INFO, "more CPU stacks than one snapshot carries; "
						"functions count all of them");
			break;
		}
		row.stack = put_stack(c, m, i);
		et_snapbuild_add(c->build, ET_TAB_CPU, &row, sizeof row);
	}
}

/* ---- heap --------------------------------------------------------------------------------- */

/* Stacks of new sites must be known before the maps are made: interning adds frames. */
static void intern_sites(struct et_collector *c)
{
	struct et_proc *p = &c->proc;
	uint32_t n = atomic_load_explicit(&p->region->n_sites, memory_order_acquire);
	uint32_t *more = n <= p->n_site_stack ? NULL : realloc(p->site_stack, n * sizeof *more);

	if (more == NULL)
		return;
	p->site_stack = more;
	for (; p->n_site_stack < n; p->n_site_stack++) {
		const struct et_site *s = &p->region->sites[p->n_site_stack];

		more[p->n_site_stack] = et_stacks_intern(&c->stacks, &p->addrs,
							 p->region->frames + s->first, s->depth,
							 s->is_truncated != 0);
	}
}

static int64_t load(const atomic_int_fast64_t *x)
{
	return atomic_load_explicit(x, memory_order_relaxed);
}

static uint64_t loadu(const atomic_uint_fast64_t *x)
{
	return atomic_load_explicit(x, memory_order_relaxed);
}

struct big {
	uint64_t weight;
	uint32_t ix;
};

static int bigger(const void *a, const void *b)
{
	const struct big *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return x->ix < y->ix ? -1 : x->ix > y->ix;
}

/* Half of a 95 % interval. */
static int64_t error_of(const atomic_uint_fast64_t *var, double unit)
{
	return (int64_t)(1.96 * sqrt((double)loadu(var) / unit) + 0.5);
}

static int64_t whole(int64_t fix) { return (fix + (1 << (ET_HEAP_FIX - 1))) >> ET_HEAP_FIX; }

static void put_site(struct et_collector *c, struct maps *m, uint32_t ix)
{
	const struct et_site *s = &c->proc.region->sites[ix];
	struct et_row_site row = { .allocator = s->allocator };

	row.stack = put_stack(c, m, c->proc.site_stack[ix]);
	row.flags = c->heap_period == 1 || s->allocator == ET_ALLOCATOR_MMAP ? ET_HEAP_EXACT : 0;
	row.inuse_bytes = load(&s->inuse_bytes);
	row.inuse_objects = whole(load(&s->inuse_fix));
	row.alloc_bytes = (int64_t)loadu(&s->alloc_bytes);
	row.alloc_objects = whole((int64_t)loadu(&s->alloc_fix));
	row.samples = loadu(&s->samples);
	row.inuse_bytes_err = error_of(&s->inuse_bytes_var, 1);
	row.inuse_objects_err = error_of(&s->inuse_var, 1 << ET_VAR_FIX);
	row.alloc_bytes_err = error_of(&s->alloc_bytes_var, 1);
	row.alloc_objects_err = error_of(&s->alloc_var, 1 << ET_VAR_FIX);
	et_snapbuild_add(c->build, ET_TAB_SITES, &row, sizeof row);
}

/* Biggest holders first; then those that hold nothing now, by what they ever took. */
static void put_sites(struct et_collector *c, struct maps *m)
{
	uint32_t n = c->proc.n_site_stack;
	struct big *big = n == 0 ? NULL : malloc(n * sizeof *big);

	if (big == NULL)
		return;
	for (uint32_t i = 0; i < n; i++) {
		const struct et_site *s = &c->proc.region->sites[i];
		int64_t held = load(&s->inuse_bytes);

		big[i] = (struct big){ held > 0 ? UINT64_C(1) << 63 | (uint64_t)held
						: loadu(&s->alloc_bytes), i };
	}
	qsort(big, n, sizeof *big, bigger);
	for (uint32_t i = 0; i < n && i < ROWS_MAX; i++)
		put_site(c, m, big[i].ix);
	if (n > ROWS_MAX)
		message(c, ET_SEV_INFO, "more call sites than one snapshot carries; the smallest are "
					"left out");
	free(big);
}

static uint32_t put_series(struct et_collector *c, enum et_series_kind kind, uint32_t key,
			   const struct et_history *h)
{
	struct et_row_series row = { .kind = kind, .key = key, .n = h->n, .step_ns = c->dt_ns };

	if (h->n == 0)
		return ET_NONE;
	for (uint32_t i = 0; i < h->n; i++) {
		const int64_t *p = &h->points[(h->next + ET_HISTORY - h->n + i) % ET_HISTORY];
		uint32_t at = et_snapbuild_add(c->build, ET_TAB_POINTS, p, sizeof *p);

		if (i == 0)
			row.first = at;
	}
	return et_snapbuild_add(c->build, ET_TAB_SERIES, &row, sizeof row);
}

static void remember(struct et_history *h, int64_t value)
{
	h->points[h->next] = value;
	h->next = (h->next + 1) % ET_HISTORY;
	h->n += h->n < ET_HISTORY;
}

struct heap_sums {
	int64_t inuse_bytes, inuse_objects, alloc_bytes, alloc_objects;
};

/* Exact mode: what callers asked for, site by site, so that rows and sites add up. */
static int64_t asked_inuse(const struct et_collector *c, uint32_t allocator)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < c->proc.n_site_stack; i++)
		if (c->proc.region->sites[i].allocator == allocator)
			sum += load(&c->proc.region->sites[i].inuse_bytes);
	return sum;
}

static bool is_counted(enum et_allocator_kind kind)
{
	return et_hook_is_on() || kind == ET_ALLOC_POOL;
}

static void put_allocators(struct et_collector *c, struct heap_sums *sums)
{
	const struct et_region *r = c->proc.region;
	uint32_t n = atomic_load_explicit(&r->n_allocators, memory_order_acquire);

	for (uint32_t i = 0; i < n; i++) {
		enum et_allocator_kind kind = (enum et_allocator_kind)r->allocators[i].kind;
		const struct et_totals *now = &c->now;
		struct et_row_allocator row = { .kind = kind, .series = ET_NONE,
						.flags = ET_HEAP_EXACT };

		row.name = et_snapbuild_str(c->build, r->allocators[i].name);
		if (is_counted(kind)) {
			row.inuse_objects = (int64_t)(now->allocs[i] - now->frees[i]);
			row.alloc_bytes = (int64_t)now->bytes[i];
			row.alloc_objects = (int64_t)now->allocs[i];
			if (kind == ET_ALLOC_LIBC && c->heap_period == 1) {
				row.inuse_bytes = asked_inuse(c, i);
			} else {
				row.inuse_bytes = now->inuse_bytes[i];
				row.flags |= kind == ET_ALLOC_LIBC ? ET_HEAP_USABLE : 0;
			}
			remember(&c->allocator_history[i], row.inuse_bytes);
			row.series = put_series(c, ET_SERIES_ALLOCATOR, i, &c->allocator_history[i]);
			sums->inuse_bytes += row.inuse_bytes;
			sums->inuse_objects += row.inuse_objects;
			sums->alloc_bytes += row.alloc_bytes;
			sums->alloc_objects += row.alloc_objects;
		} else {
			row.na = ET_NA_NO_INTERPOSE;
			row.flags = 0;
		}
		et_snapbuild_add(c->build, ET_TAB_ALLOCATORS, &row, sizeof row);
	}
}

/* ---- threads ------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	const struct et_row_group *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	return x->stack < y->stack ? -1 : x->stack > y->stack;
}

static void count_in_group(struct et_collector *c, const struct et_row_thread *t)
{
	struct et_row_group fresh = { .state = t->state, .stack = t->stack, .count = 1,
				      .flags = t->flags };
	uint32_t n;
	struct et_row_group *rows = et_snapbuild_rows(c->build, ET_TAB_GROUPS, &n);

	for (uint32_t i = 0; i < n; i++)
		if (rows[i].state == t->state && rows[i].stack == t->stack && rows[i].flags == t->flags) {
			rows[i].count++;
			return;
		}
	et_snapbuild_add(c->build, ET_TAB_GROUPS, &fresh, sizeof fresh);
}

static void put_threads(struct et_collector *c, struct maps *m)
{
	struct et_row_group *groups;
	uint32_t n;

	if (c->is_proc_dead)
		message(c, ET_SEV_WARN, "/proc/self/task does not answer: thread states are not known");
	for (uint32_t i = 0; i < c->n_seen && !c->is_proc_dead; i++) {
		const struct et_seen *s = &c->seen[i];
		struct et_row_thread row = { .tid = (uint32_t)s->tid, .state = s->state,
					     .flags = s->is_self ? ET_THREAD_SELF : 0,
					     .cpu_ns = s->cpu_ns };

		row.name = et_snapbuild_str(c->build, s->name);
		row.stack = put_stack(c, m, s->stack);
		et_snapbuild_add(c->build, ET_TAB_THREADS, &row, sizeof row);
		count_in_group(c, &row);
	}
	groups = et_snapbuild_rows(c->build, ET_TAB_GROUPS, &n);
	if (n > 0)
		qsort(groups, n, sizeof *groups, by_size);
}

static int more_often(const void *a, const void *b)
{
	const struct et_wait_sum *x = a, *y = b;

	if (x->times != y->times)
		return x->times < y->times ? 1 : -1;
	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	return x->state < y->state ? -1 : x->state > y->state;
}

static void put_waits(struct et_collector *c, struct maps *m)
{
	struct et_wait_sum *sorted = c->n_waits == 0 ? NULL : malloc(c->n_waits * sizeof *sorted);

	if (sorted == NULL)
		return;
	memcpy(sorted, c->waits, c->n_waits * sizeof *sorted);
	qsort(sorted, c->n_waits, sizeof *sorted, more_often);
	for (uint32_t i = 0; i < c->n_waits && i < WAITS_MAX; i++) {
		struct et_row_wait row = { .state = sorted[i].state, .times = sorted[i].times,
					   .flags = sorted[i].is_self ? ET_THREAD_SELF : 0 };

		row.stack = put_stack(c, m, sorted[i].stack);
		et_snapbuild_add(c->build, ET_TAB_WAITS, &row, sizeof row);
	}
	if (c->n_waits > WAITS_MAX)
		message(c, ET_SEV_INFO, "more thread stacks than one snapshot carries; the rarest are "
					"left out");
	free(sorted);
}

/* ---- scalars ------------------------------------------------------------------------------ */

static int64_t per_second(const struct et_collector *c, int64_t delta)
{
	return (int64_t)((double)delta * (double)ET_NS_PER_S / (double)c->dt_ns);
}

static int64_t permille(const struct et_collector *c, int64_t delta_ns)
{
	return delta_ns <= 0 ? 0 : (int64_t)((double)delta_ns * 1000.0 / (double)c->dt_ns + 0.5);
}

/* A scalar that needs an interval: n/a in the first snapshot; kept over time. */
static void put_rate(struct et_collector *c, uint32_t id, int64_t value)
{
	if (c->dt_ns <= 0) {
		et_snapbuild_metric_na(c->build, id, ET_NA_NOT_YET);
		return;
	}
	et_snapbuild_metric(c->build, id, value);
	remember(&c->metric_history[id], value);
}

static void put_gauge(struct et_collector *c, uint32_t id, int64_t value)
{
	et_snapbuild_metric(c->build, id, value);
	remember(&c->metric_history[id], value);
}

static int64_t timeval_ns(struct timeval tv)
{
	return (int64_t)tv.tv_sec * ET_NS_PER_S + (int64_t)tv.tv_usec * ET_NS_PER_US;
}

static void put_usage(struct et_collector *c)
{
	struct et_snapbuild *b = c->build;
	int64_t rss = et_procfs_rss();
	struct rusage ru;
	cpu_set_t cpus;

	if (getrusage(RUSAGE_SELF, &ru) == 0) {
		et_snapbuild_metric(b, ET_M_USER_NS, timeval_ns(ru.ru_utime));
		et_snapbuild_metric(b, ET_M_SYS_NS, timeval_ns(ru.ru_stime));
		/* the kernel brings it up to date less often than what is resident now */
		et_snapbuild_metric(b, ET_M_RSS_PEAK_BYTES,
				    ru.ru_maxrss * 1024 > rss ? ru.ru_maxrss * 1024 : rss);
		et_snapbuild_metric(b, ET_M_MINOR_FAULTS, ru.ru_minflt);
		et_snapbuild_metric(b, ET_M_MAJOR_FAULTS, ru.ru_majflt);
	}
	if (rss >= 0)
		put_gauge(c, ET_M_RSS_BYTES, rss);
	else
		et_snapbuild_metric_na(b, ET_M_RSS_BYTES, ET_NA_NO_PROC);
	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
		et_snapbuild_metric(b, ET_M_CPU_ONLINE, CPU_COUNT(&cpus));
}

static void put_heap_metrics(struct et_collector *c, const struct heap_sums *sums)
{
	struct et_snapbuild *b = c->build;
	int64_t before = 0;

	et_snapbuild_metric(b, ET_M_HEAP_PERIOD_BYTES, (int64_t)et_heap_period());
	if (!et_hook_is_on()) {
		for (uint32_t id = ET_M_HEAP_INUSE_BYTES; id <= ET_M_HEAP_ALLOC_RATE; id++)
			et_snapbuild_metric_na(b, id, ET_NA_NO_INTERPOSE);
		et_snapbuild_metric_na(b, ET_M_SELF_HEAP_BYTES, ET_NA_NO_INTERPOSE);
		return;
	}
	for (uint32_t i = 0; i < ET_ALLOCATORS_MAX; i++)
		before += (int64_t)c->before.bytes[i];
	put_gauge(c, ET_M_HEAP_INUSE_BYTES, sums->inuse_bytes);
	et_snapbuild_metric(b, ET_M_HEAP_INUSE_OBJECTS, sums->inuse_objects);
	et_snapbuild_metric(b, ET_M_HEAP_ALLOC_BYTES, sums->alloc_bytes);
	et_snapbuild_metric(b, ET_M_HEAP_ALLOC_OBJECTS, sums->alloc_objects);
	put_rate(c, ET_M_HEAP_ALLOC_RATE,
		 c->dt_ns > 0 ? per_second(c, sums->alloc_bytes - before) : 0);
	et_snapbuild_metric(b, ET_M_SELF_HEAP_BYTES, (int64_t)et_selfheap_inuse());
}

static void put_sampler(struct et_collector *c)
{
	struct et_snapbuild *b = c->build;
	const struct et_totals *now = &c->now;
	int64_t due = (int64_t)((double)now->cpu_ns * c->hz / (double)ET_NS_PER_S);
	int64_t got = (int64_t)(now->n_weight + now->n_lost + now->n_hook);

	et_snapbuild_metric(b, ET_M_HZ, c->hz);
	et_snapbuild_metric(b, ET_M_ENGINE, c->engine);
	et_snapbuild_metric(b, ET_M_SAMPLES, (int64_t)now->n_samples);
	et_snapbuild_metric(b, ET_M_SAMPLES_WEIGHT, (int64_t)now->n_weight);
	et_snapbuild_metric(b, ET_M_SAMPLES_SELF, (int64_t)(now->n_stray + now->n_hook));
	et_snapbuild_metric(b, ET_M_SAMPLES_LOST, (int64_t)now->n_lost);
	et_snapbuild_metric(b, ET_M_SAMPLES_MISSED, due > got ? due - got : 0);
	et_snapbuild_metric(b, ET_M_STACKS_LOST, (int64_t)(c->stacks.n_lost + loadu(&c->proc.region->n_heap_lost)));
}

static void put_metrics(struct et_collector *c, const struct heap_sums *sums)
{
	struct et_snapbuild *b = c->build;
	const struct et_totals *now = &c->now, *was = &c->before;
	int64_t self = now->self_cpu_ns + now->handler_ns;
	int64_t self_was = was->self_cpu_ns + was->handler_ns;

	et_snapbuild_metric(b, ET_M_PID, getpid());
	et_snapbuild_metric(b, ET_M_UPTIME_NS, c->now_ns - c->begin_ns);
	put_rate(c, ET_M_CPU_PERMILLE, c->dt_ns > 0 ? permille(c, now->cpu_ns - was->cpu_ns) : 0);
	et_snapbuild_metric(b, ET_M_CPU_NS, now->cpu_ns);
	put_usage(c);
	put_heap_metrics(c, sums);
	put_gauge(c, ET_M_THREADS, now->n_threads);
	et_snapbuild_metric(b, ET_M_THREADS_PEAK, c->n_threads_peak);
	et_snapbuild_metric(b, ET_M_THREADS_SELF, now->n_threads_self);
	put_sampler(c);
	et_snapbuild_metric(b, ET_M_SELF_CPU_NS, self);
	put_rate(c, ET_M_SELF_CPU_PERMILLE, c->dt_ns > 0 ? permille(c, self - self_was) : 0);
	et_snapbuild_metric(b, ET_M_SELF_HANDLER_NS, now->handler_ns);
	for (uint32_t id = 0; id < ET_M_COUNT; id++)
		put_series(c, ET_SERIES_METRIC, id, &c->metric_history[id]);
}

const struct et_snapshot *et_emit(struct et_collector *c, uint32_t flags,
				  const struct et_producer *producers, size_t n_producers)
{
	struct et_snapshot head = { .flags = flags, .seq = ++c->seq,
				    .t_ns = c->now_ns - c->begin_ns, .dt_ns = c->dt_ns };
	struct heap_sums sums = { 0 };
	struct maps maps;

	if (c->heap_period == 1)
		head.flags |= ET_SNAP_EXACT_HEAP;
	if (c->heap_period == ET_HEAP_ADAPTIVE)
		head.flags |= ET_SNAP_ADAPTIVE_HEAP;
	head.wall_ns = et_clock_wall_ns();
	et_snapbuild_reset(c->build);
	intern_sites(c);
	if (!maps_init(&maps, c))
		return NULL;
	put_cpu(c, &maps);
	put_allocators(c, &sums);
	put_sites(c, &maps);
	put_threads(c, &maps);
	put_waits(c, &maps);
	put_metrics(c, &sums);
	maps_fini(&maps);
	for (size_t i = 0; i < n_producers; i++)
		producers[i].fill(producers[i].self, c->build);
	return et_snapbuild_finish(c->build, &head);
}
