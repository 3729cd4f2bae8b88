/* SPDX-License-Identifier: MIT */
/* Names of states, results, flags and the rest. */
#include "say/names.h"

#include <assert.h>
#include <string.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The first name of a value is the one that is written. */
const struct iu_name iu_names_state[] = {
	{INUSE_STATE_UNKNOWN, "unknown"},
	{INUSE_BOUND, "bound"},
	{INUSE_LISTEN, "listen"},
	{INUSE_SYN_SENT, "syn-sent"},
	{INUSE_SYN_RECV, "syn-received"},
	{INUSE_ESTABLISHED, "established"},
	{INUSE_FIN_WAIT1, "fin-wait-1"},
	{INUSE_FIN_WAIT2, "fin-wait-2"},
	{INUSE_CLOSING, "closing"},
	{INUSE_TIME_WAIT, "time-wait"},
	{INUSE_CLOSE_WAIT, "close-wait"},
	{INUSE_LAST_ACK, "last-ack"},
	{INUSE_BOUND, "closed"}, /* RFC 9293 */
	{INUSE_BOUND, "close"},  /* the kernel, netstat */
	{INUSE_BOUND, "unconn"}, /* ss */
	{INUSE_LISTEN, "listening"},
	{INUSE_SYN_RECV, "syn-recv"},
	{INUSE_ESTABLISHED, "estab"},
	{INUSE_FIN_WAIT1, "fin-wait1"},
	{INUSE_FIN_WAIT2, "fin-wait2"},
	{INUSE_TIME_WAIT, "timewait"},
	{0, NULL},
};

const struct iu_name iu_names_result[] = {
	{INUSE_R_OK, "OK"},
	{INUSE_R_ADDRINUSE, "EADDRINUSE"},
	{INUSE_R_ADDRNOTAVAIL, "EADDRNOTAVAIL"},
	{INUSE_R_ACCES, "EACCES"},
	{INUSE_R_INVAL, "EINVAL"},
	{INUSE_R_NODEV, "ENODEV"},
	{INUSE_R_NETUNREACH, "ENETUNREACH"},
	{INUSE_R_HOSTUNREACH, "EHOSTUNREACH"},
	{INUSE_R_CONNREFUSED, "ECONNREFUSED"},
	{INUSE_R_TIMEDOUT, "ETIMEDOUT"},
	{INUSE_R_PERM, "EPERM"},
	{INUSE_R_AFNOSUPPORT, "EAFNOSUPPORT"},
	{INUSE_R_ISCONN, "EISCONN"},
	{INUSE_R_ALREADY, "EALREADY"},
	{INUSE_R_OPNOTSUPP, "EOPNOTSUPP"},
	{0, NULL},
};
static_assert(N_OF(iu_names_result) == INUSE_N_RESULTS + 1, "every result has one name");

const struct iu_name iu_names_os[] = {
#define OS(name) {IU_SYSTEM_##name, #name},
#include "model/os.def"
#undef OS
	{0, NULL},
};

const struct iu_name iu_names_proto[] = {{INUSE_PROTO_TCP, "tcp"}, {INUSE_PROTO_UDP, "udp"}, {0, NULL}};

const struct iu_name iu_names_call[] = {
	{INUSE_CALL_BIND, "bind"},       {INUSE_CALL_LISTEN, "listen"}, {INUSE_CALL_CONNECT, "connect"},
	{INUSE_CALL_ACCEPT, "accept"}, {0, NULL},
};

const struct iu_name iu_names_outcome[] = {
	{INUSE_GO, "go"},
	{INUSE_FAIL, "fail"},
	{INUSE_CANNOT_TELL, "cannot-tell"},
	{0, NULL},
};

const struct iu_name iu_names_flag[] = {
	{INUSE_REUSEADDR, "reuseaddr"},
	{INUSE_REUSEPORT, "reuseport"},
	{INUSE_V6ONLY, "v6only"},
	{INUSE_FREEBIND, "freebind"},
	{INUSE_TRANSPARENT, "transparent"},
	{INUSE_TIMESTAMPS, "timestamps"},
	{INUSE_PORT_LOCKED, "port-locked"},
	{INUSE_MPTCP, "mptcp"},
	{INUSE_GROUP, "group"},
	{INUSE_REPAIR, "repair"},
	{INUSE_KERNEL, "kernel"},
	{INUSE_HAS_FILE, "has-file"},
	{INUSE_EXCLUSIVE, "exclusive"},
	{0, NULL},
};

const struct iu_name iu_names_known[] = {
	{INUSE_KNOW_REUSEADDR, "reuseaddr"},
	{INUSE_KNOW_REUSEPORT, "reuseport"},
	{INUSE_KNOW_V6ONLY, "v6only"},
	{INUSE_KNOW_TIMESTAMPS, "timestamps"},
	{INUSE_KNOW_PORT_LOCKED, "port-locked"},
	{INUSE_KNOW_MPTCP, "mptcp"},
	{INUSE_KNOW_KERNEL, "kernel"},
	{INUSE_KNOW_HAS_FILE, "has-file"},
	{INUSE_KNOW_DEVICE, "device"},
	{INUSE_KNOW_UID, "uid"},
	{INUSE_KNOW_INODE, "inode"},
	{INUSE_KNOW_OWNER, "owner"},
	{0, NULL},
};

const struct iu_name iu_names_missing[] = {
	{INUSE_MISSING_REUSEADDR, "reuseaddr"},
	{INUSE_MISSING_REUSEPORT, "reuseport"},
	{INUSE_MISSING_V6ONLY, "v6only"},
	{INUSE_MISSING_DEVICE, "device"},
	{INUSE_MISSING_UID, "uid"},
	{INUSE_MISSING_TIMESTAMPS, "timestamps"},
	{INUSE_MISSING_MEMORY, "memory"},
	{INUSE_MISSING_PORT_LOCKED, "port-locked"},
	{INUSE_MISSING_PRIVILEGE, "privilege"},
	{INUSE_MISSING_ADDRESSES, "addresses"},
	{INUSE_MISSING_ROUTE, "route"},
	{INUSE_MISSING_RANGE, "range"},
	{INUSE_MISSING_BOUND, "bound"},
	{INUSE_MISSING_COVERAGE, "coverage"},
	{INUSE_MISSING_PARTIAL, "partial"},
	{INUSE_MISSING_SEQUENCE, "sequence"},
	{INUSE_MISSING_DRAW, "draw"},
	{INUSE_MISSING_SETTING, "setting"},
	{INUSE_MISSING_TIMER, "timer"},
	{INUSE_MISSING_BACKLOG, "backlog"},
	{INUSE_MISSING_DOCUMENT, "document"},
	{0, NULL},
};

const struct iu_name iu_names_feature[] = {
#define FEATURE(id, name, ...) {IU_FEATURE_##id, name},
#include "model/features.def"
#undef FEATURE
	{0, NULL},
};

const char *iu_name_of(const struct iu_name *names, uint32_t value)
{
	for (; names->name != NULL; names++)
		if (names->value == value)
			return names->name;
	return "unknown";
}

static char folded(char c)
{
	return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool iu_name_find(const struct iu_name *names, const char *name, size_t len, uint32_t *ret)
{
	for (; names->name != NULL; names++) {
		size_t i = 0;

		while (i < len && names->name[i] != 0 && folded(names->name[i]) == folded(name[i]))
			i++;
		if (i == len && names->name[i] == 0) {
			*ret = names->value;
			return true;
		}
	}
	return false;
}

uint32_t iu_name_bits(const struct iu_name *names)
{
	uint32_t bits = 0;

	for (; names->name != NULL; names++)
		bits |= names->value;
	return bits;
}

const char *iu_say_state(enum inuse_state state)
{
	static const char *const names[] = {
		[INUSE_STATE_UNKNOWN] = "UNKNOWN",
		[INUSE_BOUND] = "BOUND",
		[INUSE_LISTEN] = "LISTEN",
		[INUSE_SYN_SENT] = "SYN-SENT",
		[INUSE_SYN_RECV] = "SYN-RECEIVED",
		[INUSE_ESTABLISHED] = "ESTABLISHED",
		[INUSE_FIN_WAIT1] = "FIN-WAIT-1",
		[INUSE_FIN_WAIT2] = "FIN-WAIT-2",
		[INUSE_CLOSING] = "CLOSING",
		[INUSE_TIME_WAIT] = "TIME-WAIT",
		[INUSE_CLOSE_WAIT] = "CLOSE-WAIT",
		[INUSE_LAST_ACK] = "LAST-ACK",
	};

	static_assert(N_OF(names) == INUSE_N_STATES, "every state has a name");
	return names[(unsigned)state < INUSE_N_STATES ? state : INUSE_STATE_UNKNOWN];
}

const char *iu_say_result(enum inuse_result result)
{
	return iu_name_of(iu_names_result, result);
}

const char *iu_json_state(enum inuse_state state)
{
	return iu_name_of(iu_names_state, state);
}

const char *iu_json_result(enum inuse_result result)
{
	return iu_name_of(iu_names_result, result);
}

/* Microsoft, "Windows Sockets Error Codes". */
static const struct {
	enum inuse_result result;
	int number;
	const char *text;
} winsock[] = {
	{INUSE_R_ADDRINUSE, 10048, "WSAEADDRINUSE (10048)"},
	{INUSE_R_ACCES, 10013, "WSAEACCES (10013)"},
	{INUSE_R_ADDRNOTAVAIL, 10049, "WSAEADDRNOTAVAIL (10049)"},
	{INUSE_R_CONNREFUSED, 10061, "WSAECONNREFUSED (10061)"},
	{INUSE_R_TIMEDOUT, 10060, "WSAETIMEDOUT (10060)"},
	{INUSE_R_NETUNREACH, 10051, "WSAENETUNREACH (10051)"},
	{INUSE_R_HOSTUNREACH, 10065, "WSAEHOSTUNREACH (10065)"},
	{INUSE_R_INVAL, 10022, "WSAEINVAL (10022)"},
	{INUSE_R_AFNOSUPPORT, 10047, "WSAEAFNOSUPPORT (10047)"},
	{INUSE_R_ISCONN, 10056, "WSAEISCONN (10056)"},
	{INUSE_R_ALREADY, 10037, "WSAEALREADY (10037)"},
	{INUSE_R_OPNOTSUPP, 10045, "WSAEOPNOTSUPP (10045)"},
};

const char *iu_say_winsock(enum inuse_result result)
{
	for (size_t i = 0; i < sizeof(winsock) / sizeof(winsock[0]); i++)
		if (winsock[i].result == result)
			return winsock[i].text;
	return "";
}

int iu_winsock_number(enum inuse_result result)
{
	for (size_t i = 0; i < sizeof(winsock) / sizeof(winsock[0]); i++)
		if (winsock[i].result == result)
			return winsock[i].number;
	return 0;
}
