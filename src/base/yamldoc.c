/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML through libyaml's events (yamldoc.h).  Owns one array of nodes and one block of texts a
 * document, both sized before the first event from the length of the input, so that nothing in
 * the input can make us allocate more.  Any thread; no state between calls.
 *
 * Not obvious: libyaml does some work before it gives us an event.  What costs it more than
 * linear time or is another encoding (UTF-16, NUL, %TAG lines) is therefore refused by a pass
 * over the bytes first; nesting and sizes are refused on the event that exceeds them, and libyaml
 * looks at most 1,024 characters ahead of that. */
#include "base/yamldoc.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/io.h"
#include "base/text.h"

#define BYTES_MAX ((size_t)1 << 20)
#define DEPTH_MAX 32
#define NODES_MAX 10000
#define SHOWN 64 /* how much of a foreign word an error repeats */

/* A key that was read, and of which map: duplicates are found by hash, not by looking through
 * the map, which would take quadratic time. */
struct seen {
	const struct et_yaml *map; /* NULL: free slot */
	const char *key;
	unsigned line, column;
};

struct reader {
	struct et_yamldoc *doc;
	struct et_err *err;
	const char *bytes;
	size_t n;
	size_t node_room, text_used, text_room;
	struct seen *seen; /* open addressing */
	size_t n_seen;     /* slots, a power of two, more than twice node_room */
	struct et_yaml *open[DEPTH_MAX]; /* lists and maps that are not closed yet */
	struct et_yaml *last[DEPTH_MAX]; /* their newest child */
	unsigned depth;
	struct et_yaml pending;          /* key of the map on top that waits for its value */
	bool is_done;                    /* the document has ended */
};

__attribute__((format(printf, 5, 6))) static int fail_at(const struct et_yamldoc *doc,
							 unsigned line, unsigned column,
							 struct et_err *err, const char *fmt, ...)
{
	char what[sizeof err->msg];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return et_err_set(err, ET_EXIT_INPUT, "%s:%u:%u: %s", doc->name, line, column, what);
}

static unsigned one_based(size_t n) { return n < UINT_MAX ? (unsigned)n + 1 : UINT_MAX; }

static int fail_mark(const struct reader *r, const yaml_mark_t *at, const char *what)
{
	return fail_at(r->doc, one_based(at->line), one_based(at->column), r->err, "%s", what);
}

/* ---- the pass over the bytes --------------------------------------------------------------- */

/* Length of the character at s, 0 if it is none that a YAML text may hold. */
static size_t text_char(const char *s, size_t n)
{
	char few[5] = { 0 }; /* the input need not end in NUL */
	uint32_t cp;
	size_t len;

	memcpy(few, s, n < 4 ? n : 4);
	len = et_text_utf8(few, &cp);
	if (len == 0 || (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0x7f)
		return 0;
	return len;
}

static int fail_byte(const struct reader *r, unsigned line, unsigned column, unsigned char byte)
{
	if (byte == 0)
		return fail_at(r->doc, line, column, r->err,
			       "a NUL byte: this is a binary or UTF-16 file; YAML in UTF-8 is "
			       "expected");
	if (byte < 0x20 || byte == 0x7f)
		return fail_at(r->doc, line, column, r->err,
			       "control character 0x%02x; YAML is plain text, escape it in double "
			       "quotes", byte);
	return fail_at(r->doc, line, column, r->err,
		       "byte 0x%02x is not valid UTF-8; save the file in UTF-8", byte);
}

static int check_bytes(const struct reader *r)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0, len; i < r->n; i += len) {
		len = text_char(r->bytes + i, r->n - i);
		if (len == 0)
			return fail_byte(r, line, column, (unsigned char)r->bytes[i]);
		if (r->bytes[i] == '%' && column == 1)
			return fail_at(r->doc, line, column, r->err,
				       "'%%' directives are not used here; remove the line");
		column++;
		if (r->bytes[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return 0;
}

/* ---- libyaml's complaints in our words ----------------------------------------------------- */

static const struct {
	const char *problem, *human;
} complaints[] = {
	{ "mapping values are not allowed",
	  "a ':' where no key can be; check the indentation, or quote the value" },
	{ "could not find expected ':'", "a key without ':'; write KEY: VALUE" },
	{ "found unexpected end of stream", "a quote that is never closed; close it" },
	{ "found unexpected document indicator", "a quote that is never closed; close it" },
	{ "did not find expected ',' or ']'", "a '[' list that is not closed; write [a, b]" },
	{ "did not find expected ',' or '}'", "a '{' map that is not closed; write {a: 1, b: 2}" },
	{ "did not find expected key",
	  "indentation that fits no line above; keys of one map begin in the same column" },
	{ "did not find expected '-' indicator",
	  "indentation that fits no line above; items of one list begin in the same column" },
	{ "did not find expected <document start>",
	  "text that does not belong to what is above; check the indentation, one document a "
	  "file" },
	{ "did not find expected node content", "a value is missing here; write one" },
	{ "block sequence entries are not allowed",
	  "a '-' item cannot begin here; put it on a line of its own" },
	{ "mapping keys are not allowed", "a '?' key cannot begin here; write KEY: VALUE" },
	{ "block collections not allowed",
	  "a block cannot begin here; put it on a line of its own" },
	{ "found character that cannot start any token",
	  "this character cannot begin a value; put the value in quotes" },
	{ "unknown escape character",
	  "unknown escape in double quotes; use single quotes, or \\\\ for a backslash" },
	{ "found undefined tag handle", "tags (!) are not used here; remove the tag" },
	{ "tag", "tags (!) are not used here; remove the tag" },
	{ "did not find expected alphabetic or numeric character",
	  "anchors (&) and aliases (*) are not used here; write the value out, or quote it" },
};

/* Does the indentation of this (0-based) line hold a tab?  libyaml names that in several ways. */
static bool has_tab_indent(const struct reader *r, size_t line, unsigned *column)
{
	const char *s = r->bytes, *end = r->bytes + r->n;

	while (line-- > 0 && s != NULL)
		if ((s = memchr(s, '\n', (size_t)(end - s))) != NULL)
			s++;
	for (*column = 1; s != NULL && s < end && (*s == ' ' || *s == '\t'); s++, (*column)++)
		if (*s == '\t')
			return true;
	return false;
}

static int fail_parser(const struct reader *r, const yaml_parser_t *parser)
{
	const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
	const yaml_mark_t *at = &parser->problem_mark;
	unsigned column;

	if (parser->error == YAML_MEMORY_ERROR)
		return et_err_set(r->err, ET_EXIT_LACK, "out of memory reading '%s'", r->doc->name);
	if (has_tab_indent(r, at->line, &column))
		return fail_at(r->doc, one_based(at->line), column, r->err,
			       "a tab in the indentation; indent with spaces");
	if (parser->context != NULL && strstr(parser->context, "quoted scalar") != NULL &&
	    strstr(problem, "found unexpected") != NULL)
		at = &parser->context_mark; /* where the quote was opened */
	for (size_t i = 0; i < sizeof complaints / sizeof complaints[0]; i++)
		if (strstr(problem, complaints[i].problem) != NULL)
			return fail_mark(r, at, complaints[i].human);
	return fail_at(r->doc, one_based(at->line), one_based(at->column), r->err,
		       "not YAML: %s; lines of KEY: VALUE are expected", problem);
}

/* ---- events to nodes ----------------------------------------------------------------------- */

static const char *keep_text(struct reader *r, const char *s, size_t n)
{
	char *to = r->doc->texts + r->text_used;

	if (n + 1 > r->text_room - r->text_used)
		return NULL;
	memcpy(to, s, n);
	to[n] = '\0';
	r->text_used += n + 1;
	return to;
}

static bool is_key_next(const struct reader *r)
{
	return r->depth > 0 && r->open[r->depth - 1]->kind == ET_YAML_MAP && r->pending.key == NULL;
}

static struct seen *slot_of(const struct reader *r, const struct et_yaml *map, const char *key)
{
	uint64_t h = (uint64_t)(map - r->doc->nodes) * UINT64_C(0x9e3779b97f4a7c15);
	struct seen *slot;

	for (const char *c = key; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211); /* FNV-1a */
	h ^= h >> 29;
	for (slot = &r->seen[h & (r->n_seen - 1)]; slot->map != NULL;
	     slot = &r->seen[++h & (r->n_seen - 1)])
		if (slot->map == map && strcmp(slot->key, key) == 0)
			break;
	return slot;
}

static int check_duplicate(const struct reader *r, const yaml_mark_t *at, const char *key)
{
	const struct et_yaml *map = r->open[r->depth - 1];
	struct seen *slot = slot_of(r, map, key);
	char shown[SHOWN];

	if (slot->map != NULL)
		return fail_at(r->doc, one_based(at->line), one_based(at->column), r->err,
			       "duplicate key '%s'; it is already given at line %u, column %u",
			       et_text_safe(shown, sizeof shown, key), slot->line, slot->column);
	*slot = (struct seen){ map, key, one_based(at->line), one_based(at->column) };
	return 0;
}

static int take_key(struct reader *r, const yaml_event_t *e, const char *key)
{
	if (key[0] == '\0')
		return fail_mark(r, &e->start_mark, "an empty key; write KEY: VALUE");
	if (check_duplicate(r, &e->start_mark, key) != 0)
		return -1;
	r->pending.key = key;
	r->pending.key_line = one_based(e->start_mark.line);
	r->pending.key_column = one_based(e->start_mark.column);
	return 0;
}

static struct et_yaml *add_node(struct reader *r, const yaml_event_t *e, enum et_yaml_kind kind)
{
	struct et_yaml *node;

	if (r->doc->n_nodes == r->node_room) {
		fail_at(r->doc, one_based(e->start_mark.line), one_based(e->start_mark.column),
			r->err, "more than %d values; split the file", NODES_MAX);
		return NULL;
	}
	node = &r->doc->nodes[r->doc->n_nodes++];
	*node = r->pending; /* key and its place, or nothing */
	memset(&r->pending, 0, sizeof r->pending);
	node->kind = kind;
	node->line = one_based(e->start_mark.line);
	node->column = one_based(e->start_mark.column);
	if (r->depth == 0)
		r->doc->root = node;
	else if (r->last[r->depth - 1] == NULL)
		r->open[r->depth - 1]->first = node;
	else
		r->last[r->depth - 1]->next = node;
	if (r->depth > 0)
		r->last[r->depth - 1] = node;
	return node;
}

static int refuse_anchor(const struct reader *r, const yaml_event_t *e)
{
	return fail_mark(r, &e->start_mark,
			 "anchors (&) and aliases (*) are not used here; write the value out");
}

static int refuse_tag(const struct reader *r, const yaml_event_t *e)
{
	return fail_mark(r, &e->start_mark, "tags (!) are not used here; remove the tag");
}

static int on_scalar(struct reader *r, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	struct et_yaml *node;
	const char *text;

	if (e->data.scalar.anchor != NULL)
		return refuse_anchor(r, e);
	if (e->data.scalar.tag != NULL)
		return refuse_tag(r, e);
	if (memchr(value, '\0', e->data.scalar.length) != NULL)
		return fail_mark(r, &e->start_mark, "a NUL character in a value; remove the \\0");
	text = keep_text(r, value, e->data.scalar.length);
	if (text == NULL)
		return fail_mark(r, &e->start_mark, "the texts are too long; split the file");
	if (is_key_next(r))
		return take_key(r, e, text);
	node = add_node(r, e, ET_YAML_SCALAR);
	if (node == NULL)
		return -1;
	node->text = text;
	node->is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static int on_open(struct reader *r, const yaml_event_t *e, enum et_yaml_kind kind,
		   const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct et_yaml *node;

	if (anchor != NULL)
		return refuse_anchor(r, e);
	if (tag != NULL)
		return refuse_tag(r, e);
	if (is_key_next(r))
		return fail_mark(r, &e->start_mark,
				 "a list or map cannot be a key; write KEY: VALUE, or quote the "
				 "key");
	if (r->depth == DEPTH_MAX)
		return fail_at(r->doc, one_based(e->start_mark.line),
			       one_based(e->start_mark.column), r->err,
			       "lists and maps nested deeper than %d; flatten them", DEPTH_MAX);
	node = add_node(r, e, kind);
	if (node == NULL)
		return -1;
	r->last[r->depth] = NULL;
	r->open[r->depth++] = node;
	return 0;
}

static int on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, e, ET_YAML_LIST, e->data.sequence_start.anchor,
			       e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, e, ET_YAML_MAP, e->data.mapping_start.anchor,
			       e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse_anchor(r, e);
	case YAML_DOCUMENT_START_EVENT:
		if (r->doc->root != NULL)
			return fail_mark(r, &e->start_mark,
					 "a second document; one document a file, remove the "
					 "'---'");
		return 0;
	case YAML_STREAM_END_EVENT:
		r->is_done = true;
		return 0;
	default:
		return 0;
	}
}

static int read_events(struct reader *r)
{
	yaml_parser_t parser;
	size_t skip;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return et_err_set(r->err, ET_EXIT_LACK, "out of memory reading '%s'", r->doc->name);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	/* with the encoding set, libyaml takes a byte order mark for a column of text */
	skip = r->n >= 3 && memcmp(r->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	yaml_parser_set_input_string(&parser, (const unsigned char *)r->bytes + skip, r->n - skip);
	while (rc == 0 && !r->is_done) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			rc = fail_parser(r, &parser);
			break;
		}
		rc = on_event(r, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return rc;
}

static bool is_empty(const struct et_yaml *root)
{
	return root == NULL ||
	       (root->kind == ET_YAML_SCALAR && root->is_plain && root->text[0] == '\0');
}

/* A value takes at least one byte of input, an escape of two bytes makes at most three. */
static int make_room(struct reader *r)
{
	r->node_room = r->n + 1 < NODES_MAX ? r->n + 1 : NODES_MAX;
	r->text_room = 2 * r->n + 2 * r->node_room;
	for (r->n_seen = 8; r->n_seen <= 2 * r->node_room;)
		r->n_seen *= 2;
	r->doc->nodes = calloc(r->node_room, sizeof *r->doc->nodes);
	r->doc->texts = malloc(r->text_room);
	r->seen = calloc(r->n_seen, sizeof *r->seen);
	if (r->doc->nodes == NULL || r->doc->texts == NULL || r->seen == NULL)
		return et_err_set(r->err, ET_EXIT_LACK, "out of memory reading '%s'", r->doc->name);
	return 0;
}

int et_yamldoc_parse(struct et_yamldoc *doc, const char *name, const char *bytes, size_t n,
		     struct et_err *err)
{
	struct reader r = { .doc = doc, .err = err, .bytes = bytes, .n = n };
	int rc = -1;

	memset(doc, 0, sizeof *doc);
	doc->name = strdup(name);
	if (doc->name == NULL)
		return et_err_set(err, ET_EXIT_LACK, "out of memory reading '%s'", name);
	if (n > BYTES_MAX) {
		fail_at(doc, 1, 1, err, "%zu bytes; at most %zu are read", n, BYTES_MAX);
		goto out;
	}
	if (check_bytes(&r) != 0 || make_room(&r) != 0 || read_events(&r) != 0)
		goto out;
	if (is_empty(doc->root)) {
		fail_at(doc, 1, 1, err, "empty; lines of KEY: VALUE are expected");
		goto out;
	}
	rc = 0;
out:
	free(r.seen);
	if (rc != 0)
		et_yamldoc_fini(doc);
	return rc;
}

int et_yamldoc_read(struct et_yamldoc *doc, const char *path, struct et_err *err)
{
	char *bytes;
	size_t n;
	int rc;

	memset(doc, 0, sizeof *doc);
	if (et_io_read_file(path, BYTES_MAX, &bytes, &n, err) != 0)
		return -1;
	rc = et_yamldoc_parse(doc, path, bytes, n, err);
	free(bytes);
	return rc;
}

void et_yamldoc_fini(struct et_yamldoc *doc)
{
	free(doc->name);
	free(doc->nodes);
	free(doc->texts);
	memset(doc, 0, sizeof *doc);
}

/* ---- using it ------------------------------------------------------------------------------ */

const struct et_yaml *et_yamldoc_get(const struct et_yaml *map, const char *key)
{
	if (map == NULL || map->kind != ET_YAML_MAP)
		return NULL;
	for (const struct et_yaml *c = map->first; c != NULL; c = c->next)
		if (strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

int et_yamldoc_err(const struct et_yamldoc *doc, const struct et_yaml *node, struct et_err *err,
		   const char *fmt, ...)
{
	char what[sizeof err->msg];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return fail_at(doc, node->line, node->column, err, "%s", what);
}

int et_yamldoc_err_key(const struct et_yamldoc *doc, const struct et_yaml *node,
		       struct et_err *err, const char *fmt, ...)
{
	char what[sizeof err->msg];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return fail_at(doc, node->key != NULL ? node->key_line : node->line,
		       node->key != NULL ? node->key_column : node->column, err, "%s", what);
}

const char *et_yamldoc_kind_text(const struct et_yaml *node)
{
	static const char *const text[] = { "a single value", "a list", "a map" };

	if (node->kind == ET_YAML_SCALAR && node->is_plain && node->text[0] == '\0')
		return "nothing";
	return text[node->kind];
}

static void join(char *out, size_t n, const char *const *words, size_t n_words)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n_words && at < n; i++)
		at += (size_t)snprintf(out + at, n - at, "%s%s", i == 0 ? "" : ", ", words[i]);
}

static int fail_unknown(const struct et_yamldoc *doc, const struct et_yaml *node,
			const char *const *known, size_t n_known, struct et_err *err)
{
	const char *near = et_text_nearest(node->key, known, n_known);
	char shown[SHOWN], list[400];

	et_text_safe(shown, sizeof shown, node->key);
	if (near != NULL)
		return et_yamldoc_err_key(doc, node, err, "unknown key '%s'; did you mean '%s'?",
					  shown, near);
	join(list, sizeof list, known, n_known);
	return et_yamldoc_err_key(doc, node, err, "unknown key '%s'; keys here are %s", shown,
				  list);
}

int et_yamldoc_known_keys(const struct et_yamldoc *doc, const struct et_yaml *map,
			  const char *const *known, size_t n_known, struct et_err *err)
{
	if (map->kind != ET_YAML_MAP)
		return et_yamldoc_err(doc, map, err,
				      "%.64s: a map is needed, not %s; write KEY: VALUE",
				      map->key != NULL ? map->key : "here",
				      et_yamldoc_kind_text(map));
	for (const struct et_yaml *c = map->first; c != NULL; c = c->next) {
		size_t i = 0;

		while (i < n_known && strcmp(c->key, known[i]) != 0)
			i++;
		if (i == n_known)
			return fail_unknown(doc, c, known, n_known, err);
	}
	return 0;
}
