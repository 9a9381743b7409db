/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the shipped files are: $ENV if set, else NAME/ in the checkout that the running program
 * was built in (two or three folders above the executable, recognised by its Makefile beside
 * NAME/), else PREFIX/share/engine-top/NAME.  Layer: base. */
#ifndef ET_BASE_DATADIR_H
#define ET_BASE_DATADIR_H

#include <stddef.h>

#include "engine-top/err.h"

/* Writes the folder's path to out; 0, or -1 if none of the places exists. */
int et_datadir(const char *name, const char *env, char *out, size_t n);

/* Why et_datadir() failed: the variable names no folder (ET_EXIT_INPUT), or nothing is installed
 * (ET_EXIT_LACK).  Returns -1. */
int et_datadir_err(const char *name, const char *env, struct et_err *err);

#endif
