/* SPDX-License-Identifier: MIT */
/*
 * macOS, from the sources of its kernel (xnu, bsd/netinet). Nothing here was measured.
 *
 * As on FreeBSD SO_REUSEADDR counts on the new socket alone. Two things are macOS's own: a low port needs a privilege only
 * on a single address, and a socket of another user is in the way of an ordinary one even when it is connected, unless both
 * have all addresses. Ports that the system keeps for itself are not known here.
 */
#include "base/address.h"
#include "model/rule.h"

#define IN_PCB "xnu bsd/netinet/in_pcb.c in_pcbbind()"
#define IN_CONNECT "xnu bsd/netinet/tcp_usrreq.c tcp_connect()"
#define SETSOCKOPT "macos setsockopt(2)"

static bool is_wildcard(const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	return iu_addr_is_any(&u);
}

static enum inuse_tri privileged(struct iu_world *w, uint32_t *missing)
{
	return is_wildcard(&w->req.local) ? INUSE_NO : iu_pred_privileged(w, missing);
}

/* An ordinary user against any socket of another one: asked first, whatever the options. */
static enum inuse_tri other_user(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (is_wildcard(&o->local) && is_wildcard(&w->req.local))
		return INUSE_NO;
	return iu_bsd_of_another_user(w, o, missing);
}

static const struct iu_call_rule calls[] = {
	{"not-local", INUSE_CALL_BIND, IU_BOTH, iu_pred_not_local, INUSE_R_ADDRNOTAVAIL, 0, 0, IN_PCB,
	 "errors/address-of-another-machine"},
	{"privileged-port", INUSE_CALL_BIND, IU_BOTH, privileged, INUSE_R_ACCES, 0, 0, IN_PCB,
	 "errors/low-port-in-use"},
	{"ports-exhausted", INUSE_CALL_BIND, IU_BOTH, iu_pred_bsd_ports_exhausted, INUSE_R_ADDRNOTAVAIL, 0, 0, IN_PCB,
	 "port-zero/exhausted"},
	{"port-automatic", INUSE_CALL_BIND, IU_BOTH, iu_pred_port_automatic, INUSE_R_OK, 0, 0, IN_PCB,
	 "port-zero/other-address"},
	{"nobody", INUSE_CALL_BIND, IU_BOTH, iu_pred_no_conflict, INUSE_R_OK, 0, 0, IN_PCB, "bind/free"},
	{"conflict", INUSE_CALL_BIND, IU_BOTH, NULL, INUSE_R_ADDRINUSE, 0, 0, IN_PCB, "bind/options-of-a-listener"},

	{"tuple-live", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_tuple_live, INUSE_R_ADDRINUSE, 0, 0, IN_CONNECT,
	 "fixed-port/living-connection"},
	{"tuple-time-wait", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_tuple_timestamps, INUSE_R_ADDRINUSE, 0, 0, IN_CONNECT,
	 "fixed-port/reconnect-without-timestamps"},
	{"connect-exhausted", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_connect_exhausted, INUSE_R_ADDRNOTAVAIL, 0, 0,
	 IN_CONNECT, "connect/exhausted"},
	{"nobody-listens", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_nobody_listens, INUSE_R_CONNREFUSED, 0, 0,
	 "RFC 9293 3.10.7.1", "connect/refused"},
	{"connect-free", INUSE_CALL_CONNECT, IU_BOTH, NULL, INUSE_R_OK, 0, 0, IN_CONNECT,
	 "fixed-port/living-connection"},

	{"syn-no-listener", INUSE_CALL_ACCEPT, IU_BOTH, iu_pred_syn_no_listener, INUSE_R_CONNREFUSED, 0, 0,
	 "RFC 9293 3.10.7.1", "syn/no-listener"},
	{"syn-accepted", INUSE_CALL_ACCEPT, IU_BOTH, NULL, INUSE_R_OK, 0, 0, "RFC 9293 3.6.1 MAY-2", "syn/half-open"},
};

static const struct iu_owner_rule owners[] = {
	{"no-overlap", iu_pred_no_overlap, INUSE_R_OK, IN_PCB, "bind/other-address"},
	{"other-user", other_user, INUSE_R_ADDRINUSE, IN_PCB, "bind/other-user"},
	{"both-reuseport", iu_pred_bsd_both_reuseport, INUSE_R_OK, SETSOCKOPT, "bind/options-of-a-listener"},
	{"reuse-not-the-same", iu_pred_bsd_not_the_same, INUSE_R_OK, SETSOCKOPT, "bind/wildcard-and-specific"},
	{"in-the-way", NULL, INUSE_R_ADDRINUSE, IN_PCB, "restart/reuseaddr-on-the-old-one-only"},
};

const struct iu_profile iu_profile_macos = {
	"macos", true, calls, sizeof(calls) / sizeof(calls[0]), owners, sizeof(owners) / sizeof(owners[0]),
	.time_wait_s = 30, /* twice net.inet.tcp.msl, which is 15 s there */
};
