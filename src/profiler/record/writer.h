/* SPDX-License-Identifier: Apache-2.0
 * Room-private: what the recorder asks of its writer.  Layer: profiler/record. */
#ifndef ET_RECORD_WRITER_H
#define ET_RECORD_WRITER_H

#include "profiler/record/record.h"

/* Bytes of whole frames (and file header) in the file behind a sink of et_record_create().
 * [own] none   [thr] the sink's   [sig] no   [err] never */
uint64_t et_writer_bytes(const struct et_sink *sink);

#endif
