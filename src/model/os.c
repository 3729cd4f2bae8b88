/* SPDX-License-Identifier: MIT */
/* The list of operating systems: os.def. */
#include <string.h>

#include "model/rule.h"

static const struct iu_profile *const profiles[] = {
#define OS(name) &iu_profile_##name,
#include "model/os.def"
#undef OS
};

const struct iu_profile *iu_profile_of(const struct iu_facts *facts)
{
	return profiles[facts->os];
}

const struct iu_profile *iu_profile_at(size_t i)
{
	return i < sizeof(profiles) / sizeof(profiles[0]) ? profiles[i] : NULL;
}

const struct iu_profile *iu_profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profiles[i]->name, name) == 0)
			return profiles[i];
	return NULL;
}
