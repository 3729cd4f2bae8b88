/* SPDX-License-Identifier: MIT */
/* Sockets of Windows in the words of POSIX; see compat/socket.h. */
#include "compat/socket.h"

#include <limits.h>
#include <stdio.h>

#undef socket
#undef bind
#undef listen
#undef connect
#undef accept4
#undef setsockopt
#undef getsockopt
#undef getsockname
#undef recv
#undef send
#undef shutdown
#undef poll
#undef getaddrinfo
#undef strerror

/* Both names of a failure; the meanings as in Microsoft's "Windows Sockets Error Codes". */
static const struct {
	int wsa, code;
	const char *text;
} failures[] = {
	{WSAEADDRINUSE, EADDRINUSE, "address already in use (WSAEADDRINUSE, 10048)"},
	{WSAEACCES, EACCES, "permission denied (WSAEACCES, 10013)"},
	{WSAEADDRNOTAVAIL, EADDRNOTAVAIL, "cannot assign requested address (WSAEADDRNOTAVAIL, 10049)"},
	{WSAECONNREFUSED, ECONNREFUSED, "connection refused (WSAECONNREFUSED, 10061)"},
	{WSAECONNRESET, ECONNRESET, "connection reset by peer (WSAECONNRESET, 10054)"},
	{WSAECONNABORTED, ECONNABORTED, "connection aborted (WSAECONNABORTED, 10053)"},
	{WSAETIMEDOUT, ETIMEDOUT, "connection timed out (WSAETIMEDOUT, 10060)"},
	{WSAEHOSTUNREACH, EHOSTUNREACH, "no route to host (WSAEHOSTUNREACH, 10065)"},
	{WSAENETUNREACH, ENETUNREACH, "network is unreachable (WSAENETUNREACH, 10051)"},
	{WSAENETDOWN, ENETDOWN, "network is down (WSAENETDOWN, 10050)"},
	{WSAEAFNOSUPPORT, EAFNOSUPPORT, "address family not supported (WSAEAFNOSUPPORT, 10047)"},
	{WSAEINVAL, EINVAL, "invalid argument (WSAEINVAL, 10022)"},
	{WSAENOPROTOOPT, ENOPROTOOPT, "there is no such option on Windows (WSAENOPROTOOPT, 10042)"},
	{WSAEOPNOTSUPP, EOPNOTSUPP, "operation not supported (WSAEOPNOTSUPP, 10045)"},
	{WSAEPROTONOSUPPORT, EPROTONOSUPPORT, "protocol not supported (WSAEPROTONOSUPPORT, 10043)"},
	{WSAEISCONN, EISCONN, "socket is already connected (WSAEISCONN, 10056)"},
	{WSAENOTCONN, ENOTCONN, "socket is not connected (WSAENOTCONN, 10057)"},
	{WSAEALREADY, EALREADY, "operation already in progress (WSAEALREADY, 10037)"},
	{WSAENOTSOCK, ENOTSOCK, "not a socket (WSAENOTSOCK, 10038)"},
	{WSAEMFILE, EMFILE, "too many open sockets (WSAEMFILE, 10024)"},
	{WSAENOBUFS, ENOBUFS, "no buffer space available (WSAENOBUFS, 10055)"},
	{WSAEFAULT, EFAULT, "bad address (WSAEFAULT, 10014)"},
	{WSAEINTR, EINTR, "interrupted (WSAEINTR, 10004)"},
	{WSAEWOULDBLOCK, EAGAIN, "it would block (WSAEWOULDBLOCK, 10035)"},
	{WSAESHUTDOWN, EPIPE, "the connection is shut down (WSAESHUTDOWN, 10058)"},
	{WSAEINPROGRESS, EINPROGRESS, "operation now in progress (WSAEINPROGRESS, 10036)"},
};

int iu_winsock_errno(int wsa_code)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].wsa == wsa_code)
			return failures[i].code;
	return EIO;
}

const char *iu_winsock_strerror(int code)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].code == code)
			return failures[i].text;
	return strerror(code);
}

/* Winsock has to be started once, by whichever call comes first. */
static BOOL CALLBACK start_winsock(INIT_ONCE *once, void *arg, void **context)
{
	WSADATA data;

	return WSAStartup(MAKEWORD(2, 2), &data) == 0;
}

static void start(void)
{
	static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

	InitOnceExecuteOnce(&once, start_winsock, NULL, NULL);
}

static int result(int rc)
{
	if (rc == SOCKET_ERROR)
		errno = iu_winsock_errno(WSAGetLastError());
	return rc;
}

/* The handle as an int. */
static int adopt(SOCKET s, int flags)
{
	if (s == INVALID_SOCKET)
		return result(SOCKET_ERROR);
	if (s > INT_MAX) {
		closesocket(s);
		errno = EMFILE;
		return -1;
	}
	if ((flags & SOCK_CLOEXEC) != 0)
		SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0);
	if ((flags & SOCK_NONBLOCK) != 0 && iu_socket_set_nonblocking((int)s, true) < 0) {
		iu_socket_close((int)s);
		return -1;
	}
	return (int)s;
}

int iu_winsock_socket(int family, int type, int protocol)
{
	start();
	return adopt(socket(family, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol), type);
}

int iu_winsock_accept(int fd, struct sockaddr *sa, int *len, int flags)
{
	return adopt(accept((SOCKET)fd, sa, len), flags);
}

int iu_winsock_bind(int fd, const struct sockaddr *sa, int len)
{
	return result(bind((SOCKET)fd, sa, len));
}

int iu_winsock_listen(int fd, int backlog)
{
	return result(listen((SOCKET)fd, backlog));
}

int iu_winsock_connect(int fd, const struct sockaddr *sa, int len)
{
	int rc = connect((SOCKET)fd, sa, len);

	if (rc == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK) {
		errno = EINPROGRESS;
		return -1;
	}
	return result(rc);
}

int iu_winsock_setsockopt(int fd, int level, int name, const void *value, int len)
{
	return result(setsockopt((SOCKET)fd, level, name, value, len));
}

int iu_winsock_getsockopt(int fd, int level, int name, void *value, int *len)
{
	int rc = result(getsockopt((SOCKET)fd, level, name, value, len));

	/* the error of a socket comes in Winsock's numbers, too */
	if (rc == 0 && level == SOL_SOCKET && name == SO_ERROR && *(int *)value != 0)
		*(int *)value = iu_winsock_errno(*(int *)value);
	return rc;
}

int iu_winsock_getsockname(int fd, struct sockaddr *sa, int *len)
{
	return result(getsockname((SOCKET)fd, sa, len));
}

ssize_t iu_winsock_recv(int fd, void *buf, size_t len, int flags)
{
	return result(recv((SOCKET)fd, buf, len > INT_MAX ? INT_MAX : (int)len, flags));
}

ssize_t iu_winsock_send(int fd, const void *buf, size_t len, int flags)
{
	return result(send((SOCKET)fd, buf, len > INT_MAX ? INT_MAX : (int)len, flags));
}

int iu_winsock_shutdown(int fd, int how)
{
	return result(shutdown((SOCKET)fd, how));
}

int iu_winsock_poll(WSAPOLLFD *list, unsigned long n, int timeout_ms)
{
	return result(WSAPoll(list, n, timeout_ms));
}

int iu_winsock_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	start();
	return getaddrinfo(host, service, hints, ret);
}

void iu_socket_close(int fd)
{
	int code = errno;

	closesocket((SOCKET)fd);
	errno = code;
}

int iu_socket_set_nonblocking(int fd, bool on)
{
	u_long value = on;

	return result(ioctlsocket((SOCKET)fd, FIONBIO, &value));
}

int iu_socket_claim(int fd)
{
	int on = 1;

	return iu_winsock_setsockopt(fd, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &on, sizeof(on));
}

bool iu_socket_reuse_is_harmless(void)
{
	return false;
}
