/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of a recording (docs/recording.md, with the numbered invariants): one file header,
 * then frames.  Both structs are written as they lie in memory: little endian, no padding.
 * Room-private.  Layer: profiler/record. */
#ifndef ET_RECORD_FORMAT_H
#define ET_RECORD_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/crc32c.h"

/* As PNG's: a transfer as text or a 7-bit line spoils it, `type` stops at it. */
#define ET_RECORD_MAGIC "ETREC\r\n\x1a"
#define ET_RECORD_VERSION 1u
#define ET_RECORD_ZSTD_LEVEL 1

struct et_record_head {
	char magic[8];
	uint16_t version;
	uint16_t header_bytes; /* where the first frame begins */
	uint32_t flags;        /* ET_RECORD_MUST_KNOW applies */
	int64_t wall_ns;       /* CLOCK_REALTIME when the file was made */
	uint32_t reserved;     /* 0 */
	uint32_t crc;          /* CRC-32C of the 28 bytes before */
};
_Static_assert(sizeof(struct et_record_head) == 32, "the header is a disk format");

#define ET_FRAME_MAGIC "\xe7" "ETF"
#define ET_FRAME_SNAPSHOT 1u /* payload: one zstd frame that holds one whole snapshot block */
#define ET_FRAME_FINAL 1u    /* flag: the session ended with this one */

/* Flags in the upper half change the meaning: a reader that does not know one must not guess. */
#define ET_RECORD_MUST_KNOW 0xffff0000u

struct et_record_frame {
	char magic[4];
	uint16_t type;         /* ET_FRAME_*; an unknown one is skipped whole */
	uint16_t header_bytes; /* 48; more in a later version, the tail is then skipped */
	uint32_t flags;
	uint32_t length;       /* of the payload, without the padding to a multiple of 8 */
	uint32_t raw_length;   /* of the payload when decompressed */
	uint32_t payload_crc;  /* CRC-32C of payload and padding */
	uint64_t seq;          /* as in the snapshot's header */
	int64_t t_ns;          /* likewise */
	uint32_t reserved;     /* 0 */
	uint32_t crc;          /* CRC-32C of the header's bytes before; its last 4 in any version */
};
_Static_assert(sizeof(struct et_record_frame) == 48, "the frame header is a disk format");

#define ET_FRAME_HEADER_MAX 256u            /* keeps the search after damage linear */
#define ET_FRAME_RAW_MAX (256u << 20)       /* what a reader will decompress */
#define ET_FRAME_T_MAX_NS (INT64_C(1) << 61)  /* 73 years: sums of two times stay in range */

static inline size_t et_record_align8(size_t n) { return (n + 7) & ~(size_t)7; }

#endif
