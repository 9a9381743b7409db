/* SPDX-License-Identifier: Apache-2.0
 * Whole sessions on real presets in a folder of their own: results, failures, loops, cancelling,
 * and what is left on disk. */
#include "engine/build/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "engine/build/store.h"
#include "tap.h"

static char top[PATH_MAX - 200]; /* also TMPDIR */

#define HEAD "version: 1\nname: t\njobs: 2\ntargets:\n"
#define TREE "  - {name: tree, kind: generate, files: 40, size: 500}\n"
#define IMAGE "  - {name: img, kind: image, from: tree, output: 'oci:images:v1'}\n"
#define BENCH "  - {name: bench, kind: bench, suite: pool, trials: 6, trial_time: 1ms}\n"
#define LONG "  - {name: long, kind: bench, suite: selftest, cases: cpu-shares, trials: 1000, " \
	     "trial_time: 1s}\n"
#define BROKEN "  - {name: broken, kind: image, context: whiteout, output: 'oci:images:b'}\n"
#define AFTER "  - {name: after, kind: generate, files: 1, needs: [broken]}\n"

/* What on_change said, one line each. */
struct said {
	pthread_mutex_t lock;
	char text[8000];
};

static void listen(void *self, const char *target, enum et_target_state state, const char *line)
{
	struct said *said = self;
	size_t n;

	pthread_mutex_lock(&said->lock);
	n = strlen(said->text);
	snprintf(said->text + n, sizeof said->text - n, "%s %s %s\n", target,
		 et_snapshot_target_state(state), line);
	pthread_mutex_unlock(&said->lock);
}

static struct et_preset *parse(const char *yaml)
{
	struct et_err err = { 0 };
	struct et_preset *p = et_preset_parse("test.yaml", top, yaml, strlen(yaml), &err);

	if (p == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return p;
}

static struct et_session *start(const struct et_preset *p, bool is_loop, struct said *said)
{
	struct et_session_opts opts = { .is_loop = is_loop, .on_change = listen,
					.on_change_self = said };
	struct et_err err = { 0 };
	struct et_session *s = et_session_new(p, &opts, &err);

	if (s == NULL || et_session_start(s, &err) != 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return s;
}

static bool wait_done(struct et_session *s)
{
	struct pollfd p = { et_session_done_fd(s), POLLIN, 0 };

	return poll(&p, 1, 60000) == 1;
}

static const struct et_snapshot *snapshot(struct et_session *s)
{
	const struct et_snapshot head = { .seq = 1 };
	struct et_producer producer = et_session_producer(s);
	struct et_snapbuild *b = et_snapbuild_new();
	const struct et_snapshot *snap;

	producer.fill(producer.self, b);
	snap = et_snapbuild_finish(b, &head);
	et_snapbuild_free(b);
	return snap;
}

static bool target_row(struct et_session *s, const char *name, struct et_row_target *row,
		       char *error, size_t n)
{
	const struct et_snapshot *snap = snapshot(s);
	bool is_found = false;

	for (uint32_t i = 0; !is_found; i++) {
		if (!et_snapshot_get(snap, ET_TAB_TARGETS, i, row, sizeof *row))
			break;
		is_found = strcmp(et_snapshot_str(snap, row->name), name) == 0;
	}
	if (error != NULL)
		snprintf(error, n, "%s", et_snapshot_str(snap, row->error));
	et_snapshot_unref(snap);
	return is_found;
}

/* Names in the temporary folder that begin with `prefix`. */
static unsigned count(const char *prefix)
{
	DIR *dir = opendir(top);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(dir)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return n;
}

/* ---- sessions ----------------------------------------------------------------------------- */

static void t_round(void)
{
	struct et_preset *p = parse(HEAD TREE IMAGE BENCH);
	struct said said = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct et_session *s = start(p, false, &said);
	struct et_row_target row;
	const struct et_snapshot *snap;
	struct et_row_pool pool;
	struct et_row_bench bench;

	ET_OK(wait_done(s), "a round ends");
	ET_IS_INT(et_session_join(s), 0, "nothing failed");
	ET_IS_INT(count("engine-top-store."), 1, "the private store is there until free");
	snap = snapshot(s);
	ET_IS_INT(et_snapshot_rows(snap, ET_TAB_TARGETS), 3, "a row for each target");
	et_snapshot_get(snap, ET_TAB_TARGETS, 1, &row, sizeof row);
	ET_OK(row.state == ET_TARGET_OK && row.round == 1 && row.rounds_ok == 1 &&
	      row.wall_ns > 0 && row.bytes_in > 0 && row.bytes_out > 0 &&
	      row.work_done == row.work_total, "the image is done, with figures");
	ET_OK(strncmp(et_snapshot_str(snap, row.digest), "sha256:", 7) == 0, "and a digest");
	ET_OK(strstr(et_snapshot_str(snap, row.output), "/images:v1") != NULL, "and a place: %s",
	      et_snapshot_str(snap, row.output));
	ET_IS_INT(et_snapshot_rows(snap, ET_TAB_BENCHES), 6, "3 cases with 2 arms");
	et_snapshot_get(snap, ET_TAB_BENCHES, 1, &bench, sizeof bench);
	ET_OK(bench.n == 6 && bench.na == ET_NA_MEASURED && bench.ns_op > 0 &&
	      (bench.flags & ET_BENCH_HAS_RATIO) && (bench.flags & ET_BENCH_HAS_CI) &&
	      bench.ratio > 0, "6 trials have a ratio and an interval");
	ET_IS_INT(et_snapshot_rows(snap, ET_TAB_POOLS), 3, "3 pools");
	et_snapshot_get(snap, ET_TAB_POOLS, 0, &pool, sizeof pool);
	ET_OK(pool.gets > 0 && pool.gets == pool.puts && pool.hits + pool.misses == pool.gets &&
	      pool.misses == 1, "whose counters add up");
	et_snapshot_unref(snap);
	et_session_free(s);
	ET_IS_INT(count("engine-top-store."), 0, "and is removed by it");
	ET_OK(strstr(said.text, "tree running") < strstr(said.text, "tree ok") &&
	      strstr(said.text, "tree ok") < strstr(said.text, "img running") &&
	      strstr(said.text, "img running") < strstr(said.text, "img ok"),
	      "changes are told in order");
	et_preset_free(p);
}

static void t_failure(void)
{
	struct et_preset *p = parse(HEAD BROKEN AFTER TREE);
	struct said said = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct et_session *s = start(p, false, &said);
	struct et_row_target row;
	char error[1000];

	ET_OK(wait_done(s), "a round with a failure ends");
	ET_IS_INT(et_session_join(s), 2, "one failed, one was skipped");
	ET_OK(target_row(s, "broken", &row, error, sizeof error) && row.state == ET_TARGET_FAILED &&
	      row.rounds_failed == 1 && strstr(error, ".wh.x") != NULL, "failed: %s", error);
	ET_OK(target_row(s, "after", &row, error, sizeof error) && row.state == ET_TARGET_SKIPPED &&
	      row.round == 0 && strstr(error, "'broken'") != NULL, "skipped: %s", error);
	ET_OK(target_row(s, "tree", &row, NULL, 0) && row.state == ET_TARGET_OK, "others go on");
	ET_OK(strstr(said.text, "broken failed ") != NULL &&
	      strstr(said.text, "after skipped ") != NULL, "both are told");
	et_session_free(s);
	et_preset_free(p);
}

static void t_loop(void)
{
	struct et_preset *p = parse(HEAD TREE IMAGE BROKEN);
	struct said said = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct et_session *s = start(p, true, &said);
	struct et_row_target row = { 0 };
	int64_t deadline = et_clock_mono_ns() + 60 * ET_NS_PER_S;
	bool has_digest = true;

	while (row.rounds_ok < 3 && et_clock_mono_ns() < deadline) {
		usleep(2000);
		target_row(s, "img", &row, NULL, 0);
		has_digest &= row.rounds_ok == 0 || row.digest != 0;
	}
	et_session_cancel(s);
	ET_OK(wait_done(s), "a cancelled loop is done");
	et_session_join(s);
	ET_OK(row.rounds_ok >= 3, "round follows round");
	ET_OK(has_digest, "the last result can be seen while the next round runs");
	target_row(s, "broken", &row, NULL, 0);
	ET_OK(row.rounds_failed >= 2, "a failure does not end the loop");
	et_session_free(s);
	ET_IS_INT(count("engine-top-store."), 0, "nothing is left");
	et_preset_free(p);
}

static void t_cancel(void)
{
	struct et_preset *p = parse(HEAD LONG TREE "  - {name: last, kind: generate, files: 1, "
						   "needs: [long]}\n");
	struct said said = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct et_session *s = start(p, false, &said);
	int64_t deadline = et_clock_mono_ns() + 30 * ET_NS_PER_S;
	struct et_row_target row = { 0 };

	while (row.work_total == 0 && et_clock_mono_ns() < deadline) {
		usleep(1000);
		target_row(s, "long", &row, NULL, 0);
	}
	et_session_cancel(s);
	ET_OK(wait_done(s), "cancelled within its time");
	ET_IS_INT(et_session_join(s), 0, "cancelled is not failed");
	ET_OK(target_row(s, "long", &row, NULL, 0) && row.state == ET_TARGET_CANCELLED,
	      "what ran is cancelled");
	ET_OK(target_row(s, "last", &row, NULL, 0) && row.state == ET_TARGET_CANCELLED,
	      "what waited is, too");
	et_session_free(s);
	et_preset_free(p);
}

static void t_never_started(void)
{
	struct et_preset *p = parse(HEAD TREE);
	struct et_err err = { 0 };
	struct et_session *s = et_session_new(p, &(struct et_session_opts){ 0 }, &err);
	struct et_row_target row;

	ET_OK(s != NULL && target_row(s, "tree", &row, NULL, 0) && row.state == ET_TARGET_WAITING,
	      "before the start all wait");
	et_session_cancel(s);
	ET_OK(wait_done(s), "cancelled before the start is done");
	et_session_free(s);
	et_preset_free(p);
}

static void t_only(void)
{
	static const char *const img[] = { "img" }, *const typo[] = { "imgg" };
	struct et_preset *p = parse(HEAD TREE BENCH IMAGE);
	struct et_session_opts opts = { .only = img, .n_only = 1 };
	struct et_err err = { 0 };
	struct et_session *s = et_session_new(p, &opts, &err);
	const struct et_snapshot *snap = snapshot(s);

	ET_IS_INT(et_snapshot_rows(snap, ET_TAB_TARGETS), 2, "a target and what it needs");
	et_snapshot_unref(snap);
	et_session_free(s);
	opts.only = typo;
	ET_OK(et_session_new(p, &opts, &err) == NULL && err.code == ET_EXIT_INPUT &&
	      strstr(err.msg, "did you mean 'img'") != NULL, "unknown: %s", err.msg);
	et_preset_free(p);
}

static void t_missing_context(void)
{
	struct et_preset *p = parse(HEAD "  - {name: x, kind: image, context: nowhere, "
					 "output: 'oci:images:x'}\n");
	struct et_err err = { 0 };

	ET_OK(et_session_new(p, &(struct et_session_opts){ 0 }, &err) == NULL &&
	      err.code == ET_EXIT_INPUT && strstr(err.msg, "'x'") != NULL &&
	      strstr(err.msg, "nowhere") != NULL, "a context that is not there: %s", err.msg);
	ET_IS_INT(count("engine-top-store."), 0, "no store was made");
	et_preset_free(p);
}

static void t_two_at_once(void)
{
	struct et_preset *p = parse(HEAD TREE IMAGE);
	struct said said[2] = { { .lock = PTHREAD_MUTEX_INITIALIZER },
				{ .lock = PTHREAD_MUTEX_INITIALIZER } };
	struct et_session *a = start(p, false, &said[0]), *b = start(p, false, &said[1]);
	struct et_row_target row_b;

	ET_OK(wait_done(a) && wait_done(b), "two sessions end");
	ET_OK(et_session_join(a) + et_session_join(b) == 0, "both well");
	ET_IS_INT(count("engine-top-store."), 2, "each has a store");
	et_session_free(a);
	ET_IS_INT(count("engine-top-store."), 1, "and removes its own");
	ET_OK(target_row(b, "img", &row_b, NULL, 0) && row_b.state == ET_TARGET_OK,
	      "what the other found is untouched");
	et_session_free(b);
	et_preset_free(p);
}

/* ---- stores ------------------------------------------------------------------------------- */

static void make_store(const char *name, bool has_lock, int *lock_fd)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof path, "%s/%s", top, name);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/%s/blob", top, name);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	if (!has_lock)
		return;
	snprintf(path, sizeof path, "%s/%s/.lock", top, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock_fd == NULL)
		close(fd);
	else
		*lock_fd = fd;
	if (lock_fd != NULL)
		flock(fd, LOCK_EX);
}

static void t_stale(void)
{
	char link[PATH_MAX];
	struct et_err err = { 0 };
	struct et_store s;
	int held;

	make_store("engine-top-store.1.killed", true, NULL);
	make_store("engine-top-store.2.halfgone", false, NULL);
	make_store("engine-top-store.3.alive", true, &held);
	make_store(".engine-top-new.young", true, NULL);
	make_store("engine-top-other", false, NULL);
	snprintf(link, sizeof link, "%s/engine-top-store.4.link", top);
	ET_OK(symlink("engine-top-other", link) == 0, "a link with the name of a store");
	ET_OK(et_store_open(&s, NULL, &err) == 0, "opens %s", err.msg);
	ET_IS_INT(count("engine-top-store.1."), 0, "a killed session's store is removed");
	ET_IS_INT(count("engine-top-store.2."), 0, "so is one that was half removed");
	ET_IS_INT(count("engine-top-store.3."), 1, "a living session's is not");
	ET_IS_INT(count(".engine-top-new."), 1, "nor one that is being made");
	ET_OK(count("engine-top-store.4.") == 1 && count("engine-top-other") == 1,
	      "a link is not followed");
	et_store_close(&s);
	et_store_close(&s);
	unlink(link);
	close(held);
	ET_OK(et_store_open(&s, NULL, &err) == 0 && count("engine-top-store.") == 1,
	      "when it dies, the next start removes it");
	et_store_close(&s);
}

static void t_kept(void)
{
	char path[PATH_MAX];
	struct et_err err = { 0 };
	struct et_store a, b;

	snprintf(path, sizeof path, "%s/deep/er/store", top);
	ET_OK(et_store_open(&a, path, &err) == 0 && access(path, F_OK) == 0, "made if missing");
	ET_OK(et_store_open(&b, path, &err) != 0 && err.code == ET_EXIT_INPUT &&
	      strstr(err.msg, "in use") != NULL, "one session at a time: %s", err.msg);
	et_store_close(&b);
	et_store_close(&a);
	ET_OK(access(path, F_OK) == 0, "kept");
	et_err_clear(&err);
	ET_OK(et_store_open(&b, path, &err) == 0, "free again");
	et_store_close(&b);
	ET_OK(et_store_open(&b, "/dev/null/store", &err) != 0 && err.sys_errno == ENOTDIR,
	      "no place for one: %s", err.msg);
}

static void t_no_tmp(void)
{
	struct et_err err = { 0 };
	struct et_store s;

	setenv("TMPDIR", "/nowhere", 1);
	ET_OK(et_store_open(&s, NULL, &err) != 0 && strstr(err.msg, "/nowhere") != NULL,
	      "no temporary folder: %s", err.msg);
	setenv("TMPDIR", top, 1);
}

int main(void)
{
	char path[PATH_MAX];

	if (et_io_tmpdir("engine-top-test", top, sizeof top) != 0) {
		printf("Bail out! no temporary directory\n");
		return 1;
	}
	setenv("TMPDIR", top, 1);
	snprintf(path, sizeof path, "%s/whiteout", top);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/whiteout/.wh.x", top);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	t_round();
	t_failure();
	t_loop();
	t_cancel();
	t_never_started();
	t_only();
	t_missing_context();
	t_two_at_once();
	t_stale();
	t_kept();
	t_no_tmp();
	et_io_rmtree(AT_FDCWD, top);
	return tap_done();
}
