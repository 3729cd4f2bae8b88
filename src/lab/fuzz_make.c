/* SPDX-License-Identifier: MIT */
/*
 * Random steps.
 *
 * Theory of operation
 *
 * A scene has a theme, which says how likely each kind of step is; a maker looks at the sockets as they are now and proposes a step
 * that makes sense, or passes. Senseless steps are made, too, but seldom. Every rule of the model has to decide now and then, so
 * the themes lead to what chance alone would hardly bring about: ranges of one port, clients with a fixed port that meet what was left of
 * them, ports whose memory of SO_REUSEPORT outlives the option.
 */
#include "lab/fuzz_make.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"

#define SHORT_SCENE 50 /* steps, where it is the first ones that count */

unsigned iu_make_pick(struct iu_fuzzer *f, unsigned n)
{
	return iu_lab_pick(&f->random, n);
}

bool iu_make_chance(struct iu_fuzzer *f, unsigned percent)
{
	return iu_make_pick(f, 100) < percent;
}

int iu_make_pick_socket(struct iu_fuzzer *f, unsigned states)
{
	int found[IU_EXP_MAX_SOCKETS];
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *s = iu_sim_peek(f->model.sim, i);

		if (s != NULL && s->proto == INUSE_PROTO_TCP && f->live->fds[i] >= 0 && (states & (1u << s->state)) != 0)
			found[n++] = (int)i;
	}
	return n > 0 ? found[iu_make_pick(f, n)] : -1;
}

const struct inuse_socket *iu_make_peek(struct iu_fuzzer *f, int s)
{
	return iu_sim_peek(f->model.sim, (unsigned)s);
}

struct inuse_addr iu_make_addr(const char *text, uint16_t port)
{
	struct inuse_addr a;

	inuse_addr_parse(text, &a, NULL);
	a.port = port;
	return a;
}

struct inuse_addr iu_make_link_local(struct iu_fuzzer *f, uint16_t port)
{
	static const char *const scopes[] = {"v0", "v0", "v0", "", "lo", "gone"};
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);
	const char *scope = scopes[iu_make_pick(f, 6)];
	struct inuse_addr a = iu_make_addr("fe80::2", port);

	a.scope = strcmp(scope, "gone") == 0 ? IU_FUZZ_NO_DEVICE : 0;
	for (size_t i = 0; i < facts->n_devices; i++)
		if (strcmp(facts->devices[i].name, scope) == 0)
			a.scope = facts->devices[i].index;
	return a;
}

void iu_make_at(struct iu_fuzzer *f, struct iu_step *s, const struct inuse_addr *addr)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	s->at = (struct iu_where){.kind = IU_AT_LITERAL, .addr = *addr};
	for (size_t i = 0; addr->scope != 0 && i < facts->n_devices; i++)
		if (facts->devices[i].index == addr->scope) { /* the kernel has another number for it */
			snprintf(s->at.scope, sizeof(s->at.scope), "%s", facts->devices[i].name);
			s->at.addr.scope = 0;
		}
}

static const struct {
	iu_maker *make;
	uint8_t weight[IU_N_THEMES]; /* SERVERS CLIENTS EXHAUST REUSEPORT ODD SYNS PEERS */
} makers[] = {
	{iu_make_socket, {12, 12, 14, 12, 10, 12, 8}},   {iu_make_datagram, {1, 1, 1, 1, 3, 0, 0}},
	{iu_make_option, {16, 12, 8, 26, 8, 10, 8}},     {iu_make_linger, {1, 2, 1, 1, 1, 1, 0}},
	{iu_make_device, {2, 3, 1, 3, 2, 2, 2}},         {iu_make_repair, {0, 1, 0, 1, 1, 8, 0}},
	{iu_make_group, {0, 0, 0, 2, 0, 0, 0}},          {iu_make_port_choice, {0, 1, 4, 0, 1, 0, 0}},
	{iu_make_chown, {1, 1, 1, 4, 1, 0, 1}},          {iu_make_user, {1, 1, 1, 2, 2, 0, 1}},
	{iu_make_bind, {60, 36, 40, 60, 16, 24, 30}},     {iu_make_odd_bind, {0, 0, 0, 0, 60, 0, 0}},
	{iu_make_listen, {9, 7, 6, 10, 7, 8, 10}},        {iu_make_connect, {6, 26, 30, 5, 16, 26, 4}},
	{iu_make_accept, {5, 9, 6, 4, 3, 9, 8}},         {iu_make_close, {8, 11, 4, 8, 5, 14, 12}},
	{iu_make_shutdown, {2, 2, 1, 1, 1, 2, 2}},       {iu_make_write, {1, 1, 0, 0, 0, 1, 0}},
	{iu_make_fork, {0, 0, 0, 0, 0, 0, 0}},           {iu_make_kill, {1, 1, 1, 1, 1, 1, 0}},
	{iu_make_setting, {0, 1, 1, 0, 1, 1, 0}},        {iu_make_range, {0, 0, 1, 0, 0, 0, 0}},
	{iu_make_read, {1, 1, 0, 0, 0, 1, 0}},	{iu_make_packet, {0, 0, 0, 0, 0, 0, 30}},
	{iu_make_unconnect, {3, 4, 2, 2, 2, 3, 2}},      {iu_make_dial_peer, {0, 0, 0, 0, 0, 0, 16}},
};

void iu_fuzz_make_begin(struct iu_fuzzer *f)
{
	static const uint8_t shares[IU_N_THEMES] = {18, 14, 10, 12, 8, 20, 18};
	unsigned p = iu_make_pick(f, 100);

	f->theme = 0;
	while (p >= shares[f->theme])
		p -= shares[f->theme++];
	if (f->theme == IU_THEME_PEERS && f->live->wire == NULL)
		f->theme = IU_THEME_SYNS;
	f->scene.random = f->random;
	f->n_script = f->at_script = 0;
	iu_fuzz_write_script(f);
}

static bool try_maker(struct iu_fuzzer *f, struct iu_step *ret)
{
	unsigned total = 0, p;
	size_t i = 0;

	for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		total += makers[i].weight[f->theme];
	p = iu_make_pick(f, total);
	for (i = 0; p >= makers[i].weight[f->theme]; i++)
		p -= makers[i].weight[f->theme];
	memset(ret, 0, sizeof(*ret));
	return makers[i].make(f, ret);
}

bool iu_fuzz_make(struct iu_fuzzer *f, struct iu_step *ret)
{
	if (f->scene.n >= (f->theme >= IU_THEME_SYNS ? SHORT_SCENE : IU_SCENE_STEPS))
		return false;
	if (iu_make_peer_answer(f, ret))
		return true;
	if (f->at_script < f->n_script) {
		*ret = f->script[f->at_script++];
		return true;
	}
	/* what the theme needs comes first: small ranges, and sometimes other settings or a process that shares a socket */
	memset(ret, 0, sizeof(*ret));
	if (f->scene.n == 0 && (f->theme == IU_THEME_EXHAUST || f->theme == IU_THEME_CLIENTS || iu_make_chance(f, 10)))
		return iu_make_range(f, ret);
	if (f->scene.n < 3 && iu_make_chance(f, 6))
		return iu_make_setting(f, ret);
	if (iu_make_chance(f, 100) && iu_make_pick(f, 1500) == 0 && iu_make_fork(f, ret))
		return true;
	for (int i = 0; i < 50; i++)
		if (try_maker(f, ret))
			return true;
	return false;
}
