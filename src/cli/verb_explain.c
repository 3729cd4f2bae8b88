/* SPDX-License-Identifier: MIT */
/* inuse explain: the short lesson behind a cause, from the pages of doc/causes. */
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/cli.h"
#include "compat/system.h"
#include "say/page.h"

enum {
	OPT_JSON = 256,
	MAX_FOUND = 256,
	MAX_NEAR = 5,
};

static const struct iu_option options[] = {
	{OPT_JSON, "json", NULL, N_("one JSON object a topic, for programs")},
	{0, NULL, NULL, NULL},
};

static int run(int argc, char **argv);

static void list_topics(void (*fn)(void *arg, const char *word, const char *what), void *arg)
{
	for (const struct iu_page *page = iu_pages; page->id != NULL; page++)
		fn(arg, page->id, page->title);
}

const struct iu_verb iu_verb_explain = {
	.name = "explain",
	.synopsis = "explain [--json] [TOPIC]",
	.summary = N_("The short lesson behind a cause, with its sources."),
	.options = options,
	.notes = N_("TOPIC is the name behind More in inuse -v, or an error (EADDRINUSE, 98, 10048), a state (time-wait), an "
		    "option (SO_REUSEADDR), or how any of these begins. Without one, all topics are listed.\n"
		    "Exit status: 0 told, 2 there is no such topic."),
	.run = run,
	.words = list_topics,
};

/* As wide as the terminal, and no wider than is good to read. */
static size_t columns(void)
{
	size_t wide = iu_system_columns(stdout);

	return wide > 0 && wide < 80 ? wide : 80;
}

static int print(const char *text)
{
	fputs(text, stdout);
	return iu_flushed(IU_EXIT_GO);
}

static int print_json(const struct iu_page *const *pages, bool whole)
{
	struct iu_text out = {0};
	int status;

	for (; *pages != NULL; pages++) {
		json_t *object = iu_page_json(*pages, whole);
		char *line = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

		iu_text_addf(&out, "%s\n", line ? line : "");
		free(line);
		json_decref(object);
	}
	status = print(out.data ? out.data : "");
	iu_text_done(&out);
	return status;
}

/* One page whole, or a list of several. */
static int tell(const struct iu_page *const *pages, size_t n)
{
	struct iu_page_look look = {columns(), iu_colour(stdout)};
	struct iu_text out = {0};
	int status;

	if (n == 1)
		iu_page_tell(&out, pages[0], &look);
	else
		iu_page_list(&out, pages, iu_page_parts, &look);
	if (n > 1)
		iu_text_add(&out, _("\ninuse explain TOPIC shows one of them.\n"));
	status = print(out.data ? out.data : "");
	iu_text_done(&out);
	return status;
}

static int unknown(const char *word)
{
	const char *near[MAX_NEAR];
	size_t n = iu_page_near(iu_pages, word, near, MAX_NEAR);
	struct iu_text text = {0};
	char shown[120];

	for (size_t i = 0; i < n; i++)
		iu_text_addf(&text, "%s%s", i ? ", " : "", near[i]);
	iu_escape(word, shown, sizeof(shown));
	if (n > 0)
		fprintf(stderr, _("inuse explain: there is no topic \"%s\"; near to it: %s\n"), shown, text.data);
	else
		fprintf(stderr, _("inuse explain: there is no topic \"%s\"; inuse explain lists them\n"), shown);
	iu_text_done(&text);
	return IU_EXIT_USAGE;
}

static int explain(const char *word, bool json)
{
	const struct iu_page *found[MAX_FOUND + 1] = {NULL};
	size_t n = 0;

	if (word == NULL)
		while (n < MAX_FOUND && iu_pages[n].id != NULL) {
			found[n] = &iu_pages[n];
			n++;
		}
	else
		n = iu_page_find(iu_pages, word, found, MAX_FOUND);
	if (n == 0)
		return unknown(word);
	return json ? print_json(found, n == 1) : tell(found, n);
}

static int run(int argc, char **argv)
{
	struct iu_args args = {.verb = &iu_verb_explain, .argc = argc, .argv = argv};
	struct iu_text word = {0};
	bool json = false;
	int option, status;

	while ((option = iu_args_next(&args)) != IU_ARG_END) {
		if (option == IU_ARG_OPERAND) {
			/* "time wait" and "Address already in use" need no quotes */
			iu_text_addf(&word, "%s%s", word.len ? "-" : "", args.value);
		} else if (option == OPT_JSON) {
			json = true;
		} else {
			iu_text_done(&word);
			return option == IU_ARG_HELP ? iu_flushed(IU_EXIT_GO) : IU_EXIT_USAGE;
		}
	}
	status = explain(word.data, json);
	iu_text_done(&word);
	return status;
}
