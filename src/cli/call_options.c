/* SPDX-License-Identifier: MIT */
/* The words that describe a call and where to look, shared by every verb that judges one. */
#include "cli/call_options.h"

#include <string.h>

#include "base/text.h"
#include "host/host.h"
#include "host/netns.h"

static const char *const source_names[] = {
#define SOURCE(id, name, each, use, tells) name,
#include IU_HOSTS_DEF
#undef SOURCE
};

/* "bucket,iter": one bit per row of hosts.def. */
static bool choose_without(struct iu_call *call, const char *list)
{
	char shown[64];

	while (*list != 0) {
		size_t len = strcspn(list, ","), i = 0;

		while (i < IU_N_SOURCES && (strlen(source_names[i]) != len || memcmp(source_names[i], list, len) != 0))
			i++;
		if (i == IU_N_SOURCES) {
			iu_usage(call->verb, _("there is no source \"%s\" (inuse --version lists them)"),
				 iu_escape(list, shown, sizeof(shown)));
			return false;
		}
		call->q.without |= 1u << i;
		list += len + (list[len] == ',');
	}
	return true;
}

static bool set_flag(struct iu_call *call, uint32_t flag, bool on)
{
	call->q.given |= flag;
	call->q.flags = on ? call->q.flags | flag : call->q.flags & ~flag;
	return true;
}

static bool set_uid(struct iu_call *call, const struct iu_args *args)
{
	uint64_t number;

	if (!iu_arg_number(args, "uid", 0, UINT32_MAX - 1, &number))
		return false;
	call->q.uid = (int64_t)number;
	return true;
}

/* False after a sentence on stderr. */
static bool take_option(struct iu_call *call, int option, const struct iu_args *args)
{
	switch (option) {
	case IU_OPT_REUSEADDR: return set_flag(call, INUSE_REUSEADDR, true);
	case IU_OPT_NO_REUSEADDR:
	case IU_OPT_PLAIN: return set_flag(call, INUSE_REUSEADDR, false);
	case IU_OPT_EXCLUSIVE: return set_flag(call, INUSE_EXCLUSIVE, true);
	case IU_OPT_REUSEPORT: return set_flag(call, INUSE_REUSEPORT, true);
	case IU_OPT_V6ONLY: return set_flag(call, INUSE_V6ONLY, true);
	case IU_OPT_NO_V6ONLY: return set_flag(call, INUSE_V6ONLY, false);
	case IU_OPT_FREEBIND: return set_flag(call, INUSE_FREEBIND, true);
	case IU_OPT_UID: return set_uid(call, args);
	case IU_OPT_WITHOUT: return choose_without(call, args->value);
	case IU_OPT_DEVICE: call->q.device = args->value; return true;
	case IU_OPT_FROM: call->q.from = args->value; return true;
	case IU_OPT_NETNS: call->netns = args->value; return true;
	case IU_OPT_STRICT: call->strict = true; return true;
	case IU_OPT_JSON: call->json = true; return true;
	case 'q': call->quiet = true; return true;
	default: return call->other != NULL && call->other(call->arg, option, args);
	}
}

static bool find_call(const char *word, enum inuse_call *ret)
{
	static const char *const names[] = {"bind", "listen", "connect", "accept"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i]) == 0) {
			*ret = (enum inuse_call)i;
			return true;
		}
	return false;
}

/* An operand: the call, then the address. False after a sentence on stderr. */
static bool take_operand(struct iu_call *call, const char *word)
{
	char shown[80];

	if (call->word != IU_CALL_WORD_NONE && !call->have_call && call->q.address == NULL) {
		call->have_call = find_call(word, &call->q.call);
		if (call->have_call)
			return true;
		if (call->word == IU_CALL_WORD_MUST) {
			iu_usage(call->verb, _("the call is bind, listen, connect or accept, not \"%s\""),
				 iu_escape(word, shown, sizeof(shown)));
			return false;
		}
	}
	if (call->q.address != NULL) {
		iu_usage(call->verb, _("one address at a time: \"%s\" is too much"),
			 iu_escape(word, shown, sizeof(shown)));
		return false;
	}
	if (call->verb->name[0] == 0 && iu_verb_find(word) != NULL) {
		iu_usage(call->verb, _("the verb comes first, before its options: inuse %s"), word);
		return false;
	}
	call->q.address = word;
	return true;
}

int iu_call_parse(struct iu_call *call, int argc, char **argv)
{
	struct iu_args args = {.verb = call->verb, .argc = argc, .argv = argv};
	int option;

	call->q.flags = 0;
	while ((option = iu_args_next(&args)) != IU_ARG_END) {
		if (option == IU_ARG_HELP)
			return iu_flushed(IU_EXIT_GO);
		if (option == IU_ARG_WRONG)
			return IU_EXIT_USAGE;
		if (option == IU_ARG_OPERAND ? !take_operand(call, args.value) : !take_option(call, option, &args))
			return IU_EXIT_USAGE;
	}
	/* as most servers ask, unless the call was named: then exactly what was said */
	if (!call->have_call && call->word != IU_CALL_WORD_MUST && (call->q.given & (INUSE_REUSEADDR | INUSE_EXCLUSIVE)) == 0)
		call->q.flags |= INUSE_USUAL;
	if (call->word == IU_CALL_WORD_MUST && !call->have_call)
		return iu_usage(call->verb, _("say which call: bind, listen, connect or accept"));
	if (call->q.address == NULL && !call->may_lack_address)
		return iu_usage(call->verb, _("the address is missing"));
	if (call->q.from != NULL && (call->q.call == INUSE_CALL_BIND || call->q.call == INUSE_CALL_LISTEN))
		return iu_usage(call->verb, _("--from goes with connect and accept"));
	return IU_CALL_GO_ON;
}

int iu_call_enter(const struct iu_call *call)
{
	struct inuse_error error = {0};
	struct inuse_target target;

	if (call->q.address != NULL) {
		if (inuse_target_parse(call->q.address, &target, &error) < 0)
			return iu_report_error(&error);
		if (target.kind == INUSE_TARGET_UNIX)
			return iu_usage(call->verb, _("this verb is about TCP, not about the paths of unix sockets"));
		if (target.udp)
			return iu_usage(call->verb, _("inuse judges TCP; leave out /udp"));
	}
	if (call->netns != NULL && strcmp(call->netns, "all") == 0)
		return iu_usage(call->verb, _("this verb works in one network namespace, not in all"));
	if (call->netns != NULL && iu_netns_enter(call->netns, &error) < 0)
		return iu_report_error(&error);
	return IU_CALL_GO_ON;
}

int iu_call_exit(const struct inuse_verdict *v, bool strict)
{
	if (v->outcome == INUSE_GO && v->as_far_as_seen && strict)
		return IU_EXIT_UNKNOWN;
	return v->outcome == INUSE_GO ? IU_EXIT_GO : v->outcome == INUSE_FAIL ? IU_EXIT_FAIL : IU_EXIT_UNKNOWN;
}
