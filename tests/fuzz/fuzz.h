/* SPDX-License-Identifier: Apache-2.0
 *
 * What each fuzz target has: the function that libFuzzer, or replay.c in its place, calls with
 * any bytes, and a check that both see fail. */
#ifndef ET_TESTS_FUZZ_H
#define ET_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(cond)                                                                      \
	do {                                                                            \
		if (!(cond)) {                                                          \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);      \
			abort();                                                        \
		}                                                                       \
	} while (0)

#endif
