/* SPDX-License-Identifier: MIT */
/* The tables of the IP Helper (Microsoft, GetExtendedTcpTable function, iphlpapi.h). */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/windows.h"

/* The table grows between asking for its size and reading it. */
#define ATTEMPTS 16

enum inuse_state iu_state_from_windows(unsigned mib_state)
{
	/* Microsoft, MIB_TCPROW_OWNER_PID structure (tcpmib.h); 1 is CLOSED, 12 is about to be deleted */
	static const enum inuse_state states[] = {
		INUSE_STATE_UNKNOWN, INUSE_BOUND,     INUSE_LISTEN,     INUSE_SYN_SENT, INUSE_SYN_RECV, INUSE_ESTABLISHED,
		INUSE_FIN_WAIT1,     INUSE_FIN_WAIT2, INUSE_CLOSE_WAIT, INUSE_CLOSING,  INUSE_LAST_ACK, INUSE_TIME_WAIT,
	};

	return mib_state < sizeof(states) / sizeof(states[0]) ? states[mib_state] : INUSE_STATE_UNKNOWN;
}

static uint16_t port_of(DWORD port_be)
{
	return ntohs((uint16_t)port_be); /* "the upper 16 bits may contain uninitialized data" */
}

/* What both families have in common. */
static struct inuse_socket begin(unsigned mib_state, uint8_t family, DWORD pid, int64_t now_ns, int64_t delay_ns)
{
	struct inuse_socket s = {.state = iu_state_from_windows(mib_state), .family = family, .count = 1};

	s.local.family = s.remote.family = family;
	s.mini = s.state == INUSE_TIME_WAIT;
	if (s.mini) {
		/* since when it waits is in no table: it ends between now and a whole delay from now */
		s.free_at_ns = now_ns;
		s.free_slack_ns = delay_ns;
	}
	if (s.mini || pid != 0)
		s.known |= INUSE_KNOW_OWNER;
	return s;
}

struct inuse_socket iu_windows_socket4(const MIB_TCPROW_OWNER_PID *row, int64_t now_ns, int64_t delay_ns)
{
	struct inuse_socket s = begin(row->dwState, 4, row->dwOwningPid, now_ns, delay_ns);

	memcpy(s.local.ip, &row->dwLocalAddr, 4);
	s.local.port = port_of(row->dwLocalPort);
	if (s.state != INUSE_LISTEN) {
		memcpy(s.remote.ip, &row->dwRemoteAddr, 4);
		s.remote.port = port_of(row->dwRemotePort);
	}
	return s;
}

struct inuse_socket iu_windows_socket6(const MIB_TCP6ROW_OWNER_PID *row, int64_t now_ns, int64_t delay_ns)
{
	struct inuse_socket s = begin(row->dwState, 6, row->dwOwningPid, now_ns, delay_ns);

	memcpy(s.local.ip, row->ucLocalAddr, 16);
	s.local.scope = row->dwLocalScopeId;
	s.local.port = port_of(row->dwLocalPort);
	if (s.state != INUSE_LISTEN) {
		memcpy(s.remote.ip, row->ucRemoteAddr, 16);
		s.remote.scope = row->dwRemoteScopeId;
		s.remote.port = port_of(row->dwRemotePort);
	}
	return s;
}

static enum inuse_status read_table(int family, void **ret, struct inuse_error *error)
{
	ULONG af = family == 6 ? AF_INET6 : AF_INET;
	DWORD size = 65536, rc = ERROR_INSUFFICIENT_BUFFER;
	void *table = NULL;

	for (int i = 0; rc == ERROR_INSUFFICIENT_BUFFER && i < ATTEMPTS; i++) {
		free(table);
		size += size / 4;
		table = malloc(size);
		if (table == NULL)
			return iu_fail(error, INUSE_E_MEMORY, 0, "GetExtendedTcpTable", _("out of memory"));
		rc = GetExtendedTcpTable(table, &size, FALSE, af, TCP_TABLE_OWNER_PID_ALL, 0);
	}
	if (rc == NO_ERROR) {
		*ret = table;
		return INUSE_OK;
	}
	free(table);
	return iu_fail(error, INUSE_E_SYSTEM, (int)rc, "GetExtendedTcpTable",
		       _("Windows does not show its table of connections (error %lu)"), (unsigned long)rc);
}

enum inuse_status iu_windows_table(int family, iu_windows_fn *fn, void *arg, struct inuse_error *error)
{
	int64_t now_ns = iu_host_now(), delay_ns = iu_windows_time_wait_ns();
	const MIB_TCPTABLE_OWNER_PID *v4;
	const MIB_TCP6TABLE_OWNER_PID *v6;
	void *table = NULL;
	enum inuse_status status = read_table(family, &table, error);
	bool more = true;

	if (status < 0)
		return status;
	v4 = table;
	v6 = table;
	for (DWORD i = 0; more && i < (family == 6 ? v6->dwNumEntries : v4->dwNumEntries); i++) {
		struct inuse_socket s = family == 6 ? iu_windows_socket6(&v6->table[i], now_ns, delay_ns)
						    : iu_windows_socket4(&v4->table[i], now_ns, delay_ns);

		if (s.state != INUSE_STATE_UNKNOWN)
			more = fn(arg, &s, family == 6 ? v6->table[i].dwOwningPid : v4->table[i].dwOwningPid);
	}
	free(table);
	return INUSE_OK;
}
