/* SPDX-License-Identifier: Apache-2.0
 *
 * TAP 12 for our C tests, as much as prove needs.  One test file = one program:
 *
 *   static void t_round_trip(void) { ET_OK(1 + 1 == 2, "sums"); ET_IS_INT(f(), 3, "f"); }
 *   int main(void) { t_round_trip(); return tap_done(); }
 */
#ifndef ET_TESTS_TAP_H
#define ET_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_n, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static int tap_ok(int is_ok, const char *file,
								 int line, const char *fmt, ...)
{
	va_list ap;

	tap_n++;
	printf("%sok %d - ", is_ok ? "" : "not ", tap_n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!is_ok) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return is_ok;
}

__attribute__((unused)) static int tap_str(const char *got, const char *want, const char *file,
					   int line, const char *name)
{
	int is_ok = got != NULL && strcmp(got, want) == 0;

	tap_ok(is_ok, file, line, "%s", name);
	if (!is_ok)
		printf("#  got: %s\n# want: %s\n", got == NULL ? "(null)" : got, want);
	return is_ok;
}

__attribute__((unused)) static int tap_int(int64_t got, int64_t want, const char *file, int line,
					   const char *name)
{
	int is_ok = got == want;

	tap_ok(is_ok, file, line, "%s", name);
	if (!is_ok)
		printf("#  got: %" PRId64 "\n# want: %" PRId64 "\n", got, want);
	return is_ok;
}

#define ET_OK(cond, ...) tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)
#define ET_IS_STR(got, want, name) tap_str((got), (want), __FILE__, __LINE__, (name))
#define ET_IS_INT(got, want, name) tap_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, (name))

/* A case that cannot run here: says why, counts as passed. */
__attribute__((unused)) static void tap_skip(const char *name, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_n, name, why);
}

static int tap_done(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed == 0 ? 0 : 1;
}

#endif
