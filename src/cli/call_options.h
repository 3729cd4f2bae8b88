/* SPDX-License-Identifier: MIT */
/*
 * The words that describe a call and where to look, shared by every verb that judges one.
 *
 * A verb puts the rows it wants into its table of options, and reads its command line with iu_call_parse(), which
 * knows these rows and asks the verb about the others.
 */
#ifndef IU_CLI_CALL_OPTIONS_H
#define IU_CLI_CALL_OPTIONS_H

#include "base/gettext.h"
#include "cli/cli.h"

/* Numbers above those that verbs give to options of their own (from 256 up). */
enum iu_call_option {
	IU_OPT_REUSEADDR = 1024,
	IU_OPT_NO_REUSEADDR,
	IU_OPT_EXCLUSIVE,
	IU_OPT_REUSEPORT,
	IU_OPT_V6ONLY,
	IU_OPT_NO_V6ONLY,
	IU_OPT_FREEBIND,
	IU_OPT_DEVICE,
	IU_OPT_UID,
	IU_OPT_PLAIN,
	IU_OPT_FROM,
	IU_OPT_NETNS,
	IU_OPT_STRICT,
	IU_OPT_WITHOUT,
	IU_OPT_JSON,
};

#define IU_CALL_ROWS \
	{IU_OPT_REUSEADDR, "reuseaddr", NULL, N_("the call sets SO_REUSEADDR")}, \
	{IU_OPT_NO_REUSEADDR, "no-reuseaddr", NULL, N_("it does not")}, \
	{IU_OPT_EXCLUSIVE, "exclusive", NULL, N_("it sets SO_EXCLUSIVEADDRUSE (Windows only)")}, \
	{IU_OPT_REUSEPORT, "reuseport", NULL, N_("it sets SO_REUSEPORT")}, \
	{IU_OPT_V6ONLY, "v6only", NULL, N_("it sets IPV6_V6ONLY (else net.ipv6.bindv6only decides)")}, \
	{IU_OPT_NO_V6ONLY, "no-v6only", NULL, N_("it clears IPV6_V6ONLY")}, \
	{IU_OPT_FREEBIND, "freebind", NULL, N_("it sets IP_FREEBIND")}, \
	{IU_OPT_DEVICE, "device", "IF", N_("it binds to this interface (SO_BINDTODEVICE)")}, \
	{IU_OPT_UID, "uid", "N", N_("the socket belongs to this user, not to you")}
#define IU_FROM_ROW {IU_OPT_FROM, "from", "ADDR", N_("connect: the local address or port; accept: the peer")}
#define IU_PLAIN_ROW {IU_OPT_PLAIN, "plain", NULL, N_("judge a call without SO_REUSEADDR (as --no-reuseaddr)")}
#define IU_NETNS_ROW {IU_OPT_NETNS, "netns", "NAME|PID", N_("look in another network namespace")}
#define IU_NETNS_ALL_ROW \
	{IU_OPT_NETNS, "netns", "NAME|PID|all", N_("look in another network namespace, or in each of them")}
#define IU_STRICT_ROW \
	{IU_OPT_STRICT, "strict", NULL, N_("exit 3 where something could not be seen, even if all else is free")}
#define IU_WITHOUT_ROW {IU_OPT_WITHOUT, "without", "LIST", N_("do not use these sources (inuse --version lists them)")}
#define IU_JSON_ROW {IU_OPT_JSON, "json", NULL, N_("print one JSON object")}
#define IU_QUIET_ROW {'q', "quiet", NULL, N_("print nothing; the exit status tells")}

/* Does the name of the call (bind, listen, connect, accept) stand before the address? */
enum iu_call_word {
	IU_CALL_WORD_NONE, /* never: listen is meant */
	IU_CALL_WORD_MAY,  /* if it does, exactly the described call is meant; else listen with SO_REUSEADDR */
	IU_CALL_WORD_MUST,
};

/* What the words came to. Strings are borrowed from the command line. */
struct iu_call {
	const struct iu_verb *verb;
	enum iu_call_word word;
	struct inuse_question q;
	const char *netns;
	bool strict, json, quiet, have_call;
	bool may_lack_address; /* set by the verb: it goes without an address, too */
	/* An option that is none of the above: false after a sentence on stderr. NULL when the verb has none. */
	bool (*other)(void *arg, int option, const struct iu_args *args);
	void *arg;
};

#define IU_CALL_INIT(its_verb, its_word) {.verb = (its_verb), .word = (its_word), .q = INUSE_QUESTION_INIT}

#define IU_CALL_GO_ON -1
/* Reads the whole command line: IU_CALL_GO_ON, or the exit status to end with (help was printed, or a sentence). */
int iu_call_parse(struct iu_call *call, int argc, char **argv);

/*
 * What stands between the words and the look: no UDP, no path; enters the namespace. IU_CALL_GO_ON, or the exit status
 * to end with, after a sentence on stderr.
 */
int iu_call_enter(const struct iu_call *call);

/* The exit status that belongs to a verdict. strict: a GO that rests on what could be seen only is IU_EXIT_UNKNOWN. */
int iu_call_exit(const struct inuse_verdict *v, bool strict);

#endif
