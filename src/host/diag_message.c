/* SPDX-License-Identifier: MIT */
/*
 * sock_diag messages: one socket out of its bytes, and the filter for ports.
 *
 * Theory of operation
 *
 * sock_diag shows no reuse flags, of no socket. What it does show depends on the kind:
 *   full sockets       all attributes; v6only only in LISTEN and CLOSE; uid and inode (inode 0: no file, because it was
 *                      not accepted yet, or its file is closed)
 *   mini sockets       TIME-WAIT, and FIN-WAIT-2 with the TIME-WAIT timer; uid and inode are 0 and mean nothing
 *   half-open requests SYN_RECV without attributes of a full socket; no bind() ever looks at them
 * Source: linux v6.18 net/ipv4/inet_diag.c inet_sk_diag_fill(), net/ipv4/tcp_diag.c tcp_twsk_diag_fill(),
 * tcp_req_diag_fill().
 */
#include "host/diag_message.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "host/linux_tcp.h"
#include "host/netlink.h"
#include "host/settings.h"

#define TIMER_KEEPALIVE 2 /* idiag_timer */
#define TIMER_TIME_WAIT 3

static struct inuse_addr read_addr(uint8_t family, const __be32 *words, __be16 port_be, uint32_t device)
{
	struct inuse_addr a = {.family = family == AF_INET ? 4 : 6, .port = ntohs(port_be)};

	memcpy(a.ip, words, a.family == 4 ? 4 : 16);
	if (iu_addr_is_link_local6(&a))
		a.scope = device;
	return a;
}

/* The name of the protocol on top, "mptcp" or "tls", is in a nest of its own. */
static bool read_mptcp(const struct nlattr *nest)
{
	struct iu_attrs inner;

	return iu_attrs_read(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), &inner) &&
	       iu_attrs_has(&inner, INET_ULP_INFO_NAME, sizeof("mptcp") - 1) &&
	       memcmp(mnl_attr_get_payload(inner.at[INET_ULP_INFO_NAME]), "mptcp", sizeof("mptcp") - 1) == 0;
}

static void learn(struct inuse_socket *s, enum inuse_flag flag, bool value)
{
	s->known |= flag;
	if (value)
		s->flags |= flag;
}

static void read_v6only(struct inuse_socket *s, const struct iu_attrs *attrs)
{
	if (s->family == 4 || iu_addr_is_mapped(&s->local))
		learn(s, INUSE_V6ONLY, false);
	else if (iu_attrs_has(attrs, INET_DIAG_SKV6ONLY, 1))
		learn(s, INUSE_V6ONLY, mnl_attr_get_u8(attrs->at[INET_DIAG_SKV6ONLY]) != 0);
}

static void read_tcp_info(struct inuse_socket *s, const struct iu_attrs *attrs, const struct iu_diag_context *context)
{
	/* Only with CAP_NET_ADMIN, as a mark is, before 6.15: "tcp: ulp: diag: always print the name if any". */
	bool always = context->kernel >= IU_KERNEL(6, 15) || attrs->at[INET_DIAG_MARK] != NULL;
	struct tcp_info info = {0};
	size_t len;

	if (!iu_attrs_has(attrs, INET_DIAG_INFO, offsetof(struct tcp_info, tcpi_options) + 1))
		return;
	if (attrs->at[INET_DIAG_ULP_INFO] != NULL)
		learn(s, INUSE_MPTCP, read_mptcp(attrs->at[INET_DIAG_ULP_INFO]));
	else if (always)
		learn(s, INUSE_MPTCP, false);
	/* A listener has no peer, and of a SYN_SENT the peer has said nothing yet. */
	if (s->state == INUSE_LISTEN || s->state == INUSE_SYN_SENT || s->state == INUSE_BOUND)
		return;
	len = mnl_attr_get_payload_len(attrs->at[INET_DIAG_INFO]);
	memcpy(&info, mnl_attr_get_payload(attrs->at[INET_DIAG_INFO]), len < sizeof(info) ? len : sizeof(info));
	learn(s, INUSE_TIMESTAMPS, (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0);
}

static void read_full(struct inuse_socket *s, const struct iu_attrs *attrs, const struct iu_diag_context *context)
{
	struct inet_diag_sockopt options;

	if (s->uid != context->doubtful_uid)
		s->known |= INUSE_KNOW_UID;
	if (iu_attrs_has(attrs, INET_DIAG_SOCKOPT, sizeof(options))) {
		memcpy(&options, mnl_attr_get_payload(attrs->at[INET_DIAG_SOCKOPT]), sizeof(options));
		s->flags |= (options.freebind ? INUSE_FREEBIND : 0) | (options.transparent ? INUSE_TRANSPARENT : 0);
	}
	if (context->proto == INUSE_PROTO_TCP)
		read_tcp_info(s, attrs, context);
}

bool iu_diag_read(const void *bytes, size_t len, const struct iu_diag_context *context, struct inuse_socket *ret)
{
	struct inet_diag_msg m;
	struct iu_attrs attrs;
	bool full;

	if (len < sizeof(m) || !iu_attrs_read((const char *)bytes + sizeof(m), len - sizeof(m), &attrs))
		return false;
	memcpy(&m, bytes, sizeof(m));
	if (m.idiag_family != AF_INET && m.idiag_family != AF_INET6)
		return false;
	full = attrs.at[INET_DIAG_SHUTDOWN] != NULL;
	*ret = (struct inuse_socket){
		.state = iu_state_from_linux(m.idiag_state),
		.family = m.idiag_family == AF_INET ? 4 : 6,
		.proto = context->proto,
		.local = read_addr(m.idiag_family, m.id.idiag_src, m.id.idiag_sport, m.id.idiag_if),
		.remote = read_addr(m.idiag_family, m.id.idiag_dst, m.id.idiag_dport, m.id.idiag_if),
		.known = INUSE_KNOW_DEVICE | INUSE_KNOW_INODE,
		.device = m.id.idiag_if,
		.uid = m.idiag_uid,
		.inode = m.idiag_inode,
		.cookie = (uint64_t)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0],
		.count = 1,
	};
	ret->mini = m.idiag_timer == TIMER_TIME_WAIT || (ret->state == INUSE_SYN_RECV && !full);
	if (ret->inode == 0)
		learn(ret, INUSE_HAS_FILE, false);
	read_v6only(ret, &attrs);
	if (full && !ret->mini)
		read_full(ret, &attrs, context);
	if (m.idiag_timer == TIMER_TIME_WAIT) {
		ret->free_at_ns = context->now_ns + (int64_t)m.idiag_expires * 1000000;
		ret->free_slack_ns = iu_mini_slack_ns(context->hz);
		if (ret->state == INUSE_TIME_WAIT)
			ret->since_ns = ret->free_at_ns - IU_TIME_WAIT_NS;
	} else if (m.idiag_timer == TIMER_KEEPALIVE) {
		iu_orphan_end(ret, context->now_ns, (int64_t)m.idiag_expires * 1000000, context->fin_most_ns, context->hz);
	}
	if (ret->free_at_ns != 0)
		ret->free_slack_ns += context->late_ns;
	return true;
}

/*
 * For each port: "equal: go on; else: skip the jump", then "jump to the end". Arriving at the end exactly lets the
 * socket pass, four bytes behind it does not (linux v6.18 net/ipv4/inet_diag.c inet_diag_bc_run()).
 */
size_t iu_diag_filter(const uint16_t *ports, size_t n, struct inet_diag_bc_op ret[IU_DIAG_FILTER_OPS])
{
	const size_t size = sizeof(struct inet_diag_bc_op);
	size_t total = 3 * n - 1, at = 0;

	for (size_t i = 0; i < n; i++) {
		ret[at++] = (struct inet_diag_bc_op){INET_DIAG_BC_S_EQ, (uint8_t)(2 * size), (uint16_t)(3 * size)};
		ret[at++] = (struct inet_diag_bc_op){.no = ports[i]};
		if (at == total)
			break;
		ret[at] = (struct inet_diag_bc_op){INET_DIAG_BC_JMP, (uint8_t)size, (uint16_t)((total - at) * size)};
		at++;
	}
	return total;
}
