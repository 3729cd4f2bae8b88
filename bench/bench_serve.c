/* SPDX-License-Identifier: MIT */
/*
 * What a connection costs `inuse serve` in CPU time, beside a loop of epoll_wait, accept, send and close, and nothing else.
 *
 * usage: bench_serve INUSE [CONNECTIONS [ROUNDS]]
 *
 * Each server runs in a child process, in a network namespace of its own; the clients are this process: so many
 * connections at a time are opened, then each is read to its end and closed. CPU time is what wait4() says of the
 * child, user and system, its start included. Servers take turns, and the median of the rounds counts.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/live.h"

enum { PORT = 12345, MAX_ROUNDS = 99, MAX_WIDTH = 64 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in server_addr(void)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

/* ---------------------------------------------------------------------------------------------- the servers */

static int bare_listener(void)
{
	struct sockaddr_in addr = server_addr();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, SOMAXCONN) < 0)
		die("bare server");
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

/* accept, send, and close at once or (half) shutdown and wait for the client's end. Returns how many are over now. */
static long bare_accept(int epoll, int listener, bool half)
{
	long over = 0;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (send(fd, "HELLO", 5, MSG_NOSIGNAL) != 5)
			die("send");
		if (half) {
			shutdown(fd, SHUT_WR);
			watch(epoll, fd);
		} else {
			close(fd);
			over++;
		}
	}
	return over;
}

static void bare_server(long n, bool half)
{
	int listener = bare_listener(), epoll = epoll_create1(0);
	struct epoll_event events[256];
	char buf[64];

	watch(epoll, listener);
	while (n > 0) {
		int ready = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;

			if (fd == listener) {
				n -= bare_accept(epoll, listener, half);
			} else if (recv(fd, buf, sizeof(buf), 0) <= 0) {
				close(fd);
				n--;
			}
		}
	}
	_exit(0);
}

static const char *inuse;

struct row {
	const char *name;
	bool bare, half;
	const char *words[6];
	int beside; /* row of which this is a multiple */
	double us[MAX_ROUNDS];
};

static struct row rows[] = {
	{"bare loop: accept, send, close", true, false, {0}, 0, {0}},
	{"inuse serve --close first", false, false, {"--close", "first"}, 0, {0}},
	{"bare loop: ... shutdown, read to the end, close", true, true, {0}, 2, {0}},
	{"inuse serve (half)", false, true, {"--close", "half"}, 2, {0}},
	{"inuse serve -v", false, true, {"-v"}, 2, {0}},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static pid_t start(const struct row *row, long n)
{
	char count[32];
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	if (row->bare)
		bare_server(n, row->half);
	snprintf(count, sizeof(count), "%ld", n);
	if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL)
		_exit(126);
	execl(inuse, "inuse", "serve", "127.0.0.1:12345", "--count", count, row->words[0], row->words[1], (char *)NULL);
	_exit(127);
}

/* ---------------------------------------------------------------------------------------------- the clients */

static int dial(void)
{
	struct sockaddr_in addr = server_addr();
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	/* the server may not be there yet */
	for (int i = 0; connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0; i++) {
		if (errno != ECONNREFUSED || i == 1000)
			die("connect");
		usleep(1000);
	}
	return fd;
}

static void hear_out(int fd)
{
	char buf[64];
	ssize_t n, total = 0;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		total += n;
	if (n < 0 || total != 5)
		die("HELLO did not come");
	close(fd);
}

/* Microseconds of CPU time per connection. */
static double measure(const struct row *row, long n, int width)
{
	pid_t pid = start(row, n);
	struct rusage usage;
	int fds[MAX_WIDTH], status;

	for (long done = 0; done < n; done += width) {
		for (int i = 0; i < width; i++)
			fds[i] = dial();
		for (int i = 0; i < width; i++)
			hear_out(fds[i]);
	}
	if (wait4(pid, &status, 0, &usage) != pid || status != 0)
		die("the server did not end well");
	return ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)) / (double)n;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 19200, rounds = argc > 3 ? atol(argv[3]) : 5;
	const char *reason = live_netns_enter();

	if (argc < 2 || n < MAX_WIDTH || rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "usage: bench_serve INUSE [CONNECTIONS [ROUNDS]]\n");
		return 2;
	}
	if (reason != NULL) {
		printf("SKIP: %s\n", reason);
		return 77;
	}
	inuse = argv[1];
	n -= n % MAX_WIDTH;
	for (int width = 1; width <= MAX_WIDTH; width *= MAX_WIDTH) {
		printf("%ld connections, %d at a time, median of %ld rounds\n", n, width, rounds);
		for (long round = 0; round < rounds; round++)
			for (int i = 0; i < N_ROWS; i++)
				rows[i].us[round] = measure(&rows[i], n, width);
		for (int i = 0; i < N_ROWS; i++) {
			qsort(rows[i].us, (size_t)rounds, sizeof(double), by_size);
			printf("  %-50s %6.2f us of CPU each  %5.2f times\n", rows[i].name, rows[i].us[rounds / 2],
			       rows[i].us[rounds / 2] / rows[rows[i].beside].us[rounds / 2]);
		}
	}
	return 0;
}
