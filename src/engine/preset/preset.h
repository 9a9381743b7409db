/* SPDX-License-Identifier: Apache-2.0
 *
 * A preset: which targets to run, how, and what to measure.  Loaded from YAML once, immutable
 * afterwards.  The keys that a kind of target takes are one table (schema.c): it drives
 * validation, suggestions, defaults and `engine-top help preset`.
 * Layer: engine/preset; knows base only. */
#ifndef ET_ENGINE_PRESET_H
#define ET_ENGINE_PRESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine-top/err.h"

enum et_key_type {
	ET_KEY_STRING,
	ET_KEY_PATH,     /* string; relative ones are resolved against the preset's folder */
	ET_KEY_INT,
	ET_KEY_BYTES,    /* 64K, 1M */
	ET_KEY_DURATION, /* 250ms, 30s */
	ET_KEY_BOOL,
	ET_KEY_WORD,     /* one of `words` */
	ET_KEY_STRINGS,  /* list of strings (a single string counts as a list of one) */
	ET_KEY_WORDS,    /* list of some of `words` */
	ET_KEY_MAP,      /* top level only: a map of `keys` */
	ET_KEY_TARGETS,  /* top level only: the list of targets */
};

struct et_key {
	const char *name;
	enum et_key_type type;
	bool is_required;
	int64_t least, most;      /* ET_KEY_INT, _BYTES, _DURATION (ns); both 0 = any >= 0 */
	const char *const *words; /* NULL-terminated, for _WORD and _WORDS */
	const struct et_key *keys; /* of a _MAP; ends with .name == NULL */
	const char *def;          /* default as YAML text; NULL = absent */
	const char *help;
};

/* A kind of target: its keys.  What it does is in engine/build. */
struct et_kind {
	const char *name;
	const char *help;
	const struct et_key *keys; /* ends with .name == NULL */
};

/* Keys of the file itself, and those that every target has; end with .name == NULL. */
extern const struct et_key et_preset_keys[], et_target_keys[];

/* All kinds, ends with .name == NULL: image, generate, bench. */
extern const struct et_kind et_kinds[];

struct et_setting {
	const struct et_key *key;
	bool is_given;         /* false: default */
	int64_t number;        /* INT, BYTES, DURATION, BOOL; WORD: index into words */
	char *text;            /* STRING, PATH, WORD */
	char **list;           /* STRINGS, WORDS; NULL-terminated */
	size_t n_list;
};

struct et_target_spec {
	char *name;            /* [A-Za-z0-9][A-Za-z0-9._-]*, unique */
	const struct et_kind *kind;
	unsigned line, column; /* of the target in the file */
	size_t *needs;         /* indices of other targets, each once; acyclic; `from` is one */
	size_t n_needs;
	struct et_setting *settings; /* one for each key of the kind, same order */
};

struct et_preset {
	char *path;  /* as given; for messages */
	char *dir;   /* absolute folder of the file: base of relative paths */
	char *name;        /* default: the file's name without its ending */
	char *description; /* one line; "" if not given */
	int64_t jobs;       /* targets at a time and pack workers; 0 = number of CPUs */
	int64_t hz;         /* CPU samples per second, 1..1000; default 99 */
	int64_t heap_bytes; /* heap sampling period; 1 = every allocation; 0 = adaptive (default) */
	char *store;        /* where `output: oci:...` paths go; NULL = private, bounded, removed
			       at exit */
	struct et_target_spec *targets;
	size_t n_targets;
};

/* Find a preset: a path (contains '/' or ends with .yaml/.yml), else NAME.yaml in the folder
 * of presets ($ENGINE_TOP_EXAMPLES, else examples/ beside the program's checkout, else
 * PREFIX/share/engine-top/examples).  Unknown names list the nearest and the known ones.
 * [own] out: caller's buffer of n bytes   [thr] any   [sig] no   [err] -1, ET_EXIT_INPUT */
int et_preset_find(const char *name, char *out, size_t n, struct et_err *err);

/* Names of the presets in that folder, sorted; *dir (PATH_MAX bytes, may be NULL) is the folder.
 * [own] new; et_preset_names_free   [thr] any   [sig] no   [err] NULL and *err, ET_EXIT_LACK */
char **et_preset_names(char *dir, size_t *n, struct et_err *err);
void et_preset_names_free(char **names, size_t n);

/* [own] new; et_preset_free   [thr] any   [sig] no   [err] NULL and *err, FILE:LINE:COLUMN */
struct et_preset *et_preset_load(const char *path, struct et_err *err);
struct et_preset *et_preset_parse(const char *name, const char *dir, const char *bytes, size_t n,
				  struct et_err *err);
void et_preset_free(struct et_preset *p);

/* The setting of a key of the target's kind; aborts on a key that the kind does not have
 * (a programming error, not an input error).  Absent and without default: is_given false,
 * number 0, text NULL, n_list 0. */
const struct et_setting *et_preset_setting(const struct et_target_spec *t, const char *key);

#endif
