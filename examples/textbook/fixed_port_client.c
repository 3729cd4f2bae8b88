/* SPDX-License-Identifier: MIT */
/*
 * A client that insists on its own port, sets SO_REUSEADDR, connects, closes at once, and begins again until it fails.
 * usage: fixed_port_client SERVER-PORT OWN-PORT [ROUNDS]
 *
 * It closes first, so the TIME-WAIT stays with it, and the next connection has the same two ends. SO_REUSEADDR lets bind()
 * pass; connect() asks about the two ends together, and SO_REUSEADDR has no say in that.
 * Why it fails, or does not: inuse lab fixed-port/reconnect-without-timestamps, fixed-port/reconnect-with-timestamps,
 * and which call fails: fixed-port/bind-comes-first. Windows says WSAEADDRINUSE (10048), Linux EADDRNOTAVAIL.
 */
#include "textbook.h"

static int round_trip(const char *server_port, const char *own_port)
{
	struct sockaddr_in server = at("127.0.0.1", server_port), own = at("127.0.0.1", own_port);
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	int yes = 1;

	if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (const char *)&yes, sizeof(yes)) != 0) {
		complain("setsockopt");
	} else if (bind(s, (struct sockaddr *)&own, sizeof(own)) != 0) {
		complain("bind");
	} else if (connect(s, (struct sockaddr *)&server, sizeof(server)) != 0) {
		complain("connect");
	} else {
		puts("connected");
		fflush(stdout);
		closesocket(s);
		return 1;
	}
	closesocket(s);
	return 0;
}

int main(int argc, char **argv)
{
	int left = argc > 3 ? atoi(argv[3]) : -1;

	if (argc < 3 || start() != 0)
		return 2;
	while (left-- != 0)
		if (!round_trip(argv[1], argv[2]))
			return 1;
	return 0;
}
