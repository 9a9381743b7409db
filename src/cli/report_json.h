/* SPDX-License-Identifier: Apache-2.0
 *
 * One snapshot as the JSON document of docs/json.md.  Layer: cli. */
#ifndef ET_CLI_REPORT_JSON_H
#define ET_CLI_REPORT_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "engine-top/snapshot.h"

#define ET_REPORT_SCHEMA "engine-top/run/1"

/* A pure function of the snapshot.  What was not measured is null, with the reason beside it
 * under KEY_na; every string is valid UTF-8 without control characters.
 * [own] new: json_decref() it   [thr] any   [sig] no   [err] NULL without memory */
json_t *et_report_json(const struct et_snapshot *snap);

/* The document, indented, with a newline at its end.  Does not close `to`.
 * [own] none   [thr] any   [sig] no   [err] -1 and *err (ET_EXIT_JOB) */
int et_report_json_write(const struct et_snapshot *snap, FILE *to, struct et_err *err);

/* Text into a file, which appears whole or not at all.  What exists and is not a regular file (a
 * pipe, /dev/stdout) is written through.
 * [own] none   [thr] any   [sig] no   [err] -1 and *err */
int et_report_file(const char *path, const char *text, size_t n, struct et_err *err);

/* Into a file, which appears whole or not at all; NULL or "-" is standard output.  What exists
 * and is not a regular file (a pipe, /dev/stdout) is written through.
 * [own] none   [thr] any   [sig] no   [err] -1 and *err */
int et_report_json_file(const struct et_snapshot *snap, const char *path, struct et_err *err);

#endif
