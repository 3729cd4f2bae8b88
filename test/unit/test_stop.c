/* SPDX-License-Identifier: MIT */
/* Whom a plan would end, and whom never. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cure/stop.h"
#include "host/host.h"
#include "support/check.h"

static struct inuse_process process_of(int32_t pid)
{
	return (struct inuse_process){.pid = pid,
				      .comm = "x",
				      .user = "",
				      .exe = "",
				      .args = "",
				      .cwd = "",
				      .tty = "",
				      .unit = "",
				      .socket_unit = "",
				      .container = "",
				      .container_kind = ""};
}

static struct inuse_socket listener(uint32_t first_holder, uint32_t n)
{
	return (struct inuse_socket){.state = INUSE_LISTEN,
				     .family = 4,
				     .local = {.family = 4, .port = 80},
				     .count = 1,
				     .known = INUSE_KNOW_OWNER | INUSE_KNOW_INODE,
				     .inode = 7,
				     .holders = first_holder,
				     .n_holders = n};
}

/* The plan for one process that holds a listener. */
static enum iu_stop_why_not plan_one(struct inuse_process process, bool insist)
{
	struct inuse_holder holder = {0, -1};
	struct inuse_socket socket = listener(0, 1);
	struct iu_facts f = {.sockets = &socket,
			     .n_sockets = 1,
			     .processes = &process,
			     .n_processes = 1,
			     .holders = &holder,
			     .n_holders = 1};
	static struct iu_stop_plan plan;
	enum iu_stop_why_not why;

	iu_stop_plan(&f, insist, &plan);
	assert_int_equal(plan.n, 1);
	why = plan.targets[0].why_not;
	assert_int_equal(plan.targets[0].pidfd >= 0, why == IU_STOP_MAY);
	assert_int_equal(iu_stop_left(&plan), why == IU_STOP_MAY);
	/* a plan with nobody to end signals nobody */
	if (why != IU_STOP_MAY)
		assert_true(iu_stop_apply(&plan, IU_STOP_AT_ONCE, iu_host_now(), -1));
	iu_stop_plan_done(&plan);
	return why;
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_stop__those_who_must_live__spared(void **state)
{
	assert_int_equal(plan_one(process_of(1), true), IU_STOP_INIT);
	assert_int_equal(plan_one(process_of(getpid()), true), IU_STOP_SELF);
	assert_int_equal(plan_one(process_of(getppid()), true), getppid() == 1 ? IU_STOP_INIT : IU_STOP_SELF);
	assert_int_equal(plan_one(process_of(0), true), IU_STOP_ELSEWHERE);
}

static void test_stop__managed_process__only_when_insisted(void **state)
{
	pid_t child = sleeper();
	struct inuse_process p = process_of(child);

	assert_int_equal(plan_one(p, false), IU_STOP_MAY);
	p.unit = "nginx.service";
	assert_int_equal(plan_one(p, false), IU_STOP_UNIT);
	assert_int_equal(plan_one(p, true), IU_STOP_MAY);
	p.unit = "session-1.scope";
	assert_int_equal(plan_one(p, false), IU_STOP_MAY);
	p.container = "0123456789ab";
	assert_int_equal(plan_one(p, false), IU_STOP_CONTAINER);
	p.container = "";
	p.comm = "docker-proxy";
	assert_int_equal(plan_one(p, false), IU_STOP_CONTAINER);
	p = process_of(1);
	p.socket_unit = "x.socket";
	assert_int_equal(plan_one(p, true), IU_STOP_UNIT);
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	end(child);
}

static void test_stop__another_process_of_that_number__not_touched(void **state)
{
	pid_t child = sleeper();
	struct inuse_process p = process_of(child);

	p.started_ns = iu_host_now() - 3600ll * 1000000000;
	assert_int_equal(plan_one(p, true), IU_STOP_CHANGED);
	end(child);
	p.started_ns = 0;
	assert_int_equal(plan_one(p, true), IU_STOP_CHANGED);
}

static void test_stop__client_with_a_port_from_the_kernel__not_looked_at(void **state)
{
	struct inuse_process process = process_of(getppid());
	struct inuse_holder holder = {0, -1};
	struct inuse_socket socket = listener(0, 1);
	struct iu_facts f = {.sockets = &socket,
			     .n_sockets = 1,
			     .processes = &process,
			     .n_processes = 1,
			     .holders = &holder,
			     .n_holders = 1};
	static struct iu_stop_plan plan;

	socket.state = INUSE_ESTABLISHED;
	socket.known |= INUSE_KNOW_PORT_LOCKED;
	iu_stop_plan(&f, true, &plan);
	assert_int_equal(plan.n, 0);
	socket.known &= ~INUSE_KNOW_PORT_LOCKED; /* not known: not touched either */
	iu_stop_plan(&f, true, &plan);
	assert_int_equal(plan.n, 0);
}

static void test_stop__worker_of_a_master__follows(void **state)
{
	pid_t master = sleeper(), worker = sleeper();
	struct inuse_process processes[2] = {process_of(worker), process_of(master)};
	struct inuse_holder holders[2] = {{0, -1}, {1, -1}};
	struct inuse_socket socket = listener(0, 2);
	struct iu_facts f = {.sockets = &socket,
			     .n_sockets = 1,
			     .processes = processes,
			     .n_processes = 2,
			     .holders = holders,
			     .n_holders = 2};
	static struct iu_stop_plan plan;

	processes[0].ppid = master;
	iu_stop_plan(&f, false, &plan);
	assert_int_equal(plan.n, 2);
	assert_true(plan.targets[0].follows);
	assert_false(plan.targets[1].follows);
	assert_true(iu_stop_apply(&plan, IU_STOP_ASKING, iu_host_now() + 5000000000ll, -1));
	assert_int_equal(iu_stop_left(&plan), 0);
	iu_stop_plan_done(&plan);
	end(master);
	end(worker);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop__those_who_must_live__spared),
		cmocka_unit_test(test_stop__managed_process__only_when_insisted),
		cmocka_unit_test(test_stop__another_process_of_that_number__not_touched),
		cmocka_unit_test(test_stop__client_with_a_port_from_the_kernel__not_looked_at),
		cmocka_unit_test(test_stop__worker_of_a_master__follows),
	};

	return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
