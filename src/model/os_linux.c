/* SPDX-License-Identifier: MIT */
/*
 * Linux: what bind(), listen(), connect() and an arriving SYN meet, in the order in which the kernel asks.
 *
 * listen() runs bind()'s conflict check again with the socket's options of that moment (inet_csk_listen_start()), so
 * a new socket that passed bind() passes listen() unless somebody came between. The rows of the check say IU_AGAIN; the rows
 * of LISTEN are for sockets that exist already.
 */
#include <assert.h>

#include "model/rule.h"

#define BIND4 "linux v6.18 net/ipv4/af_inet.c __inet_bind()"
#define BIND6 "linux v6.18 net/ipv6/af_inet6.c __inet6_bind()"
#define GET_PORT "linux v6.18 net/ipv4/inet_connection_sock.c inet_csk_get_port()"
#define CONFLICT "linux v6.18 net/ipv4/inet_connection_sock.c inet_bind_conflict()"
#define LISTEN "linux v6.18 net/ipv4/af_inet.c __inet_listen_sk(), inet_listen()"
#define STREAM_CONNECT "linux v6.18 net/ipv4/af_inet.c __inet_stream_connect()"
#define CONNECT "linux v6.18 net/ipv4/tcp_ipv4.c tcp_v4_connect()"
#define CONNECT6 "linux v6.18 net/ipv6/tcp_ipv6.c tcp_v6_connect()"
#define HASH_CONNECT "linux v6.18 net/ipv4/inet_hashtables.c __inet_hash_connect()"
#define CHECK_ESTABLISHED "linux v6.18 net/ipv4/inet_hashtables.c __inet_check_established(), tcp_twsk_unique()"
#define TIMEWAIT "linux v6.18 net/ipv4/tcp_minisocks.c tcp_timewait_state_process(); RFC 9293 3.6.1 MAY-2; RFC 6191"

#define AGAIN (IU_BOTH | IU_AGAIN)

static const struct iu_call_rule calls[] = {
	{"listen-datagram", INUSE_CALL_LISTEN, IU_BOTH, iu_pred_datagram, INUSE_R_OPNOTSUPP, 0, 0, LISTEN, "L08"},
	{"listen-again", INUSE_CALL_LISTEN, IU_BOTH, iu_pred_listening, INUSE_R_OK, 0, 0, LISTEN, "L06"},
	{"listen-connected", INUSE_CALL_LISTEN, IU_BOTH, iu_pred_connected, INUSE_R_INVAL, 0, 0, LISTEN, "L07"},

	{"sockaddr-short", INUSE_CALL_BIND, IU_V6, iu_pred_sockaddr_short, INUSE_R_INVAL, 0, 0, BIND6, "M17"},
	{"sockaddr-family", INUSE_CALL_BIND, IU_BOTH, iu_pred_sockaddr_family, INUSE_R_AFNOSUPPORT, 0, 0, BIND4 "; " BIND6,
	 "M16"},
	{"multicast6", INUSE_CALL_BIND, IU_V6, iu_pred_multicast6, INUSE_R_INVAL, 0, 0, BIND6, "M13"},
	{"privileged-port", INUSE_CALL_BIND, IU_V6, iu_pred_privileged, INUSE_R_ACCES, 0, 0, BIND6, "M08"},
	{"bound-already", INUSE_CALL_BIND, IU_V6, iu_pred_bound_already, INUSE_R_INVAL, 0, 0, BIND6, "M10"},
	{"mapped-on-v6only", INUSE_CALL_BIND, IU_V6, iu_pred_mapped_on_v6only, INUSE_R_INVAL, 0, 0, BIND6, "D09"},
	{"link-local-without-scope", INUSE_CALL_BIND, IU_V6, iu_pred_link_local_without_scope, INUSE_R_INVAL, 0, 0, BIND6,
	 "M14"},
	{"device-missing", INUSE_CALL_BIND, IU_BOTH, iu_pred_device_missing, INUSE_R_NODEV, 0, 0,
	 "linux v6.18 net/core/sock.c sock_setsockopt() SO_BINDTODEVICE; " BIND6, "errors/device-removed"},
	{"tentative", INUSE_CALL_BIND, IU_V6, iu_pred_tentative, INUSE_R_ADDRNOTAVAIL, 0, 0,
	 "linux v6.18 net/ipv6/addrconf.c ipv6_chk_addr(); RFC 4862 5.4", "errors/tentative"},
	{"not-local", INUSE_CALL_BIND, IU_BOTH, iu_pred_not_local, INUSE_R_ADDRNOTAVAIL, 0, 0, BIND4 "; " BIND6, "M01"},
	{"privileged-port4", INUSE_CALL_BIND, IU_V4, iu_pred_privileged, INUSE_R_ACCES, 0, 0, BIND4, "M04"},
	{"bound-already4", INUSE_CALL_BIND, IU_V4, iu_pred_bound_already, INUSE_R_INVAL, 0, 0, BIND4, "B38"},
	{"ports-exhausted", INUSE_CALL_BIND, AGAIN, iu_pred_ports_exhausted, INUSE_R_ADDRINUSE, 0, 0,
	 "linux v6.18 net/ipv4/inet_connection_sock.c inet_csk_find_open_port()", "Z01"},
	{"port-automatic", INUSE_CALL_BIND, AGAIN, iu_pred_port_automatic, INUSE_R_OK, 0, 0, GET_PORT, "Z04"},
	{"repair", INUSE_CALL_BIND, AGAIN, iu_pred_repair, INUSE_R_OK, 0, 0, GET_PORT, "B34"},
	{"nobody", INUSE_CALL_BIND, AGAIN, iu_pred_no_conflict, INUSE_R_OK, 0, 0, GET_PORT, "B01"},
	/* the kernel asks its memory first; asked here it answers only for what would fail else, and says so */
	{"reuseport-memory", INUSE_CALL_BIND, AGAIN, iu_pred_reuseport_memory, INUSE_R_OK, 0, 0,
	 "linux v6.18 net/ipv4/inet_connection_sock.c sk_reuseport_match()", "B17"},
	{"reuse-memory", INUSE_CALL_BIND, AGAIN, iu_pred_reuse_memory, INUSE_R_OK, 0, IU_FEATURE_OWNERS_BY_ADDR,
	 "linux v6.1 net/ipv4/inet_connection_sock.c inet_csk_get_port()", "B16"},
	{"conflict", INUSE_CALL_BIND, AGAIN, NULL, INUSE_R_ADDRINUSE, 0, 0, CONFLICT, "B02"},

	{"connect-listening", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_listening, INUSE_R_ISCONN, 0, 0, STREAM_CONNECT, "C24"},
	{"connect-again", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_connecting, INUSE_R_ALREADY, 0, 0, STREAM_CONNECT,
	 "connect/already"},
	{"connect-connected", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_connected, INUSE_R_ISCONN, 0, 0, STREAM_CONNECT, "C25"},
	{"connect-sockaddr-short", INUSE_CALL_CONNECT, IU_V6, iu_pred_sockaddr_short, INUSE_R_INVAL, 0, 0,
	 CONNECT6, "errors/families"},
	{"connect-sockaddr-family", INUSE_CALL_CONNECT, IU_V4, iu_pred_sockaddr_family, INUSE_R_AFNOSUPPORT, 0, 0, CONNECT,
	 "errors/families"},
	{"connect-without-scope", INUSE_CALL_CONNECT, IU_V6, iu_pred_dials_without_scope, INUSE_R_INVAL, 0, 0, CONNECT6,
	 "connect/link-local"},
	{"scope-differs", INUSE_CALL_CONNECT, IU_V6, iu_pred_scope_differs, INUSE_R_INVAL, 0, 0, CONNECT6, "connect/link-local"},
	{"mapped-by-v6only", INUSE_CALL_CONNECT, IU_V6, iu_pred_mapped_by_v6only, INUSE_R_NETUNREACH, 0, 0, CONNECT6, "C29"},
	{"no-route", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_no_route, INUSE_R_NETUNREACH, 0, 0, CONNECT, "C21"},
	{"unreachable", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_unreachable, INUSE_R_HOSTUNREACH, 0, 0, CONNECT, "C27"},
	{"route-prohibits", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_prohibited, INUSE_R_ACCES, 0, 0, CONNECT, "C27"},
	{"route-invalid", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_route_invalid, INUSE_R_INVAL, 0, 0, CONNECT, "C26"},
	{"route-no-device", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_route_no_device, INUSE_R_NODEV, 0, 0, CONNECT, "connect/device-removed"},
	{"mapped-source", INUSE_CALL_CONNECT, IU_V6, iu_pred_mapped_source, INUSE_R_AFNOSUPPORT, 0, 0,
	 "linux v6.18 net/ipv6/ip6_output.c ip6_dst_lookup_tail()", "connect/ipv6-from-mapped"},
	{"tuple-live", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_tuple_live, INUSE_R_ADDRNOTAVAIL, 0, 0, CHECK_ESTABLISHED,
	 "C03"},
	{"tuple-time-wait", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_tuple_no_timestamps, INUSE_R_ADDRNOTAVAIL, 0, 0,
	 CHECK_ESTABLISHED, "C02"},
	{"connect-exhausted", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_connect_exhausted, INUSE_R_ADDRNOTAVAIL, 0, 0,
	 HASH_CONNECT, "C14"},
	{"self-connect", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_self_connect, INUSE_R_OK, 0, 0, HASH_CONNECT "; RFC 9293 3.5", "C16"},
	{"nobody-answers", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_nobody_answers, INUSE_R_TIMEDOUT, 0, 0, TIMEWAIT "; RFC 1337",
	 "syn/time-wait-without-listener"},
	{"nobody-listens", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_nobody_listens, INUSE_R_CONNREFUSED, 0, 0,
	 "RFC 9293 3.10.7.1", "C22"},
	{"tuple-recycled", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_tuple_timestamps, INUSE_R_OK, 0, 0, CHECK_ESTABLISHED, "C01"},
	{"connect-free", INUSE_CALL_CONNECT, IU_BOTH, NULL, INUSE_R_OK, 0, 0, HASH_CONNECT, "C04"},

	{"syn-no-listener", INUSE_CALL_ACCEPT, IU_BOTH, iu_pred_syn_no_listener, INUSE_R_CONNREFUSED, 0, 0,
	 "RFC 9293 3.10.7.1; " TIMEWAIT, "P07"},
	{"syn-live", INUSE_CALL_ACCEPT, IU_BOTH, iu_pred_syn_live, INUSE_R_OK, 0, 0,
	 "linux v6.18 net/ipv4/tcp_input.c tcp_validate_incoming(); RFC 5961 4", "P13"},
	{"syn-fin-wait2", INUSE_CALL_ACCEPT, IU_BOTH, iu_pred_syn_fin_wait2, INUSE_R_CONNREFUSED, 0, 0, TIMEWAIT, "P10"},
	{"syn-rfc1337", INUSE_CALL_ACCEPT, IU_BOTH, iu_pred_syn_rfc1337, INUSE_R_TIMEDOUT, 0, 0, TIMEWAIT "; RFC 1337", "P17"},
	{"syn-time-wait", INUSE_CALL_ACCEPT, IU_BOTH, iu_pred_syn_time_wait, INUSE_R_OK, 0, 0, TIMEWAIT, "P02"},
	{"syn-accepted", INUSE_CALL_ACCEPT, IU_BOTH, NULL, INUSE_R_OK, 0, 0, "RFC 9293 3.10.7.2", "syn/half-open"},
};

static const struct iu_owner_rule owners[] = {
	{"no-overlap", iu_pred_no_overlap, INUSE_R_OK,
	 "linux v6.18 net/ipv4/inet_connection_sock.c inet_rcv_saddr_equal()", "B09"},
	{"devices-differ", iu_pred_devices_differ, INUSE_R_OK, CONFLICT, "B23"},
	{"both-reuseaddr", iu_pred_both_reuse, INUSE_R_OK, CONFLICT, "T03"},
	{"both-reuseport", iu_pred_both_reuseport, INUSE_R_OK, CONFLICT, "B10"},
	{"listener", iu_pred_owner_listens, INUSE_R_ADDRINUSE, CONFLICT, "B06"},
	{"time-wait", iu_pred_owner_mini, INUSE_R_ADDRINUSE,
	 CONFLICT "; net/ipv4/inet_timewait_sock.c inet_twsk_alloc(): the flags of the old socket are kept", "T02"},
	{"bound", iu_pred_owner_bound, INUSE_R_ADDRINUSE, CONFLICT, "B02"},
	{"connection", NULL, INUSE_R_ADDRINUSE, CONFLICT, "B43"},
};

static_assert(sizeof(calls) / sizeof(calls[0]) == 50, "a row was added: add its sentence in src/say and its test");

const struct iu_profile iu_profile_linux = {
	"linux", false, calls, sizeof(calls) / sizeof(calls[0]), owners, sizeof(owners) / sizeof(owners[0]),
	.time_wait_s = 60, /* include/net/tcp.h TCP_TIMEWAIT_LEN */
};
