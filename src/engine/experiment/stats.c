/* SPDX-License-Identifier: Apache-2.0
 *
 * Medians and order-statistic intervals (stats.h).  No state, any thread. */
#include "engine/experiment/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

void et_stats_sort(double *x, size_t n)
{
	qsort(x, n, sizeof *x, ascending);
}

double et_stats_median(const double *sorted, size_t n)
{
	return n % 2 != 0 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

size_t et_stats_order(size_t n)
{
	/* long double: (1/2)^n stays a normal number up to n = 16,000 */
	long double term = ldexpl(1.0L, -(int)n), below = term;
	size_t k = 0;

	while (2 * below <= 0.05L && k < (n + 1) / 2) {
		k++;
		term = term * (long double)(n - k + 1) / (long double)k;
		below += term;
	}
	return k;
}

struct et_stats et_stats_describe(const double *x, size_t n, double *work)
{
	struct et_stats s = { .n = n };
	size_t k = et_stats_order(n);

	if (n == 0)
		return (struct et_stats){ 0 };
	memmove(work, x, n * sizeof *x);
	et_stats_sort(work, n);
	s.median = et_stats_median(work, n);
	s.has_ci = k > 0;
	s.lo = work[s.has_ci ? k - 1 : 0];
	s.hi = work[s.has_ci ? n - k : n - 1];
	return s;
}

struct et_stats et_stats_ratio(const double *x, const double *base, size_t n, double *work)
{
	size_t n_pairs = 0;

	for (size_t i = 0; i < n; i++)
		if (base[i] > 0)
			work[n_pairs++] = x[i] / base[i];
	return et_stats_describe(work, n_pairs, work);
}
