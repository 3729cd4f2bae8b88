/* SPDX-License-Identifier: MIT */
/* What Windows tells of a connection of ours. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "host/windows.h"
#include "net/aftermath.h"
#include "net/socket.h"

static struct inuse_addr name_of(int fd, int (WINAPI *which)(SOCKET, struct sockaddr *, int *))
{
	struct sockaddr_storage ss = {0};
	int len = sizeof(ss);

	return which((SOCKET)fd, (struct sockaddr *)&ss, &len) == 0 ? iu_net_addr(&ss) : (struct inuse_addr){0};
}

/* SIO_TCP_INFO is younger than Windows 10 1703; the tables are there on every Windows. */
enum inuse_state iu_net_state(int fd)
{
	struct inuse_addr local = name_of(fd, (getsockname)), remote = name_of(fd, getpeername);
	enum inuse_state state = INUSE_STATE_UNKNOWN;

	return iu_net_diag_state(NULL, &local, &remote, &state) && state != INUSE_LISTEN ? state : INUSE_STATE_UNKNOWN;
}

size_t iu_net_unread(int fd)
{
	u_long n = 0;

	return ioctlsocket((SOCKET)fd, FIONREAD, &n) == 0 ? n : 0;
}

/* Windows tells nobody what a peer has not acknowledged yet. */
size_t iu_net_unsent(int fd)
{
	return 0;
}

int iu_net_dup(int fd)
{
	WSAPROTOCOL_INFOW info;
	SOCKET copy = INVALID_SOCKET;

	if (WSADuplicateSocketW((SOCKET)fd, GetCurrentProcessId(), &info) == 0)
		copy = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
				  WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
	if (copy == INVALID_SOCKET) {
		errno = iu_winsock_errno(WSAGetLastError());
		return -1;
	}
	return (int)copy;
}

bool iu_net_opens_late(void)
{
	/* uv_tcp_open() asks Winsock for the address of the peer, which it has forgotten by then */
	return false;
}

bool iu_net_reads_again(void)
{
	/* libuv v1.44.2 src/win/tcp.c uv__tcp_queue_read() gives up then without a read under way */
	return false;
}

int iu_net_errno(int uv_code)
{
	static const struct {
		int uv, code;
	} rows[] = {
		{UV_ECONNRESET, ECONNRESET}, {UV_EPIPE, EPIPE}, {UV_ETIMEDOUT, ETIMEDOUT}, {UV_ECONNREFUSED, ECONNREFUSED},
		{UV_ECONNABORTED, ECONNABORTED}, {UV_EADDRINUSE, EADDRINUSE}, {UV_EADDRNOTAVAIL, EADDRNOTAVAIL},
		{UV_ENETUNREACH, ENETUNREACH}, {UV_EHOSTUNREACH, EHOSTUNREACH}, {UV_ENOMEM, ENOMEM}, {UV_ENOTSOCK, ENOTSOCK},
		{UV_ENOTCONN, ENOTCONN}, {UV_EINVAL, EINVAL}, {UV_EACCES, EACCES}, {UV_EMFILE, EMFILE}, {UV_ENOBUFS, ENOBUFS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].uv == uv_code)
			return rows[i].code;
	return EIO;
}

void iu_net_prepare(void)
{
}

/* ---------------------------------------------------------------------------------- after the end of a connection */

struct iu_net_diag {
	char nothing;
};

struct iu_net_diag *iu_net_diag_new(void)
{
	return calloc(1, sizeof(struct iu_net_diag));
}

void iu_net_diag_free(struct iu_net_diag *diag)
{
	free(diag);
}

struct search {
	const struct inuse_addr *local, *remote;
	enum inuse_state state;
};

static bool look_at(void *arg, const struct inuse_socket *s, uint32_t pid)
{
	struct search *search = arg;

	if (s->local.port != search->local->port || s->state == INUSE_LISTEN || s->remote.port != search->remote->port ||
	    memcmp(s->local.ip, search->local->ip, sizeof(s->local.ip)) != 0 ||
	    memcmp(s->remote.ip, search->remote->ip, sizeof(s->remote.ip)) != 0)
		return true;
	search->state = s->state;
	return false;
}

bool iu_net_diag_state(struct iu_net_diag *diag, const struct inuse_addr *local, const struct inuse_addr *remote,
		       enum inuse_state *ret_state)
{
	struct search search = {local, remote, INUSE_STATE_UNKNOWN};

	if (local->family == 0 || local->family != remote->family || iu_windows_table(local->family, look_at, &search, NULL) < 0)
		return false;
	*ret_state = search.state;
	return true;
}
