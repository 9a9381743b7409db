/* SPDX-License-Identifier: Apache-2.0
 * Presets: what a good one holds, every refusal by its exact words, finding by name, and the
 * shipped ones. */
#include "engine/preset/preset.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/datadir.h"
#include "base/io.h"
#include "tap.h"

static struct et_preset *parse(const char *text, struct et_err *err)
{
	memset(err, 0, sizeof *err);
	return et_preset_parse("f.yaml", "/presets", text, strlen(text), err);
}

static void t_good(void)
{
	static const char text[] =
		"version: 1\n"
		"name: all\n"
		"description: every key\n"
		"jobs: 3\n"
		"sample: {hz: 250, heap_bytes: 1}\n"
		"store: out\n"
		"targets:\n"
		"  - {name: i, kind: image, from: g, exclude: '*.o', output: 'oci:a/b:v1',\n"
		"     level: 9, needs: [b, g, b]}\n"
		"  - {name: c, kind: image, context: ../x, exclude: [.git, build],\n"
		"     output: 'oci:a:c', needs: i}\n"
		"  - {name: g, kind: generate, files: 5000, size: 1K, seed: 0}\n"
		"  - name: b\n"
		"    kind: bench\n"
		"    suite: pool\n"
		"    cases: [tar, hash]\n"
		"    variants: [pool]\n"
		"    trials: 5\n"
		"    trial_time: 250ms\n"
		"    live: 8\n";
	struct et_err err;
	struct et_preset *p = parse(text, &err);
	const struct et_target_spec *t;

	ET_OK(p != NULL, "a preset with every key is read %s", err.msg);
	if (p == NULL)
		return;
	ET_IS_STR(p->name, "all", "its name");
	ET_IS_STR(p->description, "every key", "its description");
	ET_OK(p->jobs == 3 && p->hz == 250 && p->heap_bytes == 1, "its numbers");
	ET_IS_STR(p->store, "/presets/out", "store below the preset's folder");
	ET_IS_INT(p->n_targets, 4, "its targets");
	t = &p->targets[0];
	ET_IS_STR(t->kind->name, "image", "kind");
	ET_OK(t->line == 8 && t->column == 5, "place of a target");
	ET_OK(t->n_needs == 2 && t->needs[0] == 3 && t->needs[1] == 2,
	      "needs are indices, each once, `from` among them");
	ET_IS_STR(et_preset_setting(t, "from")->text, "g", "from");
	ET_IS_INT(et_preset_setting(t, "level")->number, 9, "level");
	ET_OK(et_preset_setting(t, "exclude")->n_list == 1 &&
	      et_preset_setting(t, "exclude")->list[1] == NULL, "a single string is a list of one");
	ET_OK(!et_preset_setting(t, "context")->is_given &&
	      et_preset_setting(t, "context")->text == NULL, "absent without default");
	t = &p->targets[1];
	ET_IS_STR(et_preset_setting(t, "context")->text, "/presets/../x", "context is absolute");
	ET_IS_INT(et_preset_setting(t, "level")->number, 6, "default level");
	ET_OK(!et_preset_setting(t, "level")->is_given, "a default is not given");
	ET_IS_STR(et_preset_setting(t, "exclude")->list[1], "build", "list of strings");
	ET_OK(t->n_needs == 1 && t->needs[0] == 0, "a single need");
	t = &p->targets[2];
	ET_OK(et_preset_setting(t, "size")->number == 1024 &&
	      et_preset_setting(t, "seed")->number == 0 &&
	      et_preset_setting(t, "dirs")->number == 100,
	      "generate: size, seed, one dir for 50 files");
	t = &p->targets[3];
	ET_OK(et_preset_setting(t, "suite")->number == 0 &&
	      strcmp(et_preset_setting(t, "suite")->text, "pool") == 0, "a word: index and text");
	ET_OK(et_preset_setting(t, "cases")->n_list == 2 &&
	      strcmp(et_preset_setting(t, "cases")->list[0], "tar") == 0, "cases in given order");
	ET_OK(et_preset_setting(t, "trial_time")->number == 250000000 &&
	      et_preset_setting(t, "live")->number == 8 &&
	      et_preset_setting(t, "trials")->number == 5, "bench: numbers");
	et_preset_free(p);
}

static void t_defaults(void)
{
	struct et_err err;
	struct et_preset *p = parse("version: 1\ntargets:\n"
				    "- {name: p, kind: bench, suite: pool}\n"
				    "- {name: s, kind: bench, suite: selftest}\n"
				    "- {name: g, kind: generate, files: 3}\n", &err);
	const struct et_setting *s;

	ET_OK(p != NULL, "a short preset is read %s", err.msg);
	if (p == NULL)
		return;
	ET_IS_STR(p->name, "f", "name is the file's");
	ET_IS_STR(p->description, "", "no description");
	ET_OK(p->jobs == 0 && p->hz == 99 && p->heap_bytes == 0 && p->store == NULL,
	      "jobs, rates, store");
	s = et_preset_setting(&p->targets[0], "cases");
	ET_OK(!s->is_given && s->n_list == 3 && strcmp(s->list[2], "tar") == 0,
	      "all cases of pool");
	s = et_preset_setting(&p->targets[0], "variants");
	ET_OK(s->n_list == 2 && strcmp(s->list[0], "malloc") == 0, "both variants");
	ET_OK(et_preset_setting(&p->targets[0], "trials")->number == 12 &&
	      et_preset_setting(&p->targets[0], "trial_time")->number == 20000000 &&
	      et_preset_setting(&p->targets[0], "live")->number == 1, "trials");
	s = et_preset_setting(&p->targets[1], "cases");
	ET_OK(s->n_list == 2 && strcmp(s->list[0], "cpu-shares") == 0, "all cases of selftest");
	ET_IS_INT(et_preset_setting(&p->targets[1], "variants")->n_list, 0,
		  "selftest has no variants");
	ET_OK(et_preset_setting(&p->targets[2], "dirs")->number == 1 &&
	      et_preset_setting(&p->targets[2], "size")->number == 4096, "few files, one dir");
	et_preset_free(p);
}

#define V "version: 1\n"
#define T V "targets:\n"

static const struct {
	const char *what, *text, *msg;
} refusals[] = {
	/* the top */
	{ "a list", "- a\n", "f.yaml:1:1: a preset is a map, not a list; begin with version: 1" },
	{ "a word", "hello\n",
	  "f.yaml:1:1: a preset is a map, not a single value; begin with version: 1" },
	{ "unknown key", V "target: []\n",
	  "f.yaml:2:1: unknown key 'target'; did you mean 'targets'?" },
	{ "unknown key, nothing near", V "colour: red\n",
	  "f.yaml:2:1: unknown key 'colour'; keys here are version, name, description, jobs, "
	  "sample, store, targets" },
	{ "duplicate key", V "jobs: 1\njobs: 2\n",
	  "f.yaml:3:1: duplicate key 'jobs'; it is already given at line 2, column 1" },
	{ "no version", "name: x\n", "f.yaml:1:1: no version; write version: 1" },
	{ "version of tomorrow", "version: 2\n",
	  "f.yaml:1:10: version '2' is not supported; write version: 1" },
	{ "version empty", "version:\n",
	  "f.yaml:1:9: version: no value; write one, or remove the key" },
	{ "version list", "version: [1]\n",
	  "f.yaml:1:10: version: a single value is needed, not a list" },
	{ "name is a map", V "name: {a: b}\n",
	  "f.yaml:2:7: name: a single value is needed, not a map" },
	{ "name of two lines", V "name: \"a\\nb\"\n",
	  "f.yaml:2:7: name: one line of at most 80 bytes is needed" },
	{ "jobs not a number", V "jobs: many\n",
	  "f.yaml:2:7: jobs: 'many' is not a whole number; write one from 0 to 256" },
	{ "jobs out of range", V "jobs: 257\n",
	  "f.yaml:2:7: jobs: '257' is not a number in range; write one from 0 to 256" },
	{ "store null", V "store: ~\n",
	  "f.yaml:2:8: store: no value; write one, or remove the key" },
	{ "sample not a map", V "sample: 99\n",
	  "f.yaml:2:9: sample: a map is needed, not a single value; write KEY: VALUE" },
	{ "sample key", V "sample: {hertz: 99}\n",
	  "f.yaml:2:10: unknown key 'hertz'; keys here are hz, heap_bytes" },
	{ "hz 0", V "sample: {hz: 0}\n",
	  "f.yaml:2:14: hz: '0' is not a number in range; write one from 1 to 1000" },
	{ "heap_bytes 0", V "sample: {heap_bytes: 0}\n",
	  "f.yaml:2:22: heap_bytes: '0' is not in range; write it from 1 B to 1.00G" },
	{ "no targets", V, "f.yaml:1:1: no targets; write targets: and a list of them" },
	{ "targets nothing", T,
	  "f.yaml:2:9: targets: a list of at least one target is needed, not nothing" },
	{ "targets empty", V "targets: []\n",
	  "f.yaml:2:10: targets: a list of at least one target is needed, not an empty one" },
	{ "targets a map", T " a: {kind: image}\n",
	  "f.yaml:3:2: targets: a list of at least one target is needed, not a map" },
	/* a target */
	{ "target a word", T "- image\n",
	  "f.yaml:3:3: a target is a map, not a single value; write - name: WORD and its keys "
	  "below" },
	{ "target without name", T "- kind: image\n",
	  "f.yaml:3:3: a target without a name; write name: WORD" },
	{ "target name bad", T "- name: a b\n",
	  "f.yaml:3:9: name: 'a b' is not a name; write at most 64 letters, digits, '.', '_', '-', "
	  "the first a letter or digit" },
	{ "target name path", T "- name: ../x\n",
	  "f.yaml:3:9: name: '../x' is not a name; write at most 64 letters, digits, '.', '_', "
	  "'-', the first a letter or digit" },
	{ "target name twice",
	  T "- {name: a, kind: generate, files: 1}\n- {name: a, kind: generate}\n",
	  "f.yaml:4:10: a second target 'a'; the first is at line 3, rename one" },
	{ "no kind", T "- name: a\n",
	  "f.yaml:3:3: target 'a' has no kind; write kind: one of image, generate, bench" },
	{ "unknown kind, near", T "- {name: a, kind: imgae}\n",
	  "f.yaml:3:19: unknown kind 'imgae'; did you mean 'image'?" },
	{ "unknown kind", T "- {name: a, kind: docker}\n",
	  "f.yaml:3:19: unknown kind 'docker'; kinds are image, generate, bench" },
	{ "key of another kind", T "- {name: a, kind: image, trials: 3}\n",
	  "f.yaml:3:26: kind image has no key 'trials'; it belongs to kind bench" },
	{ "key of no kind", T "- {name: a, kind: image, contxt: .}\n",
	  "f.yaml:3:26: unknown key 'contxt'; did you mean 'context'?" },
	{ "key of no kind, nothing near", T "- {name: a, kind: generate, colour: red}\n",
	  "f.yaml:3:29: unknown key 'colour'; keys here are name, kind, needs, files, size, seed, "
	  "dirs" },
	{ "missing required key", T "- {name: a, kind: generate}\n",
	  "f.yaml:3:3: target 'a' has no files; kind generate needs it: number of files" },
	{ "missing output", T "- {name: a, kind: image, context: .}\n",
	  "f.yaml:3:3: target 'a' has no output; kind image needs it: oci:DIR:TAG, DIR below the "
	  "store" },
	/* needs */
	{ "unknown need, near", T "- {name: tree, kind: generate, files: 1}\n"
				  "- {name: b, kind: generate, files: 1, needs: [tre]}\n",
	  "f.yaml:4:47: needs: there is no target 'tre'; did you mean 'tree'?" },
	{ "unknown need", T "- {name: b, kind: generate, files: 1, needs: forest}\n",
	  "f.yaml:3:46: needs: there is no target 'forest'; write the name of a target of this "
	  "file" },
	{ "needs a map", T "- {name: b, kind: generate, files: 1, needs: {a: b}}\n",
	  "f.yaml:3:46: needs: names of targets are needed, not a map" },
	{ "needs itself", T "- {name: a, kind: generate, files: 1, needs: a}\n",
	  "f.yaml:3:3: targets need each other in a circle: a -> a; remove one of the needs" },
	{ "cycle of two", T "- {name: a, kind: generate, files: 1, needs: b}\n"
			    "- {name: b, kind: generate, files: 1, needs: a}\n",
	  "f.yaml:3:3: targets need each other in a circle: a -> b -> a; remove one of the needs" },
	{ "cycle behind others", T "- {name: a, kind: generate, files: 1, needs: [d, b]}\n"
				   "- {name: b, kind: generate, files: 1, needs: c}\n"
				   "- {name: c, kind: generate, files: 1, needs: [d, b]}\n"
				   "- {name: d, kind: generate, files: 1}\n",
	  "f.yaml:4:3: targets need each other in a circle: b -> c -> b; remove one of the needs" },
	{ "cycle through from", T "- {name: t, kind: generate, files: 1, needs: i}\n"
				  "- {name: i, kind: image, from: t, output: 'oci:a:b'}\n",
	  "f.yaml:3:3: targets need each other in a circle: t -> i -> t; remove one of the needs" },
	/* image */
	{ "neither context nor from", T "- {name: i, kind: image, output: 'oci:a:b'}\n",
	  "f.yaml:3:3: target 'i' has neither context nor from; write one of them" },
	{ "context and from",
	  T "- {name: i, kind: image, context: ., from: g, output: 'oci:a:b'}\n",
	  "f.yaml:3:38: target 'i' has both context and from; remove one" },
	{ "from a stranger", T "- {name: i, kind: image, from: g, output: 'oci:a:b'}\n",
	  "f.yaml:3:32: from: there is no target 'g'; did you mean 'i'?" },
	{ "from an image", T "- {name: i, kind: image, context: ., output: 'oci:a:b'}\n"
			     "- {name: k, kind: image, from: i, output: 'oci:a:c'}\n",
	  "f.yaml:4:32: from: 'i' is of kind image; write the name of a generate target" },
	{ "context empty", T "- {name: i, kind: image, context: '', output: 'oci:a:b'}\n",
	  "f.yaml:3:35: context: no value; write one, or remove the key" },
	{ "context a list", T "- {name: i, kind: image, context: [a], output: 'oci:a:b'}\n",
	  "f.yaml:3:35: context: a single value is needed, not a list" },
	{ "exclude a map",
	  T "- {name: i, kind: image, context: ., exclude: {a: b}, output: 'oci:a:b'}\n",
	  "f.yaml:3:47: exclude: a list is needed, not a map; write [a, b]" },
	{ "exclude of lists",
	  T "- {name: i, kind: image, context: ., exclude: [[a]], output: 'oci:a:b'}\n",
	  "f.yaml:3:48: exclude: a single value is needed, not a list" },
	{ "exclude twice",
	  T "- {name: i, kind: image, context: ., exclude: [a, a], output: 'oci:a:b'}\n",
	  "f.yaml:3:51: exclude: this item is already in the list; remove one" },
	{ "output without oci", T "- {name: i, kind: image, context: ., output: 'a:b'}\n",
	  "f.yaml:3:46: output: 'a:b' is not oci:DIR:TAG; write it like oci:images:i" },
	{ "output without tag", T "- {name: i, kind: image, context: ., output: 'oci:a'}\n",
	  "f.yaml:3:46: output: 'oci:a' is not oci:DIR:TAG; write it like oci:images:i" },
	{ "output with an empty tag", T "- {name: i, kind: image, context: ., output: 'oci:a:'}\n",
	  "f.yaml:3:46: output: 'oci:a:' is not oci:DIR:TAG; write it like oci:images:i" },
	{ "output with an empty dir", T "- {name: i, kind: image, context: ., output: 'oci::b'}\n",
	  "f.yaml:3:46: output: 'oci::b' is not oci:DIR:TAG; write it like oci:images:i" },
	{ "output with a bad tag", T "- {name: i, kind: image, context: ., output: 'oci:a:b:c'}\n",
	  "f.yaml:3:46: output: 'oci:a:b:c' is not oci:DIR:TAG; write it like oci:images:i" },
	{ "output outside the store",
	  T "- {name: i, kind: image, context: ., output: 'oci:/a:b'}\n",
	  "f.yaml:3:46: output: 'oci:/a:b' leaves the store; write a DIR below it (key store)" },
	{ "output above the store",
	  T "- {name: i, kind: image, context: ., output: 'oci:a/../..:b'}\n",
	  "f.yaml:3:46: output: 'oci:a/../..:b' leaves the store; write a DIR below it (key "
	  "store)" },
	{ "output twice", T "- {name: i, kind: image, context: ., output: 'oci:a:b'}\n"
			    "- {name: k, kind: image, context: ., output: 'oci:a:b'}\n",
	  "f.yaml:4:46: output: target 'i' writes 'oci:a:b' too; use another TAG" },
	{ "level 10", T "- {name: i, kind: image, context: ., level: 10, output: 'oci:a:b'}\n",
	  "f.yaml:3:45: level: '10' is not a number in range; write one from 1 to 9" },
	/* generate */
	{ "no files at all", T "- {name: g, kind: generate, files: 0}\n",
	  "f.yaml:3:36: files: '0' is not a number in range; write one from 1 to 1000000" },
	{ "too many files", T "- {name: g, kind: generate, files: 1000001}\n",
	  "f.yaml:3:36: files: '1000001' is not a number in range; write one from 1 to 1000000" },
	{ "size in words", T "- {name: g, kind: generate, files: 1, size: large}\n",
	  "f.yaml:3:45: size: 'large' is not a number of bytes; write it like 4096, 64K, 1M or "
	  "2G" },
	{ "size too large", T "- {name: g, kind: generate, files: 1, size: 1G}\n",
	  "f.yaml:3:45: size: '1G' is not in range; write it from 1 B to 64.0M" },
	{ "seed negative", T "- {name: g, kind: generate, files: 1, seed: -1}\n",
	  "f.yaml:3:45: seed: '-1' is not a number in range; write one of at least 0" },
	/* bench */
	{ "unknown suite", T "- {name: b, kind: bench, suite: pol}\n",
	  "f.yaml:3:33: suite: 'pol' is not known; write one of pool, selftest" },
	{ "unknown case", T "- {name: b, kind: bench, suite: pool, cases: [tar, zip]}\n",
	  "f.yaml:3:52: cases: 'zip' is not known; write one of string, hash, tar, cpu-shares, "
	  "heap-sites" },
	{ "case of another suite",
	  T "- {name: b, kind: bench, suite: pool, cases: [tar, cpu-shares]}\n",
	  "f.yaml:3:52: cases: 'cpu-shares' is not of suite pool; write some of string, hash, "
	  "tar" },
	{ "single case of another suite",
	  T "- {name: b, kind: bench, suite: selftest, cases: tar}\n",
	  "f.yaml:3:50: cases: 'tar' is not of suite selftest; write some of cpu-shares, "
	  "heap-sites" },
	{ "no cases", T "- {name: b, kind: bench, suite: pool, cases: []}\n",
	  "f.yaml:3:46: cases: an empty list; write [a, b]" },
	{ "unknown variant", T "- {name: b, kind: bench, suite: pool, variants: [jemalloc]}\n",
	  "f.yaml:3:50: variants: 'jemalloc' is not known; write one of malloc, pool, pool-clear" },
	{ "variants of selftest", T "- {name: b, kind: bench, suite: selftest, variants: [pool]}\n",
	  "f.yaml:3:43: suite selftest has no variants; remove the key" },
	{ "trials 0", T "- {name: b, kind: bench, suite: pool, trials: 0}\n",
	  "f.yaml:3:47: trials: '0' is not a number in range; write one from 1 to 1000" },
	{ "trial_time without unit", T "- {name: b, kind: bench, suite: pool, trial_time: 20}\n",
	  "f.yaml:3:51: trial_time: '20' is not a duration; write it like 250ms, 30s, 10m or 1h" },
	{ "trial_time 0", T "- {name: b, kind: bench, suite: pool, trial_time: 0s}\n",
	  "f.yaml:3:51: trial_time: '0s' is not in range; write it from 1.00ms to 60.0s" },
	{ "live 65", T "- {name: b, kind: bench, suite: pool, live: 65}\n",
	  "f.yaml:3:45: live: '65' is not a number in range; write one from 1 to 64" },
};

static void t_refusals(void)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct et_err err;
		struct et_preset *p = parse(refusals[i].text, &err);

		ET_IS_STR(p == NULL && err.code == ET_EXIT_INPUT ? err.msg : "(accepted)",
			  refusals[i].msg, refusals[i].what);
		et_preset_free(p);
	}
}

/* n targets, each needing the next; the last needs target `back`, or nobody if back < 0. */
static struct et_preset *chain(int n, int back, struct et_err *err)
{
	char *text = malloc(100 * (size_t)n + 100), *to = text + sprintf(text, T);
	struct et_preset *p;

	for (int i = 0; i < n; i++) {
		int need = i + 1 < n ? i + 1 : back;

		to += sprintf(to, "- {name: target-%d, kind: generate, files: 1", i);
		to += need < 0 ? sprintf(to, "}\n") : sprintf(to, ", needs: target-%d}\n", need);
	}
	p = parse(text, err);
	free(text);
	return p;
}

static void t_graphs(void)
{
	struct et_err err;
	struct et_preset *p = chain(256, -1, &err);

	ET_OK(p != NULL && p->n_targets == 256, "a chain of 256 targets is read");
	et_preset_free(p);
	p = chain(257, -1, &err);
	ET_IS_STR(p == NULL ? err.msg : "", "f.yaml:3:1: 257 targets; at most 256 fit a preset",
		  "257 are too many");
	et_preset_free(p);
	p = chain(256, 0, &err);
	ET_OK(p == NULL &&
	      strstr(err.msg, "f.yaml:3:3: targets need each other in a circle: "
			      "target-0 -> target-1 -> ") == err.msg &&
	      strstr(err.msg, "... -> target-0; remove one of the needs") != NULL,
	      "a circle of 256 is told in one line: %s", err.msg);
	et_preset_free(p);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX + 300];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

static const char *found(const char *name)
{
	static char path[PATH_MAX];
	static struct et_err err;

	memset(&err, 0, sizeof err);
	return et_preset_find(name, path, sizeof path, &err) == 0 ? path : err.msg;
}

static void t_find(void)
{
	static const char good[] = T "- {name: a, kind: generate, files: 1}\n";
	char dir[PATH_MAX - 100], want[PATH_MAX + 300], file[PATH_MAX + 300];
	struct et_err err = { 0 };
	struct et_preset *p;
	char **names;
	size_t n;

	if (et_io_tmpdir("et-test", dir, sizeof dir) != 0 || chdir(dir) != 0) {
		printf("Bail out! no temporary folder\n");
		exit(1);
	}
	write_file(dir, "alpha.yaml", good);
	write_file(dir, "beta.yaml", good);
	write_file(dir, ".hidden.yaml", good);
	write_file(dir, "notes.txt", "x");
	setenv("ENGINE_TOP_EXAMPLES", dir, 1);
	names = et_preset_names(NULL, &n, &err);
	ET_OK(names != NULL && n == 2 && strcmp(names[0], "alpha") == 0 &&
	      strcmp(names[1], "beta") == 0, "names, sorted, without endings");
	et_preset_names_free(names, n);
	snprintf(want, sizeof want, "%s/alpha.yaml", dir);
	ET_IS_STR(found("alpha"), want, "a name is found in the folder");
	ET_IS_STR(found("./beta.yaml"), "./beta.yaml", "a path is a path");
	ET_IS_STR(found("beta.yaml"), "beta.yaml", "so is what ends in .yaml");
	ET_IS_STR(found("alhpa"),
		  "unknown preset 'alhpa'; did you mean 'alpha'? known ones are alpha, beta, or "
		  "give the path of a .yaml file", "a slip");
	ET_IS_STR(found("gamma-ray"),
		  "unknown preset 'gamma-ray'; known ones are alpha, beta, or give the path of a "
		  ".yaml file", "a stranger");
	ET_IS_STR(found(".."),
		  "unknown preset '..'; known ones are alpha, beta, or give the path of a .yaml "
		  "file", "no way out of the folder by a name");
	ET_IS_STR(found(""),
		  "unknown preset ''; known ones are alpha, beta, or give the path of a .yaml file",
		  "an empty name");
	ET_IS_STR(found("\033[31m"),
		  "unknown preset '\\x1b[31m'; known ones are alpha, beta, or give the path of a "
		  ".yaml file", "a hostile name");
	ET_IS_STR(found("none.yaml"), "cannot open preset 'none.yaml': No such file or directory",
		  "a missing file");
	ET_IS_STR(found("sub/alpha.yaml"),
		  "cannot open preset 'sub/alpha.yaml': No such file or directory; the shipped one "
		  "is called 'alpha'", "a missing file whose name is known");
	p = et_preset_load("beta.yaml", &err);
	ET_OK(p != NULL, "a file of this folder loads");
	ET_IS_STR(p == NULL ? "" : p->dir, realpath(dir, file), "its folder is absolute");
	et_preset_free(p);
	setenv("ENGINE_TOP_EXAMPLES", "/nowhere/at/all", 1);
	ET_IS_STR(found("alpha"),
		  "ENGINE_TOP_EXAMPLES is '/nowhere/at/all', which is no folder; unset it, or name "
		  "the folder of examples", "a variable that names no folder");
	unsetenv("ENGINE_TOP_EXAMPLES");
	et_io_rmtree(AT_FDCWD, dir);
}

static void t_shipped(void)
{
	static const char *const shipped[] = { "images", "quickstart", "selftest" };
	struct et_err err = { 0 };
	char dir[PATH_MAX];
	char **names;
	size_t n;

	if (chdir("/") != 0)
		return;
	names = et_preset_names(dir, &n, &err);
	ET_OK(names != NULL, "the checkout's presets are found from the program's place: %s", dir);
	for (size_t i = 0; i < 3; i++) {
		const char *path = found(shipped[i]);
		struct et_preset *p = et_preset_load(path, &err);

		ET_OK(p != NULL, "%s loads %s", shipped[i], err.msg);
		ET_IS_STR(p == NULL ? "" : p->name, shipped[i], "its name is its file's");
		ET_OK(p != NULL && p->description[0] != '\0', "it has a description");
		ET_OK(p != NULL && p->store == NULL, "it leaves nothing behind");
		et_preset_free(p);
	}
	et_preset_names_free(names, n);
}

static void t_datadir(void)
{
	char dir[PATH_MAX], few[4];

	setenv("ET_TEST_DIR", "/tmp", 1);
	ET_OK(et_datadir("examples", "ET_TEST_DIR", dir, sizeof dir) == 0 &&
	      strcmp(dir, "/tmp") == 0, "the variable wins");
	ET_IS_INT(et_datadir("examples", "ET_TEST_DIR", few, sizeof few), -1,
		  "a short buffer is refused");
	setenv("ET_TEST_DIR", "", 1);
	ET_OK(et_datadir("examples", "ET_TEST_DIR", dir, sizeof dir) == 0 &&
	      strcmp(dir, "/tmp") != 0, "an empty one does not count");
	ET_IS_INT(et_datadir("no-such-data", NULL, dir, sizeof dir), -1,
		  "what is nowhere is not found");
}

int main(void)
{
	t_good();
	t_defaults();
	t_refusals();
	t_graphs();
	t_find();
	t_shipped();
	t_datadir();
	return tap_done();
}
