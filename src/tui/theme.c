/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads themes.  A file names roles, not places: a pane that is written tomorrow looks right
 * under a theme of today.  Everything wrong in a file is said with its line and column.  No
 * state. */
#include "tui/theme.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/datadir.h"
#include "base/io.h"
#include "base/text.h"
#include "base/yamldoc.h"

#define FILE_MAX (64u << 10)

const char *const et_theme_roles[ET_STYLE_COUNT] = {
	[ET_STYLE_TEXT] = "text",
	[ET_STYLE_DIM] = "dim",
	[ET_STYLE_STRONG] = "strong",
	[ET_STYLE_TITLE] = "title",
	[ET_STYLE_TITLE_FOCUS] = "title.focus",
	[ET_STYLE_BORDER] = "border",
	[ET_STYLE_BORDER_FOCUS] = "border.focus",
	[ET_STYLE_HEADER] = "header",
	[ET_STYLE_LABEL] = "label",
	[ET_STYLE_LIVE] = "live",
	[ET_STYLE_PAUSED] = "paused",
	[ET_STYLE_REPLAY] = "replay",
	[ET_STYLE_GOOD] = "good",
	[ET_STYLE_WARN] = "warn",
	[ET_STYLE_BAD] = "bad",
	[ET_STYLE_CURSOR] = "cursor",
	[ET_STYLE_KEY] = "key",
	[ET_STYLE_PROGRESS] = "progress",
	[ET_STYLE_SPARK] = "spark",
	[ET_STYLE_CPU] = "cpu",
	[ET_STYLE_LIBC] = "alloc.malloc",
	[ET_STYLE_POOL] = "alloc.pool",
	[ET_STYLE_MMAP] = "alloc.mmap",
	[ET_STYLE_WAIT] = "wait",
};
_Static_assert(ET_STYLE_COUNT == 24, "the files and their description say 24");

static const char *const color_names[] = {
	"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
	"bright-black", "bright-red", "bright-green", "bright-yellow", "bright-blue",
	"bright-magenta", "bright-cyan", "bright-white",
};
static const char *const attr_names[] = { "bold", "dim", "underline", "reverse" };

/* ---- one role ------------------------------------------------------------------------------ */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_hex(const char *text, struct et_color *out)
{
	uint8_t v[3];

	if (strlen(text) != 7)
		return false;
	for (int i = 0; i < 3; i++) {
		int hi = hex_digit(text[1 + 2 * i]), lo = hex_digit(text[2 + 2 * i]);

		if (hi < 0 || lo < 0)
			return false;
		v[i] = (uint8_t)(hi * 16 + lo);
	}
	*out = (struct et_color){ .kind = ET_COLOR_RGB, .r = v[0], .g = v[1], .b = v[2] };
	return true;
}

static int parse_color(const struct et_yamldoc *doc, const struct et_yaml *node,
		       struct et_color *out, struct et_err *err)
{
	const char *near;

	if (node->kind != ET_YAML_SCALAR)
		return et_yamldoc_err(doc, node, err, "a colour is one word, got %s",
				      et_yamldoc_kind_text(node));
	*out = (struct et_color){ .kind = ET_COLOR_DEFAULT };
	if (strcmp(node->text, "default") == 0)
		return 0;
	if (node->text[0] == '#') {
		if (parse_hex(node->text, out))
			return 0;
		return et_yamldoc_err(doc, node, err, "colour '%s' is not of the form \"#rrggbb\"",
				      node->text);
	}
	for (uint8_t i = 0; i < 16; i++)
		if (strcmp(node->text, color_names[i]) == 0) {
			*out = (struct et_color){ .kind = ET_COLOR_ANSI, .ansi = i };
			return 0;
		}
	near = et_text_nearest(node->text, color_names, 16);
	if (near != NULL)
		return et_yamldoc_err(doc, node, err, "unknown colour '%s'; did you mean '%s'?",
				      node->text, near);
	return et_yamldoc_err(doc, node, err, "unknown colour '%s'; it is \"#rrggbb\", default, or "
			      "one of black ... white, bright-black ... bright-white", node->text);
}

static int add_attr(const struct et_yamldoc *doc, const struct et_yaml *node, uint8_t *attr,
		    struct et_err *err)
{
	if (node->kind == ET_YAML_SCALAR && strcmp(node->text, "none") == 0)
		return 0;
	for (unsigned i = 0; node->kind == ET_YAML_SCALAR && i < 4; i++)
		if (strcmp(node->text, attr_names[i]) == 0) {
			*attr = (uint8_t)(*attr | 1u << i);
			return 0;
		}
	return et_yamldoc_err(doc, node, err,
			      "an attribute is one of bold, dim, underline, reverse, none");
}

static int parse_attr(const struct et_yamldoc *doc, const struct et_yaml *node, uint8_t *attr,
		      struct et_err *err)
{
	if (node->kind != ET_YAML_LIST)
		return add_attr(doc, node, attr, err);
	for (const struct et_yaml *a = node->first; a != NULL; a = a->next)
		if (add_attr(doc, a, attr, err) != 0)
			return -1;
	return 0;
}

static int parse_role(const struct et_yamldoc *doc, const struct et_yaml *node,
		      struct et_paint *out, struct et_err *err)
{
	static const char *const keys[] = { "fg", "bg", "attr" };
	const struct et_yaml *v;

	if (node->kind != ET_YAML_MAP)
		return et_yamldoc_err(doc, node, err, "role '%s' must be a map like "
				      "{fg: \"#c0c8d0\", attr: bold}, got %s", node->key,
				      et_yamldoc_kind_text(node));
	if (et_yamldoc_known_keys(doc, node, keys, 3, err) != 0)
		return -1;
	v = et_yamldoc_get(node, "fg");
	if (v != NULL && parse_color(doc, v, &out->fg, err) != 0)
		return -1;
	v = et_yamldoc_get(node, "bg");
	if (v != NULL && parse_color(doc, v, &out->bg, err) != 0)
		return -1;
	v = et_yamldoc_get(node, "attr");
	return v == NULL ? 0 : parse_attr(doc, v, &out->attr, err);
}

/* ---- a file -------------------------------------------------------------------------------- */

static int parse_roles(struct et_theme *t, const struct et_yamldoc *doc,
		       const struct et_yaml *roles, struct et_err *err)
{
	const struct et_yaml *text;

	if (roles->kind != ET_YAML_MAP)
		return et_yamldoc_err(doc, roles, err, "'roles' must be a map, got %s",
				      et_yamldoc_kind_text(roles));
	if (et_yamldoc_known_keys(doc, roles, et_theme_roles, ET_STYLE_COUNT, err) != 0)
		return -1;
	text = et_yamldoc_get(roles, "text");
	if (text != NULL && parse_role(doc, text, &t->paint[ET_STYLE_TEXT], err) != 0)
		return -1;
	for (unsigned i = 0; i < ET_STYLE_COUNT; i++) {
		const struct et_yaml *node = et_yamldoc_get(roles, et_theme_roles[i]);

		if (i == ET_STYLE_TEXT)
			continue;
		t->paint[i] = (struct et_paint){ .fg = t->paint[ET_STYLE_TEXT].fg,
						 .bg = t->paint[ET_STYLE_TEXT].bg };
		if (node != NULL && parse_role(doc, node, &t->paint[i], err) != 0)
			return -1;
	}
	return 0;
}

static int copy_text(const struct et_yamldoc *doc, const struct et_yaml *root, const char *key,
		     char *out, size_t n, struct et_err *err)
{
	const struct et_yaml *v = et_yamldoc_get(root, key);

	if (v == NULL)
		return 0;
	if (v->kind != ET_YAML_SCALAR)
		return et_yamldoc_err(doc, v, err, "'%s' must be a single value, got %s", key,
				      et_yamldoc_kind_text(v));
	et_text_safe(out, n, v->text);
	return 0;
}

int et_theme_parse(struct et_theme *t, const char *file, const char *bytes, size_t n,
		   struct et_err *err)
{
	static const char *const keys[] = { "theme", "about", "roles" };
	const struct et_yaml *roles;
	struct et_yamldoc doc;
	int rc = -1;

	memset(t, 0, sizeof *t);
	if (et_yamldoc_parse(&doc, file, bytes, n, err) != 0)
		return -1;
	if (doc.root->kind != ET_YAML_MAP) {
		et_yamldoc_err(&doc, doc.root, err, "a theme is a map with the keys theme, about, roles");
		goto out;
	}
	if (et_yamldoc_known_keys(&doc, doc.root, keys, 3, err) != 0 ||
	    copy_text(&doc, doc.root, "theme", t->name, sizeof t->name, err) != 0 ||
	    copy_text(&doc, doc.root, "about", t->about, sizeof t->about, err) != 0)
		goto out;
	roles = et_yamldoc_get(doc.root, "roles");
	if (roles == NULL)
		et_yamldoc_err(&doc, doc.root, err, "key 'roles' is missing");
	else
		rc = parse_roles(t, &doc, roles, err);
out:
	et_yamldoc_fini(&doc);
	return rc;
}

void et_theme_plain(struct et_theme *t)
{
	static const struct { enum et_style style; uint8_t attr; } marked[] = {
		{ ET_STYLE_STRONG, ET_ATTR_BOLD },       { ET_STYLE_TITLE_FOCUS, ET_ATTR_BOLD },
		{ ET_STYLE_BORDER_FOCUS, ET_ATTR_BOLD }, { ET_STYLE_HEADER, ET_ATTR_BOLD },
		{ ET_STYLE_LIVE, ET_ATTR_BOLD },         { ET_STYLE_PAUSED, ET_ATTR_REVERSE },
		{ ET_STYLE_REPLAY, ET_ATTR_REVERSE },    { ET_STYLE_BAD, ET_ATTR_BOLD },
		{ ET_STYLE_CURSOR, ET_ATTR_REVERSE },    { ET_STYLE_KEY, ET_ATTR_BOLD },
	};

	memset(t, 0, sizeof *t);
	strcpy(t->name, "plain");
	for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++)
		t->paint[marked[i].style].attr = marked[i].attr;
}

/* ---- finding them -------------------------------------------------------------------------- */

static bool is_path(const char *name)
{
	size_t n = strlen(name);

	return strchr(name, '/') != NULL || (n > 5 && strcmp(name + n - 5, ".yaml") == 0);
}

int et_theme_path(const char *name, char *path, size_t n)
{
	char dir[PATH_MAX];
	int len;

	if (et_datadir("themes", "ENGINE_TOP_THEMES", dir, sizeof dir) != 0)
		return -1;
	len = snprintf(path, n, "%s/%s.yaml", dir, name);
	return len >= 0 && (size_t)len < n ? 0 : -1;
}

static int is_theme_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

/* strcmp order: scandir's alphasort would follow the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void et_theme_names_free(char **names, size_t n)
{
	for (size_t i = 0; names != NULL && i < n; i++)
		free(names[i]);
	free(names);
}

char **et_theme_names(size_t *n, struct et_err *err)
{
	char dir[PATH_MAX], **names;
	struct dirent **found;
	int count;

	*n = 0;
	if (et_datadir("themes", "ENGINE_TOP_THEMES", dir, sizeof dir) != 0) {
		et_datadir_err("themes", "ENGINE_TOP_THEMES", err);
		return NULL;
	}
	count = scandir(dir, &found, is_theme_file, by_name);
	if (count < 0) {
		et_err_set(err, ET_EXIT_LACK, "cannot read the folder of themes '%s'", dir);
		return NULL;
	}
	names = calloc((size_t)count + 1, sizeof *names);
	for (int i = 0; i < count; i++) {
		found[i]->d_name[strlen(found[i]->d_name) - 5] = '\0';
		if (names != NULL && (names[*n] = strdup(found[i]->d_name)) != NULL)
			++*n;
		free(found[i]);
	}
	free(found);
	if (names == NULL)
		et_err_set(err, ET_EXIT_LACK, "out of memory");
	return names;
}

static int unknown_theme(const char *name, struct et_err *err)
{
	const char *near;
	char **names;
	size_t n;
	int rc;

	names = et_theme_names(&n, err);
	if (names == NULL)
		return -1;
	near = et_text_nearest(name, (const char *const *)names, n);
	if (near != NULL)
		rc = et_err_set(err, ET_EXIT_INPUT, "unknown theme '%s'; did you mean '%s'?", name, near);
	else
		rc = et_err_set(err, ET_EXIT_INPUT,
				"unknown theme '%s'; 'engine-top themes' lists them", name);
	et_theme_names_free(names, n);
	return rc;
}

static int load_file(struct et_theme *t, const char *path, struct et_err *err)
{
	char *bytes;
	size_t n;
	int rc;

	if (et_io_read_file(path, FILE_MAX, &bytes, &n, err) != 0)
		return -1;
	rc = et_theme_parse(t, path, bytes, n, err);
	free(bytes);
	return rc;
}

int et_theme_load(struct et_theme *t, const char *name, struct et_err *err)
{
	bool is_asked = true;
	char path[PATH_MAX], **names;
	bool found = false;
	size_t n;

	if (name == NULL || name[0] == '\0')
		name = getenv("ENGINE_TOP_THEME");
	if (name == NULL || name[0] == '\0') {
		name = ET_THEME_DEFAULT;
		is_asked = false;
	}
	if (is_path(name))
		return load_file(t, name, err);
	names = et_theme_names(&n, is_asked ? err : NULL);
	if (names == NULL && is_asked)
		return -1;
	for (size_t i = 0; i < n; i++)
		found |= strcmp(names[i], name) == 0;
	et_theme_names_free(names, n);
	if (!found && is_asked)
		return unknown_theme(name, err);
	if (!found) { /* no themes installed: a readable screen is still there */
		et_theme_plain(t);
		return 0;
	}
	return et_theme_path(name, path, sizeof path) != 0 ? -1 : load_file(t, path, err);
}
