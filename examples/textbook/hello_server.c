/* SPDX-License-Identifier: MIT */
/*
 * The server of the textbooks: it says HELLO to everybody and closes first, so that the TIME-WAIT stays with it.
 * usage: hello_server PORT [reuseaddr] [COUNT]
 *
 * Start it, connect once, end it, start it again: without the word reuseaddr bind() fails on Linux for a minute.
 * Why: inuse lab restart/server-cannot-restart, and with the word: inuse lab restart/reuseaddr-on-both.
 * On Windows the word means something else: another program may then take the port away from this one.
 */
#include "textbook.h"

int main(int argc, char **argv)
{
	int reuse = argc > 2 && strcmp(argv[2], "reuseaddr") == 0, yes = 1, left = argc > 2 ? atoi(argv[argc - 1]) : 0;
	struct sockaddr_in address;
	SOCKET listener, client;

	if (argc < 2 || start() != 0)
		return 2;
	address = at(NULL, argv[1]);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (reuse && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, (const char *)&yes, sizeof(yes)) != 0) {
		complain("setsockopt");
		return 1;
	}
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0) {
		complain("bind");
		return 1;
	}
	if (listen(listener, 5) != 0) {
		complain("listen");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	/* COUNT 0, or none: for ever */
	do {
		client = accept(listener, NULL, NULL);
		if (client == INVALID_SOCKET) {
			complain("accept");
			return 1;
		}
		send(client, "HELLO", 5, 0);
		closesocket(client);
	} while (left == 0 || --left > 0);
	closesocket(listener);
	return 0;
}
