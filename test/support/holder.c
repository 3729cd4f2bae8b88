/* SPDX-License-Identifier: MIT */
/* Tests of `inuse run --hold`: small servers in Python that know which start of them they are, and clients that never stop. */
#include "support/holder.h"

#include <sys/mman.h>

/* ------------------------------------------------------------------------------------------- the programs */

/*
 * What every program here begins with. up(): tells which start of it this is, "up 2". serve(): each client gets that
 * number, until SIGTERM; who was accepted is served.
 */
const char holder_prelude[] =
	"import os, select, signal, socket, struct, sys, time\n"
	"from socket import *\n"
	"def count():\n"
	"    path = sys.argv[1] + '/starts'\n"
	"    n = int(open(path).read()) + 1 if os.path.exists(path) else 1\n"
	"    open(path, 'w').write(str(n))\n"
	"    return n\n"
	"start = count()\n"
	"signal.alarm(200)\n" /* where a test fails, nobody else ends it */
	"def up(*words): print('up', start, *words, flush=True)\n"
	"asked = []\n"
	"signal.signal(signal.SIGTERM, lambda *a: asked.append(1))\n"
	"def serve(s, wait=0.01):\n"
	"    s.settimeout(wait)\n"
	"    while not asked:\n"
	"        try: c, _ = s.accept()\n"
	"        except OSError: continue\n"
	"        c.sendall(b'%d' % start)\n"
	"        c.close()\n"
	"def listen(port=8080, backlog=16, host='127.0.0.1', options=(), family=AF_INET):\n"
	"    s = socket(family)\n"
	"    for o in ((SOL_SOCKET, SO_REUSEADDR, 1),) + tuple(options): s.setsockopt(*o)\n"
	"    s.bind((host, port))\n"
	"    s.listen(backlog)\n"
	"    return s\n";

/*
 * As the calls of that name. Where a socket has a time limit, they end with EINTR when the client is stopped or frozen and goes on
 * (signal(7)); that says nothing about the server.
 */
static ssize_t receive(int fd, char *text, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, text, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

static int dial(int fd, const struct sockaddr_storage *sa, socklen_t len)
{
	int rc;

	/* a second call waits for what the first one has begun: linux v6.18 net/ipv4/af_inet.c __inet_stream_connect() */
	do
		rc = connect(fd, (const struct sockaddr *)sa, len);
	while (rc != 0 && errno == EINTR);
	return rc;
}

/* The answer of the server to one client: which start of the program it was. */
int holder_ask(const char *addr)
{
	int fd = live_dial(addr, NULL, 0);
	struct timeval patience = {LIVE_PATIENCE_MS / 1000, 0};
	char text[16] = "";
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = receive(fd, text, sizeof(text) - 1);
	if (n <= 0)
		live_fail("a client of %s gets no answer: %s", addr, n == 0 ? "end of file" : strerror(errno));
	live_close(fd);
	return atoi(text);
}

void holder_restart(pid_t inuse, int number)
{
	kill(inuse, SIGUSR2);
	live_expect(inuse, live_text("up %d", number));
}

void holder_end(pid_t inuse)
{
	const struct live_run *run = live_finish(inuse, SIGTERM);

	if (run->status != 0 && run->status != 128 + SIGTERM)
		live_fail("status %d:\n%s", run->status, run->out);
	assert_int_equal(live_count(8080, 0, INUSE_LISTEN), 0);
}

/* ------------------------------------------------------------------------------- clients that never stop */

#define CROWD_MOST 16

struct crowd {
	_Atomic unsigned served_each[CROWD_MOST];
	_Atomic unsigned served, refused, reset, other;
	_Atomic int64_t longest_ms;
	_Atomic bool over;
};

static struct crowd *crowd;
static int crowd_size;

static void visit(int number, const struct sockaddr_storage *sa, socklen_t len, const char *words)
{
	int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {LIVE_PATIENCE_MS / 1000, 0};
	int64_t began = live_now_ms();
	char text[512];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (dial(fd, sa, len) != 0) {
		errno == ECONNREFUSED ? crowd->refused++ : crowd->other++;
	} else if (send(fd, words, strlen(words), MSG_NOSIGNAL) < 0) {
		crowd->reset++;
	} else if ((n = receive(fd, text, sizeof(text))) > 0) {
		crowd->served++;
		crowd->served_each[number]++;
	} else if (n < 0 && errno == ECONNRESET) {
		crowd->reset++;
	} else {
		crowd->other++;
	}
	if (live_now_ms() - began > crowd->longest_ms)
		crowd->longest_ms = live_now_ms() - began;
	close(fd);
}

void holder_begin_talking_crowd(const char *addr, int n, const char *words)
{
	struct sockaddr_storage sa;
	socklen_t len = live_sockaddr(addr, &sa);

	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(crowd != MAP_FAILED && n <= CROWD_MOST);
	crowd_size = n;
	for (int i = 0; i < n; i++)
		if (live_fork(false, -1) == 0) {
			while (!crowd->over)
				visit(i, &sa, len, words);
			_exit(0);
		}
}

/* Comes back when so many more were served. */
void holder_await_served(unsigned more)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
	unsigned wanted = crowd->served + more;

	while (crowd->served < wanted)
		if (!live_again(deadline))
			live_fail("nobody is served any more: %u served, %u refused, %u reset, %u other", crowd->served, crowd->refused,
				  crowd->reset, crowd->other);
}

void holder_await_each_served(void)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
	unsigned before[CROWD_MOST];

	for (int i = 0; i < crowd_size; i++)
		before[i] = crowd->served_each[i];
	/* the first of the two may have begun before */
	for (int i = 0; i < crowd_size; i++)
		while (crowd->served_each[i] < before[i] + 2)
			if (!live_again(deadline))
				live_fail("client %d is not served any more", i);
}

void holder_end_crowd(unsigned cut)
{
	crowd->over = true;
	if (crowd->refused > 0 || crowd->reset + crowd->other > cut)
		live_fail("%u served, %u refused, %u reset, %u other, longest %lld ms", crowd->served, crowd->refused, crowd->reset,
			  crowd->other, (long long)crowd->longest_ms);
}

void holder_begin_crowd(const char *addr, int n)
{
	holder_begin_talking_crowd(addr, n, "");
}
