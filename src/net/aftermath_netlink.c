/* SPDX-License-Identifier: MIT */
/* One socket, looked up by its two ends through sock_diag (linux v6.18 net/ipv4/inet_diag.c inet_diag_find_one_icsk()). */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/linux_tcp.h"
#include "host/netlink.h"
#include "net/aftermath.h"

struct iu_net_diag {
	struct mnl_socket *socket;
	unsigned seq;
};

struct iu_net_diag *iu_net_diag_new(void)
{
	struct iu_net_diag *diag = calloc(1, sizeof(*diag));

	if (diag == NULL)
		return NULL;
	diag->socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (diag->socket != NULL && mnl_socket_bind(diag->socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return diag;
	iu_net_diag_free(diag);
	return NULL;
}

void iu_net_diag_free(struct iu_net_diag *diag)
{
	if (diag == NULL)
		return;
	if (diag->socket != NULL)
		mnl_socket_close(diag->socket);
	free(diag);
}

static bool ask(struct iu_net_diag *diag, const struct inuse_addr *local, const struct inuse_addr *remote)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = ++diag->seq;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	memset(request, 0, sizeof(*request));
	request->sdiag_family = local->family == 6 ? AF_INET6 : AF_INET;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = ~0u;
	request->id.idiag_sport = htons(local->port);
	request->id.idiag_dport = htons(remote->port);
	memcpy(request->id.idiag_src, local->ip, sizeof(request->id.idiag_src));
	memcpy(request->id.idiag_dst, remote->ip, sizeof(request->id.idiag_dst));
	/* sockets of link-local addresses are bound to their interface */
	request->id.idiag_if = local->scope ? local->scope : remote->scope;
	request->id.idiag_cookie[0] = request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return mnl_socket_sendto(diag->socket, header, header->nlmsg_len) >= 0;
}

static int on_message(const struct nlmsghdr *header, void *data)
{
	const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);

	if (mnl_nlmsg_get_payload_len(header) >= sizeof(*message))
		*(enum inuse_state *)data = iu_state_from_linux(message->idiag_state);
	return MNL_CB_STOP;
}

bool iu_net_diag_state(struct iu_net_diag *diag, const struct inuse_addr *local, const struct inuse_addr *remote,
		       enum inuse_state *ret_state)
{
	char buffer[4096] __attribute__((aligned(8)));
	enum inuse_state state = INUSE_STATE_UNKNOWN;
	ssize_t n;

	if (local->family != remote->family || local->family == 0 || !ask(diag, local, remote))
		return false;
	n = mnl_socket_recvfrom(diag->socket, buffer, sizeof(buffer));
	if (n < 0)
		return false;
	/* an error message makes mnl_cb_run() fail with its errno */
	if (mnl_cb_run(buffer, iu_netlink_whole(buffer, (size_t)n), diag->seq, mnl_socket_get_portid(diag->socket), on_message, &state) < 0 &&
	    errno != ENOENT)
		return false;
	*ret_state = state;
	return true;
}
