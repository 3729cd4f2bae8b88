/* SPDX-License-Identifier: MIT */
/* --try on Windows: its options, a listener that takes nobody, and a connect() that does send a SYN. */
#include "cure/try_own.h"

#define LONGEST_MS 1000

enum inuse_status iu_try_prepare(int fd, const struct inuse_request *r, struct inuse_error *error)
{
	bool six = (r->local.family ? r->local.family : r->remote.family) == 6;

	if ((r->flags & INUSE_REUSEADDR) && !iu_try_set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return iu_try_set_failed(error, "SO_REUSEADDR");
	if ((r->flags & INUSE_EXCLUSIVE) && !iu_try_set(fd, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1))
		return iu_try_set_failed(error, "SO_EXCLUSIVEADDRUSE");
	if (six && !iu_try_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, (r->flags & INUSE_V6ONLY) != 0))
		return iu_try_set_failed(error, "IPV6_V6ONLY");
	return INUSE_OK;
}

/* No connection is taken before the program says so: Microsoft, SOL_SOCKET Socket Options, SO_CONDITIONAL_ACCEPT. */
void iu_try_hush(int fd)
{
	iu_try_set(fd, SOL_SOCKET, SO_CONDITIONAL_ACCEPT, 1);
}

/*
 * Some answers come only after connect() has come back, that a 4-tuple is in use among them: they are waited for, not
 * longer than a moment. Who has not answered by then is no matter of this host.
 */
int iu_try_connect(int fd, const struct sockaddr *remote, socklen_t len)
{
	WSAPOLLFD p = {.fd = (SOCKET)fd, .events = POLLOUT};
	int code = 0;
	socklen_t size = sizeof(code);

	if (connect(fd, remote, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, LONGEST_MS) <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
		return 0;
	return code;
}
