/* SPDX-License-Identifier: MIT */
/* Clients that reset, stall, never read, never stop, half-close or come in thousands: none harms another. And the end. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "support/live.h"
#include "support/live_private.h"

#define SERVER "127.0.0.1:12345"
#define SERVE(...) start((const char *const[]){"inuse", "serve", __VA_ARGS__, NULL})

static pid_t start(const char *const *argv)
{
	pid_t pid = live_start_inuse(-1, argv);

	live_expect(pid, "listening on ");
	return pid;
}

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		live_fail("send: %s", strerror(errno));
}

/* Reads until `want` has come, and no more. */
static void hear(int fd, const char *want)
{
	size_t len = strlen(want), n = 0;
	char buf[64] = "";

	while (n < len) {
		struct pollfd pfd = {fd, POLLIN, 0};
		ssize_t got = poll(&pfd, 1, LIVE_PATIENCE_MS) == 1 ? recv(fd, buf + n, len - n, 0) : -1;

		if (got <= 0)
			live_fail("heard \"%s\" instead of \"%s\": %s", buf, want, got < 0 ? strerror(errno) : "end");
		n += (size_t)got;
	}
	assert_string_equal(buf, want);
}

/* The peer's end, or its reset, whatever comes before it. */
static int hear_end(int fd)
{
	struct pollfd pfd = {fd, POLLIN, 0};
	char buf[65536];
	ssize_t n;

	do {
		n = poll(&pfd, 1, LIVE_PATIENCE_MS) == 1 ? recv(fd, buf, sizeof(buf), 0) : -2;
	} while (n > 0);
	if (n == -2)
		live_fail("the connection does not end");
	return n == 0 ? 0 : errno;
}

/* Fills the way to the peer until nothing more goes in, and at least so much that the peer has begun to read; returns how much did. */
static size_t stuff(int fd, size_t least)
{
	static const char rubbish[65536];
	struct pollfd pfd = {fd, POLLOUT, 0};
	size_t total = 0;
	ssize_t n = 1;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (n > 0 && poll(&pfd, 1, total < least ? LIVE_PATIENCE_MS : 200) == 1) {
		n = send(fd, rubbish, sizeof(rubbish), MSG_NOSIGNAL);
		total += n > 0 ? (size_t)n : 0;
	}
	return total;
}

/* A line of /proc/PID/status in kB. */
static long status_kb(pid_t pid, const char *name)
{
	FILE *f = fopen(live_text("/proc/%d/status", pid), "re");
	char line[256];
	long kb = -1;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kb = atol(line + strlen(name));
	if (f != NULL)
		fclose(f);
	return kb;
}

static void limit_files(pid_t pid, rlim_t n)
{
	struct rlimit now, limit;

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &now) < 0)
		live_fail("prlimit: %s", strerror(errno));
	limit = (struct rlimit){n, now.rlim_max};
	if (n > now.rlim_max || prlimit(pid, RLIMIT_NOFILE, &limit, NULL) < 0)
		live_skip("this user may have %llu descriptors only", (unsigned long long)now.rlim_max);
}

/* -------------------------------------------------------------------------------------------------- clients */

static void test_half_close__echo_answers_in_full(void **state)
{
	int client;

	SERVE("echo", SERVER);
	client = live_dial(SERVER, NULL, 0);
	say(client, "abc");
	shutdown(client, SHUT_WR);
	hear(client, "abc");
	assert_int_equal(hear_end(client), 0);
}

static void test_half_close__hello_answers_in_full(void **state)
{
	pid_t pid = SERVE("-v", SERVER);
	int client;

	live_suspend(pid);
	client = live_dial(SERVER, NULL, 0);
	shutdown(client, SHUT_WR);
	kill(pid, SIGCONT);
	hear(client, "HELLO");
	assert_int_equal(hear_end(client), 0);
	live_expect(pid, "the peer closed first; TIME-WAIT is at the peer");
}

static void test_reset__server_goes_on(void **state)
{
	pid_t pid = SERVE("echo", "-v", SERVER);
	int client = live_dial(SERVER, NULL, 0), other = live_dial(SERVER, NULL, 0);

	say(client, "abc");
	hear(client, "abc");
	live_reset(client);
	live_expect(pid, "3 bytes in, 3 out  the peer reset it; TIME-WAIT is nowhere (reset)");
	live_suspend(pid);
	live_reset(live_dial(SERVER, NULL, 0)); /* gone before it is accepted */
	kill(pid, SIGCONT);
	live_expect(pid, "0 bytes in, 0 out  the peer reset it");
	say(other, "still there");
	hear(other, "still there");
}

static void test_never_reads__bounded_and_given_up__others_served(void **state)
{
	pid_t pid = SERVE("echo", "-v", "--timeout", "4", SERVER);
	long before = status_kb(pid, "VmRSS:");
	int deaf[3], other;

	for (size_t i = 0; i < 3; i++) {
		deaf[i] = live_dial(SERVER, NULL, 0);
		assert_true(stuff(deaf[i], 1000001) > 1000000);
	}
	other = live_dial(SERVER, NULL, 0);
	say(other, "quick");
	hear(other, "quick");
	/* what the kernel's buffers do not take is one read each: 64 KiB */
	assert_true(status_kb(pid, "VmRSS:") - before < 4096);
	live_expect(pid, "this side reset it; TIME-WAIT is nowhere (reset) (given up: the peer kept silent)");
	hear_end(deaf[2]);
}

static void test_silent__given_up_after_timeout(void **state)
{
	pid_t pid = SERVE("drain", "-v", "--timeout", "0.2", SERVER);

	assert_int_equal(hear_end(live_dial(SERVER, NULL, 0)), 0);
	live_expect(pid, "(given up: the peer kept silent)");
}

static void test_sends_forever__hello_ends_it(void **state)
{
	static const char rubbish[65536];
	pid_t pid = SERVE("-v", "--timeout", "1", SERVER);
	int client = live_dial(SERVER, NULL, 0), other;
	ssize_t n;

	hear(client, "HELLO");
	other = live_dial(SERVER, NULL, 0);
	hear(other, "HELLO");
	do {
		n = send(client, rubbish, sizeof(rubbish), MSG_NOSIGNAL);
	} while (n > 0);
	live_expect(pid, "given up");
}

static void test_slow_but_reading__not_given_up(void **state)
{
	int64_t began = live_now_ms();
	int client;

	SERVE("echo", "--timeout", "4", SERVER);
	client = live_dial(SERVER, NULL, 0);
	/* longer than the timeout in all, shorter each */
	while (live_now_ms() - began < 5000) {
		say(client, "tick");
		hear(client, "tick");
		poll(NULL, 0, 50);
	}
}

/* close() of such a socket waits for the client; the others must not. */
static void test_linger__slow_client__others_served(void **state)
{
	char *reply = malloc(100001);
	int slow, other, tiny = 2048;
	struct sockaddr_storage ss;
	socklen_t len = live_sockaddr(SERVER, &ss);

	assert_non_null(reply);
	memset(reply, 'x', 100000);
	reply[100000] = 0;
	SERVE("--close", "first", "--linger", "100", "--reply", reply, SERVER);
	free(reply);
	slow = live_socket(AF_INET, 0);
	setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny));
	assert_int_equal(connect(slow, (struct sockaddr *)&ss, len), 0);
	hear(slow, "x");
	other = live_dial(SERVER, NULL, 0);
	assert_int_equal(hear_end(other), 0);
	live_close(slow);
}

static void test_thousand__all_served_then_the_count_ends_it(void **state)
{
	enum { MANY = 1000 };
	pid_t pid;
	int clients[MANY];

	limit_files(getpid(), MANY + 100);
	pid = SERVE("echo", "--count", "1000", SERVER);
	for (size_t i = 0; i < MANY; i++) {
		clients[i] = live_dial(SERVER, NULL, 0);
		say(clients[i], "hallo");
	}
	for (size_t i = 0; i < MANY; i++)
		hear(clients[i], "hallo");
	assert_int_equal(live_try_connect(SERVER, NULL, 0), ECONNREFUSED);
	for (size_t i = 0; i < MANY; i++)
		live_close(clients[i]);
	live_says(live_finish(pid, 0), 0, "");
}

static void test_out_of_descriptors__clients_wait__said_once(void **state)
{
	enum { MANY = 40 };
	pid_t pid = SERVE("echo", SERVER);
	const struct live_run *run;
	const char *said;
	int clients[MANY];

	limit_files(pid, 24);
	for (size_t i = 0; i < MANY; i++) {
		clients[i] = live_dial(SERVER, NULL, 0);
		say(clients[i], "hallo");
	}
	live_expect(pid, "new connections wait until others have ended: Too many open files");
	for (size_t i = 0; i < MANY; i++) {
		hear(clients[i], "hallo");
		live_close(clients[i]); /* lets one of the waiting in */
	}
	run = live_finish(pid, SIGTERM);
	live_says(run, 0, "");
	said = strstr(run->out, "new connections wait");
	assert_non_null(said);
	assert_null(strstr(said + 1, "new connections wait"));
}

/* Those that have ended give their descriptors back although no connection can come that would be the occasion for it. */
static void test_out_of_descriptors__hello__served_as_others_end(void **state)
{
	enum { MANY = 40 };
	pid_t pid = SERVE("hello", SERVER);
	int clients[MANY];

	limit_files(pid, 24);
	for (size_t i = 0; i < MANY; i++)
		clients[i] = live_dial(SERVER, NULL, 0);
	live_expect(pid, "new connections wait until others have ended: Too many open files");
	for (size_t i = 0; i < MANY; i++) {
		hear(clients[i], "HELLO");
		assert_int_equal(hear_end(clients[i]), 0);
		live_close(clients[i]);
	}
	live_says(live_finish(pid, SIGTERM), 0, "");
}

/* Clients that do not end take no descriptor from younger ones that do, and hold up none that has much to say. */
static void test_stalled__hello__younger_ones_served_meanwhile(void **state)
{
	enum { STALLED = 8, MANY = 60, PIECES = 64 };
	static const char rubbish[65536];
	pid_t pid = SERVE("hello", SERVER);
	int client;

	limit_files(pid, 24); /* some for the server itself, and for a few at a time */
	for (size_t i = 0; i < STALLED; i++)
		hear(live_dial(SERVER, NULL, 0), "HELLO");
	for (size_t i = 0; i < MANY; i++) {
		client = live_dial(SERVER, NULL, 0);
		hear(client, "HELLO");
		assert_int_equal(hear_end(client), 0);
		for (size_t n = 0; i == 0 && n < PIECES; n++)
			assert_int_equal(send(client, rubbish, sizeof(rubbish), MSG_NOSIGNAL), sizeof(rubbish));
		live_close(client);
	}
}

/* -------------------------------------------------------------------------------------------------- the end */

static void test_sigterm__in_flight_finishes(void **state)
{
	pid_t pid = SERVE("echo", "-v", SERVER);
	int client = live_dial(SERVER, NULL, 0);

	say(client, "one");
	hear(client, "one");
	live_suspend(pid);
	say(client, "two");
	kill(pid, SIGTERM);
	kill(pid, SIGCONT);
	hear(client, "two");
	shutdown(client, SHUT_WR);
	assert_int_equal(hear_end(client), 0);
	live_says(live_finish(pid, 0), 0, "6 bytes in, 6 out  the peer closed first");
}

static void test_sigterm__waiting_in_the_backlog__still_served(void **state)
{
	pid_t pid = SERVE(SERVER);
	int clients[20];

	live_suspend(pid);
	for (size_t i = 0; i < 20; i++)
		clients[i] = live_dial(SERVER, NULL, 0);
	kill(pid, SIGTERM);
	kill(pid, SIGCONT);
	for (size_t i = 0; i < 20; i++) {
		hear(clients[i], "HELLO");
		assert_int_equal(hear_end(clients[i]), 0);
		live_close(clients[i]);
	}
	live_says(live_finish(pid, 0), 0, "");
}

static void test_sigint__idle_client__is_told_and_the_server_ends(void **state)
{
	pid_t pid = SERVE("echo", "-v", SERVER);
	int client = live_dial(SERVER, NULL, 0);

	say(client, "one");
	hear(client, "one");
	kill(pid, SIGINT);
	assert_int_equal(hear_end(client), 0);
	live_close(client);
	live_says(live_finish(pid, 0), 0, "this side closed first; TIME-WAIT is here");
}

static void test_sigterm__client_that_never_ends__cut_off_after_grace(void **state)
{
	pid_t pid = SERVE("echo", "--grace", "0.3", SERVER);
	int client = live_dial(SERVER, NULL, 0);

	say(client, "one");
	hear(client, "one");
	live_says(live_finish(pid, SIGTERM), 0, "inuse serve: 1 connection was cut off\n");
}

static void test_second_signal__ends_at_once(void **state)
{
	pid_t pid = SERVE("echo", "--timeout", "0", "--grace", "1000", SERVER);
	int client = live_dial(SERVER, NULL, 0);

	say(client, "one");
	hear(client, "one");
	kill(pid, SIGTERM);
	while (live_try_connect(SERVER, NULL, 0) == 0)
		; /* it still listens */
	live_says(live_finish(pid, SIGTERM), 1, " cut off\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_half_close__echo_answers_in_full),
		live_test(test_half_close__hello_answers_in_full),
		live_test(test_reset__server_goes_on),
		live_test(test_never_reads__bounded_and_given_up__others_served),
		live_test(test_silent__given_up_after_timeout),
		live_test(test_sends_forever__hello_ends_it),
		live_test(test_slow_but_reading__not_given_up),
		live_test(test_linger__slow_client__others_served),
		live_test(test_thousand__all_served_then_the_count_ends_it),
		live_test(test_out_of_descriptors__clients_wait__said_once),
		live_test(test_out_of_descriptors__hello__served_as_others_end),
		live_test(test_stalled__hello__younger_ones_served_meanwhile),
		live_test(test_sigterm__in_flight_finishes),
		live_test(test_sigterm__waiting_in_the_backlog__still_served),
		live_test(test_sigint__idle_client__is_told_and_the_server_ends),
		live_test(test_sigterm__client_that_never_ends__cut_off_after_grace),
		live_test(test_second_signal__ends_at_once),
	};

	return LIVE_RUN("net_clients", tests);
}
