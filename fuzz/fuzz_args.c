/* SPDX-License-Identifier: MIT */
/*
 * A command line, read against the options of a verb. The first byte chooses the verb; the words follow, each with a line
 * feed behind it. What is read is words of the input or parts of them, and what is wrong ends it. It prints its sentences:
 * tools/fuzz closes what they go to.
 */
#include "fuzz/input.h"

#include "cli/call_options.h"
#include "cli/cli.h"

enum { MAX_WORDS = 64 };

static bool is_within(const char *value, char *const *argv, int argc)
{
	for (int i = 1; i < argc; i++)
		if (value >= argv[i] && value <= argv[i] + strlen(argv[i]))
			return true;
	return false;
}

static bool has_option(const struct iu_verb *verb, int id)
{
	for (const struct iu_option *o = verb->options; o != NULL && o->id != 0; o++)
		if (o->id == id)
			return true;
	return false;
}

static void read_words(const struct iu_verb *verb, int argc, char **argv)
{
	struct iu_args args = {.verb = verb, .argc = argc, .argv = argv};
	uint64_t number;
	int id, n = 0;

	while ((id = iu_args_next(&args)) != IU_ARG_END) {
		/* a cluster has an option a byte */
		MUST(n++ < 1 << 20);
		if (id == IU_ARG_WRONG || id == IU_ARG_HELP)
			return;
		MUST(id == IU_ARG_OPERAND || has_option(verb, id));
		MUST(args.value == NULL || is_within(args.value, argv, argc));
		if (args.value != NULL && iu_arg_number(&args, "n", 1, 100, &number))
			MUST(number >= 1 && number <= 100);
	}
}

static bool take_other(void *arg, int option, const struct iu_args *args)
{
	MUST(has_option(arg, option));
	return true;
}

/* All of the words that describe a call, at once. */
static void read_call(const struct iu_verb *verb, int argc, char **argv)
{
	struct iu_call call = IU_CALL_INIT(verb, IU_CALL_WORD_MAY);
	int status;

	call.other = take_other;
	call.arg = (void *)(uintptr_t)verb;
	status = iu_call_parse(&call, argc, argv);
	MUST(status == IU_CALL_GO_ON || (status >= IU_EXIT_GO && status <= IU_EXIT_UNKNOWN));
	if (status == IU_CALL_GO_ON)
		MUST(call.q.address != NULL && is_within(call.q.address, argv, argc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *argv[MAX_WORDS + 1] = {"inuse"};
	const struct iu_verb *verb;
	const char *summary;
	size_t n = 0;
	int argc = 1;

	while (iu_verb_at(n, &summary) != NULL)
		n++;
	if (size < 1 || n == 0)
		return 0;
	verb = iu_verb_at(data[0] % n, &summary);
	text = input_string(data + 1, size - 1);
	for (char *at = text, *end; argc < MAX_WORDS && (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = 0;
		argv[argc++] = at;
	}
	read_words(verb, argc, argv);
	if (strcmp(verb->name, "why") == 0)
		read_call(verb, argc, argv);
	free(text);
	return 0;
}
