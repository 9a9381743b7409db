/* SPDX-License-Identifier: Apache-2.0
 * Numbers with units, UTF-8, text made safe, suggestions, errors. */
#include "base/text.h"

#include "engine-top/err.h"
#include "tap.h"

typedef const char *format_fn(char *buf, size_t n, int64_t v);

static void t_numbers(void)
{
	static const struct {
		format_fn *fn;
		int64_t v;
		const char *want;
	} cases[] = {
		{ et_text_bytes, 0, "0 B" },
		{ et_text_bytes, 999, "999 B" },
		{ et_text_bytes, 1000, "0.98K" },
		{ et_text_bytes, 1023, "1.00K" },
		{ et_text_bytes, 1024, "1.00K" },
		{ et_text_bytes, 1536, "1.50K" },
		{ et_text_bytes, 10 * 1024, "10.0K" },
		{ et_text_bytes, 100 * 1024, "100K" },
		{ et_text_bytes, 999 * 1024, "999K" },
		{ et_text_bytes, 1000 * 1024, "0.98M" },
		{ et_text_bytes, 43201331, "41.2M" },
		{ et_text_bytes, INT64_C(1610612736), "1.50G" },
		{ et_text_bytes, -1536, "-1.50K" },
		{ et_text_bytes, INT64_MAX, "8.00E" },
		{ et_text_bytes, INT64_MIN, "-8.00E" },
		{ et_text_count, 999, "999" },
		{ et_text_count, 1000, "1.00k" },
		{ et_text_count, 41249, "41.2k" },
		{ et_text_count, 41250, "41.3k" },
		{ et_text_count, 9995, "10.0k" },
		{ et_text_count, 99950, "100k" },
		{ et_text_count, 999499, "999k" },
		{ et_text_count, 999500, "1.00M" },
		{ et_text_count, 1500000, "1.50M" },
		{ et_text_count, INT64_MAX, "9.22E" },
		{ et_text_count, -5, "-5" },
		{ et_text_time, 0, "0ns" },
		{ et_text_time, 980, "980ns" },
		{ et_text_time, 1500, "1.50us" },
		{ et_text_time, 41249999, "41.2ms" },
		{ et_text_time, 1500000000, "1.50s" },
		{ et_text_time, INT64_C(99949999999), "99.9s" },
		{ et_text_time, INT64_C(99950000000), "1m39s" },
		{ et_text_time, INT64_C(100000000000), "1m40s" },
		{ et_text_time, INT64_C(125000000000), "2m05s" },
		{ et_text_time, INT64_C(3599999999999), "59m59s" },
		{ et_text_time, INT64_C(3720000000000), "1h02m" },
		{ et_text_time, INT64_MAX, "2562047h47m" },
		{ et_text_time, -1500, "-1.50us" },
		{ et_text_clock, 0, "00:00:00" },
		{ et_text_clock, INT64_C(67999999999), "00:01:07" },
		{ et_text_clock, INT64_C(360000000000000), "100:00:00" },
		{ et_text_clock, -1, "00:00:00" },
	};
	char buf[ET_NUM], few[4];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char what[64];

		snprintf(what, sizeof what, "%" PRId64 " is %s", cases[i].v, cases[i].want);
		ET_IS_STR(cases[i].fn(buf, sizeof buf, cases[i].v), cases[i].want, what);
	}
	ET_IS_STR(et_text_bytes(few, sizeof few, 43201331), "41.", "a short buffer is not overrun");
}

/* No number is wider, whatever its size. */
static void t_width(void)
{
	size_t widest = 0;
	char buf[ET_NUM];

	for (int64_t v = 1; v < INT64_MAX / 3; v = v * 3 / 2 + 1) {
		size_t n = strlen(et_text_bytes(buf, sizeof buf, v));

		widest = n > widest ? n : widest;
	}
	ET_IS_INT(widest, 5, "never more than four columns and a unit");
}

static void t_utf8(void)
{
	static const struct {
		const char *s;
		size_t len;
		uint32_t cp;
	} cases[] = {
		{ "a", 1, 'a' },
		{ "\xc3\xa9", 2, 0xe9 },
		{ "\xe2\x82\xac", 3, 0x20ac },
		{ "\xf0\x9f\x98\x80", 4, 0x1f600 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		{ "\x80", 0, 0 },             /* a continuation alone */
		{ "\xc3", 0, 0 },             /* cut short */
		{ "\xe2\x82", 0, 0 },
		{ "\xf0\x9f\x98", 0, 0 },
		{ "\xc3(", 0, 0 },            /* not a continuation */
		{ "\xc0\xaf", 0, 0 },         /* overlong */
		{ "\xe0\x80\xaf", 0, 0 },
		{ "\xf0\x80\x80\xaf", 0, 0 },
		{ "\xed\xa0\x80", 0, 0 },     /* a surrogate */
		{ "\xf4\x90\x80\x80", 0, 0 }, /* above U+10FFFF */
		{ "\xf8\x88\x80\x80\x80", 0, 0 },
		{ "\xff", 0, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t cp = 0;
		size_t len = et_text_utf8(cases[i].s, &cp);

		ET_OK(len == cases[i].len && cp == cases[i].cp, "UTF-8 case %zu: %zu bytes, U+%04x",
		      i, len, (unsigned)cp);
	}
}

static void t_utf8_round(void)
{
	int n_wrong = 0;

	for (uint32_t cp = 1; cp <= 0x10ffff; cp++) {
		char buf[5] = { 0 };
		uint32_t back = 0;

		if (cp >= 0xd800 && cp < 0xe000)
			continue;
		n_wrong += et_text_utf8_put(cp, buf) != et_text_utf8(buf, &back) || back != cp;
	}
	ET_IS_INT(n_wrong, 0, "every code point comes back");
}

static const char *safe(const char *s)
{
	static char buf[200];

	return et_text_safe(buf, sizeof buf, s);
}

static void t_safe(void)
{
	char buf[8];

	ET_IS_STR(safe("plain text"), "plain text", "plain text stays");
	ET_IS_STR(safe("caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80"),
		  "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80", "so does any script");
	ET_IS_STR(safe("\033[2J\a\r\n\t\x7f"), "\\x1b[2J\\x07\\x0d\\x0a\\x09\\x7f", "controls");
	ET_IS_STR(safe("\xc2\x9b" "31m"), "\\u{9b}31m", "C1 control, an escape of its own");
	ET_IS_STR(safe("a\xff" "b\xc3"), "a\\xffb\\xc3", "invalid UTF-8, byte by byte");
	ET_IS_STR(safe("a\xe2\x80\xae" "txt.exe"), "a\\u{202e}txt.exe", "bidirectional override");
	ET_IS_STR(safe("\xe2\x81\xa6x\xe2\x80\x8b\xef\xbb\xbf\xc2\xad"),
		  "\\u{2066}x\\u{200b}\\u{feff}\\u{ad}", "isolate, zero width, BOM, soft hyphen");
	ET_IS_STR(safe("\xe1\xa0\x8e\xf0\x9d\x85\xb3\xf3\xa0\x81\x81"),
		  "\\u{180e}\\u{1d173}\\u{e0041}", "invisible separators and tags");
	ET_IS_STR(et_text_safe(buf, sizeof buf, "abcdefghij"), "abcdefg", "cut to the buffer");
	ET_IS_STR(et_text_safe(buf, sizeof buf, "abcdef\xc3\xa9"), "abcdef",
		  "not inside a character");
	ET_IS_STR(et_text_safe(buf, sizeof buf, "abcde\033"), "abcde", "not inside an escape");
	ET_IS_STR(et_text_safe(buf, 1, "abc"), "", "a buffer of one");
	ET_IS_STR(et_text_safe(buf, sizeof buf, ""), "", "nothing");
}

static void t_distance(void)
{
	char a[60], b[60];

	ET_IS_INT(et_text_distance("", ""), 0, "equal");
	ET_IS_INT(et_text_distance("abc", ""), 3, "all gone");
	ET_IS_INT(et_text_distance("", "abc"), 3, "all new");
	ET_IS_INT(et_text_distance("kitten", "sitting"), 3, "the textbook's");
	ET_IS_INT(et_text_distance("imgae", "image"), 1, "two letters swapped");
	ET_IS_INT(et_text_distance("ca", "abc"), 3, "a swap is not edited again");
	memset(a, 'a', sizeof a);
	memset(b, 'a', sizeof b);
	a[40] = b[39] = '\0';
	ET_IS_INT(et_text_distance(a, b), 1, "40 letters are compared");
	a[40] = 'a';
	a[41] = '\0';
	ET_OK(et_text_distance(a, b) > 8, "longer ones are far from all but themselves");
	ET_IS_INT(et_text_distance(a, a), 0, "and near themselves");
}

static void t_nearest(void)
{
	static const char *const words[] = { "name", "kind", "needs", "context", "output" };

	ET_IS_STR(et_text_nearest("contxt", words, 5), "context", "one letter missing");
	ET_IS_STR(et_text_nearest("outptu", words, 5), "output", "two swapped");
	ET_IS_STR(et_text_nearest("nam", words, 5), "name", "short word, one slip");
	ET_OK(et_text_nearest("nem", words, 5) == NULL, "short word, two slips: no guess");
	ET_IS_STR(et_text_nearest("contexst", words, 5), "context", "long word");
	ET_OK(et_text_nearest("colour", words, 5) == NULL, "a stranger");
	ET_OK(et_text_nearest("name", words, 0) == NULL, "nothing to choose from");
}

static void t_err(void)
{
	struct et_err err = { 0 };
	char long_name[1200];

	ET_IS_INT(et_err_set(&err, ET_EXIT_INPUT, "bad %s", "thing\033[0m\n"), -1, "always -1");
	ET_IS_STR(err.msg, "bad thing\\x1b[0m\\x0a", "the message is safe and one line");
	ET_OK(err.code == ET_EXIT_INPUT && err.sys_errno == 0, "its code");
	et_err_sys(&err, ET_EXIT_JOB, 2, "later");
	ET_OK(err.code == ET_EXIT_INPUT && strncmp(err.msg, "bad", 3) == 0, "the first cause wins");
	et_err_clear(&err);
	et_err_sys(&err, ET_EXIT_JOB, 28, "cannot write '%s'", "x");
	ET_IS_STR(err.msg, "cannot write 'x': No space left on device", "with the system's reason");
	ET_IS_INT(err.sys_errno, 28, "and its number");
	ET_IS_INT(et_err_set(NULL, ET_EXIT_JOB, "x"), -1, "nobody has to listen");
	memset(long_name, '\033', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	et_err_clear(&err);
	et_err_sys(&err, ET_EXIT_INPUT, 2, "cannot open '%s'", long_name);
	ET_OK(strlen(err.msg) < sizeof err.msg && strncmp(err.msg, "cannot open '\\x1b", 17) == 0,
	      "a very long name is cut");
}

int main(void)
{
	t_numbers();
	t_width();
	t_utf8();
	t_utf8_round();
	t_safe();
	t_distance();
	t_nearest();
	t_err();
	return tap_done();
}
