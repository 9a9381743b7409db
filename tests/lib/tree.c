/* SPDX-License-Identifier: Apache-2.0
 *
 * Trees for the tests of images.
 *
 *   tree make DIR    a tree with what is hard to pack: names, links, types, times, owners
 *   tree deep DIR    a file 41 directories down, at a path longer than PATH_MAX
 *   tree xattr DIR   add extended attributes to it; exit 3 if this file system has none
 *   tree show DIR    one line for each entry below DIR, sorted: type, mode, owner, mtime, size,
 *                    checksum, links, link target, attributes, name; equal trees, equal lines
 *
 * Sockets are made but not shown: an image cannot hold them.  What the kernel does not let us
 * make here (devices in a container) is left out. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/crc32c.h"

#define NAME_120                                                                                   \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"                             \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "tree: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- make --------------------------------------------------------------------------------- */

static void put(const char *name, const char *text, size_t n)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	must(fd, name);
	while (n > 0) {
		ssize_t w = write(fd, text, n);

		must((int)w, name);
		text += w;
		n -= (size_t)w;
	}
	close(fd);
}

/* Bytes that do not compress, the same ones each time. */
static void put_noise(const char *name, size_t n, uint32_t seed)
{
	char *p = malloc(n + 4);

	if (p == NULL)
		must(-1, name);
	for (size_t i = 0; i < n; i += 4) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t mixed = seed ^ seed >> 15;
		memcpy(p + i, &mixed, 4);
	}
	put(name, p, n);
	free(p);
}

static void set_time(const char *name, int64_t s, long ns)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = s, .tv_nsec = ns } };

	must(utimensat(AT_FDCWD, name, t, AT_SYMLINK_NOFOLLOW), name);
}

static void go_down(const char *name, int levels)
{
	must(mkdir(name, 0755), name);
	must(chdir(name), name);
	for (int i = 0; i < levels; i++) {
		must(mkdir(NAME_120, 0755), name);
		must(chdir(NAME_120), name);
	}
	put("leaf", "found\n", 6);
	for (int i = 0; i <= levels; i++)
		must(chdir(".."), "..");
}

static void make_names(void)
{
	static const char *const names[] = {
		" blank", "-dash", "back\\slash", "new\nline", "esc\x1b[31mred", "tab\there",
		"bad-\xff\xfe", "micro_\xc2\xb5", "\xc3\xa9-composed", "e\xcc\x81-combining",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "=", "%41", "*", "[a]",
	};
	char name[256];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		put(names[i], names[i], strlen(names[i]));
	memset(name, 'm', 255);
	name[255] = '\0';
	put(name, "255", 3);
	put(NAME_120, "120", 3);
	go_down("deep", 10); /* 1.2 KB of path; readers stop at PATH_MAX */
}

static void make_many(void)
{
	must(mkdir("many", 0755), "many");
	for (int i = 0; i < 600; i++) {
		char name[32], text[64];

		snprintf(name, sizeof name, "many/%04d", i * 7919 % 600);
		snprintf(text, sizeof text, "this is %s\n", name);
		put(name, text, strlen(text));
	}
}

/* First names in one group of the layer, second names in another. */
static void make_links(void)
{
	put("a-hard", "two names\n", 10);
	must(link("a-hard", "z-hard"), "z-hard");
	must(link("big", "z-big"), "z-big");
	must(link("many/0001", "z-many"), "z-many");
	must(symlink("a-hard", "soft"), "soft");
	must(linkat(AT_FDCWD, "soft", AT_FDCWD, "z-soft", 0), "z-soft");
	must(symlink("nowhere", "dangling"), "dangling");
	must(symlink("/etc/passwd", "absolute"), "absolute");
	must(symlink("loop2", "loop1"), "loop1");
	must(symlink("loop1", "loop2"), "loop2");
	must(symlink("../../up", "up"), "up");
	must(symlink(NAME_120 "/" NAME_120, "long-target"), "long-target");
	must(symlink("bad\xff", "bad-target"), "bad-target");
}

static void make_socket(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "sock\x1b" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	must(fd, "socket");
	must(bind(fd, (const struct sockaddr *)&at, sizeof at), "sock");
	close(fd);
}

static void make_types(void)
{
	must(mkfifo("fifo", 0640), "fifo");
	must(link("fifo", "z-fifo"), "z-fifo");
	if (mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0)
		must(mknod("block", S_IFBLK | 0600, makedev(300, 70000)), "block");
	make_socket();
	put("setuid", "x", 1);
	must(chmod("setuid", 04755), "setuid");
	put("setgid", "x", 1);
	must(chmod("setgid", 02711), "setgid");
	put("owned", "x", 1);
	if (chown("owned", 12345, 54321) == 0) {
		put("owned-high", "x", 1);
		must(chown("owned-high", 3000000, 4000000), "owned-high"); /* > 2^21: not in ustar */
	}
	put("mode0", "secret", 6);
	must(chmod("mode0", 0), "mode0");
	must(mkdir("empty-dir", 0755), "empty-dir");
	must(chmod("empty-dir", 01777), "empty-dir");
	must(mkdir("dir0", 0755), "dir0");
	put("dir0/in", "x", 1);
	must(chmod("dir0", 0), "dir0");
}

static void make_times(void)
{
	static const struct {
		const char *name;
		int64_t s;
		long ns;
	} times[] = {
		{ "a-hard", 1000000000, 123456789 }, { "empty", -2, 700000000 },
		{ "big", -100000, 1 }, { "soft", 5, 500000000 }, { "setgid", 0, 0 },
		{ "setuid", -5, 0 }, { "mode0", 4000000000, 999999999 }, { "fifo", 7, 8 },
		{ "empty-dir", 1234567890, 987654321 }, { "many", 1111111111, 1 },
		{ "deep", 1222222222, 10 }, { ".", 1333333333, 123000000 },
	};

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		set_time(times[i].name, times[i].s, times[i].ns);
}

static void make(const char *dir)
{
	must(mkdir(dir, 0755), dir);
	must(chdir(dir), dir);
	umask(022);
	make_names();
	make_many();
	put("empty", "", 0);
	put_noise("big", 1700000, 1);
	put_noise("exactly-group", 512 << 10, 2);
	put_noise("one-more", (512 << 10) + 1, 3);
	make_links();
	make_types();
	must(chmod(".", 0750), ".");
	make_times();
}

static int add_xattrs(const char *dir)
{
	char big[1000];

	must(chdir(dir), dir);
	memset(big, 0xff, sizeof big);
	if (setxattr("a-hard", "user.b", "val\0ue", 6, 0) != 0)
		return 3;
	must(setxattr("a-hard", "user.a", big, sizeof big, 0), "user.a");
	must(setxattr("empty-dir", "user.dir", "d", 1, 0), "user.dir");
	must(setxattr("big", "user.big", "b", 1, 0), "user.big");
	return 0;
}

/* ---- show --------------------------------------------------------------------------------- */

struct seen {
	dev_t dev;
	ino_t ino;
	char *name;
};
static struct seen *seen; /* of one short run */
static size_t n_seen;

/* The first name of this inode. */
static const char *first_name(const struct stat *st, const char *name)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].dev == st->st_dev && seen[i].ino == st->st_ino)
			return seen[i].name;
	seen = realloc(seen, (n_seen + 1) * sizeof *seen);
	seen[n_seen].dev = st->st_dev;
	seen[n_seen].ino = st->st_ino;
	seen[n_seen].name = strdup(name);
	return seen[n_seen++].name;
}

static void print_escaped(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] > ' ' && s[i] < 0x7f && s[i] != '\\')
			putchar(s[i]);
		else
			printf("\\x%02x", (unsigned char)s[i]);
	}
}

static uint32_t checksum(int dir_fd, const char *name)
{
	static char buf[1 << 16];
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW);
	uint32_t crc = 0;
	ssize_t n;

	must(fd, name);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		crc = et_crc32c(crc, buf, (size_t)n);
	must((int)n, name);
	close(fd);
	return crc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_xattrs(int dir_fd, const char *name)
{
	char path[400], list[4096], value[4096];
	char *names[64];
	size_t k = 0;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir_fd, name);
	n = llistxattr(path, list, sizeof list);
	for (char *p = list; n > 0 && p < list + n && k < 64; p += strlen(p) + 1)
		if (strncmp(p, "user.", 5) == 0)
			names[k++] = p;
	qsort(names, k, sizeof names[0], by_text);
	for (size_t i = 0; i < k; i++) {
		ssize_t len = lgetxattr(path, names[i], value, sizeof value);

		must((int)len, names[i]);
		printf(" %s=%zd:%08x", names[i], len, et_crc32c(0, value, (size_t)len));
	}
}

static void show_dir(int fd, const char *path);

static void show_one(int dir_fd, const char *name, const char *path)
{
	char target[4096];
	struct stat st;
	ssize_t n;

	must(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), name);
	if (S_ISSOCK(st.st_mode))
		return;
	print_escaped(path, strlen(path));
	printf(" %06o %u:%u %" PRId64 ".%09ld", st.st_mode, st.st_uid, st.st_gid,
	       (int64_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (S_ISREG(st.st_mode))
		printf(" size=%" PRId64 " crc=%08x", (int64_t)st.st_size, checksum(dir_fd, name));
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf(" dev=%u,%u", major(st.st_rdev), minor(st.st_rdev));
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		printf(" links=%lu,", (unsigned long)st.st_nlink);
		print_escaped(first_name(&st, path), strlen(first_name(&st, path)));
	}
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dir_fd, name, target, sizeof target);
		must((int)n, name);
		printf(" -> ");
		print_escaped(target, (size_t)n);
	}
	print_xattrs(dir_fd, name);
	putchar('\n');
	if (S_ISDIR(st.st_mode) && strcmp(name, ".") != 0) {
		int sub = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

		must(sub, name);
		show_dir(sub, path);
	}
}

/* Takes fd. */
static void show_dir(int fd, const char *path)
{
	DIR *dir = fdopendir(fd);
	char **names = NULL;
	struct dirent *d;
	size_t n = 0;

	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		names = realloc(names, (n + 1) * sizeof names[0]);
		names[n++] = strdup(d->d_name);
	}
	if (n > 0)
		qsort(names, n, sizeof names[0], by_text);
	for (size_t i = 0; i < n; i++) {
		char *below = NULL;

		must(asprintf(&below, "%s%s%s", path, path[0] == '\0' ? "" : "/", names[i]), path);
		show_one(fd, names[i], below);
		free(below);
		free(names[i]);
	}
	free(names);
	closedir(dir);
}

static void show(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);

	must(fd, dir);
	show_one(fd, ".", ".");
	show_dir(fd, "");
	for (size_t i = 0; i < n_seen; i++)
		free(seen[i].name);
	free(seen);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "make") == 0)
		make(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "xattr") == 0)
		return add_xattrs(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "deep") == 0)
		go_down(argv[2], 40);
	else if (argc == 3 && strcmp(argv[1], "show") == 0)
		show(argv[2]);
	else
		return 2;
	return 0;
}
