/* SPDX-License-Identifier: Apache-2.0
 * Room-private: a preset while it is being loaded.  Layer: engine/preset. */
#ifndef ET_ENGINE_PRESET_LOAD_H
#define ET_ENGINE_PRESET_LOAD_H

#include "base/yamldoc.h"
#include "engine/preset/preset.h"

struct et_load {
	struct et_preset *preset;
	struct et_yamldoc doc;
	const struct et_yaml *nodes[256]; /* of each target, in order */
	struct et_err *err;
};
#define ET_PRESET_TARGETS_MAX (sizeof(((struct et_load *)0)->nodes) / sizeof(void *))

/* Refuse the preset, at a value or at its key; -1. */
#define et_load_fail(l, node, ...) et_yamldoc_err(&(l)->doc, (node), (l)->err, __VA_ARGS__)
#define et_load_fail_key(l, node, ...) et_yamldoc_err_key(&(l)->doc, (node), (l)->err, __VA_ARGS__)

/* All that one key cannot tell: kinds' own rules, needs, outputs, cycles.  0, or -1 and l->err. */
int et_rules_check(struct et_load *l);

/* Names as `[A-Za-z0-9][A-Za-z0-9._-]*`, at most `most` bytes. */
bool et_rules_is_name(const char *s, size_t most);

#endif
