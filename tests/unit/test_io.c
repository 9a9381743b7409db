/* SPDX-License-Identifier: Apache-2.0
 * Files and directories: whole reads and writes, names that appear at once, trees that go away
 * and nothing beside them.  The file is included whole to reach the way that is taken on file
 * systems without O_TMPFILE. */
#include "base/io.c" /* NOLINT: see above */

#include <pthread.h>
#include <sys/socket.h>

#include "tap.h"

static char top[PATH_MAX - 200]; /* the folder of this run */

static const char *in_top(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", top, name);
	return path[turn];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_top(name), "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		printf("Bail out! cannot write %s\n", name);
		exit(1);
	}
}

static const char *get(const char *name)
{
	static char text[200];
	FILE *f = fopen(in_top(name), "r");
	size_t n;

	if (f == NULL)
		return "(missing)";
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static unsigned count_entries(const char *name)
{
	DIR *dir = opendir(in_top(name));
	unsigned n = 0;

	if (dir == NULL)
		return 9999;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2;
}

static void t_read(void)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 131072, 300000 };
	struct et_err err = { 0 };
	char *out;
	size_t n;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		FILE *f = fopen(in_top("data"), "w");

		for (size_t k = 0; k < sizes[i]; k++)
			putc((int)('a' + k % 26), f);
		fclose(f);
		if (ET_OK(et_io_read_file(in_top("data"), 300000, &out, &n, &err) == 0 &&
			  n == sizes[i] && out[n] == '\0' &&
			  (n == 0 || out[n - 1] == (char)('a' + (n - 1) % 26)),
			  "%zu bytes are read whole", sizes[i]))
			free(out);
	}
	ET_IS_INT(et_io_read_file(in_top("data"), 299999, &out, &n, &err), -1,
		  "one above the limit");
	ET_OK(strstr(err.msg, "is larger than 299999 bytes") != NULL && err.code == ET_EXIT_INPUT,
	      "is told: %s", err.msg);
	et_err_clear(&err);
	ET_IS_INT(et_io_read_file("/dev/zero", 100000, &out, &n, &err), -1,
		  "what never ends is refused");
	et_err_clear(&err);
	et_io_read_file(top, 100, &out, &n, &err);
	ET_OK(strstr(err.msg, "is a directory, not a file") != NULL, "so is a directory");
	et_err_clear(&err);
	et_io_read_file(in_top("none"), 100, &out, &n, &err);
	ET_OK(err.sys_errno == ENOENT && strstr(err.msg, "cannot open '") == err.msg,
	      "and what is not there");
	unlink(in_top("data"));
}

/* Reads slowly from a socket with little room, so that write(2) cannot take all at once. */
static void *drain(void *arg)
{
	size_t *n = arg;
	char buf[1000];
	ssize_t r;

	while ((r = read((int)n[1], buf, sizeof buf)) > 0)
		n[0] += (size_t)r;
	return NULL;
}

static void t_write_all(void)
{
	static char big[1 << 20];
	int fd[2], full;
	size_t got[2] = { 0, 0 };
	pthread_t thread;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0) {
		tap_skip("a slow reader", "no sockets here");
		return;
	}
	got[1] = (size_t)fd[1];
	pthread_create(&thread, NULL, drain, got);
	ET_IS_INT(et_io_write_all(fd[0], big, sizeof big), 0, "1 MiB to a slow reader");
	close(fd[0]);
	pthread_join(thread, NULL);
	close(fd[1]);
	ET_IS_INT(got[0], sizeof big, "arrives whole");
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ET_OK(et_io_write_all(full, "x", 1) == -1 && errno == ENOSPC, "a full disk is an error");
	close(full);
	ET_OK(et_io_write_all(-1, "x", 1) == -1 && errno == EBADF, "so is no descriptor");
	ET_IS_INT(et_io_write_all(-1, "", 0), 0, "nothing to write is done");
}

typedef int put_fn(int dirfd, const char *name, const void *buf, size_t n, int replace);

static void try_put(put_fn *fn, const char *how)
{
	char long_name[256], name[300];
	int fd;

	mkdir(in_top("put"), 0777);
	fd = open(in_top("put"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ET_OK(fn(fd, "a", "one", 3, 0) == 0 && strcmp(get("put/a"), "one") == 0, "%s: a new file",
	      how);
	ET_OK(fn(fd, "a", "two", 3, 0) == 0 && strcmp(get("put/a"), "one") == 0,
	      "%s: an existing one stays", how);
	ET_OK(fn(fd, "a", "three", 5, 1) == 0 && strcmp(get("put/a"), "three") == 0,
	      "%s: unless it is to be replaced", how);
	ET_OK(fn(fd, "empty", "", 0, 0) == 0 && strcmp(get("put/empty"), "") == 0, "%s: no bytes",
	      how);
	memset(long_name, 'n', 255);
	long_name[255] = '\0';
	snprintf(name, sizeof name, "put/%s", long_name);
	ET_OK(fn(fd, long_name, "x", 1, 0) == 0 && strcmp(get(name), "x") == 0,
	      "%s: the longest name", how);
	ET_OK(fn(fd, long_name, "y", 1, 1) == 0 && strcmp(get(name), "y") == 0,
	      "%s: the longest name, replaced", how);
	ET_OK(fn(fd, "no/such", "x", 1, 0) == -1 && errno == ENOENT, "%s: a missing folder is told",
	      how);
	ET_IS_INT(count_entries("put"), 3, "nothing temporary is left");
	close(fd);
	et_io_rmtree(AT_FDCWD, in_top("put"));
}

static void t_put_stale(void)
{
	char stale[64];
	int fd;

	mkdir(in_top("put"), 0777);
	fd = open(in_top("put"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(stale, sizeof stale, "put/.tmp-%d-0-a", (int)getpid());
	put(stale, "left by a process that was killed and had our pid");
	ET_OK(et_io_put_file(fd, "a", "new", 3, 1) == 0 && strcmp(get("put/a"), "new") == 0,
	      "a stale temporary file is no obstacle");
	close(fd);
	et_io_rmtree(AT_FDCWD, in_top("put"));
}

static void *put_often(void *arg)
{
	intptr_t fd = (intptr_t)arg;
	intptr_t n_failed = 0;

	for (int i = 0; i < 100; i++)
		n_failed += et_io_put_file((int)fd, "same", "0123456789", 10, i % 2) != 0;
	return (void *)n_failed;
}

static void t_put_together(void)
{
	pthread_t thread[4];
	intptr_t n_failed = 0;
	int fd;

	mkdir(in_top("put"), 0777);
	fd = open(in_top("put"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, put_often, (void *)(intptr_t)fd);
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(thread[i], &failed);
		n_failed += (intptr_t)failed;
	}
	ET_IS_INT(n_failed, 0, "threads that put the same name do not disturb each other");
	ET_IS_STR(get("put/same"), "0123456789", "the file is whole");
	ET_IS_INT(count_entries("put"), 1, "and alone");
	close(fd);
	et_io_rmtree(AT_FDCWD, in_top("put"));
}

static void t_mkdirs(void)
{
	char too_long[PATH_MAX + 10];
	struct stat st;

	ET_OK(et_io_mkdirs(in_top("a/b/c")) == 0 && stat(in_top("a/b/c"), &st) == 0 &&
	      S_ISDIR(st.st_mode), "three at once");
	ET_IS_INT(et_io_mkdirs(in_top("a/b/c")), 0, "they are there already");
	ET_IS_INT(et_io_mkdirs(in_top("a//d/")), 0, "odd slashes");
	put("file", "");
	ET_OK(et_io_mkdirs(in_top("file")) == -1 && errno == ENOTDIR, "a file is not a directory");
	ET_OK(et_io_mkdirs(in_top("file/x")) == -1 && errno == ENOTDIR, "nor can one be in it");
	ET_OK(et_io_mkdirs("") == -1 && errno == ENOENT, "no name");
	memset(too_long, 'x', sizeof too_long);
	too_long[sizeof too_long - 1] = '\0';
	ET_OK(et_io_mkdirs(too_long) == -1 && errno == ENAMETOOLONG, "a name too long");
	unlink(in_top("file"));
}

static void t_rmtree(void)
{
	struct stat st;
	int fd;

	et_io_mkdirs(in_top("keep/inner"));
	put("keep/inner/f", "precious");
	et_io_mkdirs(in_top("gone/x/y/z"));
	et_io_mkdirs(in_top("gone/ro"));
	put("gone/x/f", "");
	put("gone/ro/f", "");
	chmod(in_top("gone/ro"), 0500);
	if (symlink("../keep", in_top("gone/link")) != 0 ||
	    symlink("nowhere", in_top("gone/broken")) != 0)
		printf("# no symlinks here\n");
	ET_IS_INT(et_io_rmtree(AT_FDCWD, in_top("gone")), 0, "a tree with links");
	ET_OK(stat(in_top("gone"), &st) != 0 && errno == ENOENT, "is gone");
	ET_IS_STR(get("keep/inner/f"), "precious", "what a link pointed to is not");
	ET_IS_INT(et_io_rmtree(AT_FDCWD, in_top("gone")), 0, "what is missing is fine");
	if (symlink("keep", in_top("link")) == 0)
		ET_IS_INT(et_io_rmtree(AT_FDCWD, in_top("link")), 0, "a link itself");
	ET_IS_STR(get("keep/inner/f"), "precious", "not what it points to");
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ET_IS_INT(et_io_rmtree(fd, "keep"), 0, "by descriptor and name");
	close(fd);
	ET_OK(et_io_rmtree(AT_FDCWD, "/proc/self/task") == -1 && errno != 0,
	      "what cannot be removed says why: %s", strerror(errno));
}

static void t_tmpdir(void)
{
	char a[PATH_MAX], b[PATH_MAX], few[8];
	struct stat st;

	setenv("TMPDIR", top, 1);
	ET_OK(et_io_tmpdir("x", a, sizeof a) == 0 && et_io_tmpdir("x", b, sizeof b) == 0 &&
	      strcmp(a, b) != 0, "two are two");
	ET_OK(strncmp(a, top, strlen(top)) == 0, "below TMPDIR");
	ET_OK(stat(a, &st) == 0 && (st.st_mode & 07777) == 0700, "private");
	ET_OK(et_io_tmpdir("x", few, sizeof few) == -1 && errno == ENAMETOOLONG, "a short buffer");
	setenv("TMPDIR", "/nowhere/at/all", 1);
	ET_OK(et_io_tmpdir("x", a, sizeof a) == -1 && errno == ENOENT, "a missing TMPDIR");
	unsetenv("TMPDIR");
}

/* The writer of a pipe that comes late, as in `engine-top run <(generate)`. */
static void *write_late(void *arg)
{
	struct timespec pause = { .tv_nsec = 50000000 };

	nanosleep(&pause, NULL);
	(void)!write(*(int *)arg, "late", 4);
	close(*(int *)arg);
	return NULL;
}

static void t_read_pipes(void)
{
	struct et_err err = { .code = ET_EXIT_OK };
	pthread_t writer;
	char *out = NULL, path[40];
	size_t n = 1;
	int fds[2];

	if (mkfifo(in_top("fifo"), 0600) != 0 || pipe(fds) != 0) {
		ET_OK(0, "a fifo and a pipe");
		return;
	}
	ET_IS_INT(et_io_read_file(in_top("fifo"), 100, &out, &n, &err), 0,
		  "a fifo without a writer holds nobody up");
	ET_IS_INT((long long)n, 0, "... and is empty");
	free(out);
	out = NULL;
	snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
	pthread_create(&writer, NULL, write_late, &fds[1]);
	ET_OK(et_io_read_file(path, 100, &out, &n, &err) == 0 && n == 4 &&
	      memcmp(out, "late", 4) == 0, "a pipe is read to its end, however late");
	pthread_join(writer, NULL);
	close(fds[0]);
	free(out);
}

static int put_by_rename(int dirfd, const char *name, const void *buf, size_t n, int replace)
{
	return put_renamed(dirfd, name, buf, n, replace);
}

int main(void)
{
	if (et_io_tmpdir("et-test", top, sizeof top) != 0) {
		printf("Bail out! no temporary folder\n");
		return 1;
	}
	t_read();
	t_read_pipes();
	t_write_all();
	try_put(et_io_put_file, "best way");
	try_put(put_by_rename, "by rename");
	t_put_stale();
	t_put_together();
	t_mkdirs();
	t_rmtree();
	t_tmpdir();
	ET_IS_INT(et_io_rmtree(AT_FDCWD, top), 0, "this test's folder is removed");
	return tap_done();
}
