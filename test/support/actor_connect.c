/* SPDX-License-Identifier: MIT */
/* The actor connects and serves. */
#include "support/actor_acts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_alarm(int signal)
{
}

static int client(const char *text, int type, struct sockaddr_storage *sa, socklen_t *len)
{
	return actor_make(text, SOCK_STREAM | type, sa, len);
}

/* connect GOOD BAD: every way in which connect can answer; GOOD listens, nobody does on BAD */
int do_connect(char **words)
{
	struct sockaddr_storage good, bad;
	struct timeval second = {1, 0};
	struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
	socklen_t good_len, bad_len;
	int fd = client(words[0], 0, &good, &good_len);

	printf("blocking %s\n", actor_name(connect(fd, (struct sockaddr *)&good, good_len)));
	printf("flags %d\n", fcntl(fd, F_GETFL) & O_NONBLOCK);
	printf("again %s\n", actor_name(connect(fd, (struct sockaddr *)&good, good_len)));
	printf("dissolve %s\n", actor_name(connect(fd, &unspecified, sizeof(unspecified))));
	fd = client(words[1], 0, &bad, &bad_len);
	printf("refused %s\n", actor_name(connect(fd, (struct sockaddr *)&bad, bad_len)));
	printf("refused again %s\n", actor_name(connect(fd, (struct sockaddr *)&bad, bad_len)));
	printf("then good %s\n", actor_name(connect(fd, (struct sockaddr *)&good, good_len)));
	fd = client(words[0], SOCK_NONBLOCK, &good, &good_len);
	printf("non-blocking %s\n", actor_name(connect(fd, (struct sockaddr *)&good, good_len)));
	fd = client(words[0], 0, &good, &good_len);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	printf("with timeout %s\n", actor_name(connect(fd, (struct sockaddr *)&good, good_len)));
	return 0;
}

/* stuck ADDR: a connect that nobody answers is interrupted by an alarm, and timed out by SO_SNDTIMEO */
int do_stuck(char **words)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct timeval short_time = {0, 200000};
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = client(words[0], 0, &sa, &len);

	sigaction(SIGALRM, &action, NULL);
	ualarm(200000, 200000); /* again, in case the first one comes before the call */
	printf("alarm %s\n", actor_name(connect(fd, (struct sockaddr *)&sa, len)));
	ualarm(0, 0);
	fd = client(words[0], 0, &sa, &len);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time));
	printf("timeout %s\n", actor_name(connect(fd, (struct sockaddr *)&sa, len)));
	return 0;
}

/* rounds N FROM TO: a client with a fixed port that connects and closes first, N times */
int do_rounds(char **words)
{
	for (int i = 0; i < atoi(words[0]); i++) {
		struct sockaddr_storage from, to;
		socklen_t from_len, to_len;
		int fd = actor_make(words[1], SOCK_STREAM, &from, &from_len), on = 1;

		to_len = actor_parse(words[2], &to);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		printf("bind %s\n", actor_name(bind(fd, (struct sockaddr *)&from, from_len)));
		printf("connect %s\n", actor_name(connect(fd, (struct sockaddr *)&to, to_len)));
		shutdown(fd, SHUT_WR);
		/* until the server has closed, too */
		while (read(fd, &on, sizeof(on)) > 0)
			;
		close(fd);
	}
	return 0;
}

/* later FILE ADDR...: binds and listens when FILE is there */
int do_later(char **words)
{
	printf("pid %d\n", getpid());
	fflush(stdout);
	while (access(words[0], F_OK) != 0)
		usleep(5000);
	return do_listen(words + 1);
}

/* serve ADDR: reads a request of each client and answers with a letter, until it is ended */
int do_serve(char **words)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = actor_make(words[0], SOCK_STREAM, &sa, &len), on = 1, client;
	char request[512];

	alarm(200); /* where a test fails, nobody else ends it */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 16) < 0) {
		printf("serve %s\n", actor_name(-1));
		return 1;
	}
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (read(client, request, sizeof(request)) > 0 && write(client, "x", 1) != 1)
			printf("a client has gone\n");
		close(client);
	}
	return 1;
}
