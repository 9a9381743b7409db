/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a snapshot, and its life (snapshot.h).  The bytes may come from a recording that
 * somebody damaged, so every reader bounds what it follows; et_snapshot_check() has judged the
 * directory before.  The reference count sits in front of the block, so that the block itself
 * stays the bytes that go to disk. */
#include "engine-top/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine-top/metric.h"
#include "profiler/snapshot/block.h"

/* More than any version will have; every read looks through the directory, so it must be short. */
#define TABLES_MAX 256

struct box {
	atomic_uint refs;
	unsigned pad[3];
	unsigned char bytes[];
};

static struct box *box_of(const struct et_snapshot *snap)
{
	uintptr_t at = (uintptr_t)snap - offsetof(struct box, bytes);

	return (struct box *)at;
}

struct et_snapshot *et_block_new(size_t n)
{
	struct box *box = calloc(1, sizeof *box + n);

	if (box == NULL)
		return NULL;
	atomic_init(&box->refs, 1);
	return (struct et_snapshot *)(void *)box->bytes;
}

const struct et_snapshot *et_snapshot_copy(const void *bytes, size_t n)
{
	struct et_snapshot *snap = et_block_new(n);

	if (snap != NULL)
		memcpy(snap, bytes, n);
	return snap;
}

const struct et_snapshot *et_snapshot_ref(const struct et_snapshot *snap)
{
	if (snap != NULL)
		atomic_fetch_add_explicit(&box_of(snap)->refs, 1, memory_order_relaxed);
	return snap;
}

void et_snapshot_unref(const struct et_snapshot *snap)
{
	if (snap != NULL &&
	    atomic_fetch_sub_explicit(&box_of(snap)->refs, 1, memory_order_acq_rel) == 1)
		free(box_of(snap));
}

static int check_table(const struct et_snapshot *snap, const struct et_snap_dir *d, struct et_err *err)
{
	uint64_t begin = sizeof *snap + snap->n_tables * sizeof snap->dir[0];
	uint64_t end = (uint64_t)d->offset + (uint64_t)d->row_size * d->n_rows;

	if (d->row_size == 0 || d->offset % 8 != 0 || d->offset < begin || end > snap->total_bytes)
		return et_err_set(err, ET_EXIT_INPUT, "snapshot table %u leaves its block", d->table);
	if (d->table == ET_TAB_STRINGS &&
	    (d->row_size != 1 || d->n_rows == 0 ||
	     ((const char *)snap)[end - 1] != '\0'))
		return et_err_set(err, ET_EXIT_INPUT, "snapshot strings are not terminated");
	return 0;
}

int et_snapshot_check(const void *bytes, size_t n, struct et_err *err)
{
	const struct et_snapshot *snap = bytes;

	if (n < sizeof *snap || snap->magic != ET_SNAP_MAGIC)
		return et_err_set(err, ET_EXIT_INPUT, "not a snapshot");
	if (snap->version != ET_SNAP_VERSION)
		return et_err_set(err, ET_EXIT_INPUT, "snapshot version %u, this program reads %u",
				  snap->version, ET_SNAP_VERSION);
	if (snap->total_bytes != n || snap->n_tables > TABLES_MAX ||
	    sizeof *snap + snap->n_tables * sizeof snap->dir[0] > n)
		return et_err_set(err, ET_EXIT_INPUT, "snapshot length is wrong");
	for (unsigned i = 0; i < snap->n_tables; i++)
		if (check_table(snap, &snap->dir[i], err) != 0)
			return -1;
	return 0;
}

static const struct et_snap_dir *find(const struct et_snapshot *snap, enum et_table table)
{
	for (unsigned i = 0; i < snap->n_tables; i++)
		if (snap->dir[i].table == (uint32_t)table)
			return &snap->dir[i];
	return NULL;
}

uint32_t et_snapshot_rows(const struct et_snapshot *snap, enum et_table table)
{
	const struct et_snap_dir *d = find(snap, table);

	return d == NULL ? 0 : d->n_rows;
}

bool et_snapshot_get(const struct et_snapshot *snap, enum et_table table, uint32_t ix, void *row,
		     size_t size)
{
	const struct et_snap_dir *d = find(snap, table);
	size_t n;

	if (d == NULL || ix >= d->n_rows) {
		memset(row, 0, size);
		return false;
	}
	n = d->row_size < size ? d->row_size : size;
	memcpy(row, (const char *)snap + d->offset + (size_t)d->row_size * ix, n);
	memset((char *)row + n, 0, size - n);
	return true;
}

const char *et_snapshot_str(const struct et_snapshot *snap, uint32_t offset)
{
	const struct et_snap_dir *d = find(snap, ET_TAB_STRINGS);

	if (d == NULL || offset >= d->n_rows)
		return "";
	return (const char *)snap + d->offset + offset;
}

bool et_snapshot_frame(const struct et_snapshot *snap, uint32_t stack, uint32_t depth_ix,
		       struct et_row_frame *frame, struct et_row_func *func)
{
	struct et_row_stack st;
	struct et_row_frame fr;
	uint32_t ix;

	if (!et_snapshot_get(snap, ET_TAB_STACKS, stack, &st, sizeof st) || depth_ix >= st.depth ||
	    st.first > UINT32_MAX - depth_ix ||
	    !et_snapshot_get(snap, ET_TAB_STACK_FRAMES, st.first + depth_ix, &ix, sizeof ix) ||
	    !et_snapshot_get(snap, ET_TAB_FRAMES, ix, &fr, sizeof fr))
		return false;
	if (frame != NULL)
		*frame = fr;
	if (func != NULL)
		et_snapshot_get(snap, ET_TAB_FUNCS, fr.func, func, sizeof *func);
	return true;
}

bool et_snapshot_series(const struct et_snapshot *snap, enum et_series_kind kind, uint32_t key,
			struct et_row_series *out)
{
	for (uint32_t i = 0; et_snapshot_get(snap, ET_TAB_SERIES, i, out, sizeof *out); i++)
		if (out->kind == (uint32_t)kind && out->key == key)
			return true;
	return false;
}

int64_t et_snapshot_point(const struct et_snapshot *snap, const struct et_row_series *series,
			  uint32_t ix)
{
	int64_t v;

	if (ix >= series->n || series->first > UINT32_MAX - ix)
		return 0;
	et_snapshot_get(snap, ET_TAB_POINTS, series->first + ix, &v, sizeof v);
	return v;
}

enum et_na et_snapshot_metric(const struct et_snapshot *snap, uint32_t id, int64_t *value)
{
	struct et_row_metric m;

	*value = 0;
	for (uint32_t i = 0; et_snapshot_get(snap, ET_TAB_METRICS, i, &m, sizeof m); i++) {
		if (m.id != id)
			continue;
		*value = m.value;
		return m.na < ET_NA_COUNT ? (enum et_na)m.na : ET_NA_NOT_YET;
	}
	return ET_NA_NOT_YET;
}

enum et_na et_snapshot_cpu_total(const struct et_snapshot *snap, int64_t *weight, int64_t *n)
{
	enum et_na na = et_snapshot_metric(snap, ET_M_SAMPLES, n);

	if (na != ET_NA_MEASURED) {
		*weight = 0;
		return na;
	}
	/* an older recording has no weights: there each sample stood for one period */
	if (et_snapshot_metric(snap, ET_M_SAMPLES_WEIGHT, weight) != ET_NA_MEASURED)
		*weight = *n;
	return *n > 0 && *weight > 0 ? ET_NA_MEASURED : ET_NA_TOO_FEW;
}

const char *et_snapshot_na_text(uint32_t na)
{
	static const char *const text[ET_NA_COUNT] = {
		[ET_NA_MEASURED] = "measured",
		[ET_NA_NOT_YET] = "not yet",
		[ET_NA_NO_INTERPOSE] = "malloc not interposed in this build",
		[ET_NA_NO_PROC] = "/proc did not answer",
		[ET_NA_OFF] = "switched off",
		[ET_NA_TOO_FEW] = "too few samples",
	};

	return na < ET_NA_COUNT ? text[na] : "?";
}

const char *et_snapshot_target_state(uint32_t state)
{
	static const char *const text[ET_TARGET_STATE_COUNT] = {
		[ET_TARGET_WAITING] = "waiting", [ET_TARGET_RUNNING] = "running",
		[ET_TARGET_OK] = "ok",           [ET_TARGET_FAILED] = "failed",
		[ET_TARGET_SKIPPED] = "skipped", [ET_TARGET_CANCELLED] = "cancelled",
	};

	return state < ET_TARGET_STATE_COUNT ? text[state] : "?";
}

const char *et_snapshot_thread_state(uint32_t state)
{
	static const char *const text[ET_THREAD_STATE_COUNT] = {
		[ET_THREAD_RUNNING] = "running", [ET_THREAD_RUNNABLE] = "runnable",
		[ET_THREAD_LOCK] = "lock",       [ET_THREAD_COND] = "cond",
		[ET_THREAD_IO] = "io",           [ET_THREAD_IDLE] = "idle",
		[ET_THREAD_SLEEP] = "sleep",     [ET_THREAD_OTHER] = "other",
	};

	return state < ET_THREAD_STATE_COUNT ? text[state] : "?";
}

const char *et_snapshot_engine(uint32_t engine)
{
	static const char *const text[ET_ENGINE_COUNT] = {
		[ET_ENGINE_AUTO] = "auto", [ET_ENGINE_ITIMER] = "itimer",
		[ET_ENGINE_TIMER] = "timer", [ET_ENGINE_PERF] = "perf",
	};

	return engine < ET_ENGINE_COUNT ? text[engine] : "?";
}

_Static_assert(sizeof(struct et_snapshot) == 48, "the header is a disk format");
_Static_assert(sizeof(struct et_snap_dir) == 16, "the directory is a disk format");
