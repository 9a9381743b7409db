/* SPDX-License-Identifier: Apache-2.0
 *
 * One-slot mailbox: the collector puts the newest snapshot, a consumer takes it when it can.  A
 * snapshot that was not taken in time is replaced, never queued: a slow consumer cannot slow the
 * producer.  The eventfd becomes readable with each put.  Layer: base. */
#ifndef ET_BASE_MBOX_H
#define ET_BASE_MBOX_H

#include <stdatomic.h>
#include <stdint.h>

struct et_mbox {
	_Atomic(const void *) slot;
	atomic_uint_fast64_t n_skipped; /* replaced before they were taken */
	int fd;                         /* eventfd, non-blocking */
};

/* 0, or -1 with errno.  fini does not free what is still in the slot: take it first. */
int et_mbox_init(struct et_mbox *m);
void et_mbox_fini(struct et_mbox *m);

/* Producer thread.  Returns what was displaced (the caller owns it again) or NULL. */
const void *et_mbox_put(struct et_mbox *m, const void *item);

/* Consumer thread.  The newest item, now owned by the caller, or NULL; clears the eventfd. */
const void *et_mbox_take(struct et_mbox *m);

#endif
