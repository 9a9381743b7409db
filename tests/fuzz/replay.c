/* SPDX-License-Identifier: Apache-2.0
 *
 * A main() for the fuzz targets where there is no libFuzzer: replays each file of the folders
 * given as arguments, and a fixed number of mutations of it that depend on nothing but the
 * file's bytes.  Speaks TAP, one test a file.
 *
 * Each file runs in a child process, its input at hand in memory shared with the parent: when
 * the child dies or hangs, the parent saves the very bytes that did it and goes on. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX ((size_t)1 << 18)
#define MUTATIONS 2000
#define HANG_SECONDS 120

struct input {
	size_t n;
	uint8_t bytes[INPUT_MAX];
};

struct run {
	struct input *now;   /* what the target sees; shared with the parent */
	struct input *seed;  /* the corpus file */
	unsigned mutations;  /* of each file */
	unsigned n_tests, n_failed;
	uint64_t random;
};

static uint64_t next_random(struct run *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random;
}

static size_t below(struct run *r, size_t n) { return n == 0 ? 0 : next_random(r) % n; }

static void insert(struct input *in, size_t at, const uint8_t *what, size_t n)
{
	if (in->n + n > INPUT_MAX)
		return;
	memmove(in->bytes + at + n, in->bytes + at, in->n - at);
	memmove(in->bytes + at, what, n);
	in->n += n;
}

static void mutate_once(struct run *r)
{
	static const uint8_t odd[] = { 0, 1, '\t', '\n', '\r', ' ', '"', '\'', '-', ':', '[', ']',
				       '{', '}', '&', '*', '!', '%', '#', 0x7f, 0x80, 0xc3, 0xff };
	struct input *in = r->now;
	size_t at = below(r, in->n + 1), len = below(r, 16) + 1;
	uint8_t copy[256];

	switch (next_random(r) % 7) {
	case 0: /* one bit */
		if (at < in->n)
			in->bytes[at] ^= (uint8_t)(1u << below(r, 8));
		break;
	case 1: /* any byte */
		if (at < in->n)
			in->bytes[at] = (uint8_t)next_random(r);
		break;
	case 2: /* a byte that parsers care for */
		insert(in, at, &odd[below(r, sizeof odd)], 1);
		break;
	case 3: /* cut out */
		len = len < in->n - at ? len : in->n - at;
		memmove(in->bytes + at, in->bytes + at + len, in->n - at - len);
		in->n -= len;
		break;
	case 4: /* cut short */
		in->n = at;
		break;
	case 5: /* the same again, many times */
		len = len < in->n - at ? len : in->n - at;
		memcpy(copy, in->bytes + at, len);
		for (size_t i = below(r, 64); i > 0; i--)
			insert(in, at, copy, len);
		break;
	case 6: /* a piece of it elsewhere */
		len = below(r, sizeof copy);
		len = len < in->n - at ? len : in->n - at;
		memcpy(copy, in->bytes + at, len);
		insert(in, below(r, in->n + 1), copy, len);
		break;
	}
}

/* The target gets memory of exactly this size, so that a sanitizer sees a read past its end. */
static void give(const struct input *in)
{
	uint8_t *exact = malloc(in->n == 0 ? 1 : in->n);

	if (exact == NULL)
		_exit(3);
	memcpy(exact, in->bytes, in->n);
	LLVMFuzzerTestOneInput(exact, in->n);
	free(exact);
}

static void child(struct run *r)
{
	alarm(HANG_SECONDS);
	r->random = UINT64_C(0x9e3779b97f4a7c15) ^ r->seed->n;
	memcpy(r->now, r->seed, sizeof r->seed->n + r->seed->n);
	give(r->now);
	for (unsigned i = 0; i < r->mutations; i++) {
		memcpy(r->now, r->seed, sizeof r->seed->n + r->seed->n);
		for (size_t k = below(r, 4) + 1; k > 0; k--)
			mutate_once(r);
		give(r->now);
	}
	exit(0); /* not _exit: the leak check runs at exit */
}

static void save_culprit(const struct run *r)
{
	char path[] = "/tmp/fuzz-crash.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, r->now->bytes, r->now->n) != (ssize_t)r->now->n)
		printf("# the input could not be saved\n");
	else
		printf("# its input is kept in %s\n", path);
	if (fd >= 0)
		close(fd);
}

static bool load(struct run *r, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return false;
	r->seed->n = fread(r->seed->bytes, 1, INPUT_MAX, f);
	fclose(f);
	return true;
}

static void try_file(struct run *r, const char *path)
{
	int status = -1;
	bool is_ok = load(r, path);
	pid_t pid;

	fflush(stdout);
	pid = is_ok ? fork() : -1;
	if (pid == 0)
		child(r);
	is_ok = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		WEXITSTATUS(status) == 0;
	printf("%sok %u - %s and %u mutations\n", is_ok ? "" : "not ", ++r->n_tests, path,
	       r->mutations);
	if (is_ok)
		return;
	r->n_failed++;
	if (pid > 0) {
		printf("# wait status 0x%x%s\n", (unsigned)status,
		       WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ": it hangs" : "");
		save_culprit(r);
	}
}

static int visible(const struct dirent *e) { return e->d_name[0] != '.'; }

static void try_folder(struct run *r, const char *folder)
{
	struct dirent **list;
	int n = scandir(folder, &list, visible, alphasort);

	if (n <= 0) {
		printf("not ok %u - %s has corpus files\n", ++r->n_tests, folder);
		r->n_failed++;
		return;
	}
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];

		if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name) <
		    sizeof path)
			try_file(r, path);
		free(list[i]);
	}
	free(list);
}

static void *shared(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int main(int argc, char **argv)
{
	const char *wish = getenv("ET_FUZZ_MUTATIONS");
	struct run r = {
		.now = shared(sizeof *r.now),
		.seed = shared(sizeof *r.seed),
		.mutations = wish != NULL ? (unsigned)strtoul(wish, NULL, 10) : MUTATIONS,
	};

	if (r.now == NULL || r.seed == NULL || argc < 2) {
		fprintf(stderr, "usage: %s CORPUS_FOLDER...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISREG(st.st_mode))
			try_file(&r, argv[i]);
		else
			try_folder(&r, argv[i]);
	}
	printf("1..%u\n", r.n_tests);
	return r.n_failed == 0 ? 0 : 1;
}
