/* SPDX-License-Identifier: MIT */
/* The verbs, from their list. */
#include <string.h>

#include "base/gettext.h"
#include "cli/cli.h"

#define VERB(name, summary) extern const struct iu_verb iu_verb_##name;
#include "cli/verbs.def"
#undef VERB

static const struct {
	const struct iu_verb *verb;
	const char *summary;
} verbs[] = {
#define VERB(name, summary) {&iu_verb_##name, summary},
#include "cli/verbs.def"
#undef VERB
};

const struct iu_verb *iu_verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].verb->name, name) == 0)
			return verbs[i].verb;
	return NULL;
}

const struct iu_verb *iu_verb_at(size_t i, const char **ret_summary)
{
	if (i >= sizeof(verbs) / sizeof(verbs[0]))
		return NULL;
	*ret_summary = _(verbs[i].summary);
	return verbs[i].verb;
}
