/* SPDX-License-Identifier: Apache-2.0
 * The pool: ownership, counters, bounds and the canary, with one thread and with several. */
#include "engine/pool/pool.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static struct et_pool *make(size_t size, size_t max_bytes, uint32_t max_live, bool is_cleared)
{
	struct et_err err = { 0 };
	struct et_pool *p = et_pool_new(&(struct et_pool_opts){ .name = "test", .size = size,
		.max_bytes = max_bytes, .max_live = max_live, .is_cleared = is_cleared }, &err);

	if (p == NULL) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	return p;
}

static struct et_pool_stats stats(struct et_pool *p)
{
	struct et_pool_stats s;

	et_pool_stats(p, &s);
	return s;
}

static void t_counts(void)
{
	struct et_pool *p = make(100, 0, 0, false);
	void *a = et_pool_get(p), *b = et_pool_get(p), *c;
	struct et_pool_stats s = stats(p);

	ET_OK(a != NULL && b != NULL && a != b, "two objects are two");
	ET_OK(((uintptr_t)a | (uintptr_t)b) % 16 == 0, "aligned to 16");
	ET_OK(s.gets == 2 && s.hits == 0 && s.misses == 2 && s.live == 2, "new objects are misses");
	et_pool_put(p, a);
	s = stats(p);
	ET_OK(s.puts == 1 && s.live == 1 && s.retained_bytes >= 100, "one is kept");
	c = et_pool_get(p);
	s = stats(p);
	ET_OK(c == a && s.hits == 1 && s.misses == 2, "the kept one is handed out again: a hit");
	et_pool_put(p, NULL);
	ET_IS_INT(stats(p).puts, 1, "putting NULL is nothing");
	et_pool_put(p, b);
	et_pool_put(p, c);
	s = stats(p);
	ET_OK(s.gets == s.puts && s.live == 0 && s.peak_bytes >= s.retained_bytes, "balanced");
	ET_IS_STR(et_pool_name(p), "test", "name");
	et_pool_free(p);
}

static void t_large_alignment(void)
{
	struct et_pool *p = make(65536, 0, 0, false);
	char *a = et_pool_get(p);

	ET_OK((uintptr_t)a % 64 == 0, "large objects are aligned to a cache line");
	memset(a, 0xff, 65536);
	et_pool_put(p, a);
	et_pool_free(p);
}

/* More objects than magazines and chunks hold, each with its own content. */
static void t_content_survives(size_t size, size_t n)
{
	struct et_pool *p = make(size, 0, 0, false);
	unsigned char **object = calloc(n, sizeof *object);
	bool is_intact = true;
	struct et_pool_stats s;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < n; i++) {
			object[i] = et_pool_get(p);
			memset(object[i], (int)(i & 0xff), size);
		}
		for (size_t i = 0; i < n; i++)
			is_intact &= object[i][0] == (i & 0xff) &&
				     object[i][size - 1] == (i & 0xff);
		for (size_t i = 0; i < n; i++)
			et_pool_put(p, object[i * 7 % n]); /* n is no multiple of 7 */
	}
	s = stats(p);
	ET_OK(is_intact, "%zu objects of %zu bytes do not overlap", n, size);
	ET_OK(s.gets == 3 * n && s.puts == 3 * n && s.misses == n && s.hits == 2 * n,
	      "only the first round misses");
	free(object);
	et_pool_free(p);
}

static void t_retention(size_t size, size_t max_bytes)
{
	struct et_pool *p = make(size, max_bytes, 0, false);
	void *object[50];
	struct et_pool_stats s;

	for (int i = 0; i < 50; i++)
		object[i] = et_pool_get(p);
	for (int i = 0; i < 50; i++) {
		et_pool_put(p, object[i]);
		s = stats(p);
		if (s.retained_bytes > max_bytes)
			break;
	}
	ET_OK(s.retained_bytes <= max_bytes, "size %zu keeps %zu <= %zu bytes", size,
	      (size_t)s.retained_bytes, max_bytes);
	ET_OK(s.mapped_bytes == s.retained_bytes, "what it does not keep is unmapped");
	ET_OK(s.peak_bytes >= 50 * size, "peak tells of all 50");
	for (int i = 0; i < 50; i++)
		object[i] = et_pool_get(p);
	ET_IS_INT(stats(p).hits, s.retained_bytes / (s.peak_bytes / 50),
		  "hits: only what was kept");
	for (int i = 0; i < 50; i++)
		et_pool_put(p, object[i]);
	et_pool_free(p);
}

static void t_small_chunks_go_back(void)
{
	struct et_pool *p = make(1000, 1, 0, false);
	void *object[500];
	struct et_pool_stats s;

	for (int i = 0; i < 500; i++)
		object[i] = et_pool_get(p);
	for (int i = 0; i < 500; i++)
		et_pool_put(p, object[i]);
	s = stats(p);
	ET_OK(s.retained_bytes == 0 && s.mapped_bytes == 0 && s.peak_bytes >= 500000,
	      "small objects: a chunk without an object in use is unmapped");
	et_pool_free(p);
}

static void t_max_live(void)
{
	struct et_pool *p = make(64, 0, 2, false);
	void *a = et_pool_get(p), *b = et_pool_get(p);

	ET_OK(a != NULL && b != NULL && et_pool_get(p) == NULL,
	      "the third of max_live 2 is refused");
	ET_IS_INT(stats(p).gets, 2, "a refused get is no get");
	et_pool_put(p, a);
	a = et_pool_get(p);
	ET_OK(a != NULL, "after a put there is room");
	et_pool_put(p, a);
	et_pool_put(p, b);
	et_pool_free(p);
}

static bool is_zero(const unsigned char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i] != 0)
			return false;
	return true;
}

static void t_clear(size_t size)
{
	struct et_pool *p = make(size, 0, 0, true);
	bool is_clear = true;

	for (int round = 0; round < 3; round++) {
		void *object[100];

		for (int i = 0; i < 100; i++) {
			object[i] = et_pool_get(p);
			is_clear &= is_zero(object[i], size);
			memset(object[i], 0xa5, size);
		}
		for (int i = 0; i < 100; i++)
			et_pool_put(p, object[i]);
	}
	ET_OK(is_clear, "is_cleared: %zu bytes are zero at each get", size);
	et_pool_free(p);
}

/* Run `crime` in a child with stderr in a pipe; true if it aborted with `words` in its line. */
static bool dies_saying(void (*crime)(struct et_pool *), const char *words)
{
	char said[512] = "";
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fd) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], 2);
		signal(SIGABRT, SIG_DFL);
		crime(make(64, 0, 0, false));
		_exit(0);
	}
	close(fd[1]);
	n = read(fd[0], said, sizeof said - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fd[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, words) != NULL &&
	       strchr(said, '\n') != NULL;
}

static void put_twice(struct et_pool *p)
{
	void *a = et_pool_get(p);

	et_pool_put(p, a);
	et_pool_put(p, a);
}

static void put_foreign(struct et_pool *p)
{
	uint64_t mine[8] = { 0 };

	et_pool_put(p, mine + 4);
}

static void overrun(struct et_pool *p)
{
	char *a = et_pool_get(p), *b = et_pool_get(p);
	char *low = a < b ? a : b, *high = a < b ? b : a;

	for (char *at = low; at < high; at++)
		*(volatile char *)at = 'x';
	et_pool_put(p, high);
}

static void t_canary(void)
{
	ET_OK(dies_saying(put_twice, "put back twice"), "a double put aborts with one line");
	ET_OK(dies_saying(put_foreign, "not of this pool"), "a foreign pointer aborts");
	ET_OK(dies_saying(overrun, "overwritten"),
	      "a run into the next object is found at its put");
}

/* ---- threads ------------------------------------------------------------------------------ */

#define N_THREADS 4
#define N_STEPS 20000
#define HELD 40

struct player {
	struct et_pool *pool;
	unsigned seed;
	bool is_failed;
};

/* Random gets and puts; an object is stamped with its holder, who must find it so again. */
static void *play(void *arg)
{
	struct player *me = arg;
	uint64_t *held[HELD] = { 0 };

	for (int step = 0; step < N_STEPS; step++) {
		unsigned at;

		me->seed = me->seed * 1103515245u + 12345u;
		at = (me->seed >> 16) % HELD;
		if (held[at] == NULL) {
			held[at] = et_pool_get(me->pool);
			held[at][0] = held[at][9] = (uint64_t)(uintptr_t)me + at;
		} else {
			me->is_failed |= held[at][0] != (uint64_t)(uintptr_t)me + at ||
					 held[at][9] != held[at][0];
			et_pool_put(me->pool, held[at]);
			held[at] = NULL;
		}
	}
	for (int i = 0; i < HELD; i++)
		et_pool_put(me->pool, held[i]);
	return NULL;
}

static void t_threads(void)
{
	struct et_pool *p = make(80, 1 << 20, 0, false);
	struct player player[N_THREADS];
	pthread_t thread[N_THREADS];
	bool is_failed = false, is_sane = true;
	struct et_pool_stats s;

	for (unsigned i = 0; i < N_THREADS; i++) {
		player[i] = (struct player){ .pool = p, .seed = i + 1 };
		pthread_create(&thread[i], NULL, play, &player[i]);
	}
	for (int i = 0; i < 200; i++) {
		s = stats(p);
		is_sane &= s.hits <= s.gets && s.hits + s.misses == s.gets;
	}
	for (int i = 0; i < N_THREADS; i++) {
		pthread_join(thread[i], NULL);
		is_failed |= player[i].is_failed;
	}
	s = stats(p);
	ET_OK(!is_failed, "no object had two holders");
	ET_OK(is_sane, "counters add up while threads work");
	ET_OK(s.gets == s.puts && s.live == 0 && s.hits + s.misses == s.gets && s.hits > s.misses,
	      "counters add up at the end");
	ET_OK(s.retained_bytes <= 1 << 20, "bounded with %d threads", N_THREADS);
	et_pool_free(p);
}

static void *get_ten(void *arg)
{
	void **object = arg;
	struct et_pool *p = object[10];

	for (int i = 0; i < 10; i++)
		object[i] = et_pool_get(p);
	return NULL;
}

static void *get_and_put(void *arg)
{
	et_pool_put(arg, et_pool_get(arg));
	return NULL;
}

static void t_thread_exit(void)
{
	struct et_pool *p = make(64, 0, 0, false);
	void *object[11] = { [10] = p };
	pthread_t thread;
	void *again;

	pthread_create(&thread, NULL, get_and_put, p);
	pthread_join(thread, NULL);
	again = et_pool_get(p);
	ET_OK(stats(p).hits == 1, "what an ended thread kept is handed out to others");
	et_pool_put(p, again);
	pthread_create(&thread, NULL, get_ten, object);
	pthread_join(thread, NULL);
	for (int i = 0; i < 10; i++)
		et_pool_put(p, object[i]);
	ET_OK(stats(p).live == 0 && stats(p).puts == 12, "another thread may put");
	et_pool_free(p);
}

/* A thread's shortcut to its last magazine must follow the pool, also to one at the address of
 * another that is gone. */
static void t_many_pools(void)
{
	bool is_own = true;

	for (int i = 0; i < 50; i++) {
		struct et_pool *a = make(64, 0, 0, false), *b = make(64, 0, 0, false);
		void *x = et_pool_get(a), *y = et_pool_get(b), *z = et_pool_get(a);

		et_pool_put(b, y);
		et_pool_put(a, x);
		et_pool_put(a, z);
		is_own &= stats(a).gets == 2 && stats(a).puts == 2 && stats(b).gets == 1 &&
			  stats(b).puts == 1;
		et_pool_free(a);
		is_own &= et_pool_get(b) == y;
		et_pool_put(b, y);
		et_pool_free(b);
	}
	ET_OK(is_own, "pools do not mix, nor does one with its dead predecessor");
}

static pthread_key_t late_key;

static void put_late(void *arg)
{
	void **object = arg;

	et_pool_put(object[0], object[1]);
	et_pool_put(object[0], et_pool_get(object[0]));
}

static void *leave_late(void *arg)
{
	void **object = arg;

	object[1] = et_pool_get(object[0]);
	pthread_setspecific(late_key, object); /* a later key's destructor runs later */
	return NULL;
}

static void t_late_put(void)
{
	struct et_pool *p = make(64, 0, 0, false);
	void *object[2] = { p, NULL };
	pthread_t thread;

	pthread_key_create(&late_key, put_late);
	pthread_create(&thread, NULL, leave_late, object);
	pthread_join(thread, NULL);
	ET_OK(stats(p).gets == 2 && stats(p).puts == 2 && stats(p).live == 0,
	      "gets and puts in a thread's last destructors count");
	pthread_key_delete(late_key);
	et_pool_free(p);
}

static void t_bad_size(void)
{
	struct et_err err = { 0 };

	ET_OK(et_pool_new(&(struct et_pool_opts){ .name = "zero" }, &err) == NULL &&
	      strstr(err.msg, "pool zero") != NULL, "size 0 is refused: %s", err.msg);
	et_pool_free(NULL);
}

int main(void)
{
	t_counts();
	t_large_alignment();
	t_content_survives(24, 5001);
	t_content_survives(5000, 101);
	t_content_survives(65536, 23);
	t_retention(65536, 1 << 20);
	t_retention(40000, 1);
	t_retention(1 << 20, 4 << 20);
	t_small_chunks_go_back();
	t_max_live();
	t_clear(64);
	t_clear(50000);
	t_canary();
	t_threads();
	t_thread_exit();
	t_many_pools();
	t_late_put();
	t_bad_size();
	return tap_done();
}
