/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unwinder costs, as ratios to backtrace() taken in one run: a stack from a signal
 * handler at four depths, warm; a stack from where we are, as the allocation hooks take it; the
 * stack it needs itself; the time and memory of the tables of gcc's cc1 (33 MB) and of this
 * program.  Rounds are interleaved; figures are medians. */
#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "profiler/agent/unwind.h"

enum { ROUNDS = 15, WALKS = 2000, DEPTH = 1024 };

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

/* ---- walks -------------------------------------------------------------------------------- */

/* The handler's; it gets no context. */
static struct {
	double ours[ROUNDS], theirs[ROUNDS], here[ROUNDS];
	unsigned depth;
} got;

static double context_ns(const ucontext_t *uc)
{
	static uint64_t out[DEPTH];
	int64_t begin = et_clock_mono_ns();
	unsigned flags;

	for (int i = 0; i < WALKS; i++)
		got.depth = et_unwind_context(uc, NULL, out, DEPTH, &flags);
	return (double)(et_clock_mono_ns() - begin) / WALKS;
}

static double here_ns(void)
{
	static uint64_t out[DEPTH];
	int64_t begin = et_clock_mono_ns();
	unsigned flags;

	for (int i = 0; i < WALKS; i++)
		et_unwind_here(NULL, NULL, out, DEPTH, &flags);
	return (double)(et_clock_mono_ns() - begin) / WALKS;
}

static double backtrace_ns(void)
{
	static void *out[DEPTH];
	int64_t begin = et_clock_mono_ns();

	for (int i = 0; i < WALKS / 10; i++)
		backtrace(out, DEPTH);
	return (double)(et_clock_mono_ns() - begin) / (WALKS / 10);
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)info;
	for (int i = 0; i < ROUNDS; i++) {
		got.ours[i] = context_ns(context);
		got.theirs[i] = backtrace_ns();
	}
}

__attribute__((noinline)) static int recurse(int depth)
{
	volatile int keep = depth;

	if (depth == 0) {
		for (int i = 0; i < ROUNDS; i++)
			got.here[i] = here_ns();
		return raise(SIGUSR1);
	}
	return recurse(depth - 1) + keep;
}

static void measure_walks(void)
{
	static const int depths[] = { 8, 18, 38, 98 };
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	double ours, theirs, here;

	sigaction(SIGUSR1, &sa, NULL);
	printf("%-28s %10s %10s %12s %8s %12s\n", "a stack, warm", "ns", "a frame", "backtrace", "ratio",
	       "from here ns");
	for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
		recurse(depths[i]);
		ours = median(got.ours, ROUNDS);
		theirs = median(got.theirs, ROUNDS);
		here = median(got.here, ROUNDS);
		printf("%4u frames %17s %10.0f %10.1f %12.0f %8.3f %12.0f\n", got.depth, "", ours,
		       ours / got.depth, theirs, ours / theirs, here);
	}
}

/* ---- stack use ---------------------------------------------------------------------------- */

/* Each handler runs on a painted stack of its own; how deep the paint is gone tells. */
static unsigned char painted[65536] __attribute__((aligned(64)));

static void on_nothing(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)info, (void)context;
}

static void on_backtrace(int signo, siginfo_t *info, void *context)
{
	static void *out[DEPTH];

	(void)signo, (void)info, (void)context;
	backtrace(out, DEPTH);
}

static void on_walk(int signo, siginfo_t *info, void *context)
{
	static uint64_t out[DEPTH];
	unsigned flags;

	(void)signo, (void)info;
	et_unwind_context(context, NULL, out, DEPTH, &flags);
}

static size_t stack_use(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	size_t i = 0;

	memset(painted, 0xa5, sizeof painted);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	while (i < sizeof painted && painted[i] == 0xa5)
		i++;
	return sizeof painted - i;
}

static void measure_stack_use(void)
{
	stack_t on = { .ss_sp = painted, .ss_size = sizeof painted };
	stack_t off = { .ss_flags = SS_DISABLE };
	size_t base;

	sigaltstack(&on, NULL);
	base = stack_use(on_nothing);
	printf("stack: the signal %zu bytes, a walk %zu more, backtrace() %zu more\n", base,
	       stack_use(on_walk) - base, stack_use(on_backtrace) - base);
	sigaltstack(&off, NULL);
}

/* ---- tables ------------------------------------------------------------------------------- */

/* The search table in a file mapped as it lies: it and .eh_frame are in one segment, which is
 * all that distances between them need. */
static int source_of(const uint8_t *file, struct et_ehsource *src)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)(const void *)file;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(const void *)(file + eh->e_phoff), *hdr = NULL;

	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_GNU_EH_FRAME)
			hdr = &ph[i];
	for (int i = 0; hdr != NULL && i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_LOAD || hdr->p_offset < ph[i].p_offset ||
		    hdr->p_offset >= ph[i].p_offset + ph[i].p_filesz)
			continue;
		src->hdr = file + hdr->p_offset;
		src->hdr_end = src->hdr + hdr->p_filesz;
		src->base = file + ph[i].p_offset;
		src->end = src->base + ph[i].p_filesz;
		return 0;
	}
	return -1;
}

static void measure_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	double ms[ROUNDS];
	struct et_ehsource src;
	struct et_ehtable *t = NULL;
	struct stat st;
	uint8_t *file;

	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED || source_of(file, &src) != 0)
		return;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t begin = et_clock_thread_cpu_ns();
		struct et_ehscratch *scratch = et_ehtable_scratch_new();

		et_ehtable_free(t);
		t = et_ehtable_new(&src, scratch);
		et_ehtable_scratch_free(scratch);
		ms[i] = (double)(et_clock_thread_cpu_ns() - begin) / 1e6;
	}
	if (t != NULL)
		printf("%s: %.1f ms, %u functions (%u not read), %u rows, %u wide, %.2f bytes a row\n",
		       path, median(ms, ROUNDS), t->n_functions, t->n_ask, t->n_rows, t->n_wides,
		       (double)(t->size + t->wide_size) / t->n_rows);
	et_ehtable_free(t);
	munmap(file, (size_t)st.st_size);
}

static void measure_command(const char *command)
{
	FILE *f = popen(command, "r");
	char path[4096];

	if (f == NULL)
		return;
	if (fgets(path, sizeof path, f) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		measure_file(path);
	}
	pclose(f);
}

int main(void)
{
	struct et_ehset_info info;
	void *warm[4];

	setvbuf(stdout, NULL, _IOLBF, 0);
	backtrace(warm, 4);
	if (et_unwind_build() != 0)
		return 1;
	et_ehset_info(&info);
	printf("this program: %u modules, %.2f ms, %llu rows, %llu KiB\n", info.n_modules,
	       (double)info.build_ns / 1e6, (unsigned long long)info.n_rows,
	       (unsigned long long)info.bytes / 1024);
	measure_walks();
	measure_stack_use();
	measure_command("gcc -print-prog-name=cc1");
	measure_command("readlink -f /usr/bin/python3");
	return 0;
}
