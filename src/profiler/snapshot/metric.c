/* SPDX-License-Identifier: Apache-2.0
 * The table of scalars (metric.h). */
#include "engine-top/metric.h"

#define ROW(id, n, u, k, h) [ET_M_##id] = { n, h, ET_UNIT_##u, ET_KIND_##k }

const struct et_metric et_metrics[ET_M_COUNT] = {
	ROW(UPTIME_NS, "uptime", NS, COUNTER, "time since the session began"),
	ROW(CPU_PERMILLE, "cpu", PERMILLE, GAUGE, "CPU of the workload's threads in the last interval, 1000 = one CPU (schedstat)"),
	ROW(CPU_NS, "cpu_time", NS, COUNTER, "CPU time of the workload's threads, ended ones included (schedstat, thread clocks)"),
	ROW(USER_NS, "user_time", NS, COUNTER, "user CPU time of the whole process (getrusage)"),
	ROW(SYS_NS, "system_time", NS, COUNTER, "system CPU time of the whole process (getrusage)"),
	ROW(RSS_BYTES, "rss", BYTES, GAUGE, "resident memory of the whole process (/proc/self/statm)"),
	ROW(RSS_PEAK_BYTES, "rss_peak", BYTES, GAUGE, "largest resident memory so far (getrusage)"),
	ROW(MINOR_FAULTS, "minor_faults", COUNT_OF, COUNTER, "page faults without i/o, whole process (getrusage)"),
	ROW(MAJOR_FAULTS, "major_faults", COUNT_OF, COUNTER, "page faults with i/o, whole process (getrusage)"),
	ROW(HEAP_INUSE_BYTES, "heap_inuse", BYTES, GAUGE, "bytes that the workload holds now, all allocators"),
	ROW(HEAP_INUSE_OBJECTS, "heap_inuse_objects", COUNT_OF, GAUGE, "objects that the workload holds now, all allocators"),
	ROW(HEAP_ALLOC_BYTES, "heap_alloc", BYTES, COUNTER, "bytes that the workload ever asked for, all allocators"),
	ROW(HEAP_ALLOC_OBJECTS, "heap_alloc_objects", COUNT_OF, COUNTER, "objects that the workload ever asked for, all allocators"),
	ROW(HEAP_ALLOC_RATE, "heap_alloc_rate", BYTES_PER_S, GAUGE, "bytes that the workload asked for per second, last interval"),
	ROW(HEAP_PERIOD_BYTES, "heap_period", BYTES, GAUGE, "mean bytes between two recorded allocations; 1 = every one"),
	ROW(THREADS, "threads", COUNT_OF, GAUGE, "threads of the workload now"),
	ROW(THREADS_PEAK, "threads_peak", COUNT_OF, GAUGE, "most threads of the workload at one time"),
	ROW(THREADS_SELF, "threads_self", COUNT_OF, GAUGE, "engine-top's own threads now"),
	ROW(HZ, "sample_rate", HZ, GAUGE, "asked CPU samples per CPU second"),
	ROW(SAMPLES, "samples", COUNT_OF, COUNTER, "CPU samples of the workload's threads"),
	ROW(SAMPLES_SELF, "samples_self", COUNT_OF, COUNTER, "CPU samples that hit our own work (own threads, recording an allocation), kept apart"),
	ROW(SAMPLES_LOST, "samples_lost", COUNT_OF, COUNTER, "CPU samples taken and dropped: ring full or thread unknown"),
	ROW(SAMPLES_MISSED, "samples_missed", COUNT_OF, COUNTER, "CPU samples that the kernel's timer never delivered: CPU time x rate - signals"),
	ROW(STACKS_LOST, "stacks_lost", COUNT_OF, COUNTER, "stacks that found no room in the stack table"),
	ROW(SELF_CPU_NS, "self_cpu_time", NS, COUNTER, "CPU time of engine-top's own threads and of its signal handler"),
	ROW(SELF_CPU_PERMILLE, "self_cpu", PERMILLE, GAUGE, "the same in the last interval, 1000 = one CPU"),
	ROW(SELF_HEAP_BYTES, "self_heap", BYTES, GAUGE, "bytes that engine-top's own threads hold, kept apart from the workload's"),
	ROW(SELF_HANDLER_NS, "self_handler_time", NS, COUNTER, "time inside the SIGPROF handler, all threads"),
	ROW(CPU_ONLINE, "cpus", COUNT_OF, GAUGE, "processors that this process may use"),
	ROW(PID, "pid", COUNT_OF, GAUGE, "process id of the recorded process"),
	ROW(ENGINE, "cpu_engine", COUNT_OF, GAUGE, "what sends the CPU samples: 1 itimer, 2 timer, 3 perf"),
	ROW(SAMPLES_WEIGHT, "samples_weight", COUNT_OF, COUNTER, "sampling periods that the CPU samples stand for; flat and cum are parts of it"),
};

_Static_assert(sizeof et_metrics / sizeof et_metrics[0] == ET_M_COUNT, "one row an id");
