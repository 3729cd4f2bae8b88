/* SPDX-License-Identifier: MIT */
/*
 * Sockets in TIME-WAIT by the million, and processes with many descriptors.
 *
 * Theory of operation
 *
 * The side that closes first keeps the socket in TIME-WAIT. One connection after the other: connect, accept, the server's
 * close, the client's close; on loopback all of it happens inside these calls. The same two addresses and ports must not
 * come again within 60 s, as a new connection would take over the old one's place: hence the many client addresses. With
 * IP_BIND_ADDRESS_NO_PORT the client's port is chosen by connect(), for this destination.
 */
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "support/netns.h"

enum { MAX_PORTS = 256, ADDRESSES = 1000, THREADS = 2, FILL_S = 30 };

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		bench_die(path);
	close(fd);
}

static int own_place(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		bench_die("/proc/thread-self/ns/net");
	return fd;
}

void crowd_enter(int place)
{
	if (setns(place, CLONE_NEWNET) < 0)
		bench_die("setns");
}

int crowd_place(void)
{
	int outside = own_place(), place;
	const char *reason = netns_enter();

	if (reason != NULL) {
		fprintf(stderr, "bench: %s\n", reason);
		exit(77);
	}
	write_setting("/proc/sys/net/ipv4/tcp_max_tw_buckets", "2000000");
	write_setting("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
	place = own_place();
	crowd_enter(outside);
	close(outside);
	return place;
}

size_t crowd_count(void)
{
	FILE *f = fopen("/proc/thread-self/net/sockstat", "re");
	unsigned long n = 0;
	char line[256];

	if (f == NULL)
		bench_die("/proc/thread-self/net/sockstat");
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "TCP: inuse %*u orphan %*u tw %lu", &n) == 1)
			break;
	fclose(f);
	return n;
}

/* ------------------------------------------------------------------------------------------- TIME-WAIT */

struct filler {
	pthread_t thread;
	unsigned number, n_ports;
	uint16_t first_port;
	size_t n;
	uint32_t address; /* goes on where the last one stopped */
	double until_ms;
	int listeners[MAX_PORTS];
};

static struct sockaddr_in ipv4(uint32_t address, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
}

static int make_socket(const struct sockaddr_in *addr, int option_level, int option)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, option_level, option, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		bench_die("a socket of the crowd");
	return fd;
}

static void end_one(struct filler *f, size_t i)
{
	uint32_t server_address = INADDR_LOOPBACK + f->number;
	unsigned port = (unsigned)(i % f->n_ports);
	struct sockaddr_in to = ipv4(server_address, (uint16_t)(f->first_port + port));
	struct sockaddr_in from = ipv4((127u << 24 | (f->number + 1) << 16) + 1 + f->address % ADDRESSES, 0);
	int client = make_socket(&from, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), server;

	f->address++;
	if (connect(client, (struct sockaddr *)&to, sizeof(to)) < 0)
		bench_die("connect");
	server = accept4(f->listeners[port], NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		bench_die("accept");
	close(server);
	close(client);
}

static void *fill(void *arg)
{
	struct filler *f = arg;

	for (unsigned i = 0; i < f->n_ports; i++) {
		struct sockaddr_in at = ipv4(INADDR_LOOPBACK + f->number, (uint16_t)(f->first_port + i));

		f->listeners[i] = make_socket(&at, SOL_SOCKET, SO_REUSEADDR);
		if (listen(f->listeners[i], 16) < 0)
			bench_die("listen");
	}
	for (size_t i = 0; f->n_ports > 0 && i < f->n && (i % 1024 != 0 || bench_now_ms() < f->until_ms); i++)
		end_one(f, i);
	for (unsigned i = 0; i < f->n_ports; i++)
		close(f->listeners[i]);
	return NULL;
}

void crowd_fill(size_t n, uint16_t first_port, unsigned n_ports)
{
	static struct filler fillers[THREADS];
	size_t there = crowd_count();

	if (n_ports == 0 || n_ports > MAX_PORTS || there >= n)
		return;
	for (unsigned i = 0; i < THREADS; i++) {
		struct filler *f = &fillers[i];

		f->number = i;
		f->first_port = first_port;
		f->until_ms = bench_now_ms() + FILL_S * 1e3;
		f->n_ports = n_ports;
		f->n = (n - there) / THREADS + (i == 0 ? (n - there) % THREADS : 0);
		errno = pthread_create(&f->thread, NULL, fill, f);
		if (errno != 0)
			bench_die("pthread_create");
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(fillers[i].thread, NULL);
}

/* ------------------------------------------------------------------------------------------- processes */

/* A child that ends when this program does. In the child: 0. */
static pid_t spawn(int *ret_ready)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		bench_die("pipe");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	close(ready[pid == 0 ? 0 : 1]);
	*ret_ready = ready[pid == 0 ? 1 : 0];
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void stay(int ready)
{
	if (write(ready, "", 1) != 1)
		_exit(1);
	close(ready);
	for (;;)
		pause();
}

static void await(int ready)
{
	char byte;

	if (read(ready, &byte, 1) != 1) {
		errno = ECHILD;
		bench_die("a process of the crowd");
	}
	close(ready);
}

static void hold(unsigned descriptors, int ready)
{
	struct rlimit limit = {descriptors + 64, descriptors + 64};
	int fd;

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || (fd = open("/dev/null", O_RDONLY)) < 0)
		_exit(1);
	for (unsigned i = 1; i < descriptors; i++)
		if (dup(fd) < 0)
			_exit(1);
	stay(ready);
}

void crowd_summon(pid_t *pids, unsigned n, unsigned descriptors)
{
	for (unsigned i = 0; i < n; i++) {
		int ready;

		pids[i] = spawn(&ready);
		if (pids[i] == 0)
			hold(descriptors, ready);
		await(ready);
	}
}

void crowd_dismiss(pid_t *pids, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
}

pid_t crowd_listener(uint16_t port)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int ready, fd, on = 1;
	pid_t pid = spawn(&ready);

	if (pid > 0) {
		await(ready);
		return pid;
	}
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, SOMAXCONN) < 0)
		_exit(1);
	stay(ready);
	_exit(1);
}
