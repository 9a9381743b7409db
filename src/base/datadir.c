/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds themes/ and examples/ (datadir.h) from where the running program is: a checkout builds
 * into build/CONF/ (tests one deeper), an installed program lies under PREFIX.  No state. */
#include "base/datadir.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int put(char *out, size_t n, const char *dir, const char *sep, const char *name)
{
	int len = snprintf(out, n, "%s%s%s", dir, sep, name);

	return len >= 0 && (size_t)len < n ? 0 : -1;
}

/* Cut the last component off; false at the root. */
static bool up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	*slash = '\0';
	return true;
}

static int in_checkout(const char *name, char *out, size_t n)
{
	char at[PATH_MAX], makefile[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", at, sizeof at - 1);

	if (len <= 0)
		return -1;
	at[len] = '\0';
	if (!up(at) || !up(at)) /* the program, its CONF */
		return -1;
	for (int level = 0; level < 2 && up(at); level++)
		if (put(makefile, sizeof makefile, at, "/", "Makefile") == 0 &&
		    access(makefile, F_OK) == 0 && put(out, n, at, "/", name) == 0 && is_dir(out))
			return 0;
	return -1;
}

int et_datadir(const char *name, const char *env, char *out, size_t n)
{
	const char *dir = env != NULL ? getenv(env) : NULL;

	if (dir != NULL && dir[0] != '\0')
		return put(out, n, dir, "", "") == 0 && is_dir(out) ? 0 : -1;
	if (in_checkout(name, out, n) == 0)
		return 0;
	return put(out, n, ET_PREFIX "/share/engine-top/", "", name) == 0 && is_dir(out) ? 0 : -1;
}

int et_datadir_err(const char *name, const char *env, struct et_err *err)
{
	const char *dir = getenv(env);

	if (dir != NULL && dir[0] != '\0')
		return et_err_set(err, ET_EXIT_INPUT,
				  "%s is '%s', which is no folder; unset it, or name the folder of %s",
				  env, dir, name);
	return et_err_set(err, ET_EXIT_LACK, "the folder of %s is not installed; set %s to one", name,
			  env);
}
