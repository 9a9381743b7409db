/* SPDX-License-Identifier: Apache-2.0
 *
 * Where snapshots go besides the screen (a recorder; later http).  Layer: include/.
 */
#ifndef ENGINE_TOP_SINK_H
#define ENGINE_TOP_SINK_H

#include "engine-top/snapshot.h"

struct et_sink {
	void *self;
	/* Keep or write `snap`; borrows it until it returns.  Called by the sink's own thread, may
	 * block on disk.  0, or -1 and *err: the sink is then closed, the session goes on. */
	int (*put)(void *self, const struct et_snapshot *snap, struct et_err *err);
	/* Flush and free.  0 or -1 and *err. */
	int (*close)(void *self, struct et_err *err);
};

#endif
