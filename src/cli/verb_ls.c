/* SPDX-License-Identifier: MIT */
/* inuse ls: every socket that holds a port. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/ls.h"
#include "compat/system.h"
#include "say/names.h"

enum { JSON = 256, COUNT, NETNS, SAVE, FULL, SNAPSHOT, NO_OWNERS };

static const struct iu_option options[] = {
	{COUNT, "count", NULL, N_("sums by state, by local port and by remote address")},
	{JSON, "json", NULL, N_("one JSON object a line, for programs")},
	{NETNS, "netns", "NAME|PID|all", N_("look into another network namespace, or into all")},
	{NO_OWNERS, "no-owners", NULL, N_("do not look for the processes that hold the sockets")},
	{SAVE, "save", "FILE", N_("save what is known in FILE instead of listing it")},
	{SNAPSHOT, "snapshot", "FILE", N_("list a saved state; - is standard input")},
	{FULL, "full", NULL, N_("with --save and --json: whole command lines too")},
	{'v', "verbose", NULL, N_("every flag, user number and inode; how it was read")},
	{0},
};

static int run(int argc, char **argv);
static void list_words(void (*fn)(void *arg, const char *word, const char *what), void *arg);

const struct iu_verb iu_verb_ls = {
	.name = "ls",
	.synopsis = "ls [OPTION...] [FILTER...]",
	.summary = N_("Lists every socket that holds a port, with seconds left, flags and owner."),
	.options = options,
	.notes = N_("FILTER, all of which must hold:\n"
		    "  :80  :80,443  :8000-8099     the local port\n"
		    "  ADDR  ADDR/LEN  ADDR:PORT    either end ([::1]:80 for IPv6 with a port)\n"
		    "  local ...  remote ...        one of these, of that end\n"
		    "  state listen,time-wait       one of these states\n"
		    "  pid N  user NAME             who holds it\n"
		    "  not ...                      anything but what follows"),
	.run = run,
	.words = list_words,
};

/* The first words of a filter, and the states. */
static void list_words(void (*fn)(void *arg, const char *word, const char *what), void *arg)
{
	static const char *const first[] = {"local", "remote", "state", "pid", "user", "not"};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		fn(arg, first[i], NULL);
	for (int s = INUSE_BOUND; s < INUSE_N_STATES; s++)
		fn(arg, iu_json_state((enum inuse_state)s), NULL);
}

/* ------------------------------------------------------------------------------------------- the words */

/* False: out of memory. */
static bool take(struct iu_ls *o, int id, const char *value)
{
	switch (id) {
	case JSON:
		o->style.json = true;
		break;
	case COUNT:
		if (o->count == NULL)
			o->count = iu_ls_count_new();
		return o->count != NULL;
	case NETNS:
		o->netns = value;
		break;
	case SAVE:
		o->save = value;
		break;
	case FULL:
		o->style.full = true;
		break;
	case SNAPSHOT:
		o->snapshot = value;
		break;
	case NO_OWNERS:
		o->style.owners = false;
		break;
	default:
		o->style.verbose = true;
		break;
	}
	return true;
}

/* Options that contradict each other; IU_EXIT_GO: none. */
static int check(const struct iu_ls *o)
{
	if (o->snapshot != NULL && (o->netns != NULL || o->save != NULL))
		return iu_usage(&iu_verb_ls, _("--snapshot reads a saved state: --netns and --save do not go with it"));
	if (o->save != NULL && (o->count != NULL || o->style.json))
		return iu_usage(&iu_verb_ls, _("--save lists nothing: --count and --json do not go with it"));
	if (o->save != NULL && o->netns != NULL && strcmp(o->netns, "all") == 0)
		return iu_usage(&iu_verb_ls, _("--save holds one network namespace, not all of them"));
	if (o->save != NULL && !iu_filter_is_ports(&o->filter))
		return iu_usage(&iu_verb_ls, _("--save keeps whole ports: no filter but local ports goes with it"));
	if (o->style.full && o->save == NULL && !o->style.json)
		return iu_usage(&iu_verb_ls, _("--full goes with --save or --json"));
	if (!o->style.owners && iu_filter_needs_owners(&o->filter))
		return iu_usage(&iu_verb_ls, _("pid and user need the owners: --no-owners does not go with them"));
	return IU_EXIT_GO;
}

/* IU_EXIT_GO, or why not; *ret_done: nothing more to do (--help). words has room for argc. */
static int read_words(int argc, char **argv, struct iu_ls *o, const char **words, bool *ret_done)
{
	struct iu_filter_names names = {iu_system_find_user, iu_system_find_service};
	struct iu_args args = {.verb = &iu_verb_ls, .argc = argc, .argv = argv};
	struct inuse_error error = {0};
	size_t n = 0;
	int id;

	*ret_done = false;
	while ((id = iu_args_next(&args)) != IU_ARG_END) {
		if (id == IU_ARG_WRONG)
			return IU_EXIT_USAGE;
		if (id == IU_ARG_HELP) {
			*ret_done = true;
			return iu_flushed(IU_EXIT_GO);
		}
		if (id == IU_ARG_OPERAND)
			words[n++] = args.value;
		else if (!take(o, id, args.value))
			return IU_EXIT_UNKNOWN;
	}
	if (o->snapshot != NULL) /* its users are those of the machine that saved it */
		names.user = NULL;
	if (iu_filter_parse(words, n, &names, &o->filter, &error) < 0)
		return iu_usage(&iu_verb_ls, "%s", error.text);
	return check(o);
}

/* -------------------------------------------------------------------------------------------- the notes */

static void say_sources(const struct inuse_snapshot *s)
{
	for (size_t i = 0; i < iu_snapshot_n_said(s); i++) {
		const char *source, *text;
		char name[64], shown[512];
		bool ok;

		iu_snapshot_said(s, i, &source, &ok, &text);
		fprintf(stderr, ok ? _("inuse ls: %s was read: %s\n") : _("inuse ls: %s could not be read: %s\n"),
			iu_escape(source, name, sizeof(name)), iu_escape(text, shown, sizeof(shown)));
	}
}

/* Why the first source that was refused was refused, or "". */
static const char *first_refusal(const struct inuse_snapshot *s)
{
	for (size_t i = 0; i < iu_snapshot_n_said(s); i++) {
		const char *source, *text;
		bool ok;

		iu_snapshot_said(s, i, &source, &ok, &text);
		if (!ok && text[0] != 0)
			return text;
	}
	return "";
}

static void say_hidden(const struct iu_ls *ls)
{
	unsigned long long owners = ls->style.owners ? ls->hidden.owners : 0, flags = ls->hidden.flags;
	const char *why = ls->snapshot != NULL ? _(" from whoever saved this")
			  : !iu_system_sees_all() ? _("; root would see more")
					       : "";

	if (owners != 0 && flags != 0)
		fprintf(stderr,
			_("inuse ls: hidden: the owners of some sockets (%llu) and the reuse flags of some (%llu)%s\n"),
			owners, flags, why);
	else if (owners != 0)
		fprintf(stderr, _("inuse ls: hidden: the owners of some sockets (%llu)%s\n"), owners, why);
	else if (flags != 0)
		fprintf(stderr, _("inuse ls: hidden: the reuse flags of some sockets (%llu)%s\n"), flags, why);
}

void iu_ls_note_unseen(struct iu_ls *ls, uint32_t unseen, const char *reason)
{
	ls->unseen |= unseen;
	if (ls->reason[0] == 0)
		iu_escape(reason, ls->reason, sizeof(ls->reason));
}

static void say_unseen(const struct iu_ls *ls)
{
	if (ls->unseen & INUSE_MISSING_BOUND && ls->reason[0] != 0)
		fprintf(stderr, _("inuse ls: sockets that are bound but not listening cannot be seen here: %s\n"),
			ls->reason);
	else if (ls->unseen & INUSE_MISSING_BOUND)
		fputs(_("inuse ls: sockets that are bound but not listening cannot be seen here\n"), stderr);
	if (ls->unseen & INUSE_MISSING_PARTIAL)
		fputs(_("inuse ls: sockets changed while they were read: some may be missing or be there twice\n"),
		      stderr);
	say_hidden(ls);
}

/* ---------------------------------------------------------------------------------------- what to do */

static enum inuse_status count_all(struct iu_ls *ls, const struct iu_facts *facts, struct inuse_error *error)
{
	for (size_t i = 0; i < facts->n_sockets; i++)
		if (iu_filter_match(&ls->filter, &facts->sockets[i], facts) &&
		    !iu_ls_count_add(ls->count, &facts->sockets[i]))
			return iu_fail(error, INUSE_E_MEMORY, 0, "count", _("out of memory"));
	return INUSE_OK;
}

enum inuse_status iu_ls_snapshot(struct iu_ls *ls, const struct inuse_snapshot *snapshot, struct inuse_error *error)
{
	const struct iu_facts *facts = iu_snapshot_facts(snapshot);
	const struct iu_ls_rows rows = {facts, &ls->filter};
	enum inuse_status status;

	ls->shown += iu_ls_matching(&rows, UINT64_MAX);
	if (ls->count != NULL)
		status = count_all(ls, facts, error);
	else
		status = iu_ls_print(&ls->style, &rows, &ls->hidden, error);
	if (status < 0)
		return status;
	iu_ls_flush(ls);
	if (ls->style.verbose)
		say_sources(snapshot);
	iu_ls_note_unseen(ls, facts->unseen, first_refusal(snapshot));
	return INUSE_OK;
}

static enum inuse_status list(struct iu_ls *ls, struct inuse_error *error)
{
	struct inuse_snapshot *snapshot;
	enum inuse_status status;

	if (ls->snapshot == NULL)
		return iu_ls_netns(ls, error);
	status = inuse_snapshot_load(ls->snapshot, &snapshot, error);
	if (status < 0)
		return status;
	status = iu_ls_snapshot(ls, snapshot, error);
	inuse_snapshot_free(snapshot);
	return status;
}

void iu_ls_flush(struct iu_ls *ls)
{
	if ((ferror(ls->style.f) || fflush(ls->style.f) != 0) && ls->write_errno == 0)
		ls->write_errno = errno;
}

/*
 * A reader that has gone (| head) is no failure; a full disk is. Where the output ended early nothing was counted to its
 * end, and how early depends on the buffer of the C library: nothing is said of what was not seen.
 */
static int finish(struct iu_ls *ls)
{
	iu_ls_flush(ls);
	if (iu_system_reader_has_gone(ls->write_errno))
		return IU_EXIT_GO;
	if (ls->write_errno == 0) {
		say_unseen(ls);
		if (ls->shown == 0 && ls->save == NULL)
			fputs(_("inuse ls: no socket matches\n"), stderr);
		return IU_EXIT_GO;
	}
	fprintf(stderr, _("inuse ls: the output cannot be written: %s\n"), strerror(ls->write_errno));
	return IU_EXIT_UNKNOWN;
}

static int work(struct iu_ls *ls)
{
	struct inuse_error error = {0};
	enum inuse_status status = list(ls, &error);

	if (status == INUSE_OK && ls->count != NULL)
		status = iu_ls_count_print(ls->count, ls->style.f, ls->style.json, ls->style.verbose, &error);
	return status < 0 ? iu_report_error(&error) : finish(ls);
}

static int run(int argc, char **argv)
{
	struct iu_ls ls = {.style = {.f = stdout, .owners = true, .colour = iu_colour(stdout)}};
	const char **words = calloc((size_t)argc + 1, sizeof(*words));
	bool done = false;
	int status;

	if (words == NULL)
		return IU_EXIT_UNKNOWN;
	status = read_words(argc, argv, &ls, words, &done);
	if (status == IU_EXIT_GO && !done)
		status = work(&ls);
	iu_ls_count_free(ls.count);
	free(words);
	return status;
}
