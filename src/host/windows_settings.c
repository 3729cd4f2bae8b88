/* SPDX-License-Identifier: MIT */
/* Settings, addresses and interfaces of Windows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/sockaddr.h"
#include "host/sources.h"
#include "host/windows.h"

#define PARAMETERS L"SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define NS_PER_S INT64_C(1000000000)
/* Microsoft, "TCP TIME-WAIT Delay" (ms819739): 30 to 300 s, 240 s where nothing is set. Newer systems wait less. */
#define LONGEST_DEFAULT_S 240

int64_t iu_windows_time_wait_ns(void)
{
	DWORD seconds = 0, size = sizeof(seconds);

	if (RegGetValueW(HKEY_LOCAL_MACHINE, PARAMETERS, L"TcpTimedWaitDelay", RRF_RT_REG_DWORD, NULL, &seconds, &size) != 0 ||
	    seconds < 30 || seconds > 300)
		seconds = LONGEST_DEFAULT_S;
	return seconds * NS_PER_S;
}

bool iu_windows_range(const char *text, struct iu_range *ret)
{
	unsigned long numbers[2] = {0, 0};
	size_t n = 0;

	for (const char *at = strchr(text, ':'); at != NULL; at = strchr(at + 1, ':')) {
		const char *digits = at + 1 + strspn(at + 1, " \t");

		if (*digits < '0' || *digits > '9')
			continue;
		numbers[0] = numbers[1];
		numbers[1] = strtoul(digits, NULL, 10);
		n++;
	}
	if (n < 2 || numbers[0] == 0 || numbers[0] > 65535 || numbers[1] == 0 || numbers[1] > 65536 - numbers[0])
		return false;
	ret->first = (uint16_t)numbers[0];
	ret->last = (uint16_t)(numbers[0] + numbers[1] - 1);
	return true;
}

bool iu_windows_excluded(const char *line, struct iu_range *ret, bool *ret_administered)
{
	char *end;
	unsigned long first, last;
	bool asterisk;

	line += strspn(line, " \t");
	if (*line < '0' || *line > '9')
		return false;
	first = strtoul(line, &end, 10);
	line = end + strspn(end, " \t");
	if (line == end || *line < '0' || *line > '9')
		return false;
	last = strtoul(line, &end, 10);
	line = end + strspn(end, " \t");
	asterisk = *line == '*';
	line += asterisk;
	if (first > 65535 || last > 65535 || first > last || line[strspn(line, " \t\r\n")] != 0)
		return false;
	*ret = (struct iu_range){(uint16_t)first, (uint16_t)last};
	*ret_administered = asterisk;
	return true;
}

/* No function of Windows tells these ranges; its own program does. NULL: it is not there. _pclose() it. */
static FILE *ask_netsh(const wchar_t *words)
{
	wchar_t folder[MAX_PATH], command[MAX_PATH + 128];

	if (GetSystemDirectoryW(folder, MAX_PATH) == 0)
		return NULL;
	_snwprintf(command, MAX_PATH + 128, L"%ls\\netsh.exe interface ipv4 show %ls 2>NUL", folder, words);
	return _wpopen(command, L"rb");
}

/* True: a list was there, if only its heading. */
static bool read_excluded(struct inuse_snapshot *s)
{
	FILE *pipe = ask_netsh(L"excludedportrange protocol=tcp");
	bool administered, any = false;
	struct iu_range range;
	char line[256];

	while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
		any |= strstr(line, "----") != NULL;
		/* one that an administrator has set is kept from automatic ports only */
		if (iu_windows_excluded(line, &range, &administered))
			administered ? iu_snapshot_add_reserved(s, &range) : iu_snapshot_add_excluded(s, &range);
	}
	if (pipe != NULL)
		_pclose(pipe);
	return any;
}

static void read_range(struct iu_facts *f)
{
	FILE *pipe = ask_netsh(L"dynamicport tcp");
	struct iu_range range;
	char text[4096];
	size_t len;

	if (pipe == NULL)
		return;
	len = fread(text, 1, sizeof(text) - 1, pipe);
	_pclose(pipe);
	text[len] = 0;
	if (!iu_windows_range(text, &range))
		return;
	f->settings[IU_SET_RANGE_FIRST] = range.first;
	f->settings[IU_SET_RANGE_LAST] = range.last;
	f->settings_known |= 1u << IU_SET_RANGE_FIRST | 1u << IU_SET_RANGE_LAST;
}

static void add_adapter(struct inuse_snapshot *s, const IP_ADAPTER_ADDRESSES *a)
{
	struct iu_device device = {.index = a->IfIndex ? a->IfIndex : a->Ipv6IfIndex, .up = a->OperStatus == IfOperStatusUp};
	char name[512];

	if (WideCharToMultiByte(CP_UTF8, 0, a->FriendlyName, -1, name, sizeof(name), NULL, NULL) <= 0)
		name[0] = 0;
	device.name = iu_snapshot_string(s, name);
	device.loopback = a->IfType == IF_TYPE_SOFTWARE_LOOPBACK;
	iu_snapshot_add_device(s, &device);
	for (const IP_ADAPTER_UNICAST_ADDRESS *u = a->FirstUnicastAddress; u != NULL; u = u->Next) {
		struct sockaddr_storage ss = {0};
		struct iu_local local = {.device = device.index};

		memcpy(&ss, u->Address.lpSockaddr, (size_t)u->Address.iSockaddrLength);
		local.addr = iu_sockaddr_to(&ss);
		local.prefix_len = local.addr.family == 4 ? 32 : 128;
		local.tentative = u->DadState == IpDadStateTentative;
		if (local.addr.family != 0)
			iu_snapshot_add_local(s, &local);
	}
}

static void read_addresses(struct inuse_snapshot *s)
{
	static const struct iu_local loopback = {.addr = {.family = 4, .ip = {127}}, .prefix_len = 8};
	ULONG size = 32768, rc = ERROR_BUFFER_OVERFLOW;
	IP_ADAPTER_ADDRESSES *list = NULL;

	for (int i = 0; rc == ERROR_BUFFER_OVERFLOW && i < 8; i++) {
		free(list);
		list = malloc(size);
		if (list == NULL)
			return;
		rc = GetAdaptersAddresses(AF_UNSPEC, GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER,
					  NULL, list, &size);
	}
	if (rc == NO_ERROR) {
		for (const IP_ADAPTER_ADDRESSES *a = list; a != NULL; a = a->Next)
			add_adapter(s, a);
		iu_snapshot_add_local(s, &loopback);
		iu_snapshot_scalars(s)->locals_known = true;
	}
	free(list);
}

void iu_windows_surroundings(struct inuse_snapshot *s)
{
	read_addresses(s);
}

bool iu_windows_ranges(struct inuse_snapshot *s)
{
	read_range(iu_snapshot_scalars(s));
	return read_excluded(s);
}

/* Where netsh tells nothing the range is the documented one: Microsoft, bind function (winsock2.h): 49152 to 65535. */
enum inuse_status iu_settings_read(struct inuse_snapshot *s, struct inuse_error *error)
{
	struct iu_facts *f = iu_snapshot_scalars(s);

	iu_windows_ranges(s);
	if ((f->settings_known & 1u << IU_SET_RANGE_FIRST) == 0) {
		f->settings[IU_SET_RANGE_FIRST] = 49152;
		f->settings[IU_SET_RANGE_LAST] = 65535;
		f->settings_known |= 1u << IU_SET_RANGE_FIRST | 1u << IU_SET_RANGE_LAST;
	}
	return INUSE_OK;
}

enum inuse_status iu_locals_read(struct inuse_snapshot *s, struct inuse_error *error)
{
	read_addresses(s);
	return INUSE_OK;
}
