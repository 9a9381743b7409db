/* SPDX-License-Identifier: Apache-2.0
 * Statistics against values worked out by hand and from tables of the binomial distribution. */
#include "engine/experiment/stats.h"
#include "tap.h"

static void t_median(void)
{
	double odd[] = { 5, 1, 3 }, even[] = { 4, 1, 3, 2 };

	et_stats_sort(odd, 3);
	ET_OK(odd[0] <= 1 && odd[1] >= 3 && odd[2] >= 5, "sorted ascending");
	ET_OK(et_stats_median(odd, 3) == 3.0, "median of an odd number is the middle one");
	et_stats_sort(even, 4);
	ET_OK(et_stats_median(even, 4) == 2.5, "median of 4 is the mean of the 2 in the middle");
}

/* n: rank of the lower end; 2*P(Bin(n,1/2) <= k-1) <= 0.05 < 2*P(<= k), from printed tables. */
static void t_order(void)
{
	static const size_t want[][2] = {
		{ 0, 0 }, { 1, 0 }, { 5, 0 },   /* 2/32 = 0.0625: not even the extremes */
		{ 6, 1 },                       /* 2/64 = 0.03125; next 14/64 */
		{ 8, 1 },                       /* 2/256; next 18/256 = 0.0703 */
		{ 9, 2 },                       /* 20/512 = 0.0391 */
		{ 10, 2 }, { 11, 2 }, { 12, 3 }, /* 22/1024, 24/2048, 158/4096 */
		{ 15, 4 }, { 17, 5 }, { 20, 6 }, { 25, 8 }, { 30, 10 }, { 50, 18 }, { 100, 40 },
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char name[40];

		snprintf(name, sizeof name, "rank for n = %zu", want[i][0]);
		ET_IS_INT(et_stats_order(want[i][0]), want[i][1], name);
	}
	ET_OK(et_stats_order(10000) == 4902, "no underflow at n = 10000 (got %zu)",
	      et_stats_order(10000));
}

static void t_describe(void)
{
	const double five[] = { 9, 7, 8, 10, 30 };
	const double ten[] = { 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 };
	double work[10];
	struct et_stats s = et_stats_describe(five, 5, work);

	ET_OK(!s.has_ci && s.median == 9 && s.lo == 7 && s.hi == 30,
	      "5 values: no interval, smallest and largest instead");
	s = et_stats_describe(ten, 10, work);
	ET_OK(s.has_ci && s.median == 5.5 && s.lo == 2 && s.hi == 9,
	      "10 values: 2nd and 9th are the interval");
	ET_OK(ten[0] == 10.0, "the values themselves are left as they were");
	s = et_stats_describe(five, 0, work);
	ET_OK(s.n == 0 && s.median == 0 && !s.has_ci, "no values, no statement");
	s = et_stats_describe(five, 1, work);
	ET_OK(s.n == 1 && !s.has_ci && s.median == 9 && s.lo == 9 && s.hi == 9,
	      "one value (the seeds' n = 1) never gets an interval");
}

static void t_ratio(void)
{
	/* ratios 2, 1, 0.5, 4, 3, 1.5: sorted 0.5 1 1.5 2 3 4 */
	const double x[] = { 20, 10, 5, 40, 30, 15 };
	const double base[] = { 10, 10, 10, 10, 10, 10 };
	/* paired ratios are 2, 2, 2; the ratio of medians would be 4/2 too, but 100/50 differs */
	const double drift[] = { 2, 200, 4 }, drift_base[] = { 1, 100, 2 };
	const double hole[] = { 3, 7, 9 }, hole_base[] = { 1, 0, 3 };
	double work[6];
	struct et_stats s = et_stats_ratio(x, base, 6, work);

	ET_OK(s.median == 1.75 && s.has_ci && s.lo == 0.5 && s.hi == 4,
	      "median and ends of 6 ratios");
	s = et_stats_ratio(drift, drift_base, 3, work);
	ET_OK(s.median == 2 && s.lo == 2 && s.hi == 2 && !s.has_ci,
	      "pairing takes a drift of both arms out");
	s = et_stats_ratio(hole, hole_base, 3, work);
	ET_OK(s.n == 2 && s.median == 3, "a pair without a base is left out");
}

int main(void)
{
	t_median();
	t_order();
	t_describe();
	t_ratio();
	return tap_done();
}
