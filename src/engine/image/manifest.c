/* SPDX-License-Identifier: Apache-2.0
 *
 * Image configuration and manifest (manifest.h).  jansson keeps the order in which keys are put
 * in, so the bytes depend on the arguments alone.  No state. */
#include "engine/image/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "engine/image/layout.h"

#define NEWEST_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z, the last that RFC 3339 can say */

const char *et_manifest_created(int64_t newest_mtime, char *buf)
{
	int64_t held = newest_mtime > NEWEST_S ? NEWEST_S : newest_mtime;
	time_t t = (time_t)(held < 0 ? 0 : held);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

const char *et_manifest_architecture(const char *machine, const char **variant)
{
	static const struct {
		const char *machine, *name, *variant;
	} known[] = {
		{ "x86_64", "amd64", "" },       { "aarch64", "arm64", "" },
		{ "aarch64_be", "arm64be", "" }, { "armv8l", "arm", "v8" },
		{ "armv7l", "arm", "v7" },       { "armv6l", "arm", "v6" },
		{ "armv5tel", "arm", "v5" },     { "i386", "386", "" },
		{ "i486", "386", "" },           { "i586", "386", "" },
		{ "i686", "386", "" },           { "loongarch64", "loong64", "" },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(machine, known[i].machine) == 0) {
			*variant = known[i].variant;
			return known[i].name;
		}
	}
	*variant = ""; /* ppc64le, s390x, riscv64, mips64: the same words */
	return machine;
}

static char *dump(json_t *root)
{
	char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);

	json_decref(root);
	return text;
}

char *et_manifest_config(const char *diff_id, const char *created, const char *machine)
{
	const char *variant, *arch = et_manifest_architecture(machine, &variant);

	return dump(json_pack("{s:s, s:s, s:s*, s:s, s:{}, s:{s:s, s:[s]}, s:[{s:s, s:s}]}",
			      "created", created, "architecture", arch, "variant",
			      variant[0] == '\0' ? NULL : variant, "os", "linux", "config",
			      "rootfs", "type", "layers", "diff_ids", diff_id, "history", "created",
			      created, "created_by", "engine-top build"));
}

char *et_manifest_text(const struct et_blob_ref *config, const struct et_blob_ref *layer)
{
	return dump(json_pack("{s:i, s:s, s:{s:s, s:s, s:I}, s:[{s:s, s:s, s:I}]}",
			      "schemaVersion", 2, "mediaType", ET_MT_MANIFEST, "config", "mediaType", ET_MT_CONFIG,
			      "digest", config->digest, "size", (json_int_t)config->size, "layers",
			      "mediaType", ET_MT_LAYER, "digest", layer->digest, "size",
			      (json_int_t)layer->size));
}
