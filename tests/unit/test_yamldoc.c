/* SPDX-License-Identifier: Apache-2.0
 * The YAML reader: what it accepts, node by node, and every refusal by its exact words. */
#include "base/yamldoc.h"

#include <fcntl.h>

#include "base/io.h"
#include "tap.h"

/* Refusals: the message of this text; NULL if it was accepted. */
static const char *refusal_n(const char *bytes, size_t n)
{
	static char msg[1000];
	struct et_err err = { 0 };
	struct et_yamldoc doc;

	if (et_yamldoc_parse(&doc, "f.yaml", bytes, n, &err) == 0) {
		et_yamldoc_fini(&doc);
		return NULL;
	}
	if (err.code != ET_EXIT_INPUT || doc.root != NULL || doc.nodes != NULL)
		return "(refused, but with another code or with a document left over)";
	snprintf(msg, sizeof msg, "%s", err.msg);
	return msg;
}

static const char *refusal(const char *text) { return refusal_n(text, strlen(text)); }

static void t_tree(void)
{
	static const char text[] = "# comment\n"
				   "one: 1\n"
				   "two: [a, 'b', \"c\\td\"]\n"
				   "three:\n"
				   "  four: {x: }\n"
				   "  five: |\n"
				   "    block\n";
	struct et_err err = { 0 };
	struct et_yamldoc doc;
	const struct et_yaml *one, *two, *three, *four;

	ET_IS_INT(et_yamldoc_parse(&doc, "f", text, sizeof text - 1, &err), 0,
		  "a document is read");
	ET_OK(doc.root->kind == ET_YAML_MAP && doc.root->line == 2 && doc.root->column == 1,
	      "its root is a map at 2:1");
	ET_IS_INT(doc.n_nodes, 10, "every value is a node");
	one = et_yamldoc_get(doc.root, "one");
	ET_IS_STR(one->text, "1", "a scalar");
	ET_OK(one->is_plain && one->line == 2 && one->column == 6 && one->key_line == 2 &&
	      one->key_column == 1, "its place, and its key's");
	two = et_yamldoc_get(doc.root, "two");
	ET_OK(two->kind == ET_YAML_LIST && two->first->next->next->next == NULL, "a list of three");
	ET_IS_STR(two->first->text, "a", "first item");
	ET_OK(two->first->is_plain && two->first->key == NULL, "plain, without a key");
	ET_IS_STR(two->first->next->text, "b", "second item");
	ET_OK(!two->first->next->is_plain, "quoted");
	ET_IS_STR(two->first->next->next->text, "c\td", "third item, escape undone");
	three = et_yamldoc_get(doc.root, "three");
	four = et_yamldoc_get(three, "four");
	ET_IS_STR(et_yamldoc_get(four, "x")->text, "", "nothing is an empty scalar");
	ET_OK(four->line == 5 && four->column == 9 && four->key_column == 3,
	      "a nested map's place");
	ET_IS_STR(et_yamldoc_get(three, "five")->text, "block\n", "a block of text");
	ET_OK(et_yamldoc_get(doc.root, "six") == NULL && et_yamldoc_get(one, "x") == NULL &&
	      et_yamldoc_get(NULL, "x") == NULL, "what is not there is NULL");
	et_yamldoc_fini(&doc);
	et_yamldoc_fini(&doc);
	ET_OK(doc.root == NULL, "releasing twice is fine");
}

static void t_refusals(void)
{
	static const struct {
		const char *what, *text, *msg;
	} cases[] = {
		{ "empty", "", "f.yaml:1:1: empty; lines of KEY: VALUE are expected" },
		{ "only comments", "# a\n\n# b\n",
		  "f.yaml:1:1: empty; lines of KEY: VALUE are expected" },
		{ "only a marker", "---\n", "f.yaml:1:1: empty; lines of KEY: VALUE are expected" },
		{ "tab before a key", "a:\n\tb: 1\n",
		  "f.yaml:2:1: a tab in the indentation; indent with spaces" },
		{ "tab after spaces", "a:\n  b: 1\n  \tc: 2\n",
		  "f.yaml:3:3: a tab in the indentation; indent with spaces" },
		{ "duplicate key", "a: 1\nb: 2\na: 3\n",
		  "f.yaml:3:1: duplicate key 'a'; it is already given at line 1, column 1" },
		{ "duplicate key, inner map", "a:\n  x: 1\n  y: 2\n  \"x\": 3\n",
		  "f.yaml:4:3: duplicate key 'x'; it is already given at line 2, column 3" },
		{ "control character", "a: \033[2J\n",
		  "f.yaml:1:4: control character 0x1b; YAML is plain text, escape it in double "
		  "quotes" },
		{ "invalid UTF-8", "a: 1\nb: x\xff\n",
		  "f.yaml:2:5: byte 0xff is not valid UTF-8; save the file in UTF-8" },
		{ "Latin-1", "name: caf\xe9\n",
		  "f.yaml:1:10: byte 0xe9 is not valid UTF-8; save the file in UTF-8" },
		{ "character cut by the end", "a: \xe2\x82",
		  "f.yaml:1:4: byte 0xe2 is not valid UTF-8; save the file in UTF-8" },
		{ "surrogate", "a: \xed\xa0\x80\n",
		  "f.yaml:1:4: byte 0xed is not valid UTF-8; save the file in UTF-8" },
		{ "anchor", "a: &x 1\n",
		  "f.yaml:1:4: anchors (&) and aliases (*) are not used here; write the value "
		  "out" },
		{ "anchor of a list", "a: &x [1]\n",
		  "f.yaml:1:4: anchors (&) and aliases (*) are not used here; write the value "
		  "out" },
		{ "anchor of a map", "&x {a: 1}\n",
		  "f.yaml:1:1: anchors (&) and aliases (*) are not used here; write the value "
		  "out" },
		{ "alias", "a: *x\n",
		  "f.yaml:1:4: anchors (&) and aliases (*) are not used here; write the value "
		  "out" },
		{ "pattern that looks like an alias", "a: *.o\n",
		  "f.yaml:1:5: anchors (&) and aliases (*) are not used here; write the value out, "
		  "or quote it" },
		{ "alias bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
		  "f.yaml:1:4: anchors (&) and aliases (*) are not used here; write the value "
		  "out" },
		{ "tag", "a: !!str 1\n", "f.yaml:1:4: tags (!) are not used here; remove the tag" },
		{ "tag of a list", "a: !x [1]\n",
		  "f.yaml:1:4: tags (!) are not used here; remove the tag" },
		{ "unknown tag handle", "a: !e!x 1\n",
		  "f.yaml:1:4: tags (!) are not used here; remove the tag" },
		{ "directive", "%YAML 1.1\n---\na: 1\n",
		  "f.yaml:1:1: '%' directives are not used here; remove the line" },
		{ "second document", "a: 1\n---\nb: 2\n",
		  "f.yaml:2:1: a second document; one document a file, remove the '---'" },
		{ "text after the end", "a: 1\n...\nb: 2\n",
		  "f.yaml:3:1: text that does not belong to what is above; check the indentation, "
		  "one document a file" },
		{ "a list as key", "? [a]\n: 1\n",
		  "f.yaml:1:3: a list or map cannot be a key; write KEY: VALUE, or quote the key" },
		{ "a map as key", "{{a: 1}: 2}\n",
		  "f.yaml:1:2: a list or map cannot be a key; write KEY: VALUE, or quote the key" },
		{ "template braces", "name: {{ name }}\n",
		  "f.yaml:1:8: a list or map cannot be a key; write KEY: VALUE, or quote the key" },
		{ "empty key", "\"\": 1\n", "f.yaml:1:1: an empty key; write KEY: VALUE" },
		{ "NUL by escape", "a: \"x\\0y\"\n",
		  "f.yaml:1:4: a NUL character in a value; remove the \\0" },
		{ "colon in a value", "a: b: c\n",
		  "f.yaml:1:5: a ':' where no key can be; check the indentation, or quote the "
		  "value" },
		{ "line without colon", "a: 1\nb\n",
		  "f.yaml:3:1: a key without ':'; write KEY: VALUE" },
		{ "open double quote", "a: 1\nb: \"x\nc: 2\n",
		  "f.yaml:2:4: a quote that is never closed; close it" },
		{ "open single quote", "b: 'x\n",
		  "f.yaml:1:4: a quote that is never closed; close it" },
		{ "open list", "a: [1, 2\nb: 3\n",
		  "f.yaml:2:2: a '[' list that is not closed; write [a, b]" },
		{ "open map", "a: {b: 1\n",
		  "f.yaml:2:1: a '{' map that is not closed; write {a: 1, b: 2}" },
		{ "odd indentation of a key", "a:\n    b: 1\n  c: 2\n",
		  "f.yaml:3:3: indentation that fits no line above; keys of one map begin in the "
		  "same column" },
		{ "odd indentation at the top", "  a: 1\nb: 2\n",
		  "f.yaml:2:1: text that does not belong to what is above; check the indentation, "
		  "one document a file" },
		{ "a key among items", "- a\nb: 1\n",
		  "f.yaml:2:1: indentation that fits no line above; items of one list begin in the "
		  "same column" },
		{ "item behind a key", "a: - b\n",
		  "f.yaml:1:4: a '-' item cannot begin here; put it on a line of its own" },
		{ "reserved character", "a: @b\n",
		  "f.yaml:1:4: this character cannot begin a value; put the value in quotes" },
		{ "unknown escape", "a: \"\\d\"\n",
		  "f.yaml:1:5: unknown escape in double quotes; use single quotes, or \\\\ for a "
		  "backslash" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ET_IS_STR(refusal(cases[i].text), cases[i].msg, cases[i].what);
	ET_IS_STR(refusal_n("a: \0b\n", 6),
		  "f.yaml:1:4: a NUL byte: this is a binary or UTF-16 file; YAML in UTF-8 is "
		  "expected", "NUL byte");
	ET_IS_STR(refusal_n("\xff\xfe" "a\0", 4),
		  "f.yaml:1:1: byte 0xff is not valid UTF-8; save the file in UTF-8", "UTF-16");
}

static char *repeat(const char *before, const char *unit, size_t times, const char *after)
{
	size_t n_unit = strlen(unit);
	char *text = malloc(strlen(before) + n_unit * times + strlen(after) + 1);
	char *to = stpcpy(text, before);

	for (size_t i = 0; i < times; i++, to += n_unit)
		memcpy(to, unit, n_unit);
	strcpy(to, after);
	return text;
}

static void is_refused(const char *what, const char *before, const char *unit, size_t times,
		       const char *after, const char *msg)
{
	char *text = repeat(before, unit, times, after);
	const char *got = refusal(text);

	if (msg == NULL)
		ET_OK(got == NULL, "%s", what);
	else
		ET_IS_STR(got, msg, what);
	free(text);
}

static void t_limits(void)
{
	is_refused("50,000 lists deep, flow", "a: ", "[", 50000, "",
		   "f.yaml:1:35: lists and maps nested deeper than 32; flatten them");
	is_refused("50,000 lists deep, closed", "", "[", 50000, "]",
		   "f.yaml:1:33: lists and maps nested deeper than 32; flatten them");
	is_refused("50,000 lists deep, block", "", "- ", 50000, "x",
		   "f.yaml:1:65: lists and maps nested deeper than 32; flatten them");
	is_refused("50,000 maps deep", "", "{a: ", 50000, "",
		   "f.yaml:1:129: lists and maps nested deeper than 32; flatten them");
	is_refused("32 deep is read", "", "- ", 32, "x", NULL);
	is_refused("33 deep is not", "", "- ", 33, "x",
		   "f.yaml:1:65: lists and maps nested deeper than 32; flatten them");
	is_refused("10,000 values are read", "", "- x\n", 9999, "", NULL);
	is_refused("10,001 are not", "", "- x\n", 10000, "",
		   "f.yaml:10000:3: more than 10000 values; split the file");
	is_refused("1 MiB is read", "a: ", "x", (1 << 20) - 3, "", NULL);
	is_refused("one byte more is not", "a: ", "x", (1 << 20) - 2, "",
		   "f.yaml:1:1: 1048577 bytes; at most 1048576 are read");
	is_refused("escapes that grow are read", "a: \"", "\\L", 500000, "\"", NULL);
	is_refused("100,000 %TAG lines", "", "%TAG !a! b\n", 90000, "",
		   "f.yaml:1:1: '%' directives are not used here; remove the line");
	is_refused("a long foreign word is shortened", "a: 1\n\"", "\xc3\xa9", 400, "\": 1\n",
		   NULL);
}

static void t_many_keys(void)
{
	char *text = malloc(20 * 9999 + 20), *to = text;
	struct et_err err = { 0 };
	struct et_yamldoc doc;
	size_t n;

	for (int i = 0; i < 9999; i++)
		to += sprintf(to, "key%d: %d\n", i, i);
	n = (size_t)(to - text);
	ET_IS_INT(et_yamldoc_parse(&doc, "f", text, n, &err), 0, "9,999 keys in one map");
	ET_IS_STR(et_yamldoc_get(doc.root, "key9998")->text, "9998", "the last one is there");
	et_yamldoc_fini(&doc);
	strcpy(to - strlen("key9998: 9998\n"), "key17: x\n");
	ET_IS_STR(refusal(text),
		  "f.yaml:9999:1: duplicate key 'key17'; it is already given at line 18, column 1",
		  "a duplicate among them is found");
	free(text);
}

/* ---- values -------------------------------------------------------------------------------- */

enum type { INT, BYTES, DURATION, BOOL };

/* The value or the message of `v: TEXT`. */
static const char *value(enum type type, const char *text)
{
	static char out[1000];
	struct et_err err = { 0 };
	struct et_yamldoc doc;
	const struct et_yaml *node;
	char yaml[200];
	int64_t number = 0;
	bool is_true = false;
	int rc;

	snprintf(yaml, sizeof yaml, "v: %s\n", text);
	if (et_yamldoc_parse(&doc, "f", yaml, strlen(yaml), &err) != 0)
		return "(not YAML)";
	node = et_yamldoc_get(doc.root, "v");
	if (type == INT)
		rc = et_yamldoc_int(&doc, node, -5, 64, &number, &err);
	else if (type == BYTES)
		rc = et_yamldoc_bytes(&doc, node, &number, &err);
	else if (type == DURATION)
		rc = et_yamldoc_duration(&doc, node, &number, &err);
	else
		rc = et_yamldoc_bool(&doc, node, &is_true, &err);
	snprintf(out, sizeof out, "%" PRId64, type == BOOL ? (int64_t)is_true : number);
	et_yamldoc_fini(&doc);
	return rc == 0 ? out : strcpy(out, err.msg);
}

static void t_values(void)
{
	static const struct {
		enum type type;
		const char *text, *want;
	} cases[] = {
		{ INT, "0", "0" },
		{ INT, "64", "64" },
		{ INT, "-5", "-5" },
		{ INT, "65", "f:1:4: v: '65' is not a number in range; write one from -5 to 64" },
		{ INT, "-6", "f:1:4: v: '-6' is not a number in range; write one from -5 to 64" },
		{ INT, "2.5", "f:1:4: v: '2.5' is not a whole number; write one from -5 to 64" },
		{ INT, "0x10", "f:1:4: v: '0x10' is not a whole number; write one from -5 to 64" },
		{ INT, "two", "f:1:4: v: 'two' is not a whole number; write one from -5 to 64" },
		{ INT, "-", "(not YAML)" },
		{ INT, "9223372036854775808",
		  "f:1:4: v: '9223372036854775808' is not a whole number; write one from -5 to "
		  "64" },
		{ INT, "[1]", "f:1:4: v: a list is not a whole number; write one from -5 to 64" },
		{ INT, "{a: 1}", "f:1:4: v: a map is not a whole number; write one from -5 to 64" },
		{ INT, "", "f:1:3: v: nothing is not a whole number; write one from -5 to 64" },
		{ INT, "\"\\x1b[2J\"",
		  "f:1:4: v: '\\x1b[2J' is not a whole number; write one from -5 to 64" },
		{ BYTES, "4096", "4096" },
		{ BYTES, "64K", "65536" },
		{ BYTES, "64k", "65536" },
		{ BYTES, "1M", "1048576" },
		{ BYTES, "2G", "2147483648" },
		{ BYTES, "1T", "1099511627776" },
		{ BYTES, "8388608T",
		  "f:1:4: v: '8388608T' is not a number of bytes; write it like 4096, 64K, 1M or "
		  "2G" },
		{ BYTES, "8388607T", "9223370937343148032" },
		{ BYTES, "4KB",
		  "f:1:4: v: '4KB' is not a number of bytes; write it like 4096, 64K, 1M or 2G" },
		{ BYTES, "-1",
		  "f:1:4: v: '-1' is not a number of bytes; write it like 4096, 64K, 1M or 2G" },
		{ BYTES, "K",
		  "f:1:4: v: 'K' is not a number of bytes; write it like 4096, 64K, 1M or 2G" },
		{ DURATION, "250ms", "250000000" },
		{ DURATION, "30s", "30000000000" },
		{ DURATION, "10m", "600000000000" },
		{ DURATION, "1h", "3600000000000" },
		{ DURATION, "30",
		  "f:1:4: v: '30' is not a duration; write it like 250ms, 30s, 10m or 1h" },
		{ DURATION, "1d",
		  "f:1:4: v: '1d' is not a duration; write it like 250ms, 30s, 10m or 1h" },
		{ DURATION, "2562048h",
		  "f:1:4: v: '2562048h' is not a duration; write it like 250ms, 30s, 10m or 1h" },
		{ BOOL, "true", "1" },
		{ BOOL, "false", "0" },
		{ BOOL, "yes", "f:1:4: v: 'yes' is not a yes or no; write true or false" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char what[100];

		snprintf(what, sizeof what, "value '%s'", cases[i].text);
		ET_IS_STR(value(cases[i].type, cases[i].text), cases[i].want, what);
	}
}

static const char *known_keys(const char *text)
{
	static const char *const known[] = { "name", "targets" };
	static struct et_err err;
	struct et_yamldoc doc;

	memset(&err, 0, sizeof err);
	if (et_yamldoc_parse(&doc, "f", text, strlen(text), &err) != 0)
		return err.msg;
	if (et_yamldoc_known_keys(&doc, doc.root, known, 2, &err) == 0)
		strcpy(err.msg, "fine");
	et_yamldoc_fini(&doc);
	return err.msg;
}

static void t_known_keys(void)
{
	ET_IS_STR(known_keys("name: a\ntargets: []\n"), "fine", "known keys");
	ET_IS_STR(known_keys("name: a\ntarget: b\n"),
		  "f:2:1: unknown key 'target'; did you mean 'targets'?", "a slip is named");
	ET_IS_STR(known_keys("colour: a\n"),
		  "f:1:1: unknown key 'colour'; keys here are name, targets",
		  "a stranger gets the list");
	ET_IS_STR(known_keys("\"\\x1b]0;x\\x07\": a\n"),
		  "f:1:1: unknown key '\\x1b]0;x\\x07'; keys here are name, targets",
		  "a hostile key does not reach the terminal");
	ET_IS_STR(known_keys("- name\n"),
		  "f:1:1: here: a map is needed, not a list; write KEY: VALUE",
		  "a list is no map");
}

static void t_read(void)
{
	char dir[4096], path[4200];
	struct et_err err = { 0 };
	struct et_yamldoc doc;
	FILE *f;

	if (et_io_tmpdir("et-test", dir, sizeof dir) != 0) {
		printf("Bail out! no temporary folder\n");
		exit(1);
	}
	snprintf(path, sizeof path, "%s/x.yaml", dir);
	ET_OK(et_yamldoc_read(&doc, path, &err) != 0 &&
	      strstr(err.msg, "x.yaml': No such file") != NULL && err.code == ET_EXIT_INPUT,
	      "a missing file is named");
	et_err_clear(&err);
	ET_OK(et_yamldoc_read(&doc, dir, &err) != 0 && strstr(err.msg, "is a directory") != NULL,
	      "a folder is not a file");
	et_err_clear(&err);
	f = fopen(path, "w");
	fputs("\xef\xbb\xbf" "a: \xe2\x82\xac\r\n", f);
	fclose(f);
	ET_IS_INT(et_yamldoc_read(&doc, path, &err), 0, "a file with BOM and CRLF is read");
	ET_IS_STR(et_yamldoc_get(doc.root, "a")->text, "\xe2\x82\xac", "its value is whole");
	et_yamldoc_fini(&doc);
	et_io_rmtree(AT_FDCWD, dir);
}

/* What an editor of another system writes. */
static void t_byte_order_mark(void)
{
	static const char text[] = "\xef\xbb\xbf" "a: 1\r\nb: [x, y]\r\n";
	struct et_yamldoc doc;
	struct et_err err = { 0 };

	ET_IS_INT(et_yamldoc_parse(&doc, "bom.yaml", text, sizeof text - 1, &err), 0,
		  "a byte order mark and CR LF are no error");
	ET_OK(doc.root != NULL && et_yamldoc_get(doc.root, "b") != NULL, "both keys are there");
	et_yamldoc_fini(&doc);
}

int main(void)
{
	t_byte_order_mark();
	t_tree();
	t_refusals();
	t_limits();
	t_many_keys();
	t_values();
	t_known_keys();
	t_read();
	return tap_done();
}
