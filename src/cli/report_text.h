/* SPDX-License-Identifier: Apache-2.0
 *
 * One snapshot as the closing report for a person.  Layer: cli. */
#ifndef ET_CLI_REPORT_TEXT_H
#define ET_CLI_REPORT_TEXT_H

#include "engine-top/snapshot.h"

/* A pure function of the snapshot: UTF-8 lines of at most 100 columns, no escapes, every number
 * with its unit, failed targets first.  `title`: what ran (preset, file); may be hostile.
 * [own] new: free() it   [thr] any   [sig] no   [err] NULL without memory */
char *et_report_text(const struct et_snapshot *snap, const char *title);

#endif
