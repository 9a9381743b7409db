/* SPDX-License-Identifier: Apache-2.0
 *
 * Error values on the caller's stack (err.h).  The first cause wins: a later failure while
 * cleaning up must not hide what went wrong first. */
#include "engine-top/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void fill(struct et_err *err, enum et_exit code, int errno_value, const char *fmt, va_list ap)
{
	char raw[sizeof err->msg];
	int n = vsnprintf(raw, sizeof raw, fmt, ap);

	if (errno_value != 0 && n >= 0 && (size_t)n < sizeof raw) {
		char why[128];

		snprintf(raw + n, sizeof raw - (size_t)n, ": %s",
			 strerror_r(errno_value, why, sizeof why));
	}
	err->code = code;
	err->sys_errno = errno_value;
	et_text_safe(err->msg, sizeof err->msg, raw);
}

int et_err_set(struct et_err *err, enum et_exit code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL || err->code != ET_EXIT_OK)
		return -1;
	va_start(ap, fmt);
	fill(err, code, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int et_err_sys(struct et_err *err, enum et_exit code, int errno_value, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL || err->code != ET_EXIT_OK)
		return -1;
	va_start(ap, fmt);
	fill(err, code, errno_value, fmt, ap);
	va_end(ap);
	return -1;
}

void et_err_clear(struct et_err *err)
{
	memset(err, 0, sizeof *err);
}
