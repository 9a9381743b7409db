/* SPDX-License-Identifier: Apache-2.0
 *
 * From a word on the command line to the file of a preset, and the list of the shipped ones.
 * Reads one directory; no state. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/datadir.h"
#include "base/text.h"
#include "engine/preset/preset.h"

#define SHOWN 64
#define NAMES_MAX 1000

/* Length of the name before ".yaml" or ".yml", 0 if it ends otherwise. */
static size_t stem(const char *file)
{
	const char *dot = strrchr(file, '.');

	if (dot == NULL || dot == file || (strcmp(dot, ".yaml") != 0 && strcmp(dot, ".yml") != 0))
		return 0;
	return (size_t)(dot - file);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void et_preset_names_free(char **names, size_t n)
{
	for (size_t i = 0; names != NULL && i < n; i++)
		free(names[i]);
	free(names);
}

/* Hidden files are not presets; only .yaml is looked up by name. */
static bool is_preset_file(const char *file)
{
	size_t n = stem(file);

	return n > 0 && file[0] != '.' && strcmp(file + n, ".yaml") == 0;
}

static char **read_names(DIR *dir, size_t *n)
{
	char **names = calloc(NAMES_MAX, sizeof *names);
	const struct dirent *e;

	*n = 0;
	while (names != NULL && *n < NAMES_MAX && (e = readdir(dir)) != NULL) {
		if (!is_preset_file(e->d_name))
			continue;
		names[*n] = strndup(e->d_name, stem(e->d_name));
		if (names[(*n)++] != NULL)
			continue;
		et_preset_names_free(names, *n);
		return NULL;
	}
	if (names != NULL)
		qsort(names, *n, sizeof *names, by_name);
	return names;
}

char **et_preset_names(char *dir, size_t *n, struct et_err *err)
{
	char path[PATH_MAX];
	char **names;
	DIR *d;

	*n = 0;
	if (et_datadir("examples", "ENGINE_TOP_EXAMPLES", path, sizeof path) != 0) {
		et_datadir_err("examples", "ENGINE_TOP_EXAMPLES", err);
		return NULL;
	}
	d = opendir(path);
	if (d == NULL) {
		et_err_sys(err, ET_EXIT_LACK, errno, "cannot read the folder of presets '%s'",
			   path);
		return NULL;
	}
	names = read_names(d, n);
	closedir(d);
	if (names == NULL)
		et_err_set(err, ET_EXIT_LACK, "out of memory reading '%s'", path);
	else if (dir != NULL)
		strcpy(dir, path);
	return names;
}

static const char *const *as_const(char **names)
{
	return (const char *const *)(const void *)names;
}

static int fail_unknown(const char *name, char **names, size_t n, struct et_err *err)
{
	const char *near = et_text_nearest(name, as_const(names), n);
	char list[500] = "", shown[SHOWN], guess[SHOWN + 32] = "";
	size_t at = 0;

	for (size_t i = 0; i < n && at < sizeof list; i++)
		at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i == 0 ? "" : ", ",
				       names[i]);
	if (near != NULL)
		snprintf(guess, sizeof guess, "did you mean '%.64s'? ", near);
	return et_err_set(err, ET_EXIT_INPUT,
			  "unknown preset '%s'; %sknown ones are %s, or give the path of a .yaml "
			  "file", et_text_safe(shown, sizeof shown, name), guess, at > 0 ?
			  list : "none");
}

static int find_named(const char *name, char *out, size_t n, struct et_err *err)
{
	char dir[PATH_MAX];
	size_t n_names;
	char **names = et_preset_names(dir, &n_names, err);
	int rc = -1;

	if (names == NULL)
		return -1;
	for (size_t i = 0; i < n_names && rc != 0; i++)
		if (strcmp(names[i], name) == 0)
			rc = 0;
	if (rc != 0)
		fail_unknown(name, names, n_names, err);
	else if ((size_t)snprintf(out, n, "%s/%s.yaml", dir, name) >= n)
		rc = et_err_set(err, ET_EXIT_INPUT, "the path of preset '%s' is too long", name);
	et_preset_names_free(names, n_names);
	return rc;
}

/* `quickstart.yaml` typed where no such file is: say that `quickstart` would do. */
static int fail_missing(const char *path, int why, struct et_err *err)
{
	struct et_err ignored = { 0 };
	char found[PATH_MAX], word[SHOWN];
	const char *slash = strrchr(path, '/');
	const char *base = slash == NULL ? path : slash + 1;
	size_t n = stem(base);

	snprintf(word, sizeof word, "%.*s", n < sizeof word ? (int)n : 0, base);
	if (word[0] != '\0' && find_named(word, found, sizeof found, &ignored) == 0)
		return et_err_set(err, ET_EXIT_INPUT,
				  "cannot open preset '%s': %s; the shipped one is called '%s'",
				  path, strerror(why), word);
	return et_err_sys(err, ET_EXIT_INPUT, why, "cannot open preset '%s'", path);
}

int et_preset_find(const char *name, char *out, size_t n, struct et_err *err)
{
	if (strchr(name, '/') == NULL && stem(name) == 0)
		return find_named(name, out, n, err);
	if (strlen(name) >= n)
		return et_err_set(err, ET_EXIT_INPUT,
				  "the path of the preset is longer than %zu bytes", n - 1);
	strcpy(out, name);
	if (access(name, R_OK) != 0)
		return fail_missing(name, errno, err);
	return 0;
}
