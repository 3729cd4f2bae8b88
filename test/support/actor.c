/* SPDX-License-Identifier: MIT */
/*
 * A program for tests of `inuse run`: it makes the calls that its words say and prints what each has returned. The same words
 * must print the same, supervised or not. Linked statically: nothing of it can be replaced from outside.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#endif
#define SOCKETCALL_BIND32 361 /* linux v6.18 arch/x86/entry/syscalls/syscall_32.tbl: bind */

static const char *name(long result)
{
	const char *text = result < 0 ? strerrorname_np(errno) : "ok";

	return text ? text : "?";
}

/* "127.0.0.1:8080", "[::1]:8080", "8080" */
static socklen_t parse(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	const char *colon = strrchr(text, ':');
	char host[64];

	memset(ret, 0, sizeof(*ret));
	if (colon == NULL) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(text));
		return sizeof(*v4);
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (host[0] == '[') {
		host[strlen(host) - 1] = 0;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(colon + 1));
		inet_pton(AF_INET6, host + 1, &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)atoi(colon + 1));
	inet_pton(AF_INET, host, &v4->sin_addr);
	return sizeof(*v4);
}

static int make(const char *text, int type, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	*ret_len = parse(text, ret);
	return socket(ret->ss_family, type, 0);
}

static int try_bind(const char *text, bool reuse)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = make(text, SOCK_STREAM, &sa, &len), on = 1;

	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	printf("bind %s %s\n", text, name(bind(fd, (struct sockaddr *)&sa, len)));
	fflush(stdout);
	return fd;
}

/* listen ADDR...: binds and listens on each, and keeps them */
static int do_listen(char **words)
{
	for (; *words != NULL; words++) {
		int fd = try_bind(*words, false);

		printf("listen %s %s\n", *words, name(listen(fd, 5)));
	}
	return 0;
}

static int do_reuse(char **words)
{
	for (; *words != NULL; words++) {
		int fd = try_bind(*words, true);

		printf("listen %s %s\n", *words, name(listen(fd, 5)));
	}
	return 0;
}

/* flags ADDR: what SO_REUSEADDR is after bind and after listen */
static int do_flags(char **words)
{
	int fd = try_bind(words[0], false), on = -1;
	socklen_t len = sizeof(on);

	printf("listen %s\n", name(listen(fd, 5)));
	getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &len);
	printf("reuseaddr %d\n", on);
	return 0;
}

static int do_twice(char **words)
{
	struct sockaddr_storage sa;
	socklen_t len = parse(words[0], &sa);
	int fd = try_bind(words[0], false);

	printf("again %s\n", name(bind(fd, (struct sockaddr *)&sa, len)));
	printf("listen %s\n", name(listen(fd, -1)));
	printf("bind listening %s\n", name(bind(fd, (struct sockaddr *)&sa, len)));
	return 0;
}

/* odd: whatever bind and listen can be given that is no address or no socket */
static int do_odd(char **words)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(8080)};
	static const long lengths[] = {0, 1, 2, 8, 15, 16, 17, 28, 127, 128, 129, 4096, -1, INT32_MAX, INT32_MIN};
	char buffer[256] = {0};
	int fd, unix_fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(buffer, &v4, sizeof(v4));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		printf("length %ld %s\n", lengths[i], name(syscall(SYS_bind, fd, buffer, lengths[i])));
		close(fd);
	}
	fd = socket(AF_INET, SOCK_STREAM, 0);
	printf("null %s\n", name(syscall(SYS_bind, fd, NULL, 16)));
	printf("bad pointer %s\n", name(syscall(SYS_bind, fd, (void *)0x10, 16)));
	printf("kernel pointer %s\n", name(syscall(SYS_bind, fd, (void *)~0xfffUL, 16)));
	printf("bad fd %s\n", name(syscall(SYS_bind, 9999, buffer, 16)));
	printf("negative fd %s\n", name(syscall(SYS_bind, -5, buffer, 16)));
	printf("file %s\n", name(syscall(SYS_bind, 1, buffer, 16)));
	printf("wide fd %s\n", name(syscall(SYS_bind, 0x100000000L + fd, buffer, 16)));
	printf("listen file %s\n", name(listen(1, 5)));
	v4.sin_family = AF_UNSPEC;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	printf("unspecified %s\n", name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	v4.sin_family = 77;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	printf("family %s\n", name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	v4.sin_family = AF_INET;
	printf("unix socket %s\n", name(bind(unix_fd, (struct sockaddr *)&v4, sizeof(v4))));
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	printf("v4 on v6 %s\n", name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	printf("udp %s\n", name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	printf("listen udp %s\n", name(listen(fd, 5)));
	return 0;
}

static int do_unix(char **words)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (chdir(words[0]) < 0)
		return 1;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "relative");
	printf("bind %s\n", name(bind(fd, (struct sockaddr *)&sa, sizeof(sa))));
	printf("listen %s\n", name(listen(fd, 5)));
	printf("there %s\n", name(access("relative", F_OK)));
	printf("again %s\n", name(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&sa, sizeof(sa))));
	return unlink("relative");
}

/* ------------------------------------------------------------------------------------------- signals */

static volatile sig_atomic_t signals_seen;

static void on_signal(int signal)
{
	signals_seen++;
}

/* A bind or listen that was broken into before it was made is made again, if need be. */
static bool again(int result, int *broken)
{
	if (result < 0 && errno == EINTR)
		return ++*broken;
	return false;
}

/*
 * storm ADDR N restart|break: binds and listens N times while another process signals as fast as it can. With
 * SA_RESTART nothing may be seen of it; without, EINTR before anything was done.
 */
static int do_storm(char **words)
{
	bool restart = strcmp(words[2], "restart") == 0;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0};
	int n = atoi(words[1]), wrong = 0, broken = 0;
	pid_t self = getpid(), child;

	sigaction(SIGUSR1, &action, NULL);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (kill(self, SIGUSR1) == 0)
			;
		_exit(0);
	}
	while (signals_seen == 0)
		usleep(1000);
	for (int i = 0; i < n; i++) {
		struct sockaddr_storage sa;
		socklen_t len;
		int fd = make(words[0], SOCK_STREAM, &sa, &len), on = 1, bound, listens = -1;

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		do
			bound = bind(fd, (struct sockaddr *)&sa, len);
		while (again(bound, &broken));
		do
			listens = bound < 0 ? -1 : listen(fd, 1);
		while (bound == 0 && again(listens, &broken));
		if (listens < 0 && wrong++ < 5)
			printf("%d: %s\n", i, name(-1));
		close(fd);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("wrong %d%s\n", wrong, restart && broken > 0 ? ", and broken into" : "");
	return signals_seen < 1;
}

/* ------------------------------------------------------------------------------------- threads, processes */

static void *bind_in_thread(void *arg)
{
	try_bind(arg, false);
	return NULL;
}

static void *bind_in_own_table(void *arg)
{
	if (unshare(CLONE_FILES) == 0)
		close(0); /* the socket gets a number that is another file elsewhere */
	try_bind(arg, false);
	return NULL;
}

/* thread ADDR ADDR: binds in a thread, and in one with descriptors of its own */
static int do_thread(char **words)
{
	pthread_t thread;

	pthread_create(&thread, NULL, bind_in_thread, words[0]);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, bind_in_own_table, words[1]);
	pthread_join(thread, NULL);
	return 0;
}

/* fork ADDR: binds twice in a grandchild whose parents have gone */
static int do_fork(char **words)
{
	pid_t middle;

	fflush(stdout);
	if (fork() != 0)
		return 0;
	setsid();
	middle = getpid();
	if (fork() != 0)
		_exit(0);
	while (getppid() == middle)
		usleep(1000);
	try_bind(words[0], false);
	try_bind(words[0], false);
	return 0;
}

/* many N: N listening sockets, on as many addresses */
static int do_many(char **words)
{
	int n = atoi(words[0]), good = 0;

	for (int i = 0; i < n; i++) {
		struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(8080)};
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		sa.sin_addr.s_addr = htonl(0x7f010000u + (unsigned)i);
		good += fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 5) == 0;
	}
	printf("good %d\n", good);
	return 0;
}

/* spawn N: N children at once, each of which binds */
static int do_spawn(char **words)
{
	int n = atoi(words[0]), good = 0, status;

	for (int i = 0; i < n; i++)
		if (fork() == 0) {
			struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(20000 + i))};
			int fd = socket(AF_INET, SOCK_STREAM, 0);

			_exit(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 1) == 0 ? 0 : 1);
		}
	while (wait(&status) > 0)
		good += status == 0;
	printf("good %d\n", good);
	return 0;
}

static void *end_soon(void *arg)
{
	usleep((useconds_t)(uintptr_t)arg);
	_exit(3);
}

/* vanish ADDR N: N processes end, or are killed, while they bind */
static int do_vanish(char **words)
{
	int n = atoi(words[1]);

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t thread;

			pthread_create(&thread, NULL, end_soon, (void *)(uintptr_t)(i % 40 * 25));
			for (;;) {
				struct sockaddr_storage sa;
				socklen_t len;
				int fd = make(words[0], SOCK_STREAM, &sa, &len);

				(void)bind(fd, (struct sockaddr *)&sa, len); /* whether it succeeds is up to the others */
				close(fd);
			}
		}
		if (i % 2 != 0) {
			usleep((useconds_t)(i % 40 * 25));
			kill(pid, SIGKILL);
		}
		waitpid(pid, NULL, 0);
	}
	try_bind(words[0], false);
	return 0;
}

static void *page;

static void *flicker(void *arg)
{
	for (;;) {
		munmap(page, 4096);
		if (mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page)
			_exit(1);
	}
	return NULL;
}

/* unmap ADDR N: the address comes and goes while it is read */
static int do_unmap(char **words)
{
	struct sockaddr_storage sa;
	socklen_t len = parse(words[0], &sa);
	pthread_t thread;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_create(&thread, NULL, flicker, NULL);
	for (int i = 0; i < atoi(words[1]); i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		long result = syscall(SYS_bind, fd, page, len);

		/* what is read is zeros, of no family that a socket has, or nothing at all */
		if (result == 0 && getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
			printf("bound to nothing\n");
		close(fd);
	}
	printf("done\n");
	fflush(stdout);
	_exit(0);
}

/* ------------------------------------------------------------------------------------------------ rights */

/* drop UID ADDR...: binds as another user */
static int do_drop(char **words)
{
	uid_t uid = (uid_t)atoi(words[0]);

	if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return 1;
	for (words++; *words != NULL; words++)
		try_bind(*words, false);
	return 0;
}

/* user-ns ADDR: binds as root of a user namespace of its own */
static int do_user_ns(char **words)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	try_bind(words[0], false);
	return 0;
}

static bool restrict_binds(void)
{
	struct {
		uint64_t fs, net;
	} attr = {0, LANDLOCK_ACCESS_NET_BIND_TCP};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	return fd >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
}

/* landlock ADDR ADDR: restricts itself, binds; a child does; 77 where the kernel has none for the network */
static int do_landlock(char **words)
{
	try_bind(words[0], false);
	if (!restrict_binds())
		return 77;
	try_bind(words[1], false);
	fflush(stdout);
	if (fork() == 0) {
		try_bind(words[1], false);
		exit(0);
	}
	wait(NULL);
	return 0;
}

static int do_hidden(char **words)
{
	prctl(PR_SET_DUMPABLE, 0);
	try_bind(words[0], false);
	try_bind(words[0], false);
	return 0;
}

/* forbid ERRNO NUMBER CMD ARG...: runs the command where that system call fails so, as under a container's profile */
static int do_forbid(char **words)
{
	unsigned number = (unsigned)atoi(words[1]);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(words[0])),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 77;
	execvp(words[2], words + 2);
	return 127;
}

static int do_uring(char **words)
{
	struct io_uring_params params = {0};

	printf("setup %s\n", syscall(SYS_io_uring_setup, 2, &params) >= 0 ? "ok" : name(-1));
	return 0;
}

/* int80 ADDR: the bind of 32-bit programs */
static int do_int80(char **words)
{
#if defined(__x86_64__)
	struct sockaddr_in *sa = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage all;
	long result;

	parse(words[0], &all);
	memcpy(sa, &all, sizeof(*sa));
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(SOCKETCALL_BIND32), "b"(fd), "c"(sa), "d"(sizeof(*sa)) : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-(int)result;
	printf("bind %s\n", name((int)result < 0 ? -1 : 0));
#endif
	return 0;
}

/* ----------------------------------------------------------------------------------------------- connect */

static void on_alarm(int signal)
{
}

static int client(const char *text, int type, struct sockaddr_storage *sa, socklen_t *len)
{
	return make(text, SOCK_STREAM | type, sa, len);
}

/* connect GOOD BAD: every way in which connect can answer; GOOD listens, nobody does on BAD */
static int do_connect(char **words)
{
	struct sockaddr_storage good, bad;
	struct timeval second = {1, 0};
	struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
	socklen_t good_len, bad_len;
	int fd = client(words[0], 0, &good, &good_len);

	printf("blocking %s\n", name(connect(fd, (struct sockaddr *)&good, good_len)));
	printf("flags %d\n", fcntl(fd, F_GETFL) & O_NONBLOCK);
	printf("again %s\n", name(connect(fd, (struct sockaddr *)&good, good_len)));
	printf("dissolve %s\n", name(connect(fd, &unspecified, sizeof(unspecified))));
	fd = client(words[1], 0, &bad, &bad_len);
	printf("refused %s\n", name(connect(fd, (struct sockaddr *)&bad, bad_len)));
	printf("refused again %s\n", name(connect(fd, (struct sockaddr *)&bad, bad_len)));
	printf("then good %s\n", name(connect(fd, (struct sockaddr *)&good, good_len)));
	fd = client(words[0], SOCK_NONBLOCK, &good, &good_len);
	printf("non-blocking %s\n", name(connect(fd, (struct sockaddr *)&good, good_len)));
	fd = client(words[0], 0, &good, &good_len);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	printf("with timeout %s\n", name(connect(fd, (struct sockaddr *)&good, good_len)));
	return 0;
}

/* stuck ADDR: a connect that nobody answers is interrupted by an alarm, and timed out by SO_SNDTIMEO */
static int do_stuck(char **words)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct timeval short_time = {0, 200000};
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = client(words[0], 0, &sa, &len);

	sigaction(SIGALRM, &action, NULL);
	ualarm(200000, 0);
	printf("alarm %s\n", name(connect(fd, (struct sockaddr *)&sa, len)));
	fd = client(words[0], 0, &sa, &len);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time));
	printf("timeout %s\n", name(connect(fd, (struct sockaddr *)&sa, len)));
	return 0;
}

/* rounds N FROM TO: a client with a fixed port that connects and closes first, N times */
static int do_rounds(char **words)
{
	for (int i = 0; i < atoi(words[0]); i++) {
		struct sockaddr_storage from, to;
		socklen_t from_len, to_len;
		int fd = make(words[1], SOCK_STREAM, &from, &from_len), on = 1;

		to_len = parse(words[2], &to);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		printf("bind %s\n", name(bind(fd, (struct sockaddr *)&from, from_len)));
		printf("connect %s\n", name(connect(fd, (struct sockaddr *)&to, to_len)));
		shutdown(fd, SHUT_WR);
		/* until the server has closed, too */
		while (read(fd, &on, sizeof(on)) > 0)
			;
		close(fd);
	}
	return 0;
}

/* -------------------------------------------------------------------------------------------- surroundings */

/* around: everything that a program could see of who started it */
static int do_around(char **words)
{
	sigset_t mask;
	char link[256];

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i <= 64; i++) {
		struct sigaction action;

		if (sigismember(&mask, i) == 1)
			printf("blocked %d\n", i);
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored %d\n", i);
	}
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d\n", fd);
	}
	printf("group %d\n", getpgrp() == getpgid(getppid()));
	printf("session %d\n", getsid(0) == getsid(getppid()));
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("subreaper %d\n", prctl(PR_GET_CHILD_SUBREAPER, link) == 0 && *(int *)(void *)link);
	for (int i = 0; words[i] != NULL; i++)
		printf("word %s\n", words[i]);
	return 0;
}

static volatile sig_atomic_t got;

static void count_signal(int signal)
{
	got++;
}

/* count SIGNAL: says ready, counts until SIGTERM comes twice or nothing for a while, prints how many */
static int do_count(char **words)
{
	struct sigaction action = {.sa_handler = count_signal};
	struct timespec pause = {0, 20000000};

	sigaction(atoi(words[0]), &action, NULL);
	printf("ready\n");
	fflush(stdout);
	while (got == 0)
		nanosleep(&pause, NULL);
	/* a second one would come within this */
	for (int i = 0; i < 30; i++)
		nanosleep(&pause, NULL);
	printf("got %d\n", got);
	return 0;
}

static volatile sig_atomic_t hung_up, ended;

static void on_hangup(int signal)
{
	hung_up = 1;
}

static void on_end(int signal)
{
	ended = 1;
}

/* stay FILE: a daemon that takes SIGHUP for something else and ends on SIGTERM; tells both in FILE */
static int do_stay(char **words)
{
	struct sigaction hangup = {.sa_handler = on_hangup}, end = {.sa_handler = on_end};
	FILE *f = fopen(words[0], "we");

	sigaction(SIGHUP, &hangup, NULL);
	sigaction(SIGTERM, &end, NULL);
	if (f == NULL)
		return 1;
	fprintf(f, "pid %d\n", getpid());
	fflush(f);
	printf("ready\n");
	fflush(stdout);
	while (!ended) {
		usleep(10000);
		if (hung_up == 1) {
			hung_up = 2;
			fputs("hangup\n", f);
			fflush(f);
		}
	}
	fputs("ended\n", f);
	fclose(f);
	return 0;
}

/* daemon FILE: the same, in the background */
static int do_daemon(char **words)
{
	if (fork() != 0)
		return 5;
	setsid();
	return do_stay(words);
}

/* later FILE ADDR...: binds and listens when FILE is there */
static int do_later(char **words)
{
	printf("pid %d\n", getpid());
	fflush(stdout);
	while (access(words[0], F_OK) != 0)
		usleep(5000);
	return do_listen(words + 1);
}

/* serve ADDR: reads a request of each client and answers with a letter, until it is ended */
static int do_serve(char **words)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = make(words[0], SOCK_STREAM, &sa, &len), on = 1, client;
	char request[512];

	alarm(200); /* where a test fails, nobody else ends it */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 16) < 0) {
		printf("serve %s\n", name(-1));
		return 1;
	}
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (read(client, request, sizeof(request)) > 0 && write(client, "x", 1) != 1)
			printf("a client has gone\n");
		close(client);
	}
	return 1;
}

static const struct {
	const char *word;
	int (*act)(char **words);
} acts[] = {
	{"listen", do_listen},   {"reuse", do_reuse},     {"twice", do_twice},   {"odd", do_odd},       {"unix", do_unix},
	{"storm", do_storm},     {"thread", do_thread},   {"fork", do_fork},     {"many", do_many},     {"spawn", do_spawn},
	{"vanish", do_vanish},   {"unmap", do_unmap},     {"drop", do_drop},     {"user-ns", do_user_ns}, {"landlock", do_landlock},
	{"hidden", do_hidden},   {"forbid", do_forbid},   {"uring", do_uring},     {"int80", do_int80},   {"connect", do_connect}, {"stuck", do_stuck},
	{"around", do_around},   {"count", do_count},     {"flags", do_flags},
	{"rounds", do_rounds},   {"stay", do_stay},       {"daemon", do_daemon},   {"later", do_later},
	{"serve", do_serve},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(argv[1], acts[i].word) == 0)
			return acts[i].act(argv + 2);
	fprintf(stderr, "actor: no such act\n");
	return 2;
}
