/* SPDX-License-Identifier: MIT */
/* Subscriptions to what the kernel tells of sockets and of the network. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/netlink.h"
#include "host/watch.h"

#define GROUP(number) (1u << ((number)-1))

/* Everything goes but the messages about sockets with one of the ports; the rest of the message does not matter. */
static bool keep_ports(int fd, const uint16_t *ports, size_t n)
{
	struct sock_filter code[IU_WATCH_PORTS + 3];
	struct sock_fprog program = {.filter = code};
	uint8_t left = (uint8_t)n;

	code[program.len++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_H | BPF_ABS, NLMSG_HDRLEN + offsetof(struct inet_diag_msg, id.idiag_sport));
	for (size_t i = 0; i < n; i++, left--)
		code[program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ports[i], left, 0);
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

/* A descriptor of the caller's, or -1. libmnl gives no socket away, so its descriptor is copied. */
static int subscribe(int bus, unsigned groups, const uint16_t *ports, size_t n_ports)
{
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int fd = -1;

	if (s == NULL)
		return -1;
	/* the filter first: between the two calls a busy host would fill the queue */
	if ((n_ports == 0 || keep_ports(mnl_socket_get_fd(s), ports, n_ports)) &&
	    mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) == 0)
		fd = fcntl(mnl_socket_get_fd(s), F_DUPFD_CLOEXEC, 0);
	mnl_socket_close(s);
	return fd;
}

int iu_watch_open_sockets(const uint16_t *ports, size_t n_ports)
{
	if (n_ports == 0 || n_ports > IU_WATCH_PORTS)
		return -1;
	return subscribe(NETLINK_SOCK_DIAG, GROUP(SKNLGRP_INET_TCP_DESTROY) | GROUP(SKNLGRP_INET6_TCP_DESTROY), ports,
			 n_ports);
}

int iu_watch_open_network(bool routes)
{
	unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;

	return subscribe(NETLINK_ROUTE, routes ? groups | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE : groups, NULL, 0);
}
