/* SPDX-License-Identifier: MIT */
/* Completion of the command line. */
#include "cli/complete.h"

#include <ctype.h>
#include <dirent.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/why.h"
#include "host/host.h"

#define NETNS_FOLDER "/run/netns" /* where ip-netns(8) keeps them */

struct completion {
	const struct iu_verb *verb;
	const char *typed; /* what is to be completed */
	const char *before; /* printed before each candidate: "--option=" or "a,b," */
	size_t before_len;
};

/* Prints the candidate if it begins as what was typed. Other people's names are escaped. */
static void offer(const struct completion *c, const char *candidate, const char *what)
{
	char shown[256], told[256];

	if (strncmp(candidate, c->typed, strlen(c->typed)) != 0 || candidate[0] == 0)
		return;
	printf("%.*s%s", (int)c->before_len, c->before, iu_escape(candidate, shown, sizeof(shown)));
	if (what != NULL && what[0] != 0)
		printf("\t%s", iu_escape(what, told, sizeof(told)));
	putchar('\n');
}

static void offer_word(void *arg, const char *candidate, const char *what)
{
	offer(arg, candidate, what);
}

/* ------------------------------------------------------------------------------------------------ values */

/* "[bind|listen] ADDR": the words in small letters. A word ends at a blank, a bar or a bracket. "[options]" are no word. */
static void offer_alternatives(const struct completion *c, const char *text, const char *what)
{
	while (*text != 0 && strcmp(text, "[options]") != 0) {
		size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
		char word[64];

		if (len > 0 && len < sizeof(word) && islower((unsigned char)text[0])) {
			memcpy(word, text, len);
			word[len] = 0;
			offer(c, word, what);
		}
		text += len > 0 ? len : strcspn(text, "|[]");
		text += strspn(text, "|[] ");
	}
}

static void offer_interfaces(const struct completion *c)
{
	struct if_nameindex *list = if_nameindex();

	for (size_t i = 0; list != NULL && list[i].if_index != 0; i++)
		offer(c, list[i].if_name, NULL);
	if (list != NULL)
		if_freenameindex(list);
}

static void offer_namespaces(const struct completion *c)
{
	DIR *folder = opendir(NETNS_FOLDER);
	struct dirent *entry;

	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			offer(c, entry->d_name, NULL);
	if (folder != NULL)
		closedir(folder);
}

static void offer_sources(const struct completion *c)
{
	const char *comma = strrchr(c->typed, ',');
	struct completion last = *c;
	static const char *const names[] = {
#define SOURCE(id, name, each, use, tells) name,
#include "host/hosts.def"
#undef SOURCE
	};

	/* a list: the last one is completed, those before stay */
	if (comma != NULL && c->before_len == 0) {
		last.before = c->typed;
		last.before_len = (size_t)(comma + 1 - c->typed);
		last.typed = comma + 1;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		offer(&last, names[i], NULL);
}

struct ports {
	const struct completion *c;
	uint8_t seen[65536 / 8];
};

static bool offer_listener(void *arg, const struct inuse_socket *s)
{
	struct ports *p = arg;
	char port[16], at[INUSE_ADDR_TEXT];

	if (s->state != INUSE_LISTEN || (p->seen[s->local.port / 8] & 1u << s->local.port % 8) != 0)
		return true;
	p->seen[s->local.port / 8] |= (uint8_t)(1u << s->local.port % 8);
	snprintf(port, sizeof(port), "%u", s->local.port);
	offer(p->c, port, inuse_addr_text(&s->local, at));
	return true;
}

/* The ports on which somebody listens. */
static void offer_addresses(const struct completion *c)
{
	struct iu_scope scope = {.listeners = true, .without = 1u << IU_SOURCE_ITER};
	struct ports p = {.c = c};

	iu_host_each(&scope, offer_listener, &p, NULL, NULL);
}

/* argument: as the table of options names it. */
static void offer_values(const struct completion *c, const char *argument)
{
	argument += strspn(argument, "[=");
	if (strncmp(argument, "FILE", 4) == 0)
		puts("\tfiles");
	else if (strncmp(argument, "IF", 2) == 0)
		offer_interfaces(c);
	else if (strncmp(argument, "ADDR", 4) == 0)
		offer_addresses(c);
	else if (strncmp(argument, "LIST", 4) == 0)
		offer_sources(c);
	else if (strncmp(argument, "NAME|PID", 8) == 0)
		offer_namespaces(c);
	offer_alternatives(c, argument, NULL);
}

/* --------------------------------------------------------------------------------------- options, operands */

static void offer_options(const struct completion *c)
{
	const char *what = "";
	char option[80];

	for (const struct iu_option *o = c->verb->options; o != NULL && o->id != 0; o++) {
		what = o->help != NULL ? _(o->help) : what;
		snprintf(option, sizeof(option), "--%s%s", o->name, o->argument && o->argument[0] == '[' ? "=" : "");
		offer(c, option, what);
	}
	offer(c, "--help", _("show this help"));
}

/* What a verb's synopsis begins with, behind its name: "bind|listen ADDR", line by line. */
static void offer_operands(const struct completion *c, size_t n_before)
{
	const char *line = c->verb->synopsis;
	size_t name_len = strlen(c->verb->name);
	bool addresses = false;

	while (*line != 0) {
		const char *word = line + name_len + strspn(line + name_len, " ");
		size_t len = strcspn(line, "\n"), word_len = strcspn(word, " \n");
		char text[256];

		if (word[0] != '-' && word_len < sizeof(text) && n_before == 0) {
			memcpy(text, word, word_len);
			text[word_len] = 0;
			offer_alternatives(c, text, NULL);
		}
		for (const char *at = line; at < line + len; at++)
			addresses |= strncmp(at, "ADDR", 4) == 0 || strncmp(at, "REMOTE", 6) == 0;
		line += len + (line[len] == '\n');
	}
	if (c->verb->words != NULL)
		c->verb->words(offer_word, (void *)(uintptr_t)c);
	if (addresses && n_before < 2)
		offer_addresses(c);
	if (strstr(c->verb->synopsis, "CMD") != NULL)
		puts("\tcommands");
}

static const struct iu_option *find_option(const struct iu_verb *verb, const char *word)
{
	size_t len = strcspn(word, "=");

	for (const struct iu_option *o = verb->options; o != NULL && o->id != 0; o++)
		if ((word[1] == '-' && strlen(o->name) + 2 == len && memcmp(o->name, word + 2, len - 2) == 0) ||
		    (word[1] == o->id && word[2] == 0))
			return o;
	return NULL;
}

static bool takes_next_word(const struct iu_option *o, const char *word)
{
	return o != NULL && o->argument != NULL && o->argument[0] != '[' && strchr(word, '=') == NULL;
}

/* The words behind the verb; the last one is to be completed. */
static void complete_words(struct completion *c, int n, char **words)
{
	const struct iu_option *pending = NULL;
	size_t n_operands = 0;
	bool only_operands = false;

	for (int i = 0; i + 1 < n; i++) {
		const struct iu_option *o = NULL;

		if (pending != NULL) {
			pending = NULL;
			continue;
		}
		if (strcmp(words[i], "--") == 0 || only_operands || words[i][0] != '-' || words[i][1] == 0) {
			n_operands += only_operands || strcmp(words[i], "--") != 0;
			only_operands |= strcmp(words[i], "--") == 0;
			continue;
		}
		o = find_option(c->verb, words[i]);
		pending = takes_next_word(o, words[i]) ? o : NULL;
	}
	if (pending != NULL) {
		offer_values(c, pending->argument);
	} else if (c->typed[0] == '-' && !only_operands) {
		const char *equals = strchr(c->typed, '=');
		const struct iu_option *o = equals ? find_option(c->verb, c->typed) : NULL;

		if (o != NULL && o->argument != NULL) {
			c->before = c->typed;
			c->before_len = (size_t)(equals + 1 - c->typed);
			c->typed = equals + 1;
			offer_values(c, o->argument);
		} else if (equals == NULL) {
			offer_options(c);
		}
	} else {
		offer_operands(c, n_operands);
	}
}

int iu_complete(int n, char **words)
{
	struct completion c = {.verb = &iu_verb_bare, .typed = n > 0 ? words[n - 1] : "", .before = ""};
	const struct iu_verb *verb;
	const char *summary;
	bool help = n == 2 && strcmp(words[0], "help") == 0;

	if (n <= 1 || help)
		for (size_t i = 0; (verb = iu_verb_at(i, &summary)) != NULL; i++)
			offer(&c, verb->name, summary);
	verb = n > 1 ? iu_verb_find(words[0]) : NULL;
	if (verb != NULL) {
		c.verb = verb;
		complete_words(&c, n - 1, words + 1);
	} else if (!help) {
		complete_words(&c, n, words);
	}
	return fflush(stdout) == 0 ? IU_EXIT_GO : IU_EXIT_UNKNOWN;
}
