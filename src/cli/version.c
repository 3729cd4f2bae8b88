/* SPDX-License-Identifier: MIT */
/* inuse --version: the version, and what this kernel shows this user. */
#include <jansson.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/why.h"
#include "compat/system.h"
#include "host/abilities.h"
#include "host/features.h"
#include "say/say.h"

static void print_ability(void *arg, const struct iu_ability *a)
{
	struct iu_text line = {0};

	iu_text_addf(&line, "  %s", a->name);
	iu_text_pad(&line, 0, 11, 1);
	iu_text_add(&line, !a->usable ? _("no") : a->complete ? _("yes") : _("partly"));
	iu_text_pad(&line, 0, 19, 1);
	iu_say_wrapped(&line, a->text, 19, 80);
	fprintf(arg, "%s\n", line.data ? line.data : "");
	iu_text_done(&line);
}

static void print_feature(void *arg, const struct iu_feature_line *f)
{
	struct iu_text line = {0};

	iu_text_addf(&line, "  %s", f->name);
	iu_text_pad(&line, 0, 18, 1);
	iu_text_add(&line, f->present ? _("yes") : _("no"));
	iu_text_pad(&line, 0, 23, 1);
	iu_text_add(&line, f->probed ? _("probed") : _("assumed"));
	iu_text_pad(&line, 0, 32, 1);
	iu_say_wrapped(&line, f->what, 32, 80);
	fprintf(arg, "%s\n", line.data ? line.data : "");
	iu_text_done(&line);
}

static void add_ability(void *arg, const struct iu_ability *a)
{
	json_array_append_new(arg, json_pack("{s:s, s:b, s:b, s:s}", "source", a->name, "usable", a->usable, "complete", a->complete,
					     "text", a->text));
}

static void add_feature(void *arg, const struct iu_feature_line *line)
{
	json_array_append_new(arg, json_pack("{s:s, s:b, s:b, s:s}", "feature", line->name, "present", line->present, "probed", line->probed,
					     "text", line->what));
}

static int print_json(FILE *f)
{
	json_t *sources = json_array(), *features = json_array(), *o;
	char system[128];

	iu_host_abilities(add_ability, sources);
	if (IU_SYSTEM_HERE == IU_SYSTEM_linux)
		iu_features_each(add_feature, features);
	o = json_pack("{s:s, s:i, s:s, s:s, s:o, s:o}", "schema", "inuse-version", "version", 1, "program", "inuse " INUSE_VERSION,
		      "system", iu_system_name(system, sizeof(system)), "sources", sources, "features", features);
	if (json_dumpf(o, f, JSON_COMPACT) == 0)
		fputc('\n', f);
	json_decref(o);
	return IU_EXIT_GO;
}

int iu_print_version(FILE *f, bool json)
{
	char system[128];

	if (json)
		return print_json(f);
	fprintf(f, "inuse %s\n", INUSE_VERSION);
	fprintf(f, _("What %s shows this user, best source first:\n"), iu_system_name(system, sizeof(system)));
	iu_host_abilities(print_ability, f);
	if (IU_SYSTEM_HERE == IU_SYSTEM_linux) {
		iu_print_wrapped(f, _("What the rules of this kernel depend on, probed in the kernel itself or assumed from its version:\n"));
		iu_features_each(print_feature, f);
	}
	return IU_EXIT_GO;
}
