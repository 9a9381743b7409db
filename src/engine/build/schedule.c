/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of targets (schedule.h).  No threads, no clock: tests drive it step by step.  Loops
 * over all targets, at most a few hundred, once for each change of state. */
#include "engine/build/schedule.h"

#include <stdio.h>

static void change(struct et_schedule *s, struct et_target *t, enum et_target_state state)
{
	t->state = state;
	t->unsaid = ++s->n_changes;
}

void et_schedule_begin(struct et_schedule *s)
{
	s->n_left = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct et_target *t = &s->target[i];

		if (!t->is_wanted)
			continue;
		t->state = ET_TARGET_WAITING;
		s->n_left++;
	}
}

static bool is_ready(const struct et_schedule *s, const struct et_target *t)
{
	if (!t->is_wanted || t->state != ET_TARGET_WAITING)
		return false;
	for (size_t i = 0; i < t->spec->n_needs; i++)
		if (s->target[t->spec->needs[i]].state != ET_TARGET_OK)
			return false;
	return true;
}

struct et_target *et_schedule_next(struct et_schedule *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!is_ready(s, &s->target[i]))
			continue;
		change(s, &s->target[i], ET_TARGET_RUNNING);
		return &s->target[i];
	}
	return NULL;
}

/* The first need that ended without success, or NULL. */
static const struct et_target *broken_need(const struct et_schedule *s, const struct et_target *t)
{
	for (size_t i = 0; i < t->spec->n_needs; i++) {
		const struct et_target *need = &s->target[t->spec->needs[i]];

		if (need->state == ET_TARGET_FAILED || need->state == ET_TARGET_SKIPPED ||
		    need->state == ET_TARGET_CANCELLED)
			return need;
	}
	return NULL;
}

static void skip(struct et_schedule *s, struct et_target *t, const struct et_target *need)
{
	const char *word = need->state == ET_TARGET_FAILED    ? "failed"
			   : need->state == ET_TARGET_SKIPPED ? "was skipped"
							      : "was cancelled";

	snprintf(t->error, sizeof t->error, "it needs '%s', which %s", need->spec->name,
		 word);
	change(s, t, ET_TARGET_SKIPPED);
	s->n_left--;
}

/* Until nothing changes: a skipped target may be another's need. */
static void skip_dependants(struct et_schedule *s)
{
	bool is_done = false;

	while (!is_done) {
		is_done = true;
		for (size_t i = 0; i < s->n; i++) {
			struct et_target *t = &s->target[i];
			const struct et_target *need;

			if (!t->is_wanted || t->state != ET_TARGET_WAITING ||
			    (need = broken_need(s, t)) == NULL)
				continue;
			skip(s, t, need);
			is_done = false;
		}
	}
}

void et_schedule_finish(struct et_schedule *s, struct et_target *t, enum et_target_state state)
{
	change(s, t, state);
	s->n_left--;
	if (state != ET_TARGET_OK)
		skip_dependants(s);
}

void et_schedule_cancel(struct et_schedule *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct et_target *t = &s->target[i];

		if (!t->is_wanted || t->state != ET_TARGET_WAITING || s->n_left == 0)
			continue;
		change(s, t, ET_TARGET_CANCELLED);
		s->n_left--;
	}
}

struct et_target *et_schedule_unsaid(struct et_schedule *s)
{
	struct et_target *first = NULL;

	for (size_t i = 0; i < s->n; i++) {
		struct et_target *t = &s->target[i];

		if (t->unsaid != 0 && (first == NULL || t->unsaid < first->unsaid))
			first = t;
	}
	if (first != NULL)
		first->unsaid = 0;
	return first;
}
