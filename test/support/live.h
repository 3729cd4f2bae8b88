/* SPDX-License-Identifier: MIT */
/*
 * Live tests: sockets in every state on the real kernel, and the program asked about them.
 *
 * Theory of operation
 *
 * A test in the list as live_test(fn) starts in a network namespace of its own, fresh, with lo up, and ends with
 * everything closed, every child process ended and reaped, and the namespace gone. What cannot be made fails the test
 * with the name of the call; what this machine does not permit skips it with a reason (live_skip).
 * Nothing here waits for time: live_wait() looks at the kernel's table until the state is there, for LIVE_PATIENCE_MS at most.
 * Addresses are text: "127.0.0.1:8080", "[::1]:0", "0.0.0.0:80", "[fe80::1%v0]:80".
 *
 *	static void test_why__listener__in_use(void **state)
 *	{
 *		pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR));
 *
 *		live_says(live_inuse("8080"), 1, "IN USE", live_text("%d", owner));
 *		assert_int_equal(live_try_bind("127.0.0.1:8080", LIVE_REUSEADDR), EADDRINUSE);
 *	}
 *
 *	int main(void)
 *	{
 *		static const struct CMUnitTest tests[] = {live_test(test_why__listener__in_use)};
 *
 *		return LIVE_RUN("causes", tests);
 *	}
 */
#ifndef TEST_SUPPORT_LIVE_H
#define TEST_SUPPORT_LIVE_H

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "support/check.h"

/* ------------------------------------------------------------------------------------------- the frame */

#define live_test(fn) cmocka_unit_test_setup_teardown(fn, live_setup, live_teardown)
/* Runs the tests; the exit status for main(). 77, with the reason on stdout, where no namespace can be had. */
#define LIVE_RUN(name, tests) \
	(live_begin() != NULL ? 77 : cmocka_run_group_tests_name(name, tests, NULL, NULL))
const char *live_begin(void);
int live_setup(void **state);
int live_teardown(void **state);

/* Ends the test as skipped, and says why. */
void live_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Skips unless root of the initial user namespace: other users, BPF, SOCK_DESTROY. */
void live_need_root(void);
/* Skips where the namespace has no [::1]. */
void live_need_ipv6(void);
/* Fails the test; in a child process it ends that instead. Use this, not assert_*(), inside LIVE_CHILD(). */
void live_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* A formatted text that lives until the test ends. */
const char *live_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A folder of this test alone below /tmp, LIVE_FOLDER bytes of name; what killed tests have left there is removed. False: errno. */
#define LIVE_FOLDER 64
bool live_folder_make(char *ret, size_t size);
/* With all that is in it. */
void live_folder_remove(const char *path);
/* Those of this user whose makers are no more. */
void live_folder_remove_left(void);

/* -------------------------------------------------------------------------------------- the surroundings */

/*
 * Moves the calling process into a new network namespace with lo up (and into a new user namespace the first time, when
 * not root). NULL, or why it cannot. live_setup() has done it for the test; for use in LIVE_CHILD().
 */
const char *live_netns_enter(void);
/* Makes the namespace /run/netns/NAME, seen by this test and its children only. The test stays where it is. Root only. */
void live_netns_add(const char *name);
/*
 * In LIVE_CHILD(), as root: from now on /proc shows to other users their own processes only, as where it is mounted with hidepid.
 * False: it cannot be mounted here.
 */
bool live_hide_processes(void);
/* Sets or reads a setting of the namespace: live_sysctl("net.ipv4.tcp_timestamps", "0"). */
void live_sysctl(const char *name, const char *value);
const char *live_sysctl_get(const char *name);
/* Is the running kernel older than that? */
bool live_kernel_before(unsigned major, unsigned minor);
/* Runs ip(8): live_ip("link set v0 down"). Skips the test where there is no ip(8). */
void live_ip(const char *words);
/* Makes a device (one end of a veth pair, the other end stays here, too), up, with that address: "192.0.2.1/24". */
void live_device(const char *name, const char *addr);

/* ------------------------------------------------------------------------------------------------ sockets */

enum live_option {
	LIVE_REUSEADDR = 1,
	LIVE_REUSEPORT = 2,
	LIVE_V6ONLY = 4,
	LIVE_FREEBIND = 8,
	LIVE_MPTCP = 16,
	LIVE_UDP = 32,
	LIVE_NONBLOCK = 64, /* live_dial() comes back in SYN_SENT */
};

/* All return a descriptor that is closed when the test ends. options: enum live_option. */
int live_socket(int family, unsigned options);
int live_bound(const char *addr, unsigned options);
int live_listener(const char *addr, unsigned options);
/* from: the local address, or NULL for one that the kernel picks. */
int live_dial(const char *remote, const char *from, unsigned options);
int live_accept(int listener);

/* Makes the call and closes the socket at once: 0, or the errno of the call that failed. */
int live_try_bind(const char *addr, unsigned options);
int live_try_listen(const char *addr, unsigned options);
int live_try_connect(const char *remote, const char *from, unsigned options);

void live_set(int fd, enum live_option option, bool on);
uint16_t live_port(int fd);  /* its local port */
uint64_t live_inode(int fd);
/* Makes uid the owner of the socket, as if that user had made it. Root only. */
void live_chown(int fd, uid_t uid);
void live_close(int fd);
/* Closes with a RST: nothing is left on either side. */
void live_reset(int fd);
/* Puts the descriptor in flight: sent over a unix socket, received by nobody, closed here. */
void live_in_flight(int fd);
/* Text to a sockaddr; returns its length. */
socklen_t live_sockaddr(const char *addr, struct sockaddr_storage *ret);

/* A connection with both ends in this process; listener stays open. */
struct live_connection {
	int listener, server, client;
	uint16_t server_port, client_port;
};
struct live_connection live_connection(const char *addr, unsigned options, const char *from, unsigned client_options);

enum live_first { LIVE_SERVER_FIRST, LIVE_CLIENT_FIRST };
/* Closes both ends in that order; comes back when the first one's side is in TIME-WAIT and the other's is gone. */
void live_end(struct live_connection *c, enum live_first first);
/*
 * What a server leaves that was stopped while it had a client: it closed first, its listener is gone. Returns the
 * client's port; the server's socket 4-tuple is in TIME-WAIT.
 */
uint16_t live_time_wait(const char *addr, unsigned options, const char *from);
/* The same with a client that never closes: the remains in FIN-WAIT-2. Returns the client's descriptor. */
int live_fin_wait2(const char *addr, unsigned options);

/* How many sockets of this namespace have that local port, remote port (0: any) and state. Not for INUSE_BOUND. */
unsigned live_count(uint16_t local_port, uint16_t remote_port, enum inuse_state state);
/* Comes back when one is there, or when none of any state is left. */
void live_wait(uint16_t local_port, uint16_t remote_port, enum inuse_state state);
void live_wait_gone(uint16_t local_port, uint16_t remote_port);

/* ------------------------------------------------------------------------------------------------ processes */

#define LIVE_NOBODY 65534

/*
 * A child process that does what stands in the parentheses and then stays, until the test ends. Yields its pid once it
 * is ready. Descriptors of this library that were open before are closed in it; with LIVE_CHILD_INHERITS they stay.
 * LIVE_CHILD_AS(uid, ...) becomes that user first (root only).
 */
#define LIVE_CHILD(...) LIVE_CHILD_(false, -1, __VA_ARGS__)
#define LIVE_CHILD_INHERITS(...) LIVE_CHILD_(true, -1, __VA_ARGS__)
#define LIVE_CHILD_AS(uid, ...) LIVE_CHILD_(false, uid, __VA_ARGS__)
#define LIVE_CHILD_(inherits, uid, ...) \
	({ \
		pid_t live_child_pid_ = live_fork(inherits, uid); \
		if (live_child_pid_ == 0) { \
			__VA_ARGS__; \
			live_stay(); \
		} \
		live_await(live_child_pid_); \
		live_child_pid_; \
	})
pid_t live_fork(bool inherits, int uid);
void live_stay(void) __attribute__((noreturn));
void live_await(pid_t pid);
/* In a child: tells the parent a number; in the parent, live_heard() of that pid returns it. Before live_stay(). */
void live_tell(long number);
long live_heard(pid_t pid);

/* Suspends as Ctrl-Z does, and waits until it is stopped. */
void live_suspend(pid_t pid);
/* Ends a child with that signal and reaps it. */
void live_kill(pid_t pid, int signal);

/* ------------------------------------------------------------------------------------------------ programs */

/* What a program printed. Lives until the test ends. */
struct live_run {
	const char *line; /* the command, for messages */
	int status;       /* exit status; 128 + signal */
	const char *out, *err;
};

/* Where the built inuse is, for those who run it through something else. Never NULL. */
const char *live_inuse_path(void);
/* Runs the built inuse with these words, in this namespace, to its end (at most a minute). */
#define live_inuse(...) live_inuse_as(-1, __VA_ARGS__)
/* The same as an ordinary user (LIVE_NOBODY). Skips when not root. -1: as whoever runs the test. */
#define live_inuse_as(uid, ...) live_run_inuse(uid, (const char *const[]){"inuse", __VA_ARGS__, NULL})
/* Any other program, found in PATH; status 127 when it is not there. */
#define live_run(...) live_run_any((const char *const[]){__VA_ARGS__, NULL})
const struct live_run *live_run_inuse(int uid, const char *const *argv);
const struct live_run *live_run_any(const char *const *argv);

/* Fails, and shows everything that was printed, unless the exit status is that and all the texts are in stdout. */
#define live_says(run, status, ...) live_check_says(run, status, (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
/* The same for texts in stderr. */
#define live_complains(run, status, ...) \
	live_check_complains(run, status, (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
/* Fails if one of the texts is in stdout or stderr. */
#define live_says_not(run, ...) live_check_says_not(run, (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
void live_check_says(const struct live_run *run, int status, const char *const *texts, const char *file, int line);
void live_check_complains(const struct live_run *run, int status, const char *const *texts, const char *file, int line);
void live_check_says_not(const struct live_run *run, const char *const *texts, const char *file, int line);

/* Starts inuse in the background: live_start("serve", "127.0.0.1:8080"). stdout and stderr are one stream. */
#define live_start(...) live_start_inuse(-1, (const char *const[]){"inuse", __VA_ARGS__, NULL})
pid_t live_start_inuse(int uid, const char *const *argv);
/* Any other program, found in PATH, in the background. */
pid_t live_start_any(const char *const *argv);
/* Comes back when it has printed that text; fails when it ended without. */
void live_expect(pid_t pid, const char *text);
/* Sends the signal (0: none), waits for its end, and returns everything it printed in ->out. */
const struct live_run *live_finish(pid_t pid, int signal);

#endif
