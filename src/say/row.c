/* SPDX-License-Identifier: MIT */
/* A socket in one line. */
#include "say/row.h"

#include <string.h>

#include "base/address.h"
#include "base/gettext.h"
#include "say/names.h"
#include "say/say.h"

#define OWNERS_SHOWN 3

bool iu_socket_has_remote(const struct inuse_socket *s)
{
	return s->state != INUSE_LISTEN && s->state != INUSE_BOUND && (s->remote.family != 0 || s->remote.port != 0);
}

void iu_say_socket(struct iu_text *t, const struct inuse_socket *s)
{
	char text[INUSE_ADDR_TEXT];

	iu_text_addf(t, "%s %s", iu_say_state(s->state), inuse_addr_text(&s->local, text));
	if (iu_socket_has_remote(s))
		iu_text_addf(t, " > %s", inuse_addr_text(&s->remote, text));
}

const char *iu_say_column(enum iu_column column)
{
	static const char *const headings[IU_N_COLUMNS] = {
		[IU_COLUMN_STATE] = N_("STATE"), [IU_COLUMN_LOCAL] = N_("LOCAL"), [IU_COLUMN_REMOTE] = N_("REMOTE"),
		[IU_COLUMN_LEFT] = N_("LEFT"),   [IU_COLUMN_FLAGS] = N_("FLAGS"), [IU_COLUMN_UID] = N_("UID"),
		[IU_COLUMN_INODE] = N_("INODE"), [IU_COLUMN_OWNER] = N_("OWNER"),
	};

	return _(headings[column]);
}

static void say_left(struct iu_text *t, const struct inuse_socket *s, const struct iu_facts *f)
{
	char text[64];

	iu_text_add(t, s->free_at_ns == 0 ? "-" : iu_say_duration(s->free_at_ns - f->now_ns, s->free_slack_ns, text));
}

void iu_say_left(struct iu_text *t, const struct inuse_socket *s, const struct iu_facts *f, struct iu_durations *durations)
{
	int64_t left = s->free_at_ns - f->now_ns;
	size_t seconds = left <= 0 ? 0 : (size_t)((left + 999999999) / 1000000000);
	char text[64], *known;

	if (s->free_at_ns == 0) {
		iu_text_add_n(t, "-", 1);
		return;
	}
	/* what iu_say_duration() tells in whole seconds */
	if (s->free_slack_ns != 0 || seconds >= IU_SHORT_DURATIONS) {
		say_left(t, s, f);
		return;
	}
	known = durations->text[seconds];
	if (known[0] == 0 && strlen(iu_say_duration(left, 0, text)) < sizeof(durations->text[0]))
		strcpy(known, text);
	iu_text_add(t, known[0] != 0 ? known : text);
}

static const char *device_name(const struct iu_facts *f, uint32_t index)
{
	for (size_t i = 0; i < f->n_devices; i++)
		if (f->devices[i].index == index)
			return f->devices[i].name;
	return NULL;
}

static void say_device(struct iu_text *t, const struct inuse_socket *s, const struct iu_facts *f)
{
	const char *name = device_name(f, s->device);

	iu_text_add(t, "dev=");
	if (name != NULL)
		iu_text_add_escaped(t, name);
	else
		iu_text_addf(t, "%u", s->device);
}

/* The names are those of JSON and of the options of `inuse why`: they are not translated. */
static void say_flags(struct iu_text *t, const struct inuse_socket *s, const struct iu_facts *f, bool all)
{
	static const uint32_t decide = INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY | INUSE_FREEBIND |
				       INUSE_TRANSPARENT | INUSE_MPTCP | INUSE_REPAIR;
	uint32_t shown = s->flags & (all ? ~0u : decide) & ~(s->family == 4 ? (uint32_t)INUSE_V6ONLY : 0);
	size_t start = t->len;

	for (const struct iu_name *n = iu_names_flag; shown != 0 && n->name != NULL; n++)
		if (shown & n->value) {
			iu_text_add(t, t->len > start ? "," : "");
			iu_text_add(t, n->name);
		}
	if (s->device != 0) {
		iu_text_add(t, t->len > start ? "," : "");
		say_device(t, s, f);
	}
	if ((s->known & (INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT)) != (INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT))
		iu_text_add(t, t->len > start ? ",?" : "?");
	else if (t->len == start)
		iu_text_add(t, "-");
}

/* A socket that no process has open. */
static void say_nobody(struct iu_text *t, const struct inuse_socket *s)
{
	if ((s->flags & s->known & INUSE_KERNEL) != 0)
		iu_text_add(t, _("(kernel)"));
	else if (s->mini)
		iu_text_add(t, "-");
	else if ((s->known & INUSE_KNOW_OWNER) == 0 && (s->known & INUSE_KNOW_UID) != 0)
		iu_text_addf(t, _("(hidden, uid %u)"), s->uid);
	else if ((s->known & INUSE_KNOW_OWNER) == 0)
		iu_text_add(t, _("(hidden)"));
	else if (s->inode != 0)
		iu_text_add(t, _("(in flight)"));
	else
		iu_text_add(t, _("(no process)"));
}

/* The same process may hold a socket under several descriptors. */
static bool is_repeated(const struct inuse_socket *s, const struct iu_facts *f, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++)
		if (f->holders[s->holders + j].process == f->holders[s->holders + i].process)
			return true;
	return false;
}

static void say_process(struct iu_text *t, const struct inuse_process *p)
{
	if (p->comm != NULL && p->comm[0] != 0)
		iu_text_add_escaped(t, p->comm);
	else
		iu_text_add(t, "?");
	if (p->pid != 0)
		iu_text_addf(t, "[%d] ", p->pid);
	else
		iu_text_add(t, "[?] ");
	if (p->user != NULL && p->user[0] != 0)
		iu_text_add_escaped(t, p->user);
	else if (p->uid != UINT32_MAX)
		iu_text_addf(t, "%u", p->uid);
	else
		iu_text_add(t, "?");
	if (p->status == 'T')
		iu_text_add(t, _(" (suspended)"));
}

static void say_owner(struct iu_text *t, const struct inuse_socket *s, const struct iu_facts *f)
{
	size_t n = 0, more = 0;

	for (uint32_t i = 0; i < s->n_holders && s->holders + i < f->n_holders; i++) {
		if (is_repeated(s, f, i))
			continue;
		if (n >= OWNERS_SHOWN) {
			more++;
			continue;
		}
		iu_text_add(t, n++ > 0 ? ", " : "");
		say_process(t, &f->processes[f->holders[s->holders + i].process]);
	}
	if (n == 0)
		say_nobody(t, s);
	if (more > 0)
		iu_text_addf(t, iu_ngettext(" and %zu more", " and %zu more", more), more);
}

static void say_state(struct iu_text *t, const struct inuse_socket *s)
{
	iu_text_add(t, iu_say_state(s->state));
	if (s->count > 1)
		iu_text_addf(t, " x%llu", (unsigned long long)s->count);
}

void iu_say_cell(struct iu_text *t, enum iu_column column, const struct inuse_socket *s, const struct iu_facts *facts,
		 bool all)
{
	char addr[INUSE_ADDR_TEXT];

	switch (column) {
	case IU_COLUMN_STATE:
		say_state(t, s);
		return;
	case IU_COLUMN_LOCAL:
		iu_text_add_n(t, addr, (size_t)(iu_addr_put(&s->local, addr) - addr));
		return;
	case IU_COLUMN_REMOTE:
		if (iu_socket_has_remote(s))
			iu_text_add_n(t, addr, (size_t)(iu_addr_put(&s->remote, addr) - addr));
		else
			iu_text_add_n(t, "*", 1);
		return;
	case IU_COLUMN_LEFT:
		say_left(t, s, facts);
		return;
	case IU_COLUMN_FLAGS:
		say_flags(t, s, facts, all);
		return;
	case IU_COLUMN_UID:
		if (s->known & INUSE_KNOW_UID)
			iu_text_addf(t, "%u", s->uid);
		else
			iu_text_add(t, s->mini ? "-" : "?");
		return;
	case IU_COLUMN_INODE:
		if (s->inode != 0)
			iu_text_addf(t, "%llu", (unsigned long long)s->inode);
		else
			iu_text_add(t, "-");
		return;
	default:
		say_owner(t, s, facts);
		return;
	}
}
