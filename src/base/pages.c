/* SPDX-License-Identifier: Apache-2.0
 *
 * Raw system calls, so that an interposed mmap() never sees them (pages.h).  Sanitizer builds
 * interpose nothing of ours, and their own mmap() must see it: an address that comes back is then
 * new memory, not a race with its former owner.  No state. */
#include "base/pages.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROT (PROT_READ | PROT_WRITE)
#define FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

void *et_pages_new(size_t n)
{
#ifdef ET_NO_INTERPOSE
	void *at = mmap(NULL, n, PROT, FLAGS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
#else
	long at = syscall(SYS_mmap, NULL, n, PROT, FLAGS, -1, 0L);

	return at == -1 ? NULL : (void *)at; /* NOLINT: the kernel returns an address */
#endif
}

void et_pages_free(void *p, size_t n)
{
	if (p == NULL)
		return;
#ifdef ET_NO_INTERPOSE
	munmap(p, n);
#else
	syscall(SYS_munmap, p, n);
#endif
}
