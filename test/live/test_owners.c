/* SPDX-License-Identifier: MIT */
/* Whose socket it is: every way in which a process can have one, or seem not to; through BPF, and through /proc alone. */
#include "support/live.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>

#include "host/abilities.h"
#include "host/host.h"
#include "host/sources.h"

#define WITHOUT(id) (1u << IU_SOURCE_##id)
#define WITHOUT_BPF (WITHOUT(BUCKET) | WITHOUT(ITER) | WITHOUT(FILES) | WITHOUT(FLIGHT))

/* What there is, then what there is where BPF is not to be had. */
static const unsigned eyes[] = {0, WITHOUT_BPF};
#define EACH_EYES(i) for (size_t i = 0; i < sizeof(eyes) / sizeof(eyes[0]); i++)

static struct inuse_snapshot *taken;

/* A snapshot of one port; freed by the next. */
static const struct iu_facts *take(uint16_t port, unsigned without)
{
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .owners = true, .bound = true, .without = without};
	struct inuse_error error = {0};

	iu_snapshot_free(taken);
	taken = NULL;
	if (iu_host_take(&scope, &taken, &error) < 0)
		live_fail("iu_host_take: %s", error.text);
	return iu_snapshot_facts(taken);
}

static int forget(void **state)
{
	iu_snapshot_free(taken);
	taken = NULL;
	return 0;
}

/* The one socket in that state. */
static const struct inuse_socket *the(const struct iu_facts *facts, enum inuse_state state)
{
	const struct inuse_socket *found = NULL;

	for (size_t i = 0; i < facts->n_sockets; i++) {
		if (facts->sockets[i].state != state)
			continue;
		if (found != NULL)
			live_fail("two sockets in state %d", state);
		found = &facts->sockets[i];
	}
	if (found == NULL)
		live_fail("no socket in state %d among %zu", state, facts->n_sockets);
	return found;
}

static const struct inuse_process *holder(const struct iu_facts *facts, const struct inuse_socket *socket, unsigned i)
{
	if (i >= socket->n_holders)
		live_fail("%u holders, wanted number %u", socket->n_holders, i);
	return &facts->processes[facts->holders[socket->holders + i].process];
}

/*
 * Whether every process can be read, found out independently: from the first pid namespace, pid 1 included. Some
 * machines keep that one even from root; then "nobody has it" can only be said of a socket that was met on its way.
 */
static bool all_readable(void)
{
	char link[64];

	return readlink("/proc/self/ns/pid", link, sizeof(link)) == 16 && memcmp(link, "pid:[4026531836]", 16) == 0 &&
	       readlink("/proc/1/fd/0", link, sizeof(link)) > 0;
}

/* Where one BPF source works, all must: the first one loads when the other's program is broken. */
static bool have_bpf(void)
{
	uint64_t none = 0;
	bool complete;

	return iu_files_owners(&none, 1, NULL, NULL, &complete, NULL) == INUSE_OK;
}

static bool owner_known(const struct inuse_socket *socket)
{
	return (socket->known & INUSE_KNOW_OWNER) != 0;
}

static void test_take__listener_of_a_child__described(void **state)
{
	char here[4096];
	pid_t pid = LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR));

	assert_non_null(getcwd(here, sizeof(here)));
	EACH_EYES(i) {
		const struct iu_facts *facts = take(8080, eyes[i]);
		const struct inuse_socket *socket = the(facts, INUSE_LISTEN);
		const struct inuse_process *p = holder(facts, socket, 0);

		assert_int_equal(socket->n_holders, 1);
		assert_int_equal(p->pid, pid);
		assert_int_equal(p->ppid, getpid());
		assert_int_equal(p->uid, geteuid());
		assert_string_equal(p->comm, "live_owners");
		assert_non_null(strstr(p->args, "live_owners"));
		assert_non_null(strstr(p->exe, "/live_owners"));
		assert_string_equal(p->cwd, here);
		assert_true(p->same_dir);
		assert_true(strchr("SRD", p->status) != NULL);
		assert_true(p->started_ns > 0 && p->started_ns <= facts->now_ns);
		assert_true(facts->now_ns - p->started_ns < INT64_C(60000000000));
		assert_true(facts->holders[socket->holders].fd >= 0);
		assert_true(owner_known(socket) || !all_readable());
		assert_int_equal(socket->flags & INUSE_REUSEADDR, INUSE_REUSEADDR);
	}
}

static bool keep_one(void *arg, const struct inuse_socket *socket)
{
	*(struct inuse_socket *)arg = *socket;
	return true;
}

/* A table may be long: what was read once becomes the snapshot's, as it is. */
static void test_take__given__neither_read_again_nor_copied(void **state)
{
	uint16_t port = 8080;
	struct inuse_socket *given = malloc(sizeof(*given)), *was = given;
	struct iu_seen seen = {0};
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .owners = true, .bound = true};
	struct inuse_error error = {0};
	const struct iu_facts *facts;

	live_listener("127.0.0.1:8080", 0);
	assert_non_null(given);
	if (iu_host_each(&scope, keep_one, given, &seen, &error) < 0)
		live_fail("iu_host_each: %s", error.text);
	scope.given = &given;
	scope.n_given = 1;
	scope.given_seen = &seen;
	forget(NULL);
	if (iu_host_take(&scope, &taken, &error) < 0)
		live_fail("iu_host_take: %s", error.text);
	facts = iu_snapshot_facts(taken);
	assert_null(given);
	assert_ptr_equal(facts->sockets, was);
	assert_int_equal(the(facts, INUSE_LISTEN)->n_holders, 1);
}

static void test_take__inherited_by_two__all_of_them_oldest_first(void **state)
{
	pid_t first, second;

	live_listener("[::1]:8080", 0);
	first = LIVE_CHILD_INHERITS((void)0);
	second = LIVE_CHILD_INHERITS((void)0);
	EACH_EYES(i) {
		const struct iu_facts *facts = take(8080, eyes[i]);
		const struct inuse_socket *socket = the(facts, INUSE_LISTEN);

		assert_int_equal(socket->n_holders, 3);
		assert_int_equal(holder(facts, socket, 0)->pid, getpid());
		assert_int_equal(holder(facts, socket, 1)->pid, first);
		assert_int_equal(holder(facts, socket, 2)->pid, second);
	}
}

static void test_take__duplicates_in_one_process__one_holder_lowest_descriptor(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0), copy = dup(fd);

	EACH_EYES(i) {
		const struct iu_facts *facts = take(8080, eyes[i]);
		const struct inuse_socket *socket = the(facts, INUSE_LISTEN);

		assert_int_equal(socket->n_holders, 1);
		assert_int_equal(facts->holders[socket->holders].fd, fd < copy ? fd : copy);
	}
	close(copy);
}

static void test_take__in_flight__nobody_and_only_then_known(void **state)
{
	live_in_flight(live_listener("127.0.0.1:8080", 0));
	EACH_EYES(i) {
		const struct inuse_socket *socket = the(take(8080, eyes[i]), INUSE_LISTEN);

		assert_int_equal(socket->n_holders, 0);
		assert_true(socket->inode != 0);
		assert_int_equal(owner_known(socket), all_readable() || (i == 0 && have_bpf()));
	}
}

/* A process with many descriptors; /proc makes a link for each of those that are read there. */
static void hold_many(unsigned n)
{
	struct rlimit limit = {n + 1000, n + 1000};
	int fd = open("/dev/null", O_RDONLY);

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || fd < 0)
		live_fail("%u descriptors: %s", n, strerror(errno));
	for (unsigned i = 0; i < n; i++)
		if (dup(fd) < 0)
			live_fail("dup: %s", strerror(errno));
}

/* CPU time that a look takes. */
static double cost_s(unsigned without)
{
	struct timespec before, after;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_true(owner_known(the(take(8080, without), INUSE_LISTEN)) || without != 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

static void test_take__in_flight_and_300000_descriptors__none_of_them_read(void **state)
{
	live_need_root();
	if (!have_bpf())
		live_skip("no BPF here");
	for (unsigned i = 0; i < 100; i++)
		LIVE_CHILD(hold_many(3000));
	live_in_flight(live_listener("127.0.0.1:8080", 0));
	/* /proc alone reads them four times: both kinds of tasks, and a second look. As a second opinion they are read twice. */
	assert_true(cost_s(0) < cost_s(WITHOUT_BPF) / 5);
}

/* Sent to a unix socket that listens, over a connection that was not accepted yet. */
static void test_take__in_flight_before_accept__found_there(void **state)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "\0inuse-live-owners"};
	int fd = live_listener("127.0.0.1:8080", 0), waiting = socket(AF_UNIX, SOCK_STREAM, 0);
	int sender = socket(AF_UNIX, SOCK_STREAM, 0);
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec byte = {"x", 1};
	struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	control.header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	assert_int_equal(bind(waiting, (struct sockaddr *)&path, sizeof(path)), 0);
	assert_int_equal(listen(waiting, 1), 0);
	assert_int_equal(connect(sender, (struct sockaddr *)&path, sizeof(path)), 0);
	assert_int_equal(sendmsg(sender, &message, 0), 1);
	live_close(fd);
	close(sender);
	assert_int_equal(owner_known(the(take(8080, 0), INUSE_LISTEN)), have_bpf() || all_readable());
	close(waiting);
	live_wait_gone(8080, 0);
}

static void test_take__not_accepted_yet__no_process_and_known(void **state)
{
	int client;

	live_listener("127.0.0.1:8080", 0);
	client = live_dial("127.0.0.1:8080", NULL, 0);
	live_wait(8080, live_port(client), INUSE_ESTABLISHED);
	EACH_EYES(i) {
		const struct inuse_socket *child = the(take(8080, eyes[i]), INUSE_ESTABLISHED);

		assert_int_equal(child->inode, 0);
		assert_int_equal(child->n_holders, 0);
		assert_true(owner_known(child));
	}
}

static void test_take__orphan__no_process_and_known(void **state)
{
	/* longer than 60 s: a full socket without a file, not the small remains */
	live_sysctl("net.ipv4.tcp_fin_timeout", "120");
	live_fin_wait2("127.0.0.1:8080", 0);
	EACH_EYES(i) {
		const struct inuse_socket *orphan = the(take(8080, eyes[i]), INUSE_FIN_WAIT2);

		assert_false(orphan->mini);
		assert_int_equal(orphan->n_holders, 0);
		assert_true(owner_known(orphan));
	}
}

static void test_take__ended_connection__no_process_and_known(void **state)
{
	live_time_wait("[::1]:8080", 0, NULL);
	EACH_EYES(i) {
		const struct inuse_socket *socket = the(take(8080, eyes[i]), INUSE_TIME_WAIT);

		assert_true(socket->mini);
		assert_int_equal(socket->n_holders, 0);
		assert_true(owner_known(socket));
	}
}

static void test_take__process_of_another_user__owner_hidden_from_an_ordinary_one(void **state)
{
	pid_t watcher;

	live_need_root();
	(void)LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR));
	watcher = LIVE_CHILD_AS(
		LIVE_NOBODY, const struct inuse_socket *socket = the(take(8080, 0), INUSE_LISTEN);
		live_tell((long)socket->n_holders << 32 | (long)owner_known(socket) << 1 |
			  ((socket->known & INUSE_KNOW_REUSEADDR) != 0)));
	/* seen, but neither its owner nor its options, and not taken for a socket that nobody holds */
	assert_int_equal(live_heard(watcher), 0);
}

static void test_take__own_process_of_an_ordinary_user__found_with_its_options(void **state)
{
	pid_t watcher;

	live_need_root();
	watcher = LIVE_CHILD_AS(
		LIVE_NOBODY, live_listener("127.0.0.1:8080", LIVE_REUSEADDR); const struct iu_facts *facts = take(8080, 0);
		const struct inuse_socket *socket = the(facts, INUSE_LISTEN);
		live_tell(socket->n_holders == 1 && holder(facts, socket, 0)->pid == getpid() && !owner_known(socket) &&
			  (socket->known & socket->flags & INUSE_REUSEADDR) != 0));
	assert_int_equal(live_heard(watcher), 1);
}

static void test_take__suspended__status_says_so(void **state)
{
	pid_t pid = LIVE_CHILD(live_listener("127.0.0.1:8080", 0));

	live_suspend(pid);
	EACH_EYES(i) {
		const struct iu_facts *facts = take(8080, eyes[i]);

		assert_int_equal(holder(facts, the(facts, INUSE_LISTEN), 0)->status, 'T');
	}
}

static void test_take__without_bpf__options_come_from_the_process(void **state)
{
	static const struct {
		unsigned options;
		uint32_t flags;
	} rows[] = {
		{0, 0}, {LIVE_REUSEADDR, INUSE_REUSEADDR}, {LIVE_REUSEPORT, INUSE_REUSEPORT},
		{LIVE_REUSEADDR | LIVE_REUSEPORT | LIVE_V6ONLY, INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY},
	};
	uint32_t all = INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY;

	live_need_ipv6();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t pid = LIVE_CHILD(live_listener("[::]:8080", rows[i].options));
		const struct inuse_socket *socket = the(take(8080, WITHOUT_BPF), INUSE_LISTEN);

		assert_int_equal(socket->flags & all, rows[i].flags);
		assert_int_equal(socket->known & (all | INUSE_KNOW_DEVICE), all | INUSE_KNOW_DEVICE);
		live_kill(pid, SIGKILL);
		live_wait_gone(8080, 0);
	}
}

static void test_flags__other_file_under_the_number__nothing_is_taken(void **state)
{
	int fd = live_listener("127.0.0.1:8080", LIVE_REUSEADDR);
	struct inuse_socket socket = {.family = 4, .state = INUSE_LISTEN};

	assert_int_equal(iu_proc_flags(getpid(), fd, live_inode(fd) + 1, &socket), INUSE_E_SYSTEM);
	assert_int_equal(iu_proc_flags(getpid(), 999, live_inode(fd), &socket), INUSE_E_SYSTEM);
	assert_int_equal(socket.known, 0);
	assert_int_equal(iu_proc_flags(getpid(), fd, live_inode(fd), &socket), INUSE_OK);
	assert_int_equal(socket.known & socket.flags, INUSE_REUSEADDR);
}

static void test_flags__device_and_timestamps__read(void **state)
{
	struct live_connection c = live_connection("127.0.0.1:0", 0, NULL, 0);
	struct inuse_socket socket = {.family = 4, .state = INUSE_ESTABLISHED};

	assert_int_equal(setsockopt(c.client, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	assert_int_equal(iu_proc_flags(getpid(), c.client, live_inode(c.client), &socket), INUSE_OK);
	assert_int_equal(socket.device, 1);
	assert_true((socket.flags & socket.known & INUSE_TIMESTAMPS) != 0);
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	c = live_connection("127.0.0.1:0", 0, NULL, 0);
	assert_int_equal(iu_proc_flags(getpid(), c.client, live_inode(c.client), &socket), INUSE_OK);
	assert_int_equal(socket.device, 0);
	assert_true((socket.known & INUSE_TIMESTAMPS) != 0 && (socket.flags & INUSE_TIMESTAMPS) == 0);
}

/* A thread that leaves the common table of descriptors and opens its socket afterwards. */
static void *listen_apart(void *arg)
{
	int *made = arg;

	if (unshare(CLONE_FILES) == 0)
		live_listener("127.0.0.1:8080", 0);
	if (write(*made, "x", 1) == 1)
		pause();
	return NULL;
}

static void start_apart(void)
{
	pthread_t thread;
	int made[2];
	char c;

	if (pipe(made) != 0 || pthread_create(&thread, NULL, listen_apart, &made[1]) != 0 || read(made[0], &c, 1) != 1)
		live_fail("no thread");
}

static void test_take__thread_with_a_table_of_its_own__its_process_is_named(void **state)
{
	pid_t pid = LIVE_CHILD(start_apart());

	EACH_EYES(i) {
		const struct iu_facts *facts = take(8080, eyes[i]);

		assert_int_equal(holder(facts, the(facts, INUSE_LISTEN), 0)->pid, pid);
	}
}

static void test_take__bound_only__held_and_seen(void **state)
{
	int fd = live_bound("127.0.0.1:8080", 0);

	EACH_EYES(i) {
		const struct iu_facts *facts = take(8080, eyes[i]);

		if ((facts->unseen & INUSE_MISSING_BOUND) != 0)
			continue;
		assert_int_equal(the(facts, INUSE_BOUND)->inode, live_inode(fd));
		assert_int_equal(holder(facts, the(facts, INUSE_BOUND), 0)->pid, getpid());
	}
}

static void test_take__each_source_alone__finds_the_listener(void **state)
{
	static const enum iu_source_id ids[] = {IU_SOURCE_BUCKET, IU_SOURCE_DIAG, IU_SOURCE_PROCNET};
	unsigned all = WITHOUT(BUCKET) | WITHOUT(ITER) | WITHOUT(DIAG) | WITHOUT(PROCNET);

	live_listener("127.0.0.1:8080", 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		uint16_t port = 8080;
		struct iu_scope scope = {.ports = &port, .n_ports = 1, .without = all & ~(1u << ids[i])};
		struct inuse_snapshot *s;
		struct inuse_error error = {0};
		enum inuse_status status = iu_host_take(&scope, &s, &error);
		const char *source, *text;
		bool ok;

		if (status == INUSE_E_PERMISSION || status == INUSE_E_UNSUPPORTED) {
			assert_true(error.text[0] != 0);
			continue;
		}
		assert_int_equal(status, INUSE_OK);
		the(iu_snapshot_facts(s), INUSE_LISTEN);
		assert_int_equal(iu_snapshot_facts(s)->buckets_known, ids[i] == IU_SOURCE_BUCKET);
		assert_int_equal(iu_snapshot_facts(s)->n_covered, 1);
		iu_snapshot_said(s, 0, &source, &ok, &text);
		assert_true(ok);
		iu_snapshot_free(s);
	}
}

static void test_take__every_source_left_out__one_sentence(void **state)
{
	struct iu_scope scope = {.without = ~0u};
	struct inuse_snapshot *s = NULL;
	struct inuse_error error = {0};

	assert_int_equal(iu_host_take(&scope, &s, &error), INUSE_E_UNSUPPORTED);
	assert_int_equal(error.status, INUSE_E_UNSUPPORTED);
	assert_true(error.text[0] != 0);
	assert_null(s);
}

static void test_take__refused_source__said_and_replaced(void **state)
{
	pid_t watcher;

	live_need_root();
	watcher = LIVE_CHILD_AS(
		LIVE_NOBODY, take(8080, 0); const char *source; const char *text; bool ok; long good = 0;
		for (size_t i = 0; i < iu_snapshot_n_said(taken); i++) {
			iu_snapshot_said(taken, i, &source, &ok, &text);
			good += !ok && strcmp(source, "bucket") == 0 && *text != 0;
			good += (ok && (strcmp(source, "diag") == 0 || strcmp(source, "procnet") == 0) && *text != 0) * 10;
		} live_tell(good));
	assert_int_equal(live_heard(watcher), 11);
}

static void test_take__udp_on_the_port__elsewhere_and_no_blocker(void **state)
{
	uint16_t port = 8080;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .elsewhere = true};
	struct inuse_snapshot *s;
	const struct iu_facts *facts;
	uint64_t udp = 0;

	if (!INUSE_HAVE_MNL)
		live_skip("built without netlink: UDP is not seen");
	live_bound("127.0.0.1:8080", LIVE_UDP);
	assert_int_equal(iu_host_take(&scope, &s, NULL), INUSE_OK);
	facts = iu_snapshot_facts(s);
	assert_int_equal(facts->n_sockets, 0);
	for (size_t i = 0; i < facts->n_elsewhere; i++)
		udp += facts->elsewhere[i].proto == INUSE_PROTO_UDP ? facts->elsewhere[i].count : 0;
	assert_int_equal(udp, 1);
	iu_snapshot_free(s);
}

static bool count_state(void *arg, const struct inuse_socket *socket)
{
	((unsigned *)arg)[socket->state]++;
	return true;
}

static void test_each__streams_the_whole_table_and_one_port(void **state)
{
	uint16_t port = 8080;
	const struct iu_scope scopes[] = {{.bound = true}, {.ports = &port, .n_ports = 1, .bound = true}};

	live_listener("127.0.0.1:8080", 0);
	live_time_wait("127.0.0.1:8081", 0, NULL);
	for (size_t i = 0; i < 2; i++)
		EACH_EYES(j) {
			struct iu_scope scope = scopes[i];
			unsigned n[INUSE_N_STATES] = {0};
			struct iu_seen seen;

			scope.without = eyes[j];
			assert_int_equal(iu_host_each(&scope, count_state, n, &seen, NULL), INUSE_OK);
			assert_int_equal(n[INUSE_LISTEN], 1);
			assert_int_equal(n[INUSE_TIME_WAIT], i == 0);
			assert_true(seen.source[0] != 0);
		}
}

struct ability_count {
	size_t n, sockets, sentences;
};

static void count_ability(void *arg, const struct iu_ability *ability)
{
	struct ability_count *count = arg;

	count->n++;
	count->sentences += ability->text != NULL && ability->text[0] != 0;
	count->sockets += ability->usable && (strcmp(ability->name, "diag") == 0 || strcmp(ability->name, "procnet") == 0);
}

static void test_abilities__every_source__says_what_or_why_not(void **state)
{
	struct ability_count count = {0};

	iu_host_abilities(count_ability, &count);
	assert_int_equal(count.n, IU_N_SOURCES);
	assert_int_equal(count.sentences, IU_N_SOURCES);
	assert_true(count.sockets >= 1);
	assert_null(iu_yama_hindrance(-1, false));
	assert_null(iu_yama_hindrance(0, false));
	assert_null(iu_yama_hindrance(1, true));
	assert_non_null(iu_yama_hindrance(1, false));
	assert_non_null(strstr(iu_yama_hindrance(3, true), "ptrace_scope is 3"));
}

/* Runs inuse with /proc covered by an empty folder; uid -1: as root. */
static const struct live_run *without_proc(int uid, const char *words)
{
	const char *become = uid < 0 ? "" : live_text("setpriv --reuid %d --clear-groups", uid);
	const struct live_run *run = live_run("unshare", "--mount", "sh", "-c",
					      live_text("mount --make-rprivate / && mount -t tmpfs none /proc && exec %s %s %s",
							become, live_inuse_path(), words));

	if (run->status == 127 || run->status == 126 || strstr(run->err, "mount:") != NULL || strstr(run->err, "setpriv:") != NULL ||
	    strstr(run->err, "unshare:") != NULL)
		live_skip("no place without /proc can be made: %s", run->err);
	return run;
}

static void test_inuse__no_proc__neither_low_port_nor_in_flight(void **state)
{
	const struct live_run *run;
	pid_t pid;

	live_need_root();
#ifdef __SANITIZE_ADDRESS__
	live_skip("LeakSanitizer lists threads through /proc, and ends a program that has none with an error of its own");
#endif
	pid = LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR));
	run = without_proc(-1, "127.0.0.1:8080");
	if (!INUSE_HAVE_MNL && !have_bpf()) { /* nothing else is left to look at */
		live_complains(run, 3, "/proc/net/tcp cannot be read");
		return;
	}
	live_says(run, 1, "IN USE by");
	live_says_not(run, "no process has open", "privilege", "4294967295");
	if (have_bpf())
		live_says(run, 1, live_text("a process (pid %d, user root)", pid), live_text("kill %d", pid));
	live_says_not(without_proc(-1, "ls"), "in flight", "4294967295");
	live_says(without_proc(-1, "127.0.0.1:8081"), 0, "FREE");
	run = without_proc(-1, "kill --yes 127.0.0.1:8080");
	assert_int_equal(run->status, 1);
	live_says_not(run, "4294967295", "has just ended");
	assert_int_equal(kill(pid, 0), 0);
	run = without_proc(LIVE_NOBODY, "127.0.0.1:8080");
	live_says(run, 1, "IN USE by");
	live_says_not(run, "privilege");
}

/* Root of a user namespace below the one that has the network: every capability, and no low port. */
static void test_inuse__root_without_the_network__no_low_port(void **state)
{
	const struct live_run *run;

	live_need_root();
	run = live_run("unshare", "--user", "--map-root-user", live_inuse_path(), "--try", "127.0.0.1:80");
	if (run->status == 127 || strstr(run->err, "unshare:") != NULL)
		live_skip("no user namespace can be made: %s", run->err);
	live_says(run, 1, "WOULD FAIL: ports below 1024 need a privilege", "Tried  127.0.0.1:80: EACCES");
	live_says(live_run("unshare", "--user", "--map-root-user", live_inuse_path(), "127.0.0.1:8080"), 0, "FREE");
	live_says(live_inuse("127.0.0.1:80"), 0, "FREE");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_take__listener_of_a_child__described),
		live_test(test_take__given__neither_read_again_nor_copied),
		live_test(test_take__inherited_by_two__all_of_them_oldest_first),
		live_test(test_take__duplicates_in_one_process__one_holder_lowest_descriptor),
		live_test(test_take__in_flight__nobody_and_only_then_known),
		live_test(test_take__in_flight_and_300000_descriptors__none_of_them_read),
		live_test(test_take__in_flight_before_accept__found_there),
		live_test(test_take__not_accepted_yet__no_process_and_known),
		live_test(test_take__orphan__no_process_and_known),
		live_test(test_take__ended_connection__no_process_and_known),
		live_test(test_take__process_of_another_user__owner_hidden_from_an_ordinary_one),
		live_test(test_take__own_process_of_an_ordinary_user__found_with_its_options),
		live_test(test_take__suspended__status_says_so),
		live_test(test_take__without_bpf__options_come_from_the_process),
		live_test(test_flags__other_file_under_the_number__nothing_is_taken),
		live_test(test_flags__device_and_timestamps__read),
		live_test(test_take__thread_with_a_table_of_its_own__its_process_is_named),
		live_test(test_take__bound_only__held_and_seen),
		live_test(test_take__each_source_alone__finds_the_listener),
		live_test(test_take__every_source_left_out__one_sentence),
		live_test(test_take__refused_source__said_and_replaced),
		live_test(test_take__udp_on_the_port__elsewhere_and_no_blocker),
		live_test(test_each__streams_the_whole_table_and_one_port),
		live_test(test_abilities__every_source__says_what_or_why_not),
		live_test(test_inuse__no_proc__neither_low_port_nor_in_flight),
		live_test(test_inuse__root_without_the_network__no_low_port),
	};

	if (live_begin() != NULL)
		return 77;
	return cmocka_run_group_tests_name("owners", tests, NULL, forget);
}
