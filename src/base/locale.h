/* SPDX-License-Identifier: Apache-2.0
 *
 * Locales that do not depend on the user's: made once for the process, never freed (two threads
 * that make and free their own meet in glibc's shared tables).  For uselocale(3) around a call.
 * Layer: base.  Any thread, not in signal context. */
#ifndef ET_BASE_LOCALE_H
#define ET_BASE_LOCALE_H

#include <locale.h>

/* C.UTF-8; (locale_t)0 if the system has none. */
locale_t et_locale_utf8(void);
/* "C": characters are bytes. */
locale_t et_locale_bytes(void);

#endif
