/* SPDX-License-Identifier: MIT */
/* One question over netlink, and its answer: what every user of libmnl here shares. */
#ifndef IU_HOST_NETLINK_H
#define IU_HOST_NETLINK_H

#include <libmnl/libmnl.h>

#include "inuse.h"

struct iu_netlink {
	struct mnl_socket *socket;
	unsigned seq, portid;
	char *buffer; /* of IU_NETLINK_BUFFER bytes */
	int64_t from_ns, to_ns; /* between these, on the snapshot's clock, the kernel wrote what iu_netlink_ask() hands on */
};

/* The kernel hands out at most 32 KiB at a time (linux v6.18 net/netlink/af_netlink.c netlink_recvmsg()). */
#define IU_NETLINK_BUFFER 65536

/* How an exchange ended. os_code tells the rest. */
enum iu_netlink_end {
	IU_NETLINK_DONE,
	IU_NETLINK_STOPPED, /* the receiver wanted no more */
	IU_NETLINK_BROKEN,  /* something of the answer is missing or damaged: asking again may help */
	IU_NETLINK_REFUSED, /* the kernel said no: os_code is its errno */
};

/*
 * Opens a socket in the calling thread's network namespace. bus: NETLINK_ROUTE, NETLINK_SOCK_DIAG.
 * INUSE_E_UNSUPPORTED: the kernel has none of that kind; INUSE_E_PERMISSION: it is kept from us; INUSE_E_MEMORY.
 */
enum inuse_status iu_netlink_open(struct iu_netlink *n, int bus, struct inuse_error *error);
/* {0} is fine. */
void iu_netlink_done(struct iu_netlink *n);

/* Has the kernel check requests strictly and apply their filters; false where it cannot (before 5.0). */
bool iu_netlink_strict(struct iu_netlink *n);

/*
 * Sends the request (sequence number and flags NLM_F_REQUEST, NLM_F_ACK are filled in) and hands each message of the
 * answer to fn: MNL_CB_OK goes on, MNL_CB_STOP ends as STOPPED, MNL_CB_ERROR as BROKEN. *ret_os_code: an errno, or 0.
 * After STOPPED and BROKEN the rest of the answer is still under way: open a new one for the next question.
 */
enum iu_netlink_end iu_netlink_ask(struct iu_netlink *n, struct nlmsghdr *request, mnl_cb_t fn, void *arg,
				   int *ret_os_code);

/*
 * What comes back for request i: a message of the answer; or its end with an error (message NULL, os_code). What goes well and
 * has no answer is not mentioned.
 */
typedef void iu_netlink_each_fn(void *arg, size_t i, const struct nlmsghdr *message, int os_code);
/*
 * Sends n_requests requests of one message each, which stand one behind the other in `requests` (sequence number and flags are filled
 * in), with one system call; the answers must fit into the socket's buffer, 128 of some hundred bytes do. DONE: the
 * kernel is through with all of them. Else it is not known how far it has come, *ret_os_code tells why, and a new one has to be opened.
 */
enum iu_netlink_end iu_netlink_ask_many(struct iu_netlink *n, void *requests, size_t n_requests, iu_netlink_each_fn *fn, void *arg,
					int *ret_os_code);

/*
 * How many of the bytes of a datagram are whole messages; the rest is cut or damaged. Pure. libmnl takes a length of 2 GiB and
 * more for a negative one, which is short enough (1.0.4 src/nlmsg.c mnl_nlmsg_ok()), and goes on behind it.
 */
size_t iu_netlink_whole(const char *buffer, size_t len);

/* The attributes of a message by type, borrowed; NULL where there is none. Higher types are skipped. */
#define IU_ATTR_MAX 64
struct iu_attrs {
	const struct nlattr *at[IU_ATTR_MAX + 1];
};

/* Sorts the attributes in len bytes (4-aligned). Pure. False if one of them is cut or damaged: then use none. */
bool iu_attrs_read(const void *bytes, size_t len, struct iu_attrs *ret);
/* The same of a message, behind its family's header of header_len bytes; false if that is cut, too. */
bool iu_attrs_of(const struct nlmsghdr *message, size_t header_len, struct iu_attrs *ret);
/* It is there and carries at least len bytes. */
bool iu_attrs_has(const struct iu_attrs *attrs, unsigned type, size_t len);

#endif
