/* SPDX-License-Identifier: Apache-2.0
 *
 * One atomic exchange each way (mbox.h).  Producer: collector.  Consumer: ui, recorder, ... */
#include "base/mbox.h"

#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

int et_mbox_init(struct et_mbox *m)
{
	atomic_init(&m->slot, NULL);
	atomic_init(&m->n_skipped, 0);
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return m->fd < 0 ? -1 : 0;
}

void et_mbox_fini(struct et_mbox *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

const void *et_mbox_put(struct et_mbox *m, const void *item)
{
	const void *old = atomic_exchange(&m->slot, item);
	uint64_t one = 1;

	if (old != NULL)
		atomic_fetch_add(&m->n_skipped, 1);
	/* cannot fail but by overflow, and then it is readable anyway */
	if (write(m->fd, &one, sizeof one) < 0)
		return old;
	return old;
}

const void *et_mbox_take(struct et_mbox *m)
{
	uint64_t n;

	if (read(m->fd, &n, sizeof n) < 0) {
		/* nothing signalled; the slot decides */
	}
	return atomic_exchange(&m->slot, NULL);
}
