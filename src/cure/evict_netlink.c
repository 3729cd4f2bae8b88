/* SPDX-License-Identifier: MIT */
/* Sockets are removed: SOCK_DESTROY, one by one. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/gettext.h"
#include "cure/evict.h"
#include "host/diag_message.h"
#include "host/host.h"
#include "host/netlink.h"

#define PROGRESS_EVERY 512

static const uint64_t any_cookie = UINT64_MAX; /* INET_DIAG_NOCOOKIE, twice */

static void put_socket(struct inet_diag_req_v2 *header, const struct iu_evict_target *t, uint64_t cookie)
{
	size_t len = t->family == 4 ? 4 : 16;

	header->sdiag_family = t->family == 4 ? AF_INET : AF_INET6;
	header->sdiag_protocol = IPPROTO_TCP;
	header->idiag_states = ~0u;
	header->id.idiag_sport = htons(t->local.port);
	header->id.idiag_dport = htons(t->remote.port);
	memcpy(header->id.idiag_src, t->local.ip, len);
	memcpy(header->id.idiag_dst, t->remote.ip, len);
	header->id.idiag_if = t->device ? t->device : t->local.scope;
	header->id.idiag_cookie[0] = (uint32_t)cookie;
	header->id.idiag_cookie[1] = (uint32_t)(cookie >> 32);
}

/* type: SOCK_DIAG_BY_FAMILY shows the socket to fn, SOCK_DESTROY removes it. 0, or the errno. */
static int ask(struct iu_netlink *n, uint16_t type, const struct iu_evict_target *t, uint64_t cookie, mnl_cb_t fn,
	       void *arg)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	enum iu_netlink_end end;
	int code;

	request->nlmsg_type = type;
	put_socket(mnl_nlmsg_put_extra_header(request, sizeof(struct inet_diag_req_v2)), t, cookie);
	end = iu_netlink_ask(n, request, fn, arg, &code);
	return end == IU_NETLINK_DONE ? 0 : code != 0 ? code : EIO;
}

static int ignore(const struct nlmsghdr *message, void *arg)
{
	return MNL_CB_OK;
}

static int read_socket(const struct nlmsghdr *message, void *arg)
{
	const struct iu_diag_context context = {.doubtful_uid = -1};

	if (message->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	    !iu_diag_read(mnl_nlmsg_get_payload(message), mnl_nlmsg_get_payload_len(message), &context, arg))
		return MNL_CB_ERROR;
	return MNL_CB_OK;
}

/* Is what has these addresses now what the plan says? An orphan may have gone on to its next state. */
static bool is_still(const struct iu_evict_target *t, const struct inuse_socket *now)
{
	switch ((enum iu_kind)t->kind) {
	case IU_KIND_REMAINS:
		return now->mini && now->state != INUSE_SYN_RECV;
	case IU_KIND_ORPHAN:
		return now->inode == 0 &&
		       (now->mini || now->state == INUSE_FIN_WAIT1 || now->state == INUSE_FIN_WAIT2 ||
			now->state == INUSE_CLOSING || now->state == INUSE_LAST_ACK);
	default:
		return !now->mini && now->state == (enum inuse_state)t->state;
	}
}

/* 0: removed; ENOENT: not there any more; else why not. */
static int remove_one(struct iu_netlink *n, const struct iu_evict_target *t)
{
	struct inuse_socket now = {0};
	uint64_t cookie = t->cookie;
	int code;

	if (cookie == 0) {
		code = ask(n, SOCK_DIAG_BY_FAMILY, t, any_cookie, read_socket, &now);
		if (code != 0)
			return code;
		if (now.cookie == 0 || !is_still(t, &now))
			return ENOENT;
		cookie = now.cookie;
	}
	return ask(n, SOCK_DESTROY, t, cookie, ignore, NULL);
}

static enum inuse_status not_permitted(int code, struct inuse_error *error)
{
	if (code == EPERM || code == EACCES)
		return iu_fail(error, INUSE_E_PERMISSION, code, "SOCK_DESTROY",
			       _("removing sockets is for root (CAP_NET_ADMIN) only"));
	return iu_fail(error, INUSE_E_UNSUPPORTED, code, "SOCK_DESTROY", _("this kernel cannot remove sockets: %s"),
		       strerror(code));
}

enum inuse_status iu_evict_permitted(struct inuse_error *error)
{
	/* the kernel looks for the socket before it looks at the rights: it cannot be asked without one to lose */
	return iu_host_may(CAP_NET_ADMIN) != INUSE_NO ? INUSE_OK : not_permitted(EPERM, error);
}

enum inuse_status iu_evict_apply(const struct iu_evict_plan *plan, iu_evict_progress_fn *progress, void *arg,
				 struct iu_evict_done *ret_done, struct inuse_error *error)
{
	struct iu_netlink n;
	enum inuse_status status = INUSE_OK;

	*ret_done = (struct iu_evict_done){0};
	if (plan->n > 0)
		status = iu_netlink_open(&n, NETLINK_SOCK_DIAG, error);
	if (plan->n == 0 || status < 0)
		return status;
	for (size_t i = 0; i < plan->n && status == INUSE_OK; i++) {
		int code = remove_one(&n, &plan->targets[i]);

		if (code == 0) {
			ret_done->n_removed++;
		} else if (code == ENOENT) {
			ret_done->n_gone++;
		} else {
			ret_done->n_refused++;
			ret_done->os_code = code;
			if (code == EPERM || code == EACCES || code == EOPNOTSUPP)
				status = not_permitted(code, error);
		}
		if (progress != NULL && (i + 1) % PROGRESS_EVERY == 0 && !progress(arg, i + 1))
			break;
	}
	iu_netlink_done(&n);
	return status;
}
