/* SPDX-License-Identifier: Apache-2.0
 *
 * The builder of snapshots: growing tables, an interned string table, one copy at the end.
 * Owned by one thread (the collector; a test).  Running out of memory is remembered and makes
 * finish() return NULL: no caller has to check each row. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/snapshot/block.h"

struct table {
	unsigned char *rows;
	size_t used, room; /* bytes */
	uint32_t row_size, n_rows;
};

struct et_snapbuild {
	struct table tab[ET_TAB_COUNT];
	uint32_t *hash; /* open addressing: offsets into the strings, 0 = free */
	size_t n_hash, n_hashed;
	bool is_out_of_memory;
};

struct et_snapbuild *et_snapbuild_new(void)
{
	struct et_snapbuild *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->n_hash = 1024;
	b->hash = calloc(b->n_hash, sizeof *b->hash);
	if (b->hash == NULL) {
		free(b);
		return NULL;
	}
	et_snapbuild_reset(b);
	return b;
}

void et_snapbuild_free(struct et_snapbuild *b)
{
	if (b == NULL)
		return;
	for (unsigned i = 0; i < ET_TAB_COUNT; i++)
		free(b->tab[i].rows);
	free(b->hash);
	free(b);
}

static void *grow(struct et_snapbuild *b, struct table *t, size_t more)
{
	if (t->room - t->used < more) {
		size_t room = t->room * 2 > t->used + more ? t->room * 2 : t->used + more + 4096;
		unsigned char *rows = realloc(t->rows, room);

		if (rows == NULL) {
			b->is_out_of_memory = true;
			return NULL;
		}
		t->rows = rows;
		t->room = room;
	}
	t->used += more;
	return t->rows + t->used - more;
}

void et_snapbuild_reset(struct et_snapbuild *b)
{
	char *empty;

	for (unsigned i = 0; i < ET_TAB_COUNT; i++) {
		b->tab[i].used = 0;
		b->tab[i].n_rows = 0;
	}
	memset(b->hash, 0, b->n_hash * sizeof *b->hash);
	b->n_hashed = 0;
	b->is_out_of_memory = false;
	empty = grow(b, &b->tab[ET_TAB_STRINGS], 1);
	if (empty != NULL)
		*empty = '\0';
	b->tab[ET_TAB_STRINGS].row_size = 1;
	b->tab[ET_TAB_STRINGS].n_rows = 1;
}

static uint64_t hash_of(const char *s)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	while (*s != '\0')
		h = (h ^ (unsigned char)*s++) * UINT64_C(1099511628211);
	return h ^ h >> 29;
}

static uint32_t *slot_of(struct et_snapbuild *b, const char *s)
{
	const char *strings = (const char *)b->tab[ET_TAB_STRINGS].rows;
	size_t i = hash_of(s) & (b->n_hash - 1);

	while (b->hash[i] != 0 && strcmp(strings + b->hash[i], s) != 0)
		i = (i + 1) & (b->n_hash - 1);
	return &b->hash[i];
}

static void rehash(struct et_snapbuild *b)
{
	const char *strings = (const char *)b->tab[ET_TAB_STRINGS].rows;
	uint32_t *old = b->hash;
	size_t n_old = b->n_hash;
	uint32_t *wide = calloc(n_old * 2, sizeof *wide);

	if (wide == NULL) {
		b->is_out_of_memory = true;
		return;
	}
	b->hash = wide;
	b->n_hash = n_old * 2;
	for (size_t i = 0; i < n_old; i++)
		if (old[i] != 0)
			*slot_of(b, strings + old[i]) = old[i];
	free(old);
}

uint32_t et_snapbuild_str(struct et_snapbuild *b, const char *s)
{
	struct table *t = &b->tab[ET_TAB_STRINGS];
	size_t n;
	uint32_t *slot;
	char *to;

	if (s == NULL || *s == '\0' || b->is_out_of_memory)
		return 0;
	slot = slot_of(b, s);
	if (*slot != 0)
		return *slot;
	n = strlen(s) + 1;
	to = grow(b, t, n);
	if (to == NULL)
		return 0;
	memcpy(to, s, n);
	*slot = t->n_rows;
	t->n_rows += (uint32_t)n;
	if (++b->n_hashed * 2 > b->n_hash)
		rehash(b);
	return t->n_rows - (uint32_t)n;
}

uint32_t et_snapbuild_add(struct et_snapbuild *b, enum et_table table, const void *row, size_t size)
{
	struct table *t = &b->tab[table];
	void *to;

	assert(size > 0 && (t->n_rows == 0 || t->row_size == size));
	to = grow(b, t, size);
	if (to == NULL)
		return ET_NONE;
	memcpy(to, row, size);
	t->row_size = (uint32_t)size;
	return t->n_rows++;
}

void *et_snapbuild_rows(struct et_snapbuild *b, enum et_table table, uint32_t *n)
{
	*n = b->tab[table].n_rows;
	return *n == 0 ? NULL : b->tab[table].rows;
}

void et_snapbuild_metric(struct et_snapbuild *b, uint32_t id, int64_t value)
{
	struct et_row_metric m = { .id = id, .na = ET_NA_MEASURED, .value = value };

	et_snapbuild_add(b, ET_TAB_METRICS, &m, sizeof m);
}

void et_snapbuild_metric_na(struct et_snapbuild *b, uint32_t id, enum et_na why)
{
	struct et_row_metric m = { .id = id, .na = why };

	et_snapbuild_add(b, ET_TAB_METRICS, &m, sizeof m);
}

static size_t align8(size_t n) { return (n + 7) & ~(size_t)7; }

const struct et_snapshot *et_snapbuild_finish(struct et_snapbuild *b, const struct et_snapshot *head)
{
	struct et_snapshot *snap;
	uint16_t n_tables = 0;
	size_t at;

	for (unsigned i = 0; i < ET_TAB_COUNT; i++)
		n_tables = (uint16_t)(n_tables + (b->tab[i].n_rows > 0));
	at = align8(sizeof *snap + n_tables * sizeof snap->dir[0]);
	for (unsigned i = 0; i < ET_TAB_COUNT; i++)
		at += align8(b->tab[i].used);
	snap = b->is_out_of_memory || at > UINT32_MAX ? NULL : et_block_new(at);
	if (snap == NULL)
		return NULL;
	*snap = *head;
	snap->magic = ET_SNAP_MAGIC;
	snap->version = ET_SNAP_VERSION;
	snap->n_tables = n_tables;
	snap->total_bytes = (uint32_t)at;
	at = align8(sizeof *snap + n_tables * sizeof snap->dir[0]);
	for (unsigned i = 0, d = 0; i < ET_TAB_COUNT; i++) {
		const struct table *t = &b->tab[i];

		if (t->n_rows == 0)
			continue;
		snap->dir[d++] = (struct et_snap_dir){ i, t->row_size, t->n_rows, (uint32_t)at };
		memcpy((char *)snap + at, t->rows, t->used);
		at += align8(t->used);
	}
	return snap;
}
