/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and foreign bytes as text.  No state, any thread.  Rounding is done on integers, so
 * that the same value prints the same on every machine and locale. */
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* value / unit in three significant digits, rounded half up: 1.23, 12.3, 123 */
static void three_digits(char *buf, size_t n, const char *sign, uint64_t value, uint64_t unit,
			 const char *suffix)
{
	/* unit is at most 2^60 and value below 1000 units, so the products need the wide type */
	uint64_t cents = (uint64_t)(((__uint128_t)value * 100 + unit / 2) / unit);
	uint64_t tenths = (uint64_t)(((__uint128_t)value * 10 + unit / 2) / unit);
	uint64_t whole = (uint64_t)(((__uint128_t)value + unit / 2) / unit);

	if (cents < 1000)
		snprintf(buf, n, "%s%llu.%02llu%s", sign, (unsigned long long)cents / 100,
			 (unsigned long long)cents % 100, suffix);
	else if (tenths < 1000)
		snprintf(buf, n, "%s%llu.%llu%s", sign, (unsigned long long)tenths / 10,
			 (unsigned long long)tenths % 10, suffix);
	else
		snprintf(buf, n, "%s%llu%s", sign, (unsigned long long)whole, suffix);
}

static const char *scaled(char *buf, size_t n, int64_t v, uint64_t base, const char *const *suffix,
			  size_t n_suffix, const char *unit_one)
{
	const char *sign = v < 0 ? "-" : "";
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	uint64_t unit = base;
	size_t i = 0;

	if (u < 1000) {
		snprintf(buf, n, "%s%llu%s", sign, (unsigned long long)u, unit_one);
		return buf;
	}
	/* What would round to 1000 belongs to the next unit: never more than three digits.  That
	 * goes for 1000..1023 B too: 0.98K stays within four columns and the unit. */
	while (i + 1 < n_suffix && (u + unit / 2) / unit >= 1000) {
		unit *= base;
		i++;
	}
	three_digits(buf, n, sign, u, unit, suffix[i]);
	return buf;
}

const char *et_text_bytes(char *buf, size_t n, int64_t bytes)
{
	static const char *const suffix[] = { "K", "M", "G", "T", "P", "E" };

	return scaled(buf, n, bytes, 1024, suffix, 6, " B");
}

const char *et_text_count(char *buf, size_t n, int64_t count)
{
	static const char *const suffix[] = { "k", "M", "G", "T", "P", "E" };

	return scaled(buf, n, count, 1000, suffix, 6, "");
}

const char *et_text_time(char *buf, size_t n, int64_t ns)
{
	static const char *const suffix[] = { "us", "ms", "s" };
	uint64_t s;

	if (ns < INT64_C(99950000000)) /* 100s is not said: minutes then */
		return scaled(buf, n, ns, 1000, suffix, 3, "ns");
	s = (uint64_t)ns / 1000000000u;
	if (s < 3600)
		snprintf(buf, n, "%llum%02llus", (unsigned long long)(s / 60),
			 (unsigned long long)(s % 60));
	else
		snprintf(buf, n, "%lluh%02llum", (unsigned long long)(s / 3600),
			 (unsigned long long)(s / 60 % 60));
	return buf;
}

const char *et_text_clock(char *buf, size_t n, int64_t ns)
{
	uint64_t s = ns < 0 ? 0 : (uint64_t)ns / 1000000000u;

	snprintf(buf, n, "%02llu:%02llu:%02llu", (unsigned long long)(s / 3600),
		 (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
	return buf;
}

size_t et_text_utf8(const char *s, uint32_t *code_point)
{
	const unsigned char *b = (const unsigned char *)s;
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = b[0] < 0x80 ? 1 : b[0] < 0xc0 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3
		   : b[0] < 0xf8 ? 4 : 0;
	uint32_t cp;

	if (len == 0)
		return 0;
	cp = len == 1 ? b[0] : b[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (b[i] & 0x3f);
	}
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return 0;
	*code_point = cp;
	return len;
}

size_t et_text_utf8_put(uint32_t cp, char *buf)
{
	if (cp < 0x80) {
		buf[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		buf[0] = (char)(0xc0 | cp >> 6);
		buf[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		buf[0] = (char)(0xe0 | cp >> 12);
		buf[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		buf[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	buf[0] = (char)(0xf0 | cp >> 18);
	buf[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	buf[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	buf[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* Controls, and characters that reorder or hide their neighbours on a terminal. */
static bool is_hazard(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x61c ||
	       cp == 0x180e || (cp >= 0x1bca0 && cp <= 0x1bca3) ||
	       (cp >= 0x1d173 && cp <= 0x1d17a) ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe0fff);
}

const char *et_text_safe(char *dst, size_t n, const char *src)
{
	size_t at = 0;

	while (*src != '\0') {
		char piece[16];
		uint32_t cp;
		size_t len = et_text_utf8(src, &cp);
		size_t out;

		if (len == 0 || (is_hazard(cp) && len == 1)) {
			out = (size_t)snprintf(piece, sizeof piece, "\\x%02x",
					       (unsigned)(unsigned char)*src);
			len = 1;
		} else if (is_hazard(cp)) {
			out = (size_t)snprintf(piece, sizeof piece, "\\u{%x}", (unsigned)cp);
		} else {
			memcpy(piece, src, len);
			out = len;
		}
		if (at + out >= n)
			break;
		memcpy(dst + at, piece, out);
		at += out;
		src += len;
	}
	dst[at] = '\0';
	return dst;
}

#define WORD_MAX 40

unsigned et_text_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned row[3][WORD_MAX + 1];

	if (na > WORD_MAX || nb > WORD_MAX)
		return strcmp(a, b) == 0 ? 0 : 99;
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *cur = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			cur[j] = best;
		}
	}
	return row[na % 3][nb];
}

const char *et_text_nearest(const char *word, const char *const *candidates, size_t n)
{
	/* two slips in a long word, one in a short one */
	unsigned best = strlen(word) >= 5 ? 3 : 2;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = et_text_distance(word, candidates[i]);

		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
