/* SPDX-License-Identifier: MIT */
/* The call made for real: the kernel's own answer, and nothing left behind. */
#include "support/live.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "cure/try.h"

static struct inuse_addr addr(const char *text)
{
	struct inuse_target t;

	assert_int_equal(inuse_target_parse(text, &t, NULL), INUSE_OK);
	return t.addr;
}

static struct inuse_request request(enum inuse_call call, const char *local, const char *remote, uint32_t flags)
{
	struct inuse_request r = INUSE_REQUEST_INIT;

	r.call = call;
	r.flags = flags;
	r.uid = geteuid();
	if (local != NULL)
		r.local = addr(local);
	if (remote != NULL)
		r.remote = addr(remote);
	return r;
}

/* The result, or the status when there is none. */
static int try_it(const struct inuse_request *r)
{
	struct inuse_error error = {0};
	enum inuse_result result;
	enum inuse_status status = iu_try(r, &result, &error);

	assert_true(status == INUSE_OK || (error.text[0] != 0 && error.status == status));
	return status == INUSE_OK ? (int)result : (int)status;
}

static int try_call(enum inuse_call call, const char *local, const char *remote, uint32_t flags)
{
	struct inuse_request r = request(call, local, remote, flags);

	return try_it(&r);
}

static void test_try__listener_in_the_way__in_use_without(void **state)
{
	int fd = live_listener("127.0.0.1:8080", LIVE_REUSEADDR);

	assert_int_equal(try_call(INUSE_CALL_BIND, "127.0.0.1:8080", NULL, 0), INUSE_R_ADDRINUSE);
	assert_int_equal(try_call(INUSE_CALL_LISTEN, "0.0.0.0:8080", NULL, INUSE_REUSEADDR), INUSE_R_ADDRINUSE);
	assert_int_equal(try_call(INUSE_CALL_BIND, "127.0.0.2:8080", NULL, 0), INUSE_R_OK);
	live_close(fd);
	assert_int_equal(try_call(INUSE_CALL_LISTEN, "127.0.0.1:8080", NULL, 0), INUSE_R_OK);
	assert_int_equal(live_count(8080, 0, INUSE_STATE_UNKNOWN), 0);
}

static void test_try__options__reach_the_kernel(void **state)
{
	live_need_ipv6();
	live_listener("0.0.0.0:8080", 0);
	assert_int_equal(try_call(INUSE_CALL_LISTEN, "[::]:8080", NULL, 0), INUSE_R_ADDRINUSE);
	assert_int_equal(try_call(INUSE_CALL_LISTEN, "[::]:8080", NULL, INUSE_V6ONLY), INUSE_R_OK);
	live_listener("127.0.0.1:8081", LIVE_REUSEPORT);
	assert_int_equal(try_call(INUSE_CALL_LISTEN, "127.0.0.1:8081", NULL, INUSE_REUSEPORT), INUSE_R_OK);
	assert_int_equal(try_call(INUSE_CALL_LISTEN, "127.0.0.1:8081", NULL, INUSE_REUSEADDR), INUSE_R_ADDRINUSE);
	/* a namespace in which an address was configured has only its own */
	live_device("v0", "192.0.2.1/24");
	assert_int_equal(try_call(INUSE_CALL_BIND, "198.51.100.1:80", NULL, 0), INUSE_R_ADDRNOTAVAIL);
	assert_int_equal(try_call(INUSE_CALL_BIND, "198.51.100.1:80", NULL, INUSE_FREEBIND), INUSE_R_OK);
	assert_int_equal(try_call(INUSE_CALL_BIND, "[2001:db8::1]:80", NULL, 0), INUSE_R_ADDRNOTAVAIL);
	assert_int_equal(try_call(INUSE_CALL_BIND, "[2001:db8::1]:80", NULL, INUSE_FREEBIND), INUSE_R_OK);
}

static void test_try__missing_device__no_such_device(void **state)
{
	struct inuse_request r = request(INUSE_CALL_BIND, "127.0.0.1:80", NULL, 0);

	r.device = 4711;
	assert_int_equal(try_it(&r), INUSE_R_NODEV);
}

static void test_try__other_uid__is_whose_socket_it_is(void **state)
{
	struct inuse_request r = request(INUSE_CALL_BIND, "127.0.0.1:8080", NULL, INUSE_REUSEPORT);

	live_need_root();
	(void)LIVE_CHILD_AS(LIVE_NOBODY, live_listener("127.0.0.1:8080", LIVE_REUSEPORT));
	assert_int_equal(try_it(&r), INUSE_R_ADDRINUSE);
	r.uid = LIVE_NOBODY;
	assert_int_equal(try_it(&r), INUSE_R_OK);
}

static void test_try__connect__no_packet_leaves(void **state)
{
	int listener = live_listener("127.0.0.1:8080", 0);
	struct pollfd ready = {.fd = listener, .events = POLLIN};

	assert_int_equal(try_call(INUSE_CALL_CONNECT, NULL, "127.0.0.1:8080", 0), INUSE_R_OK);
	assert_int_equal(try_call(INUSE_CALL_CONNECT, "127.0.0.1:23456", "127.0.0.1:8080", 0), INUSE_R_OK);
	assert_int_equal(try_call(INUSE_CALL_CONNECT, "127.0.0.1:0", "127.0.0.1:8080", 0), INUSE_R_OK);
	/* on loopback a SYN would have been answered before connect() returned */
	assert_int_equal(poll(&ready, 1, 0), 0);
	assert_int_equal(live_count(23456, 0, INUSE_STATE_UNKNOWN), 0);
	/* where there is no Fast Open: made and reset */
	live_sysctl("net.ipv4.tcp_fastopen", "0");
	assert_int_equal(try_call(INUSE_CALL_CONNECT, "127.0.0.1:23456", "127.0.0.1:8080", 0), INUSE_R_OK);
	assert_int_equal(live_count(23456, 0, INUSE_STATE_UNKNOWN), 0);
	assert_int_equal(live_count(8080, 23456, INUSE_TIME_WAIT), 0);
}

static void test_try__connect_fixed_port__as_the_kernel_decides(void **state)
{
	static const struct {
		const char *timestamps;
		enum inuse_result result;
	} rows[] = {{"1", INUSE_R_OK}, {"0", INUSE_R_ADDRNOTAVAIL}};

	for (size_t i = 0; i < 2; i++) {
		const char *from = live_text("127.0.0.1:%zu", 23456 + i);
		struct live_connection c;

		live_sysctl("net.ipv4.tcp_timestamps", rows[i].timestamps);
		c = live_connection("127.0.0.1:0", 0, from, LIVE_REUSEADDR);
		assert_int_equal(try_call(INUSE_CALL_CONNECT, from, live_text("127.0.0.1:%u", c.server_port), INUSE_REUSEADDR),
				 INUSE_R_ADDRNOTAVAIL);
		live_end(&c, LIVE_CLIENT_FIRST);
		assert_int_equal(try_call(INUSE_CALL_CONNECT, from, live_text("127.0.0.1:%u", c.server_port), INUSE_REUSEADDR),
				 rows[i].result);
		assert_int_equal(try_call(INUSE_CALL_CONNECT, from, live_text("127.0.0.1:%u", c.server_port), 0),
				 i == 0 ? INUSE_R_OK : INUSE_R_ADDRINUSE);
	}
	assert_int_equal(try_call(INUSE_CALL_CONNECT, NULL, "198.51.100.1:80", 0), INUSE_R_NETUNREACH);
}

static atomic_bool done;

static void *listen_often(void *arg)
{
	struct inuse_request r = request(INUSE_CALL_LISTEN, "127.0.0.1:8080", NULL, INUSE_REUSEADDR);
	enum inuse_result result;
	long *ok = arg;

	for (int i = 0; i < 20000; i++)
		*ok += iu_try(&r, &result, NULL) == INUSE_OK && result == INUSE_R_OK;
	atomic_store(&done, true);
	return NULL;
}

static void test_try__listens_for_an_instant__no_client_gets_in(void **state)
{
	struct sockaddr_storage sa;
	socklen_t len = live_sockaddr("127.0.0.1:8080", &sa);
	long tried = 0, connected = 0, refused = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, listen_often, &tried), 0);
	while (!atomic_load(&done)) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;

		/* on loopback the answer is there when connect() comes back: a second call tells it */
		rc = connect(fd, (struct sockaddr *)&sa, len);
		if (rc < 0 && errno == EINPROGRESS)
			rc = connect(fd, (struct sockaddr *)&sa, len);
		connected += rc == 0 || errno == ECONNRESET;
		refused += rc < 0 && errno == ECONNREFUSED;
		close(fd);
	}
	pthread_join(thread, NULL);
	assert_int_equal(tried, 20000);
	assert_int_equal(connected, 0);
	assert_true(refused > 0);
	assert_int_equal(live_count(8080, 0, INUSE_STATE_UNKNOWN), 0);
}

static void test_try__what_cannot_be_tried__one_sentence(void **state)
{
	struct inuse_request udp = request(INUSE_CALL_BIND, "127.0.0.1:80", NULL, 0);

	udp.proto = INUSE_PROTO_UDP;
	assert_int_equal(try_it(&udp), INUSE_E_UNSUPPORTED);
	assert_int_equal(try_call(INUSE_CALL_ACCEPT, "127.0.0.1:80", "127.0.0.1:5000", 0), INUSE_E_UNSUPPORTED);
	assert_int_equal(try_call(INUSE_CALL_BIND, "127.0.0.1:80", NULL, INUSE_REPAIR), INUSE_E_UNSUPPORTED);
	assert_int_equal(try_call(INUSE_CALL_CONNECT, "127.0.0.1:80", "[::1]:80", 0), INUSE_E_INPUT);
	assert_int_equal(try_call(INUSE_CALL_CONNECT, "127.0.0.1:80", NULL, 0), INUSE_E_INPUT);
}

/* What was hidden is told by the call: nobody hears "cannot tell", and to try what he has tried. */
static void test_try__ordinary_user__settles_what_was_hidden(void **state)
{
	const struct live_run *run;

	live_need_root();
	live_time_wait("127.0.0.1:8080", 0, NULL);
	live_time_wait("127.0.0.1:8081", LIVE_REUSEADDR, NULL);
	live_says(live_inuse_as(LIVE_NOBODY, "127.0.0.1:8080"), 3, "CANNOT TELL", "inuse --try 127.0.0.1:8080");
	run = live_inuse_as(LIVE_NOBODY, "--try", "127.0.0.1:8080");
	live_says(run, 1, "IN USE for", "The old socket lacked SO_REUSEADDR", "Tried  127.0.0.1:8080: EADDRINUSE");
	live_says_not(run, "CANNOT TELL", "inuse --try");
	run = live_inuse_as(LIVE_NOBODY, "--try", "127.0.0.1:8081");
	live_says(run, 0, "127.0.0.1:8081/tcp FREE", "Tried  127.0.0.1:8081: the kernel says yes");
	live_says_not(run, "CANNOT TELL");
	live_says(live_inuse_as(LIVE_NOBODY, "--try", "--json", "127.0.0.1:8080"), 1, "\"outcome\":\"fail\"");
}

/* No socket is in the way of a call that a filter refuses: not "free" and nothing else. */
static void test_try__bind_is_forbidden__said(void **state)
{
	const char *actor = getenv("INUSE_ACTOR");
	const struct live_run *run;

	if (actor == NULL)
		live_skip("this build has no program that forbids itself a call");
	run = live_run(actor, "forbid", live_text("%d", EPERM), live_text("%d", SYS_bind), live_inuse_path(), "--try", "127.0.0.1:8080");
	if (run->status == 77)
		live_skip("no filter can be made here");
	live_says(run, 1, "Tried  127.0.0.1:8080: EPERM\n", "the call itself is forbidden here");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_try__listener_in_the_way__in_use_without),
		live_test(test_try__options__reach_the_kernel),
		live_test(test_try__missing_device__no_such_device),
		live_test(test_try__other_uid__is_whose_socket_it_is),
		live_test(test_try__connect__no_packet_leaves),
		live_test(test_try__connect_fixed_port__as_the_kernel_decides),
		live_test(test_try__listens_for_an_instant__no_client_gets_in),
		live_test(test_try__what_cannot_be_tried__one_sentence),
		live_test(test_try__bind_is_forbidden__said),
		live_test(test_try__ordinary_user__settles_what_was_hidden),
	};

	return LIVE_RUN("try", tests);
}
