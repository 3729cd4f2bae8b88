/* SPDX-License-Identifier: MIT */
/* The few names that differ between Winsock and everybody else, for the programs in this folder. */
#ifndef TEXTBOOK_H
#define TEXTBOOK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<winsock2.h>) /* Windows */
#include <winsock2.h>
#include <ws2tcpip.h>

static int start(void)
{
	WSADATA data;

	return WSAStartup(MAKEWORD(2, 2), &data);
}

static void complain(const char *what)
{
	fprintf(stderr, "%s failed: %d\n", what, WSAGetLastError());
}
#else
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int SOCKET;
#define INVALID_SOCKET (-1)
#define closesocket(s) close(s)

static int start(void)
{
	return 0;
}

static void complain(const char *what)
{
	fprintf(stderr, "%s failed: %s\n", what, strerror(errno));
}
#endif

static struct sockaddr_in at(const char *host, const char *port)
{
	struct sockaddr_in a;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((unsigned short)atoi(port));
	a.sin_addr.s_addr = host ? inet_addr(host) : htonl(INADDR_ANY);
	return a;
}

#endif
