/* SPDX-License-Identifier: Apache-2.0
 * CRC-32C against published values, and its two ways against each other: the file is included
 * whole to reach the one that this machine does not choose. */
#include "base/crc32c.c" /* NOLINT: see above */

#include "tap.h"

static void t_known(void)
{
	unsigned char buf[32];

	ET_IS_INT(et_crc32c(0, "123456789", 9), 0xe3069283, "check value of the Castagnoli CRC");
	ET_IS_INT(et_crc32c(0, "", 0), 0, "nothing is 0");
	ET_IS_INT(et_crc32c(0, "a", 1), 0xc1d04330, "one byte");
	memset(buf, 0, sizeof buf);
	ET_IS_INT(et_crc32c(0, buf, 32), 0x8a9136aa, "RFC 3720 B.4: 32 zeroes");
	memset(buf, 0xff, sizeof buf);
	ET_IS_INT(et_crc32c(0, buf, 32), 0x62a8ab43, "RFC 3720 B.4: 32 ones");
	for (unsigned char i = 0; i < 32; i++)
		buf[i] = i;
	ET_IS_INT(et_crc32c(0, buf, 32), 0x46dd794e, "RFC 3720 B.4: ascending");
	for (unsigned char i = 0; i < 32; i++)
		buf[i] = (unsigned char)(31 - i);
	ET_IS_INT(et_crc32c(0, buf, 32), 0x113fdb5c, "RFC 3720 B.4: descending");
}

static void t_pieces(void)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog, twice";
	uint32_t whole = et_crc32c(0, text, sizeof text);
	int n_wrong = 0;

	for (size_t cut = 0; cut <= sizeof text; cut++)
		n_wrong += et_crc32c(et_crc32c(0, text, cut), text + cut, sizeof text - cut) !=
			   whole;
	ET_IS_INT(n_wrong, 0, "two pieces are the whole, wherever it is cut");
}

static void t_ways(void)
{
	unsigned char buf[300];
	uint32_t x = 12345;
	int n_wrong = 0;

	for (size_t i = 0; i < sizeof buf; i++)
		buf[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
#if defined(__x86_64__)
	if (!__builtin_cpu_supports("sse4.2")) {
		tap_skip("both ways agree", "no SSE 4.2 here");
		return;
	}
	for (size_t from = 0; from < 16; from++)
		for (size_t n = 0; from + n <= sizeof buf; n++)
			n_wrong += by_cpu(~0u, buf + from, n) != by_table(~0u, buf + from, n);
	ET_IS_INT(n_wrong, 0, "both ways agree, at every length and alignment");
#else
	n_wrong += ~by_table(~0u, buf, sizeof buf) != et_crc32c(0, buf, sizeof buf);
	ET_IS_INT(n_wrong, 0, "the table is what is used here");
#endif
}

int main(void)
{
	t_known();
	t_pieces();
	t_ways();
	return tap_done();
}
