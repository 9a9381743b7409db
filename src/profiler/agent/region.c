/* SPDX-License-Identifier: Apache-2.0
 *
 * Making the region, and its table of modules (region.h).  One region a process. */
#include "profiler/agent/region.h"

#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/pages.h"

/* Process-wide because a process has one; private to this file. */
static _Atomic(struct et_region *) here;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t modules_lock = PTHREAD_MUTEX_INITIALIZER;

static void make(void)
{
	struct et_region *r = NULL;
	uint32_t n;

	for (n = ET_SLOTS_MAX; n >= 64 && r == NULL; n /= 4)
		r = et_pages_new(sizeof *r + n * sizeof r->slots[0]);
	if (r == NULL)
		return;
	r->n_slots_max = n * 4;
	strcpy(r->allocators[ET_ALLOCATOR_GLIBC].name, "glibc");
	r->allocators[ET_ALLOCATOR_GLIBC].kind = ET_ALLOC_LIBC;
	strcpy(r->allocators[ET_ALLOCATOR_MMAP].name, "mmap");
	r->allocators[ET_ALLOCATOR_MMAP].kind = ET_ALLOC_MMAP;
	atomic_store(&r->n_allocators, 2);
	atomic_store_explicit(&here, r, memory_order_release);
}

struct et_region *et_region_peek(void)
{
	return atomic_load_explicit(&here, memory_order_acquire);
}

struct et_region *et_region_here(void)
{
	pthread_once(&once, make);
	return et_region_peek();
}

/* ---- modules ------------------------------------------------------------------------------- */

const struct et_module *et_region_module(const struct et_region *r, uint64_t address)
{
	uint32_t n = atomic_load_explicit(&r->n_modules, memory_order_acquire);

	while (n > 0) /* newest first */
		if (address >= r->modules[--n].begin && address < r->modules[n].end)
			return &r->modules[n];
	return NULL;
}

static bool is_known(const struct et_region *r, const struct et_module *m)
{
	const struct et_module *k = et_region_module(r, m->begin);

	return k != NULL && k->begin == m->begin && k->end == m->end && k->bias == m->bias &&
	       strcmp(k->path, m->path) == 0;
}

static void copy_path(struct et_module *m, const char *path)
{
	size_t n = strnlen(path, sizeof m->path - 1);

	memcpy(m->path, path, n);
	m->path[n] = '\0';
}

static void set_path(struct et_module *m, const struct dl_phdr_info *info)
{
	static const char program[] = "/proc/self/exe";
	char path[PATH_MAX];
	ssize_t n;

	if (info->dlpi_name == NULL || info->dlpi_name[0] == '\0') {
		n = readlink(program, path, sizeof path - 1);
		path[n > 0 ? n : 0] = '\0';
		copy_path(m, path);
	} else if (m->begin == getauxval(AT_SYSINFO_EHDR)) {
		copy_path(m, "[vdso]");
	} else if (realpath(info->dlpi_name, path) != NULL) { /* libz.so.1 -> libz.so.1.2.13 */
		copy_path(m, path);
	} else {
		copy_path(m, info->dlpi_name);
	}
}

static int note(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct et_region *r = arg;
	struct et_module m = { .bias = info->dlpi_addr, .begin = UINT64_MAX };
	uint32_t n = atomic_load(&r->n_modules);

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD)
			continue;
		if (m.bias + p->p_vaddr < m.begin)
			m.begin = m.bias + p->p_vaddr;
		if (m.bias + p->p_vaddr + p->p_memsz > m.end)
			m.end = m.bias + p->p_vaddr + p->p_memsz;
	}
	set_path(&m, info);
	if (n == ET_MODULES_MAX || m.begin >= m.end || is_known(r, &m))
		return 0;
	m.generation = n;
	r->modules[n] = m;
	atomic_store_explicit(&r->n_modules, n + 1, memory_order_release);
	return 0;
}

void et_region_note_modules(void)
{
	struct et_region *r = et_region_here();

	if (r == NULL)
		return;
	pthread_mutex_lock(&modules_lock);
	dl_iterate_phdr(note, r);
	pthread_mutex_unlock(&modules_lock);
}
