/* SPDX-License-Identifier: MIT */
/*
 * Random sockets, random calls: the verdict beside what the kernel does.
 *
 * Theory of operation
 *
 * A scene is a handful of random steps (bind, listen, connect, close first or last, options set late, another owner's uid) on one port and
 * a few addresses. Then random calls are judged on what the eyes see of it and made for real. A verdict that is not the
 * kernel's answer fails the test and prints the scene as it was seen. The seed is the same every time, so that a failure is
 * somebody's change; INUSE_SEED sets another ("time" a new one each time), INUSE_CALLS says how many calls (default 400).
 */
#include "support/live.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/host.h"
#include "model/judge.h"
#include "say/say.h"

#define PORT 5000
#define MAX_FDS 16

static const char *const addrs[] = {"0.0.0.0:5000", "127.0.0.1:5000", "127.0.0.2:5000", "[::]:5000", "[::1]:5000",
				    "[::ffff:127.0.0.1]:5000"};
static unsigned long long random_state;
static int fds[MAX_FDS];
static size_t n_fds;
static char scene[2048];

static unsigned pick(unsigned n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(random_state >> 33) % n;
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	size_t len = strlen(scene);
	va_list ap;

	va_start(ap, format);
	vsnprintf(scene + len, sizeof(scene) - len, format, ap);
	va_end(ap);
}

static void set_options(int fd, int family, unsigned flags)
{
	int on = 1, off = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, flags & INUSE_REUSEADDR ? &on : &off, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, flags & INUSE_REUSEPORT ? &on : &off, sizeof(on));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, flags & INUSE_V6ONLY ? &on : &off, sizeof(on));
}

static unsigned random_flags(void)
{
	return (pick(2) ? INUSE_REUSEADDR : 0) | (pick(3) == 0 ? INUSE_REUSEPORT : 0) | (pick(3) == 0 ? INUSE_V6ONLY : 0);
}

/* A socket bound to the address; -1 when refused. */
static int make(const char *addr, unsigned flags, uid_t uid)
{
	struct sockaddr_storage sa;
	socklen_t len = live_sockaddr(addr, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), code;

	assert_true(fd >= 0);
	if (uid != 0 && fchown(fd, uid, (gid_t)-1) != 0)
		live_fail("fchown: %s", strerror(errno));
	set_options(fd, sa.ss_family, flags);
	if (bind(fd, (struct sockaddr *)&sa, len) == 0)
		return fd;
	code = errno;
	close(fd);
	errno = code;
	return -1;
}

/* A client of whatever listens on the port, accepted; who closes first, and whether at all. */
static void step_connect(int listener)
{
	static const char *const to[] = {"127.0.0.1:5000", "127.0.0.2:5000", "[::1]:5000"};
	struct sockaddr_storage sa;
	const char *dest = to[pick(3)];
	socklen_t len = live_sockaddr(dest, &sa);
	int client = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), server;
	unsigned how = pick(4);

	if (connect(client, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS) {
		close(client);
		return;
	}
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (server < 0 || n_fds + 2 > MAX_FDS) {
		close(client);
		if (server >= 0)
			close(server);
		return;
	}
	note("; client of %s, %s", dest, (const char *[]){"server closes first", "client closes first", "both open", "server closes, client stays"}[how]);
	if (how == 0 || how == 3)
		close(server);
	if (how == 0 || how == 1)
		close(client);
	if (how == 1)
		close(server);
	if (how == 2)
		fds[n_fds++] = server;
	if (how >= 2)
		fds[n_fds++] = client;
}

static void step(void)
{
	const char *addr = addrs[pick(6)];
	unsigned flags = random_flags(), action = pick(8);
	uid_t uid = pick(4) == 0 ? 1000 : 0;
	int fd;

	if (n_fds > 0 && action == 0) {
		size_t i = pick((unsigned)n_fds);

		note("; close #%d", fds[i]);
		close(fds[i]);
		fds[i] = fds[--n_fds];
		return;
	}
	if (n_fds > 0 && action == 1) {
		note("; #%d late options %x", fds[n_fds - 1], flags);
		set_options(fds[n_fds - 1], AF_INET, flags);
		return;
	}
	if (n_fds >= MAX_FDS)
		return;
	fd = make(addr, flags, uid);
	if (fd < 0)
		return;
	note("; #%d bind %s options %x uid %d", fd, addr, flags, (int)uid);
	fds[n_fds++] = fd;
	if (pick(3) != 0 && listen(fd, 8) == 0) {
		int listener = fd;

		note(" listen");
		fcntl(fd, F_SETFL, O_NONBLOCK);
		for (unsigned i = pick(3); i > 0; i--)
			step_connect(listener);
	}
}

static struct inuse_snapshot *look(void)
{
	static const uint16_t port = PORT;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .bound = true};
	struct inuse_snapshot *s = NULL;
	struct inuse_error error = {0};

	if (iu_host_take(&scope, &s, &error) < 0)
		live_fail("%s", error.text);
	if (!iu_snapshot_facts(s)->buckets_known)
		live_skip("needs the bind bucket (BPF)");
	return s;
}

/* One call judged and made. True when it succeeded: the port's memory may have changed. */
static bool call_once(const struct inuse_snapshot *s)
{
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct inuse_target target;
	struct inuse_verdict v = {.size = sizeof(v)};
	const char *addr = addrs[pick(6)];
	uid_t uid = pick(4) == 0 ? 1000 : 0;
	int fd, code = 0;

	assert_int_equal(inuse_target_parse(addr, &target, NULL), INUSE_OK);
	r.call = INUSE_CALL_LISTEN;
	r.local = target.addr;
	r.flags = random_flags();
	r.uid = uid;
	r.may_bind_low = INUSE_YES;
	assert_int_equal(inuse_judge(s, &r, &v, NULL), INUSE_OK);
	fd = make(addr, r.flags, uid);
	if (fd < 0)
		code = errno;
	else if (listen(fd, 1) != 0)
		code = errno;
	if (fd >= 0)
		close(fd);
	if ((v.outcome == INUSE_GO) != (code == 0) || v.outcome == INUSE_CANNOT_TELL ||
	    (code == EADDRINUSE && v.result != INUSE_R_ADDRINUSE)) {
		char *text;
		struct iu_text out = {0};
		struct iu_telling how = {.asked = addr, .verbose = true};

		iu_say_answer(&out, iu_snapshot_facts(s), &v, 1, &how);
		text = out.data;
		fail_msg("seed %llu: %s\n  bind+listen %s options %x uid %d: the kernel says %s, the verdict:\n%s", random_state, scene, addr,
			 r.flags, (int)uid, code ? strerror(code) : "yes", text);
	}
	return code == 0;
}

static void test_judge__random_scenes__the_kernel_agrees(void **state)
{
	const char *seed = getenv("INUSE_SEED"), *calls = getenv("INUSE_CALLS");
	long left = calls ? atol(calls) : 400;
	unsigned scenes = 0;

	live_need_root();
	live_need_ipv6();
	random_state = seed == NULL ? 9293 : strcmp(seed, "time") == 0 ? (unsigned long long)time(NULL) : strtoull(seed, NULL, 10);
	print_message("seed %llu\n", random_state);
	for (; left > 0; scenes++) {
		struct inuse_snapshot *s;

		scene[0] = 0;
		note("scene %u", scenes);
		for (unsigned i = 1 + pick(5); i > 0; i--)
			step();
		s = look();
		for (int i = 0; i < 8 && left > 0; i++, left--)
			if (call_once(s)) {
				iu_snapshot_free(s);
				s = look();
			}
		iu_snapshot_free(s);
		while (n_fds > 0)
			close(fds[--n_fds]);
		if (scenes % 16 == 15)
			assert_null(live_netns_enter()); /* what is left in TIME-WAIT stays behind */
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {live_test(test_judge__random_scenes__the_kernel_agrees)};

	return LIVE_RUN("differential", tests);
}
