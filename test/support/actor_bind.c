/* SPDX-License-Identifier: MIT */
/* The actor binds and listens: addresses, options, and what is no address at all. */
#include "support/actor_acts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

const char *actor_name(long result)
{
	const char *text = result < 0 ? strerrorname_np(errno) : "ok";

	return text ? text : "?";
}

/* "127.0.0.1:8080", "[::1]:8080", "8080" */
socklen_t actor_parse(const char *text, struct sockaddr_storage *ret)
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

int actor_make(const char *text, int type, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	*ret_len = actor_parse(text, ret);
	return socket(ret->ss_family, type, 0);
}

int actor_try(const char *text, bool reuse)
{
	struct sockaddr_storage sa;
	socklen_t len;
	int fd = actor_make(text, SOCK_STREAM, &sa, &len), on = 1;

	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	printf("bind %s %s\n", text, actor_name(bind(fd, (struct sockaddr *)&sa, len)));
	fflush(stdout);
	return fd;
}

/* listen ADDR...: binds and listens on each, and keeps them */
int do_listen(char **words)
{
	for (; *words != NULL; words++) {
		int fd = actor_try(*words, false);

		printf("listen %s %s\n", *words, actor_name(listen(fd, 5)));
	}
	return 0;
}

int do_reuse(char **words)
{
	for (; *words != NULL; words++) {
		int fd = actor_try(*words, true);

		printf("listen %s %s\n", *words, actor_name(listen(fd, 5)));
	}
	return 0;
}

/* flags ADDR: what SO_REUSEADDR is after bind and after listen */
int do_flags(char **words)
{
	int fd = actor_try(words[0], false), on = -1;
	socklen_t len = sizeof(on);

	printf("listen %s\n", actor_name(listen(fd, 5)));
	getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, &len);
	printf("reuseaddr %d\n", on);
	return 0;
}

int do_twice(char **words)
{
	struct sockaddr_storage sa;
	socklen_t len = actor_parse(words[0], &sa);
	int fd = actor_try(words[0], false);

	printf("again %s\n", actor_name(bind(fd, (struct sockaddr *)&sa, len)));
	printf("listen %s\n", actor_name(listen(fd, -1)));
	printf("bind listening %s\n", actor_name(bind(fd, (struct sockaddr *)&sa, len)));
	return 0;
}

/* odd: whatever bind and listen can be given that is no address or no socket */
int do_odd(char **words)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(8080)};
	static const long lengths[] = {0, 1, 2, 8, 15, 16, 17, 28, 127, 128, 129, 4096, -1, INT32_MAX, INT32_MIN};
	char buffer[256] = {0};
	int fd, unix_fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(buffer, &v4, sizeof(v4));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		printf("length %ld %s\n", lengths[i], actor_name(syscall(SYS_bind, fd, buffer, lengths[i])));
		close(fd);
	}
	fd = socket(AF_INET, SOCK_STREAM, 0);
	printf("null %s\n", actor_name(syscall(SYS_bind, fd, NULL, 16)));
	printf("bad pointer %s\n", actor_name(syscall(SYS_bind, fd, (void *)0x10, 16)));
	printf("kernel pointer %s\n", actor_name(syscall(SYS_bind, fd, (void *)~0xfffUL, 16)));
	printf("bad fd %s\n", actor_name(syscall(SYS_bind, 9999, buffer, 16)));
	printf("negative fd %s\n", actor_name(syscall(SYS_bind, -5, buffer, 16)));
	printf("file %s\n", actor_name(syscall(SYS_bind, 1, buffer, 16)));
	printf("wide fd %s\n", actor_name(syscall(SYS_bind, 0x100000000L + fd, buffer, 16)));
	printf("listen file %s\n", actor_name(listen(1, 5)));
	v4.sin_family = AF_UNSPEC;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	printf("unspecified %s\n", actor_name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	v4.sin_family = 77;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	printf("family %s\n", actor_name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	v4.sin_family = AF_INET;
	printf("unix socket %s\n", actor_name(bind(unix_fd, (struct sockaddr *)&v4, sizeof(v4))));
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	printf("v4 on v6 %s\n", actor_name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	printf("udp %s\n", actor_name(bind(fd, (struct sockaddr *)&v4, sizeof(v4))));
	printf("listen udp %s\n", actor_name(listen(fd, 5)));
	return 0;
}

int do_unix(char **words)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (chdir(words[0]) < 0)
		return 1;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "relative");
	printf("bind %s\n", actor_name(bind(fd, (struct sockaddr *)&sa, sizeof(sa))));
	printf("listen %s\n", actor_name(listen(fd, 5)));
	printf("there %s\n", actor_name(access("relative", F_OK)));
	printf("again %s\n", actor_name(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&sa, sizeof(sa))));
	return unlink("relative");
}
