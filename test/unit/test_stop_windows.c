/* SPDX-License-Identifier: MIT */
/* Whom a plan would end on Windows, and that it ends them. */
#include <wchar.h>

#include "compat/windows.h"
#include "cure/stop.h"
#include "host/host.h"
#include "host/windows.h"
#include "support/check.h"

#define SECOND INT64_C(1000000000)

static struct inuse_process process_of(int32_t pid)
{
	return (struct inuse_process){.pid = pid, .comm = "x", .user = "", .exe = "", .args = "", .cwd = "", .tty = "", .unit = "",
				      .socket_unit = "", .container = "", .container_kind = ""};
}

/* The plan for one process that holds a listener. */
static void make_plan(const struct inuse_process *process, struct iu_stop_plan *plan)
{
	static const struct inuse_holder holder = {0, -1};
	/* port 0: nobody asks whether it still has the port */
	static const struct inuse_socket socket = {.state = INUSE_LISTEN, .family = 4, .local = {.family = 4}, .count = 1,
						   .known = INUSE_KNOW_OWNER, .n_holders = 1};
	struct iu_facts f = {.sockets = &socket, .n_sockets = 1, .processes = process, .n_processes = 1, .holders = &holder,
			     .n_holders = 1, .os = IU_SYSTEM_windows};

	iu_stop_plan(&f, false, plan);
	assert_int_equal(plan->n, 1);
}

static enum iu_stop_why_not why_not(const struct inuse_process *process)
{
	static struct iu_stop_plan plan;
	enum iu_stop_why_not why;

	make_plan(process, &plan);
	why = plan.targets[0].why_not;
	assert_int_equal(iu_stop_left(&plan), why == IU_STOP_MAY);
	iu_stop_plan_done(&plan);
	return why;
}

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
	CloseHandle(child->hThread);
	CloseHandle(child->hProcess);
}

static void test_stop__the_system_itself__never(void **state)
{
	struct inuse_process p = process_of(4);

	assert_int_equal(why_not(&p), IU_STOP_INIT);
	p.pid = 0;
	assert_int_equal(why_not(&p), IU_STOP_INIT);
}

static void test_stop__this_process_and_its_parent__never(void **state)
{
	struct inuse_process p = process_of((int32_t)GetCurrentProcessId());
	uint32_t parent = iu_windows_parent(GetCurrentProcessId());

	assert_int_equal(why_not(&p), IU_STOP_SELF);
	p.pid = (int32_t)parent;
	if (parent != 0)
		assert_int_equal(why_not(&p), IU_STOP_SELF);
}

static void test_stop__one_that_has_ended__is_said_to_have(void **state)
{
	struct inuse_process p = process_of(0x7ffffff0);

	assert_int_equal(why_not(&p), IU_STOP_CHANGED);
	p.status = 'X';
	assert_int_equal(why_not(&p), IU_STOP_ENDED);
}

/* The number was given to somebody else meanwhile: it began at another time. */
static void test_stop__another_one_of_that_number__is_spared(void **state)
{
	PROCESS_INFORMATION child = start_child();
	struct inuse_process p = process_of((int32_t)child.dwProcessId);

	p.started_ns = iu_host_now() - 3600 * SECOND;
	assert_int_equal(why_not(&p), IU_STOP_CHANGED);
	end_child(&child);
}

static void test_stop__a_process__is_ended_and_waited_for(void **state)
{
	static struct iu_stop_plan plan;
	PROCESS_INFORMATION child = start_child();
	struct inuse_process p = process_of((int32_t)child.dwProcessId);

	p.started_ns = iu_windows_started_ns(child.hProcess);
	make_plan(&p, &plan);
	assert_int_equal(plan.targets[0].why_not, IU_STOP_MAY);
	assert_true(iu_stop_apply(&plan, IU_STOP_ASKING, iu_host_now() + 60 * SECOND, -1));
	assert_true(plan.targets[0].ended);
	assert_int_equal(iu_stop_left(&plan), 0);
	assert_int_equal(WaitForSingleObject(child.hProcess, 0), WAIT_OBJECT_0);
	iu_stop_plan_done(&plan);
	end_child(&child);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop__the_system_itself__never),
		cmocka_unit_test(test_stop__this_process_and_its_parent__never),
		cmocka_unit_test(test_stop__one_that_has_ended__is_said_to_have),
		cmocka_unit_test(test_stop__another_one_of_that_number__is_spared),
		cmocka_unit_test(test_stop__a_process__is_ended_and_waited_for),
	};

	if (argc > 1) {
		Sleep(60000);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
