/* SPDX-License-Identifier: Apache-2.0
 *
 * From code addresses of a process to functions, files and lines (libdw), each looked up once.
 * Files are opened once for all processes that map them, and what a process has unmapped keeps
 * its name.  Ids are dense and stable for the session.  Layer: profiler/collect; one owner. */
#ifndef ET_COLLECT_SYMBOLS_H
#define ET_COLLECT_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "profiler/agent/region.h"
#include "profiler/collect/hash.h"

struct et_func {
	const char *name;   /* symbol, or MODULE+0xSTART from the unwind table when nothing names it */
	const char *module; /* base name of the ELF file */
	const char *file;   /* of its first line; "" without DWARF */
	uint32_t line;
	bool is_named;
};

/* Whose code a frame is: the agent's own (src/profiler/agent/), and there a function that bears a
 * name of the C library (hook.c).  Known from DWARF; without it all is ET_CODE_OTHER. */
enum et_code { ET_CODE_OTHER, ET_CODE_AGENT, ET_CODE_HOOK };

struct et_frame {
	uint32_t func;
	const char *file; /* "" if unknown */
	uint32_t line;
	enum et_code code;
};

/* The addresses of one process: its region's modules, and what was found already. */
struct et_addrs {
	const struct et_region *region;
	bool is_local;         /* this very process: its modules can be asked for again */
	uint32_t n_modules;    /* as many were known when `frames` was filled */
	struct et_hash frames; /* address -> frame id */
};

struct et_symbols;

/* [own] new   [thr] collector   [sig] no   [err] NULL without memory */
struct et_symbols *et_symbols_new(void);
void et_symbols_free(struct et_symbols *s);
void et_symbols_addrs_fini(struct et_addrs *a);

/* Frame id of a lookup address (agent/stack.h); the same for all addresses of one line of one
 * function.  Never fails: an unknown address is a function of its own module, or "?".
 * [own] none   [thr] collector   [sig] no   [err] 0, the frame "?", without memory */
uint32_t et_symbols_frame(struct et_symbols *s, struct et_addrs *a, uint64_t address);

/* [own] borrows until free   [thr] collector   [sig] no   [err] never (id must be one of ours) */
const struct et_frame *et_symbols_get(const struct et_symbols *s, uint32_t frame);
const struct et_func *et_symbols_func(const struct et_symbols *s, uint32_t func);
uint32_t et_symbols_n_funcs(const struct et_symbols *s);
uint32_t et_symbols_n_frames(const struct et_symbols *s);

#endif
