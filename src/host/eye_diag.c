/* SPDX-License-Identifier: MIT */
/*
 * Sockets through sock_diag: everything but the reuse flags, for everybody.
 *
 * Theory of operation
 *
 * The kernel walks its tables and hands the sockets out in pieces; each goes to the callback as it comes, so that the
 * memory needed does not grow with the table. IPv4 and IPv6 are two dumps. Sockets that are bound only hang on the bind
 * table, which Linux 6.8 and later walk for a state bit of its own; older kernels ignore that bit, and then such
 * sockets are unseen. For them the port in the request's header is ignored, so it goes into a filter program, too.
 *
 * A dump that breaks off is started again, and what was delivered before is skipped by its cookie. At most MAX_COOKIES
 * of them are remembered; a larger table is not asked twice and comes back as partial.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/diag_message.h"
#include "host/diag_udp.h"
#include "host/netlink.h"
#include "host/port_set.h"
#include "host/settings.h"
#include "host/sources.h"

#define TRIES 3
#define MAX_COOKIES (1u << 20)

/* linux v6.18 include/net/tcp_states.h */
#define BIT_CLOSE (1u << 7)
#define BIT_BOUND_INACTIVE (1u << 13)
#define BIT_LISTEN (1u << 10)
#define BITS_TCP (0xfffu & ~(BIT_CLOSE | 1u)) /* TCP_ESTABLISHED (1) to TCP_CLOSING (11) */

struct cookies {
	uint64_t *list;
	size_t n, cap, n_sorted;
	bool overflow;
};

struct dump {
	const struct iu_scope *scope;
	struct iu_diag_context context;
	struct iu_netlink netlink;
	struct iu_port_set ports;
	iu_socket_fn *fn;
	void *arg;
	struct cookies delivered;
	bool saw_bound;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool cookies_have(const struct cookies *c, uint64_t cookie)
{
	return c->n_sorted > 0 && bsearch(&cookie, c->list, c->n_sorted, sizeof(cookie), by_value) != NULL;
}

static void cookies_add(struct cookies *c, uint64_t cookie)
{
	if (c->n == c->cap && !c->overflow) {
		size_t cap = c->cap ? c->cap * 2 : 256;
		uint64_t *list = cap <= MAX_COOKIES ? realloc(c->list, cap * sizeof(*list)) : NULL;

		c->overflow = list == NULL;
		if (list != NULL) {
			c->list = list;
			c->cap = cap;
		}
	}
	if (!c->overflow)
		c->list[c->n++] = cookie;
}

static void cookies_sort(struct cookies *c)
{
	if (c->n > 0)
		qsort(c->list, c->n, sizeof(*c->list), by_value);
	c->n_sorted = c->n;
}

static int on_socket(const struct nlmsghdr *message, void *arg)
{
	struct dump *d = arg;
	struct inuse_socket socket;

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return MNL_CB_OK;
	/* a long dump must not age what it says of timers, nor may somebody who was kept from running take old ones for new */
	d->context.now_ns = d->netlink.from_ns;
	d->context.late_ns = d->netlink.to_ns - d->netlink.from_ns;
	if (!iu_diag_read(mnl_nlmsg_get_payload(message), mnl_nlmsg_get_payload_len(message), &d->context, &socket))
		return MNL_CB_ERROR;
	if (socket.state == INUSE_BOUND)
		d->saw_bound = true;
	if (!iu_port_set_has(&d->ports, socket.local.port) || cookies_have(&d->delivered, socket.cookie))
		return MNL_CB_OK;
	cookies_add(&d->delivered, socket.cookie);
	return d->fn(d->arg, &socket) ? MNL_CB_OK : MNL_CB_STOP;
}

static struct nlmsghdr *make_request(char *buffer, const struct dump *d, int family)
{
	const struct iu_scope *scope = d->scope;
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_bc_op ops[IU_DIAG_FILTER_OPS];
	struct inet_diag_req_v2 *header;

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags = NLM_F_DUMP;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->sdiag_family = (uint8_t)family;
	if (d->context.proto == INUSE_PROTO_UDP) {
		header->sdiag_protocol = IPPROTO_UDP;
		header->idiag_states = ~0u;
	} else {
		header->sdiag_protocol = IPPROTO_TCP;
		/* listeners are in a table of their own: the large one is not walked for them */
		header->idiag_states = scope->listeners ? BIT_LISTEN : BITS_TCP | (scope->bound ? BIT_BOUND_INACTIVE : 0);
	}
	/* Timestamps and MPTCP cost the kernel a lock and 300 bytes a socket: not for whole tables. */
	if (scope->ports != NULL && d->context.proto == INUSE_PROTO_TCP)
		header->idiag_ext = 1u << (INET_DIAG_INFO - 1);
	if (scope->ports == NULL || scope->n_ports == 0 || scope->n_ports > IU_DIAG_FILTER_PORTS)
		return request;
	if (scope->n_ports == 1)
		header->id.idiag_sport = htons(scope->ports[0]);
	mnl_attr_put(request, INET_DIAG_REQ_BYTECODE, iu_diag_filter(scope->ports, scope->n_ports, ops) * sizeof(ops[0]),
		     ops);
	return request;
}

/* One family, again where it breaks off. */
static enum iu_netlink_end dump_family(struct dump *d, int family, int *ret_os_code)
{
	char buffer[2048] __attribute__((aligned(8)));
	enum iu_netlink_end end = IU_NETLINK_BROKEN;

	for (int i = 0; i < TRIES && end == IU_NETLINK_BROKEN && !d->delivered.overflow; i++) {
		cookies_sort(&d->delivered);
		*ret_os_code = 0;
		if (iu_netlink_open(&d->netlink, NETLINK_SOCK_DIAG, NULL) != INUSE_OK)
			return IU_NETLINK_BROKEN;
		end = iu_netlink_ask(&d->netlink, make_request(buffer, d, family), on_socket, d, ret_os_code);
		iu_netlink_done(&d->netlink);
	}
	return end;
}

static void context_init(struct iu_diag_context *context, enum inuse_proto proto)
{
	struct utsname name;

	*context = (struct iu_diag_context){
		.proto = proto,
		.hz = iu_host_hz(),
		.kernel = uname(&name) == 0 ? iu_kernel_from_release(name.release) : 0,
		.doubtful_uid = iu_host_doubtful_uid(),
		.fin_most_ns = iu_host_fin_most_ns(),
	};
}

static enum inuse_status refused(int os_code, struct inuse_error *error)
{
	if (os_code == EPERM || os_code == EACCES)
		return iu_fail(error, INUSE_E_PERMISSION, os_code, "sock_diag",
			       _("the table of sockets is not permitted here"));
	return iu_fail(error, INUSE_E_UNSUPPORTED, os_code, "sock_diag",
		       _("this kernel does not show its sockets through sock_diag: %s"), strerror(os_code));
}

enum inuse_status iu_diag_each(const struct iu_scope *scope, enum inuse_proto proto, iu_socket_fn *fn, void *arg,
			       uint32_t *ret_unseen, struct inuse_error *error)
{
	struct dump d = {.scope = scope, .fn = fn, .arg = arg};
	enum iu_netlink_end v4, v6 = IU_NETLINK_DONE;
	struct iu_netlink n;
	enum inuse_status status = iu_netlink_open(&n, NETLINK_SOCK_DIAG, error);
	int code4 = 0, code6 = 0;

	if (status < 0)
		return status;
	iu_netlink_done(&n);
	context_init(&d.context, proto);
	iu_port_set_init(&d.ports, scope->ports, scope->n_ports);
	v4 = dump_family(&d, AF_INET, &code4);
	if (v4 == IU_NETLINK_DONE || v4 == IU_NETLINK_BROKEN)
		v6 = dump_family(&d, AF_INET6, &code6);
	free(d.delivered.list);
	if (v4 == IU_NETLINK_REFUSED)
		return refused(code4, error);
	/* A kernel without IPv6 has no IPv6 sockets. */
	if (v6 == IU_NETLINK_REFUSED && code6 != ENOENT && code6 != EAFNOSUPPORT)
		return refused(code6, error);
	*ret_unseen = v4 == IU_NETLINK_BROKEN || v6 == IU_NETLINK_BROKEN ? INUSE_MISSING_PARTIAL : 0;
	if (proto == INUSE_PROTO_TCP && scope->bound && d.context.kernel < IU_KERNEL(6, 8) && !d.saw_bound)
		*ret_unseen |= INUSE_MISSING_BOUND;
	return INUSE_OK;
}

struct udp_count {
	uint64_t n;
};

static bool count_one(void *arg, const struct inuse_socket *socket)
{
	((struct udp_count *)arg)->n += socket->count;
	return true;
}

enum inuse_status iu_diag_udp(uint16_t port, struct iu_elsewhere *ret, struct inuse_error *error)
{
	struct iu_scope scope = {.ports = &port, .n_ports = 1};
	struct udp_count count = {0};
	uint32_t unseen;
	enum inuse_status status = iu_diag_each(&scope, INUSE_PROTO_UDP, count_one, &count, &unseen, error);

	if (status == INUSE_OK)
		*ret = (struct iu_elsewhere){.port = port, .proto = INUSE_PROTO_UDP, .count = count.n};
	return status;
}
