/* SPDX-License-Identifier: MIT */
/* The actor binds while signals come, and with many threads and processes, some of which end meanwhile. */
#include "support/actor_acts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
int do_storm(char **words)
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
		int fd = actor_make(words[0], SOCK_STREAM, &sa, &len), on = 1, bound, listens = -1;

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		do
			bound = bind(fd, (struct sockaddr *)&sa, len);
		while (again(bound, &broken));
		do
			listens = bound < 0 ? -1 : listen(fd, 1);
		while (bound == 0 && again(listens, &broken));
		if (listens < 0 && wrong++ < 5)
			printf("%d: %s\n", i, actor_name(-1));
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
	actor_try(arg, false);
	return NULL;
}

static void *bind_in_own_table(void *arg)
{
	if (unshare(CLONE_FILES) == 0)
		close(0); /* the socket gets a number that is another file elsewhere */
	actor_try(arg, false);
	return NULL;
}

/* thread ADDR ADDR: binds in a thread, and in one with descriptors of its own */
int do_thread(char **words)
{
	pthread_t thread;

	pthread_create(&thread, NULL, bind_in_thread, words[0]);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, bind_in_own_table, words[1]);
	pthread_join(thread, NULL);
	return 0;
}

/* fork ADDR: binds twice in a grandchild whose parents have gone */
int do_fork(char **words)
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
	actor_try(words[0], false);
	actor_try(words[0], false);
	return 0;
}

/* many N: N listening sockets, on as many addresses */
int do_many(char **words)
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
int do_spawn(char **words)
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
int do_vanish(char **words)
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
				int fd = actor_make(words[0], SOCK_STREAM, &sa, &len);

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
	actor_try(words[0], false);
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
int do_unmap(char **words)
{
	struct sockaddr_storage sa;
	socklen_t len = actor_parse(words[0], &sa);
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
