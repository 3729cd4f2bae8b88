/* SPDX-License-Identifier: MIT */
/*
 * FreeBSD, from its manual pages and sources (13.x). Nothing here was measured.
 *
 * Without options every socket on the port whose address overlaps stands in the way, connected ones and TIME-WAIT included.
 * SO_REUSEADDR (or SO_REUSEPORT) counts on the new socket alone: then only exactly the same, unconnected address is in the
 * way. This is the difference that socket(7) of Linux names, and where most advice on the web comes from.
 */
#include "model/rule.h"

#define IN_PCB "freebsd 13 sys/netinet/in_pcb.c in_pcbbind_setup()"
#define IN_CONNECT "freebsd 13 sys/netinet/in_pcb.c in_pcbconnect_setup()"
#define SETSOCKOPT "freebsd setsockopt(2)"

/* An ordinary user against a bound or listening socket of another one: asked first, whatever the options. */
static enum inuse_tri other_user(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_bsd_is_connected(o) ? INUSE_NO : iu_bsd_of_another_user(w, o, missing);
}

static const struct iu_call_rule calls[] = {
	{"not-local", INUSE_CALL_BIND, IU_BOTH, iu_pred_not_local, INUSE_R_ADDRNOTAVAIL, 0, 0, IN_PCB,
	 "errors/address-of-another-machine"},
	{"privileged-port", INUSE_CALL_BIND, IU_BOTH, iu_pred_privileged, INUSE_R_ACCES, 0, 0, IN_PCB,
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

const struct iu_profile iu_profile_freebsd = {
	"freebsd", true, calls, sizeof(calls) / sizeof(calls[0]), owners, sizeof(owners) / sizeof(owners[0]),
	.time_wait_s = 60, /* tcp(4): twice net.inet.tcp.msl */
};
