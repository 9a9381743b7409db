/* SPDX-License-Identifier: Apache-2.0
 *
 * Two locale objects, made at the first call (locale.h).  They cannot be constants. */
#include "base/locale.h"

#include <pthread.h>

static locale_t utf8, bytes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void)
{
	utf8 = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
	bytes = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t et_locale_utf8(void)
{
	pthread_once(&once, make);
	return utf8;
}

locale_t et_locale_bytes(void)
{
	pthread_once(&once, make);
	return bytes;
}
