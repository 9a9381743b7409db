/* SPDX-License-Identifier: Apache-2.0
 *
 * Names for addresses through elfutils' libdwfl (symbols.h).  Runs on the collector thread only;
 * owns every string it hands out.  An address costs some 10 us once, a hash probe afterwards.
 *
 * What names a function, best first: a symbol (.symtab, .dynsym, .gnu_debugdata, a separate
 * debug file that is installed); else the start of its entry in the unwind table, which even a
 * stripped library has; else the module.  Debug files are looked for on this machine only: a
 * profiler must not start downloading. */
#include "profiler/collect/symbols.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profiler/collect/hash.h"

struct et_symbols {
	Dwfl *dwfl;
	Dwfl_Callbacks callbacks;
	struct et_hash by_address, by_start, by_line, by_text;
	struct et_func *funcs;
	struct et_frame *frames;
	char **texts; /* interned file and module names */
	uint32_t n_funcs, room_funcs, n_frames, room_frames, n_texts, room_texts;
};

static bool grow(void *array, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t wide = *room == 0 ? 256 : *room * 2;
	void *more;

	if (n < *room)
		return true;
	more = realloc(*(void **)array, wide * size);
	if (more == NULL)
		return false;
	*(void **)array = more;
	*room = wide;
	return true;
}

static const char *intern(struct et_symbols *s, const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);
	uint32_t ix;

	if (text == NULL || *text == '\0')
		return "";
	for (const char *p = text; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	for (; et_hash_get(&s->by_text, h, &ix); h++)
		if (strcmp(s->texts[ix], text) == 0)
			return s->texts[ix];
	if (!grow(&s->texts, s->n_texts, &s->room_texts, sizeof *s->texts))
		return "";
	s->texts[s->n_texts] = strdup(text);
	if (s->texts[s->n_texts] == NULL || !et_hash_put(&s->by_text, h, s->n_texts))
		return "";
	return s->texts[s->n_texts++];
}

static uint32_t add_func(struct et_symbols *s, const struct et_func *f)
{
	if (!grow(&s->funcs, s->n_funcs, &s->room_funcs, sizeof *s->funcs))
		return 0;
	s->funcs[s->n_funcs] = *f;
	return s->n_funcs++;
}

static uint32_t add_frame(struct et_symbols *s, const struct et_frame *f)
{
	if (!grow(&s->frames, s->n_frames, &s->room_frames, sizeof *s->frames))
		return 0;
	s->frames[s->n_frames] = *f;
	return s->n_frames++;
}

static int find_debuginfo(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base,
			  const char *file, const char *link, GElf_Word crc, char **path)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (urls != NULL && *urls != '\0') /* the standard search would go to the network */
		return dwfl_build_id_find_debuginfo(mod, user, name, base, file, link, crc, path);
	return dwfl_standard_find_debuginfo(mod, user, name, base, file, link, crc, path);
}

static void report_modules(struct et_symbols *s)
{
	dwfl_report_begin_add(s->dwfl);
	(void)dwfl_linux_proc_report(s->dwfl, getpid());
	(void)dwfl_report_end(s->dwfl, NULL, NULL);
}

struct et_symbols *et_symbols_new(void)
{
	static const struct et_func unknown = { .name = "?", .module = "?", .file = "" };
	static const struct et_frame nowhere = { .file = "" };
	struct et_symbols *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->callbacks.find_elf = dwfl_linux_proc_find_elf;
	s->callbacks.find_debuginfo = find_debuginfo;
	s->dwfl = dwfl_begin(&s->callbacks);
	add_func(s, &unknown);
	add_frame(s, &nowhere);
	if (s->n_frames == 0 || s->n_funcs == 0) {
		et_symbols_free(s);
		return NULL;
	}
	return s;
}

void et_symbols_free(struct et_symbols *s)
{
	if (s == NULL)
		return;
	if (s->dwfl != NULL)
		dwfl_end(s->dwfl);
	et_hash_fini(&s->by_address);
	et_hash_fini(&s->by_start);
	et_hash_fini(&s->by_line);
	et_hash_fini(&s->by_text);
	for (uint32_t i = 0; i < s->n_texts; i++)
		free(s->texts[i]);
	free(s->texts);
	free(s->funcs);
	free(s->frames);
	free(s);
}

static Dwfl_Module *module_of(struct et_symbols *s, Dwarf_Addr address)
{
	Dwfl_Module *mod;

	if (s->dwfl == NULL)
		return NULL;
	mod = dwfl_addrmodule(s->dwfl, address);
	if (mod == NULL) { /* loaded since the last look */
		report_modules(s);
		mod = dwfl_addrmodule(s->dwfl, address);
	}
	return mod;
}

/* Start of the unwind table's entry for the address; 0 if there is none. */
static Dwarf_Addr fde_start(Dwfl_Module *mod, Dwarf_Addr address)
{
	Dwarf_Addr bias, start = 0;
	Dwarf_Frame *frame = NULL;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(mod, &bias);

	if (cfi == NULL || dwarf_cfi_addrframe(cfi, address - bias, &frame) != 0)
		return 0;
	dwarf_frame_info(frame, &start, NULL, NULL);
	free(frame);
	return start == 0 ? 0 : start + bias;
}

static const char *base_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');

	return path == NULL ? "?" : slash != NULL ? slash + 1 : path;
}

static const char *line_of(struct et_symbols *s, Dwfl_Module *mod, Dwarf_Addr address, uint32_t *line)
{
	Dwfl_Line *src = dwfl_module_getsrc(mod, address);
	int number = 0;
	const char *file = src == NULL ? NULL : dwfl_lineinfo(src, NULL, &number, NULL, NULL, NULL);

	*line = file == NULL || number < 0 ? 0 : (uint32_t)number;
	return intern(s, file);
}

static uint32_t func_of(struct et_symbols *s, Dwfl_Module *mod, Dwarf_Addr address)
{
	struct et_func f = { .file = "" };
	Dwarf_Addr low = 0, start;
	const char *path = NULL, *symbol;
	GElf_Off offset = 0;
	GElf_Sym sym;
	char made[256];
	uint32_t id;

	f.module = intern(s, base_name(dwfl_module_info(mod, NULL, &low, NULL, NULL, NULL, &path, NULL)));
	if (path != NULL && *path != '\0')
		f.module = intern(s, base_name(path));
	symbol = dwfl_module_addrinfo(mod, address, &offset, &sym, NULL, NULL, NULL);
	start = symbol != NULL ? address - offset : fde_start(mod, address);
	if (start == 0)
		start = low;
	if (et_hash_get(&s->by_start, start, &id))
		return id;
	snprintf(made, sizeof made, "%s+0x%llx", f.module, (unsigned long long)(start - low));
	f.is_named = symbol != NULL;
	f.name = intern(s, symbol != NULL ? symbol : made);
	f.file = line_of(s, mod, start, &f.line);
	id = add_func(s, &f);
	et_hash_put(&s->by_start, start, id);
	return id;
}

/* One frame for all addresses of a line of a function. */
static uint32_t frame_of(struct et_symbols *s, const struct et_frame *f)
{
	uint64_t key = et_hash_mix((uint64_t)f->func << 32 | f->line) ^ (uint64_t)(uintptr_t)f->file;
	uint32_t id;

	for (; et_hash_get(&s->by_line, key, &id); key++) {
		const struct et_frame *g = &s->frames[id];

		if (g->func == f->func && g->line == f->line && g->file == f->file)
			return id;
	}
	id = add_frame(s, f);
	et_hash_put(&s->by_line, key, id);
	return id;
}

uint32_t et_symbols_frame(struct et_symbols *s, uint64_t address)
{
	struct et_frame f = { .file = "" };
	Dwfl_Module *mod;
	uint32_t id;

	if (et_hash_get(&s->by_address, address, &id))
		return id;
	mod = module_of(s, address);
	if (mod != NULL) {
		f.func = func_of(s, mod, address);
		f.file = line_of(s, mod, address, &f.line);
	}
	id = mod == NULL ? 0 : frame_of(s, &f);
	et_hash_put(&s->by_address, address, id);
	return id;
}

enum et_code et_symbols_code(struct et_symbols *s, uint64_t address)
{
	const struct et_frame *f = et_symbols_get(s, et_symbols_frame(s, address));
	const char *at = strstr(et_symbols_func(s, f->func)->file, "profiler/agent/");

	if (at == NULL)
		return ET_CODE_OTHER;
	return strcmp(at, "profiler/agent/hook.c") == 0 ? ET_CODE_HOOK : ET_CODE_AGENT;
}

const struct et_frame *et_symbols_get(const struct et_symbols *s, uint32_t frame)
{
	return &s->frames[frame < s->n_frames ? frame : 0];
}

const struct et_func *et_symbols_func(const struct et_symbols *s, uint32_t func)
{
	return &s->funcs[func < s->n_funcs ? func : 0];
}

uint32_t et_symbols_n_funcs(const struct et_symbols *s) { return s->n_funcs; }

uint32_t et_symbols_n_frames(const struct et_symbols *s) { return s->n_frames; }
