/* SPDX-License-Identifier: MIT */
/* From a question in words to verdicts: resolve, look at the host, judge, tell. */
#include "host/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "compat/socket.h"
#include "compat/system.h"
#include "host/features.h"
#include "host/host.h"
#include "host/port_memory.h"
#include "host/resolve.h"

const char *inuse_version(void)
{
	return INUSE_VERSION;
}

/* ------------------------------------------------------------------------------------------------ question */

static enum inuse_status resolve_device(struct iu_resolved *r, struct inuse_error *error)
{
	const char *name = r->q->device;

	if (name == NULL && r->target.kind == INUSE_TARGET_ADDR && r->target.addr.family == 4)
		name = r->target.scope_name[0] ? r->target.scope_name : NULL; /* ss writes 127.0.0.53%lo:53 */
	if (name == NULL)
		return INUSE_OK;
	if (name[0] == 0 || strlen(name) >= IF_NAMESIZE)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("an interface name has 1 to 15 characters"));
	r->device = if_nametoindex(name);
	if (r->device == 0)
		r->device = UINT32_MAX; /* the rules say what comes of an interface that is not there */
	return INUSE_OK;
}

static enum inuse_status resolve_from(struct iu_resolved *r, struct inuse_error *error)
{
	struct inuse_addr list[IU_MAX_ADDRS];
	enum inuse_status status;
	char shown[120];
	size_t n;
	const char *text = r->q->from;

	if (text == NULL)
		return INUSE_OK;
	if (inuse_addr_parse(text, &r->from, NULL) == INUSE_OK)
		return INUSE_OK; /* an address without a port: any port */
	status = inuse_target_parse(text, &r->from_target, error);
	if (status == INUSE_OK)
		status = iu_resolve(&r->from_target, list, IU_MAX_ADDRS, &n, error);
	if (status < 0)
		return status;
	if (r->from_target.kind == INUSE_TARGET_PORT) {
		r->from = (struct inuse_addr){.port = list[0].port};
		return INUSE_OK;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < r->n; j++)
			if (iu_addr_unmapped(&list[i]).family == iu_addr_unmapped(&r->addrs[j]).family ||
			    r->target.kind == INUSE_TARGET_PORT) {
				r->from = list[i];
				return INUSE_OK;
			}
	return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("\"%s\" and the address are not of the same family"),
		       iu_escape(text, shown, sizeof(shown)));
}

uint32_t iu_usual_flags(enum iu_system os, enum inuse_call call)
{
	if (os != IU_SYSTEM_windows)
		return INUSE_REUSEADDR;
	return call == INUSE_CALL_BIND || call == INUSE_CALL_LISTEN ? INUSE_EXCLUSIVE : 0;
}

/* The options of the call where it is made, or would be: not every system has every option. */
static enum inuse_status resolve_flags(struct iu_resolved *r, struct inuse_error *error)
{
	const struct inuse_question *q = r->q;
	enum iu_system os = q->snapshot ? iu_snapshot_facts(q->snapshot)->os : IU_SYSTEM_HERE;

	r->flags = q->flags & ~(uint32_t)INUSE_USUAL;
	if ((q->flags & INUSE_USUAL) != 0)
		r->flags |= iu_usual_flags(os, q->call);
	if (os != IU_SYSTEM_windows && (r->flags & INUSE_EXCLUSIVE) != 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("only Windows has SO_EXCLUSIVEADDRUSE"));
	if (os == IU_SYSTEM_windows && (r->flags & INUSE_REUSEPORT) != 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("Windows has no SO_REUSEPORT"));
	if (os == IU_SYSTEM_windows && (r->flags & INUSE_FREEBIND) != 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("Windows has no IP_FREEBIND"));
	if ((r->flags & INUSE_EXCLUSIVE) != 0 && (r->flags & INUSE_REUSEADDR) != 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("SO_EXCLUSIVEADDRUSE and SO_REUSEADDR exclude each other"));
	return INUSE_OK;
}

enum inuse_status iu_resolve_question(const struct inuse_question *q, struct iu_resolved *r, struct inuse_error *error)
{
	enum inuse_status status;

	if (q == NULL || q->size < sizeof(*q) || q->address == NULL)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the question is not filled in"));
	*r = (struct iu_resolved){.q = q};
	status = resolve_flags(r, error);
	if (status == INUSE_OK)
		status = inuse_target_parse(q->address, &r->target, error);
	if (status < 0)
		return status;
	if (r->target.kind == INUSE_TARGET_ADDR && r->target.addr.family == 4 && r->target.scope_name[0] != 0) {
		struct inuse_target plain = r->target;

		plain.scope_name[0] = 0;
		status = iu_resolve(&plain, r->addrs, IU_MAX_ADDRS, &r->n, error);
	} else {
		status = iu_resolve(&r->target, r->addrs, IU_MAX_ADDRS, &r->n, error);
	}
	if (status == INUSE_OK)
		status = resolve_device(r, error);
	if (status == INUSE_OK)
		status = resolve_from(r, error);
	if (status < 0)
		return status;
	if (q->call == INUSE_CALL_CONNECT && r->addrs[0].port == 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("connect needs the port of the destination, not 0"));
	if (q->call == INUSE_CALL_ACCEPT && r->addrs[0].port == 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("accept needs the port that is listened on, not 0"));
	return INUSE_OK;
}

/* ------------------------------------------------------------------------------------------------- looking */

static enum inuse_status look(const struct iu_resolved *r, struct inuse_snapshot **ret, struct inuse_error *error)
{
	struct iu_scope scope = {.owners = true, .elsewhere = true, .bound = true, .without = r->q->without};
	uint16_t ports[2] = {r->addrs[0].port, r->from.port};

	scope.at = r->addrs;
	scope.n_at = r->n;
	if (r->q->call == INUSE_CALL_CONNECT) {
		scope.routes = r->addrs;
		scope.n_routes = r->n;
		scope.route_from = r->from.family != 0 && !iu_addr_is_any(&r->from) ? &r->from : NULL;
		scope.route_device = r->device == UINT32_MAX ? 0 : r->device;
		/* without a fixed port every port is looked at: whether one is left */
		scope.ports = r->from.port != 0 ? ports : NULL;
		scope.n_ports = r->from.port == 0 ? 0 : ports[0] == ports[1] ? 1 : 2;
	} else if (ports[0] != 0) {
		scope.ports = ports;
		scope.n_ports = 1;
	}
	/* a 4-tuple must not be counted away with others like it, nor an automatic port be judged from examples */
	scope.classes = r->q->call == INUSE_CALL_BIND || r->q->call == INUSE_CALL_LISTEN;
	return iu_host_take(&scope, ret, error);
}

static bool has_no_ipv6(const struct iu_facts *f)
{
	int64_t off;

	return iu_setting(f, IU_SET_IPV6, &off) && off == 2;
}

static struct inuse_request make_request(const struct iu_resolved *r, const struct iu_facts *f, const struct inuse_addr *addr)
{
	const struct inuse_question *q = r->q;
	struct inuse_request req = INUSE_REQUEST_INIT;
	int64_t v6only = 0;

	req.call = q->call;
	req.flags = r->flags;
	req.device = r->device;
	req.uid = q->uid >= 0 ? (uint32_t)q->uid : iu_system_real_user();
	/* who asks about another machine's Windows has no number there */
	if (q->uid < 0 && q->snapshot != NULL && f->os == IU_SYSTEM_windows)
		req.uid = UINT32_MAX;
	req.may_bind_low = iu_may_bind_low(q->uid);
	/* on the machine of a saved state the user counts, not what this process may do here */
	if (q->snapshot != NULL && IU_SYSTEM_HERE == IU_SYSTEM_linux)
		req.may_bind_low = req.uid == 0 ? INUSE_YES : INUSE_NO;
	if (q->call == INUSE_CALL_CONNECT) {
		req.remote = *addr;
		req.local = r->from;
		if (req.local.family == 0)
			req.local.family = addr->family;
	} else {
		req.local = *addr;
		req.remote = r->from;
	}
	iu_setting(f, IU_SET_BINDV6ONLY, &v6only);
	if (v6only == 1 && (q->given & INUSE_V6ONLY) == 0 && req.local.family == 6)
		req.flags |= INUSE_V6ONLY;
	return req;
}

static void add_place(struct iu_text *t, const struct iu_resolved *r)
{
	char text[INUSE_ADDR_TEXT];

	if (r->target.kind == INUSE_TARGET_HOST) {
		iu_text_add_escaped(t, r->target.host);
		iu_text_addf(t, ":%u", r->addrs[0].port);
	} else if (r->target.kind == INUSE_TARGET_PORT) {
		iu_text_addf(t, "%u", r->addrs[0].port);
	} else {
		iu_text_add(t, inuse_addr_text(&r->addrs[0], text));
	}
}

/* The words that ask it again, for a shell: not what was pasted, which may be "*:80 (LISTEN)" or "[::]:80->80/tcp". */
static void add_words_again(struct iu_text *t, const struct iu_resolved *r)
{
	static const char *const calls[] = {"why bind ", "", "why connect ", "why accept "};
	const struct inuse_question *q = r->q;
	char text[INUSE_ADDR_TEXT];

	iu_text_add(t, calls[q->call]);
	add_place(t, r);
	if (r->from.family == 0 && r->from.port != 0)
		iu_text_addf(t, " --from :%u", r->from.port);
	else if (r->from.family != 0)
		iu_text_addf(t, " --from %s", inuse_addr_text(&r->from, text));
	if (q->call != INUSE_CALL_LISTEN && (r->flags & INUSE_REUSEADDR) != 0)
		iu_text_add(t, " --reuseaddr");
	if (q->call == INUSE_CALL_LISTEN && (r->flags & (INUSE_REUSEADDR | INUSE_EXCLUSIVE)) == 0)
		iu_text_add(t, " --plain");
	if ((r->flags & INUSE_REUSEPORT) != 0)
		iu_text_add(t, " --reuseport");
	if (((r->flags | q->given) & INUSE_V6ONLY) != 0)
		iu_text_add(t, (r->flags & INUSE_V6ONLY) != 0 ? " --v6only" : " --no-v6only");
	if ((r->flags & INUSE_FREEBIND) != 0)
		iu_text_add(t, " --freebind");
	if (q->device != NULL) {
		iu_text_add(t, " --device ");
		iu_text_add_escaped(t, q->device);
	}
}

void iu_answer_again_in(struct inuse_answer *a, const char *netns)
{
	size_t len = strlen(a->again);
	char name[128];

	if (netns != NULL)
		snprintf(a->again + len, sizeof(a->again) - len, " --netns %s", iu_escape(netns, name, sizeof(name)));
}

/* What the headline calls it, and the words that ask it again. */
static void name_asked(struct inuse_answer *a, const struct iu_resolved *r)
{
	struct iu_text asked = {0}, again = {0};

	add_words_again(&again, r);
	add_place(&asked, r);
	iu_text_add(&asked, "/tcp");
	if (r->from.port != 0 || r->from.family != 0) {
		char from[INUSE_ADDR_TEXT];

		iu_text_addf(&asked, _(" from %s"), inuse_addr_text(&r->from, from));
	}
	snprintf(a->asked, sizeof(a->asked), "%s", asked.data ? asked.data : "");
	snprintf(a->again, sizeof(a->again), "%s", again.data ? again.data : "");
	iu_text_done(&asked);
	iu_text_done(&again);
}

/* "Would it be otherwise without SO_REUSEADDR", or with it: on all the addresses together, as the answer is about all of them. */
static void judge_other(struct inuse_answer *a, const struct inuse_request *requests, size_t n)
{
	struct inuse_verdict others[IU_MAX_ADDRS];
	struct inuse_request other;
	size_t i = 0;

	do { /* there is one at least */
		other = requests[i];
		other.flags ^= INUSE_REUSEADDR;
		iu_judge(iu_profile_of(a->facts), a->facts, &other, &others[i]);
	} while (++i < n);
	a->other = others[iu_say_deciding(others, n)];
	a->has_other = a->other.outcome != a->verdicts[iu_say_deciding(a->verdicts, n)].outcome;
}

void iu_answer_judge(struct inuse_answer *a, const struct inuse_request *requests, size_t n)
{
	a->n = n;
	a->has_other = false;
	if (a->own != NULL) {
		iu_features_settle(a->own, requests, n);
		iu_port_memory_settle(a->own, requests, n, a->without);
	}
	for (size_t i = 0; i < n; i++)
		iu_judge(iu_profile_of(a->facts), a->facts, &requests[i], &a->verdicts[i]);
	/* on Windows the option is about taking a port over, and no server asks for it */
	if ((requests[0].call == INUSE_CALL_BIND || requests[0].call == INUSE_CALL_LISTEN) && a->facts->os != IU_SYSTEM_windows)
		judge_other(a, requests, n);
}

size_t iu_resolved_requests(const struct iu_resolved *r, const struct iu_facts *facts,
			    struct inuse_request ret[IU_MAX_ADDRS])
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->n == 1 || r->addrs[i].family == 4 || r->target.kind != INUSE_TARGET_PORT || !has_no_ipv6(facts))
			ret[n++] = make_request(r, facts, &r->addrs[i]);
	return n;
}

enum inuse_status iu_ask_resolved(const struct iu_resolved *r, struct inuse_answer **ret_answer, struct inuse_error *error)
{
	struct inuse_request requests[IU_MAX_ADDRS];
	struct inuse_answer *a = calloc(1, sizeof(*a));
	enum inuse_status status;

	if (a == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	a->without = r->q->without;
	if (r->q->snapshot == NULL) {
		status = look(r, &a->own, error);
		if (status < 0) {
			inuse_answer_free(a);
			return status;
		}
	}
	a->facts = iu_snapshot_facts(a->own ? a->own : r->q->snapshot);
	name_asked(a, r);
	iu_answer_judge(a, requests, iu_resolved_requests(r, a->facts, requests));
	*ret_answer = a;
	return INUSE_OK;
}

enum inuse_status inuse_ask(const struct inuse_question *question, struct inuse_answer **ret_answer,
			    struct inuse_error *error)
{
	struct iu_resolved r;
	enum inuse_status status;

	if (ret_answer == NULL)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the question is not filled in"));
	status = iu_resolve_question(question, &r, error);
	return status < 0 ? status : iu_ask_resolved(&r, ret_answer, error);
}

void inuse_answer_free(struct inuse_answer *answer)
{
	if (answer == NULL)
		return;
	iu_snapshot_free(answer->own);
	free(answer);
}

const struct inuse_verdict *inuse_answer_verdict(const struct inuse_answer *answer, size_t i)
{
	return i < answer->n ? &answer->verdicts[i] : NULL;
}

const struct inuse_verdict *inuse_answer_deciding(const struct inuse_answer *answer)
{
	return &answer->verdicts[iu_say_deciding(answer->verdicts, answer->n)];
}

static struct iu_telling telling(const struct inuse_answer *a, uint32_t style)
{
	return (struct iu_telling){.asked = a->asked,
				   .again = a->again,
				   .verbose = (style & INUSE_STYLE_VERBOSE) != 0,
				   .colour = (style & INUSE_STYLE_COLOUR) != 0,
				   .other = a->has_other ? &a->other : NULL};
}

char *inuse_answer_text(const struct inuse_answer *answer, uint32_t style)
{
	struct iu_telling how = telling(answer, style);
	struct iu_text text = {0};

	iu_say_answer(&text, answer->facts, answer->verdicts, answer->n, &how);
	if (text.failed) {
		iu_text_done(&text);
		return NULL;
	}
	return text.data;
}

char *inuse_answer_json(const struct inuse_answer *answer, uint32_t style)
{
	struct iu_telling how = telling(answer, style);
	json_t *o = iu_json_answer(answer->facts, answer->verdicts, answer->n, &how);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

enum inuse_status inuse_judge(const struct inuse_snapshot *snapshot, const struct inuse_request *request,
			      struct inuse_verdict *ret_verdict, struct inuse_error *error)
{
	if (snapshot == NULL || request == NULL || ret_verdict == NULL || request->size < sizeof(*request) ||
	    ret_verdict->size < sizeof(*ret_verdict) || (unsigned)request->call > INUSE_CALL_ACCEPT ||
	    request->proto != INUSE_PROTO_TCP)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the request is not filled in, or is not about TCP"));
	iu_judge(iu_profile_of(iu_snapshot_facts(snapshot)), iu_snapshot_facts(snapshot), request, ret_verdict);
	return INUSE_OK;
}
