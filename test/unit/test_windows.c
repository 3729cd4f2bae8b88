/* SPDX-License-Identifier: MIT */
/* The IP Helper's rows in our words, and netsh's. */
#include "host/windows.h"

#include "compat/system.h"
#include "compat/windows.h"
#include "host/watch.h"

#include "support/check.h"

#define SECOND INT64_C(1000000000)

static MIB_TCPROW_OWNER_PID row4(DWORD state, DWORD pid)
{
	MIB_TCPROW_OWNER_PID row = {.dwState = state, .dwOwningPid = pid};

	memcpy(&row.dwLocalAddr, "\x7f\0\0\1", 4);
	memcpy(&row.dwRemoteAddr, "\x7f\0\0\2", 4);
	row.dwLocalPort = htons(8080) | 0xdead0000;
	row.dwRemotePort = htons(65535) | 0xbeef0000;
	return row;
}

static void test_state__every_number__ours(void **state)
{
	static const enum inuse_state want[] = {
		INUSE_STATE_UNKNOWN, INUSE_BOUND,     INUSE_LISTEN,     INUSE_SYN_SENT, INUSE_SYN_RECV, INUSE_ESTABLISHED,
		INUSE_FIN_WAIT1,     INUSE_FIN_WAIT2, INUSE_CLOSE_WAIT, INUSE_CLOSING,  INUSE_LAST_ACK, INUSE_TIME_WAIT,
		INUSE_STATE_UNKNOWN, /* DELETE_TCB */
	};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(iu_state_from_windows(i), want[i]);
	assert_int_equal(iu_state_from_windows(~0u), INUSE_STATE_UNKNOWN);
}

static void test_row4__connection__both_ends_without_rubbish(void **state)
{
	MIB_TCPROW_OWNER_PID row = row4(MIB_TCP_STATE_ESTAB, 7);
	struct inuse_socket s = iu_windows_socket4(&row, SECOND, SECOND);
	char text[INUSE_ADDR_TEXT];

	assert_int_equal(s.state, INUSE_ESTABLISHED);
	assert_string_equal(inuse_addr_text(&s.local, text), "127.0.0.1:8080");
	assert_string_equal(inuse_addr_text(&s.remote, text), "127.0.0.2:65535");
	assert_int_equal(s.known, INUSE_KNOW_OWNER);
	assert_false(s.mini);
	assert_int_equal(s.free_at_ns, 0);
}

static void test_row4__listener__no_remote_end_and_options_unknown(void **state)
{
	MIB_TCPROW_OWNER_PID row = row4(MIB_TCP_STATE_LISTEN, 0);
	struct inuse_socket s = iu_windows_socket4(&row, SECOND, SECOND);

	assert_int_equal(s.state, INUSE_LISTEN);
	assert_int_equal(s.remote.port, 0);
	assert_int_equal(s.remote.ip[0], 0);
	assert_int_equal(s.known, 0); /* a listener without a process: hidden */
}

static void test_row4__time_wait__nobody_has_it_and_it_ends_within_the_delay(void **state)
{
	MIB_TCPROW_OWNER_PID row = row4(MIB_TCP_STATE_TIME_WAIT, 0);
	struct inuse_socket s = iu_windows_socket4(&row, 5 * SECOND, 240 * SECOND);

	assert_true(s.mini);
	assert_int_equal(s.known, INUSE_KNOW_OWNER);
	assert_int_equal(s.n_holders, 0);
	assert_true(s.free_at_ns == 5 * SECOND);
	assert_true(s.free_slack_ns == 240 * SECOND);
}

static void test_row6__link_local__scope_is_kept(void **state)
{
	MIB_TCP6ROW_OWNER_PID row = {.dwState = MIB_TCP_STATE_LISTEN, .dwLocalScopeId = 12, .dwOwningPid = 4};
	struct inuse_socket s;

	row.ucLocalAddr[0] = 0xfe;
	row.ucLocalAddr[1] = 0x80;
	row.ucLocalAddr[15] = 1;
	row.dwLocalPort = htons(80);
	s = iu_windows_socket6(&row, 0, 0);
	assert_int_equal(s.family, 6);
	assert_int_equal(s.local.scope, 12);
	assert_int_equal(s.local.ip[0], 0xfe);
	assert_int_equal(s.local.ip[15], 1);
	assert_int_equal(s.local.port, 80);
}

static void test_range__netsh_in_two_languages__first_and_last(void **state)
{
	static const char english[] = "\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\n"
				      "Start Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n";
	static const char german[] = "\r\nDynamischer Portbereich f\xc3\xbcr Protokoll tcp\r\n------\r\n"
				     "Startport          : 1024\r\nAnzahl von Ports   : 64511\r\n";
	struct iu_range range = {1, 2};

	assert_true(iu_windows_range(english, &range));
	assert_int_equal(range.first, 49152);
	assert_int_equal(range.last, 65535);
	assert_true(iu_windows_range(german, &range));
	assert_int_equal(range.first, 1024);
	assert_int_equal(range.last, 65534);
}

static void test_range__rubbish__untouched(void **state)
{
	static const char *const bad[] = {"", "no such command: netsh", "a : 1", "a : 0\nb : 10", "a : 65000\nb : 537", "a : 1\nb : 0",
					  "a : 70000\nb : 1", "a : 99999999999999999999\nb : 1"};
	struct iu_range range = {1, 2};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(iu_windows_range(bad[i], &range));
	assert_int_equal(range.first, 1);
	assert_int_equal(range.last, 2);
}

static void test_excluded__netsh_lists_them__in_any_language(void **state)
{
	struct iu_range range = {1, 2};
	bool administered = true;

	assert_true(iu_windows_excluded("     50000       50059      \r\n", &range, &administered));
	assert_int_equal(range.first, 50000);
	assert_int_equal(range.last, 50059);
	assert_false(administered);
	assert_true(iu_windows_excluded("      5357        5357     *\n", &range, &administered));
	assert_int_equal(range.last, 5357);
	assert_true(administered);
}

static void test_excluded__anything_else__no_range(void **state)
{
	static const char *const lines[] = {"", "\r\n", "Start Port    End Port\r\n", "----------    --------\r\n",
					    "* - Administered port exclusions.\r\n", "Protocol tcp Port Exclusion Ranges\r\n", "80\r\n",
					    "80 79\r\n", "65536 65537\r\n", "80 81 x\r\n", "80 81 **\r\n", "99999999999999999999 1\r\n"};
	struct iu_range range = {1, 2};
	bool administered;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(iu_windows_excluded(lines[i], &range, &administered));
	assert_int_equal(range.first, 1);
}

static bool find_listener(void *arg, const struct inuse_socket *s, uint32_t pid)
{
	uint16_t *port = arg;

	if (s->state == INUSE_LISTEN && s->local.port == *port)
		*port = 0;
	return *port != 0;
}

static void test_table__own_listener__is_in_it(void **state)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	uint16_t port;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	port = ntohs(at.sin6_port);
	assert_int_equal(iu_windows_table(6, find_listener, &port, NULL), INUSE_OK);
	assert_int_equal(port, 0);
	iu_socket_close(fd);
}

static void test_errors__both_names(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), other = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);

	memcpy(&at.sin_addr, "\x7f\0\0\1", 4);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(bind(other, (struct sockaddr *)&at, sizeof(at)), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(strerror(errno), "WSAEADDRINUSE, 10048"));
	iu_socket_close(fd);
	iu_socket_close(other);
}

static void test_process__itself__has_a_name(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct inuse_process p;

	assert_true(iu_windows_process(s, GetCurrentProcessId(), &p));
	assert_int_equal(p.pid, GetCurrentProcessId());
	assert_non_null(strstr(p.exe, "test_windows.exe"));
	assert_string_equal(p.comm, "test_windows.exe");
	assert_int_not_equal(p.uid, 0);
	assert_int_equal(p.uid, iu_system_user());
	assert_false(iu_windows_process(s, 0x7ffffff0, &p));
	iu_snapshot_free(s);
}

/* This very program, told to sleep; it is ended in any case. */
static PROCESS_INFORMATION start_child(void)
{
	STARTUPINFOW how = {.cb = sizeof(how)};
	PROCESS_INFORMATION child = {0};
	wchar_t path[MAX_PATH], line[MAX_PATH + 16];

	assert_int_not_equal(GetModuleFileNameW(NULL, path, MAX_PATH), 0);
	_snwprintf(line, MAX_PATH + 16, L"\"%ls\" sleep", path);
	assert_true(CreateProcessW(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &how, &child));
	return child;
}

static void end_child(PROCESS_INFORMATION *child)
{
	TerminateProcess(child->hProcess, 1);
	WaitForSingleObject(child->hProcess, 10000);
	CloseHandle(child->hThread);
	CloseHandle(child->hProcess);
}

/* Who may have inherited a socket of a process that is no more. */
static void test_children__one_was_started__is_found_with_its_parent(void **state)
{
	PROCESS_INFORMATION child = start_child();
	uint32_t found[16];
	size_t n = iu_windows_children(GetCurrentProcessId(), found, 16);
	bool there = false;

	for (size_t i = 0; i < n; i++)
		there |= found[i] == child.dwProcessId;
	assert_true(there);
	assert_int_equal(iu_windows_parent(child.dwProcessId), GetCurrentProcessId());
	end_child(&child);
}

static void test_watch__a_process_ends__is_told(void **state)
{
	PROCESS_INFORMATION child = start_child();
	int32_t pid = (int32_t)child.dwProcessId;
	struct iu_watch *watch;
	int64_t soon = iu_host_now() + SECOND / 50;

	assert_int_equal(iu_watch_new(NULL, 0, false, &watch, NULL), INUSE_OK);
	iu_watch_processes(watch, &pid, 1);
	assert_int_equal(iu_watch_wait(watch, IU_WATCH_PROCESS, soon, -1), 0);
	assert_true(iu_host_now() >= soon);
	TerminateProcess(child.hProcess, 1);
	assert_int_equal(iu_watch_wait(watch, IU_WATCH_PROCESS, iu_host_now() + 60 * SECOND, -1), IU_WATCH_PROCESS);
	iu_watch_free(watch);
	end_child(&child);
}

static void test_interrupt__once_it_came__wakes_and_is_a_number(void **state)
{
	int fd = iu_system_catch_interrupts();
	struct iu_watch *watch;

	assert_int_equal(fd, 0);
	assert_int_equal(iu_system_interrupt(fd), 0);
	assert_int_equal(iu_watch_new(NULL, 0, false, &watch, NULL), INUSE_OK);
	SetEvent(iu_windows_interrupt_event());
	assert_int_equal(iu_watch_wait(watch, IU_WATCH_PROCESS, iu_host_now() + 60 * SECOND, fd), IU_WATCH_OTHER);
	iu_watch_free(watch);
	iu_system_release_interrupts(fd);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children__one_was_started__is_found_with_its_parent),
		cmocka_unit_test(test_watch__a_process_ends__is_told),
		cmocka_unit_test(test_interrupt__once_it_came__wakes_and_is_a_number),
		cmocka_unit_test(test_excluded__netsh_lists_them__in_any_language),
		cmocka_unit_test(test_excluded__anything_else__no_range),
		cmocka_unit_test(test_state__every_number__ours),
		cmocka_unit_test(test_row4__connection__both_ends_without_rubbish),
		cmocka_unit_test(test_row4__listener__no_remote_end_and_options_unknown),
		cmocka_unit_test(test_row4__time_wait__nobody_has_it_and_it_ends_within_the_delay),
		cmocka_unit_test(test_row6__link_local__scope_is_kept),
		cmocka_unit_test(test_range__netsh_in_two_languages__first_and_last),
		cmocka_unit_test(test_range__rubbish__untouched),
		cmocka_unit_test(test_table__own_listener__is_in_it),
		cmocka_unit_test(test_errors__both_names),
		cmocka_unit_test(test_process__itself__has_a_name),
	};

	if (argc > 1) {
		Sleep(60000);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
