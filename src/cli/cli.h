/* SPDX-License-Identifier: MIT */
/*
 * The command line: one verb, one file, one row.
 *
 * verbs.def has VERB(name, "summary"); verb_<name>.c defines `const struct iu_verb iu_verb_<name>`. Options are a table
 * that feeds the parser, --help and the test of the manual page.
 */
#ifndef IU_CLI_CLI_H
#define IU_CLI_CLI_H

#include <stdio.h>

#include "inuse.h"

/* Exit statuses: a promise to users. */
enum {
	IU_EXIT_GO = 0,      /* go ahead, or done */
	IU_EXIT_FAIL = 1,    /* the call would fail */
	IU_EXIT_USAGE = 2,   /* the input was wrong */
	IU_EXIT_UNKNOWN = 3, /* cannot tell, or could not look */
};

/* One option. `id` is what parsing returns: a letter for a short form as well, or a number above 255. */
struct iu_option {
	int id;
	const char *name;     /* long name without dashes */
	const char *argument; /* name of the argument in the help, NULL for none */
	const char *help;     /* one line, translated when printed; NULL: the second spelling of the row above (--no-x) */
};

struct iu_verb {
	const char *name;
	const char *synopsis; /* lines after "inuse ", separated by '\n' */
	const char *summary;
	const struct iu_option *options; /* ends with id 0; --help and -h are added */
	const char *notes;    /* what follows the options in --help, or NULL */
	/* argc, argv: what follows the verb's name is argv[1]... Returns an exit status. */
	int (*run)(int argc, char **argv);
	/* Hands each operand that might stand there to fn, with what it is (NULL: nothing to say); NULL for no such list. */
	void (*words)(void (*fn)(void *arg, const char *word, const char *what), void *arg);
};

/* A walk over the words of a command line. Options and operands may be mixed; "--" ends options. */
struct iu_args {
	const struct iu_verb *verb;
	int argc;
	char **argv;
	int next;            /* private */
	const char *cluster; /* private: rest of "-qv" */
	bool only_operands;  /* private */
	bool stop_at_operand; /* set by the caller: the first operand ends options (run CMD) */
	const char *value;   /* the option's argument, or the operand itself */
};
#define IU_ARG_END 0
#define IU_ARG_OPERAND -1
#define IU_ARG_WRONG -2 /* said on stderr: return IU_EXIT_USAGE */
#define IU_ARG_HELP -3  /* help was printed: return iu_flushed(IU_EXIT_GO) */

/* The next option's id, or IU_ARG_*. */
int iu_args_next(struct iu_args *args);

/* "inuse VERB: sentence" on stderr, followed by where to read on. Returns IU_EXIT_USAGE. */
int iu_usage(const struct iu_verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "inuse: sentence" of an error on stderr. Returns the exit status that belongs to it: 2 for input, 3 for the rest. */
int iu_report_error(const struct inuse_error *error);
/* The status, or IU_EXIT_UNKNOWN when stdout could not be written, after a sentence on stderr unless its reader has gone. */
int iu_flushed(int status);
/* Numeric option argument in [min, max]; false after a sentence on stderr. */
bool iu_arg_number(const struct iu_args *args, const char *name, uint64_t min, uint64_t max, uint64_t *ret);

/* Colour is wanted on this stream: a terminal, NO_COLOR unset, TERM not dumb. */
bool iu_colour(FILE *f);

void iu_print_help(FILE *f, const struct iu_verb *verb);
/* Each line of the text, wrapped at 80 columns; one that begins with a blank is a table and stays as it is. */
void iu_print_wrapped(FILE *f, const char *text);
const struct iu_verb *iu_verb_find(const char *name);
/* Row i of verbs.def with its summary, translated; NULL past the last one. */
const struct iu_verb *iu_verb_at(size_t i, const char **ret_summary);

#endif
