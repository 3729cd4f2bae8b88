/* SPDX-License-Identifier: MIT */
/*
 * A verdict in words and in JSON.
 *
 * Theory of operation
 *
 * Every cause, cure and rule has its row in a table of words (words.c): whole sentences, which gettext translates, with
 * {names} that are filled in. The text for people is one headline, the sockets, what is to be known, and the fixes: at
 * most twelve lines of 80 columns unless `verbose`. JSON comes from the same verdict and is never translated.
 */
#ifndef IU_SAY_SAY_H
#define IU_SAY_SAY_H

#include <jansson.h>

#include "base/text.h"
#include "model/judge.h"
#include "model/rule.h"

/* A name in a template and what stands for it. A table of them ends with a NULL name. */
struct iu_var {
	const char *name, *value;
};

/* Adds the template with each {name} replaced; values are taken as they are. An unknown name stays. */
void iu_say_expand(struct iu_text *t, const char *format, const struct iu_var *vars);
/* Adds `text` wrapped at `width` columns, every line indented by `indent` blanks but the first, which goes on. */
size_t iu_say_wrapped(struct iu_text *t, const char *text, size_t indent, size_t width);

/* What was asked and how it is to be told. */
struct iu_telling {
	const char *asked;     /* "12345", "localhost:8080 from :23456": what the headline calls it; escaped */
	const char *again;     /* the words that ask it again, behind "inuse ": "12345", "why connect ..."; escaped */
	bool verbose, colour, plain; /* plain: the caller asked for SO_REUSEADDR off by --plain */
	const struct inuse_verdict *other; /* the same without / with SO_REUSEADDR where that differs, or NULL */
	size_t width;          /* columns; 0: 80 */
	size_t max_lines;      /* 0: 12, or unlimited when verbose */
};

/*
 * Index of the verdict that decides: the first FAIL by who has that very address, else the first FAIL, else the first CANNOT_TELL, else 0.
 * n > 0.
 */
size_t iu_say_deciding(const struct inuse_verdict *verdicts, size_t n);
/* The whole answer for people, lines ending in '\n'. The verdicts' facts must be alive. */
void iu_say_answer(struct iu_text *t, const struct iu_facts *facts, const struct inuse_verdict *verdicts, size_t n,
		   const struct iu_telling *how);
/* The same for programs: doc/json.md. NULL when out of memory; the caller drops it with json_decref(). */
json_t *iu_json_answer(const struct iu_facts *facts, const struct inuse_verdict *verdicts, size_t n,
		       const struct iu_telling *how);

/*
 * One socket as a JSON object: addresses, state, flags by name, what is unknown, seconds left, its holders with their
 * processes. The same in every verb's --json: doc/json.md. full: whole command lines and directories as well. NULL when out of memory.
 */
json_t *iu_json_socket(const struct iu_facts *facts, const struct inuse_socket *socket, bool full);

/* "43 s", "43 to 46 s", "3 min": how long from now. */
char *iu_say_duration(int64_t ns, int64_t slack_ns, char buf[64]);
/* "node (pid 4711, user ann)", "a process hidden from you (user ann)", "no process". */
void iu_say_who(struct iu_text *t, const struct iu_facts *f, const struct inuse_socket *o);

/* The command that stops the service or the container of a process: "systemctl stop nginx.service". Escaped. */
void iu_say_stop_command(struct iu_text *t, const struct inuse_process *p, bool container);

/* Words of a row; NULL when there is no such id. Untranslated: wrap in _(). */
struct iu_words {
	const char *id;
	const char *headline; /* cause: what follows the state; cure: what to do; rule: the rule in a sentence */
	const char *more;     /* cause: one or two sentences; cure: the risk */
};
const struct iu_words *iu_words_of_cause(const char *id);
const struct iu_words *iu_words_of_cure(const char *id);
/* The rule of that name on this system. */
const struct iu_words *iu_words_of_rule(const struct iu_profile *profile, const char *id);

#endif
