/* SPDX-License-Identifier: MIT */
/* Speaking with a supervisor, from outside. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervise/control.h"


int iu_ask_connect(int32_t pid)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	struct sockaddr_un address;
	socklen_t address_len = iu_control_address(pid, &address);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, address_len) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == pid &&
	    (peer.uid == 0 || peer.uid == geteuid() || geteuid() == 0))
		return fd;
	close(fd);
	return -1;
}

size_t iu_ask_list(int32_t *ret, size_t max)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	size_t n = 0;

	while (f != NULL && n < max && fgets(line, sizeof(line), f) != NULL) {
		const char *name = strstr(line, " @" IU_CONTROL_NAME);
		int32_t pid = name ? atoi(name + 2 + strlen(IU_CONTROL_NAME)) : 0;
		bool known = pid <= 0;

		for (size_t i = 0; !known && i < n; i++)
			known = ret[i] == pid; /* its connections have the same name */
		if (!known)
			ret[n++] = pid;
	}
	if (f != NULL)
		fclose(f);
	return n;
}

json_t *iu_ask(int fd, json_t *request_own)
{
	char *text = json_dumps(request_own, JSON_COMPACT), *answer = malloc(IU_CONTROL_MESSAGE_MAX);
	json_t *object = NULL;
	ssize_t n = -1;

	json_decref(request_own);
	if (text != NULL && answer != NULL) {
		/* whoever may not ask finds the connection closed already, and in it why */
		send(fd, text, strlen(text), MSG_NOSIGNAL);
		do
			n = recv(fd, answer, IU_CONTROL_MESSAGE_MAX, 0);
		while (n < 0 && errno == EINTR);
	}
	if (n > 0)
		object = json_loadb(answer, (size_t)n, 0, NULL);
	free(text);
	free(answer);
	return object;
}
