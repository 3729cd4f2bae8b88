/* SPDX-License-Identifier: MIT */
/* Does anybody listen? */
#include "host/listening.h"

#include "host/sources.h"
#include "model/rule.h"

struct search {
	const struct iu_resolved *r;
	struct inuse_socket found;
	bool any;
};

/* The rule that says whether a connection finds a listener, asked about this one alone. */
static bool takes(const struct inuse_socket *listener, const struct inuse_addr *to)
{
	struct iu_facts facts = {.sockets = listener, .n_sockets = 1, .os = IU_SYSTEM_HERE};
	struct iu_world world = {.profile = iu_profile_of(&facts), .facts = &facts};
	uint32_t missing = 0;

	return iu_listener_for(&world, to, &missing) != INUSE_NO;
}

static bool look_at(void *arg, const struct inuse_socket *socket)
{
	struct search *s = arg;
	struct inuse_socket here = *socket;

	if (socket->state != INUSE_LISTEN || socket->local.port != s->r->addrs[0].port)
		return true;
	here.netns = 0; /* the namespace that was read */
	for (size_t i = 0; i < s->r->n && !s->any; i++)
		if (s->r->target.kind == INUSE_TARGET_PORT || takes(&here, &s->r->addrs[i])) {
			s->found = here;
			s->any = true;
		}
	return !s->any;
}

enum inuse_status iu_listening(const struct iu_resolved *r, bool *ret_listening, struct inuse_socket *ret_socket,
			       struct inuse_error *error)
{
	uint16_t port = r->addrs[0].port;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .listeners = true, .without = r->q->without};
	struct search s = {.r = r};
	enum inuse_status status;

	status = iu_host_each(&scope, look_at, &s, NULL, error);
	if (status < 0)
		return status;
	*ret_listening = s.any;
	if (s.any && ret_socket != NULL)
		*ret_socket = s.found;
	return INUSE_OK;
}

enum inuse_status iu_listening_is_ours(const struct iu_resolved *r, bool *ret_ours, struct inuse_error *error)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	enum inuse_status status = INUSE_OK;
	bool ours = r->target.kind == INUSE_TARGET_PORT;

	if (s != NULL && !ours)
		iu_locals_read(s, NULL); /* not known: then it may be ours */
	if (s != NULL)
		status = iu_snapshot_seal(s, error);
	for (size_t i = 0; s != NULL && status == INUSE_OK && !ours && i < r->n; i++)
		ours = iu_addr_is_local(iu_snapshot_facts(s), &r->addrs[i]) != INUSE_NO;
	iu_snapshot_free(s);
	if (status == INUSE_OK)
		*ret_ours = ours || s == NULL;
	return status;
}
