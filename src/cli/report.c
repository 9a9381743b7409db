/* SPDX-License-Identifier: Apache-2.0
 * Shared by the reports (report.h).  Pure functions of one snapshot, no state. */
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>

#define Z 1.959963984540054 /* 97.5 % quantile of the normal distribution */

struct et_share et_report_share(uint64_t hits, uint64_t n)
{
	double p, d = (double)n, middle, half, scale;

	if (n == 0)
		return (struct et_share){ 0, 0, 0 };
	p = hits >= n ? 1 : (double)hits / d;
	scale = 1 / (1 + Z * Z / d);
	middle = scale * (p + Z * Z / (2 * d));
	half = scale * Z * sqrt(p * (1 - p) / d + Z * Z / (4 * d * d));
	/* fmin, fmax by p: rounding must not leave 0 % just outside its own interval */
	return (struct et_share){ .pct = 100 * p, .lo_pct = 100 * fmin(p, fmax(0, middle - half)),
				  .hi_pct = 100 * fmax(p, fmin(1, middle + half)) };
}

struct et_share et_report_part(uint64_t part, int64_t weight, int64_t n)
{
	if (weight <= 0 || n <= 0)
		return (struct et_share){ 0, 0, 0 };
	if (part >= (uint64_t)weight) /* also what a damaged recording says: no overflow below */
		return et_report_share((uint64_t)n, (uint64_t)n);
	return et_report_share((uint64_t)((double)part * (double)n / (double)weight + 0.5), (uint64_t)n);
}

struct key { int64_t inuse, alloc; uint32_t row; };

static int larger_first(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->inuse != y->inuse)
		return x->inuse < y->inuse ? 1 : -1;
	if (x->alloc != y->alloc)
		return x->alloc < y->alloc ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

uint32_t *et_report_sites(const struct et_snapshot *snap, uint32_t *n)
{
	struct key *keys;
	uint32_t *rows;

	*n = et_snapshot_rows(snap, ET_TAB_SITES);
	if (*n == 0)
		return NULL;
	keys = malloc(*n * sizeof *keys);
	rows = malloc(*n * sizeof *rows);
	if (keys == NULL || rows == NULL) {
		free(keys);
		free(rows);
		*n = 0;
		return NULL;
	}
	for (uint32_t i = 0; i < *n; i++) {
		struct et_row_site s;

		et_snapshot_get(snap, ET_TAB_SITES, i, &s, sizeof s);
		keys[i] = (struct key){ s.inuse_bytes, s.alloc_bytes, i };
	}
	qsort(keys, *n, sizeof *keys, larger_first);
	for (uint32_t i = 0; i < *n; i++)
		rows[i] = keys[i].row;
	free(keys);
	return rows;
}
