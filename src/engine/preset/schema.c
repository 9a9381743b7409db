/* SPDX-License-Identifier: Apache-2.0
 *
 * What a target may be and which keys each kind takes: the one table that the loader, its
 * suggestions and the help read.  Constant data.  A new kind is a table here, a rule in rules.c
 * where its keys depend on each other, and its work in engine/build. */
#include "engine/preset/preset.h"

#define KIB INT64_C(1024)
#define MS INT64_C(1000000)

static const char *const suites[] = { "pool", "selftest", NULL };
/* of all suites; rules.c knows which belong to which */
static const char *const cases[] = { "string", "hash", "tar", "cpu-shares", "heap-sites", NULL };
static const char *const variants[] = { "malloc", "pool", "pool-clear", NULL };

static const struct et_key sample_keys[] = {
	{ .name = "hz", .type = ET_KEY_INT, .least = 1, .most = 1000, .def = "99",
	  .help = "CPU samples a second" },
	{ .name = "heap_bytes", .type = ET_KEY_BYTES, .least = 1, .most = KIB * KIB * KIB,
	  .help = "one recorded allocation in so many bytes; 1 = every one; absent = fine at first, "
		  "then coarser" },
	{ 0 },
};

static const struct et_key image_keys[] = {
	{ .name = "context", .type = ET_KEY_PATH, .help = "directory to put into the image" },
	{ .name = "from", .type = ET_KEY_STRING,
	  .help = "instead of context: generate target whose tree is put into the image" },
	{ .name = "exclude", .type = ET_KEY_STRINGS,
	  .help = "patterns below the context to leave out; without a slash at any depth" },
	{ .name = "output", .type = ET_KEY_STRING, .is_required = true,
	  .help = "oci:DIR:TAG, DIR below the store" },
	{ .name = "level", .type = ET_KEY_INT, .least = 1, .most = 9, .def = "6",
	  .help = "gzip level" },
	{ 0 },
};

static const struct et_key generate_keys[] = {
	{ .name = "files", .type = ET_KEY_INT, .is_required = true, .least = 1, .most = 1000000,
	  .help = "number of files" },
	{ .name = "size", .type = ET_KEY_BYTES, .least = 1, .most = 64 * KIB * KIB, .def = "4K",
	  .help = "mean size of a file (lognormal)" },
	{ .name = "seed", .type = ET_KEY_INT, .def = "1", .help = "same seed, same tree" },
	{ .name = "dirs", .type = ET_KEY_INT, .least = 1, .most = 100000,
	  .help = "number of directories; default: one for each 50 files" },
	{ 0 },
};

static const struct et_key bench_keys[] = {
	{ .name = "suite", .type = ET_KEY_WORD, .words = suites, .is_required = true,
	  .help = "family of experiments" },
	{ .name = "cases", .type = ET_KEY_WORDS, .words = cases,
	  .help = "experiments of the suite; default: all of them" },
	{ .name = "variants", .type = ET_KEY_WORDS, .words = variants, .def = "[malloc, pool]",
	  .help = "what to compare (suite pool only); pool-clear: hash, zeroed at each get" },
	{ .name = "trials", .type = ET_KEY_INT, .least = 1, .most = 1000, .def = "12",
	  .help = "timed runs of each variant" },
	{ .name = "trial_time", .type = ET_KEY_DURATION, .least = 1 * MS, .most = 60000 * MS,
	  .def = "20ms", .help = "how long one trial lasts" },
	{ .name = "live", .type = ET_KEY_INT, .least = 1, .most = 64, .def = "1",
	  .help = "buffers held at the same time" },
	{ 0 },
};

const struct et_key et_preset_keys[] = {
	{ .name = "version", .type = ET_KEY_INT, .least = 1, .most = 1, .is_required = true,
	  .help = "of the format of the file" },
	{ .name = "name", .type = ET_KEY_STRING,
	  .help = "default: the file's, without its ending" },
	{ .name = "description", .type = ET_KEY_STRING, .help = "one line, for lists" },
	{ .name = "jobs", .type = ET_KEY_INT, .most = 256, .def = "0",
	  .help = "targets at a time and workers that pack; 0 = number of CPUs" },
	{ .name = "sample", .type = ET_KEY_MAP, .keys = sample_keys,
	  .help = "how closely to measure" },
	{ .name = "store", .type = ET_KEY_PATH,
	  .help = "folder for what is made; without it a private one, removed at exit" },
	{ .name = "targets", .type = ET_KEY_TARGETS, .is_required = true, .help = "what to run" },
	{ 0 },
};

const struct et_key et_target_keys[] = {
	{ .name = "name", .type = ET_KEY_STRING, .is_required = true,
	  .help = "letters, digits, '.', '_', '-'; unique" },
	{ .name = "kind", .type = ET_KEY_STRING, .is_required = true,
	  .help = "one of those below" },
	{ .name = "needs", .type = ET_KEY_STRINGS, .help = "targets that must be done before" },
	{ 0 },
};

const struct et_kind et_kinds[] = {
	{ .name = "image", .help = "an OCI image of a directory tree", .keys = image_keys },
	{ .name = "generate", .help = "a tree of files, always the same one",
	  .keys = generate_keys },
	{ .name = "bench", .help = "trials of allocators and pools", .keys = bench_keys },
	{ 0 },
};
