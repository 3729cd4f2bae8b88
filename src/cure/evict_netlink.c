/* SPDX-License-Identifier: MIT */
/* Sockets are removed: SOCK_DESTROY, one by one, by the hundred in a system call. */
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

enum { BATCH = 128, PROGRESS_EVERY = 8 /* batches */, OPEN = -1 };

static const uint64_t any_cookie = UINT64_MAX; /* INET_DIAG_NOCOOKIE, twice */

/* Targets that are asked about, and removed, with one system call each. */
struct batch {
	const struct iu_evict_target *targets;
	size_t n;
	uint64_t cookies[BATCH]; /* 0: not known yet */
	int codes[BATCH];        /* what came of each: OPEN, 0 removed, ENOENT not there any more, or why not */
	size_t asked[BATCH];     /* which target a request is about */
};

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

/* The answer to SOCK_DIAG_BY_FAMILY, or the error of either. */
static void take_answer(void *arg, size_t i, const struct nlmsghdr *message, int os_code)
{
	const struct iu_diag_context context = {.doubtful_uid = -1};
	struct batch *b = arg;
	struct inuse_socket now = {0};
	size_t at = b->asked[i];

	if (message == NULL)
		b->codes[at] = os_code;
	else if (message->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		 iu_diag_read(mnl_nlmsg_get_payload(message), mnl_nlmsg_get_payload_len(message), &context, &now) &&
		 is_still(&b->targets[at], &now))
		b->cookies[at] = now.cookie;
}

/* type: SOCK_DIAG_BY_FAMILY learns the cookies that are not known, SOCK_DESTROY removes. False: nobody knows how far it went. */
static bool ask(struct iu_netlink *n, uint16_t type, struct batch *b)
{
	static const size_t room = NLMSG_SPACE(sizeof(struct inet_diag_req_v2));
	char requests[BATCH * NLMSG_SPACE(sizeof(struct inet_diag_req_v2))] __attribute__((aligned(8)));
	size_t n_asked = 0;
	int code;

	for (size_t i = 0; i < b->n; i++) {
		struct nlmsghdr *request = (void *)(requests + n_asked * room);

		if (b->codes[i] != OPEN || (type == SOCK_DIAG_BY_FAMILY && b->cookies[i] != 0))
			continue;
		mnl_nlmsg_put_header(request)->nlmsg_type = type;
		put_socket(mnl_nlmsg_put_extra_header(request, sizeof(struct inet_diag_req_v2)), &b->targets[i],
			   b->cookies[i] != 0 ? b->cookies[i] : any_cookie);
		b->asked[n_asked++] = i;
	}
	if (iu_netlink_ask_many(n, requests, n_asked, take_answer, b, &code) == IU_NETLINK_DONE)
		return true;
	/* the others would have been next */
	for (size_t i = 0; i < b->n; i++)
		if (b->codes[i] == OPEN)
			b->codes[i] = code;
	return false;
}

/* Closes what is open. */
static void settle(struct batch *b, bool removed)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->codes[i] == OPEN && (removed || b->cookies[i] == 0))
			b->codes[i] = removed ? 0 : ENOENT;
}

/* False: as ask(). */
static bool remove_batch(struct iu_netlink *n, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		b->cookies[i] = b->targets[i].cookie;
		b->codes[i] = OPEN;
	}
	if (!ask(n, SOCK_DIAG_BY_FAMILY, b))
		return false;
	settle(b, false);
	if (!ask(n, SOCK_DESTROY, b))
		return false;
	settle(b, true);
	return true;
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

/* INUSE_OK, or what makes it pointless to go on. */
static enum inuse_status count_up(const struct batch *b, struct iu_evict_done *done, struct inuse_error *error)
{
	int hopeless = 0;

	for (size_t i = 0; i < b->n; i++) {
		int code = b->codes[i];

		if (code == 0) {
			done->n_removed++;
		} else if (code == ENOENT) {
			done->n_gone++;
		} else {
			done->n_refused++;
			done->os_code = code;
			if (code == EPERM || code == EACCES || code == EOPNOTSUPP)
				hopeless = code;
		}
	}
	return hopeless != 0 ? not_permitted(hopeless, error) : INUSE_OK;
}

enum inuse_status iu_evict_apply(const struct iu_evict_plan *plan, iu_evict_progress_fn *progress, void *arg,
				 struct iu_evict_done *ret_done, struct inuse_error *error)
{
	struct iu_netlink n = {0};
	enum inuse_status status = INUSE_OK;
	struct batch b;
	bool lost;

	*ret_done = (struct iu_evict_done){0};
	if (plan->n > 0)
		status = iu_netlink_open(&n, NETLINK_SOCK_DIAG, error);
	for (size_t at = 0, batches = 0; at < plan->n && status == INUSE_OK; at += b.n, batches++) {
		if (progress != NULL && batches % PROGRESS_EVERY == 0 && batches > 0 && !progress(arg, at))
			break;
		b.targets = plan->targets + at;
		b.n = plan->n - at < BATCH ? plan->n - at : BATCH;
		lost = !remove_batch(&n, &b);
		status = count_up(&b, ret_done, error);
		if (lost && status == INUSE_OK) {
			iu_netlink_done(&n);
			status = iu_netlink_open(&n, NETLINK_SOCK_DIAG, error);
		}
	}
	iu_netlink_done(&n);
	return status;
}
