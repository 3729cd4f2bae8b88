/* SPDX-License-Identifier: MIT */
/* One question over netlink, and its answer. */
#include "host/netlink.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/host.h"

/* A full table of a million sockets comes in pieces of 32 KiB; no piece takes seconds. */
#define ANSWER_TIMEOUT_S 20
#define RECEIVE_BUFFER (1 << 20)

/* What the callbacks of one exchange share. */
struct exchange {
	mnl_cb_t fn;
	void *arg;
	bool done, stopped, refused;
};

enum inuse_status iu_netlink_open(struct iu_netlink *n, int bus, struct inuse_error *error)
{
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	int size = RECEIVE_BUFFER, fd, code;

	*n = (struct iu_netlink){.buffer = malloc(IU_NETLINK_BUFFER)};
	if (n->buffer == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	n->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (n->socket == NULL || mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		code = errno;
		iu_netlink_done(n);
		if (code == EPERM || code == EACCES)
			return iu_fail(error, INUSE_E_PERMISSION, code, "netlink", _("netlink is not permitted here"));
		return iu_fail(error, INUSE_E_UNSUPPORTED, code, "netlink",
			       _("this kernel does not offer netlink for this: %s"), strerror(code));
	}
	n->portid = mnl_socket_get_portid(n->socket);
	fd = mnl_socket_get_fd(n->socket);
	/* All three only make things better; none is needed. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return INUSE_OK;
}

void iu_netlink_done(struct iu_netlink *n)
{
	if (n->socket != NULL)
		mnl_socket_close(n->socket);
	free(n->buffer);
	*n = (struct iu_netlink){0};
}

bool iu_netlink_strict(struct iu_netlink *n)
{
	int one = 1;

	return mnl_socket_setsockopt(n->socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one)) == 0;
}

static int on_data(const struct nlmsghdr *message, void *arg)
{
	struct exchange *x = arg;
	int verdict = x->fn(message, x->arg);

	if (verdict == MNL_CB_STOP)
		x->stopped = true;
	if (verdict < 0)
		errno = EBADMSG;
	return verdict;
}

/* The end of a dump carries its errno, which libmnl does not look at; the end of a single answer is an error of 0. */
static int on_end(const struct nlmsghdr *message, void *arg)
{
	struct exchange *x = arg;
	int code = 0;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(message), sizeof(code));
	else if (message->nlmsg_type == NLMSG_ERROR)
		code = -EBADMSG;
	if (code < 0) {
		x->refused = true;
		errno = code == INT_MIN ? EBADMSG : -code;
		return MNL_CB_ERROR;
	}
	x->done = true;
	return MNL_CB_STOP;
}

static ssize_t receive(struct iu_netlink *n)
{
	ssize_t len;

	do
		len = mnl_socket_recvfrom(n->socket, n->buffer, IU_NETLINK_BUFFER);
	while (len < 0 && errno == EINTR);
	return len;
}

size_t iu_netlink_whole(const char *buffer, size_t len)
{
	size_t at = 0;

	while (len - at >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;

		memcpy(&header, buffer + at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len - at)
			break;
		at += MNL_ALIGN(header.nlmsg_len) < len - at ? MNL_ALIGN(header.nlmsg_len) : len - at;
	}
	return at;
}

/* Hands on what a datagram holds; what is cut or damaged is an error, after what stands before it. */
static int take_datagram(struct iu_netlink *n, size_t len, struct exchange *x)
{
	static const mnl_cb_t ends[NLMSG_MIN_TYPE] = {[NLMSG_ERROR] = on_end, [NLMSG_DONE] = on_end};
	size_t whole = iu_netlink_whole(n->buffer, len);
	/* The library does not change the array, it only forgot to say so. */
	int verdict = mnl_cb_run2(n->buffer, whole, n->seq, n->portid, on_data, x, (mnl_cb_t *)ends, NLMSG_MIN_TYPE);

	if (whole == len || verdict <= MNL_CB_STOP)
		return verdict;
	errno = EBADMSG;
	return MNL_CB_ERROR;
}

enum iu_netlink_end iu_netlink_ask(struct iu_netlink *n, struct nlmsghdr *request, mnl_cb_t fn, void *arg,
				   int *ret_os_code)
{
	struct exchange x = {.fn = fn, .arg = arg};
	int verdict = MNL_CB_OK;
	int64_t asked_ns = iu_host_now();

	*ret_os_code = 0;
	request->nlmsg_seq = ++n->seq;
	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(n->socket, request, request->nlmsg_len) < 0) {
		*ret_os_code = errno;
		return IU_NETLINK_REFUSED;
	}
	while (verdict > MNL_CB_STOP) {
		int64_t now_ns = iu_host_now();
		ssize_t len = receive(n);

		/*
		 * A dump is one piece ahead: the first is written while the question is sent, each further one while that before it is
		 * received (linux v6.18 net/netlink/af_netlink.c __netlink_dump_start(), netlink_recvmsg()).
		 */
		n->from_ns = asked_ns;
		n->to_ns = iu_host_now();
		asked_ns = now_ns;
		verdict = len <= 0 ? MNL_CB_ERROR : take_datagram(n, (size_t)len, &x);
	}
	if (verdict == MNL_CB_ERROR)
		*ret_os_code = errno;
	if (x.refused)
		return *ret_os_code == EINTR || *ret_os_code == ENOBUFS ? IU_NETLINK_BROKEN : IU_NETLINK_REFUSED;
	return x.stopped ? IU_NETLINK_STOPPED : x.done ? IU_NETLINK_DONE : IU_NETLINK_BROKEN;
}

/* Numbers the requests from n->seq + 1 on. Only the last one is acknowledged: they are answered in their order. Their length. */
static size_t number(struct iu_netlink *n, char *requests, size_t n_requests)
{
	size_t len = 0;

	for (size_t i = 0; i < n_requests; i++) {
		struct nlmsghdr *request = (struct nlmsghdr *)(void *)(requests + len);

		request->nlmsg_seq = ++n->seq;
		request->nlmsg_flags |= NLM_F_REQUEST | (i + 1 == n_requests ? NLM_F_ACK : 0);
		len += MNL_ALIGN(request->nlmsg_len);
	}
	return len;
}

/* True: that was the end of the last one. */
static bool take_answer(const struct nlmsghdr *message, size_t i, bool last, iu_netlink_each_fn *fn, void *arg)
{
	int code = 0;

	if (message->nlmsg_type != NLMSG_ERROR) {
		fn(arg, i, message, 0);
		return false;
	}
	if (mnl_nlmsg_get_payload_len(message) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(message), sizeof(code));
	if (code < 0)
		fn(arg, i, NULL, code == INT_MIN ? EBADMSG : -code);
	return last;
}

enum iu_netlink_end iu_netlink_ask_many(struct iu_netlink *n, void *requests, size_t n_requests, iu_netlink_each_fn *fn, void *arg,
					int *ret_os_code)
{
	unsigned first = n->seq + 1;
	size_t bytes = number(n, requests, n_requests);
	bool ended = n_requests == 0;

	*ret_os_code = 0;
	if (!ended && mnl_socket_sendto(n->socket, requests, bytes) < 0) {
		*ret_os_code = errno;
		return IU_NETLINK_REFUSED;
	}
	while (!ended) {
		ssize_t len = receive(n);
		int left = (int)len;

		if (len <= 0 || iu_netlink_whole(n->buffer, (size_t)len) != (size_t)len) {
			*ret_os_code = len < 0 ? errno : EBADMSG;
			return IU_NETLINK_BROKEN;
		}
		for (const struct nlmsghdr *m = (void *)n->buffer; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			size_t i = m->nlmsg_seq - first;

			if (i < n_requests && mnl_nlmsg_portid_ok(m, n->portid))
				ended |= take_answer(m, i, i + 1 == n_requests, fn, arg);
		}
	}
	return IU_NETLINK_DONE;
}

bool iu_attrs_read(const void *bytes, size_t len, struct iu_attrs *ret)
{
	const char *at = bytes, *end = at + len;

	memset(ret, 0, sizeof(*ret));
	while (at < end) {
		const struct nlattr *attr = (const struct nlattr *)(const void *)at;
		size_t whole;

		if (!mnl_attr_ok(attr, (int)(end - at)))
			return false;
		if (mnl_attr_get_type(attr) <= IU_ATTR_MAX)
			ret->at[mnl_attr_get_type(attr)] = attr;
		whole = MNL_ALIGN(mnl_attr_get_len(attr));
		at += whole < (size_t)(end - at) ? whole : (size_t)(end - at);
	}
	return true;
}

bool iu_attrs_of(const struct nlmsghdr *message, size_t header_len, struct iu_attrs *ret)
{
	size_t len = mnl_nlmsg_get_payload_len(message), skip = MNL_ALIGN(header_len);

	if (len < header_len)
		return false;
	if (len <= skip)
		skip = len;
	return iu_attrs_read((const char *)mnl_nlmsg_get_payload(message) + skip, len - skip, ret);
}

bool iu_attrs_has(const struct iu_attrs *attrs, unsigned type, size_t len)
{
	return attrs->at[type] != NULL && mnl_attr_get_payload_len(attrs->at[type]) >= len;
}
