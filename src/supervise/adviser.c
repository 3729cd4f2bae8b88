/* SPDX-License-Identifier: MIT */
/*
 * The one who looks at the host.
 *
 * Theory of operation
 *
 * Looking means BPF, netlink and hundreds of files that other programs fill; the supervisor must not wait for it, nor die
 * of it. So each failing call has a process of its own for that, which may enter the network namespace of the socket, is
 * given some seconds, and hands its advice over through a pipe: a struct, and two texts. It closes everything else first: what
 * the supervisor holds is not to be found in the hands of a second process. If it dies, the call has failed all
 * the same and is told without a reason.
 */
#include "supervise/adviser.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cure/evict.h"
#include "host/explain.h"
#include "host/netns.h"
#include "supervise/run.h"

/* How long until the address is free by itself; -1: it is not, or nobody knows. */
static int64_t wait_of(const struct inuse_verdict *v)
{
	for (uint32_t i = 0; i < v->n_cures; i++)
		if (strcmp(v->cures[i].id, "wait") == 0)
			return v->cures[i].wait_ns;
	/* the options of what is left are hidden from this user; that the call has failed tells what they are */
	if (v->outcome == INUSE_CANNOT_TELL && v->free_at_ns != 0)
		return v->free_at_ns > v->now_ns ? v->free_at_ns - v->now_ns : 0;
	return -1;
}

/* Removes what ended connections have left in the way of this request, if that frees the address. */
static void evict(const struct inuse_answer *a, const struct inuse_verdict *v, struct iu_advice *advice)
{
	struct iu_evict_plan plan;
	struct iu_evict_done done;
	uint64_t others = 0;

	if (iu_evict_plan(&v->request, 1, a->facts, false, 0, &plan, NULL) < 0)
		return;
	for (int kind = 0; kind < IU_N_KINDS; kind++)
		if (kind != IU_KIND_REMAINS && kind != IU_KIND_ORPHAN)
			others += plan.n_of_kind[kind];
	/* where a living socket is in the way as well, nothing would be won */
	if (others == 0 && plan.n > 0) {
		iu_evict_apply(&plan, NULL, NULL, &done, NULL);
		advice->cleared = done.n_removed + done.n_gone > 0;
		advice->evicted = done.n_removed;
	}
	iu_evict_plan_done(&plan);
}

/* What a cure that is applied by itself may rest on. */
static void advise(const struct iu_advice_job *job, struct inuse_answer *a, struct iu_advice *advice)
{
	const struct inuse_verdict *v = &a->verdicts[0];
	struct inuse_verdict reusing;

	advice->judged = true;
	snprintf(advice->cause, sizeof(advice->cause), "%s", v->cause ? v->cause : "");
	/*
	 * A living program that has bound the port and does not listen yet would share it, and could then not listen; its
	 * connections are another matter, and what SO_REUSEADDR is there for.
	 */
	if ((job->fix & IU_FIX_REUSEADDR) != 0 && (v->request.flags & INUSE_REUSEADDR) == 0 &&
	    job->os_code == EADDRINUSE && v->n_by_state[INUSE_BOUND] == 0 && (v->unseen & INUSE_MISSING_BOUND) == 0) {
		struct inuse_request request = v->request;

		request.flags |= INUSE_REUSEADDR;
		iu_judge(&iu_profile_linux, a->facts, &request, &reusing);
		advice->with_reuseaddr = true;
		advice->reuseaddr_helps = reusing.outcome != INUSE_FAIL;
		v = &reusing;
	}
	if ((job->fix & IU_FIX_EVICT) != 0 && !advice->reuseaddr_helps && v->outcome != INUSE_GO)
		evict(a, v, advice);
	advice->wait_ns = wait_of(v);
	advice->slack_ns = v->free_slack_ns;
}

static bool write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static void look(const struct iu_advice_job *job, int netns, int pipe)
{
	struct iu_advice advice = {.wait_ns = -1};
	struct inuse_answer *answer = NULL;
	struct inuse_error error = {0};
	char *text = NULL, *json = NULL;

	if (netns < 0 || iu_netns_enter_fd(netns, "", &error) == INUSE_OK)
		iu_explain(&job->request, job->inode, job->pid, &answer, &error);
	if (answer != NULL)
		iu_explain_settle(answer, job->os_code);
	if (job->text)
		text = iu_explain_text(answer, &error, job->os_code, job->style);
	if (job->json && answer != NULL)
		json = inuse_answer_json(answer, job->style);
	if (answer != NULL)
		advise(job, answer, &advice);
	advice.text_len = text ? (uint32_t)strlen(text) : 0;
	advice.json_len = json ? (uint32_t)strlen(json) : 0;
	if (advice.text_len + advice.json_len > IU_ADVICE_TEXT_MAX)
		advice.json_len = 0;
	if (write_all(pipe, &advice, sizeof(advice)) && write_all(pipe, text ? text : "", advice.text_len))
		write_all(pipe, json ? json : "", advice.json_len);
}

/* Everything but the three standard descriptors, the pipe and the namespace is closed. */
static void keep_only(int *pipe, int *netns)
{
	int high = fcntl(*pipe, F_DUPFD_CLOEXEC, 10), net = *netns < 0 ? -1 : fcntl(*netns, F_DUPFD_CLOEXEC, 10);

	dup2(high, 3);
	*pipe = 3;
	if (net >= 0)
		dup2(net, 4);
	*netns = net >= 0 ? 4 : -1;
	if (syscall(SYS_close_range, net >= 0 ? 5U : 4U, ~0U, 0U) != 0)
		for (int fd = net >= 0 ? 5 : 4; fd < 65536; fd++)
			close(fd);
}

bool iu_adviser_start(const struct iu_advice_job *job, pid_t *ret_pid, int *ret_pipe)
{
	int ends[2], code;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		int pipe = ends[1], netns = job->netns;

		keep_only(&pipe, &netns);
		look(job, netns, pipe);
		_exit(0);
	}
	code = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		errno = code;
		return false;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*ret_pid = pid;
	*ret_pipe = ends[0];
	return true;
}

bool iu_advice_read(const char *bytes, size_t len, struct iu_advice *ret, char **ret_text, char **ret_json)
{
	*ret_text = *ret_json = NULL;
	if (len < sizeof(*ret))
		return false;
	memcpy(ret, bytes, sizeof(*ret));
	ret->cause[sizeof(ret->cause) - 1] = 0;
	bytes += sizeof(*ret);
	len -= sizeof(*ret);
	if (ret->text_len > len || ret->json_len > len - ret->text_len)
		return false;
	if (ret->text_len > 0)
		*ret_text = strndup(bytes, ret->text_len);
	if (ret->json_len > 0)
		*ret_json = strndup(bytes + ret->text_len, ret->json_len);
	return true;
}
