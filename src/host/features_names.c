/* SPDX-License-Identifier: MIT */
/* Features as they show in the names of the kernel's functions, which anybody may read. */
#include <stdio.h>
#include <string.h>

#include "host/features.h"

static const struct {
	uint32_t feature;
	const char *of, *with;
} rows[] = {
#define STRUCT(...)
#define MEMBER(...)
#define FUNCTION(feature, of, with) {feature, of, with},
#define FUNCTION_GONE(...)
#define FUNCTION_ANSWERS(...)
#define NOTHING(...)
#define FEATURE(id, name, major, minor, bound, evidence, probe, of, with, ...) probe(IU_FEATURE_##id, of, with)
#include "model/features.def"
#undef FEATURE
};

/* The compiler adds to the name of a function that it has changed: ".isra.0". */
static bool is_name(const char *found, const char *name)
{
	size_t len = strlen(name);

	return strncmp(found, name, len) == 0 && (found[len] == 0 || found[len] == '.');
}

void iu_features_probe_names(const char *path, uint32_t wanted, struct iu_probed *ret)
{
	FILE *f = wanted != 0 ? fopen(path, "re") : NULL;
	char line[512], name[128];

	*ret = (struct iu_probed){0};
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*s %*c %127s", name) != 1)
			continue;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if ((rows[i].feature & wanted) != 0 && is_name(name, rows[i].of))
				ret->present |= rows[i].feature;
			if ((rows[i].feature & wanted) != 0 && is_name(name, rows[i].with))
				ret->which |= rows[i].feature;
		}
	}
	if (f != NULL)
		fclose(f);
	ret->present &= ret->which;
}
