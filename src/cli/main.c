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
#include "say/say.h"

static void print_verbs(FILE *f)
{
	const struct iu_verb *verb;
	const char *summary;

	fputs(_("\nVerbs:\n"), f);
	for (size_t i = 0; (verb = iu_verb_at(i, &summary)) != NULL; i++) {
		struct iu_text line = {0};

		iu_text_addf(&line, "  %-10s ", verb->name);
		iu_say_wrapped(&line, summary, 13, 80);
		fprintf(f, "%s\n", line.data ? line.data : "");
		iu_text_done(&line);
	}
	fputs("\n", f);
	iu_print_wrapped(f, _("ADDR is 8080, 127.0.0.1:8080, [::1]:8080, localhost:http, http://host:3000/, /run/x.sock ...\n"
			      "inuse VERB --help tells each verb's options.\n"));
}

int main(int argc, char **argv)
{
	const struct iu_verb *verb;
	char shown[64];

	iu_system_start(&argc, &argv);
	/* Only what sentences depend on: each category may be a file to open, and there are a dozen of them. */
	setlocale(LC_CTYPE, "");
	setlocale(LC_NUMERIC, "");
#ifdef LC_MESSAGES
	setlocale(LC_MESSAGES, "");
#endif
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
			return iu_flushed(IU_EXIT_GO);
		}
		iu_print_help(stdout, &iu_verb_bare);
		print_verbs(stdout);
		return iu_flushed(IU_EXIT_GO);
	}
	verb = iu_verb_find(argv[1]);
	if (verb != NULL)
		return verb->run(argc - 1, argv + 1);
	/* letters alone are no address, whatever follows */
	if (argv[1][strspn(argv[1], "abcdefghijklmnopqrstuvwxyz")] == 0 && argv[1][0] != 0)
		return iu_usage(&iu_verb_bare,
				_("\"%s\" is no verb, and no address either: a host needs a port (localhost:8080), a service a "
				  "colon (:http)"),
				iu_escape(argv[1], shown, sizeof(shown)));
	return iu_verb_bare.run(argc, argv);
}
