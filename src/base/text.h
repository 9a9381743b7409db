/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that people see: numbers with units, and bytes of unknown origin made safe to print.
 * Layer: base.  Pure functions; none allocates. */
#ifndef ET_BASE_TEXT_H
#define ET_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define ET_NUM 24 /* enough for every number below */

/* Each formats into buf (n bytes) and returns buf, to be used inside printf arguments.
 * bytes:   0 B, 999 B, 1.00K, 41.2M, 1.50G   (powers of 1024; three digits)
 * count:   0, 999, 1.00k, 41.2k, 1.50M       (powers of 1000)
 * time:    980ns, 1.50us, 41.2ms, 1.50s, 2m05s, 1h02m
 * clock:   00:01:07 */
const char *et_text_bytes(char *buf, size_t n, int64_t bytes);
const char *et_text_count(char *buf, size_t n, int64_t count);
const char *et_text_time(char *buf, size_t n, int64_t ns);
const char *et_text_clock(char *buf, size_t n, int64_t ns);

/* Decode one UTF-8 sequence at s (NUL-terminated).  Returns its length 1..4 and the code point,
 * or 0 if the bytes are not valid UTF-8 (overlong, surrogate, > U+10FFFF, cut short). */
size_t et_text_utf8(const char *s, uint32_t *code_point);

/* Encode; returns the length 1..4 (buf needs 4). */
size_t et_text_utf8_put(uint32_t code_point, char *buf);

/* Copy src to dst (n > 0 bytes, always NUL-terminated, cut at a character boundary) with every
 * byte that could disturb a terminal written as \xNN or \u{N}: controls (C0, C1, DEL), invalid
 * UTF-8, bidirectional overrides and other invisible format characters.  Returns dst. */
const char *et_text_safe(char *dst, size_t n, const char *src);

/* Damerau-Levenshtein distance, for "did you mean"; stops caring above 8. */
unsigned et_text_distance(const char *a, const char *b);

/* The candidate nearest to `word`, or NULL if none is near enough to suggest. */
const char *et_text_nearest(const char *word, const char *const *candidates, size_t n);

#endif
