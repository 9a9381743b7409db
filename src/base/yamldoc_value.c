/* SPDX-License-Identifier: Apache-2.0
 *
 * Scalars of a YAML document as numbers, sizes, times, yes or no (yamldoc.h).  Each parser is a
 * pure function of the text; what it refuses is told at the node, with the form that would do.
 * No state, any thread. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/yamldoc.h"

#define SHOWN 64 /* how much of a foreign word an error repeats */

/* "KEY: 'TEXT' is not WHAT; write FORM" at the node. */
static int fail_value(const struct et_yamldoc *doc, const struct et_yaml *node, struct et_err *err,
		      const char *what, const char *form)
{
	const char *key = node->key != NULL ? node->key : "value";
	char shown[SHOWN], label[SHOWN];

	et_text_safe(label, sizeof label, key);
	if (node->kind != ET_YAML_SCALAR || node->text[0] == '\0')
		return et_yamldoc_err(doc, node, err, "%s: %s is not %s; write %s", label,
				      et_yamldoc_kind_text(node), what, form);
	return et_yamldoc_err(doc, node, err, "%s: '%s' is not %s; write %s", label,
			      et_text_safe(shown, sizeof shown, node->text), what, form);
}

/* Digits at *s to *out, *s behind them; false without a digit or above INT64_MAX. */
static bool digits(const char **s, int64_t *out)
{
	int64_t v = 0;

	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, **s - '0', &v))
			return false;
	*out = v;
	return true;
}

static bool parse_int(const char *s, int64_t *out)
{
	bool is_negative = *s == '-';

	s += is_negative;
	if (!digits(&s, out) || *s != '\0')
		return false;
	if (is_negative)
		*out = -*out;
	return true;
}

int et_yamldoc_int(const struct et_yamldoc *doc, const struct et_yaml *node, int64_t least,
		   int64_t most, int64_t *out, struct et_err *err)
{
	char form[96];
	int64_t v;

	if (most == INT64_MAX)
		snprintf(form, sizeof form, "one of at least %lld", (long long)least);
	else
		snprintf(form, sizeof form, "one from %lld to %lld", (long long)least,
			 (long long)most);
	if (node->kind != ET_YAML_SCALAR || !parse_int(node->text, &v))
		return fail_value(doc, node, err, "a whole number", form);
	if (v < least || v > most)
		return fail_value(doc, node, err, "a number in range", form);
	*out = v;
	return 0;
}

static bool parse_bytes(const char *s, int64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	int64_t v;

	if (!digits(&s, &v))
		return false;
	unit = *s == '\0' ? NULL : strchr(units, toupper((unsigned char)*s));
	if (*s != '\0' && (unit == NULL || s[1] != '\0'))
		return false;
	if (unit != NULL &&
	    __builtin_mul_overflow(v, INT64_C(1) << 10 * (unit - units + 1), &v))
		return false;
	*out = v;
	return true;
}

int et_yamldoc_bytes(const struct et_yamldoc *doc, const struct et_yaml *node, int64_t *out,
		     struct et_err *err)
{
	if (node->kind != ET_YAML_SCALAR || !parse_bytes(node->text, out))
		return fail_value(doc, node, err, "a number of bytes",
				  "it like 4096, 64K, 1M or 2G");
	return 0;
}

static bool parse_duration(const char *s, int64_t *out)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ms", INT64_C(1000000) },
		{ "s", INT64_C(1000000000) },
		{ "m", INT64_C(60000000000) },
		{ "h", INT64_C(3600000000000) },
	};
	int64_t v;

	if (!digits(&s, &v))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(s, units[i].name) == 0)
			return !__builtin_mul_overflow(v, units[i].ns, out);
	return false;
}

int et_yamldoc_duration(const struct et_yamldoc *doc, const struct et_yaml *node, int64_t *out_ns,
			struct et_err *err)
{
	int64_t ns;

	if (node->kind != ET_YAML_SCALAR || !parse_duration(node->text, &ns))
		return fail_value(doc, node, err, "a duration", "it like 250ms, 30s, 10m or 1h");
	*out_ns = ns;
	return 0;
}

int et_yamldoc_bool(const struct et_yamldoc *doc, const struct et_yaml *node, bool *out,
		    struct et_err *err)
{
	bool is_true = node->kind == ET_YAML_SCALAR && strcmp(node->text, "true") == 0;

	if (!is_true && (node->kind != ET_YAML_SCALAR || strcmp(node->text, "false") != 0))
		return fail_value(doc, node, err, "a yes or no", "true or false");
	*out = is_true;
	return 0;
}
