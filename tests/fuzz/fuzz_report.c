/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a snapshot block.  What passes et_snapshot_check() has a sound directory and any
 * rows at all; the JSON document and the text report must stand them, and print no byte that
 * could disturb a terminal. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/report_json.h"
#include "cli/report_text.h"
#include "engine-top/snapshot.h"
#include "tui/cell.h"
#include "fuzz.h"

static void must_be_plain(const char *text)
{
	size_t n;

	for (; *text != '\0'; text += n) {
		uint32_t cp;

		n = et_text_utf8(text, &cp);
		MUST(n > 0 && (cp >= 0x20 || cp == '\n') && (cp < 0x7f || cp >= 0xa0));
	}
}

static void must_be_narrow(char *text)
{
	for (char *end; *text != '\0'; text = end + 1) {
		end = strchr(text, '\n');
		MUST(end != NULL);
		*end = '\0';
		if (et_cell_width(text) > 100)
			fprintf(stderr, "%s\n", text);
		MUST(et_cell_width(text) <= 100);
	}
}

static void try_reports(const struct et_snapshot *snap)
{
	json_t *doc = et_report_json(snap);
	char *text = et_report_text(snap, "fuzz");
	char *dump;

	MUST(doc != NULL && text != NULL);
	dump = json_dumps(doc, JSON_COMPACT);
	MUST(dump != NULL);
	must_be_plain(dump);
	must_be_plain(text);
	must_be_narrow(text);
	free(dump);
	free(text);
	json_decref(doc);
}

/* total_bytes is put right: else hardly a mutation would get past it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct et_snapshot *block;
	uint32_t total = (uint32_t)n;

	if (n < sizeof *block)
		return 0;
	block = malloc(n);
	MUST(block != NULL);
	memcpy(block, data, n);
	block->total_bytes = total;
	if (et_snapshot_check(block, n, NULL) == 0)
		try_reports(block);
	free(block);
	return 0;
}
