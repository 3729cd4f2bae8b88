/* SPDX-License-Identifier: MIT */
/* inuse --version: the version, and what this kernel shows this user. */
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

int iu_print_version(FILE *f)
{
	char system[128];

	fprintf(f, "inuse %s\n", INUSE_VERSION);
	fprintf(f, _("What %s shows this user, best source first:\n"), iu_system_name(system, sizeof(system)));
	iu_host_abilities(print_ability, f);
	if (IU_SYSTEM_HERE == IU_SYSTEM_linux) {
		iu_print_wrapped(f, _("What the rules of this kernel depend on, probed in the kernel itself or assumed from its version:\n"));
		iu_features_each(print_feature, f);
	}
	return IU_EXIT_GO;
}
