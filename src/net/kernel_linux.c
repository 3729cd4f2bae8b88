/* SPDX-License-Identifier: MIT */
/* What Linux tells of a connection of ours. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/linux_tcp.h"
#include "net/socket.h"

enum inuse_state iu_net_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return INUSE_STATE_UNKNOWN;
	return iu_state_from_linux(info.tcpi_state);
}

size_t iu_net_unread(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCINQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

size_t iu_net_unsent(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

int iu_net_dup(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

bool iu_net_opens_late(void)
{
	return true;
}

bool iu_net_reads_again(void)
{
	return true;
}

int iu_net_errno(int uv_code)
{
	return -uv_code;
}

void iu_net_prepare(void)
{
	signal(SIGPIPE, SIG_IGN);
}
