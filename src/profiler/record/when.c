/* SPDX-License-Identifier: Apache-2.0
 *
 * Moments of a recording as people write them: 12.5s, 00:01:05, -30s, 50%.  Pure; all in
 * integers, so that the answer does not depend on the locale. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "profiler/record/record.h"

/* Digits with an optional fraction, as millionths; NULL if there is no digit at *s or more of
 * them than any session has seconds. */
static const char *decimal(const char *s, int64_t *millionths)
{
	size_t whole = strspn(s, "0123456789"), part;
	int64_t v = 0, unit = 100000;

	if (whole == 0 || whole > 9)
		return NULL;
	for (size_t i = 0; i < whole; i++)
		v = v * 10 + (s[i] - '0') * INT64_C(1000000);
	s += whole;
	if (*s != '.') {
		*millionths = v;
		return s;
	}
	part = strspn(++s, "0123456789");
	for (size_t i = 0; i < part; i++, unit /= 10)
		v += (s[i] - '0') * unit;
	*millionths = v;
	return part == 0 ? NULL : s + part;
}

static bool is_span(const char *text, int64_t *ns)
{
	static const struct { const char *unit; int64_t ns_per_millionth; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	};
	int64_t millionths;
	const char *rest = decimal(text, &millionths);

	for (size_t i = 0; rest != NULL && i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(rest, units[i].unit) != 0)
			continue;
		if (__builtin_mul_overflow(millionths, units[i].ns_per_millionth, ns))
			*ns = INT64_MAX; /* will be held to the recording's end */
		return true;
	}
	return false;
}

/* HH:MM:SS or MM:SS, the seconds with an optional fraction. */
static bool is_clock(const char *text, int64_t *ns)
{
	int64_t field[3] = { 0, 0, 0 };
	int n = 0;

	for (;;) {
		const char *rest = n < 3 ? decimal(text, &field[n]) : NULL;
		bool has_fraction = rest != NULL && memchr(text, '.', (size_t)(rest - text)) != NULL;

		if (rest == NULL || (n > 0 && field[n] >= INT64_C(60000000)) ||
		    (*rest == ':' && has_fraction))
			return false;
		n++;
		if (*rest == '\0')
			break;
		if (*rest != ':')
			return false;
		text = rest + 1;
	}
	if (n < 2 || field[0] > INT64_C(99999) * 1000000)
		return false;
	*ns = 0;
	for (int i = 0; i < n; i++)
		*ns = *ns * 60 + field[i] * 1000;
	return true;
}

static bool is_percent(const char *text, int64_t *millionths)
{
	const char *rest = decimal(text, millionths);

	return rest != NULL && strcmp(rest, "%") == 0;
}

static int64_t hold(int64_t t_ns, int64_t least, int64_t most)
{
	return t_ns < least ? least : t_ns > most ? most : t_ns;
}

int et_recording_parse_time(const struct et_recording *r, const char *text, int64_t *t_ns,
			    struct et_err *err)
{
	int64_t first = et_recording_time_ns(r, 0);
	int64_t last = et_recording_time_ns(r, et_recording_frames(r) - 1);
	bool is_from_end = text[0] == '-';
	int64_t v, t;

	if (is_span(text + is_from_end, &v) || is_clock(text + is_from_end, &v))
		t = is_from_end ? last - v : v; /* neither is negative: no overflow */
	else if (!is_from_end && is_percent(text, &v))
		t = v >= 100000000 ? last :
		    first + (int64_t)((__int128_t)(last - first) * v / 100000000);
	else
		return et_err_set(err, ET_EXIT_INPUT,
				  "bad time '%s': write 12.5s, 00:01:05, -30s (from the end) or 50%%",
				  text);
	*t_ns = hold(t, first, last);
	return 0;
}
