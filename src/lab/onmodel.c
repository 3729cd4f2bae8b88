/* SPDX-License-Identifier: MIT */
/* The steps of an experiment on the simulated host: each is one call of src/sim. */
#include "lab/onmodel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct iu_sim_answer ok = {.text = "OK"};

static uint32_t device_index(const struct iu_onmodel *m, const char *name)
{
	const struct iu_facts *f = iu_sim_facts(m->sim);

	for (size_t i = 0; i < f->n_devices; i++)
		if (strcmp(f->devices[i].name, name) == 0)
			return f->devices[i].index;
	return 0;
}

static struct inuse_addr where(const struct iu_onmodel *m, const struct iu_step *step)
{
	struct inuse_addr a = iu_where_addr(&step->at, m->run);

	if (step->at.kind == IU_AT_SOCKET)
		return iu_sim_local(m->sim, step->at.socket);
	if (step->at.scope[0] != 0)
		a.scope = device_index(m, step->at.scope);
	return a;
}

static struct iu_sim_answer do_socket(struct iu_onmodel *m, const struct iu_step *step)
{
	bool v6 = m->run == IU_RUN_AS_WRITTEN ? (step->kinds & IU_KIND_V6) != 0 : m->run != IU_RUN_IPV4;

	iu_sim_socket(m->sim, step->socket, v6 ? 6 : 4, step->kinds & IU_KIND_UDP ? INUSE_PROTO_UDP : INUSE_PROTO_TCP,
		      step->kinds & IU_KIND_MPTCP ? INUSE_MPTCP : 0);
	return ok;
}

static struct iu_sim_answer do_set(struct iu_onmodel *m, const struct iu_step *step, bool on)
{
	const struct iu_sockopt_row *row = &iu_sockopts[step->option];

	if (row->flag != 0)
		return iu_sim_set(m->sim, step->socket, row->flag, on);
	switch (step->option) {
	case IU_OPT_LINGER:
		iu_sim_option(m->sim, step->socket, IU_SIM_LINGER, on ? step->number : -1);
		break;
	case IU_OPT_LINGER2:
		iu_sim_option(m->sim, step->socket, IU_SIM_LINGER2, step->number);
		break;
	case IU_OPT_DEVICE:
		iu_sim_option(m->sim, step->socket, IU_SIM_DEVICE, device_index(m, step->word));
		break;
	case IU_OPT_NO_PORT:
		iu_sim_option(m->sim, step->socket, IU_SIM_NO_PORT, on);
		break;
	case IU_OPT_PORT_RANGE:
		iu_sim_port_range(m->sim, step->socket, (struct iu_range){(uint16_t)step->number, (uint16_t)step->number2});
		break;
	default:
		iu_sim_option(m->sim, step->socket, IU_SIM_NONBLOCKING, on);
		break;
	}
	return ok;
}

static void do_setting(struct iu_onmodel *m, const struct iu_step *step)
{
	const struct iu_lab_setting *s = iu_lab_setting_find(step->word);
	struct iu_range ranges[16];
	const char *rest = step->value;
	size_t n = 0;

	if (s->kind == 'n') {
		if (s->setting >= 0)
			iu_sim_setting(m->sim, (enum iu_setting)s->setting, strtoll(step->value, NULL, 10));
		return;
	}
	while (n < 16 && iu_lab_range(rest, &ranges[n], &rest)) {
		n++;
		if (*rest++ != ',')
			break;
	}
	if (s->kind == 'l') {
		iu_sim_reserve(m->sim, ranges, n);
	} else if (n > 0) {
		iu_sim_setting(m->sim, IU_SET_RANGE_FIRST, ranges[0].first);
		iu_sim_setting(m->sim, IU_SET_RANGE_LAST, ranges[0].last);
	}
}

static void do_fork(struct iu_onmodel *m, const struct iu_step *step)
{
	m->held[step->process] = step->sockets;
	for (unsigned s = 0; s < IU_EXP_MAX_SOCKETS; s++)
		if ((step->sockets & (UINT64_C(1) << s)) != 0)
			iu_sim_hold(m->sim, s);
}

/* A process that is killed closes its descriptors in their order. */
static void do_kill(struct iu_onmodel *m, const struct iu_step *step)
{
	for (unsigned s = 0; s < IU_EXP_MAX_SOCKETS; s++)
		if ((m->held[step->process] & (UINT64_C(1) << s)) != 0)
			iu_sim_release(m->sim, s);
	m->held[step->process] = 0;
}

static void do_route(struct iu_onmodel *m, const struct iu_step *step)
{
	enum inuse_result result = step->word[0] == 'u' ? INUSE_R_HOSTUNREACH : step->word[0] == 'p' ? INUSE_R_ACCES : INUSE_R_INVAL;

	iu_sim_route(m->sim, &step->at.addr, (uint8_t)step->number, result);
}

/* The last one there goes by itself, at a time that no document of that system tells. */
static bool has_unknown_end(const struct iu_facts *f, uint16_t port)
{
	bool unknown = false;

	for (size_t i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *s = &f->sockets[i];

		if (s->local.port != port || s->free_at_ns != 0 || iu_socket_is_request(s))
			continue;
		if (!s->mini)
			return false; /* this one stays */
		unknown = true;
	}
	return unknown;
}

static struct iu_sim_answer look(struct iu_onmodel *m, const struct iu_step *step)
{
	const struct iu_facts *f = iu_sim_facts(m->sim);
	uint16_t port = (uint16_t)step->number;

	if (step->action == IU_DO_LOOK)
		iu_states_text(f->sockets, f->n_sockets, port, true, m->text, sizeof(m->text));
	else if (step->action == IU_DO_LEFT && has_unknown_end(f, port))
		snprintf(m->text, sizeof(m->text), "undocumented");
	else if (step->action == IU_DO_LEFT)
		iu_left_text(f->sockets, f->n_sockets, port, f->now_ns, m->text, sizeof(m->text));
	else
		snprintf(m->text, sizeof(m->text), "%u", iu_sim_local(m->sim, step->socket).port);
	return (struct iu_sim_answer){.text = m->text};
}

static void do_peer(struct iu_onmodel *m, const struct iu_step *step)
{
	struct inuse_addr at = iu_where_addr(&step->at, m->run), wire = iu_peer_to(step, m->run);

	iu_sim_peer(m->sim, step->peer, &at, &wire, !step->without_timestamps);
}

static void do_evict(struct iu_onmodel *m, const struct iu_step *step)
{
	struct inuse_addr peer = where(m, step);

	iu_sim_evict(m->sim, (uint16_t)step->number, peer.family != 0 ? &peer : NULL);
}

static struct iu_sim_answer surroundings(struct iu_onmodel *m, const struct iu_step *step)
{
	switch (step->action) {
	case IU_DO_USER:
		iu_sim_user(m->sim, iu_lab_uid(step->number));
		break;
	case IU_DO_CHOWN:
		iu_sim_chown(m->sim, step->socket, iu_lab_uid(step->number));
		break;
	case IU_DO_FORK:
		do_fork(m, step);
		break;
	case IU_DO_KILL:
		do_kill(m, step);
		break;
	case IU_DO_WAIT:
		iu_sim_wait(m->sim, step->number);
		break;
	case IU_DO_SETTING:
		do_setting(m, step);
		break;
	case IU_DO_DEVICE:
		iu_sim_device(m->sim, step->word);
		if (step->at.addr.family != 0)
			iu_sim_address(m->sim, device_index(m, step->word), &step->at.addr, (uint8_t)step->number);
		break;
	case IU_DO_ADDRESS:
		iu_sim_address(m->sim, device_index(m, step->word), &step->at.addr, (uint8_t)step->number);
		if (step->tentative)
			iu_sim_tentative(m->sim, &step->at.addr);
		break;
	case IU_DO_REMOVE:
		iu_sim_remove(m->sim, device_index(m, step->word));
		break;
	case IU_DO_ROUTE:
		do_route(m, step);
		break;
	case IU_DO_NAMESPACE:
		iu_sim_without_addresses(m->sim);
		break;
	case IU_DO_FORBID:
		iu_sim_forbid(m->sim, (unsigned)step->number);
		break;
	case IU_DO_PEER:
		do_peer(m, step);
		break;
	case IU_DO_EVICT:
		do_evict(m, step);
		break;
	default: /* FLIGHT: it stays open, though nobody has it. DOWN: addresses stay usable [M21]. */
		break;
	}
	return ok;
}

size_t iu_onmodel_owners(struct iu_onmodel *m, const struct iu_step *step, struct iu_sim_owner *ret, size_t max)
{
	struct inuse_addr at = where(m, step);

	if (step->action == IU_DO_BIND)
		return iu_sim_owners(m->sim, step->socket, INUSE_CALL_BIND, &at, ret, max);
	return step->action == IU_DO_LISTEN ? iu_sim_owners(m->sim, step->socket, INUSE_CALL_LISTEN, NULL, ret, max) : 0;
}

bool iu_onmodel_request(struct iu_onmodel *m, const struct iu_step *step, struct inuse_request *ret_request, struct iu_caller *ret_caller)
{
	struct inuse_addr at = where(m, step);
	enum inuse_call call = step->action == IU_DO_BIND     ? INUSE_CALL_BIND
			       : step->action == IU_DO_LISTEN ? INUSE_CALL_LISTEN
							      : INUSE_CALL_CONNECT;

	if (step->action != IU_DO_BIND && step->action != IU_DO_LISTEN && step->action != IU_DO_CONNECT)
		return false;
	iu_sim_facts(m->sim);
	return iu_sim_request(m->sim, step->socket, call, &at, step->at.claims, ret_request, ret_caller);
}

struct iu_sim_answer iu_onmodel_step(struct iu_onmodel *m, const struct iu_step *step, uint16_t chosen)
{
	struct inuse_addr at = where(m, step);

	switch (step->action) {
	case IU_DO_SOCKET:
		return do_socket(m, step);
	case IU_DO_SET:
	case IU_DO_CLEAR:
		return do_set(m, step, step->action == IU_DO_SET);
	case IU_DO_BIND:
		return iu_sim_bind(m->sim, step->socket, &at, step->at.claims, chosen);
	case IU_DO_LISTEN:
		return iu_sim_listen(m->sim, step->socket, (unsigned)step->number, chosen);
	case IU_DO_CONNECT:
		if (step->at.claims == IU_UNSPEC)
			return iu_sim_unconnect(m->sim, step->socket);
		return iu_sim_connect(m->sim, step->socket, &at, chosen);
	case IU_DO_ACCEPT:
		return iu_sim_accept(m->sim, step->socket, step->other);
	case IU_DO_WRITE:
		return iu_sim_write(m->sim, step->socket, (unsigned)step->number);
	case IU_DO_READ:
		return iu_sim_read(m->sim, step->socket, (unsigned)step->number);
	case IU_DO_FILL:
		return iu_sim_fill(m->sim, step->socket);
	case IU_DO_SHUTDOWN:
		return iu_sim_shutdown(m->sim, step->socket, (enum iu_sim_shut)step->number);
	case IU_DO_CLOSE:
		iu_sim_release(m->sim, step->socket);
		return ok;
	case IU_DO_SEND:
		return iu_sim_send(m->sim, step->peer, step->tcp_flags, step->seq, step->ack, step->time);
	case IU_DO_LOOK:
	case IU_DO_LEFT:
	case IU_DO_PORT:
		return look(m, step);
	default:
		return surroundings(m, step);
	}
}
