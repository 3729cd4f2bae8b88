/* SPDX-License-Identifier: MIT */
/* Options, data, shutdown, and who has a socket open. */
#include <string.h>

#include "base/address.h"
#include "sim/host.h"

#define LINGER2_MAX 120 /* seconds: linux v6.18 include/net/tcp.h TCP_FIN_TIMEOUT_MAX */

struct iu_sim_node *iu_sim_node_of(struct iu_sim *sim, unsigned s)
{
	if (s < IU_SIM_SOCKETS && sim->by_number[s] != NONE && sim->nodes[sim->by_number[s]].used)
		return &sim->nodes[sim->by_number[s]];
	memset(&sim->nobody, 0, sizeof(sim->nobody));
	sim->nobody.peer = sim->nobody.listener = sim->nobody.flow.far = NONE;
	return &sim->nobody;
}

static const struct iu_sim_answer ok = {.text = "OK"};

static struct iu_sim_answer error(const char *text)
{
	return (struct iu_sim_answer){.text = text};
}

struct iu_sim_answer iu_sim_set(struct iu_sim *sim, unsigned s, uint32_t flag, bool on)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);

	/* IPV6_V6ONLY cannot change once there is a port: linux v6.18 net/ipv6/ipv6_sockglue.c do_ipv6_setsockopt() */
	if (flag == INUSE_V6ONLY && (node->s.family != 6 || node->s.local.port != 0))
		return error("EINVAL");
	/* a listener has nothing to repair: linux v6.18 net/ipv4/tcp.c tcp_can_repair_sock() */
	if (flag == INUSE_REPAIR && node->s.state == INUSE_LISTEN)
		return error("EPERM");
	if (flag == INUSE_REPAIR) { /* it forces reuse, and takes it away again: net/ipv4/tcp.c do_tcp_setsockopt() */
		flag |= INUSE_REUSEADDR;
		node->in_repair = on;
	} else if (flag == INUSE_REUSEADDR) {
		node->s.flags &= ~(uint32_t)INUSE_REPAIR; /* one field of the kernel: net/core/sock.c sk_reuse */
	}
	node->s.flags = on ? node->s.flags | flag : node->s.flags & ~flag;
	return ok;
}

void iu_sim_option(struct iu_sim *sim, unsigned s, enum iu_sim_option option, int64_t value)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);

	switch (option) {
	case IU_SIM_LINGER:
		node->linger = value;
		break;
	case IU_SIM_LINGER2:
		node->linger2 = value > LINGER2_MAX ? LINGER2_MAX : value;
		break;
	case IU_SIM_DEVICE:
		iu_sim_bind_to_device(node, (uint32_t)value);
		break;
	case IU_SIM_NO_PORT:
		node->no_port = value != 0;
		break;
	case IU_SIM_NONBLOCKING:
		node->nonblocking = value != 0;
		break;
	}
}

void iu_sim_port_range(struct iu_sim *sim, unsigned s, struct iu_range range)
{
	iu_sim_node_of(sim, s)->ports = range;
}

void iu_sim_chown(struct iu_sim *sim, unsigned s, uint32_t uid)
{
	iu_sim_node_of(sim, s)->s.uid = uid;
}

/* Writing needs a connection, or what is left of one. */
static const char *not_connected(const struct iu_sim *sim, struct iu_sim_node *node)
{
	const char *broken = node->broken;

	if (broken != NULL) {
		node->broken = strcmp(broken, "ECONNRESET") == 0 ? "EPIPE" : broken; /* said once; then the pipe is only broken */
		return broken;
	}
	if (node->s.state == INUSE_STATE_UNKNOWN || node->s.state == INUSE_BOUND || node->s.state == INUSE_LISTEN)
		return sim->profile->documented && !node->fin_out ? "ENOTCONN" : "EPIPE"; /* linux v6.18 sk_stream_wait_connect() */
	return NULL;
}

/* Data for a socket that its process has closed, or shut down in both directions, is answered with a reset: RFC 1122 4.2.2.13. */
static void deliver(struct iu_sim *sim, int n, unsigned bytes)
{
	int peer = sim->nodes[n].peer;

	if (sim->nodes[n].flow.far != NONE)
		iu_sim_tell_far(sim, n, IU_PSH | IU_ACK, bytes);
	if (peer == NONE && (sim->nodes[n].flow.far != NONE || iu_sim_is_unheard(sim, &sim->nodes[n])))
		return;
	if (peer == NONE) { /* nothing is left over there */
		iu_sim_rst(sim, n);
		return;
	}
	if ((sim->nodes[peer].refs == 0 && sim->nodes[peer].listener == NONE) ||
	    (sim->nodes[peer].shut_read && sim->nodes[peer].fin_out &&
	     (sim->nodes[peer].s.state == INUSE_FIN_WAIT1 || sim->nodes[peer].s.state == INUSE_FIN_WAIT2)))
		iu_sim_abort(sim, peer);
	else
		sim->nodes[peer].unread += bytes;
}

struct iu_sim_answer iu_sim_write(struct iu_sim *sim, unsigned s, unsigned bytes)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	const char *wrong = not_connected(sim, node);

	if (wrong != NULL || node->fin_out || node->shut_write)
		return error(wrong != NULL ? wrong : "EPIPE");
	if (node->in_repair)
		return error("EINVAL"); /* there data goes into a queue that was chosen before, and none was */
	if (node->stuck)
		return error("EAGAIN");
	deliver(sim, sim->by_number[s], bytes);
	return ok;
}

struct iu_sim_answer iu_sim_read(struct iu_sim *sim, unsigned s, unsigned bytes)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	const char *broken = node->broken;

	if (node->in_repair && node->s.state != INUSE_LISTEN)
		return error("EPERM"); /* there data is read from a queue that was chosen before: tcp_recvmsg_locked() */
	if (node->unread >= bytes && bytes > 0) {
		node->unread -= bytes;
		return ok;
	}
	if (broken != NULL && strcmp(broken, "ECONNRESET") == 0) {
		node->broken = "EPIPE";
		return error(broken);
	}
	if (node->fin_in || broken != NULL || (node->shut_read && node->s.state != INUSE_LISTEN))
		return error("end");
	if (node->s.state == INUSE_STATE_UNKNOWN || node->s.state == INUSE_BOUND || node->s.state == INUSE_LISTEN)
		return error("ENOTCONN");
	return error("EAGAIN");
}

struct iu_sim_answer iu_sim_fill(struct iu_sim *sim, unsigned s)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	const char *wrong = not_connected(sim, node);

	if (wrong != NULL || node->fin_out || node->shut_write)
		return error(wrong != NULL ? wrong : "EPIPE");
	if (node->in_repair)
		return error("EINVAL");
	node->stuck = true;
	deliver(sim, sim->by_number[s], 1u << 20);
	return ok;
}

/* A listener that is shut down is one no more; a port that bind() named stays with it [B28 B30]. */
static void stop_listening(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	iu_sim_drop_queue(sim, n);
	node->shut_read = node->shut_write = false;
	node->s.flags &= ~(uint32_t)INUSE_GROUP; /* it has left its group */
	if (node->locked) {
		node->s.state = INUSE_BOUND;
		iu_sim_forget_address(sim, n);
		return;
	}
	iu_sim_off_port(sim, n);
	node->s.state = INUSE_STATE_UNKNOWN;
	node->s.local = node->bound;
	node->s.local.port = 0;
}

struct iu_sim_answer iu_sim_shutdown(struct iu_sim *sim, unsigned s, enum iu_sim_shut how)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	int n = sim->by_number[s];

	if (node->s.state == INUSE_LISTEN) {
		if (how != IU_SIM_SHUT_WRITE)
			stop_listening(sim, n);
		return ok;
	}
	if (node->s.state == INUSE_SYN_SENT) { /* whatever is shut: linux v6.18 inet_shutdown() disconnects it */
		iu_sim_disconnect(sim, n);
		node->shut_read = node->shut_write = false;
		return ok;
	}
	node->shut_read |= how != IU_SIM_SHUT_WRITE;
	node->shut_write |= how != IU_SIM_SHUT_READ;
	if (node->s.state == INUSE_STATE_UNKNOWN || node->s.state == INUSE_BOUND)
		return error("ENOTCONN");
	if (how != IU_SIM_SHUT_READ && (node->s.state == INUSE_ESTABLISHED || node->s.state == INUSE_CLOSE_WAIT))
		iu_sim_send_fin(sim, n);
	return ok;
}

struct iu_sim_answer iu_sim_unconnect(struct iu_sim *sim, unsigned s)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	int n = sim->by_number[s];

	if (node->s.state == INUSE_LISTEN) {
		stop_listening(sim, n);
	} else if (node->s.state == INUSE_BOUND || node->s.state == INUSE_STATE_UNKNOWN) {
		iu_sim_forget_address(sim, n);
	} else {
		if (node->in_repair)
			iu_sim_vanish(sim, n);
		else if (node->s.state != INUSE_SYN_SENT)
			iu_sim_abort(sim, n);
		iu_sim_disconnect(sim, n);
		node->broken = "ECONNRESET";
	}
	node->fin_in = node->fin_out = node->stuck = node->shut_read = node->shut_write = node->unreported = node->was_connected = false;
	node->unread = 0;
	node->s.flags &= ~(uint32_t)INUSE_TIMESTAMPS;
	node->flow = (struct iu_sim_flow){.far = NONE};
	return ok;
}

void iu_sim_hold(struct iu_sim *sim, unsigned s)
{
	iu_sim_node_of(sim, s)->refs++;
}

void iu_sim_release(struct iu_sim *sim, unsigned s)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	int n = sim->by_number[s];

	if (node->refs > 0 && --node->refs == 0) {
		iu_sim_close(sim, n);
		sim->by_number[s] = NONE;
	}
}
