/* SPDX-License-Identifier: Apache-2.0
 *
 * A small YAML document read through libyaml's events, for presets and themes: every node knows
 * its line and column, and what could hurt is refused while reading: aliases and anchors,
 * nesting deeper than 32, more than 10,000 nodes, more than one document, duplicate keys,
 * non-scalar keys, tags, an empty or binary file, more than 1 MiB.  Errors read
 * `FILE:LINE:COLUMN: what is wrong; what would be right` with exit ET_EXIT_INPUT.
 * Layer: base.  Any thread, not in signal context. */
#ifndef ET_BASE_YAMLDOC_H
#define ET_BASE_YAMLDOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine-top/err.h"

enum et_yaml_kind { ET_YAML_SCALAR, ET_YAML_LIST, ET_YAML_MAP };

struct et_yaml {
	enum et_yaml_kind kind;
	unsigned line, column; /* 1-based */
	bool is_plain;         /* scalar without quotes */
	const char *text;      /* scalar value, or NULL */
	const char *key;       /* if it is a value of a map */
	unsigned key_line, key_column;
	struct et_yaml *first; /* children of a list or map, in file order */
	struct et_yaml *next;
};

struct et_yamldoc {
	char *name;   /* as errors show it */
	struct et_yaml *root;
	struct et_yaml *nodes; /* owns all */
	size_t n_nodes;
	char *texts;           /* owns their keys and texts */
};

/* Parse n bytes; `name` is used in errors.  0, or -1 and *err; then *doc is empty.
 * Release with et_yamldoc_fini (fine on an empty one). */
int et_yamldoc_parse(struct et_yamldoc *doc, const char *name, const char *bytes, size_t n,
		     struct et_err *err);
int et_yamldoc_read(struct et_yamldoc *doc, const char *path, struct et_err *err);
void et_yamldoc_fini(struct et_yamldoc *doc);

/* Child of a map, or NULL. */
const struct et_yaml *et_yamldoc_get(const struct et_yaml *map, const char *key);

/* Fill *err with "NAME:LINE:COLUMN: ..." for this node; returns -1. */
int et_yamldoc_err(const struct et_yamldoc *doc, const struct et_yaml *node, struct et_err *err,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same at the node's key, where it has one. */
int et_yamldoc_err_key(const struct et_yamldoc *doc, const struct et_yaml *node,
		       struct et_err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "a single value", "a list", "a map", "nothing": for errors. */
const char *et_yamldoc_kind_text(const struct et_yaml *node);

/* Every key of `map` must be one of `known`: else an error at the key, with the nearest known
 * key suggested.  0 or -1. */
int et_yamldoc_known_keys(const struct et_yamldoc *doc, const struct et_yaml *map,
			  const char *const *known, size_t n_known, struct et_err *err);

/* Scalars as values; each 0, or -1 with an error at the node that names the expected form.
 * bytes: 4096, 64K, 1M, 2G (powers of 1024).  duration: 250ms, 30s, 10m, 1h -> ns. */
int et_yamldoc_int(const struct et_yamldoc *doc, const struct et_yaml *node, int64_t least,
		   int64_t most, int64_t *out, struct et_err *err);
int et_yamldoc_bytes(const struct et_yamldoc *doc, const struct et_yaml *node, int64_t *out,
		     struct et_err *err);
int et_yamldoc_duration(const struct et_yamldoc *doc, const struct et_yaml *node, int64_t *out_ns,
			struct et_err *err);
int et_yamldoc_bool(const struct et_yamldoc *doc, const struct et_yaml *node, bool *out,
		    struct et_err *err);

#endif
