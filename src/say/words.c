/* SPDX-License-Identifier: MIT */
/*
 * The words of causes, cures and rules.
 *
 * Headlines are for somebody who has never heard of any of this. {who} is the holder, {time} how long it still lasts,
 * {addr} the blocker's address, {asked} what was asked, {port} the port, {state} the blocker's state, {user} its user, {unit},
 * {container}, {pids}, {cont} (what lets a suspended one take a signal), {device}, {count}, {children} what their names say.
 */
#include <string.h>

#include "base/gettext.h"
#include "say/say.h"

static const struct iu_words causes[] = {
	{"free", N_("FREE"), NULL},
	{"multicast", N_("WOULD FAIL: a multicast address cannot be bound for TCP over IPv6"), NULL},
	{"mapped-on-v6only", N_("WOULD FAIL: an IPv4 address on a socket that takes IPv6 only"),
	 N_("The socket has IPV6_V6ONLY set, and ::ffff: addresses are IPv4.")},
	{"link-local-without-scope", N_("WOULD FAIL: a link-local address needs its interface"),
	 N_("fe80:: addresses exist on every interface; write which one, as in [fe80::1%eth0]:80.")},
	{"device-missing", N_("WOULD FAIL: there is no such interface"), NULL},
	{"address-tentative", N_("WOULD FAIL for a moment more: the address is not usable yet"),
	 N_("The system still checks that no other machine has it (duplicate address detection, 1 to 2 s).")},
	{"device-differs", N_("WOULD FAIL: the address is not on that interface"), NULL},
	{"address-not-local", N_("WOULD FAIL: no interface of this machine has this address"),
	 N_("A server can bind only addresses of its own machine (ip address shows them).")},
	{"privileged-port", N_("WOULD FAIL: ports below {low} need a privilege that you do not have"), NULL},
	{"bind-ports-exhausted", N_("WOULD FAIL: no automatic port is left for this address"),
	 N_("bind() to port 0 takes a port that nobody uses on this address. Ports in the range: {count}.")},
	{"no-route", N_("WOULD FAIL: this machine knows no way there"), N_("Routing refuses the destination (ip route get shows why).")},
	{"self-connect", N_("IN USE by {who}: a connection from the port to itself"),
	 N_("A client that kept dialling a closed port drew that very port as its own and met itself.")},
	{"tuple-in-use", N_("IN USE: this very connection exists already"),
	 N_("Both addresses and both ports are the same as those of a living connection of {who}.")},
	{"windows-excluded-range", N_("WOULD FAIL: Windows has set this port aside, though nobody has it"),
	 N_("Hyper-V, WSL and Docker set ranges of ports aside at every start; netsh int ipv4 show excludedportrange protocol=tcp "
	    "lists them.")},
	{"windows-fixed-port", N_("IN USE for {time} more: the last connection between these two ports"),
	 N_("It ended, and this side waits for late packets. SO_REUSEADDR has no say in that: it is about the address in bind(), "
	    "not about the pair in connect().")},
	{"tuple-time-wait", N_("IN USE for {time} more: the last connection between these two ports"),
	 N_("It ended, and this side waits for late packets. It had no TCP timestamps, which would allow to take it over at once.")},
	{"connect-ports-exhausted", N_("WOULD FAIL: no automatic port is left for this destination"),
	 N_("Ports in the range: {count}. What is shown has taken them, or most of them.")},
	{"nobody-listens", N_("WOULD FAIL: nobody listens there (connection refused)"), NULL},
	{"time-wait-without-listener", N_("WOULD FAIL: nobody listens there any more"),
	 N_("What is left of the old connection answers first; then the client is refused.")},
	{"syn-no-listener", N_("WOULD FAIL: nobody listens there (connection refused)"), NULL},
	{"syn-fin-wait2", N_("CANNOT TELL: it depends on a sequence number yet to come"),
	 N_("This side closed and the peer has not. A new connection whose number falls within the old one's window (64 KB) is "
	    "reset; any other is accepted after one more round.")},
	/* whether it looks newer is not known beforehand: it fails for certain only where nobody listens */
	{"syn-rfc1337", N_("WOULD FAIL: nobody listens there any more"),
	 N_("With net.ipv4.tcp_rfc1337=1 a new connection that does not look newer than the old one, or that nobody waits for, is "
	    "ignored until TIME-WAIT ends.")},
	{"windows-dead-pid", N_("IN USE by a process that has ended (pid {pids}): a child of it has the socket"),
	 N_("Windows tells who made a socket, not who inherited it. Children of that process that still run: {children}.")},
	{"windows-http-sys", N_("IN USE by Windows itself (System, pid 4)"),
	 N_("Most likely http.sys, which listens for IIS, WinRM and others: netsh http show servicestate names them. (139 and 445 "
	    "are file sharing.) Pid 4 is the kernel and cannot be ended.")},
	{"windows-exclusive", N_("IN USE by {who}, which shares it with nobody"),
	 N_("It set SO_EXCLUSIVEADDRUSE, or belongs to another user, or did not set SO_REUSEADDR itself: Windows does not tell "
	    "which.")},
	{"kernel-socket", N_("IN USE by the kernel itself (NFS, RPC or the like)"),
	 N_("No process holds this socket and none can be ended; unmounting or stopping the service frees it.")},
	{"socket-unit", N_("IN USE by systemd (pid 1), which listens for {unit}"),
	 N_("A .socket unit holds the port and starts the service at the first connection.")},
	{"docker-proxy", N_("IN USE by Docker, which publishes a container's port there"),
	 N_("docker-proxy (pid {pids}) only forwards; the container is what has to stop.")},
	{"bound-twice", N_("IN USE by the program itself: {who} has it already"),
	 N_("It takes the same address twice: in its code, in its configuration, or because a reloader runs it twice.")},
	{"suspended", N_("IN USE by {who}, which is suspended (Ctrl-Z)"),
	 N_("It does nothing, but it keeps its sockets until it goes on and ends.")},
	{"mptcp-listener", N_("IN USE by {who}, which listens there with Multipath TCP"), NULL},
	{"second-listen", N_("IN USE by {who}, which listens there; another socket is bound and waits"),
	 N_("SO_REUSEADDR on both let both bind(); only the first listen() succeeds, the second fails.")},
	{"reuseport-other-user", N_("IN USE by {who}: sharing needs the same user"),
	 N_("Both set SO_REUSEPORT, but the sockets belong to different users, and then it does not count.")},
	{"reuseport-one-side", N_("IN USE by {who}: only one side set SO_REUSEPORT"),
	 N_("SO_REUSEPORT shares a port only if every socket on it set the option before bind().")},
	{"in-flight", N_("IN USE by a socket that no process has open"),
	 N_("It is on its way from one process to another (a unix socket's queue) or held by io_uring.")},
	{"inherited", N_("IN USE by {who}, who share one socket"),
	 N_("Children inherited it; the port is free only when the last of them has closed it.")},
	{"ipv6-listener-covers-ipv4", N_("IN USE by {who}, which listens on IPv6 and IPv4 together"),
	 N_("[::] takes IPv4 connections as well unless the socket is IPv6-only.")},
	{"ipv4-listener-in-dual-stack", N_("IN USE by {who}, on an IPv4 address"),
	 N_("[::] wants IPv4 as well unless the new socket is IPv6-only.")},
	{"wildcard-and-specific", N_("IN USE by {who}, on {addr}"),
	 N_("All addresses (*) and a single one overlap; on Linux SO_REUSEADDR does not let them listen side by side.")},
	{"started-twice", N_("IN USE by {who}, started from this directory"),
	 N_("Most likely the same program runs already.")},
	{"listener", N_("IN USE by {who}, which listens there"), NULL},
	{"bound-not-listening", N_("IN USE by {who}, which took the port but does not listen"),
	 N_("Other tools do not show such a socket.")},
	{"time-wait-of-client", N_("IN USE for {time} more: no process, only an ended outgoing connection"),
	 N_("A client of this machine was given this port as its own; such sockets never set SO_REUSEADDR.")},
	{"fin-wait2-remains", N_("IN USE for {time} more: no process, only a connection half ended"),
	 N_("This side closed it, the peer has not. The kernel drops the rest by itself.")},
	{"time-wait-old-lacked-reuseaddr", N_("IN USE for {time} more: no process, only an ended connection"),
	 N_("The old socket lacked SO_REUSEADDR; setting it on the new one alone does not help.")},
	{"time-wait-new-lacks-reuseaddr", N_("IN USE for {time} more: no process, only an ended connection"),
	 N_("The old socket had SO_REUSEADDR; the new one lacks it.")},
	{"time-wait-neither-reuseaddr", N_("IN USE for {time} more: no process, only an ended connection"),
	 N_("Neither the old socket nor the new one has SO_REUSEADDR; both need it.")},
	{"time-wait-unknown", N_("IN USE for {time} more: no process, only an ended connection"),
	 N_("Whether the old socket had SO_REUSEADDR cannot be seen here.")},
	{"close-wait-leak", N_("IN USE by {who}, which forgot to close a connection"),
	 N_("The peer closed long ago (CLOSE-WAIT lasts as long as the program keeps its end open).")},
	{"orphan", N_("IN USE: no process, a connection that is still being closed"),
	 N_("The program has gone; the kernel still delivers its last data and goodbye.")},
	{"client-on-port", N_("IN USE by {who}, as the port of an outgoing connection"),
	 N_("A client was given this port as its own; while it lives, no server can take it.")},
	{"living-connection", N_("IN USE by {who}, through a living connection"),
	 N_("Nobody listens there; a connection that was accepted there, or made from that port, lives on.")},
	/* notes on a FREE */
	{"reuseport-memory", NULL, N_("Only because the port remembers the last SO_REUSEPORT socket of this user.")},
	{"reuseport-shared", NULL, N_("Somebody of the same user listens there with SO_REUSEPORT: connections would be shared out.")},
	{"bind-shared", NULL, N_("Another socket is bound there and does not listen yet: whoever listens first wins.")},
	{"tuple-recycled", NULL,
	 N_("The last connection between these ports is in TIME-WAIT; it had TCP timestamps, so it is taken over at once.")},
	{"syn-time-wait", NULL,
	 N_("The old connection of these two ports is in TIME-WAIT, and yet: the listener is another socket, and a SYN that is "
	    "newer than the old connection ends the TIME-WAIT.")},
	{"syn-live", NULL,
	 N_("The old connection of these two ports is not ended here. The SYN is answered with an ACK, the client resets the "
	    "old one, and its next SYN is accepted.")},
};

static const struct iu_words cures[] = {
	{"continue", N_("fg"), N_("where it was stopped{tty}, then Ctrl-C")},
	{"stop-unit", N_("{sudo}systemctl {scope}stop {unit}"), N_("killed only, it may start again")},
	{"stop-container", N_("docker stop {container}"), N_("the container ends")},
	{"end-process", N_("{sudo}kill {pids}{cont}"), N_("{name} ends and its connections break")},
	{"end-processes", N_("{sudo}inuse kill {again}"), N_("all that hold it end, and their connections break")},
	{"reuseaddr-new", N_("set SO_REUSEADDR on the new socket before bind()"), N_("helps at once")},
	{"wait", N_("inuse wait {again}"), N_("comes back in {time}")},
	{"evict", N_("{sudo}inuse release {again}"), N_("late packets may arrive")},
	{"reuseaddr-old", N_("set SO_REUSEADDR in the {role}"), N_("helps from its next stop on")},
	{"reuseport-new", N_("set SO_REUSEPORT on the new socket"), N_("connections are shared out among all who do")},
	{"same-user", N_("run it as user {user}"), NULL},
	{"v6only", N_("set IPV6_V6ONLY on the new socket"), N_("it then takes no IPv4 connections")},
	{"wait-tentative", N_("inuse wait {again}"), N_("comes back in 1 to 2 s")},
	{"own-address", N_("bind to * instead"), N_("reachable on every address of this machine")},
	{"freebind", N_("set IP_FREEBIND on the new socket"), N_("connections come only once the address is there")},
	{"privilege", N_("sudo setcap cap_net_bind_service=+ep PROGRAM"), N_("it may then take low ports")},
	{"high-port", N_("take a port from {low} up"), NULL},
	{"other-port", N_("inuse pick {port}"), N_("finds the next port that is free")},
	{"reserve-port", N_("sudo sysctl net.ipv4.ip_local_reserved_ports={port}"),
	 N_("clients get other ports; replaces the list set now")},
	{"no-port", N_("set IP_BIND_ADDRESS_NO_PORT before bind()"), N_("for clients that choose an address")},
	{"wider-range", N_("sudo sysctl net.ipv4.ip_local_port_range=\"15000 60999\""), N_("keep servers out of that range")},
	{"any-from-port", N_("let the kernel choose the local port"), N_("the peer must not insist on it")},
	{"timestamps", N_("set net.ipv4.tcp_timestamps=1 on both hosts"), N_("helps from the next connection on")},
	{"start-server", N_("start the server"), NULL},
};

static const struct iu_words rules[] = {
	{"connect-sockaddr-short", N_("An IPv6 socket cannot connect to an IPv4 sockaddr; it is too short."), NULL},
	{"connect-sockaddr-family", N_("An IPv4 socket cannot connect to an IPv6 sockaddr."), NULL},
	{"sockaddr-short", N_("An IPv6 socket cannot be bound with an IPv4 sockaddr; it is too short."), NULL},
	{"sockaddr-family", N_("The family in the sockaddr must be that of the socket; AF_UNSPEC passes for AF_INET with 0.0.0.0 only."),
	 NULL},
	{"bound-already", N_("A socket that has a port, or a connection, cannot be bound again."), NULL},
	{"bound-already4", N_("A socket that has a port, or a connection, cannot be bound again."), NULL},
	{"listen-datagram", N_("Only a stream socket can listen."), NULL},
	{"listen-again", N_("listen() on a listening socket only changes its backlog."), NULL},
	{"listen-connected", N_("A socket that is connected, or connecting, cannot listen."), NULL},
	{"connect-listening", N_("A listening socket cannot connect."), NULL},
	{"connect-again", N_("A connection is being set up already."), NULL},
	{"connect-connected", N_("A connected socket cannot connect again."), NULL},
	{"multicast6", N_("A stream socket cannot be bound to an IPv6 multicast address."), NULL},
	{"privileged-port",
	 N_("A port below net.ipv4.ip_unprivileged_port_start needs CAP_NET_BIND_SERVICE in the namespace's user namespace."), NULL},
	{"privileged-port4",
	 N_("A port below net.ipv4.ip_unprivileged_port_start needs CAP_NET_BIND_SERVICE in the namespace's user namespace."), NULL},
	{"mapped-on-v6only", N_("A socket with IPV6_V6ONLY refuses a v4-mapped address."), NULL},
	{"link-local-without-scope", N_("bind() to a link-local IPv6 address needs a scope or a bound device."), NULL},
	{"device-missing", N_("The device of SO_BINDTODEVICE or of the scope does not exist."), NULL},
	{"tentative", N_("An IPv6 address cannot be bound before duplicate address detection has ended."), NULL},
	{"not-local",
	 N_("An address must be local unless ip_nonlocal_bind, IP_FREEBIND or IP_TRANSPARENT is set."), NULL},
	{"ports-exhausted", N_("bind() to port 0 takes no port on which any overlapping socket stands, whatever its options."), NULL},
	{"port-automatic", N_("bind() to port 0 takes a free port of net.ipv4.ip_local_port_range."), NULL},
	{"repair", N_("A socket in TCP_REPAIR mode skips the check."), NULL},
	{"reuseport-memory",
	 N_("A port remembers the address and user of its last SO_REUSEPORT socket; one that matches is let in unchecked."), NULL},
	{"reuse-memory", N_("Before Linux 6.8 a port remembers that all its sockets had SO_REUSEADDR; another one is let in unchecked."),
	 NULL},
	{"conflict", N_("A socket whose address overlaps stands in the way unless an option on both sides tolerates it."), NULL},
	{"nobody", N_("No socket on the port stands in the way."), NULL},
	{"route-no-device", N_("The interface that the socket is bound to is gone."), NULL},
	{"nobody-answers", N_("What is left of an old connection answers instead of the closed port, and net.ipv4.tcp_rfc1337 keeps it."), NULL},
	{"mapped-source", N_("From an IPv4-mapped address no IPv6 destination is reached."), NULL},
	{"connect-without-scope", N_("connect() to a link-local IPv6 address needs a scope or a bound device."), NULL},
	{"scope-differs", N_("A socket that is bound to a device, or to a link-local address, reaches no link-local address of another device."),
	 NULL},
	{"mapped-by-v6only", N_("A socket with IPV6_V6ONLY reaches no IPv4 destination."), NULL},
	{"no-route", N_("There is no route to the destination, or it stands for several machines (multicast, broadcast)."), NULL},
	{"unreachable", N_("An unreachable route covers the destination."), NULL},
	{"route-prohibits", N_("A prohibit route covers the destination."), NULL},
	{"route-invalid", N_("A blackhole route covers the destination, or the source address cannot go there."), NULL},
	{"tuple-live", N_("connect() with a fixed port needs a 4-tuple that no connection has."), NULL},
	{"tuple-time-wait",
	 N_("A 4-tuple in TIME-WAIT is taken over at once if its connection had received timestamps, and never without."), NULL},
	{"connect-exhausted",
	 N_("An automatic port must carry no bound, listening or accepted socket, and not this destination already."), NULL},
	{"self-connect", N_("A socket that dials its own address and port is connected to itself."), NULL},
	{"nobody-listens", N_("A SYN for a port without a listener is answered with RST."), NULL},
	{"tuple-recycled",
	 N_("A 4-tuple in TIME-WAIT is taken over at once if its connection had received timestamps, and never without."), NULL},
	{"connect-free", N_("No connection has this 4-tuple."), NULL},
	{"syn-no-listener", N_("A SYN for a port without a listener is refused."), NULL},
	{"syn-live", N_("A SYN within a living connection gets a challenge ACK; the peer's RST then ends the old connection."), NULL},
	{"syn-fin-wait2", N_("A SYN inside the receive window of a FIN-WAIT-2 remainder is answered with RST."), NULL},
	{"syn-rfc1337", N_("With tcp_rfc1337=1 no RST ends a TIME-WAIT."), NULL},
	{"syn-time-wait",
	 N_("A SYN with a newer sequence number or timestamp ends the TIME-WAIT and goes to the listener; an older one is "
	    "acknowledged, reset by the peer and then accepted."), NULL},
	{"syn-accepted", N_("A listener answers the SYN."), NULL},
	{"excluded-range", N_("A port in an excluded range is refused with WSAEACCES, whoever asks."), NULL},
	{"tuple-waits", N_("On Windows a 4-tuple in TIME-WAIT cannot be dialled again from the side that waits."), NULL},
	{"access", N_("On Windows some pairs of options are refused with WSAEACCES instead of WSAEADDRINUSE: the table says which."), NULL},
	{"table-access", N_("On Windows this pair of options is refused with WSAEACCES."), NULL},
	{"table-in-use", N_("On Windows this pair of options is refused with WSAEADDRINUSE."), NULL},
	{"table-ok", N_("On Windows this pair of options is let in."), NULL},
	{"not-in-the-table", N_("Microsoft's table speaks of bound sockets, not of connections and TIME-WAIT."), NULL},
	{"connection-undocumented", N_("Microsoft's table speaks of bound sockets, not of connections and TIME-WAIT."), NULL},
	{"syn-undocumented", N_("Whether Windows accepts a SYN for a 4-tuple in TIME-WAIT is in no document."), NULL},
	{"other-user", N_("On BSD systems an ordinary user cannot share a port with another user's socket."), NULL},
	{"reuse-not-the-same",
	 N_("On BSD systems SO_REUSEADDR on the new socket is enough unless an unconnected socket has the very same address."), NULL},
	{"in-the-way", N_("On BSD systems every socket on the port whose address overlaps stands in the way."), NULL},
	{"no-overlap", N_("The addresses do not overlap."), NULL},
	{"devices-differ", N_("Both sockets are bound to devices, and these differ."), NULL},
	{"both-reuseaddr", N_("SO_REUSEADDR is set on both, and the old socket does not listen."), NULL},
	{"both-reuseport", N_("SO_REUSEPORT is set on both, and the user is the same or the old socket is in TIME-WAIT."), NULL},
	{"listener", N_("A listener is tolerated only if both sockets set SO_REUSEPORT and belong to the same user."), NULL},
	{"time-wait",
	 N_("TIME-WAIT keeps the options that its socket had; it is tolerated if both it and the new socket set SO_REUSEADDR, or "
	    "both SO_REUSEPORT."), NULL},
	{"bound", N_("A bound socket is tolerated if both sockets set SO_REUSEADDR, or both SO_REUSEPORT as the same user."), NULL},
	{"connection",
	 N_("A connection keeps its local port; it is tolerated if both sockets set SO_REUSEADDR, or both SO_REUSEPORT as the "
	    "same user."), NULL},
};

/* What the documents of other systems say, where a rule of the same name is another one there, or names what is Linux's alone. */
static const struct iu_words rules_elsewhere[] = {
	{"not-local", N_("An address must be one of this machine's."), NULL},
	{"privileged-port", N_("A reserved port, as a rule one below 1024, needs a privilege."), NULL},
	{"ports-exhausted", N_("bind() to port 0 takes a free port of the dynamic range, and there is none."), NULL},
	{"port-automatic", N_("bind() to port 0 takes a free port of the dynamic range."), NULL},
	{"conflict", N_("A socket whose address overlaps stands in the way unless the rules of the options tolerate it."), NULL},
	{"connect-exhausted", N_("connect() takes a free port of the dynamic range, and there is none for this destination."), NULL},
	{"tuple-time-wait", N_("On BSD systems a 4-tuple in TIME-WAIT cannot be dialled again from the side that waits."), NULL},
	{"both-reuseport", N_("On BSD systems sockets share a port if all of them set SO_REUSEPORT."), NULL},
};

static const struct iu_words *find(const struct iu_words *rows, size_t n, const char *id)
{
	for (size_t i = 0; id != NULL && i < n; i++)
		if (strcmp(rows[i].id, id) == 0)
			return &rows[i];
	return NULL;
}

#define FIND(rows, id) find(rows, sizeof(rows) / sizeof((rows)[0]), id)

const struct iu_words *iu_words_of_cause(const char *id)
{
	return FIND(causes, id);
}

const struct iu_words *iu_words_of_cure(const char *id)
{
	return FIND(cures, id);
}

const struct iu_words *iu_words_of_rule(const struct iu_profile *profile, const char *id)
{
	const struct iu_words *elsewhere = profile->documented ? FIND(rules_elsewhere, id) : NULL;

	return elsewhere != NULL ? elsewhere : FIND(rules, id);
}
