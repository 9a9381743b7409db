/* SPDX-License-Identifier: Apache-2.0
 *
 * CRC-32C with the processor's instruction where it has one (SSE 4.2), else by table; both are
 * compared by a test. */
#include "base/crc32c.h"

#include <string.h>

#define POLY 0x82f63b78u /* reversed 0x1edc6f41 */

static uint32_t by_table(uint32_t crc, const unsigned char *p, size_t n)
{
	while (n-- > 0) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (POLY & (0u - (crc & 1)));
	}
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_cpu(uint32_t crc, const unsigned char *p,
							  size_t n)
{
	uint64_t c = crc;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; n > 0; n--, p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return (uint32_t)c;
}
#endif

uint32_t et_crc32c(uint32_t crc, const void *buf, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_cpu(~crc, buf, n);
#endif
	return ~by_table(~crc, buf, n);
}
