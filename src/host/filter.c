/* SPDX-License-Identifier: MIT */
/* Filters of `inuse ls`: words that choose sockets. */
#include "host/filter.h"

#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "say/names.h"
#include "say/row.h"

#define WORD_MAX 256

/* A piece of a word that is being read. */
struct piece {
	const char *at;
	size_t len;
};

/* The walk over the words: one at a time, out of arguments that may hold several. */
struct words {
	const char *const *list;
	size_t n, next;
	const char *rest; /* of the argument that is being split */
	char word[WORD_MAX];
	const struct iu_filter_names *names;
	struct inuse_error *error;
};

static enum inuse_status wrong(struct words *w, const char *format, struct piece p)
{
	char raw[WORD_MAX], shown[128];
	size_t len = p.len < sizeof(raw) - 1 ? p.len : sizeof(raw) - 1;

	memcpy(raw, p.at, len);
	raw[len] = 0;
	return iu_fail(w->error, INUSE_E_INPUT, 0, NULL, format, iu_escape(raw, shown, sizeof(shown)));
}

static struct piece whole(const char *s)
{
	return (struct piece){s, strlen(s)};
}

/* The next word into w->word; *ret_got: there was one. */
static enum inuse_status next_word(struct words *w, bool *ret_got)
{
	size_t len;

	*ret_got = false;
	while (w->rest == NULL || w->rest[strspn(w->rest, " \t\n")] == 0) {
		if (w->next == w->n)
			return INUSE_OK;
		w->rest = w->list[w->next++];
	}
	w->rest += strspn(w->rest, " \t\n");
	len = strcspn(w->rest, " \t\n");
	if (len >= sizeof(w->word))
		return wrong(w, _("\"%s\" is too long for a filter"), (struct piece){w->rest, len});
	memcpy(w->word, w->rest, len);
	w->word[len] = 0;
	w->rest += len;
	*ret_got = true;
	return INUSE_OK;
}

static enum inuse_status need_word(struct words *w, const char *format)
{
	char before[WORD_MAX];
	enum inuse_status status;
	bool got;

	strcpy(before, w->word);
	status = next_word(w, &got);
	return status < 0 || got ? status : wrong(w, format, whole(before));
}

/* ------------------------------------------------------------------------------------------ ports */

static bool parse_range(struct piece p, const struct iu_filter_names *names, struct iu_range *ret)
{
	const char *dash = memchr(p.at, '-', p.len);
	size_t first_len = dash ? (size_t)(dash - p.at) : p.len;
	uint64_t first, last;
	char name[64];

	if (iu_parse_u64_n(p.at, first_len, 0, 65535, &first)) {
		last = first;
		if (dash && !iu_parse_u64_n(dash + 1, p.len - first_len - 1, first, 65535, &last))
			return false;
		*ret = (struct iu_range){(uint16_t)first, (uint16_t)last};
		return true;
	}
	if (names == NULL || names->service == NULL || p.len == 0 || p.len >= sizeof(name) ||
	    memchr("0123456789", p.at[0], 10) != NULL)
		return false;
	memcpy(name, p.at, p.len);
	name[p.len] = 0;
	if (!names->service(name, &ret->first))
		return false;
	ret->last = ret->first;
	return true;
}

/* "80", "80,443", "8000-8099", "http" */
static enum inuse_status parse_ports(struct words *w, struct piece p, struct iu_filter_term *term)
{
	while (true) {
		const char *comma = memchr(p.at, ',', p.len);
		struct piece one = {p.at, comma ? (size_t)(comma - p.at) : p.len};

		if (term->n_ports == IU_FILTER_RANGES)
			return wrong(w, _("\"%s\": too many ports in one list"), whole(w->word));
		if (one.len == 0)
			return wrong(w, _("\"%s\": a port is missing behind the colon or the comma"), whole(w->word));
		if (!parse_range(one, w->names, &term->ports[term->n_ports++]))
			return wrong(w,
				     _("\"%s\" is neither a port (0 to 65535) nor a range of ports nor the name of a "
				       "service"),
				     one);
		if (comma == NULL)
			return INUSE_OK;
		p.len -= one.len + 1;
		p.at = comma + 1;
	}
}

/* -------------------------------------------------------------------------------------- addresses */

/* The address of a piece into the term; false if it is none. */
static bool take_addr(struct piece p, struct iu_filter_term *term)
{
	char text[INUSE_ADDR_TEXT];

	if (p.len == 0 || p.len >= sizeof(text))
		return false;
	memcpy(text, p.at, p.len);
	text[p.len] = 0;
	if (inuse_addr_parse(text, &term->addr, NULL) < 0)
		return false;
	term->prefix_len = term->addr.family == 4 ? 32 : 128;
	return true;
}

/* "ADDR", "ADDR/LEN", "*" or nothing. */
static enum inuse_status parse_host(struct words *w, struct piece p, struct iu_filter_term *term)
{
	const char *slash = memchr(p.at, '/', p.len);
	struct piece host = {p.at, slash ? (size_t)(slash - p.at) : p.len};
	uint64_t len;

	if ((p.len == 1 && p.at[0] == '*') || p.len == 0)
		return INUSE_OK;
	if (!take_addr(host, term))
		return wrong(w,
			     _("\"%s\" is no filter: not an address, not a port, and none of the words local, remote, "
			       "state, "
			       "pid, user, not"),
			     p);
	if (slash == NULL)
		return INUSE_OK;
	if (!iu_parse_u64_n(slash + 1, p.len - host.len - 1, 0, term->prefix_len, &len))
		return wrong(w,
			     term->addr.family == 4 ? _("\"%s\": behind the slash stands a number from 0 to 32")
						    : _("\"%s\": behind the slash stands a number from 0 to 128"),
			     p);
	term->prefix_len = (unsigned)len;
	if (iu_addr_is_mapped(&term->addr) && len >= 96) {
		term->addr = iu_addr_unmapped(&term->addr);
		term->prefix_len = (unsigned)len - 96;
	}
	return INUSE_OK;
}

/* The colon before the port, or NULL: IPv6 without brackets is an address as a whole, if it can be one. */
static const char *port_colon(const char *word)
{
	const char *close = strrchr(word, ']'), *last = strrchr(word, ':');
	struct iu_filter_term scratch;

	if (close != NULL)
		return strchr(close, ':');
	if (last != strchr(word, ':') && take_addr((struct piece){word, strcspn(word, "/")}, &scratch))
		return NULL;
	return last;
}

/* An address, a port, or both. A port alone is the local one, unless `local` or `remote` stood before it. */
static enum inuse_status parse_end(struct words *w, struct iu_filter_term *term)
{
	const char *word = w->word, *colon = port_colon(word);
	bool only_ports = colon == NULL && word[strspn(word, "0123456789,-")] == 0;
	struct piece host = {word, only_ports ? 0 : colon ? (size_t)(colon - word) : strlen(word)};
	enum inuse_status status = parse_host(w, host, term);

	term->kind = IU_FILTER_END;
	if (status == INUSE_OK && (only_ports || colon != NULL))
		status = parse_ports(w, whole(only_ports ? word : colon + 1), term);
	if (term->ends == 0)
		term->ends = term->addr.family == 0 ? IU_FILTER_LOCAL : IU_FILTER_LOCAL | IU_FILTER_REMOTE;
	return status;
}

/* ----------------------------------------------------------------------------------------- words */

/* "listen,established" */
static enum inuse_status parse_state(struct words *w, struct iu_filter_term *term)
{
	enum inuse_status status = need_word(w, _("behind \"%s\" stands the name of a state: listen, time-wait, ..."));
	const char *at = w->word;

	term->kind = IU_FILTER_STATE;
	while (status == INUSE_OK) {
		struct piece name = {at, strcspn(at, ",")};
		uint32_t state;

		if (!iu_name_find(iu_names_state, name.at, name.len, &state))
			return wrong(w, _("\"%s\" is no state of TCP: listen, established, time-wait, bound, ..."),
				     name);
		term->states |= 1u << state;
		if (at[name.len] == 0)
			break;
		at += name.len + 1;
	}
	return status;
}

static enum inuse_status parse_pid(struct words *w, struct iu_filter_term *term)
{
	enum inuse_status status = need_word(w, _("behind \"%s\" stands the number of a process"));
	uint64_t pid = 0;

	term->kind = IU_FILTER_PID;
	if (status == INUSE_OK && !iu_parse_u64(w->word, 1, INT32_MAX, &pid))
		return wrong(w, _("\"%s\" is not the number of a process"), whole(w->word));
	term->id = (uint32_t)pid;
	term->id_known = true;
	return status;
}

static enum inuse_status parse_user(struct words *w, struct iu_filter_term *term)
{
	enum inuse_status status = need_word(w, _("behind \"%s\" stands the name or the number of a user"));
	uint64_t uid;

	term->kind = IU_FILTER_USER;
	if (status < 0)
		return status;
	if (iu_parse_u64(w->word, 0, UINT32_MAX, &uid)) {
		term->id = (uint32_t)uid;
		term->id_known = true;
		return INUSE_OK;
	}
	if (strlen(w->word) >= sizeof(term->name))
		return wrong(w, _("there is no user named \"%s\""), whole(w->word));
	strcpy(term->name, w->word);
	if (w->names != NULL && w->names->user != NULL) {
		term->id_known = w->names->user(term->name, &term->id);
		if (!term->id_known)
			return wrong(w, _("there is no user named \"%s\""), whole(w->word));
	}
	return INUSE_OK;
}

static enum inuse_status parse_local(struct words *w, struct iu_filter_term *term)
{
	enum inuse_status status = need_word(w, _("behind \"%s\" stands an address or a port"));

	term->ends = IU_FILTER_LOCAL;
	return status < 0 ? status : parse_end(w, term);
}

static enum inuse_status parse_remote(struct words *w, struct iu_filter_term *term)
{
	enum inuse_status status = need_word(w, _("behind \"%s\" stands an address or a port"));

	term->ends = IU_FILTER_REMOTE;
	return status < 0 ? status : parse_end(w, term);
}

static enum inuse_status parse_term(struct words *w, struct iu_filter_term *term)
{
	static const struct {
		const char *word;
		enum inuse_status (*parse)(struct words *w, struct iu_filter_term *term);
	} rows[] = {
		{"state", parse_state}, {"pid", parse_pid},	  {"user", parse_user},
		{"local", parse_local}, {"remote", parse_remote},
	};
	enum inuse_status status = INUSE_OK;

	*term = (struct iu_filter_term){0};
	while (status == INUSE_OK && strcmp(w->word, "not") == 0) {
		term->negated = !term->negated;
		status = need_word(w, _("behind \"%s\" stands what shall not be shown"));
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && status == INUSE_OK; i++)
		if (strcmp(w->word, rows[i].word) == 0)
			return rows[i].parse(w, term);
	return status < 0 ? status : parse_end(w, term);
}

static bool is_local_port(const struct iu_filter_term *t)
{
	return t->kind == IU_FILTER_END && t->ends == IU_FILTER_LOCAL && t->n_ports > 0 && !t->negated;
}

static bool port_in(const struct iu_filter_term *t, uint16_t port)
{
	for (size_t i = 0; i < t->n_ports; i++)
		if (port >= t->ports[i].first && port <= t->ports[i].last)
			return true;
	return t->n_ports == 0;
}

/* Two lists of local ports that have none in common: what a person means by that is one list. */
static bool is_contradiction(const struct iu_filter *f)
{
	const struct iu_filter_term *last = &f->terms[f->n - 1];

	for (size_t i = 0; i + 1 < f->n && is_local_port(last); i++) {
		bool common = false;

		for (size_t r = 0; r < f->terms[i].n_ports; r++)
			common |= port_in(last, f->terms[i].ports[r].first);
		for (size_t r = 0; r < last->n_ports; r++)
			common |= port_in(&f->terms[i], last->ports[r].first);
		if (is_local_port(&f->terms[i]) && !common)
			return true;
	}
	return false;
}

enum inuse_status iu_filter_parse(const char *const *words, size_t n, const struct iu_filter_names *names,
				  struct iu_filter *ret_filter, struct inuse_error *error)
{
	struct words w = {.list = words, .n = n, .names = names, .error = error};
	enum inuse_status status;
	bool got;

	ret_filter->n = 0;
	while ((status = next_word(&w, &got)) == INUSE_OK && got) {
		if (ret_filter->n == IU_FILTER_TERMS)
			return wrong(&w, _("\"%s\" is one condition too many for a filter"), whole(w.word));
		status = parse_term(&w, &ret_filter->terms[ret_filter->n]);
		if (status < 0)
			return status;
		ret_filter->n++;
		if (is_contradiction(ret_filter))
			return wrong(&w,
				     _("\"%s\": a socket has one local port, so nothing can match; write :80,443 for "
				       "either"),
				     whole(w.word));
	}
	return status;
}

/* -------------------------------------------------------------------------------------- matching */

static bool end_matches(const struct iu_filter_term *t, const struct inuse_addr *end, bool is_set)
{
	struct inuse_addr plain = iu_addr_unmapped(end), want = iu_addr_unmapped(&t->addr);

	if (!is_set || (t->n_ports > 0 && !port_in(t, end->port)))
		return false;
	if (want.family == 0)
		return true;
	if (end->family == 0)
		return iu_addr_is_any(&want);
	if (t->prefix_len == (t->addr.family == 4 ? 32u : 128u))
		return iu_addr_same(&plain, &want);
	/* ::/0 and the like, shorter than the prefix of v4-mapped addresses, hold those, too */
	return iu_addr_in(&plain, &want, t->prefix_len) || iu_addr_in(end, &t->addr, t->prefix_len);
}

static bool owner_matches(const struct iu_filter_term *t, const struct inuse_socket *s, const struct iu_facts *facts)
{
	for (size_t i = 0; facts != NULL && i < s->n_holders; i++) {
		const struct inuse_process *p = &facts->processes[facts->holders[s->holders + i].process];

		if (t->kind == IU_FILTER_PID ? p->pid == (int32_t)t->id
					     : (t->id_known ? p->uid == t->id : strcmp(p->user, t->name) == 0))
			return true;
	}
	return false;
}

static bool term_matches(const struct iu_filter_term *t, const struct inuse_socket *s, const struct iu_facts *facts)
{
	switch (t->kind) {
	case IU_FILTER_END:
		return (t->ends & IU_FILTER_LOCAL && end_matches(t, &s->local, true)) ||
		       (t->ends & IU_FILTER_REMOTE && end_matches(t, &s->remote, iu_socket_has_remote(s)));
	case IU_FILTER_STATE:
		return t->states & 1u << s->state;
	case IU_FILTER_USER:
		if (t->id_known && s->known & INUSE_KNOW_UID && s->uid == t->id)
			return true;
		return owner_matches(t, s, facts);
	default:
		return owner_matches(t, s, facts);
	}
}

bool iu_filter_match(const struct iu_filter *filter, const struct inuse_socket *socket, const struct iu_facts *facts)
{
	for (size_t i = 0; i < filter->n; i++)
		if (term_matches(&filter->terms[i], socket, facts) == filter->terms[i].negated)
			return false;
	return true;
}

static bool is_about_owners(const struct iu_filter_term *t)
{
	return t->kind == IU_FILTER_PID || t->kind == IU_FILTER_USER;
}

bool iu_filter_may_match(const struct iu_filter *filter, const struct inuse_socket *socket)
{
	for (size_t i = 0; i < filter->n; i++)
		if (!is_about_owners(&filter->terms[i]) &&
		    term_matches(&filter->terms[i], socket, NULL) == filter->terms[i].negated)
			return false;
	return true;
}

bool iu_filter_is_ports(const struct iu_filter *filter)
{
	for (size_t i = 0; i < filter->n; i++)
		if (!is_local_port(&filter->terms[i]) || filter->terms[i].addr.family != 0)
			return false;
	return true;
}

bool iu_filter_needs_owners(const struct iu_filter *filter)
{
	for (size_t i = 0; i < filter->n; i++)
		if (is_about_owners(&filter->terms[i]))
			return true;
	return false;
}

/* The ports of a term, each once, into ret; more than max: max + 1. */
static size_t list_ports(const struct iu_filter_term *t, uint16_t *ret, size_t max)
{
	size_t n = 0;

	for (size_t r = 0; r < t->n_ports; r++) {
		if ((size_t)(t->ports[r].last - t->ports[r].first) >= max)
			return max + 1;
		for (uint32_t port = t->ports[r].first; port <= t->ports[r].last; port++) {
			bool listed = false;

			for (size_t i = 0; i < n && !listed; i++)
				listed = ret[i] == port;
			if (!listed && n == max)
				return max + 1;
			if (!listed)
				ret[n++] = (uint16_t)port;
		}
	}
	return n;
}

size_t iu_filter_ports(const struct iu_filter *filter, uint16_t *ret_ports, size_t max)
{
	for (size_t i = 0; i < filter->n; i++) {
		size_t n = is_local_port(&filter->terms[i]) ? list_ports(&filter->terms[i], ret_ports, max) : 0;

		if (n > 0 && n <= max)
			return n;
	}
	return 0;
}
