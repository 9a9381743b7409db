/* SPDX-License-Identifier: Apache-2.0
 *
 * Statistics of trials as pure functions over double[].  Distribution-free: medians and exact
 * binomial intervals, because times are skewed and have no known shape.
 * Layer: engine/experiment; knows nobody. */
#ifndef ET_ENGINE_STATS_H
#define ET_ENGINE_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* Fewest values for which x(1)..x(n) covers the median with at least 95 %. */
#define ET_STATS_LEAST 6

struct et_stats {
	size_t n;
	double median;
	double lo, hi; /* 95 % interval of the median if has_ci, else smallest and largest */
	bool has_ci;
};

/* Sort ascending in place. */
void et_stats_sort(double *x, size_t n);

/* Of n > 0 sorted values: the middle one, or the mean of the two in the middle. */
double et_stats_median(const double *sorted, size_t n);

/* The largest k >= 1 such that [x(k), x(n+1-k)] (1-based order statistics) covers the median of
 * any distribution with at least 95 %: 2 * P(Binomial(n, 1/2) <= k-1) <= 0.05.  0 if even the
 * extremes do not (n < 6). */
size_t et_stats_order(size_t n);

/* Median and interval of x (copied, not changed); `work` has room for n values.  All 0 for
 * n = 0. */
struct et_stats et_stats_describe(const double *x, size_t n, double *work);

/* The same of the ratios x[i] / base[i] of paired trials.  Pairs whose base is not > 0 are left
 * out: a ratio to nothing says nothing. */
struct et_stats et_stats_ratio(const double *x, const double *base, size_t n, double *work);

#endif
