/* SPDX-License-Identifier: MIT */
/* The words of a command line, read against a verb's table of options; and the help printed from the same table. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "compat/system.h"
#include "say/say.h"

static const struct iu_option help_option = {'h', "help", NULL, N_("show this help")};

static const struct iu_option *find_long(const struct iu_verb *verb, const char *name, size_t len)
{
	for (const struct iu_option *o = verb->options; o != NULL && o->id != 0; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return len == 4 && memcmp(name, "help", 4) == 0 ? &help_option : NULL;
}

static const struct iu_option *find_short(const struct iu_verb *verb, char letter)
{
	for (const struct iu_option *o = verb->options; o != NULL && o->id != 0; o++)
		if (o->id == letter)
			return o;
	return letter == 'h' ? &help_option : NULL;
}

static int found(struct iu_args *args, const struct iu_option *option)
{
	if (option != &help_option)
		return option->id;
	iu_print_help(stdout, args->verb);
	return IU_ARG_HELP;
}

static int next_long(struct iu_args *args, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct iu_option *option = find_long(args->verb, word, len);
	char name[64];

	iu_escape(word, name, sizeof(name));
	if (option == NULL) {
		iu_usage(args->verb, _("there is no option --%s"), name);
		return IU_ARG_WRONG;
	}
	if (option->argument == NULL && equals != NULL) {
		iu_usage(args->verb, _("--%s takes no value"), option->name);
		return IU_ARG_WRONG;
	}
	args->value = equals ? equals + 1 : NULL;
	/* "[=X]" is an optional argument: only with "=" */
	if (option->argument != NULL && equals == NULL && option->argument[0] != '[') {
		if (args->next >= args->argc) {
			iu_usage(args->verb, _("--%s needs a value: %s"), option->name, option->argument);
			return IU_ARG_WRONG;
		}
		args->value = args->argv[args->next++];
	}
	return found(args, option);
}

static int next_short(struct iu_args *args)
{
	const struct iu_option *option = find_short(args->verb, *args->cluster);
	char letter[8] = {*args->cluster, 0}, shown[32];

	if (option == NULL) {
		iu_usage(args->verb, _("there is no option -%s"), iu_escape(letter, shown, sizeof(shown)));
		return IU_ARG_WRONG;
	}
	args->cluster++;
	args->value = NULL;
	if (option->argument != NULL && option->argument[0] != '[') {
		if (*args->cluster == 0 && args->next >= args->argc) {
			iu_usage(args->verb, _("-%c needs a value: %s"), option->id, option->argument);
			return IU_ARG_WRONG;
		}
		args->value = *args->cluster ? args->cluster : args->argv[args->next++];
		args->cluster = NULL;
	}
	return found(args, option);
}

int iu_args_next(struct iu_args *args)
{
	const char *word;

	if (args->cluster != NULL && *args->cluster != 0)
		return next_short(args);
	args->cluster = NULL;
	if (args->next == 0)
		args->next = 1;
	if (args->next >= args->argc)
		return IU_ARG_END;
	word = args->argv[args->next++];
	if (args->only_operands || word[0] != '-' || word[1] == 0) {
		args->only_operands |= args->stop_at_operand;
		args->value = word;
		return IU_ARG_OPERAND;
	}
	if (word[1] != '-') {
		args->cluster = word + 1;
		return next_short(args);
	}
	if (word[2] == 0) {
		args->only_operands = true;
		return iu_args_next(args);
	}
	return next_long(args, word + 2);
}

int iu_usage(const struct iu_verb *verb, const char *format, ...)
{
	va_list ap;

	fputs("inuse", stderr);
	if (verb != NULL && verb->name[0] != 0)
		fprintf(stderr, " %s", verb->name);
	fputs(": ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	if (verb != NULL && verb->name[0] != 0)
		fprintf(stderr, _(" (see inuse %s --help)\n"), verb->name);
	else
		fputs(_(" (see inuse --help)\n"), stderr);
	return IU_EXIT_USAGE;
}

int iu_report_error(const struct inuse_error *error)
{
	fprintf(stderr, "inuse: %s\n", error->text);
	switch (error->status) {
	case INUSE_E_INPUT:
	case INUSE_E_NO_HOST:
	case INUSE_E_NO_NAMESPACE:
	case INUSE_E_SNAPSHOT:
		return IU_EXIT_USAGE;
	default:
		return IU_EXIT_UNKNOWN;
	}
}

int iu_flushed(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	/* what failed before this, with musl at the end of a line, has left only a mark: one more byte tells why */
	if (errno == 0) {
		clearerr(stdout);
		if (fputc('\n', stdout) != EOF && fflush(stdout) == 0)
			errno = 0;
	}
	if (errno == 0)
		fputs(_("inuse: the output cannot be written\n"), stderr);
	else if (!iu_system_reader_has_gone(errno))
		fprintf(stderr, _("inuse: the output cannot be written: %s\n"), strerror(errno));
	return IU_EXIT_UNKNOWN;
}

bool iu_arg_number(const struct iu_args *args, const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
	char shown[64];

	if (iu_parse_u64(args->value, min, max, ret))
		return true;
	iu_usage(args->verb, _("--%s takes a number from %llu to %llu, not \"%s\""), name, (unsigned long long)min,
		 (unsigned long long)max, iu_escape(args->value, shown, sizeof(shown)));
	return false;
}

bool iu_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(f)) && (no == NULL || *no == 0) && iu_system_has_colours();
}

static void print_option(FILE *f, const struct iu_option *o)
{
	struct iu_text line = {0};
	bool optional = o->argument != NULL && o->argument[0] == '[';

	iu_text_add(&line, "  ");
	if (o->id > ' ' && o->id < 127)
		iu_text_addf(&line, "-%c, ", o->id);
	iu_text_addf(&line, "--%s", o->name);
	if (o->argument != NULL)
		iu_text_addf(&line, "%s%s", optional ? "" : " ", o->argument);
	if (o->help != NULL) {
		iu_text_pad(&line, 0, 26, 2);
		iu_say_wrapped(&line, _(o->help), 26, 80);
	}
	fprintf(f, "%s\n", line.data ? line.data : "");
	iu_text_done(&line);
}

void iu_print_wrapped(FILE *f, const char *text)
{
	while (*text != 0) {
		size_t len = strcspn(text, "\n");
		struct iu_text line = {0}, wrapped = {0};

		iu_text_add_n(&line, text, len);
		if (*text != ' ')
			iu_say_wrapped(&wrapped, line.data ? line.data : "", 0, 80);
		fprintf(f, "%s\n", wrapped.len > 0 ? wrapped.data : line.len > 0 ? line.data : "");
		iu_text_done(&line);
		iu_text_done(&wrapped);
		text += len + (text[len] == '\n');
	}
}

void iu_print_help(FILE *f, const struct iu_verb *verb)
{
	const char *line = verb->synopsis;

	for (const char *lead = _("usage: "); *line != 0; lead = "       ") {
		size_t len = strcspn(line, "\n");

		fprintf(f, "%sinuse %.*s\n", lead, (int)len, line);
		line += len + (line[len] == '\n');
	}
	fputs("\n", f);
	iu_print_wrapped(f, _(verb->summary));
	fputs("\n", f);
	for (const struct iu_option *o = verb->options; o != NULL && o->id != 0; o++)
		print_option(f, o);
	print_option(f, &help_option);
	if (verb->notes != NULL) {
		fputs("\n", f);
		iu_print_wrapped(f, _(verb->notes));
	}
}
