/* SPDX-License-Identifier: Apache-2.0
 * What happens to a layer when the tree changes between the walk and the packing, or while a file
 * is read: the layer is right (sizes in headers are the sizes that follow) or fails with a name. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/io.h"
#include "engine-top/probe.h"
#include "engine/image/layer.h"
#include "engine/image/tree.h"
#include "tap.h"

#define GROUP (512u << 10)

static char tmp[PATH_MAX - 300];
static struct et_workers *workers;

/* One tree from walk to layer; `case` is its directory below tmp and the working directory. */
struct fixture {
	struct et_progress progress;
	struct et_tree tree;
	struct et_blob blob;
	struct et_layer_result result;
	struct et_err err;
	int out_fd;
};

static void put(const char *name, size_t n, int c)
{
	char *p = malloc(n + 1);
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	memset(p, c, n + 1);
	if (fd < 0 || et_io_write_all(fd, p, n) != 0)
		ET_OK(0, "fixture %s", name);
	close(fd);
	free(p);
}

static void enter_case(const char *name)
{
	if (chdir(tmp) != 0 || mkdir(name, 0755) != 0 || chdir(name) != 0)
		ET_OK(0, "fixture %s", name);
}

static void walk(struct fixture *f, const char *context)
{
	struct et_tree_opts opts = { .context = context, .progress = &f->progress };

	memset(f, 0, sizeof *f);
	f->blob.fd = -1;
	f->out_fd = open(tmp, O_RDONLY | O_DIRECTORY);
	if (et_tree_walk(&f->tree, open(context, O_RDONLY | O_DIRECTORY), &opts, &f->err) != 0)
		ET_OK(0, "walk: %s", f->err.msg);
}

static int pack(struct fixture *f)
{
	struct et_layer_opts opts = {
		.context = ".", .level = 1, .workers = workers, .progress = &f->progress,
	};

	if (et_blob_begin(&f->blob, "w", f->out_fd, false, &f->err) != 0)
		return -1;
	return et_layer_write(&f->tree, &f->blob, &opts, &f->result, &f->err);
}

static void done(struct fixture *f)
{
	et_blob_abort(&f->blob);
	et_tree_fini(&f->tree);
	close(f->out_fd);
}

/* Bytes of the entry `name` if all of them are `c` (0: whatever); -1 no entry, -2 damaged. */
static int64_t packed_size(struct fixture *f, const char *name, int c)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	static char buf[1 << 16];
	int64_t found = -1;
	int rc;

	archive_read_support_filter_gzip(a);
	archive_read_support_format_tar(a);
	lseek(f->blob.fd, 0, SEEK_SET);
	archive_read_open_fd(a, f->blob.fd, 1 << 16);
	while ((rc = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		la_ssize_t n;

		if (strcmp(archive_entry_pathname(e), name) != 0)
			continue;
		for (found = 0; (n = archive_read_data(a, buf, sizeof buf)) > 0; found += n)
			for (la_ssize_t i = 0; i < n && c != 0; i++)
				if (buf[i] != c)
					n = -1;
		if (n < 0 || found != archive_entry_size(e))
			found = -2;
	}
	archive_read_free(a);
	return rc == ARCHIVE_EOF ? found : -2;
}

/* ---- what is still right ------------------------------------------------------------------ */

static void resized(const char *name, size_t before, size_t after)
{
	struct fixture f;

	enter_case(name);
	put("a", 10, 'a');
	put("file", before, 'x');
	put("z", 10, 'z');
	walk(&f, ".");
	put("file", after, 'y');
	ET_IS_INT(pack(&f), 0, name);
	ET_IS_INT(packed_size(&f, "file", 'y'), (int64_t)after, "... all new bytes, no other");
	ET_IS_INT(packed_size(&f, "z", 'z'), 10, "... the file behind it is whole");
	ET_IS_INT(f.result.bytes_in, (int64_t)after + 20, "... the bytes are counted");
	done(&f);
}

static void t_replaced_by_a_file(void)
{
	struct fixture f;

	enter_case("renamed");
	put("file", 100, 'x');
	walk(&f, ".");
	put("other", 200, 'y');
	rename("other", "file");
	ET_IS_INT(pack(&f), 0, "a file replaced by rename is packed");
	ET_IS_INT(packed_size(&f, "file", 'y'), 200, "... as it is now");
	done(&f);
}

/* ---- what must fail, with a name ---------------------------------------------------------- */

static void refuses(struct fixture *f, const char *name, const char *pattern, const char *what)
{
	ET_IS_INT(pack(f), -1, what);
	ET_IS_INT(f->err.code, ET_EXIT_JOB, "... as a failed job");
	ET_OK(strstr(f->err.msg, name) != NULL && strstr(f->err.msg, pattern) != NULL, "... %s",
	      f->err.msg);
	done(f);
}

static void t_vanished(void)
{
	struct fixture f;

	enter_case("vanished");
	mkdir("dir", 0755);
	put("dir/file", 100, 'x');
	walk(&f, ".");
	unlink("dir/file");
	refuses(&f, "'dir/file'", "vanished", "a file that vanished");
	put("dir/file", 2 * GROUP, 'x');
	walk(&f, ".");
	unlink("dir/file");
	refuses(&f, "'dir/file'", "vanished", "a big file that vanished");
	mkdir("dir/sub", 0755);
	walk(&f, ".");
	rmdir("dir/sub");
	refuses(&f, "'dir/sub'", "vanished", "a directory that vanished");
}

static void t_replaced_by_something_else(void)
{
	struct fixture f;

	enter_case("replaced");
	put("secret", 100, 's');
	put("file", 100, 'x');
	walk(&f, ".");
	unlink("file");
	if (symlink("secret", "file") == 0)
		refuses(&f, "'file'", "replaced", "a symlink in the place of a file");
	unlink("file");
	put("file", 2 * GROUP, 'x');
	walk(&f, ".");
	unlink("file");
	mkfifo("file", 0644);
	refuses(&f, "'file'", "replaced", "a FIFO in the place of a big file (and no hanging)");
}

static void t_directory_becomes_symlink(void)
{
	struct fixture f;

	enter_case("swapped");
	mkdir("dir", 0755);
	mkdir("other", 0755);
	put("dir/file", 100, 'x');
	put("other/file", 100, 's');
	walk(&f, ".");
	rename("dir", "moved");
	if (symlink("other", "dir") == 0)
		refuses(&f, "'dir", "replaced", "a directory that became a symlink is not followed");
}

static void t_links(void)
{
	struct fixture f;

	enter_case("links");
	put("a", 100, 'x');
	put("new", 100, 'y');
	if (link("a", "b") != 0)
		ET_OK(0, "fixture");
	walk(&f, ".");
	rename("new", "b");
	refuses(&f, "'b'", "replaced", "a hard link that is none any more");
	unlink("b");
	if (link("a", "b") != 0)
		ET_OK(0, "fixture");
	put("new", 100, 'y');
	walk(&f, ".");
	rename("new", "a");
	refuses(&f, "'a'", "replaced", "a file with hard links, replaced");
}

/* /proc says 0 bytes of files that have some. */
static void t_lying_size(void)
{
	struct fixture f;

	enter_case("proc");
	walk(&f, "/proc/self/fdinfo");
	refuses(&f, "'0'", "grew while it was read (tried 3 times)", "a file of 0 bytes with contents");
}

static void t_cancelled(void)
{
	struct fixture f;

	enter_case("cancelled");
	put("file", 100, 'x');
	walk(&f, ".");
	atomic_store(&f.progress.is_cancelled, true);
	refuses(&f, "cancelled", "cancelled", "a cancelled layer");
}

/* ---- a big file that changes while it is read --------------------------------------------- */

struct meddler {
	struct fixture *f;
	pthread_barrier_t gate; /* closed: the only worker waits */
	uint64_t size;
	atomic_bool is_over;
};

static void wait_at_gate(void *arg)
{
	struct meddler *m = arg;

	pthread_barrier_wait(&m->gate);
	pthread_barrier_wait(&m->gate);
}

static void until_written(struct fixture *f, uint64_t bytes)
{
	struct timespec pause = { .tv_nsec = 200000 };

	while (atomic_load(&f->progress.work_done) < bytes)
		nanosleep(&pause, NULL);
}

static void grow(struct meddler *m)
{
	int fd = open("file", O_WRONLY | O_APPEND);

	if (write(fd, "xxxxx", 5) == 5)
		m->size += 5;
	close(fd);
}

/* Let one slice be written, stop the worker, make the file longer, let it go on. */
static void *grow_once(void *arg)
{
	struct meddler *m = arg;

	until_written(m->f, GROUP);
	et_workers_submit(workers, wait_at_gate, m);
	pthread_barrier_wait(&m->gate);
	grow(m);
	pthread_barrier_wait(&m->gate);
	return NULL;
}

static void *grow_on(void *arg)
{
	struct meddler *m = arg;

	while (!atomic_load(&m->is_over))
		grow(m);
	return NULL;
}

static int pack_meddled(struct fixture *f, struct meddler *m, void *(*meddle)(void *))
{
	pthread_t thread;
	int rc;

	*m = (struct meddler){ .f = f, .size = 60 * GROUP };
	put("file", m->size, 'x');
	walk(f, ".");
	pthread_barrier_init(&m->gate, NULL, 2);
	pthread_create(&thread, NULL, meddle, m);
	rc = pack(f);
	atomic_store(&m->is_over, true);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&m->gate);
	return rc;
}

static void t_big_file_changes(void)
{
	struct fixture f;
	struct meddler m;

	enter_case("meddled");
	put("a", 10, 'a');
	put("z", 10, 'z');
	ET_IS_INT(pack_meddled(&f, &m, grow_once), 0, "a big file that grew while it was read");
	ET_IS_INT(packed_size(&f, "file", 'x'), (int64_t)m.size, "... is read again, and whole");
	ET_IS_INT(packed_size(&f, "z", 'z'), 10, "... and so is the file behind it");
	ET_IS_INT(f.result.bytes_in, m.size + 20, "... and nothing is counted twice");
	done(&f);
	ET_IS_INT(pack_meddled(&f, &m, grow_on), -1, "a big file that grows all the time");
	ET_OK(strstr(f.err.msg, "'file': it was written to while it was read (tried 3 times)") != NULL,
	      "... %s", f.err.msg);
	done(&f);
}

int main(void)
{
	et_probe_thread_self(ET_ROLE_WORKLOAD, "main");
	workers = et_workers_new(1, "pack", NULL);
	if (workers == NULL || et_io_tmpdir("test-layer", tmp, sizeof tmp) != 0)
		return 1;
	resized("small file, grown", 100, 5000);
	resized("small file, shrunk", 5000, 1);
	resized("small file, emptied", 5000, 0);
	resized("small file, by now too big for a group", 100, 6 * GROUP + 1);
	resized("big file, grown", 2 * GROUP + 5, 3 * GROUP);
	resized("big file, shrunk below a group", 3 * GROUP, 10);
	resized("big file, emptied", 3 * GROUP, 0);
	t_replaced_by_a_file();
	t_vanished();
	t_replaced_by_something_else();
	t_directory_becomes_symlink();
	t_links();
	t_lying_size();
	t_cancelled();
	t_big_file_changes();
	et_workers_free(workers);
	if (chdir("/") == 0)
		et_io_rmtree(AT_FDCWD, tmp);
	return tap_done();
}
