/* SPDX-License-Identifier: Apache-2.0
 *
 * libdwfl for one file (elffile.h).  Collector thread only.
 *
 * What names a function, best first: a symbol (.symtab, .dynsym, .gnu_debugdata, a separate
 * debug file that is installed); else the start of its entry in the unwind table, which even a
 * stripped library has.  Debug files are looked for on this machine only: a profiler must not
 * start downloading. */
#include "profiler/collect/elffile.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

struct et_elffile {
	Dwfl *dwfl;
	Dwfl_Callbacks callbacks;
	Dwfl_Module *mod; /* NULL: the file cannot be read */
};

static int find_debuginfo(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base,
			  const char *file, const char *link, GElf_Word crc, char **path)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (urls != NULL && *urls != '\0') /* the standard search would go to the network */
		return dwfl_build_id_find_debuginfo(mod, user, name, base, file, link, crc, path);
	return dwfl_standard_find_debuginfo(mod, user, name, base, file, link, crc, path);
}

/* The vdso is no file; it is the same in all processes, so ours will do. */
static int find_vdso(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, char **path,
		     Elf **elf)
{
	uintptr_t at = getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)at;

	(void)mod;
	(void)user;
	(void)name;
	(void)base;
	(void)path;
	if (at != 0)
		*elf = elf_memory((char *)at, head->e_shoff + (size_t)head->e_shnum *
							      head->e_shentsize);
	return -1; /* no descriptor */
}

struct et_elffile *et_elffile_open(const char *path)
{
	struct et_elffile *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->callbacks.find_elf = find_vdso;
	f->callbacks.find_debuginfo = find_debuginfo;
	f->dwfl = dwfl_begin(&f->callbacks);
	if (f->dwfl == NULL)
		return f;
	dwfl_report_begin(f->dwfl);
	if (strcmp(path, "[vdso]") == 0)
		f->mod = dwfl_report_module(f->dwfl, path, 0, 1 << 16);
	else
		f->mod = dwfl_report_elf(f->dwfl, path, path, -1, 0, true);
	dwfl_report_end(f->dwfl, NULL, NULL);
	return f;
}

void et_elffile_close(struct et_elffile *f)
{
	if (f == NULL)
		return;
	if (f->dwfl != NULL)
		dwfl_end(f->dwfl);
	free(f);
}

/* Start of the unwind table's entry for the address; 0 if there is none. */
static uint64_t fde_start(Dwfl_Module *mod, Dwarf_Addr address)
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

uint64_t et_elffile_func(struct et_elffile *f, uint64_t address, const char **symbol)
{
	GElf_Off offset = 0;
	GElf_Sym sym;

	*symbol = NULL;
	if (f->mod == NULL)
		return 0;
	*symbol = dwfl_module_addrinfo(f->mod, address, &offset, &sym, NULL, NULL, NULL);
	return *symbol != NULL ? address - offset : fde_start(f->mod, address);
}

const char *et_elffile_line(struct et_elffile *f, uint64_t address, uint32_t *line)
{
	Dwfl_Line *src = f->mod == NULL ? NULL : dwfl_module_getsrc(f->mod, address);
	int number = 0;
	const char *file = src == NULL ? NULL : dwfl_lineinfo(src, NULL, &number, NULL, NULL, NULL);

	*line = file == NULL || number < 0 ? 0 : (uint32_t)number;
	return file;
}
