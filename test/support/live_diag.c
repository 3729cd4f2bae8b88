/* SPDX-License-Identifier: MIT */
/* sock_diag spoken by hand. */
#include "support/live_diag.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/utsname.h>

#include "host/settings.h"
#include "support/live.h"

#define DESTROY 21 /* SOCK_DESTROY */
#define SKV6ONLY 11
#define SOCKOPT 22

static int open_diag(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	assert_true(fd >= 0);
	return fd;
}

static void take(struct diag_table *t, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct diag_row *row = &t->rows[t->n];
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));

	if (t->n == DIAG_MAX_ROWS)
		return;
	t->n++;
	*row = (struct diag_row){.m = *m};
	for (const struct nlattr *a = (const void *)(m + 1); left >= (int)sizeof(*a) && a->nla_len >= sizeof(*a);
	     left -= NLA_ALIGN(a->nla_len), a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len))) {
		row->v6only |= a->nla_type == SKV6ONLY;
		if (a->nla_type == SOCKOPT) {
			row->sockopt = true;
			memcpy(row->sockopt_bytes, a + 1, a->nla_len - sizeof(*a) < 8 ? a->nla_len - sizeof(*a) : 8);
		}
	}
}

struct diag_table diag_dump(int family, uint32_t states, uint16_t header_port, uint16_t code_port)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
		struct nlattr a;
		struct inet_diag_bc_op code[2];
	} request = {
		.h = {sizeof(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
		.r = {.sdiag_family = (uint8_t)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = states},
		.a = {sizeof(request.a) + sizeof(request.code), INET_DIAG_REQ_BYTECODE},
		.code = {{INET_DIAG_BC_S_EQ, 8, 12}, {0, 0, code_port}},
	};
	static char buffer[1 << 16];
	struct diag_table t = {.n = 0};
	int fd = open_diag();
	bool done = false;

	request.r.id.idiag_sport = htons(header_port);
	if (code_port == 0)
		request.h.nlmsg_len = offsetof(__typeof__(request), a);
	assert_int_equal(send(fd, &request, request.h.nlmsg_len, 0), request.h.nlmsg_len);
	while (!done) {
		ssize_t len = recv(fd, buffer, sizeof(buffer), 0);

		assert_true(len > 0);
		for (const struct nlmsghdr *h = (const void *)buffer; NLMSG_OK(h, len) && !done; h = NLMSG_NEXT(h, len)) {
			t.interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			done = h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
			assert_true(h->nlmsg_type != NLMSG_ERROR);
			if (!done)
				take(&t, h);
		}
	}
	close(fd);
	return t;
}

unsigned diag_count(const struct diag_table *t, uint16_t port, uint8_t state)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += ntohs(t->rows[i].m.id.idiag_sport) == port && (state == 0 || t->rows[i].m.idiag_state == state);
	return n;
}

struct diag_row diag_only(uint16_t port, uint8_t state)
{
	struct diag_table t = diag_dump(AF_INET, DIAG_ORDINARY, 0, 0);

	for (size_t i = 0; i < t.n; i++)
		if (ntohs(t.rows[i].m.id.idiag_sport) == port && t.rows[i].m.idiag_state == state)
			return t.rows[i];
	fail_msg("nothing in state %d on port %d", state, port);
	return (struct diag_row){.v6only = false};
}

int diag_destroy(const struct diag_row *s, uint32_t cookie_off)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} request = {
		.h = {sizeof(request), DESTROY, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
		.r = {.sdiag_family = s->m.idiag_family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u, .id = s->m.id},
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[64];
	} answer;
	int fd = open_diag();

	request.r.id.idiag_cookie[0] += cookie_off;
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer.h));
	close(fd);
	assert_int_equal(answer.h.nlmsg_type, NLMSG_ERROR);
	return -answer.e.error;
}

unsigned diag_ordinary(uint16_t port)
{
	struct diag_table t = diag_dump(AF_INET, DIAG_ORDINARY, 0, 0);

	return diag_count(&t, port, 0);
}

/* The table of bound sockets came with 6.8, SOCK_DESTROY of TIME-WAIT with 6.0, the user of an orphan with 6.17. */
void diag_need_kernel(uint32_t version)
{
	struct utsname name;

	assert_int_equal(uname(&name), 0);
	if (iu_kernel_from_release(name.release) < version)
		live_skip("this kernel is older than %u.%u", version >> 16, version & 0xffff);
}
