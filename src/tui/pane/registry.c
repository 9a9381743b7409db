/* SPDX-License-Identifier: Apache-2.0
 *
 * The panes in the order of their number keys.  A new pane is a file and a row here (and a place
 * in layout.c's columns if it is not to follow the pattern). */
#include "tui/pane/pane.h"

const struct et_pane *const et_panes[] = {
	&et_pane_builds, &et_pane_cpu, &et_pane_heap, &et_pane_threads, &et_pane_pools,
};
const unsigned et_panes_count = sizeof et_panes / sizeof et_panes[0];
