/* SPDX-License-Identifier: Apache-2.0
 *
 * Raw system calls, so that an interposed mmap() never sees them (pages.h).  No state. */
#include "base/pages.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *et_pages_new(size_t n)
{
	long at = syscall(SYS_mmap, NULL, n, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

	return at == -1 ? NULL : (void *)at; /* NOLINT: the kernel returns an address */
}

void et_pages_free(void *p, size_t n)
{
	if (p != NULL)
		syscall(SYS_munmap, p, n);
}
