/* SPDX-License-Identifier: MIT */
/*
 * Servers that are restarted while clients connect all the time.
 *
 * usage: bench_restart INUSE [RESTARTS [SERVER]]      (5 of each unless said otherwise; every server: python, node, nginx, redis)
 *
 * Two kinds of clients. Those in a hurry connect, ask, read the answer, and begin again. The silent ones say nothing for a
 * tenth of a second after connect(): a connection that is reset then was still in the backlog when its listener was closed,
 * because one that was accepted ends with a FIN where nothing was sent. Then they ask, too. Counted are connections that
 * were refused, reset in the backlog, and cut: without an answer, because the server ended. The wait is that of connect().
 * Down is the time from the first connection that was refused to the next one that was not, in all.
 * Prints lines of a table in markdown. Everything runs in a network namespace of its own. Ends with 1 where somebody was refused or
 * reset by a held restart, or waited for longer than an overlapping one is allowed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crowd.h"
#include "measure.h"
#include "server.h"

enum { PORT = 8080, CLIENTS = 4, SILENT = 2, SILENT_MS = 100, ANSWER_MS = 30000, WAITS_MAX = 1 << 20, PAUSE_MS = 150 };

static const char *inuse;
static char folder[64];

/* ------------------------------------------------------------------------------------------- the clients */

static struct tally {
	unsigned long good, refused, reset, cut;
	double *waits; /* of connect(), ms */
	size_t n_waits;
	double down_since, down_ms; /* first one: 0 while it is up */
} tally;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool over;

/* A server: how it is started, asked and stopped. */
struct server {
	const char *name, *words[10], *question;
	bool ends; /* it closes the connection behind its answer */
	int stop;
	const char *stop_name;
};
static const struct server *asked; /* the one of this turn */

static void count(unsigned long *what)
{
	pthread_mutex_lock(&lock);
	++*what;
	pthread_mutex_unlock(&lock);
}

/* Whether somebody listens, as connect() has seen it. */
static void count_connect(double began, int code)
{
	double now = bench_now_ms();

	pthread_mutex_lock(&lock);
	if (code == 0 && tally.n_waits < WAITS_MAX)
		tally.waits[tally.n_waits++] = now - began;
	if (code != 0 && tally.down_since == 0)
		tally.down_since = now;
	if (code == 0 && tally.down_since != 0) {
		tally.down_ms += now - tally.down_since;
		tally.down_since = 0;
	}
	tally.refused += code == ECONNREFUSED;
	tally.reset += code == ECONNRESET; /* it was in the backlog before connect() had come back */
	pthread_mutex_unlock(&lock);
	if (code != 0 && code != ECONNREFUSED && code != ECONNRESET) {
		errno = code;
		bench_die("connect");
	}
}

/* 1: something came, 0: the end came, -1: a reset. */
static int hear(int fd, int timeout_ms, bool *ret_silence)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	char buf[4096];
	ssize_t n;

	*ret_silence = poll(&pfd, 1, timeout_ms) == 0;
	if (*ret_silence)
		return 0;
	n = recv(fd, buf, sizeof(buf), 0);
	return n > 0 ? 1 : n == 0 ? 0 : -1;
}

static void talk(int fd, bool silent)
{
	bool silence = true, answered;
	int heard = silent ? hear(fd, SILENT_MS, &silence) : 0;

	if (!silence) {
		count(heard < 0 ? &tally.reset : &tally.cut);
		return;
	}
	heard = send(fd, asked->question, strlen(asked->question), MSG_NOSIGNAL) < 0 ? -1 : hear(fd, ANSWER_MS, &silence);
	answered = heard > 0;
	while (asked->ends && heard > 0)
		heard = hear(fd, ANSWER_MS, &silence);
	count(answered && heard >= 0 ? &tally.good : &tally.cut);
}

static void *be_client(void *arg)
{
	struct sockaddr_in to = bench_local(PORT);
	bool silent = (size_t)arg < SILENT;

	while (!atomic_load(&over)) {
		double began = bench_now_ms();
		int fd = bench_socket(), code = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;

		count_connect(began, code);
		if (code == 0)
			talk(fd, silent);
		bench_close(fd);
		usleep(1000);
	}
	return NULL;
}

/* -------------------------------------------------------------------------------------- the servers, the ways */

static const struct server servers[] = {
	{"python http.server", {"/usr/bin/python3", "-m", "http.server", "8080", "--bind", "127.0.0.1", "--directory", folder},
	 "GET / HTTP/1.0\r\n\r\n", true, SIGTERM, "TERM"},
	{"node", {"node", "-e", "require('http').createServer((q,r)=>r.end('x')).listen(8080,'127.0.0.1')"},
	 "GET / HTTP/1.0\r\n\r\n", true, SIGTERM, "TERM"},
	{"nginx", {"nginx"}, "GET / HTTP/1.0\r\n\r\n", true, SIGQUIT, "QUIT"},
	{"redis", {"redis-server", "--port", "8080", "--save", "", "--dir", folder, "--loglevel", "warning"}, "PING\r\n", false, SIGTERM, "TERM"},
};
enum { N_SERVERS = sizeof(servers) / sizeof(servers[0]) };

/* The same that python's http.server is, on the socket that a service manager hands it. */
static const char activated[] = "import http.server as h, socket\n"
				"s = h.ThreadingHTTPServer(('', 0), h.SimpleHTTPRequestHandler, bind_and_activate=False)\n"
				"s.socket = socket.socket(fileno=3)\n"
				"s.serve_forever()\n";

/* What is running, and how to start the next one. */
struct running {
	const struct server *server;
	const char *words[32];
	char prefix[128], events[128];
	FILE *told;  /* what inuse tells of its generations */
	pid_t pid;
	int socket;  /* activated: the listener, -1 */
};

static void end(struct running *r, int signal)
{
	kill(r->pid, signal);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void start_bare(struct running *r)
{
	r->pid = bench_start(r->words, -1);
	bench_await_listener(PORT);
}

static void restart_bare(struct running *r)
{
	end(r, r->server->stop);
	start_bare(r);
}

/* Comes back when inuse has told once more that a start listens on all it has to. */
static void await_ready(struct running *r)
{
	double until = bench_now_ms() + 30000;
	char line[4096];

	for (;;) {
		if (fgets(line, sizeof(line), r->told) != NULL) {
			if (strstr(line, "\"event\":\"ready\"") != NULL)
				return;
			continue;
		}
		clearerr(r->told);
		if (bench_now_ms() > until)
			bench_die("inuse run: the next start is not ready");
		usleep(2000);
	}
}

static void start_held(struct running *r)
{
	r->pid = bench_start(r->words, -1);
	bench_await_listener(PORT);
	r->told = fopen(r->events, "re");
	if (r->told == NULL)
		bench_die(r->events);
}

static void restart_held(struct running *r)
{
	kill(r->pid, SIGUSR2);
	await_ready(r);
}

static bool is_nginx(const struct server *server)
{
	return strcmp(server->name, "nginx") == 0;
}

static pid_t read_pid(const char *prefix, const char *name)
{
	char path[256];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", prefix, name);
	f = fopen(path, "re");
	if (f == NULL || fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f != NULL)
		fclose(f);
	return pid;
}

static void start_daemon(struct running *r)
{
	char command[256];

	/* through a shell, by its path: a master whose parent is the one that started it takes no upgrade, nor one without a path */
	snprintf(command, sizeof(command), "\"$(command -v nginx)\" -p %s -c nginx.conf -g 'daemon on;' 2>/dev/null", r->prefix);
	if (system(command) != 0)
		bench_die("nginx");
	bench_await_listener(PORT);
	r->pid = read_pid(r->prefix, "nginx.pid");
}

/* nginx's own way: a new master takes the sockets over, then the old one ends when its connections have. */
static void restart_upgraded(struct running *r)
{
	double until = bench_now_ms() + 10000;
	pid_t old = r->pid, next = old;

	kill(old, SIGUSR2);
	while (next == old || next == 0) {
		if (bench_now_ms() > until)
			bench_die("nginx: no new master");
		usleep(2000);
		next = read_pid(r->prefix, "nginx.pid");
	}
	/* its worker has to be there before the old one goes */
	usleep(100000);
	end(r, SIGQUIT);
	r->pid = next;
}

static bool is_python(const struct server *server)
{
	return strstr(server->name, "python") != NULL;
}

/* The listener was there before: an answer tells that the server is. */
static void await_answer(const struct server *server)
{
	int fd = bench_dial(PORT);
	bool silence;

	if (send(fd, server->question, strlen(server->question), MSG_NOSIGNAL) < 0 || hear(fd, ANSWER_MS, &silence) <= 0)
		bench_die("no answer");
	bench_close(fd);
}

static void start_activated(struct running *r)
{
	const char *words[] = {"/usr/bin/python3", "-c", activated, NULL};

	if (r->socket < 0)
		r->socket = bench_listener(PORT);
	fflush(NULL);
	r->pid = fork();
	if (r->pid < 0)
		bench_die("fork");
	if (r->pid > 0) {
		await_answer(r->server);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(r->socket, 3);
	fcntl(3, F_SETFD, 0);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
	execv(words[0], (char *const *)words);
	_exit(127);
}

static void restart_activated(struct running *r)
{
	end(r, SIGTERM);
	start_activated(r);
}

static void restart_never(struct running *r)
{
	usleep(100000);
}

static bool is_any(const struct server *server)
{
	return true;
}

static const struct way {
	const char *name;
	const char *option; /* of inuse run; NULL: without it */
	bool (*is_for)(const struct server *server);
	void (*start)(struct running *r), (*restart)(struct running *r);
	const char *bound; /* NULL: none. %.1f: how long the slowest in a thousand may wait, ms */
} ways[] = {
	{"`inuse run --hold`, no restarts", "--hold", is_any, start_held, restart_never, NULL},
	{"`inuse run --hold`", "--hold", is_any, start_held, restart_held, "0 refused, 0 reset"},
	{"`inuse run --overlap`", "--overlap", is_any, start_held, restart_held, "0 refused, 0 reset, p99.9 at most %.1f ms"},
	{"stop it and start it", NULL, is_any, start_bare, restart_bare, NULL},
	{"its own upgrade (USR2)", NULL, is_nginx, start_daemon, restart_upgraded, NULL},
	{"a socket of the service manager", NULL, is_python, start_activated, restart_activated, NULL},
};
enum { N_WAYS = sizeof(ways) / sizeof(ways[0]) };

/* ------------------------------------------------------------------------------------------- measuring */

static void prepare(struct running *r, const struct server *server, const struct way *way, unsigned number)
{
	size_t n = 0;

	*r = (struct running){.server = server, .socket = -1};
	snprintf(r->events, sizeof(r->events), "%s/events-%u", folder, number);
	if (way->option != NULL) {
		const char *run[] = {inuse, "run", "-q", way->option, "--stop-signal", server->stop_name, "--events", r->events, "--"};

		memcpy(r->words, run, sizeof(run));
		n = sizeof(run) / sizeof(run[0]);
	}
	if (is_nginx(server)) {
		char place[96];

		snprintf(place, sizeof(place), "%s/%u", folder, number);
		if (mkdir(place, 0755) < 0)
			bench_die(place);
		bench_nginx(place, PORT, r->prefix, r->words + n);
	} else {
		memcpy(r->words + n, server->words, sizeof(server->words));
	}
}

static double calm_ms; /* p99.9 of this server without restarts: the way that is measured first */
static bool missed;    /* a bound was */

static const char *bound_of(const struct way *way, double late, char *buf, size_t size)
{
	bool timed = way->bound != NULL && strchr(way->bound, '%') != NULL, met;
	double limit = 2 * calm_ms + 50;

	if (way->restart == restart_never)
		calm_ms = late;
	if (way->bound == NULL)
		return NULL;
	met = tally.refused == 0 && tally.reset == 0 && tally.good > 0 && (!timed || late <= limit);
	missed |= !met;
	return bench_bound(buf, size, met, way->bound, limit);
}

static void report(const struct server *server, const struct way *way, unsigned restarts, double seconds)
{
	char with[96], what[256], time[64], bound[96];
	double middle = bench_median(tally.waits, tally.n_waits); /* sorts them */
	double late = tally.n_waits > 0 ? tally.waits[(size_t)((double)tally.n_waits * 0.999)] : 0;
	double most = tally.n_waits > 0 ? tally.waits[tally.n_waits - 1] : 0;

	snprintf(with, sizeof(with), "%s, %u restarts", server->name, way->restart == restart_never ? 0 : restarts);
	snprintf(what, sizeof(what), "%s: %lu refused, %lu reset in the backlog, %lu cut, %lu answered, down %.1f s of %.0f", way->name,
		 tally.refused, tally.reset, tally.cut, tally.good, tally.down_ms / 1e3, seconds);
	snprintf(time, sizeof(time), "connect: %.2f ms, p99.9 %.1f, longest %.0f", middle, late, most);
	bench_print(&(struct bench_line){.with = with, .what = what, .time = time, .bound = bound_of(way, late, bound, sizeof(bound))});
}

static void measure(const struct server *server, const struct way *way, unsigned restarts)
{
	static unsigned number;
	pthread_t clients[CLIENTS];
	struct running r;
	double began;

	prepare(&r, server, way, number++);
	way->start(&r);
	asked = server;
	free(tally.waits);
	tally = (struct tally){.waits = malloc(WAITS_MAX * sizeof(double))};
	atomic_store(&over, false);
	began = bench_now_ms();
	for (size_t i = 0; i < CLIENTS; i++)
		if (tally.waits == NULL || pthread_create(&clients[i], NULL, be_client, (void *)i) != 0)
			bench_die("a client");
	for (unsigned i = 0; i < restarts; i++) {
		usleep(PAUSE_MS * 1000);
		way->restart(&r);
	}
	usleep(PAUSE_MS * 1000);
	atomic_store(&over, true);
	for (size_t i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	report(server, way, restarts, (bench_now_ms() - began) / 1e3);
	end(&r, way->option != NULL ? SIGTERM : server->stop);
	if (r.told != NULL)
		fclose(r.told);
	if (r.socket >= 0)
		close(r.socket);
}

int main(int argc, char **argv)
{
	unsigned restarts = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
	const char *only = argc > 3 ? argv[3] : "";
	int place;

	if (argc < 2 || restarts < 1) {
		fprintf(stderr, "usage: bench_restart INUSE [RESTARTS [SERVER]]\n");
		return 2;
	}
	inuse = argv[1];
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* the master that an upgrade starts is a child of the old one */
	place = crowd_place();
	crowd_enter(place);
	bench_folder_new(folder);
	for (int i = 0; i < N_SERVERS; i++) {
		if (strncmp(servers[i].name, only, strlen(only)) != 0)
			continue;
		if (!bench_is_there(servers[i].words[0]))
			bench_print(&(struct bench_line){.with = servers[i].name, .what = "not here"});
		for (int j = 0; j < N_WAYS && bench_is_there(servers[i].words[0]); j++)
			if (ways[j].is_for(&servers[i]))
				measure(&servers[i], &ways[j], restarts);
	}
	bench_folder_free(folder);
	return missed ? 1 : 0;
}
