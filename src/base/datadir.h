/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the shipped files are: $ENV if set, else NAME/ in the checkout that the running program
 * was built in (two or three folders above the executable, recognised by its Makefile beside
 * NAME/), else PREFIX/share/engine-top/NAME.  Layer: base. */
#ifndef ET_BASE_DATADIR_H
#define ET_BASE_DATADIR_H

#include <stddef.h>

/* Writes the folder's path to out; 0, or -1 if none of the places exists. */
int et_datadir(const char *name, const char *env, char *out, size_t n);

#endif
