/* SPDX-License-Identifier: Apache-2.0
 *
 * What the JSON document and the text report have in common: shares with their error, and the
 * order of call sites.  Pure functions.  Layer: cli. */
#ifndef ET_CLI_REPORT_H
#define ET_CLI_REPORT_H

#include "engine-top/snapshot.h"

/* hits of n samples as a percentage with its 95 % interval (Wilson: good at 0 and 100 % too).
 * n = 0 makes all three 0; hits above n count as n. */
struct et_share { double pct, lo_pct, hi_pct; };
struct et_share et_report_share(uint64_t hits, uint64_t n);

/* Share of `part` in `weight`, which n stacks stand for: the error is that of n. */
struct et_share et_report_part(uint64_t part, int64_t weight, int64_t n);

/* Row numbers of ET_TAB_SITES, most in-use bytes first, then most allocated; *n of them.
 * [own] new: free() it   [thr] any   [sig] no   [err] NULL without memory or without rows */
uint32_t *et_report_sites(const struct et_snapshot *snap, uint32_t *n);

#endif
