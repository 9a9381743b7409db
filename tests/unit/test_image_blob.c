/* SPDX-License-Identifier: Apache-2.0
 * Blobs and layouts: names appear last, with and without O_TMPFILE; garbage; broken input. */
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/image/blob.h"
#include "engine/image/layout.h"
#include "tap.h"

/* printf abc | sha256sum */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char tmp[PATH_MAX - 300];
static struct et_progress progress;
static const struct stat nowhere; /* no directory has device 0, inode 0 */

static const char *path(const char *name)
{
	static char buf[PATH_MAX];

	snprintf(buf, sizeof buf, "%s/%s", tmp, name);
	return buf;
}

static int dir(const char *name)
{
	mkdir(path(name), 0755);
	return open(path(name), O_RDONLY | O_DIRECTORY);
}

static int64_t size_of(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t)st.st_size : -1;
}

static void put(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	ET_OK(fd >= 0 && et_io_write_all(fd, text, strlen(text)) == 0, "fixture %.30s", name);
	close(fd);
}

static int n_names(int dir_fd)
{
	char command[PATH_MAX + 32], out[16] = "-1";
	FILE *f;

	snprintf(command, sizeof command, "ls -A /proc/%d/fd/%d/ | wc -l", (int)getpid(), dir_fd);
	f = popen(command, "r");
	if (f == NULL || fgets(out, sizeof out, f) == NULL)
		printf("# cannot count names\n");
	pclose(f);
	return atoi(out);
}

static void t_blob(bool is_named)
{
	const char *how = is_named ? "with a temporary name" : "without a name";
	int fd = dir(is_named ? "named" : "nameless");
	struct et_blob b = { .fd = -1 };
	struct et_err err = { 0 };

	ET_IS_INT(et_blob_begin(&b, "w", fd, is_named, &err), 0, "begin");
	ET_IS_INT(n_names(fd), is_named, how);
	ET_OK(et_blob_write(&b, "ab", 2, &err) == 0 && et_blob_write(&b, "c", 1, &err) == 0, "write");
	ET_IS_INT(et_blob_finish(&b, &err), 0, "finish");
	ET_IS_STR(b.digest, "sha256:" ABC, "digest of abc");
	ET_IS_INT(size_of(fd, ABC), -1, "no name of a digest before link");
	ET_IS_INT(et_blob_link(&b, &err), 0, "link");
	ET_IS_INT(size_of(fd, ABC), 3, "now it is there");
	et_blob_abort(&b);
	ET_IS_INT(n_names(fd), 1, "and nothing else");

	et_blob_begin(&b, "w", fd, is_named, &err);
	et_blob_write(&b, "half", 4, &err);
	et_blob_abort(&b);
	ET_IS_INT(n_names(fd), 1, "an aborted blob leaves nothing");
	close(fd);
}

static void t_rewind(void)
{
	int fd = dir("rewind");
	struct et_blob b = { .fd = -1 };
	struct et_blob_mark mark = { 0 };
	struct et_err err = { 0 };

	et_blob_begin(&b, "w", fd, false, &err);
	et_blob_write(&b, "a", 1, &err);
	ET_IS_INT(et_blob_mark(&b, &mark, &err), 0, "mark");
	for (int i = 0; i < 2; i++) {
		et_blob_write(&b, "wrong", 5, &err);
		ET_IS_INT(et_blob_rewind(&b, &mark, &err), 0, "rewind");
	}
	et_blob_write(&b, "bc", 2, &err);
	et_blob_finish(&b, &err);
	ET_IS_STR(b.digest, "sha256:" ABC, "the digest is of what was left");
	et_blob_link(&b, &err);
	ET_IS_INT(size_of(fd, ABC), 3, "and so is the file");
	et_blob_mark_fini(&mark);
	et_blob_abort(&b);
	close(fd);
}

/* A whole blob in one call. */
static int put_blob(int dir_fd, const char *text, char *digest, struct et_err *err)
{
	struct et_blob b = { .fd = -1 };
	int rc = et_blob_make(&b, "w", dir_fd, text, strlen(text), err);

	if (rc == 0)
		rc = et_blob_link(&b, err);
	memcpy(digest, b.digest, sizeof b.digest);
	et_blob_abort(&b);
	return rc;
}

static void t_there_already(void)
{
	int fd = dir("there");
	char digest[ET_DIGEST_ROOM];
	struct et_err err = { 0 };

	put(fd, ABC, "ab");
	ET_IS_INT(put_blob(fd, "abc", digest, &err), 0, "put over a blob cut short");
	ET_IS_INT(size_of(fd, ABC), 3, "it is replaced");
	ET_IS_INT(put_blob(fd, "abc", digest, &err), 0, "put once more");
	ET_IS_INT(n_names(fd), 1, "it is there once");
	close(fd);
}

static void t_sweep(void)
{
	int fd = dir("sweep"), held;

	put(fd, ".tmp-1-0", "of a dead process");
	put(fd, ".tmp-2-0", "of a living one");
	put(fd, ABC, "abc");
	held = openat(fd, ".tmp-2-0", O_RDWR);
	flock(held, LOCK_EX);
	et_blob_sweep(fd);
	ET_IS_INT(size_of(fd, ".tmp-1-0"), -1, "a dead writer's file goes");
	ET_OK(size_of(fd, ".tmp-2-0") > 0, "a living writer's stays");
	ET_IS_INT(size_of(fd, ABC), 3, "blobs stay");
	close(held);
	close(fd);
}

/* ---- layouts ------------------------------------------------------------------------------ */

static int open_layout(struct et_layout *l, const char *name, struct et_err *err)
{
	static char at[PATH_MAX];

	snprintf(at, sizeof at, "%s", path(name));
	et_err_clear(err);
	return et_layout_open(l, at, &nowhere, &progress, err);
}

/* What a killed process leaves of making a layout must not be refused. */
static void t_unfinished(void)
{
	struct et_layout l;
	struct et_err err = { 0 };
	int fd;

	close(dir("unfinished"));
	ET_IS_INT(open_layout(&l, "unfinished", &err), 0, "an empty directory becomes a layout");
	et_layout_close(&l);
	fd = dir("unfinished");
	unlinkat(fd, "oci-layout", 0);
	put(fd, ".tmp-77-oci-layout", "{");
	ET_IS_INT(open_layout(&l, "unfinished", &err), 0, "all but the marker: goes on");
	et_layout_close(&l);
	ET_IS_INT(n_names(fd), 3, "blobs, index.json, oci-layout; what was left over is gone");
	unlinkat(fd, "oci-layout", 0);
	unlinkat(fd, "index.json", 0);
	ET_IS_INT(open_layout(&l, "unfinished", &err), 0, "only blobs/sha256: goes on");
	et_layout_close(&l);
	unlinkat(fd, "oci-layout", 0);
	put(fd, "blobs/sha256/" ABC, "abc");
	ET_IS_INT(open_layout(&l, "unfinished", &err), -1, "blobs of somebody else: refused");
	ET_IS_INT(err.code, ET_EXIT_INPUT, "as bad input");
	ET_IS_INT(size_of(fd, "oci-layout"), -1, "and left alone");
	close(fd);
}

static void t_two_openers(void)
{
	struct et_layout a, b;
	struct et_err err = { 0 };

	ET_IS_INT(open_layout(&a, "locked", &err), 0, "open");
	ET_IS_INT(et_layout_lock(&a, &progress, &err), 0, "lock");
	atomic_store(&progress.is_cancelled, true);
	ET_IS_INT(open_layout(&b, "locked", &err), -1, "a cancelled build does not wait for the lock");
	ET_IS_STR(err.msg, "cancelled", "and says so");
	atomic_store(&progress.is_cancelled, false);
	et_layout_unlock(&a);
	ET_IS_INT(open_layout(&b, "locked", &err), 0, "unlocked, it opens");
	et_layout_close(&a);
	et_layout_close(&b);
}

static void t_collect(void)
{
	char config[ET_DIGEST_ROOM], layer[ET_DIGEST_ROOM], manifest[ET_DIGEST_ROOM], text[512];
	struct et_layout l;
	struct et_err err = { 0 };

	open_layout(&l, "garbage", &err);
	et_layout_lock(&l, &progress, &err);
	put_blob(l.blobs_fd, "{}", config, &err);
	put_blob(l.blobs_fd, "layer", layer, &err);
	snprintf(text, sizeof text, "{\"config\":{\"digest\":\"%s\"},\"layers\":[{\"digest\":\"%s\"}]}",
		 config, layer);
	put_blob(l.blobs_fd, text, manifest, &err);
	et_layout_set_tag(&l, "v1", manifest, strlen(text), &err);
	put(l.blobs_fd, ABC, "abc");
	put(l.blobs_fd, "README", "not a blob");
	ET_IS_INT(et_layout_collect(&l, &err), 0, "collect");
	ET_IS_INT(size_of(l.blobs_fd, ABC), -1, "a blob that nobody names goes");
	ET_IS_INT(n_names(l.blobs_fd), 4, "manifest, config, layer and what is no blob stay");

	put(l.blobs_fd, ABC, "abc");
	et_layout_set_tag(&l, "v2", "sha256:" HEX64, 10, &err);
	ET_IS_INT(et_layout_collect(&l, &err), 0, "collect with a manifest missing");
	ET_IS_INT(size_of(l.blobs_fd, ABC), 3, "nothing goes: what it names is not known");
	et_layout_unlock(&l);
	et_layout_close(&l);
}

static void t_hostile_index(void)
{
	static const char *const good[] = {
		"{\"manifests\":[]}",
		"{\"manifests\":[1,null,\"x\",[],{\"annotations\":7},{\"digest\":7}]}",
		"{\"manifests\":[{\"digest\":\"sha256:../../../../etc/passwd\"}]}",
	};
	static const char *const bad[] = {
		"", "[]", "{", "{\"manifests\":{}}", "{\"manifests\":[],\"manifests\":[]}", "\xff",
	};
	struct et_layout l;
	struct et_err err = { 0 };
	int fd;

	open_layout(&l, "hostile", &err);
	et_layout_close(&l);
	fd = dir("hostile");
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		put(fd, "index.json", good[i]);
		ET_IS_INT(open_layout(&l, "hostile", &err), 0, good[i]);
		ET_IS_INT(et_layout_set_tag(&l, "v", "sha256:" HEX64, 1, &err), 0, "takes a tag");
		ET_IS_INT(et_layout_collect(&l, &err), 0, "and is collected");
		et_layout_close(&l);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put(fd, "index.json", bad[i]);
		ET_IS_INT(open_layout(&l, "hostile", &err), -1, "a broken index is refused");
		ET_IS_INT(err.code, ET_EXIT_INPUT, err.msg);
	}
	close(fd);
}

int main(void)
{
	if (et_io_tmpdir("test-blob", tmp, sizeof tmp) != 0)
		return 1;
	t_blob(false);
	t_blob(true);
	t_rewind();
	t_there_already();
	t_sweep();
	t_unfinished();
	t_two_openers();
	t_collect();
	t_hostile_index();
	et_io_rmtree(AT_FDCWD, tmp);
	return tap_done();
}
