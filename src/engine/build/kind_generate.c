/* SPDX-License-Identifier: Apache-2.0
 *
 * Kind "generate": a tree of made-up files in the store.  Each round writes a tree beside the
 * last one and swaps the two: who looks at the path always finds a whole tree.
 *
 * In a private store, which nobody else can have linked to, the tree of the round before last is
 * written over, file by file.  Making 5,000 files where as many were removed a moment ago took
 * seconds on an ext4 without journal (it avoids inodes that were freed in the last minutes, one
 * by one), against a tenth of a second otherwise. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/build/generate.h"
#include "engine/build/target.h"

/* After this `fresh` is the old tree, or is gone. */
static int swap(const char *fresh, const char *tree)
{
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, tree, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno == EINVAL) /* this file system cannot exchange */
		et_io_rmtree(AT_FDCWD, tree);
	return rename(fresh, tree);
}

static int make_tree(struct et_target *t, const char *fresh, const char *tree, struct et_err *err)
{
	const struct et_generate_opts opts = {
		.files = (uint64_t)et_preset_setting(t->spec, "files")->number,
		.dirs = (uint64_t)et_preset_setting(t->spec, "dirs")->number,
		.size_bytes = (uint64_t)et_preset_setting(t->spec, "size")->number,
		.seed = (uint64_t)et_preset_setting(t->spec, "seed")->number,
		.is_rewrite = t->store->is_private,
	};

	atomic_store(&t->progress.stage, "write");
	if (mkdir(fresh, 0700) != 0 && (!opts.is_rewrite || errno != EEXIST))
		return et_err_sys(err, ET_EXIT_JOB, errno, "cannot make '%s'", fresh);
	if (et_generate_tree(fresh, &opts, &t->progress, err) != 0)
		return -1;
	atomic_store(&t->progress.stage, "swap");
	if (swap(fresh, tree) != 0)
		return et_err_sys(err, ET_EXIT_JOB, errno, "cannot put '%s' in place", tree);
	return 0;
}

static int run(struct et_target *t, struct et_err *err)
{
	char tree[PATH_MAX - 8], fresh[PATH_MAX];
	char *slash;
	int rc;

	if (et_store_tree(t->store, t->spec->name, tree, sizeof tree) != 0)
		return et_err_set(err, ET_EXIT_INPUT, "the path of the store is too long");
	snprintf(fresh, sizeof fresh, "%s", tree);
	slash = strrchr(fresh, '/');
	*slash = '\0';
	if (et_io_mkdirs(fresh) != 0)
		return et_err_sys(err, ET_EXIT_JOB, errno, "cannot make '%s'", fresh);
	/* a name of a target does not begin with a dot, so this is nobody else's tree */
	snprintf(fresh, sizeof fresh, "%.*s/.new-%s", (int)(strrchr(tree, '/') - tree), tree,
		 t->spec->name);
	if (!t->store->is_private) /* what a killed session left */
		et_io_rmtree(AT_FDCWD, fresh);
	rc = make_tree(t, fresh, tree, err);
	if (!t->store->is_private || rc != 0) {
		atomic_store(&t->progress.stage, "remove old");
		et_io_rmtree(AT_FDCWD, fresh);
	}
	if (rc != 0)
		return -1;
	pthread_mutex_lock(t->lock);
	snprintf(t->output, sizeof t->output, "%s", tree);
	pthread_mutex_unlock(t->lock);
	return 0;
}

const struct et_kind_ops et_kind_generate = { .name = "generate", .run = run };
