/* SPDX-License-Identifier: MIT */
/* The program: finds the verb, or judges the address that stands where a verb should. */
#include <locale.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/complete.h"
#include "cli/why.h"
#include "compat/system.h"

#define VERB(name, summary) extern const struct iu_verb iu_verb_##name;
#include "cli/verbs.def"
#undef VERB

static const struct iu_verb *const verbs[] = {
#define VERB(name, summary) &iu_verb_##name,
#include "cli/verbs.def"
#undef VERB
	NULL,
};

static const char *const summaries[] = {
#define VERB(name, summary) summary,
#include "cli/verbs.def"
#undef VERB
};

const struct iu_verb *iu_verb_find(const char *name)
{
	for (size_t i = 0; verbs[i] != NULL; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

const struct iu_verb *iu_verb_at(size_t i, const char **ret_summary)
{
	if (i >= sizeof(summaries) / sizeof(summaries[0]))
		return NULL;
	*ret_summary = _(summaries[i]);
	return verbs[i];
}

static int print_verbs(FILE *f)
{
	fputs(_("\nVerbs:\n"), f);
	for (size_t i = 0; verbs[i] != NULL; i++)
		fprintf(f, "  %-10s %s\n", verbs[i]->name, _(summaries[i]));
	fputs(_("\nADDR is 8080, 127.0.0.1:8080, [::1]:8080, localhost:http, http://host:3000/, /run/x.sock ...\n"
		"inuse VERB --help tells each verb's options.\n"), f);
	return fflush(f) == 0 ? IU_EXIT_GO : IU_EXIT_UNKNOWN;
}

int main(int argc, char **argv)
{
	const struct iu_verb *verb;

	iu_system_start(&argc, &argv);
	setlocale(LC_ALL, "");
#if INUSE_HAVE_NLS
	bindtextdomain("inuse", INUSE_LOCALEDIR);
	bind_textdomain_codeset("inuse", "UTF-8");
#endif
	if (argc < 2) {
		fputs(_("usage: inuse [options] ADDR        what holds a port, for how long, what frees it\n"
			"       inuse VERB ...\n"), stderr);
		print_verbs(stderr);
		return IU_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--complete") == 0)
		return iu_complete(argc - 2, argv + 2);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		verb = argc > 2 ? iu_verb_find(argv[2]) : NULL;
		if (verb != NULL) {
			iu_print_help(stdout, verb);
			return IU_EXIT_GO;
		}
		iu_print_help(stdout, &iu_verb_bare);
		return print_verbs(stdout);
	}
	verb = iu_verb_find(argv[1]);
	if (verb != NULL)
		return verb->run(argc - 1, argv + 1);
	return iu_verb_bare.run(argc, argv);
}
