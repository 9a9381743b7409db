/* SPDX-License-Identifier: Apache-2.0
 *
 * The unwinder against backtrace() at every single instruction of ordinary code, on hand-made
 * call frame information, on strange stacks, while modules come and go, and on damaged
 * sections. */
#include "profiler/agent/unwind.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "profiler/agent/ehexpr.h"
#include "tap.h"

#if !defined(__x86_64__)

int main(void)
{
	uint64_t out[1];
	unsigned flags;

	ET_IS_INT(et_unwind_here(NULL, NULL, out, 1, &flags), 0, "no tables on this processor");
	ET_OK((flags & ET_UNWIND_ASK) != 0, "so backtrace() is asked");
	return tap_done();
}

#else

#ifdef __SANITIZE_THREAD__
#define HAS_TSAN 1 /* it delivers signals late and from frames of its own */
#else
#define HAS_TSAN 0
#endif

enum { DEPTH = 1024, SKIP = 8 };

/* ---- what both say ------------------------------------------------------------------------ */

struct said {
	unsigned n, n_theirs, flags;
	uint64_t ours[DEPTH], theirs[DEPTH];
};

static bool is_trampoline(uint64_t at)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };

	return at > 4096 && memcmp((const void *)(uintptr_t)at, code, sizeof code) == 0;
}

/* backtrace() from the frame at `pc` (or that returns to it) on, written as we write stacks. */
static unsigned ask_backtrace(uint64_t pc, bool is_exact, uint64_t *out)
{
	void *bt[DEPTH + SKIP];
	int n = backtrace(bt, DEPTH + SKIP), i = 0;
	unsigned depth = 0;

	while (i < n && (uint64_t)(uintptr_t)bt[i] != pc)
		i++;
	for (; i < n && depth < DEPTH; i++) {
		uint64_t ip = (uint64_t)(uintptr_t)bt[i];
		bool is_signal = depth > 0 && is_trampoline(ip);

		out[depth++] = is_exact || is_signal ? ip : ip - 1;
		is_exact = is_signal;
	}
	return depth;
}

static bool is_equal(const struct said *s)
{
	return s->flags == 0 && s->n == s->n_theirs && s->n > 1 &&
	       memcmp(s->ours, s->theirs, s->n * sizeof *s->ours) == 0;
}

static void explain(const struct said *s)
{
	printf("# flags %x, depth %u, backtrace %u\n", s->flags, s->n, s->n_theirs);
	for (unsigned i = 0; i < 24 && (i < s->n || i < s->n_theirs); i++)
		printf("#   %" PRIx64 " %" PRIx64 "\n", i < s->n ? s->ours[i] : 0,
		       i < s->n_theirs ? s->theirs[i] : 0);
}

static void equal(const struct said *s, const char *name)
{
	if (!ET_OK(is_equal(s), "%s", name))
		explain(s);
}

static void ask_context(struct said *s, const ucontext_t *uc)
{
	s->n = et_unwind_context(uc, NULL, s->ours, DEPTH, &s->flags);
	s->n_theirs = ask_backtrace((uint64_t)uc->uc_mcontext.gregs[REG_RIP], true, s->theirs);
}

/* Called from the code under test, in assembly or C. */
static struct said said;
void probe(void);
__attribute__((noinline)) void probe(void)
{
	void *from = __builtin_return_address(0);

	said.n = et_unwind_here(from, NULL, said.ours, DEPTH, &said.flags);
	said.n_theirs = ask_backtrace((uint64_t)(uintptr_t)from, false, said.theirs);
}

static void on_inner(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)info;
	ask_context(&said, context);
}

static void handle(int signo, int flags, void (*fn)(int, siginfo_t *, void *), void (*plain)(int))
{
	struct sigaction sa = { .sa_flags = flags };

	if (fn != NULL)
		sa.sa_sigaction = fn;
	else
		sa.sa_handler = plain;
	sigaction(signo, &sa, NULL);
}

/* ---- each instruction --------------------------------------------------------------------- */

#define TRAP_FLAG 0x100u

static struct {
	unsigned n, n_equal, n_max;
	uint64_t n_frames;
	atomic_bool is_over;
	struct said first_bad;
} steps;

static void on_step(int signo, siginfo_t *info, void *context)
{
	static struct said s;
	ucontext_t *uc = context;

	(void)signo, (void)info;
	ask_context(&s, uc);
	steps.n++;
	steps.n_frames += s.n;
	if (is_equal(&s))
		steps.n_equal++;
	else if (steps.n_equal == steps.n - 1)
		steps.first_bad = s;
	if (steps.n == steps.n_max || atomic_load(&steps.is_over))
		uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static int by_int(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

__attribute__((noinline)) static unsigned with_alloca(unsigned n)
{
	char *volatile room = __builtin_alloca(n * 16u);

	room[0] = (char)n;
	return n > 1 ? with_alloca(n - 1) + (unsigned)room[0] : 1;
}

/* A frame aligned to 64 bytes: the compiler finds its caller through another register. */
__attribute__((noinline)) static int with_aligned(int n)
{
	volatile int room[16] __attribute__((aligned(64))) = { n };

	return n > 0 ? with_aligned(n - 1) + room[0] : 0;
}

__attribute__((noinline)) static int tail_end(int n) { return n * 3; }
__attribute__((noinline)) static int tail(int n) { return tail_end(n + 1); }

static double ordinary_code(void)
{
	static char text[256];
	struct tm day = { .tm_year = 100, .tm_mday = 1 };
	int numbers[24];
	double sum;

	for (int i = 0; i < 24; i++)
		numbers[i] = i * 37 % 24;
	qsort(numbers, 24, sizeof numbers[0], by_int);
	sum = with_alloca(5) + (unsigned)with_aligned(4) + (unsigned)tail(numbers[3]);
	snprintf(text, sizeof text, "%s %d %.9g %p", "text", numbers[5], 3.25, (void *)text);
	sum += strtod("1.5e3", NULL);
	free(strdup(text));
	sum += dlsym(RTLD_DEFAULT, "strfry") != NULL; /* through the loader */
	sum += (double)mktime(&day);
	sum += (double)strtoull("123456789", NULL, 10) + (double)sysconf(_SC_PAGESIZE);
	return sum;
}

static void t_each_instruction(void)
{
	struct sigaction sa = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO }, old;

	if (HAS_TSAN) {
		tap_skip("each instruction", "ThreadSanitizer delivers signals late");
		return;
	}
	steps.n_max = 60000;
	sigaction(SIGTRAP, &sa, &old);
	/* the trap comes behind the instruction that follows popf: the frame is in order again */
	__asm__ volatile("sub $128, %%rsp\n\tpushf\n\torl %0, (%%rsp)\n\tpopf\n\tadd $128, %%rsp"
			 :: "i"(TRAP_FLAG) : "cc", "memory");
	ordinary_code();
	atomic_store(&steps.is_over, true);
	sigaction(SIGTRAP, &old, NULL);
	ET_OK(steps.n > 2000, "%u instructions, %" PRIu64 " frames", steps.n, steps.n_frames);
	if (!ET_OK(steps.n_equal == steps.n, "at each of them the stack is backtrace()'s"))
		explain(&steps.first_bad);
}

/* ---- hand-made frames --------------------------------------------------------------------- */

#define FUNCTION(name, body) \
	".globl " name "\n.type " name ", @function\n" name ":\n.cfi_startproc\n" body \
	".cfi_endproc\n.size " name ", . - " name "\n"

__asm__(".text\n"
	/* the caller is found through rbx, as in ld.so's lazy binding */
	FUNCTION("hand_rbx", "push %rbx\n.cfi_def_cfa_offset 16\n.cfi_offset %rbx, -16\n"
		 "mov %rsp, %rbx\n.cfi_def_cfa_register %rbx\nsub $200, %rsp\nand $-64, %rsp\n"
		 "call probe\nmov %rbx, %rsp\n.cfi_def_cfa_register %rsp\n"
		 "pop %rbx\n.cfi_def_cfa_offset 8\nret\n")
	/* through r15, which what it calls does not touch, as in libcrypto's AES-GCM */
	FUNCTION("hand_r15", "push %r15\n.cfi_def_cfa_offset 16\n.cfi_offset %r15, -16\n"
		 "lea 16(%rsp), %r15\n.cfi_def_cfa %r15, 0\nsub $200, %rsp\nand $-64, %rsp\n"
		 "call hand_pause\nlea -16(%r15), %rsp\n.cfi_def_cfa %rsp, 16\n"
		 "pop %r15\n.cfi_def_cfa_offset 8\nret\n")
	/* and through r11, which by convention it might touch */
	FUNCTION("hand_r11", "lea 8(%rsp), %r11\n.cfi_def_cfa %r11, 0\nsub $200, %rsp\n"
		 "and $-64, %rsp\ncall hand_pause\nlea -8(%r11), %rsp\n.cfi_def_cfa %rsp, 8\nret\n")
	/* the return address is in a register, as in vfork */
	FUNCTION("hand_popped", "pop %rdi\n.cfi_adjust_cfa_offset -8\n.cfi_register %rip, %rdi\n"
		 "int3\npush %rdi\n.cfi_adjust_cfa_offset 8\nret\n")
	FUNCTION("hand_pause", "push %rbx\n.cfi_def_cfa_offset 16\n.cfi_offset %rbx, -16\n"
		 "int3\npop %rbx\n.cfi_def_cfa_offset 8\nret\n")
	/* CFA = *(rsp + 8) + 8, as in libcrypto's vector code */
	FUNCTION("hand_deref", "mov %rsp, %rax\n.cfi_def_cfa_register %rax\n"
		 "sub $72, %rsp\nand $-64, %rsp\nmov %rax, 8(%rsp)\n"
		 ".cfi_escape 0x0f, 5, 0x77, 8, 0x06, 0x23, 8\n" /* breg7 8; deref; plus 8 */
		 "call probe\nmov 8(%rsp), %rsi\n.cfi_def_cfa %rsi, 8\n"
		 "lea (%rsi), %rsp\n.cfi_def_cfa_register %rsp\nret\n")
	/* rbp saved where an expression says; return address by a value expression */
	FUNCTION("hand_expressions", "push %rbp\n.cfi_def_cfa_offset 16\n"
		 ".cfi_escape 0x10, 6, 2, 0x77, 0\n" /* rbp at breg7 0 */
		 ".cfi_escape 0x16, 16, 3, 0x77, 8, 0x06\n" /* pc = deref(breg7 8) */
		 "call probe\npop %rbp\n.cfi_def_cfa_offset 8\n.cfi_restore %rbp\nret\n")
	/* states kept and recalled, arguments' size, a frame too large for a short rule */
	FUNCTION("hand_large", "sub $0x20008, %rsp\n.cfi_adjust_cfa_offset 0x20008\n"
		 ".cfi_escape 0x2e, 16\n.cfi_remember_state\n"
		 "call probe\nadd $0x20008, %rsp\n.cfi_adjust_cfa_offset -0x20008\nret\n"
		 ".cfi_restore_state\nud2\n")
	/* the caller is in a register that a call does not keep */
	FUNCTION("hand_lost", "push %rax\n.cfi_def_cfa_offset 16\nlea 16(%rsp), %rax\n"
		 ".cfi_def_cfa %rax, 0\ncall probe_alone\n.cfi_def_cfa %rsp, 16\npop %rax\n"
		 ".cfi_def_cfa_offset 8\nret\n")
	/* an expression that reads what is no stack: CFA = *8 */
	FUNCTION("hand_wild", "push %rax\n.cfi_escape 0x0f, 2, 0x38, 0x06\n"
		 "call probe_alone\npop %rax\nret\n")
	/* a frame that does not grow: would go round for ever */
	FUNCTION("hand_still", "push %rax\n.cfi_def_cfa_offset 0\ncall probe_alone\npop %rax\nret\n")
	/* a frame that goes far off the stack */
	FUNCTION("hand_far", "push %rbp\nmov $0x1000, %rbp\n.cfi_def_cfa %rbp, 16\n"
		 ".cfi_offset %rbp, -16\ncall probe_alone\npop %rbp\nret\n")
	FUNCTION("hand_outer", ".cfi_undefined %rip\npush %rax\ncall probe_alone\npop %rax\nret\n")
	".globl hand_bare\nhand_bare:\npush %rax\ncall probe_alone\npop %rax\nret\n");

void hand_rbx(void);
void hand_r15(void);
void hand_r11(void);
void hand_popped(void);
void hand_deref(void);
void hand_expressions(void);
void hand_large(void);
void hand_lost(void);
void hand_wild(void);
void hand_still(void);
void hand_far(void);
void hand_outer(void);
void hand_bare(void);

/* Where backtrace() cannot be asked, it would crash or never come back. */
void probe_alone(void);
__attribute__((noinline)) void probe_alone(void)
{
	said.n = et_unwind_here(__builtin_return_address(0), NULL, said.ours, DEPTH, &said.flags);
}

static void t_hand_made(void)
{
	static const struct {
		void (*fn)(void);
		const char *name;
	} good[] = {
		{ hand_rbx, "a caller found through rbx" },
		{ hand_deref, "a caller found in memory" },
		{ hand_expressions, "registers found by expressions" },
		{ hand_large, "a frame of 128 KiB" },
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		memset(&said, 0, sizeof said);
		good[i].fn();
		equal(&said, good[i].name);
	}
	if (HAS_TSAN)
		return;
	handle(SIGTRAP, SA_SIGINFO, on_inner, NULL);
	hand_r15();
	equal(&said, "a caller found through r15");
	hand_r11();
	equal(&said, "a caller found through r11");
	hand_popped();
	equal(&said, "a return address in a register");
	signal(SIGTRAP, SIG_DFL);
}

static void t_given_up(void)
{
	static const struct {
		void (*fn)(void);
		unsigned flags;
		const char *name;
	} bad[] = {
		{ hand_lost, ET_UNWIND_ASK | ET_UNWIND_CAUSE_RULE << 8, "a register that was lost" },
		{ hand_wild, ET_UNWIND_ASK | ET_UNWIND_CAUSE_RULE << 8, "an expression that reads elsewhere" },
		{ hand_still, ET_UNWIND_ASK | ET_UNWIND_CAUSE_STACK << 8, "a frame that stands still" },
		{ hand_far, ET_UNWIND_ASK | ET_UNWIND_CAUSE_STACK << 8, "a frame far off the stack" },
		{ hand_bare, ET_UNWIND_NO_CFI, "code without unwind information" },
		{ hand_outer, 0, "the outermost frame" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		memset(&said, 0, sizeof said);
		bad[i].fn();
		ET_IS_INT(said.flags, bad[i].flags, bad[i].name);
		ET_IS_INT(said.n, 1, "  and the stack ends there");
	}
}

/* ---- strange stacks ----------------------------------------------------------------------- */

__attribute__((noinline)) static int recurse(int depth)
{
	volatile int keep = depth;

	if (depth == 0) {
		probe();
		return keep;
	}
	return recurse(depth - 1) + keep;
}

static void t_deep(void)
{
	recurse(300);
	equal(&said, "300 frames");
	recurse(5000);
	ET_IS_INT(said.flags, ET_UNWIND_TRUNCATED, "5,000 frames are cut");
	ET_IS_INT(said.n, DEPTH, "  at 1,024");
	ET_OK(memcmp(said.ours, said.theirs, 1000 * sizeof said.ours[0]) == 0,
	      "  and those kept are the innermost");
}

static void on_outer(int signo)
{
	(void)signo;
	raise(SIGUSR2);
}

static void t_signal_frames(void)
{
	static unsigned char stack[65536];
	stack_t on = { .ss_sp = stack, .ss_size = sizeof stack }, off = { .ss_flags = SS_DISABLE };

	if (HAS_TSAN) {
		tap_skip("frames of signals", "ThreadSanitizer delivers signals late");
		return;
	}
	handle(SIGUSR2, SA_SIGINFO, on_inner, NULL);
	handle(SIGUSR1, 0, NULL, on_outer);
	raise(SIGUSR2);
	equal(&said, "interrupted code");
	raise(SIGUSR1);
	equal(&said, "a signal during a signal");
	sigaltstack(&on, NULL);
	handle(SIGUSR2, SA_SIGINFO | SA_ONSTACK, on_inner, NULL);
	raise(SIGUSR2);
	equal(&said, "from another stack");
	raise(SIGUSR1);
	equal(&said, "from another stack during a signal");
	handle(SIGUSR1, SA_ONSTACK, NULL, on_outer);
	raise(SIGUSR1);
	equal(&said, "both on the other stack");
	sigaltstack(&off, NULL);
}

static void *small_stack(void *out)
{
	uint64_t stack[64];

	(void)out;
	said.n = et_unwind_here(NULL, NULL, stack, 64, &said.flags);
	return NULL;
}

static void t_small_stack(void)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN);
	memset(&said, 0, sizeof said);
	if (pthread_create(&t, &attr, small_stack, NULL) == 0)
		pthread_join(t, NULL);
	pthread_attr_destroy(&attr);
	ET_IS_INT(said.flags, 0, "a thread with the smallest stack");
	ET_OK(said.n >= 2 && said.n < 8, "  has %u frames", said.n);
}

static ucontext_t coroutine, back;

static void coroutine_body(void)
{
	recurse(3);
	swapcontext(&coroutine, &back);
}

static void t_coroutine(void)
{
	static unsigned char stack[256 * 1024]; /* backtrace() runs on it too */

	if (HAS_TSAN) {
		tap_skip("a coroutine", "ThreadSanitizer does not know this stack");
		return;
	}
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = stack;
	coroutine.uc_stack.ss_size = sizeof stack;
	coroutine.uc_link = &back;
	makecontext(&coroutine, coroutine_body, 0);
	swapcontext(&back, &coroutine);
	ET_IS_INT(said.flags, ET_UNWIND_NO_CFI, "a coroutine's stack ends at its start");
	said.flags = 0; /* as backtrace()'s does */
	equal(&said, "  where backtrace() ends");
}

/* A context as if `ip` had just been called by `ra`; the stack below `lo` is all there is. */
static unsigned walk_made(uint64_t ip, const uint64_t *sp, const struct et_unwind_bounds *stack,
			  unsigned *flags)
{
	static ucontext_t uc;
	static uint64_t out[16];

	uc.uc_mcontext.gregs[REG_RIP] = (greg_t)ip;
	uc.uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)sp;
	return et_unwind_context(&uc, stack, out, 16, flags);
}

static uint64_t address_of(void (*fn)(void)) { return (uint64_t)(uintptr_t)fn; }

static void t_bounds(void)
{
	uint64_t stack[8] = { address_of(hand_outer) + 1 };
	struct et_unwind_bounds all = { (uintptr_t)stack, (uintptr_t)(stack + 8) };
	struct et_unwind_bounds none = { (uintptr_t)stack, (uintptr_t)stack + 4 };
	unsigned flags;

	ET_IS_INT(walk_made(address_of(hand_rbx), stack, &all, &flags), 2, "a stack made by hand");
	ET_IS_INT(flags, 0, "  is complete");
	walk_made(address_of(hand_rbx), stack, &none, &flags);
	ET_IS_INT(flags, ET_UNWIND_ASK | ET_UNWIND_CAUSE_STACK << 8, "  and is not read beyond its end");
	ET_IS_INT(walk_made(0, stack, &all, &flags), 0, "no code at all");
	ET_IS_INT(walk_made(0x1234, stack, &all, &flags), 1, "an address of nobody");
	ET_IS_INT(flags, ET_UNWIND_ASK | ET_UNWIND_CAUSE_NO_MODULE << 8, "  is for backtrace()");
}

/* ---- modules come and go ------------------------------------------------------------------ */

#define PLUGIN "libthread_db.so.1" /* part of glibc, and nobody needs it */
#define PLUGIN_FUNCTION "td_symbol_list"

static void t_late(void)
{
	uint64_t stack[8] = { address_of(hand_outer) + 1 };
	struct et_unwind_bounds all = { (uintptr_t)stack, (uintptr_t)(stack + 8) };
	struct et_ehset_info before, after;
	void *plugin = dlopen(PLUGIN, RTLD_LAZY | RTLD_LOCAL);
	uint64_t ip = plugin == NULL ? 0 : (uint64_t)(uintptr_t)dlsym(plugin, PLUGIN_FUNCTION);
	unsigned flags;

	if (ip == 0) {
		tap_skip("a late module", "no " PLUGIN " here");
		return;
	}
	walk_made(ip, stack, &all, &flags);
	ET_IS_INT(flags, ET_UNWIND_ASK | ET_UNWIND_CAUSE_NO_MODULE << 8, "code loaded since the build");
	et_ehset_info(&before);
	ET_IS_INT(et_unwind_build(), 0, "  a build");
	et_ehset_info(&after);
	ET_OK(after.n_modules > before.n_modules && after.n_compiled < after.n_modules / 2,
	      "  reads the new of %u modules: %u", after.n_modules, after.n_compiled);
	ET_IS_INT(walk_made(ip, stack, &all, &flags), 2, "  then it is known");
	ET_IS_INT(flags, 0, "  to the end");
	et_unwind_build();
	et_ehset_info(&before);
	ET_IS_INT(before.n_builds, after.n_builds, "nothing new, nothing built");

	et_ehset_unload_begin();
	walk_made(ip, stack, &all, &flags);
	ET_IS_INT(flags, ET_UNWIND_ASK | ET_UNWIND_CAUSE_NO_SET << 8, "during a dlclose nothing is sure");
	ET_IS_INT(et_unwind_build(), 0, "  not even by a build");
	walk_made(ip, stack, &all, &flags);
	ET_IS_INT(flags, ET_UNWIND_ASK | ET_UNWIND_CAUSE_NO_SET << 8, "  of another thread");
	dlclose(plugin);
	ET_IS_INT(et_ehset_unload_end(), 0, "  its end builds");
	walk_made(ip, stack, &all, &flags);
	ET_IS_INT(flags, ET_UNWIND_ASK | ET_UNWIND_CAUSE_NO_MODULE << 8, "  and the code is gone");
}

static atomic_bool stop;
static atomic_uint n_bad;

static void *walk_on(void *self)
{
	uint64_t out[64];
	unsigned flags, n;

	(void)self;
	while (!atomic_load(&stop)) {
		n = et_unwind_here(NULL, NULL, out, 64, &flags);
		if (n < 2 && et_unwind_cause(flags) != ET_UNWIND_CAUSE_NO_SET)
			atomic_fetch_add(&n_bad, 1);
	}
	return NULL;
}

static void t_churn(void)
{
	struct et_ehset_info info;
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, walk_on, NULL);
	for (int i = 0; i < 100; i++) {
		void *plugin = dlopen(PLUGIN, RTLD_LAZY | RTLD_LOCAL);

		if (plugin == NULL)
			continue;
		et_unwind_build();
		et_ehset_unload_begin();
		dlclose(plugin);
		et_ehset_unload_end();
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	et_unwind_build();
	et_ehset_info(&info);
	ET_OK(atomic_load(&n_bad) == 0, "walks during %u builds", info.n_builds);
	ET_IS_INT(info.n_retired, 0, "no old set is left when nobody walks");
}

static void t_fork_child(void)
{
	unsigned flags = 1;
	uint64_t out[64];

	et_ehset_unload_begin(); /* as another thread might, at the moment of the fork */
	et_ehset_fork_child();
	ET_IS_INT(et_unwind_build(), 0, "a forked child builds");
	et_unwind_here(NULL, NULL, out, 64, &flags);
	ET_IS_INT(flags, 0, "  and walks");
	ET_IS_INT(et_ehset_unload_end(), 0, "  and an end without a begin does no harm");
}

/* ---- expressions -------------------------------------------------------------------------- */

static void t_expressions(void)
{
	static const struct {
		uint8_t code[12];
		uint8_t len;
		bool is_ok;
		uint64_t want;
		const char *name;
	} cases[] = {
		{ { 0x35, 0x33, 0x1c }, 3, true, 2, "5 - 3" },
		{ { 0x32, 0x38, 0x24 }, 3, true, 512, "2 << 8" },
		{ { 0x09, 0xff, 0x31, 0x26 }, 4, true, UINT64_MAX, "-1 >> 1, signed" },
		{ { 0x09, 0xff, 0x38, 0x25 }, 4, true, UINT64_MAX >> 8, "-1 >> 8" },
		{ { 0x31, 0x32, 0x33, 0x17, 0x1c, 0x1e }, 6, true, (uint64_t)-3, "rot, -, *" },
		{ { 0x34, 0x12, 0x1e, 0x23, 0x80, 0x01 }, 6, true, 144, "4 * 4 + 128" },
		{ { 0x77, 0x78, 0x23, 0x08 }, 4, true, 1000, "register 7 - 8 + 8" },
		{ { 0x31, 0x28, 0x01, 0x00, 0x3f, 0x32 }, 6, true, 2, "a jump taken" },
		{ { 0x09, 0xfe, 0x31, 0x2d }, 4, true, 1, "-2 < 1" },
		{ { 0x2f, 0xfd, 0xff }, 3, false, 0, "a loop without end" },
		{ { 0x2f, 0x10, 0x00 }, 3, false, 0, "a jump out" },
		{ { 0x22 }, 1, false, 0, "nothing to add" },
		{ { 0x30, 0x06 }, 2, false, 0, "a read at 0" },
		{ { 0x70, 0x00 }, 2, false, 0, "a register that is not known" },
		{ { 0x31, 0x30, 0x1b }, 3, false, 0, "a division" },
		{ { 0x08 }, 1, false, 0, "a constant cut off" },
		{ { 0x96 }, 1, false, 0, "no result" },
		{ { 0x31, 0x15, 0x01 }, 3, false, 0, "a pick too deep" },
	};
	uint64_t reg[17] = { [7] = 1000 };
	struct et_ehframe f = { .reg = reg, .known = 1u << 7, .lo = 4096, .hi = 8192 };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t got = 0;
		bool is_ok = et_ehexpr_run(&f, cases[i].code, cases[i].len, false, 0, &got);

		ET_OK(is_ok == cases[i].is_ok && (!is_ok || got == cases[i].want),
		      "expression: %s", cases[i].name);
	}
}

/* ---- sections ----------------------------------------------------------------------------- */

struct own {
	struct et_ehsource src;
};

static int find_own(struct dl_phdr_info *m, size_t size, void *self)
{
	struct own *o = self;
	const ElfW(Phdr) *ph = m->dlpi_phdr;
	const uint8_t *base = (const uint8_t *)(uintptr_t)m->dlpi_addr;

	(void)size;
	for (int i = 0; i < m->dlpi_phnum; i++)
		if (ph[i].p_type == PT_GNU_EH_FRAME)
			o->src = (struct et_ehsource){ .hdr = base + ph[i].p_vaddr,
						       .hdr_end = base + ph[i].p_vaddr + ph[i].p_memsz };
	for (int i = 0; i < m->dlpi_phnum; i++)
		if (ph[i].p_type == PT_LOAD && o->src.hdr >= base + ph[i].p_vaddr &&
		    o->src.hdr < base + ph[i].p_vaddr + ph[i].p_memsz) {
			o->src.base = base + ph[i].p_vaddr;
			o->src.end = o->src.base + ph[i].p_memsz;
		}
	return 1; /* the first one is the program */
}

/* The section in a block of its own, so that a read beyond is seen; distances within it hold. */
static struct et_ehsource copy_of(const struct et_ehsource *src, uint8_t *to)
{
	size_t n = (size_t)(src->end - src->hdr);

	memcpy(to, src->hdr, n);
	return (struct et_ehsource){ .hdr = to, .hdr_end = to + (src->hdr_end - src->hdr),
				     .base = to, .end = to + n };
}

static void t_without_search_table(struct et_ehscratch *scratch, const struct own *own)
{
	size_t n = (size_t)(own->src.end - own->src.hdr);
	uint8_t *block = malloc(n);
	struct et_ehsource src = copy_of(&own->src, block);
	struct et_ehtable *with = et_ehtable_new(&src, scratch), *without;

	block[2] = block[3] = 0xff;
	src.hdr_end = src.hdr + 8; /* so ld leaves it when it cannot read all of the section */
	without = et_ehtable_new(&src, scratch);
	ET_OK(with != NULL && without != NULL, "a section is read with and without its search table");
	if (with != NULL && without != NULL) {
		ET_OK(with->n_functions > 50 && with->n_rows > with->n_functions,
		      "  %u functions, %u rows, %u not read", with->n_functions, with->n_rows,
		      with->n_ask);
		ET_OK(with->n_rows == without->n_rows && with->lo == without->lo &&
			      memcmp(with->rows, without->rows, with->n_rows * sizeof *with->rows) == 0,
		      "  to the same rows");
	}
	et_ehtable_free(with);
	et_ehtable_free(without);
	free(block);
}

static bool is_in_order(const struct et_ehtable *t)
{
	for (uint32_t i = 1; i < t->n_rows; i++)
		if (t->rows[i].pc <= t->rows[i - 1].pc)
			return false;
	return t->n_rows > 0 && t->rows[0].pc == 0;
}

static void t_damaged(struct et_ehscratch *scratch, const struct own *own)
{
	size_t n = (size_t)(own->src.end - own->src.hdr);
	unsigned n_tables = 0, n_wild = 0, seed = 1;
	uint8_t *block = malloc(n);

	for (int round = 0; round < 60; round++) {
		struct et_ehsource src = copy_of(&own->src, block);
		struct et_ehtable *t;

		for (int i = 0; i < 1 + round / 4; i++) {
			seed = seed * 1664525 + 1013904223;
			block[i < 4 && round % 4 == 0 ? seed >> 8 & 31 : (seed >> 4) % n] = (uint8_t)(seed >> 24);
		}
		t = et_ehtable_new(&src, scratch);
		n_tables += t != NULL;
		n_wild += t != NULL && !is_in_order(t);
		et_ehtable_free(t);
	}
	ET_OK(n_tables > 10, "of 60 damaged sections %u still give a table", n_tables);
	ET_IS_INT(n_wild, 0, "  each of them sorted");
	free(block);
}

static void t_sections(void)
{
	struct et_ehscratch *scratch = et_ehtable_scratch_new();
	struct own own = { 0 };

	dl_iterate_phdr(find_own, &own);
	if (ET_OK(scratch != NULL && own.src.base != NULL, "the program's own section is found")) {
		t_without_search_table(scratch, &own);
		t_damaged(scratch, &own);
	}
	et_ehtable_scratch_free(scratch);
}

int main(void)
{
	void *warm[4];
	unsigned flags;
	uint64_t out[4];

	backtrace(warm, 4);
	ET_IS_INT(et_unwind_here(NULL, NULL, out, 4, &flags), 0, "before the first build: no walk");
	ET_IS_INT(flags, ET_UNWIND_ASK | ET_UNWIND_CAUSE_NO_SET << 8, "  which says so");
	ET_IS_INT(et_unwind_build(), 0, "the first build");
	probe();
	equal(&said, "the stack of main");
	t_each_instruction();
	t_hand_made();
	t_given_up();
	t_deep();
	t_signal_frames();
	t_small_stack();
	t_coroutine();
	t_bounds();
	t_expressions();
	t_sections();
	t_late();
	t_churn();
	t_fork_child();
	return tap_done();
}

#endif
