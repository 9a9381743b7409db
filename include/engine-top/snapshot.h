/* SPDX-License-Identifier: Apache-2.0
 *
 * The narrow waist: everything that is known at one moment, as one immutable block of bytes.
 * Producers fill a builder; the screen, the recorder, the reports are pure functions of one
 * snapshot.  The same bytes live in memory, in a recording and in a test fixture.
 *
 *   block  = header, directory of tables, tables
 *   table  = rows of one fixed stride; a reader takes the bytes that it knows of each row, a
 *            shorter (older) row reads as 0 in its missing tail, an unknown table is skipped
 *   string = uint32 offset into the strings table; 0 is "" ; UTF-8 is NOT guaranteed
 *   index  = uint32 row number in the table that the field names; ET_NONE = no such row
 *
 * Glossary: docs/ARCHITECTURE.md, section "Words".
 * Layer: include/.  Byte order is little endian; the builder runs on no other machine.
 */
#ifndef ENGINE_TOP_SNAPSHOT_H
#define ENGINE_TOP_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine-top/err.h"

#define ET_SNAP_MAGIC 0x504e5345u /* "ESNP" */
#define ET_SNAP_VERSION 1u
#define ET_NONE UINT32_MAX

/* Ids are stable for ever: they are written to disk.  Add at the end. */
enum et_table {
	ET_TAB_STRINGS = 0,   /* bytes */
	ET_TAB_METRICS,       /* et_row_metric: scalars of the whole process */
	ET_TAB_TARGETS,       /* et_row_target: nodes of the build graph, in preset order */
	ET_TAB_FUNCS,         /* et_row_func: functions seen, hottest flat first */
	ET_TAB_FRAMES,        /* et_row_frame: one code address, symbolized */
	ET_TAB_STACK_FRAMES,  /* uint32: frame index; stacks point in here */
	ET_TAB_STACKS,        /* et_row_stack */
	ET_TAB_CPU,           /* et_row_cpu: CPU samples by stack */
	ET_TAB_ALLOCATORS,    /* et_row_allocator: heap by allocator */
	ET_TAB_SITES,         /* et_row_site: heap by call site (stack x allocator) */
	ET_TAB_THREADS,       /* et_row_thread */
	ET_TAB_GROUPS,        /* et_row_group: threads that share state and stack, largest first */
	ET_TAB_BENCHES,       /* et_row_bench: one experiment arm */
	ET_TAB_POOLS,         /* et_row_pool */
	ET_TAB_SERIES,        /* et_row_series: a value over time */
	ET_TAB_POINTS,        /* int64: the points of all series */
	ET_TAB_MESSAGES,      /* et_row_message: what a person should know, oldest first */
	ET_TAB_WAITS,         /* et_row_wait: where threads were seen over the whole session */
	ET_TAB_COUNT
};

/* Why a value is not there.  Shown as "n/a (reason)", never as 0. */
enum et_na {
	ET_NA_MEASURED = 0,    /* it is there */
	ET_NA_NOT_YET,         /* first interval not over */
	ET_NA_NO_INTERPOSE,    /* malloc is not interposed in this (sanitizer) build */
	ET_NA_NO_PROC,         /* /proc did not answer */
	ET_NA_OFF,             /* switched off by a flag or the preset */
	ET_NA_TOO_FEW,         /* too few samples for a statement */
	ET_NA_COUNT
};

struct et_snap_dir {
	uint32_t table;    /* enum et_table */
	uint32_t row_size; /* bytes; 1 for ET_TAB_STRINGS */
	uint32_t n_rows;
	uint32_t offset;   /* bytes from the start of the block, 8-aligned */
};

struct et_snapshot {
	uint32_t magic;
	uint16_t version;
	uint16_t n_tables;
	uint32_t total_bytes;
	uint32_t flags;     /* ET_SNAP_* */
	uint64_t seq;       /* 1, 2, ... within a session */
	int64_t t_ns;       /* monotonic, since the session began */
	int64_t wall_ns;    /* CLOCK_REALTIME, since the epoch */
	int64_t dt_ns;      /* since the previous snapshot; 0 for the first */
	struct et_snap_dir dir[];
};
#define ET_SNAP_FINAL 1u      /* the session ended with this one */
#define ET_SNAP_EXACT_HEAP 2u /* every allocation was recorded (--heap-period 1) */
#define ET_SNAP_ADAPTIVE_HEAP 4u /* the heap period grows as records come */

/* What sends the CPU samples (ET_M_ENGINE).  AUTO is a wish, never a value. */
enum et_engine { ET_ENGINE_AUTO = 0, ET_ENGINE_ITIMER, ET_ENGINE_TIMER, ET_ENGINE_PERF,
		 ET_ENGINE_COUNT };

/* ---- rows ------------------------------------------------------------------------------- */

/* Scalars.  Ids, names, units and help: metric.h. */
struct et_row_metric {
	uint32_t id; /* enum et_metric_id */
	uint32_t na; /* enum et_na; value is meaningful only if 0 */
	int64_t value;
};

enum et_target_state {
	ET_TARGET_WAITING = 0, /* for its needs or for a worker */
	ET_TARGET_RUNNING,
	ET_TARGET_OK,
	ET_TARGET_FAILED,
	ET_TARGET_SKIPPED,     /* one of its needs failed */
	ET_TARGET_CANCELLED,
	ET_TARGET_STATE_COUNT
};

struct et_row_target {
	uint32_t name;        /* string */
	uint32_t kind;        /* string: image, generate, bench, ... */
	uint32_t stage;       /* string: walk, pack, commit, ...; "" when not running */
	uint32_t digest;      /* string: sha256:...; "" if none */
	uint32_t error;       /* string: one line; "" if none */
	uint32_t output;      /* string: where the result is; "" if nowhere */
	uint32_t state;       /* enum et_target_state */
	uint32_t round;       /* 1, 2, ...: how often it has been started */
	int64_t wall_ns;      /* this round's time so far, or the last round's when it is over */
	uint64_t bytes_in;    /* read from sources in this round */
	uint64_t bytes_out;   /* written in this round */
	uint64_t work_done;   /* progress: units done ... */
	uint64_t work_total;  /* ... of units; 0 = not known yet */
	uint32_t work_unit;   /* string: "B", "files", "trials" */
	uint32_t warnings;    /* things left out and counted, e.g. sockets */
	uint64_t rounds_ok;   /* rounds that ended well since the session began */
	uint64_t rounds_failed;
};

#define ET_FUNC_NAMED 1u    /* name comes from a symbol table; else it is module+0xSTART */
struct et_row_func {
	uint32_t name;   /* string */
	uint32_t module; /* string: base name of the ELF file */
	uint32_t file;   /* string; "" if there is no DWARF */
	uint32_t line;   /* where the function begins; 0 if unknown */
	uint32_t flags;  /* ET_FUNC_* */
	uint32_t pad;
	uint64_t flat;   /* weight of the CPU samples in the function itself */
	uint64_t cum;    /* ... in it or below it; recursion counts once */
};

struct et_row_frame {
	uint32_t func; /* ET_TAB_FUNCS */
	uint32_t file; /* string: of this address; "" if unknown */
	uint32_t line;
	uint32_t pad;
};

#define ET_STACK_TRUNCATED 1u /* deeper frames were cut off */
struct et_row_stack {
	uint32_t first; /* ET_TAB_STACK_FRAMES; leaf first */
	uint32_t depth;
	uint32_t flags;
	uint32_t pad;
};

struct et_row_cpu {
	uint32_t stack; /* ET_TAB_STACKS */
	uint32_t pad;
	uint64_t samples; /* weight */
};

enum et_allocator_kind { ET_ALLOC_LIBC = 0, ET_ALLOC_POOL, ET_ALLOC_MMAP, ET_ALLOC_KIND_COUNT };

/* in-use: handed out and not given back.  alloc: ever handed out.  Which threads: the workload's.
 * exact: counted at every call; else estimated from samples. */
#define ET_HEAP_EXACT 1u   /* counted, not estimated */
#define ET_HEAP_USABLE 2u  /* in-use bytes include the allocator's rounding (usable size) */
struct et_row_allocator {
	uint32_t name; /* string: glibc, mmap, pool NAME */
	uint32_t kind; /* enum et_allocator_kind */
	uint32_t na;   /* enum et_na for the four numbers */
	uint32_t flags;
	int64_t inuse_bytes, inuse_objects, alloc_bytes, alloc_objects;
	uint32_t series; /* ET_TAB_SERIES of in-use bytes; ET_NONE if none */
	uint32_t pad;
};

struct et_row_site {
	uint32_t allocator; /* ET_TAB_ALLOCATORS */
	uint32_t stack;     /* ET_TAB_STACKS; leaf = the caller of malloc, of the pool's get, ... */
	uint32_t flags;     /* ET_HEAP_* */
	uint32_t pad;
	int64_t inuse_bytes, inuse_objects, alloc_bytes, alloc_objects;
	uint64_t samples;   /* recorded allocations behind the estimate */
	/* half of the 95 % interval of each estimate; 0 where ET_HEAP_EXACT */
	int64_t inuse_bytes_err, inuse_objects_err, alloc_bytes_err, alloc_objects_err;
};

enum et_thread_state {
	ET_THREAD_RUNNING = 0, /* on a CPU */
	ET_THREAD_RUNNABLE,    /* ready, waiting for a CPU */
	ET_THREAD_LOCK,        /* waiting for a mutex or rwlock */
	ET_THREAD_COND,        /* waiting for a condition that is not "work in the pool" */
	ET_THREAD_IO,          /* in read, write, fsync, poll ... or disk sleep */
	ET_THREAD_IDLE,        /* a pool's worker with nothing to do */
	ET_THREAD_SLEEP,       /* nanosleep and the like */
	ET_THREAD_OTHER,       /* blocked in some other call */
	ET_THREAD_STATE_COUNT
};

#define ET_THREAD_SELF 1u /* one of engine-top's own threads */
struct et_row_thread {
	uint32_t tid;
	uint32_t name;  /* string */
	uint32_t state; /* enum et_thread_state */
	uint32_t flags; /* ET_THREAD_* */
	uint32_t stack; /* ET_TAB_STACKS or ET_NONE */
	uint32_t pad;
	int64_t cpu_ns; /* user + system since it started */
};

struct et_row_group {
	uint32_t state; /* enum et_thread_state */
	uint32_t stack; /* ET_TAB_STACKS or ET_NONE */
	uint32_t count;
	uint32_t flags; /* ET_THREAD_SELF */
};

/* Every collection looks once at every thread; this is how often one was seen like this: a
 * statistical picture of the session, while et_row_group is the moment.  Most often first. */
struct et_row_wait {
	uint32_t state; /* enum et_thread_state */
	uint32_t stack; /* ET_TAB_STACKS or ET_NONE */
	uint32_t flags; /* ET_THREAD_SELF */
	uint32_t pad;
	uint64_t times;
};

#define ET_BENCH_BASE 1u       /* the arm the ratio divides by (malloc) */
#define ET_BENCH_HAS_RATIO 2u
#define ET_BENCH_HAS_CI 4u     /* lo..hi is a 95 % interval; else it is min..max of n trials */
#define ET_BENCH_NO_HEAP 8u    /* bytes_op, allocs_op: n/a, malloc is not interposed in this build */
struct et_row_bench {
	uint32_t target;     /* string: name of the target */
	uint32_t experiment; /* string */
	uint32_t arm;        /* string: malloc, pool, ... */
	uint32_t flags;
	uint32_t n;          /* trials so far */
	uint32_t na;         /* enum et_na for the figures below */
	double ns_op, ns_lo, ns_hi; /* median thread-CPU ns per operation and its interval */
	double bytes_op;     /* bytes asked of libc per operation, counted at every call */
	double allocs_op;    /* calls to malloc & co. per operation, likewise */
	double ratio, ratio_lo, ratio_hi; /* this arm / base arm, median of paired trials */
};

struct et_row_pool {
	uint32_t name; /* string */
	uint32_t allocator; /* ET_TAB_ALLOCATORS or ET_NONE */
	uint64_t gets, puts, hits, misses; /* hits: only where an object was reused */
	uint64_t retained_bytes; /* held by the pool and not handed out */
	uint64_t peak_bytes;     /* most it ever held, handed out or not */
};

enum et_series_kind { ET_SERIES_METRIC = 0, ET_SERIES_ALLOCATOR, ET_SERIES_KIND_COUNT };
struct et_row_series {
	uint32_t kind;  /* enum et_series_kind */
	uint32_t key;   /* enum et_metric_id, or allocator id */
	uint32_t first; /* ET_TAB_POINTS; oldest first */
	uint32_t n;
	int64_t step_ns; /* between two points */
};

enum et_severity { ET_SEV_INFO = 0, ET_SEV_WARN, ET_SEV_ERROR, ET_SEV_COUNT };
struct et_row_message {
	uint32_t severity; /* enum et_severity */
	uint32_t text;     /* string */
	int64_t t_ns;
};

/* ---- reading ---------------------------------------------------------------------------- */

/* Is `bytes` (n long, 8-aligned) a well-formed block: header, directory, every table inside it,
 * strings table NUL-terminated?  Row contents are not judged: the readers below bound them.
 * [own] none   [thr] any   [sig] no   [err] -1, ET_EXIT_INPUT */
int et_snapshot_check(const void *bytes, size_t n, struct et_err *err);

/* Number of rows of a table; 0 if the snapshot has no such table.
 * [own] none   [thr] any   [sig] safe   [err] never */
uint32_t et_snapshot_rows(const struct et_snapshot *snap, enum et_table table);

/* Copy row `ix` into *row (`size` bytes; a shorter stored row is filled up with 0).  False, and
 * *row all 0, if there is no such row: a hostile index cannot leave the block.
 * [own] none   [thr] any   [sig] safe   [err] false */
bool et_snapshot_get(const struct et_snapshot *snap, enum et_table table, uint32_t ix, void *row,
		     size_t size);

/* The string at `offset`; "" if it is out of range.  Any bytes but NUL.
 * [own] borrows until the snapshot is freed   [thr] any   [sig] safe   [err] never */
const char *et_snapshot_str(const struct et_snapshot *snap, uint32_t offset);

/* Frame number `depth_ix` (0 = leaf) of a stack: fills *frame and *func; false past its end.
 * Either pointer may be NULL.
 * [own] none   [thr] any   [sig] safe   [err] false */
bool et_snapshot_frame(const struct et_snapshot *snap, uint32_t stack, uint32_t depth_ix,
		       struct et_row_frame *frame, struct et_row_func *func);

/* The series of a metric or an allocator row; false if there is none.
 * [own] none   [thr] any   [sig] safe   [err] false */
bool et_snapshot_series(const struct et_snapshot *snap, enum et_series_kind kind, uint32_t key,
			struct et_row_series *out);

/* Point `ix` (0 = oldest) of a series; 0 if out of range.
 * [own] none   [thr] any   [sig] safe   [err] never */
int64_t et_snapshot_point(const struct et_snapshot *snap, const struct et_row_series *series,
			  uint32_t ix);

/* Value of a scalar (metric.h).  Returns why it is not there, ET_NA_MEASURED if it is.
 * [own] none   [thr] any   [sig] safe   [err] never */
enum et_na et_snapshot_metric(const struct et_snapshot *snap, uint32_t id, int64_t *value);

/* What shares of CPU are shares of: *weight is what flat and cum add up to, *n the stacks behind
 * it, which the error of a share comes from.  ET_NA_TOO_FEW if there is none.
 * [own] none   [thr] any   [sig] safe   [err] never */
enum et_na et_snapshot_cpu_total(const struct et_snapshot *snap, int64_t *weight, int64_t *n);

/* Short words for the enums, for screens, JSON and reports ("running", "ok", ...).
 * [own] static   [thr] any   [sig] safe   [err] "?" if out of range */
const char *et_snapshot_na_text(uint32_t na);
const char *et_snapshot_target_state(uint32_t state);
const char *et_snapshot_thread_state(uint32_t state);
const char *et_snapshot_engine(uint32_t engine);

/* ---- life ------------------------------------------------------------------------------- */

/* Copy a block (checked before) into a new snapshot with one reference.  NULL without memory.
 * [own] new   [thr] any   [sig] no   [err] NULL */
const struct et_snapshot *et_snapshot_copy(const void *bytes, size_t n);

/* [own] takes one more reference / gives one back, the last frees; NULL is allowed
 * [thr] any   [sig] no   [err] never */
const struct et_snapshot *et_snapshot_ref(const struct et_snapshot *snap);
void et_snapshot_unref(const struct et_snapshot *snap);

/* ---- building (collector, producers, tests) ---------------------------------------------- */

struct et_snapbuild;

/* [own] new   [thr] owner   [sig] no   [err] NULL without memory */
struct et_snapbuild *et_snapbuild_new(void);

/* [own] frees; NULL is allowed   [thr] owner   [sig] no   [err] never */
void et_snapbuild_free(struct et_snapbuild *b);

/* Empty all tables, keep the memory: one builder serves the whole session.
 * [own] none   [thr] owner   [sig] no   [err] never */
void et_snapbuild_reset(struct et_snapbuild *b);

/* Intern a string (same bytes, same offset).  "" and NULL are 0.
 * [own] copies   [thr] owner   [sig] no   [err] 0 without memory */
uint32_t et_snapbuild_str(struct et_snapbuild *b, const char *s);

/* Append one row of `size` bytes; all rows of a table have the same size.  Returns its index.
 * [own] copies   [thr] owner   [sig] no   [err] ET_NONE without memory (build then fails) */
uint32_t et_snapbuild_add(struct et_snapbuild *b, enum et_table table, const void *row,
			  size_t size);

/* The rows so far, to sort them in place before the build.
 * [own] borrows until the next add   [thr] owner   [sig] no   [err] NULL if empty */
void *et_snapbuild_rows(struct et_snapbuild *b, enum et_table table, uint32_t *n);

/* Append one scalar: a measured one, or one that is not there and why.
 * [own] none   [thr] owner   [sig] no   [err] as et_snapbuild_add */
void et_snapbuild_metric(struct et_snapbuild *b, uint32_t id, int64_t value);
void et_snapbuild_metric_na(struct et_snapbuild *b, uint32_t id, enum et_na why);

/* Make the block: one reference, owned by the caller.  The header fields after total_bytes are
 * taken from *head (flags, seq, t_ns, wall_ns, dt_ns).
 * [own] new   [thr] owner   [sig] no   [err] NULL without memory, here or in an earlier add */
const struct et_snapshot *et_snapbuild_finish(struct et_snapbuild *b,
					      const struct et_snapshot *head);

#endif
