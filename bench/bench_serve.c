/* SPDX-License-Identifier: MIT */
/*
 * `inuse serve` in CPU time, beside nginx and beside a loop of epoll_wait, accept, send and close and nothing else.
 *
 * usage: bench_serve INUSE [CONNECTIONS [ROUNDS]]
 *
 * Each server runs in a child process, in a network namespace of its own; the clients are this process: so many
 * connections at a time are opened, then each is read to its end and closed. CPU time is what the kernel has counted for
 * the server between the first connection and the last, so that neither its start nor its end is in it. Servers take
 * turns, and the median of the rounds counts. Connections a second would only measure the clients.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "support/netns.h"

enum { PORT = 12345, MAX_ROUNDS = 99, MAX_WIDTH = 256, LIMIT_S = 120 };

/* Connections at a time. */
static const int widths[] = {1, 16, 64, MAX_WIDTH};

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
		bench_die("bare server");
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		bench_die("epoll_ctl");
}

/* accept, send, and close at once or (half) shutdown and wait for the client's end. */
static void bare_accept(int epoll, int listener, bool half)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (send(fd, "HELLO", 5, MSG_NOSIGNAL) != 5)
			bench_die("send");
		if (half) {
			shutdown(fd, SHUT_WR);
			watch(epoll, fd);
		} else {
			close(fd);
		}
	}
}

static void bare_server(bool half)
{
	int listener = bare_listener(), epoll = epoll_create1(0);
	struct epoll_event events[256];
	char buf[64];

	watch(epoll, listener);
	for (;;) {
		int ready = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;

			if (fd == listener)
				bare_accept(epoll, listener, half);
			else if (recv(fd, buf, sizeof(buf), 0) <= 0)
				close(fd);
		}
	}
}

static void bare_close(void)
{
	bare_server(false);
}

static void bare_half(void)
{
	bare_server(true);
}

static const char *inuse, *nginx_conf;

static void inuse_first(void)
{
	execl(inuse, "inuse", "serve", "hello", "127.0.0.1:12345", "--close", "first", (char *)NULL);
}

static void inuse_half(void)
{
	execl(inuse, "inuse", "serve", "hello", "127.0.0.1:12345", (char *)NULL);
}

static void nginx(void)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

	putenv(path);
	execlp("nginx", "nginx", "-c", nginx_conf, "-e", "/dev/null", (char *)NULL);
}

/* One process, no log, everything that waits accepted at once. */
static bool write_nginx_conf(char *path)
{
	static const char *const modules[] = {"/usr/lib/nginx/modules/ngx_stream_module.so",
					      "/usr/lib64/nginx/modules/ngx_stream_module.so"};
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (f == NULL)
		bench_die(path);
	for (size_t i = 0; i < 2; i++)
		if (access(modules[i], R_OK) == 0)
			fprintf(f, "load_module %s;\n", modules[i]);
	fprintf(f, "daemon off;\nmaster_process off;\npid %s.pid;\nerror_log /dev/null crit;\n", path);
	fputs("events { worker_connections 1024; multi_accept on; use epoll; }\n", f);
	fprintf(f, "stream { server { listen 127.0.0.1:%d backlog=4096; return \"HELLO\"; } }\n", PORT);
	return fclose(f) == 0;
}

struct row {
	const char *name;
	void (*serve)(void);
	int beside; /* row that this is a multiple of */
	double most; /* inuse may take so many times as much as this; 0: it is inuse */
	size_t n;
	double us[MAX_ROUNDS];
};

static struct row rows[] = {
	{"`inuse serve hello --close first`", inuse_first, 0, 0, 0, {0}},
	{"bare loop: epoll_wait, accept, send, close", bare_close, 0, 1.15, 0, {0}},
	{"nginx: stream, return \"HELLO\"", nginx, 0, 1, 0, {0}},
	{"`inuse serve hello`", inuse_half, 3, 0, 0, {0}},
	{"bare loop: epoll_wait, accept, send, close", bare_close, 3, 1.15, 0, {0}},
	{"bare loop: accept, send, shutdown, read to the end, close", bare_half, 3, 1.15, 0, {0}},
	{"nginx: stream, return \"HELLO\"", nginx, 3, 1, 0, {0}},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static pid_t start(const struct row *row)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL)
		_exit(126);
	row->serve();
	_exit(127);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---------------------------------------------------------------------------------------------- the clients */

/* -1: refused. */
static int dial(void)
{
	struct sockaddr_in addr = server_addr();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die("socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	if (errno != ECONNREFUSED)
		bench_die("connect");
	close(fd);
	return -1;
}

static void hear_out(int fd)
{
	char buf[64];
	ssize_t n, total = 0;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		total += n;
	if (n < 0 || total != 5)
		bench_die("HELLO did not come");
	close(fd);
}

/* Until the server answers. False: it has ended before that, and is reaped. */
static bool is_up(pid_t pid)
{
	int fd, status;

	while ((fd = dial()) < 0) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return false;
		usleep(1000);
	}
	hear_out(fd);
	return true;
}

static void one_batch(int width)
{
	int fds[MAX_WIDTH];

	for (int i = 0; i < width; i++) {
		fds[i] = dial();
		if (fds[i] < 0)
			bench_die("connect");
	}
	for (int i = 0; i < width; i++)
		hear_out(fds[i]);
}

/* Microseconds of CPU time per connection. */
static void measure(struct row *row, long n, int width)
{
	pid_t pid = start(row);
	double before;

	if (!is_up(pid))
		return;
	one_batch(width);
	before = bench_cpu_ms(pid);
	for (long done = 0; done < n; done += width)
		one_batch(width);
	row->us[row->n++] = (bench_cpu_ms(pid) - before) * 1e3 / (double)n;
	stop(pid);
}

static void print_rows(long n, int width)
{
	char with[64], cpu[32], bound[64];

	snprintf(with, sizeof(with), "%ld connections, %d at a time", n, width);
	for (int i = 0; i < N_ROWS; i++) {
		struct row *row = &rows[i], *own = &rows[row->beside];
		double us = bench_median(row->us, row->n), own_us = bench_median(own->us, own->n);
		struct bench_line line = {.with = with, .what = row->name};

		if (row->n == 0) {
			line.cpu = "not here";
		} else {
			line.cpu = bench_cell(cpu, sizeof(cpu), us, "us each");
			line.times = own_us > 0 ? us / own_us : 0;
			if (row->most > 0)
				line.bound = bench_bound(bound, sizeof(bound), own_us <= us * row->most, "inuse at most %g of it", row->most);
		}
		bench_print(&line);
	}
	for (int i = 0; i < N_ROWS; i++)
		rows[i].n = 0;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 12800, rounds = argc > 3 ? atol(argv[3]) : 5;
	char conf[] = "/tmp/inuse-bench-XXXXXX", pid_file[64];
	const char *reason = netns_enter();
	double began_ms = bench_now_ms();

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
	nginx_conf = write_nginx_conf(conf) ? conf : "";
	for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
		for (long round = 0; round < rounds && (round == 0 || bench_now_ms() - began_ms < LIMIT_S * 1e3); round++)
			for (int i = 0; i < N_ROWS; i++)
				measure(&rows[i], n, widths[w]);
		print_rows(n, widths[w]);
	}
	unlink(conf);
	snprintf(pid_file, sizeof(pid_file), "%s.pid", conf);
	unlink(pid_file);
	return 0;
}
