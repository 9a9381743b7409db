/* SPDX-License-Identifier: Apache-2.0
 *
 * One ELF file that some process maps, open for names: a thin wrapper over libdwfl.  Addresses
 * here are those of the file's symbol table.  Layer: profiler/collect; one owner. */
#ifndef ET_COLLECT_ELFFILE_H
#define ET_COLLECT_ELFFILE_H

#include <stdbool.h>
#include <stdint.h>

struct et_elffile;

/* path: absolute, or "[vdso]".  A file that cannot be read still gives module-relative names.
 * [own] new   [thr] collector   [sig] no   [err] NULL without memory */
struct et_elffile *et_elffile_open(const char *path);
void et_elffile_close(struct et_elffile *f);

/* Start of the function that holds `address`, and its symbol (NULL: nothing names it, the start
 * is that of its unwind entry; 0 if it has none either).
 * [own] borrows until close   [thr] collector   [sig] no   [err] never */
uint64_t et_elffile_func(struct et_elffile *f, uint64_t address, const char **symbol);

/* Source line of an address; NULL without DWARF.
 * [own] borrows until close   [thr] collector   [sig] no   [err] NULL */
const char *et_elffile_line(struct et_elffile *f, uint64_t address, uint32_t *line);

#endif
