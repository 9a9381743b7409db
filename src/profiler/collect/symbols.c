/* SPDX-License-Identifier: Apache-2.0
 *
 * Interned functions and frames (symbols.h) over the files that processes map (elffile.c).  Runs
 * on the collector thread only; owns every string it hands out.  An address costs some 10 us
 * once, a hash probe afterwards. */
#include "profiler/collect/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/collect/elffile.h"
#include "profiler/collect/grow.h"

struct file {
	const char *path, *name; /* name: its last part */
	struct et_elffile *elf;
};

struct et_symbols {
	struct et_hash by_start, by_line, by_text;
	struct file *files;
	struct et_func *funcs;
	struct et_frame *frames;
	char **texts; /* interned file and module names */
	uint32_t n_files, room_files, n_funcs, room_funcs, n_frames, room_frames, n_texts, room_texts;
};

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
	if (!et_grow(&s->texts, s->n_texts, &s->room_texts, sizeof *s->texts))
		return "";
	s->texts[s->n_texts] = strdup(text);
	if (s->texts[s->n_texts] == NULL || !et_hash_put(&s->by_text, h, s->n_texts))
		return "";
	return s->texts[s->n_texts++];
}

static uint32_t add_func(struct et_symbols *s, const struct et_func *f)
{
	if (!et_grow(&s->funcs, s->n_funcs, &s->room_funcs, sizeof *s->funcs))
		return 0;
	s->funcs[s->n_funcs] = *f;
	return s->n_funcs++;
}

static uint32_t add_frame(struct et_symbols *s, const struct et_frame *f)
{
	if (!et_grow(&s->frames, s->n_frames, &s->room_frames, sizeof *s->frames))
		return 0;
	s->frames[s->n_frames] = *f;
	return s->n_frames++;
}

struct et_symbols *et_symbols_new(void)
{
	static const struct et_func unknown = { .name = "?", .module = "?", .file = "" };
	static const struct et_frame nowhere = { .file = "" };
	struct et_symbols *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
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
	for (uint32_t i = 0; i < s->n_files; i++)
		et_elffile_close(s->files[i].elf);
	free(s->files);
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

static const char *base_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');

	return path == NULL ? "?" : slash != NULL ? slash + 1 : path;
}

/* Paths are interned, so that the same path is the same pointer. */
static struct file *file_of(struct et_symbols *s, const char *path)
{
	struct file f = { .path = intern(s, path) };

	for (uint32_t i = 0; i < s->n_files; i++)
		if (s->files[i].path == f.path)
			return &s->files[i];
	if (!et_grow(&s->files, s->n_files, &s->room_files, sizeof *s->files))
		return NULL;
	f.name = base_name(f.path);
	f.elf = et_elffile_open(f.path);
	if (f.elf == NULL)
		return NULL;
	s->files[s->n_files] = f;
	return &s->files[s->n_files++];
}

static uint32_t func_of(struct et_symbols *s, struct file *file, uint64_t address)
{
	struct et_func f = { .module = intern(s, file->name) };
	uint64_t key, start;
	const char *symbol, *src;
	char made[256];
	uint32_t id;

	start = et_elffile_func(file->elf, address, &symbol);
	key = et_hash_mix(start + 1) ^ (uint64_t)(uintptr_t)file->path;
	if (et_hash_get(&s->by_start, key, &id))
		return id;
	snprintf(made, sizeof made, "%s+0x%llx", file->name, (unsigned long long)start);
	f.is_named = symbol != NULL;
	f.name = intern(s, symbol != NULL ? symbol : start == 0 ? file->name : made);
	src = et_elffile_line(file->elf, start, &f.line);
	f.file = intern(s, src);
	id = add_func(s, &f);
	et_hash_put(&s->by_start, key, id);
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

/* The module of an address.  In this very process one may have been loaded since the last look. */
static const struct et_module *module_of(struct et_addrs *a, uint64_t address)
{
	const struct et_module *m = et_region_module(a->region, address);

	if (m == NULL && a->is_local) {
		et_region_note_modules();
		m = et_region_module(a->region, address);
	}
	return m;
}

static enum et_code code_of(const struct et_func *f)
{
	const char *at = strstr(f->file, "profiler/agent/");

	if (at == NULL)
		return ET_CODE_OTHER;
	return strcmp(at, "profiler/agent/hook.c") == 0 ? ET_CODE_HOOK : ET_CODE_AGENT;
}

static uint32_t look_up(struct et_symbols *s, struct et_addrs *a, uint64_t address)
{
	const struct et_module *m = module_of(a, address);
	struct file *file = m == NULL ? NULL : file_of(s, m->path);
	struct et_frame f = { 0 };
	const char *src;

	if (file == NULL)
		return 0;
	f.func = func_of(s, file, address - m->bias);
	src = et_elffile_line(file->elf, address - m->bias, &f.line);
	f.file = intern(s, src);
	f.code = code_of(&s->funcs[f.func]);
	return frame_of(s, &f);
}

uint32_t et_symbols_frame(struct et_symbols *s, struct et_addrs *a, uint64_t address)
{
	uint32_t n_modules = atomic_load(&a->region->n_modules), id;

	if (n_modules != a->n_modules) { /* an address may mean something else now */
		et_hash_fini(&a->frames);
		a->n_modules = n_modules;
	}
	if (et_hash_get(&a->frames, address, &id))
		return id;
	id = look_up(s, a, address);
	et_hash_put(&a->frames, address, id);
	return id;
}

void et_symbols_addrs_fini(struct et_addrs *a)
{
	et_hash_fini(&a->frames);
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
