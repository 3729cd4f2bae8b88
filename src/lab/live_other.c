/* SPDX-License-Identifier: MIT */
/* Steps on the real kernel that are no call of a socket: users, processes, time, settings, devices, and looking. */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "host/linux_tcp.h"
#include "lab/live_private.h"
#include "sim/sim.h"

#define SOCKETS_MAX 4096
#define LOOK_NS INT64_C(3000000000)

static bool uses_second(const struct iu_exp *exp)
{
	for (size_t c = 0; c < exp->n_cases; c++)
		for (size_t i = 0; i < exp->cases[c].n_steps; i++)
			if (exp->cases[c].steps[i].at.kind == IU_AT_SECOND)
				return true;
	return false;
}

enum inuse_status iu_live_new(const struct iu_exp *exp, enum iu_run run, bool patient, struct iu_live **ret,
			      struct inuse_error *error)
{
	static const struct inuse_addr second = {.family = 6, .ip = {0xfd, [15] = 2}};
	struct iu_live *live;
	enum inuse_status status;
	int probe;

	if (exp->kernel > iu_live_kernel())
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("it needs Linux %u.%u or later"), exp->kernel >> 16,
			       exp->kernel & 0xffff);
	if ((exp->needs & IU_NEED_PATIENCE) != 0 && !patient)
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("it waits for long; --patient plays it all the same"));
	status = iu_lab_namespace((exp->needs & IU_NEED_SECOND_USER) != 0, error);
	if (status != INUSE_OK)
		return status;
	if (run == IU_RUN_IPV6 || run == IU_RUN_MAPPED || (exp->needs & IU_NEED_IPV6) != 0) {
		probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (probe < 0)
			return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "socket", _("this kernel has no IPv6"));
		close(probe);
	}
	/* `second` of the IPv6 run; who does not use it can do without */
	if (run == IU_RUN_IPV6) {
		status = iu_lab_address("lo", &second, 128, error);
		if (status != INUSE_OK && uses_second(exp))
			return status;
	}
	live = calloc(1, sizeof(*live));
	if (live == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	live->exp = exp;
	live->run = run;
	live->sees_bound = true;
	for (size_t i = 0; i < IU_EXP_MAX_SOCKETS; i++)
		live->fds[i] = -1;
	if ((exp->needs & IU_NEED_WIRE) != 0)
		status = iu_live_wire(live, error);
	if (status != INUSE_OK) {
		iu_live_free(live);
		return status;
	}
	*ret = live;
	return INUSE_OK;
}

unsigned iu_live_wire_device(const struct iu_live *live)
{
	return live->wire != NULL ? iu_wire_device() : 0;
}

void iu_live_free(struct iu_live *live)
{
	if (live == NULL)
		return;
	for (size_t i = 0; i < IU_EXP_MAX_SOCKETS; i++)
		if (live->fds[i] >= 0)
			close(live->fds[i]);
	for (size_t i = 0; i < IU_EXP_MAX_PROCESSES; i++)
		if (live->pids[i] > 0) {
			kill(live->pids[i], SIGKILL);
			waitpid(live->pids[i], NULL, 0);
		}
	iu_wire_free(live->wire);
	free(live);
}

/* The privileges of root go and come with its effective number; so does whose the sockets are that are made. */
static enum inuse_status do_user(const struct iu_step *step, struct inuse_error *error)
{
	if (seteuid(0) == 0 && (step->number == 0 || seteuid(iu_lab_uid(step->number)) == 0))
		return INUSE_OK;
	return iu_fail(error, INUSE_E_SYSTEM, errno, "seteuid", _("becoming another user: %s"), strerror(errno));
}

static enum inuse_status do_chown(const struct iu_live *live, const struct iu_step *step, struct inuse_error *error)
{
	uid_t before = geteuid();
	int code = seteuid(0) == 0 && fchown(live->fds[step->socket], iu_lab_uid(step->number), (gid_t)-1) == 0 ? 0 : errno;

	if (seteuid(before) == 0 && code == 0)
		return INUSE_OK;
	return iu_fail(error, INUSE_E_SYSTEM, code, "fchown", _("giving a socket to another user: %s"), strerror(code));
}

/* The child keeps only its sockets, says that it has closed the others, and stays. */
static void be_process(struct iu_live *live, const struct iu_step *step, pid_t parent, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	for (size_t i = 0; i < IU_EXP_MAX_SOCKETS; i++)
		if (live->fds[i] >= 0 && (step->sockets & (UINT64_C(1) << i)) == 0)
			close(live->fds[i]);
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static enum inuse_status do_fork(struct iu_live *live, const struct iu_step *step, struct inuse_error *error)
{
	pid_t parent = getpid(), pid;
	int ends[2];
	char byte;
	bool ready;

	if (pipe(ends) < 0)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "pipe", _("a process cannot be started: %s"), strerror(errno));
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return iu_fail(error, INUSE_E_SYSTEM, errno, "fork", _("a process cannot be started: %s"), strerror(errno));
	}
	if (pid == 0) {
		close(ends[0]);
		be_process(live, step, parent, ends[1]);
	}
	close(ends[1]);
	live->pids[step->process] = pid;
	ready = read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	return ready ? INUSE_OK : iu_fail(error, INUSE_E_SYSTEM, 0, "fork", _("a process ended before it was ready"));
}

static enum inuse_status do_kill(struct iu_live *live, const struct iu_step *step, struct inuse_error *error)
{
	pid_t pid = live->pids[step->process];

	live->pids[step->process] = 0;
	if (pid <= 0 || kill(pid, SIGKILL) != 0 || waitpid(pid, NULL, 0) != pid)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "kill", _("a process cannot be ended: %s"), strerror(errno));
	return INUSE_OK;
}

/* Sent over a unix socket and received by nobody; the ends stay open as long as the process of this experiment. */
static enum inuse_status do_flight(struct iu_live *live, const struct iu_step *step, struct inuse_error *error)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec byte = {(char[]){'x'}, 1};
	struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int ends[2];

	memcpy(CMSG_DATA(&control.header), &live->fds[step->socket], sizeof(int));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || sendmsg(ends[0], &message, 0) != 1)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "sendmsg", _("a socket cannot be sent: %s"), strerror(errno));
	close(live->fds[step->socket]);
	live->fds[step->socket] = -1;
	return INUSE_OK;
}

static void do_wait(const struct iu_step *step)
{
	struct timespec left = {step->number / 1000000000, step->number % 1000000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static enum inuse_status do_setting(const struct iu_step *step, struct inuse_error *error)
{
	const struct iu_lab_setting *setting = iu_lab_setting_find(step->word);
	uid_t before = geteuid();
	char value[256];
	bool written;

	snprintf(value, sizeof(value), "%s", step->value);
	if (setting->kind == 'r') {
		struct iu_range range;
		const char *rest;

		if (iu_lab_range(step->value, &range, &rest))
			snprintf(value, sizeof(value), "%u %u", range.first, range.last);
	}
	written = seteuid(0) == 0 && iu_lab_write_setting(setting->path, value);
	if (written && seteuid(before) == 0)
		return INUSE_OK;
	return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "sysctl", _("this kernel does not take %s = %s"), step->word, step->value);
}

static enum inuse_status do_device(const struct iu_step *step, struct inuse_error *error)
{
	enum inuse_status status = iu_lab_device(step->word, error);

	if (status == INUSE_OK && step->at.addr.family != 0)
		status = iu_lab_address(step->word, &step->at.addr, (unsigned)step->number, error);
	return status;
}

static enum inuse_status do_evict(struct iu_live *live, const struct iu_step *step, struct inuse_error *error)
{
	struct inuse_addr peer = iu_live_addr(live, &step->at);
	struct inuse_socket *list = calloc(SOCKETS_MAX, sizeof(*list));
	enum inuse_status status = INUSE_OK;
	size_t n = list != NULL ? iu_live_sockets(live, list, SOCKETS_MAX) : 0;

	for (size_t i = 0; i < n && status == INUSE_OK; i++)
		if (list[i].local.port == step->number && iu_sim_is_left(&list[i]) &&
		    (peer.family == 0 || (list[i].remote.port == peer.port && iu_addr_same(&list[i].remote, &peer))))
			status = iu_lab_destroy(&list[i], error);
	free(list);
	return status;
}

/* Looks until it is as wanted, or for 3 s. */
static void do_look(struct iu_live *live, const struct iu_step *step, const char *want, struct iu_live_answer *ret)
{
	struct inuse_socket *list = calloc(SOCKETS_MAX, sizeof(*list));
	uint16_t port = (uint16_t)step->number;

	ret->text = ret->buf;
	for (int64_t end = iu_live_now() + LOOK_NS; list != NULL;) {
		size_t n = iu_live_sockets(live, list, SOCKETS_MAX);

		if (step->action == IU_DO_LEFT) {
			iu_left_text(list, n, port, iu_live_now(), ret->buf, sizeof(ret->buf));
			break;
		}
		iu_states_text(list, n, port, true, ret->buf, sizeof(ret->buf));
		if (want == NULL || strcmp(want, ret->buf) == 0 || iu_live_now() > end)
			break;
		iu_live_pause();
	}
	free(list);
}

bool iu_live_is_other(enum iu_action action)
{
	switch (action) {
	case IU_DO_SOCKET:
	case IU_DO_SET:
	case IU_DO_CLEAR:
	case IU_DO_BIND:
	case IU_DO_LISTEN:
	case IU_DO_CONNECT:
	case IU_DO_ACCEPT:
	case IU_DO_WRITE:
	case IU_DO_READ:
	case IU_DO_FILL:
	case IU_DO_SHUTDOWN:
	case IU_DO_CLOSE:
	case IU_DO_PORT:
		return false;
	default:
		return true;
	}
}

enum inuse_status iu_live_other(struct iu_live *live, const struct iu_step *step, const char *want,
				struct iu_live_answer *ret, struct inuse_error *error)
{
	switch (step->action) {
	case IU_DO_USER:
		return do_user(step, error);
	case IU_DO_CHOWN:
		return do_chown(live, step, error);
	case IU_DO_FORK:
		return do_fork(live, step, error);
	case IU_DO_KILL:
		return do_kill(live, step, error);
	case IU_DO_FLIGHT:
		return do_flight(live, step, error);
	case IU_DO_WAIT:
		do_wait(step);
		return INUSE_OK;
	case IU_DO_SETTING:
		return do_setting(step, error);
	case IU_DO_DEVICE:
		return do_device(step, error);
	case IU_DO_ADDRESS:
		return (step->tentative ? iu_lab_address_tentative : iu_lab_address)(step->word, &step->at.addr,
										     (unsigned)step->number, error);
	case IU_DO_REMOVE:
		return iu_lab_remove(step->word, error);
	case IU_DO_DOWN:
		return iu_lab_link(step->word, false, error);
	case IU_DO_ROUTE:
		return iu_lab_route(step->word, &step->at.addr, (unsigned)step->number, error);
	case IU_DO_NAMESPACE:
		return iu_lab_namespace_bare(error);
	case IU_DO_FORBID:
		return iu_lab_forbid((step->number & 1) != 0, (step->number & 2) != 0, error);
	case IU_DO_PEER:
		iu_live_peer(live, step);
		return INUSE_OK;
	case IU_DO_SEND:
		return iu_live_send(live, step, want, ret, error);
	case IU_DO_EVICT:
		return do_evict(live, step, error);
	default: /* LOOK, LEFT */
		do_look(live, step, want, ret);
		return INUSE_OK;
	}
}
