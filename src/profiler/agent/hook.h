/* SPDX-License-Identifier: Apache-2.0
 * Are malloc and friends interposed in this build?  Layer: profiler/agent. */
#ifndef ET_AGENT_HOOK_H
#define ET_AGENT_HOOK_H

#include <stdbool.h>

/* [own] none   [thr] any   [sig] safe   [err] never */
bool et_hook_is_on(void);

#endif
