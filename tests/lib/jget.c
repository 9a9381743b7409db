/* SPDX-License-Identifier: Apache-2.0
 *
 * One value of a JSON document, for shell tests (a tester's machine may lack jq and python):
 *
 *   jget FILE builds name=img state      member "state" of the element of "builds" whose member
 *                                        "name" is "img"
 *   jget FILE cpu functions 0 name       elements by number; "#" is the length of an array
 *
 * Prints strings raw, other scalars and whole arrays or objects as JSON.  Exit 1 with a line on
 * stderr if FILE is not one JSON document or the value is not there. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *find_by_member(const json_t *array, const char *word, const char *equals)
{
	char key[100];
	const json_t *element;
	size_t i;

	snprintf(key, sizeof key, "%.*s", (int)(equals - word), word);
	json_array_foreach(array, i, element) {
		const char *s = json_string_value(json_object_get(element, key));

		if (s != NULL && strcmp(s, equals + 1) == 0)
			return element;
	}
	return NULL;
}

static const json_t *step(const json_t *at, const char *word)
{
	const char *equals = strchr(word, '=');

	if (json_is_object(at))
		return json_object_get(at, word);
	if (!json_is_array(at))
		return NULL;
	if (equals != NULL)
		return find_by_member(at, word, equals);
	return json_array_get(at, strtoul(word, NULL, 10));
}

static void print(const json_t *value)
{
	if (json_is_string(value))
		fputs(json_string_value(value), stdout);
	else
		json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(10));
	putchar('\n');
}

int main(int argc, char **argv)
{
	json_error_t error = { 0 };
	json_t *root = argc > 1 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error) : NULL;
	const json_t *at = root;

	if (root == NULL) {
		fprintf(stderr, "jget: %s: %d:%d: %s\n", argc > 1 ? argv[1] : "no file", error.line,
			error.column, error.text);
		return 1;
	}
	for (int i = 2; i < argc && at != NULL; i++) {
		if (strcmp(argv[i], "#") == 0) {
			printf("%zu\n", json_array_size(at));
			json_decref(root);
			return 0;
		}
		at = step(at, argv[i]);
	}
	if (at == NULL)
		fprintf(stderr, "jget: %s: no such value\n", argv[1]);
	else
		print(at);
	json_decref(root);
	return at == NULL;
}
