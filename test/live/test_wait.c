/* SPDX-License-Identifier: MIT */
/* inuse wait: it sleeps, wakes by what happens, and looks rarely. */
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "host/features.h"
#include "host/host.h"
#include "support/live.h"
#include "support/live_private.h"

/* So long that inuse has looked before, on a busy machine, too. */
#define REMAINS_S "6"

/* Comes back when the process sleeps in poll(): it has looked, and nothing was free. */
static void until_asleep(pid_t pid)
{
	int64_t deadline_ms = live_now_ms() + LIVE_PATIENCE_MS;
	char path[64], text[256];
	long call = -1;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	do {
		if (live_read_file(path, text, sizeof(text)) && sscanf(text, "%ld", &call) == 1 && call == SYS_ppoll)
			return;
	} while (live_again(deadline_ms));
	live_fail("process %d does not wait for events: system call %ld", pid, call);
}

static unsigned looks_of(const struct live_run *run)
{
	const char *at = strstr(run->out, "\"looks\":");

	if (at == NULL)
		live_fail("no number of looks in: %s", run->out);
	return (unsigned)strtoul(at + 8, NULL, 10);
}

/* The looks of a run that ended like this. */
static unsigned ended(const struct live_run *run, int status, const char *how)
{
	live_says(run, status, live_text("\"ended\":\"%s\"", how));
	return looks_of(run);
}

static int to_close;

static void close_it(int signal)
{
	(void)signal;
	close(to_close);
}

/* Listens, and on SIGUSR1 closes the listener and lives on. */
static pid_t listener_that_can_close(const char *addr, int uid)
{
	pid_t pid = live_fork(false, uid);

	if (pid == 0) {
		to_close = live_listener(addr, 0);
		signal(SIGUSR1, close_it);
		live_stay();
	}
	live_await(pid);
	return pid;
}

static void test_wait__free_already__one_look(void **state)
{
	assert_int_equal(ended(live_inuse("wait", "--json", "8080"), 0, "free"), 1);
	live_says(live_inuse("wait", "8080"), 0, "8080/tcp FREE");
	assert_string_equal(live_inuse("wait", "-q", "8080")->out, "");
}

static void test_wait__holder_ends__wakes_at_once(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:8080", 0)), waiter = live_start("wait", "--json", "8080");

	until_asleep(waiter);
	live_kill(owner, SIGKILL);
	assert_in_range(ended(live_finish(waiter, 0), 0, "free"), 2, 4);
}

static void test_wait__socket_is_closed__wakes_though_its_process_lives(void **state)
{
	pid_t owner = listener_that_can_close("[::1]:8080", -1), waiter;

	live_need_ipv6();
	waiter = live_start("wait", "--json", "[::1]:8080");
	until_asleep(waiter);
	kill(owner, SIGUSR1);
	assert_in_range(ended(live_finish(waiter, 0), 0, "free"), 2, 4);
	assert_int_equal(kill(owner, 0), 0);
}

static void test_wait__ordinary_user__wakes_by_a_stranger(void **state)
{
	static const char *const words[] = {"inuse", "wait", "--json", "8080", NULL};
	pid_t owner = listener_that_can_close("127.0.0.1:8080", -1), waiter = live_start_inuse(LIVE_NOBODY, words);

	until_asleep(waiter);
	kill(owner, SIGUSR1);
	assert_in_range(ended(live_finish(waiter, 0), 0, "free"), 2, 4);
}

static void test_wait__remains_with_a_known_end__sleeps_until_then(void **state)
{
	unsigned looks;

	live_need_root(); /* others are not shown the options of what is left */
	/* what is left of the server's side lives as long as this setting says, and no longer than that */
	live_sysctl("net.ipv4.tcp_fin_timeout", REMAINS_S);
	live_fin_wait2("127.0.0.1:8080", 0);
	live_says(live_inuse("8080"), 1, "FIN-WAIT-2");
	looks = ended(live_inuse("wait", "--json", "--timeout", "20", "8080"), 0, "free");
	assert_in_range(looks, 2, 6);
	assert_int_equal(live_try_listen("127.0.0.1:8080", LIVE_REUSEADDR), 0);
}

/* Three seconds as a whole socket, three as a mini one: the end of both is known from the beginning. */
static void test_wait__orphan_that_is_whole_at_first__sleeps_until_its_end(void **state)
{
	live_need_root();
	live_sysctl("net.ipv4.tcp_fin_timeout", "63");
	live_fin_wait2("127.0.0.1:8080", 0);
	live_says(live_inuse("8080"), 1, "IN USE for", "only a connection half ended", "inuse wait 8080");
	assert_in_range(ended(live_inuse("wait", "--json", "--timeout", "60", "8080"), 0, "free"), 2, 8);
	assert_int_equal(live_try_listen("127.0.0.1:8080", LIVE_REUSEADDR), 0);
}

static void test_wait__ordinary_user__known_end_too(void **state)
{
	live_sysctl("net.ipv4.tcp_fin_timeout", REMAINS_S);
	live_fin_wait2("127.0.0.1:8080", 0);
	/* without the exact timer it is looked for during the slack of the timer wheel */
	assert_in_range(ended(live_inuse_as(LIVE_NOBODY, "wait", "--json", "--timeout", "20", "8080"), 0, "free"), 2,
			30);
}

static void test_wait__time_is_up__two_looks_and_status_1(void **state)
{
	live_need_root();
	live_time_wait("127.0.0.1:8080", 0, NULL);
	assert_int_equal(ended(live_inuse("wait", "--json", "--timeout", "1", "8080"), 1, "timeout"), 2);
	live_complains(live_inuse("wait", "--timeout", "0", "8080"), 1, "gave up");
	/* his eyes do not see whether the socket had SO_REUSEADDR: then nobody can say that it would fail */
	live_says(live_inuse_as(LIVE_NOBODY, "wait", "--timeout", "0.1", "8080"), 3, "CANNOT TELL");
	live_says(live_inuse_as(LIVE_NOBODY, "wait", "--timeout", "0.1", "--plain", "8080"), 1, "IN USE");
}

static void test_wait__connections_come_and_go__looks_stay_few(void **state)
{
	int listener = live_listener("127.0.0.1:8080", LIVE_REUSEADDR);
	pid_t waiter = live_start("wait", "--json", "--timeout", "5", "8080");
	struct sockaddr_storage sa;
	socklen_t len = live_sockaddr("127.0.0.1:8080", &sa);

	until_asleep(waiter);
	for (int i = 0; i < 4000; i++) {
		struct linger reset = {1, 0};
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

		assert_int_equal(connect(client, (struct sockaddr *)&sa, len), 0);
		server = accept(listener, NULL, NULL);
		setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(client);
		close(server);
	}
	assert_in_range(ended(live_finish(waiter, 0), 1, "timeout"), 2, 12);
}

static void test_wait__other_ports__do_not_wake(void **state)
{
	pid_t waiter;
	unsigned looks;

	live_listener("127.0.0.1:8080", 0);
	waiter = live_start("wait", "--json", "--timeout", "5", "8080");
	until_asleep(waiter);
	for (int i = 0; i < 500; i++)
		live_close(live_listener("127.0.0.1:0", 0));
	looks = ended(live_finish(waiter, 0), 1, "timeout");
	assert_int_equal(looks, 2);
}

/* Gives lo a second address, at once: it is looked again now and then until the address is there. */
static void give_lo(const char *addr)
{
	struct ifreq request = {.ifr_name = "lo:1"};
	struct sockaddr_storage sa;

	live_sockaddr(addr, &sa);
	memcpy(&request.ifr_addr, &sa, sizeof(request.ifr_addr));
	assert_int_equal(ioctl(live_socket(AF_INET, LIVE_UDP), SIOCSIFADDR, &request), 0);
}

static void test_wait__address_comes__wakes(void **state)
{
	pid_t waiter = live_start("wait", "--json", "bind", "192.0.2.7:8080");

	until_asleep(waiter);
	give_lo("192.0.2.7:0");
	assert_in_range(ended(live_finish(waiter, 0), 0, "free"), 2, 12);
}

static void test_wait__listening__sees_it_and_never_connects(void **state)
{
	pid_t waiter = live_start("wait", "--listening", "127.0.0.1:8080", "--timeout", "20");
	struct pollfd ready = {.events = POLLIN};

	until_asleep(waiter);
	/* neither a socket that is bound nor a listener on another address is one */
	live_bound("127.0.0.1:8080", LIVE_REUSEADDR);
	live_listener("127.0.0.2:8080", 0);
	until_asleep(waiter);
	ready.fd = live_listener("127.0.0.1:8080", LIVE_REUSEADDR);
	live_says(live_finish(waiter, 0), 0, "Somebody listens on 127.0.0.1:8080.");
	assert_int_equal(poll(&ready, 1, 0), 0);
	live_says(live_inuse("wait", "--listening", "--json", "8080"), 0, "\"ended\":\"listening\"",
		  "\"state\":\"listen\"");
	live_says(live_inuse_as(LIVE_NOBODY, "wait", "--listening", "8080"), 0, "Somebody listens on 127.0.0.");
}

/* Listens on the port again and again: on another address, or in a network namespace of its own. */
static void listen_again_and_again(bool elsewhere)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(elsewhere ? 0 : 0x7f000002)};
	const struct timespec pause = {.tv_nsec = 5000000};

	if (elsewhere && unshare(CLONE_NEWNET) != 0)
		_exit(1);
	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0)
			_exit(1);
		close(fd);
		nanosleep(&pause, NULL);
	}
}

/* In 3 s, beside somebody who listens again and again. */
static unsigned looks_beside(bool elsewhere)
{
	pid_t noise = live_fork(false, -1);
	unsigned looks;
	int status;

	if (noise == 0)
		listen_again_and_again(elsewhere);
	looks = ended(live_inuse("wait", "--json", "--listening", "--timeout", "3", "127.0.0.1:8080"), 1, "timeout");
	assert_int_equal(kill(noise, SIGKILL), 0);
	assert_int_equal(waitpid(noise, &status, 0), noise);
	assert_true(WIFSIGNALED(status)); /* it has listened until then */
	return looks;
}

/* As root the kernel tells of each: it is slept for half a minute, and yet woken, and what is of another address wakes in vain. */
static void test_wait__listening_and_told_of_it__looks_for_that_alone(void **state)
{
	pid_t waiter;

	live_need_root();
	if (!INUSE_HAVE_BPF || access(IU_KERNEL_TYPES, R_OK) != 0)
		live_skip("nobody tells of listeners here");
	assert_in_range(looks_beside(true), 1, 2);
	assert_in_range(looks_beside(false), 2, 25); /* 600 words in 3 s */
	waiter = live_start("wait", "--json", "--listening", "[::1]:8080");
	until_asleep(waiter);
	live_listener("[::1]:8081", 0);
	live_listener("127.0.0.1:8080", 0);
	until_asleep(waiter);
	live_listener("[::1]:8080", 0);
	/* one at first, one for each word, and the echoes of each */
	assert_in_range(ended(live_finish(waiter, 0), 0, "listening"), 2, 13);
	/* a port that is taken by listen() itself */
	live_sysctl("net.ipv4.ip_local_port_range", "20001 20001");
	waiter = live_start("wait", "--json", "--listening", "127.0.0.1:20001");
	until_asleep(waiter);
	assert_int_equal(listen(live_socket(AF_INET, 0), 1), 0);
	assert_in_range(ended(live_finish(waiter, 0), 0, "listening"), 2, 7);
}

static void test_wait__nobody_listens__looks_grow_rare(void **state)
{
	/* every 50 ms for half a second, then by a tenth more each time: 31; who is woken late looks less often */
	assert_in_range(ended(live_inuse_as(LIVE_NOBODY, "wait", "--json", "--listening", "--timeout", "3", "8080"), 1, "timeout"), 5,
			33);
	live_says(live_inuse("wait", "--listening", "--timeout", "0", "8080"), 1, "Nobody listens at 8080.");
	live_device("v0", "192.0.2.1/24");
	live_complains(live_inuse("wait", "--listening", "198.51.100.1:80"), 3, "not an address of this host");
}

static void test_wait__no_waiting_helps__says_so_at_once(void **state)
{
	live_complains(live_inuse_as(LIVE_NOBODY, "wait", "80"), 1, "waiting does not change that");
	live_says(live_inuse_as(LIVE_NOBODY, "wait", "80"), 1, "privilege");
}

static void test_wait__interrupted__130_and_nothing_said(void **state)
{
	const struct live_run *run;
	pid_t waiter;

	live_listener("127.0.0.1:8080", 0);
	waiter = live_start("wait", "8080");
	until_asleep(waiter);
	run = live_finish(waiter, SIGINT);
	assert_int_equal(run->status, 130);
	assert_string_equal(run->out, "");
	waiter = live_start("wait", "8080");
	until_asleep(waiter);
	assert_int_equal(live_finish(waiter, SIGTERM)->status, 143);
}

/* Everything that the program writes on a terminal until it ends. */
static const char *on_terminal(const char *const *argv, int *ret_status)
{
	struct winsize size = {.ws_row = 24, .ws_col = 60};
	static char text[8192];
	size_t len = 0;
	ssize_t n;
	int fd;
	pid_t pid = forkpty(&fd, NULL, NULL, &size);

	if (pid == 0) {
		setenv("TERM", "dumb", 1);
		execv(live_inuse_path(), (char *const *)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd);
	waitpid(pid, ret_status, 0);
	return text;
}

/* Not more than it was, however short. */
static void test_wait__time_is_up__told_how_long_it_was(void **state)
{
	const struct live_run *run;
	int64_t began = iu_host_now();
	const char *told;
	double seconds;

	live_listener("127.0.0.1:8080", 0);
	run = live_inuse("wait", "8080", "--timeout", "0.2");
	told = strstr(run->err, "gave up after ");
	assert_non_null(told);
	seconds = strtod(told + strlen("gave up after "), NULL);
	if (seconds < 0.2 || seconds * 1e9 > (double)(iu_host_now() - began))
		fail_msg("%s", run->err);
}

static void test_wait__on_a_terminal__counts_down_and_clears_the_line(void **state)
{
	static const char *const words[] = {"inuse", "wait", "8080", "--timeout", "5", NULL};
	static const char *const quick[] = {"inuse", "wait", "8080", "--timeout", "0.2", NULL};
	const char *text, *line;
	int status;

	live_listener("127.0.0.1:8080", 0);
	text = on_terminal(words, &status);
	assert_int_equal(WEXITSTATUS(status), 1);
	line = strstr(text, "\r8080/tcp: in use by ");
	assert_non_null(line);
	assert_non_null(strstr(line, "\r        ")); /* blanks over it */
	assert_non_null(strstr(line, "IN USE"));
	assert_non_null(strstr(text, "gave up after"));
	/* what is over at once needs no countdown */
	text = on_terminal(quick, &status);
	assert_null(strstr(text, "\r8080/tcp:"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_wait__free_already__one_look),
		live_test(test_wait__holder_ends__wakes_at_once),
		live_test(test_wait__socket_is_closed__wakes_though_its_process_lives),
		live_test(test_wait__ordinary_user__wakes_by_a_stranger),
		live_test(test_wait__remains_with_a_known_end__sleeps_until_then),
		live_test(test_wait__orphan_that_is_whole_at_first__sleeps_until_its_end),
		live_test(test_wait__ordinary_user__known_end_too),
		live_test(test_wait__time_is_up__two_looks_and_status_1),
		live_test(test_wait__connections_come_and_go__looks_stay_few),
		live_test(test_wait__other_ports__do_not_wake),
		live_test(test_wait__address_comes__wakes),
		live_test(test_wait__listening__sees_it_and_never_connects),
		live_test(test_wait__listening_and_told_of_it__looks_for_that_alone),
		live_test(test_wait__nobody_listens__looks_grow_rare),
		live_test(test_wait__no_waiting_helps__says_so_at_once),
		live_test(test_wait__interrupted__130_and_nothing_said),
		live_test(test_wait__time_is_up__told_how_long_it_was),
		live_test(test_wait__on_a_terminal__counts_down_and_clears_the_line),
	};

	return LIVE_RUN("wait", tests);
}
