/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalars of a snapshot: one table of id, name, unit, help.  Screens, JSON and (later)
 * Prometheus names are loops over it, so that they cannot drift apart.
 * Layer: include/.  Ids are written to disk: add at the end, never reuse.
 */
#ifndef ENGINE_TOP_METRIC_H
#define ENGINE_TOP_METRIC_H

#include <stdint.h>

enum et_metric_id {
	ET_M_UPTIME_NS = 0,
	ET_M_CPU_PERMILLE,       /* of one CPU: workload threads, last interval */
	ET_M_CPU_NS,             /* workload threads, user + system, since the session began */
	ET_M_USER_NS,            /* whole process, getrusage */
	ET_M_SYS_NS,
	ET_M_RSS_BYTES,          /* whole process, now */
	ET_M_RSS_PEAK_BYTES,
	ET_M_MINOR_FAULTS,
	ET_M_MAJOR_FAULTS,
	ET_M_HEAP_INUSE_BYTES,   /* workload, all allocators */
	ET_M_HEAP_INUSE_OBJECTS,
	ET_M_HEAP_ALLOC_BYTES,
	ET_M_HEAP_ALLOC_OBJECTS,
	ET_M_HEAP_ALLOC_RATE,    /* bytes per second, last interval */
	ET_M_HEAP_PERIOD_BYTES,  /* mean bytes between two recorded allocations; 1 = all */
	ET_M_THREADS,            /* workload threads now */
	ET_M_THREADS_PEAK,
	ET_M_THREADS_SELF,       /* engine-top's own */
	ET_M_HZ,                 /* asked rate of the CPU sampler */
	ET_M_SAMPLES,            /* CPU samples kept: workload threads */
	ET_M_SAMPLES_SELF,       /* taken in engine-top's own threads, kept apart */
	ET_M_SAMPLES_LOST,       /* taken but dropped: a ring was full, or a thread unknown */
	ET_M_SAMPLES_MISSED,     /* never delivered: CPU time x hz - signals seen, if positive */
	ET_M_STACKS_LOST,        /* stacks that did not fit into the stack table */
	ET_M_SELF_CPU_NS,        /* own threads + time in signal handler */
	ET_M_SELF_CPU_PERMILLE,  /* of one CPU, last interval */
	ET_M_SELF_HEAP_BYTES,    /* own heap, kept apart from the workload's */
	ET_M_SELF_HANDLER_NS,    /* time inside the signal handler, all threads */
	ET_M_CPU_ONLINE,         /* processors this process may use */
	ET_M_PID,                /* process id */
	ET_M_ENGINE,             /* enum et_engine that sends the CPU samples */
	ET_M_SAMPLES_WEIGHT,     /* periods that the samples stand for: flat and cum are parts of it */
	ET_M_COUNT
};

enum et_metric_unit {
	ET_UNIT_NS, ET_UNIT_BYTES, ET_UNIT_BYTES_PER_S, ET_UNIT_COUNT_OF, ET_UNIT_PERMILLE, ET_UNIT_HZ
};
enum et_metric_kind { ET_KIND_GAUGE, ET_KIND_COUNTER };

struct et_metric {
	const char *name; /* snake case, without unit */
	const char *help; /* one sentence: what, of whom, from which source */
	enum et_metric_unit unit;
	enum et_metric_kind kind;
};

/* Indexed by enum et_metric_id. */
extern const struct et_metric et_metrics[ET_M_COUNT];

#endif
