/* SPDX-License-Identifier: MIT */
/* A scene on both sides, step by step. */
#include "lab/fuzz_private.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "host/host.h"

const uint16_t iu_fuzz_ports[IU_FUZZ_N_PORTS] = {IU_FUZZ_LOW,       IU_FUZZ_PORT,      IU_FUZZ_PORT + 1,  IU_FUZZ_RANGE,
						 IU_FUZZ_RANGE + 1, IU_FUZZ_RANGE + 2, IU_FUZZ_RANGE_LAST};

#define BUCKET_EVERY 3       /* of so many calls one is judged by the kernel's buckets */
#define UNKNOWNS_EVERY 64    /* of the calls that an ordinary user's eyes cannot tell */
#define SCENES_PER_NAMESPACE 4096

/* ------------------------------------------------------------------------------------------- the namespace */

/* What every scene finds, on the kernel; fuzz_text.c has the same as lines. */
static enum inuse_status make_surroundings(struct iu_fuzzer *f, struct inuse_error *error)
{
	static const char *const kinds[] = {"unreachable", "prohibit", "blackhole"};
	struct inuse_addr a;
	enum inuse_status status = iu_lab_device("v0", error);

	inuse_addr_parse("10.9.0.1", &a, NULL);
	if (status == INUSE_OK)
		status = iu_lab_address("v0", &a, 24, error);
	inuse_addr_parse("fd00::2", &a, NULL);
	if (status == INUSE_OK)
		status = iu_lab_address("lo", &a, 128, error);
	inuse_addr_parse("fe80::2", &a, NULL);
	if (status == INUSE_OK)
		status = iu_lab_address("v0", &a, 64, error);
	inuse_addr_parse("2001:db8:1::1", &a, NULL);
	if (status == INUSE_OK)
		status = iu_lab_address_tentative("v0", &a, 64, error);
	for (unsigned i = 0; i < 3 && status == INUSE_OK; i++) {
		inuse_addr_parse("203.0.113.0", &a, NULL);
		a.ip[3] = (uint8_t)(64 * i);
		status = iu_lab_route(kinds[i], &a, 26, error);
	}
	if (status != INUSE_OK)
		return status;
	iu_lab_write_setting("ipv4/ip_local_port_range", "20001 20004");
	iu_lab_quick_acks();
	/* small buffers are soon full; and what the kernel knows of earlier connections is not to be learnt from */
	iu_lab_write_setting("ipv4/tcp_rmem", "4096 4096 8192");
	iu_lab_write_setting("ipv4/tcp_wmem", "4096 4096 8192");
	iu_lab_write_setting("ipv4/tcp_no_metrics_save", "1");
	iu_lab_write_setting("ipv4/tcp_invalid_ratelimit", "0");
	return INUSE_OK;
}

enum inuse_status iu_fuzz_namespace(struct iu_fuzzer *f, struct inuse_error *error)
{
	struct inuse_error ignored = {0};
	enum inuse_status status;

	if (error == NULL)
		error = &ignored;
	iu_live_free(f->live);
	f->live = NULL;
	f->scenes_here = 0;
	f->exp.needs = f->result->why_no_peers[0] == 0 ? IU_NEED_WIRE | IU_NEED_IPV6 : 0;
	status = iu_live_new(&f->exp, IU_RUN_AS_WRITTEN, false, &f->live, error);
	if (status == INUSE_E_UNSUPPORTED && f->exp.needs != 0) { /* all the others can be played without peers */
		snprintf(f->result->why_no_peers, sizeof(f->result->why_no_peers), "%s", error->text);
		return iu_fuzz_namespace(f, error);
	}
	return status == INUSE_OK ? make_surroundings(f, error) : status;
}

static uint32_t simulate_device(struct iu_fuzzer *f, const char *name)
{
	uint32_t device = iu_sim_device(f->model.sim, name);

	f->devices[device - 1] = if_nametoindex(name);
	return device;
}

/* The same on the model. */
static void simulate_surroundings(struct iu_fuzzer *f)
{
	static const enum inuse_result results[] = {INUSE_R_HOSTUNREACH, INUSE_R_ACCES, INUSE_R_INVAL};
	struct iu_sim *sim = f->model.sim;
	struct inuse_addr a;
	uint32_t device;

	iu_sim_setting(sim, IU_SET_RANGE_FIRST, IU_FUZZ_RANGE);
	iu_sim_setting(sim, IU_SET_RANGE_LAST, IU_FUZZ_RANGE_LAST);
	iu_sim_setting(sim, IU_SET_INVALID_RATELIMIT, 0);
	memset(f->devices, 0, sizeof(f->devices));
	f->devices[0] = if_nametoindex("lo"); /* iu_sim_new() has made it */
	/* in the order of the kernel: of several addresses the first one is taken */
	if (f->live->wire != NULL) {
		device = simulate_device(f, "wire");
		inuse_addr_parse("198.51.100.1", &a, NULL);
		iu_sim_address(sim, device, &a, 24);
		inuse_addr_parse("2001:db8:5::1", &a, NULL);
		iu_sim_address(sim, device, &a, 64);
	}
	device = simulate_device(f, "v0");
	inuse_addr_parse("10.9.0.1", &a, NULL);
	iu_sim_address(sim, device, &a, 24);
	inuse_addr_parse("fd00::2", &a, NULL);
	iu_sim_address(sim, 1, &a, 128);
	inuse_addr_parse("fe80::2", &a, NULL);
	iu_sim_address(sim, device, &a, 64);
	inuse_addr_parse("2001:db8:1::1", &a, NULL);
	iu_sim_address(sim, device, &a, 64);
	iu_sim_tentative(sim, &a);
	for (unsigned i = 0; i < 3; i++) {
		inuse_addr_parse("203.0.113.0", &a, NULL);
		a.ip[3] = (uint8_t)(64 * i);
		iu_sim_route(sim, &a, 26, results[i]);
	}
}

/* Has a scene left something behind after all? */
static bool is_empty(struct iu_fuzzer *f)
{
	struct inuse_socket one;

	if (f->eyes != NULL && iu_eyes_read(f->eyes, NULL))
		return iu_eyes_count(f->eyes) == 0;
	return iu_live_sockets(f->live, &one, 1) == 0;
}

bool iu_fuzz_begin(struct iu_fuzzer *f)
{
	if (f->live == NULL || ++f->scenes_here > SCENES_PER_NAMESPACE || !is_empty(f))
		if (iu_fuzz_namespace(f, NULL) != INUSE_OK || f->live == NULL)
			return false;
	f->model = (struct iu_onmodel){.sim = iu_sim_new(f->profile, iu_live_kernel()), .os = IU_OS_LINUX, .run = IU_RUN_AS_WRITTEN};
	if (f->model.sim == NULL)
		return false;
	iu_sim_features(f->model.sim, f->features);
	simulate_surroundings(f);
	f->began_ns = iu_live_now();
	f->n_sockets = f->n_processes = f->n_calls = f->n_peers = 0;
	memset(f->syns, 0, sizeof(f->syns));
	f->user = 0;
	f->went_v4 = 0;
	f->haunted = false;
	f->settings_changed = false;
	f->scene.n = 0;
	return true;
}

struct inuse_socket iu_fuzz_on_kernel(const struct iu_fuzzer *f, const struct inuse_socket *simulated)
{
	struct inuse_socket r = *simulated;

	if (r.device >= 1 && r.device <= sizeof(f->devices) / sizeof(f->devices[0]))
		r.device = f->devices[r.device - 1];
	return r;
}

static void end_processes(struct iu_live *live)
{
	for (size_t i = 0; i < IU_EXP_MAX_PROCESSES; i++)
		if (live->pids[i] > 0) {
			kill(live->pids[i], SIGKILL);
			waitpid(live->pids[i], NULL, 0);
			live->pids[i] = 0;
		}
}

/* Nothing of the scene stays: connections are reset, remains removed. */
void iu_fuzz_end(struct iu_fuzzer *f)
{
	static const struct linger reset = {1, 0};
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);
	struct inuse_socket left[256];
	size_t n = 0;

	if (geteuid() != 0 && seteuid(0) != 0)
		f->scenes_here = SCENES_PER_NAMESPACE;
	end_processes(f->live);
	for (size_t i = 0; i < facts->n_sockets && n < 256; i++)
		if (facts->sockets[i].state != INUSE_LISTEN && facts->sockets[i].state != INUSE_BOUND && facts->sockets[i].inode == 0)
			left[n++] = iu_fuzz_on_kernel(f, &facts->sockets[i]);
	for (unsigned i = 0; i < f->n_sockets; i++)
		if (f->live->fds[i] >= 0) {
			setsockopt(f->live->fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			close(f->live->fds[i]);
			f->live->fds[i] = -1;
		}
	if (n > 0 && !iu_lab_destroy_all(left, n))
		f->scenes_here = SCENES_PER_NAMESPACE;
	if (f->settings_changed)
		iu_fuzz_restore_settings();
	iu_sim_free(f->model.sim);
	f->model.sim = NULL;
}

/* ------------------------------------------------------------------------------------------------ one step */

/* What there is of one call besides the answers. */
struct looks {
	struct iu_eyes_call call;
	bool judged, bucket;
	struct iu_eyes_said user, seen;
};

static bool is_call(const struct iu_step *step)
{
	return step->action == IU_DO_BIND || step->action == IU_DO_LISTEN || step->action == IU_DO_CONNECT;
}

static bool dials(const struct iu_step *step)
{
	return step->action == IU_DO_CONNECT && step->at.claims == 0;
}

static bool sample(struct iu_fuzzer *f, unsigned every)
{
	return iu_lab_pick(&f->scene.random, every) == 0;
}

static enum iu_agreement differs(struct iu_fuzzer *f, enum iu_fuzz_kind kind)
{
	f->kind = kind;
	return IU_DIFFERS;
}

/* False: it is no call that the model judges. */
static bool ask_of(struct iu_fuzzer *f, const struct iu_step *step, struct iu_eyes_call *call)
{
	struct stat st;

	call->inode = fstat(f->live->fds[step->socket], &st) == 0 ? st.st_ino : 0;
	return iu_onmodel_request(&f->model, step, &call->request, &call->caller);
}

/* Before the call: the buckets. */
static enum iu_agreement look_before(struct iu_fuzzer *f, const struct iu_step *step, struct looks *l)
{
	const struct iu_facts *simulated = iu_sim_facts(f->model.sim);

	l->bucket = f->eyes != NULL && (sample(f, BUCKET_EVERY) || f->again) && iu_eyes_read(f->eyes, simulated);
	if (l->bucket && !iu_eyes_compare_patiently(f->eyes, simulated, f->why, sizeof(f->why)))
		return differs(f, IU_BY_SOCKETS);
	return IU_AGREES;
}

/* After the call, as things were before it: what is known of the port that the kernel chose helps to judge the SYN. */
static void judge_looks(struct iu_fuzzer *f, struct looks *l)
{
	const struct iu_facts *simulated = iu_sim_facts(f->model.sim);

	l->user = iu_eyes_judge_user(f->profile, simulated, &l->call);
	if (l->bucket)
		l->seen = iu_eyes_judge_bucket(f->profile, f->eyes, simulated, &l->call);
}

static enum iu_agreement say_wrong(struct iu_fuzzer *f, enum iu_fuzz_kind kind, const char *eyes, const struct iu_eyes_said *said,
				   const char *kernel)
{
	iu_eyes_say_wrong(eyes, said, kernel, f->why, sizeof(f->why));
	return differs(f, kind);
}

static void count(struct iu_fuzzer *f, enum iu_fuzz_eyes eyes)
{
	if (!f->again)
		f->result->judged[eyes]++;
}

static enum iu_agreement check_user(struct iu_fuzzer *f, struct looks *l, const char *kernel)
{
	count(f, IU_EYES_USER);
	if (l->user.outcome != INUSE_CANNOT_TELL)
		return iu_eyes_said_agrees(&l->user, kernel) ? IU_AGREES
							     : say_wrong(f, IU_BY_USER, "an ordinary user sees", &l->user, kernel);
	if (!f->again)
		f->result->user_cannot_tell++;
	return IU_AGREES;
}

/* Must be asked before the model has made the step: whether what an ordinary user cannot tell really depends on it. */
static enum iu_agreement check_unknowns(struct iu_fuzzer *f, struct looks *l, const char *kernel)
{
	if (l->user.outcome != INUSE_CANNOT_TELL || !(sample(f, UNKNOWNS_EVERY) || f->again))
		return IU_AGREES;
	if (!f->again)
		f->result->user_tried++;
	if (iu_eyes_unknown_matters(f->profile, iu_sim_facts(f->model.sim), &l->call, &f->scene.random))
		return IU_AGREES;
	return say_wrong(f, IU_BY_UNKNOWNS, "an ordinary user sees, although all values of the unknown lead to one outcome", &l->user, kernel);
}

static enum iu_agreement check_bucket(struct iu_fuzzer *f, const struct looks *l, const char *kernel)
{
	if (!l->bucket)
		return IU_AGREES;
	count(f, IU_EYES_BUCKET);
	/* no bucket tells the number of a SYN to come; the simulation knows when it was long ago enough */
	if (iu_eyes_said_open(&l->seen))
		return IU_AGREES;
	return iu_eyes_said_agrees(&l->seen, kernel) ? IU_AGREES
						     : say_wrong(f, IU_BY_BUCKET, "the kernel's bucket shows", &l->seen, kernel);
}

static void count_rows(struct iu_fuzzer *f, bool agreed)
{
	struct iu_fuzz_result *r = f->result;

	for (size_t i = 0; i < f->profile->n_calls; i++) {
		r->calls_of[i].decided += f->decided.calls[i] > 0;
		r->calls_of[i].agreed += f->decided.calls[i] > 0 && agreed;
		r->calls_of[i].open += f->decided.calls_open[i] > 0;
	}
	for (size_t i = 0; i < f->profile->n_owners; i++) {
		r->owners_of[i].decided += f->decided.owners[i] > 0;
		r->owners_of[i].agreed += f->decided.owners[i] > 0 && agreed;
	}
}

static enum iu_agreement first_of(enum iu_agreement a, enum iu_agreement b)
{
	return a != IU_AGREES ? a : b;
}

/* Somebody is dialling this very port from there: two SYNs that cross, which is not simulated. RFC 9293 3.5 */
static bool crosses(struct iu_fuzzer *f, const struct iu_step *step, uint16_t from)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	for (size_t i = 0; dials(step) && from != 0 && i < facts->n_sockets; i++)
		if (facts->sockets[i].state == INUSE_SYN_SENT && facts->sockets[i].local.port == step->at.addr.port &&
		    facts->sockets[i].remote.port == from)
			return true;
	return false;
}

/*
 * What comes of a peer's SYN. To an ACK it answers with RST, and with the same SYN (iu_make_peer_answer()): what that gets is what the
 * model has spoken of when the first came.
 */
static enum iu_agreement check_syn(struct iu_fuzzer *f, const struct iu_step *step, const char *kernel)
{
	static const struct {
		const char *text;
		enum inuse_result result;
	} rows[] = {{"SYN,ACK", INUSE_R_OK}, {"RST,ACK", INUSE_R_CONNREFUSED}, {"RST", INUSE_R_CONNREFUSED}, {"ACK", INUSE_R_TIMEDOUT}};
	bool again = f->syns[step->peer].open && f->syns[step->peer].reset;
	uint32_t possible = again ? f->syns[step->peer].possible : f->decided.possible;

	f->syns[step->peer].open = f->syns[step->peer].reset = false;
	if (possible == 0)
		return IU_AGREES; /* it meets a request that is half open: there is nothing to judge */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(kernel, rows[i].text) != 0)
			continue;
		if (rows[i].result == INUSE_R_TIMEDOUT && !again) {
			f->syns[step->peer].open = true;
			f->syns[step->peer].possible = possible;
			return IU_AGREES;
		}
		if ((possible & (1u << rows[i].result)) != 0)
			return IU_AGREES;
		snprintf(f->why, sizeof(f->why), "the SYN is answered in the end with %s; the model says otherwise (0x%x)", kernel, possible);
		return differs(f, IU_BY_ANSWER);
	}
	return IU_AGREES; /* nothing: the listener has no room */
}

/* Anything but the RST that belongs to it, and it is another SYN. */
static void note_packets(struct iu_fuzzer *f, const struct iu_step *step)
{
	bool packet = step->action == IU_DO_SEND;

	for (size_t i = 0; i < IU_EXP_MAX_PEERS; i++)
		if (!packet || step->peer != i || (step->tcp_flags != IU_RST && step->tcp_flags != IU_SYN))
			f->syns[i].open = false;
	if (packet && step->tcp_flags == IU_RST && step->seq == 0)
		f->syns[step->peer].reset = true;
}

/* The answers of both sides, and what each pair of eyes makes of the call. */
static enum iu_agreement compare(struct iu_fuzzer *f, const struct iu_step *step, struct looks *l, const struct iu_fuzz_answer *kernel,
				 const struct iu_sim_answer *model, enum iu_agreement unknowns)
{
	enum iu_agreement agreement = IU_AGREES;

	if (model->cannot_tell) {
		if (l->judged && !f->again)
			count_rows(f, true);
		return IU_CHOICE;
	}
	/* of the ports to choose from it has chosen the one that it dials: it meets itself, by chance [C16] */
	if (dials(step) && strcmp(kernel->text, "OK") == 0 && strcmp(model->text, "ECONNREFUSED") == 0 &&
	    kernel->chosen != 0 && kernel->chosen == step->at.addr.port)
		return IU_CHOICE;
	/* shut down for writing before it met itself, it has ended in that moment: linux v6.18 tcp_rcv_state_process(), TCP_SYN_RECV */
	if (dials(step) && strcmp(kernel->text, "ECONNABORTED") == 0)
		return IU_CHOICE;
	if (strcmp(kernel->text, model->text) != 0) {
		snprintf(f->why, sizeof(f->why), "the kernel says %s, the model %s (rule %s)", kernel->text, model->text,
			 model->rule != NULL ? model->rule : "-");
		agreement = differs(f, IU_BY_ANSWER);
	}
	if (step->action == IU_DO_SEND && step->tcp_flags == IU_SYN) {
		if (agreement == IU_AGREES)
			agreement = check_syn(f, step, kernel->text);
		if (!f->again)
			count_rows(f, agreement == IU_AGREES);
		return agreement;
	}
	if (!l->judged)
		return agreement;
	if (agreement == IU_AGREES)
		agreement = first_of(check_bucket(f, l, kernel->text), first_of(check_user(f, l, kernel->text), unknowns));
	if (!f->again) {
		f->result->failed += strcmp(kernel->text, "OK") != 0;
		count_rows(f, agreement == IU_AGREES);
	}
	return agreement;
}

/* The call went as the model said: is it really these blockers? */
static enum iu_agreement check_removal(struct iu_fuzzer *f, const struct iu_step *step, const struct looks *l, const char *kernel)
{
	unsigned every = f->fuzz->remove_every != 0 ? f->fuzz->remove_every : IU_FUZZ_REMOVE_EVERY;
	struct iu_eyes_said said;

	if (step->action != IU_DO_BIND || strcmp(kernel, "EADDRINUSE") != 0 || step->at.addr.port == 0 || l->bucket != (f->eyes != NULL))
		return IU_AGREES;
	if (f->again ? !f->last || f->kind != IU_BY_REMOVAL : !sample(f, every))
		return IU_AGREES;
	if (l->bucket)
		return iu_fuzz_remove(f, step, &l->seen.verdict);
	said = iu_eyes_judge(f->profile, iu_sim_facts(f->model.sim), &l->call);
	return iu_fuzz_remove(f, step, &said.verdict);
}

/*
 * Is it for the kernel to choose what comes of this, or unknown which of several things has come of it? Which of two listeners gets
 * a SYN; which remains a SYN has met that was refused, from a port that nobody knows.
 */
static bool is_choice(struct iu_fuzzer *f, const struct iu_step *step, const char *kernel, const char *rule, unsigned listeners,
		      bool automatic)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	if (step->action == IU_DO_SEND && step->tcp_flags == IU_SYN)
		return iu_sim_peer_choices(f->model.sim, step->peer) > 1;
	if (!dials(step))
		return false;
	/* the SYN that comes again every few ms may find room in the queue, or a new listener, or not yet */
	if (strcmp(kernel, "EINPROGRESS") == 0 && rule != NULL &&
	    (strcmp(rule, "syn-live") == 0 || strcmp(rule, "nobody-answers") == 0 || strcmp(rule, "syn-rfc1337") == 0))
		return true;
	if (strcmp(kernel, "EINPROGRESS") == 0 && iu_sim_is_unrefused(f->model.sim, step->socket, &step->at.addr))
		return true;
	/* it keeps the 4-tuple, for as long as the kernel tries: nothing of it may be left to the next scene */
	if (iu_sim_has_request(f->model.sim)) {
		f->scenes_here = SCENES_PER_NAMESPACE;
		return true;
	}
	if ((listeners > 1 && strcmp(kernel, "OK") == 0) || iu_sim_is_twice(f->model.sim, step->socket))
		return true;
	for (size_t i = 0; automatic && strcmp(kernel, "ECONNREFUSED") == 0 && i < facts->n_sockets; i++)
		if ((facts->sockets[i].local.port == step->at.addr.port && facts->sockets[i].remote.port >= IU_FUZZ_RANGE) ||
		    (facts->sockets[i].mini && facts->sockets[i].remote.port == step->at.addr.port))
			return true;
	return false;
}

/*
 * An automatic port may be that of a connection on another device, whose other end here is on none: what is left of that in FIN-WAIT-2
 * refuses the SYN, from a port that nobody knows. As from the port of a TIME-WAIT over there it is never answered, from others refused.
 */
static bool may_meet_remains(struct iu_fuzzer *f, const struct iu_step *step)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	for (size_t i = 0; i < facts->n_sockets; i++)
		if (facts->sockets[i].mini && facts->sockets[i].state == INUSE_FIN_WAIT2 &&
		    facts->sockets[i].local.port == step->at.addr.port && facts->sockets[i].remote.port >= IU_FUZZ_RANGE)
			return true;
	return false;
}

/* Before 6.14 a client may take over a TIME-WAIT to the same destination when another second has begun: now, or in a moment. */
static bool may_take_over(const struct iu_fuzzer *f, const struct iu_step *step)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);
	struct inuse_addr to = iu_addr_unmapped(&step->at.addr);

	for (size_t i = 0; (f->features & IU_FEATURE_TW_DELAY) == 0 && i < facts->n_sockets; i++) {
		const struct inuse_socket *s = &facts->sockets[i];
		struct inuse_addr remote = iu_addr_unmapped(&s->remote);

		/* to all zeros means to the host itself, from whatever address */
		if (s->mini && s->state == INUSE_TIME_WAIT && remote.port == to.port && (iu_addr_is_any(&to) || iu_addr_same(&remote, &to)))
			return true;
	}
	return false;
}

/* Longer than the kernel delays an ACK where nothing else is said: linux v6.18 TCP_DELACK_MIN. */
static void await_ack(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 60000000}, NULL);
}

/* One side says that the connection came about, the other that it is still to come. */
static bool has_or_has_not_room(const char *a, const char *b)
{
	/* or one was chosen that is bound to another device by now: its request is not found for the ACK, and that is refused */
	if (strcmp(a, "ECONNRESET") == 0)
		return strcmp(b, "OK") == 0 || strcmp(b, "EINPROGRESS") == 0;
	return (strcmp(a, "OK") == 0 && strcmp(b, "EINPROGRESS") == 0) || (strcmp(a, "EINPROGRESS") == 0 && strcmp(b, "OK") == 0);
}

/*
 * Of several listeners with SO_REUSEPORT one may have room and another not; of two sockets with one 4-tuple either may get the answer;
 * what is left of an old connection may have said something that did not arrive.
 */
static bool is_drawn(struct iu_fuzzer *f, const struct iu_step *step, unsigned listeners, const char *kernel, const char *model)
{
	return (listeners > 1 || (dials(step) && (iu_sim_is_twice(f->model.sim, step->socket) ||
						  iu_sim_is_unrefused(f->model.sim, step->socket, &step->at.addr)))) &&
	       has_or_has_not_room(kernel, model);
}

enum iu_agreement iu_fuzz_step(struct iu_fuzzer *f, const struct iu_step *step, struct iu_scene_answer *ret)
{
	struct looks l = {.bucket = false};
	struct iu_fuzz_answer kernel;
	struct iu_sim_answer model;
	enum iu_agreement agreement = IU_AGREES, unknowns = IU_AGREES;
	bool call, automatic, crossing, refused, remains, takes_over;
	unsigned listeners = 0;

	*ret = (struct iu_scene_answer){0};
	/* accept() that should have made it did not */
	if (!iu_live_is_other(step->action) && step->action != IU_DO_SOCKET && f->live->fds[step->socket] < 0)
		return IU_AGREES;
	call = is_call(step) && ask_of(f, step, &l.call);
	l.judged = call;
	automatic = iu_sim_local(f->model.sim, step->socket).port == 0;
	if (dials(step))
		listeners = iu_sim_choices(f->model.sim, step->socket, &step->at.addr);
	if (call)
		agreement = look_before(f, step, &l);
	if (agreement != IU_AGREES) { /* the call is made all the same: an experiment says what it answers */
		if (iu_fuzz_kernel(f, step, &kernel, NULL) == INUSE_OK)
			snprintf(ret->text, sizeof(ret->text), "%s", kernel.text);
		return agreement;
	}
	if (iu_fuzz_kernel(f, step, &kernel, NULL) != INUSE_OK)
		return IU_BROKEN;
	if (call) {
		l.call.chosen = kernel.chosen;
		judge_looks(f, &l);
		unknowns = check_unknowns(f, &l, kernel.text);
	}
	crossing = crosses(f, step, kernel.chosen != 0 ? kernel.chosen : iu_sim_local(f->model.sim, step->socket).port);
	memset(&f->decided, 0, sizeof(f->decided));
	iu_sim_count(f->model.sim, call || step->action == IU_DO_SEND ? &f->decided : NULL);
	note_packets(f, step);
	remains = dials(step) && automatic && may_meet_remains(f, step);
	takes_over = dials(step) && may_take_over(f, step);
	model = iu_onmodel_step(&f->model, step, kernel.chosen);
	if (iu_sim_owes_ack(f->model.sim))
		await_ack();
	if (step->action == IU_DO_FILL && strcmp(kernel.text, "OK") != 0)
		return IU_CHOICE; /* a RST for what was sent has come before the end or after it */
	if (!model.cannot_tell && strcmp(kernel.text, model.text) != 0)
		iu_fuzz_kernel_again(f, step, model.text, &kernel);
	snprintf(ret->text, sizeof(ret->text), "%s", kernel.text);
	ret->chosen = kernel.chosen;
	if (!f->again) {
		f->result->steps++;
		f->result->calls += call;
		f->result->judged[IU_EYES_STATE] += call;
	}
	f->n_calls += call;
	refused = automatic && model.rule != NULL && strcmp(kernel.text, "ECONNREFUSED") == 0 &&
		  (remains || strcmp(model.rule, "nobody-answers") == 0);
	if (crossing || refused || takes_over || is_drawn(f, step, listeners, kernel.text, model.text))
		return IU_CHOICE;
	agreement = compare(f, step, &l, &kernel, &model, unknowns);
	if (agreement == IU_AGREES && call)
		agreement = check_removal(f, step, &l, kernel.text);
	return agreement == IU_AGREES && is_choice(f, step, kernel.text, model.rule, listeners, automatic) ? IU_CHOICE : agreement;
}
