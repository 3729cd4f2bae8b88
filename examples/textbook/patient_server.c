/* SPDX-License-Identifier: MIT */
/*
 * The server for the fixed-port client: no SO_REUSEADDR, and it waits until the client has closed before it does.
 * usage: patient_server PORT [COUNT]
 *
 * The open question of that story: a server that has closed first and has these very two ends in TIME-WAIT still accepts
 * them again. accept() asks nothing about TIME-WAIT: the packet that opens the new connection takes the old one's place,
 * if its sequence number or its timestamp is later. See inuse lab syn/server-in-time-wait-accepts.
 */
#include "textbook.h"

int main(int argc, char **argv)
{
	int left = argc > 2 ? atoi(argv[2]) : 0;
	struct sockaddr_in address;
	SOCKET listener, client;
	char buffer[2048];

	if (argc < 2 || start() != 0)
		return 2;
	address = at("127.0.0.1", argv[1]);
	listener = socket(AF_INET, SOCK_STREAM, 0);
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
		puts("accepted");
		fflush(stdout);
		while (recv(client, buffer, sizeof(buffer), 0) > 0)
			;
		closesocket(client);
	} while (left == 0 || --left > 0);
	closesocket(listener);
	return 0;
}
