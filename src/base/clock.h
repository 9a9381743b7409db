/* SPDX-License-Identifier: Apache-2.0
 * Clocks in int64_t nanoseconds.  Layer: base.  Async-signal-safe: clock_gettime only. */
#ifndef ET_BASE_CLOCK_H
#define ET_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define ET_NS_PER_S INT64_C(1000000000)
#define ET_NS_PER_MS INT64_C(1000000)
#define ET_NS_PER_US INT64_C(1000)

static inline int64_t et_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * ET_NS_PER_S + ts.tv_nsec;
}

static inline int64_t et_clock_mono_ns(void) { return et_clock_ns(CLOCK_MONOTONIC); }
static inline int64_t et_clock_wall_ns(void) { return et_clock_ns(CLOCK_REALTIME); }
static inline int64_t et_clock_thread_cpu_ns(void) { return et_clock_ns(CLOCK_THREAD_CPUTIME_ID); }
static inline int64_t et_clock_process_cpu_ns(void) { return et_clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

#endif
