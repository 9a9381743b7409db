/* SPDX-License-Identifier: Apache-2.0
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), for recording frames.  Layer: base. */
#ifndef ET_BASE_CRC32C_H
#define ET_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continue `crc` (0 to begin) over n bytes. */
uint32_t et_crc32c(uint32_t crc, const void *buf, size_t n);

#endif
