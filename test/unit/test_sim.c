/* SPDX-License-Identifier: MIT */
/*
 * What sockets become without a kernel: scripts in the format of experiments, with what has to be seen at each point. CONNECTED
 * stands for a server on 5000 with a client on 5001 and their connection.
 */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "lab/play.h"
#include "model/rule.h"

#define HEAD "shows A.\n"
#define LISTENER "socket server ipv4\nset server reuseaddr\nbind server 127.0.0.1:5000\nlisten server\n"
#define LINKS "shows A.\nneeds device ipv6\ndevice v0\naddress v0 fe80::1/64\ndevice v1\naddress v1 fe80::1/64\n"
#define CLIENT "socket client ipv4\nset client reuseaddr\nbind client 127.0.0.1:5001\nconnect client 127.0.0.1:5000\n"
#define CONNECTED LISTENER CLIENT "accept server as conn\n"
#define SERVER_IS(states) "look 5000\n  linux " states " live\n"
#define CLIENT_IS(states) "look 5001\n  linux " states " live\n"
#define GIVES(outcome) "  linux " outcome " live\n"

#define LASTS(linux_, freebsd, macos, windows) "  linux " linux_ " live\n  freebsd " freebsd " documented: a\n" \
	"  macos " macos " documented: b\n  windows " windows " documented: c\n"
#define FAR "shows A.\nneeds wire\nruns ipv4\npeer far far:5001 to wire:5000 without-timestamps\n"
#define WIRE FAR "socket server\nbind server wire:5000\nlisten server\nsend far SYN\n" GIVES("SYN,ACK")
#define FAR_CONNECTED WIRE "send far ACK\naccept server as conn\n"
#define FAR_TIME_WAIT FAR_CONNECTED "close conn\nsend far ACK\nsend far FIN,ACK\n"
#define SAYS(packet, answer) "send far " packet "\n" GIVES(answer)

static const struct {
	const char *name, *script;
} rows[] = {
	{"handshake", HEAD LISTENER CLIENT SERVER_IS("LISTEN, ESTABLISHED") CLIENT_IS("ESTABLISHED")},
	{"server first", HEAD CONNECTED "close conn\n" SERVER_IS("LISTEN, FIN-WAIT-2") CLIENT_IS("CLOSE-WAIT") "close client\n"
		SERVER_IS("LISTEN, TIME-WAIT") CLIENT_IS("nothing") "left 5001\n  linux nothing live\n"},
	{"client first", HEAD CONNECTED "close client\n" CLIENT_IS("FIN-WAIT-2") "close conn\n" CLIENT_IS("TIME-WAIT")
		"left 5001\n  linux 60 s live\nclose server\n" SERVER_IS("nothing")},
	{"time passes", "shows A.\nneeds patience\n" CONNECTED "close client\nclose conn\nwait 59s\n" CLIENT_IS("TIME-WAIT")
		"wait 1s\n" CLIENT_IS("nothing")},
	{"half closed keeps its process", HEAD CONNECTED "shutdown conn write\n" SERVER_IS("LISTEN, FIN-WAIT-2")
		"left 5000\n  linux unlimited live\nclose client\n" SERVER_IS("LISTEN, TIME-WAIT") "close conn\n"
		SERVER_IS("LISTEN, TIME-WAIT")},
	{"client that keeps its descriptor", HEAD CONNECTED "shutdown client write\nclose conn\n" CLIENT_IS("BOUND, TIME-WAIT")
		"close client\n" CLIENT_IS("TIME-WAIT")},
	{"unread data", HEAD CONNECTED "write client 5\nclose conn\n" SERVER_IS("LISTEN") "read client 1\n" GIVES("ECONNRESET")
		CLIENT_IS("BOUND") "close client\n" CLIENT_IS("nothing")},
	{"linger 0", HEAD CONNECTED "set conn linger 0\nclose conn\n" SERVER_IS("LISTEN") "write client 1\n" GIVES("ECONNRESET")
		"write client 1\n" GIVES("EPIPE")},
	{"data and end", HEAD CONNECTED "write client 3\nread conn 2\nread conn 1\nread conn 1\n" GIVES("EAGAIN")
		"shutdown client write\nread conn 1\n" GIVES("end") "write client 1\n" GIVES("EPIPE")},
	{"full orphan first", "shows A.\nneeds patience\nsetting net.ipv4.tcp_fin_timeout 120\n" CONNECTED "close conn\nleft 5000\n"
		"  linux unlimited live\nclose server\nleft 5000\n  linux 120 s live\nwait 61s\nleft 5000\n  linux 59 s live\nwait 60s\n"
		SERVER_IS("nothing")},
	{"short fin timeout", HEAD "setting net.ipv4.tcp_fin_timeout 1\n" CONNECTED "close conn\nwait 1.5s\n" SERVER_IS("LISTEN")},
	{"linger2", HEAD CONNECTED "set conn linger2 -1\nclose conn\n" SERVER_IS("LISTEN")},
	{"no room for TIME-WAIT", HEAD "setting net.ipv4.tcp_max_tw_buckets 0\n" CONNECTED "close conn\nclose client\n"
		SERVER_IS("LISTEN") CLIENT_IS("nothing")},
	{"the queue dies with its listener", HEAD LISTENER CLIENT "close server\n" SERVER_IS("nothing") "read client 1\n"
		GIVES("ECONNRESET")},
	{"shut down listener keeps its port", HEAD LISTENER "shutdown server read\n" SERVER_IS("BOUND")},
	{"backlog", HEAD "socket server ipv4\nbind server 127.0.0.1:5000\nlisten server 0\n" CLIENT "socket more ipv4\n"
		"connect more 127.0.0.1:5000\n" GIVES("EINPROGRESS")},
	{"refused", HEAD CLIENT GIVES("ECONNREFUSED") CLIENT_IS("BOUND")},
	{"killed", HEAD CONNECTED "fork p with server conn\nclose server\nclose conn\n" SERVER_IS("LISTEN, ESTABLISHED") "kill p\n"
		SERVER_IS("FIN-WAIT-2")},
	{"a stuck peer", HEAD CONNECTED "fill conn\nclose conn\n" SERVER_IS("LISTEN, FIN-WAIT-1")},
	{"eviction", "shows A.\nneeds evict\n" CONNECTED "close conn\nclose client\nevict 5000\n" SERVER_IS("LISTEN")},
	{"eviction of what has another peer", "shows A.\nneeds evict\n" CONNECTED "close conn\nclose client\nevict 5000 to 127.0.0.1:5002\n"
		SERVER_IS("LISTEN, TIME-WAIT")},
	{"eviction of the one with that peer", "shows A.\nneeds evict\n" CONNECTED "close conn\nclose client\nevict 5000 to 127.0.0.1:5001\n"
		SERVER_IS("LISTEN")},
	{"eviction of an orphan", "shows A.\nneeds evict\n" CONNECTED "fill conn\nclose conn\nevict 5000\n" SERVER_IS("LISTEN") CLIENT_IS("BOUND")},
	{"recycled", HEAD CONNECTED "close client\nclose conn\n" "socket again ipv4\nset again reuseaddr\nbind again 127.0.0.1:5001\n"
		"connect again 127.0.0.1:5000\n" GIVES("OK") CLIENT_IS("ESTABLISHED")},
	{"option set after the connection came", HEAD "socket server ipv4\nbind server 127.0.0.1:5000\nlisten server\n" CLIENT
		"accept server as conn\nset server reuseaddr\nclose conn\nclose client\nclose server\nsocket new ipv4\n"
		"set new reuseaddr\nbind new 127.0.0.1:5000\n" GIVES("EADDRINUSE")},
	{"option set on the accepted socket", HEAD "socket server ipv4\nbind server 127.0.0.1:5000\nlisten server\n" CLIENT
		"accept server as conn\nset conn reuseaddr\nclose conn\nclose client\nclose server\nsocket new ipv4\n"
		"set new reuseaddr\nbind new 127.0.0.1:5000\n" GIVES("OK")},
	{"the handshake of a peer elsewhere", WIRE "look 5000\n  linux LISTEN live\n" SAYS("ACK", "nothing") SERVER_IS("LISTEN, ESTABLISHED")},
	{"wrong third packet", WIRE SAYS("ACK ack+1", "RST") SERVER_IS("LISTEN")},
	{"nobody listens there", FAR SAYS("SYN", "RST,ACK") SAYS("ACK", "RST") SAYS("RST", "nothing")},
	{"SYN on a living connection", FAR_CONNECTED SAYS("SYN seq+5", "ACK") SERVER_IS("LISTEN, ESTABLISHED")},
	{"RST beside the number", FAR_CONNECTED SAYS("RST seq+5", "ACK") SERVER_IS("LISTEN, ESTABLISHED") SAYS("RST", "nothing")
		SERVER_IS("LISTEN") "read conn 1\n" GIVES("ECONNRESET")},
	{"the peer closes first", FAR_CONNECTED SAYS("FIN,ACK", "ACK") SERVER_IS("LISTEN, CLOSE-WAIT") "close conn\n"
		SERVER_IS("LISTEN, LAST-ACK") SAYS("ACK", "nothing") SERVER_IS("LISTEN")},
	{"FIN and the ACK of a FIN in one", FAR_CONNECTED "close conn\n" SERVER_IS("LISTEN, FIN-WAIT-1") SAYS("FIN,ACK", "ACK")
		SERVER_IS("LISTEN, TIME-WAIT")},
	{"TIME-WAIT, by number", FAR_TIME_WAIT SAYS("SYN seq-1", "ACK") SERVER_IS("LISTEN, TIME-WAIT") SAYS("SYN seq+1", "SYN,ACK")
		SAYS("ACK", "nothing") SERVER_IS("LISTEN, ESTABLISHED")},
	{"an ACK at TIME-WAIT", FAR_TIME_WAIT SAYS("ACK", "nothing") SAYS("ACK seq-1", "ACK") SERVER_IS("LISTEN, TIME-WAIT")},
	{"old SYNs, answered now and then", FAR_TIME_WAIT SAYS("SYN seq-9", "ACK") SAYS("SYN seq-9", "nothing") "wait 400ms\n"
		SAYS("SYN seq-9", "nothing") "wait 100ms\n" SAYS("SYN seq-9", "ACK")},
	{"data and FINs are always answered", FAR_TIME_WAIT SAYS("SYN seq-9", "ACK") SAYS("FIN,ACK seq-9", "ACK")},
	{"answered without a limit", "shows A.\nneeds wire\nruns ipv4\nsetting net.ipv4.tcp_invalid_ratelimit 0\n"
		"peer far far:5001 to wire:5000\nsocket server\nbind server wire:5000\nlisten server\nsend far SYN\nsend far ACK\n"
		SAYS("SYN", "ACK") SAYS("SYN", "ACK")},
	{"a half-open request asks again", WIRE SAYS("SYN seq-1", "nothing") SAYS("ACK seq+100000", "ACK") SAYS("RST seq+100000", "nothing")
		SAYS("ACK", "nothing") SERVER_IS("LISTEN, ESTABLISHED")},
	{"a half-open request has its 4-tuple", FAR "socket dialler\nset dialler reuseaddr\nbind dialler wire:5000\n"
		"socket server\nset server reuseaddr\nbind server wire:5000\nlisten server\nsend far SYN\n" GIVES("SYN,ACK")
		SERVER_IS("BOUND, LISTEN") "connect dialler far:5001\n" GIVES("EADDRNOTAVAIL") "send far RST\nset dialler nonblocking\n"
		"connect dialler far:5001\n" GIVES("EINPROGRESS") SERVER_IS("LISTEN, SYN-SENT")},
	{"shut down before it listens", HEAD "socket server ipv4\nset server reuseaddr\nbind server 127.0.0.1:5000\n"
		"shutdown server write\n" GIVES("ENOTCONN") "listen server\n" CLIENT SERVER_IS("LISTEN, FIN-WAIT-2") CLIENT_IS("CLOSE-WAIT")},
	{"another SYN ends it", WIRE SAYS("SYN seq+9", "RST,ACK") SAYS("ACK", "RST")},
	{"the last packet of the handshake ends the stream", WIRE SAYS("FIN,ACK", "ACK") SERVER_IS("LISTEN, CLOSE-WAIT")},
	{"broadcast", "shows A.\nneeds device\ndevice v0 10.1.0.1/24\nsocket a ipv4\nconnect a 10.1.0.255:80\n" GIVES("ENETUNREACH")
		"connect a 127.255.255.255:80\n" GIVES("ENETUNREACH") "bind a 10.1.0.255:5000\n" GIVES("OK")
		"socket b ipv4\nbind b 10.1.0.254:5000\n" GIVES("EADDRNOTAVAIL")},
	{"nothing may be bound or connected", "shows A.\nneeds landlock\n" "socket a ipv4\nforbid bind\nbind a 127.0.0.1:5000\n"
		GIVES("EACCES") "connect a 127.0.0.1:5000\n" GIVES("ECONNREFUSED") "forbid connect\nconnect a 127.0.0.1:5000\n"
		GIVES("EACCES")},
	{"a link-local address binds to its device", LINKS "socket a ipv6\nconnect a [fe80::1%v0]:80\n" GIVES("ECONNREFUSED")
		"connect a [fe80::1%v1]:80\n" GIVES("EINVAL") "connect a [::1]:80\n" GIVES("ENETUNREACH")
		"clear a device\nconnect a [fe80::1]:80\n" GIVES("EINVAL") "connect a [::1%v1]:80\n" GIVES("ECONNREFUSED")},
	{"a refused bind() to another link", LINKS "socket a ipv6\nbind a [fe80::1%99]:80\n" GIVES("ENODEV")
		"connect a [fe80::1%v0]:80\n" GIVES("EINVAL") "connect a [fe80::1]:80\n" GIVES("ENETUNREACH")},
	{"accepted from a link", LINKS "socket server ipv6\nbind server [::]:80\nlisten server\nsocket a ipv6\nconnect a [fe80::1%v1]:80\n"
		"accept server as child\nconnect child [::]:0 as unspec\nconnect child [fe80::1%v0]:80\n" GIVES("EINVAL")},
	{"from a link, bound to it no more", LINKS "socket a ipv6\nbind a [fe80::1%v0]:0\nclear a device\nconnect a [::1]:80\n"
		GIVES("EINPROGRESS")},
	{"out of the host from ::1", LINKS "socket a ipv6\nbind a [::1]:0\nconnect a [fe80::2%v0]:80\n" GIVES("EINPROGRESS")},
	{"parity", HEAD "setting net.ipv4.ip_local_port_range 20000-20999\n" LISTENER "socket a ipv4\nbind a 127.0.0.1:0\nport a\n"
		GIVES("odd") "socket b ipv4\nconnect b 127.0.0.1:5000\nport b\n" GIVES("even")},
};

static bool agrees(const char *script, enum iu_os os)
{
	struct inuse_error error = {0};
	struct iu_exp *exp = NULL;
	struct iu_play play = {.os = os};
	const struct iu_report_look look = {.width = IU_REPORT_WIDTH};
	struct iu_text t = {0};
	json_t *run;
	bool good;

	if (iu_exp_parse("x", script, strlen(script), &exp, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	play.exp = exp;
	play.run = exp->runs != 0 ? IU_RUN_IPV4 : IU_RUN_AS_WRITTEN;
	run = iu_play(&play);
	assert_non_null(run);
	good = json_is_true(json_object_get(run, "agrees"));
	iu_report_run(&t, run, &look);
	if (!good && strstr(script, "on purpose") == NULL)
		fprintf(stderr, "%s", t.data);
	iu_text_done(&t);
	json_decref(run);
	iu_exp_free(exp);
	return good;
}

static void test_sim__each_script__states_as_told(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!agrees(rows[i].script, IU_OS_LINUX))
			fail_msg("%s", rows[i].name);
}

static void test_play__wrong_expectation__differs(void **state)
{
	assert_false(agrees("shows wrong on purpose.\nsocket a ipv4\nbind a 127.0.0.1:5000\n  linux EADDRINUSE live\n", IU_OS_LINUX));
}

/* Linux's 60 s are Linux's: another system has its own, or no document tells. */
static void test_play__time_wait__as_long_as_documented(void **state)
{
	static const char script[] = HEAD CONNECTED "close conn\nleft 5000\n" LASTS("unlimited", "unlimited", "unlimited", "unlimited")
		"close client\nclose server\nleft 5000\n" LASTS("60 s", "60 s", "30 s", "undocumented");

	for (int os = 0; os < IU_N_OS; os++)
		if (!agrees(script, (enum iu_os)os))
			fail_msg("%s", iu_os_names[os]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sim__each_script__states_as_told),
		cmocka_unit_test(test_play__wrong_expectation__differs),
		cmocka_unit_test(test_play__time_wait__as_long_as_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
