/* SPDX-License-Identifier: Apache-2.0
 * The one-slot mailbox: newest wins, nothing is lost twice or freed twice, the descriptor wakes. */
#include "base/mbox.h"

#include <poll.h>
#include <pthread.h>

#include "tap.h"

#define PUTS 20000

static int is_readable(const struct et_mbox *m)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void t_one_thread(void)
{
	static const int a = 1, b = 2;
	struct et_mbox m;

	ET_IS_INT(et_mbox_init(&m), 0, "a mailbox");
	ET_OK(et_mbox_take(&m) == NULL && !is_readable(&m), "is empty");
	ET_OK(et_mbox_put(&m, &a) == NULL && is_readable(&m), "a put wakes");
	ET_OK(et_mbox_put(&m, &b) == &a, "a second displaces the first");
	ET_IS_INT(atomic_load(&m.n_skipped), 1, "which is counted");
	ET_OK(et_mbox_take(&m) == &b && !is_readable(&m), "the newest is taken, and quiet again");
	ET_OK(et_mbox_take(&m) == NULL, "once");
	et_mbox_fini(&m);
	et_mbox_fini(&m);
	ET_IS_INT(m.fd, -1, "releasing twice is fine");
}

struct shared {
	struct et_mbox m;
	int items[PUTS];
	int seen[PUTS]; /* by either side; each item must come back once */
	int is_ordered;
};

static void *produce(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < PUTS; i++) {
		const int *old;

		s->items[i] = i;
		old = et_mbox_put(&s->m, &s->items[i]);
		if (old != NULL)
			__atomic_fetch_add(&s->seen[*old], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void t_two_threads(void)
{
	static struct shared s;
	pthread_t thread;
	int last = -1, n_once = 0, n_taken = 0;

	et_mbox_init(&s.m);
	s.is_ordered = 1;
	pthread_create(&thread, NULL, produce, &s);
	while (last < PUTS - 1) {
		struct pollfd p = { .fd = s.m.fd, .events = POLLIN };
		const int *got;

		if (poll(&p, 1, 30000) != 1)
			break; /* a lost wake-up shows below */
		got = et_mbox_take(&s.m);
		if (got == NULL)
			continue;
		s.is_ordered &= *got > last;
		last = *got;
		n_taken++;
		__atomic_fetch_add(&s.seen[last], 1, __ATOMIC_RELAXED);
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < PUTS; i++)
		n_once += s.seen[i] == 1;
	ET_IS_INT(last, PUTS - 1, "the last item arrives: no wake-up is lost");
	ET_OK(s.is_ordered, "newer after older");
	ET_IS_INT(n_once, PUTS, "each item came back to one side, once");
	ET_IS_INT(atomic_load(&s.m.n_skipped) + (uint64_t)n_taken, PUTS,
		  "taken and skipped are all");
	et_mbox_fini(&s.m);
}

int main(void)
{
	t_one_thread();
	t_two_threads();
	return tap_done();
}
