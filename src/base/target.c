/* SPDX-License-Identifier: MIT */
/*
 * What people paste, understood.
 *
 * Theory of operation
 *
 * The text is peeled from the outside in: blanks and what lsof writes behind ("(LISTEN)"), a path of a unix socket, a
 * URL's scheme and path, docker's "->80", "/tcp"; what is left is HOST:PORT. Of several colons without brackets the last
 * one stands before the port, as netstat, Node and docker print it (":::3000"), because a port is always needed here.
 * Where that does not come out, and there are several words, it may be the line of an error with an address among them.
 */
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"

/* A piece of the text. */
struct piece {
	const char *at;
	size_t len;
};

static enum inuse_status wrong(struct inuse_error *error, const char *format, struct piece p)
{
	char raw[80], shown[120];
	size_t len = p.len < sizeof(raw) ? p.len : sizeof(raw) - 1;

	memcpy(raw, p.at, len);
	raw[len] = 0;
	iu_escape(raw, shown, sizeof(shown));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return iu_fail(error, INUSE_E_INPUT, 0, NULL, format, shown);
#pragma GCC diagnostic pop
}

static bool starts(struct piece p, const char *s)
{
	return p.len >= strlen(s) && memcmp(p.at, s, strlen(s)) == 0;
}

static bool cut_end(struct piece *p, const char *s)
{
	size_t n = strlen(s);

	if (p->len < n || memcmp(p->at + p->len - n, s, n) != 0)
		return false;
	p->len -= n;
	return true;
}

static const char *find(struct piece p, const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i + n <= p.len; i++)
		if (memcmp(p.at + i, s, n) == 0)
			return p.at + i;
	return NULL;
}

static const char *find_last(struct piece p, char c)
{
	for (size_t i = p.len; i > 0; i--)
		if (p.at[i - 1] == c)
			return p.at + i - 1;
	return NULL;
}

static bool parse4(struct piece p, uint8_t ip[16])
{
	for (int i = 0; i < 4; i++) {
		const char *dot = i < 3 ? memchr(p.at, '.', p.len) : p.at + p.len;
		uint64_t value;

		/* no leading zeros: some readers take them for octal */
		if (dot == NULL || (dot - p.at > 1 && p.at[0] == '0') ||
		    !iu_parse_u64_n(p.at, (size_t)(dot - p.at), 0, 255, &value))
			return false;
		ip[i] = (uint8_t)value;
		p.len -= (size_t)(dot - p.at) + (i < 3);
		p.at = dot + (i < 3);
	}
	return p.len == 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 4291, section 2.2: eight groups, one "::" for a run of zeros, an IPv4 address in place of the last two. */
static bool parse6(struct piece p, uint8_t ip[16])
{
	int group = 0, gap = -1;
	size_t i = 0;

	memset(ip, 0, 16);
	if (starts(p, "::")) {
		gap = 0;
		i = 2;
	}
	while (i < p.len) {
		struct piece rest = {p.at + i, p.len - i};
		unsigned value = 0;
		size_t n = 0;

		if (group > 7)
			return false;
		if (group <= 6 && memchr(rest.at, '.', rest.len) != NULL && memchr(rest.at, ':', rest.len) == NULL) {
			if (!parse4(rest, ip + 2 * group))
				return false;
			group += 2;
			break;
		}
		for (; n < rest.len && n < 4 && hex(rest.at[n]) >= 0; n++)
			value = value << 4 | (unsigned)hex(rest.at[n]);
		if (n == 0)
			return false;
		ip[2 * group] = (uint8_t)(value >> 8);
		ip[2 * group + 1] = (uint8_t)value;
		group++;
		i += n;
		if (i == p.len)
			break;
		if (p.at[i] != ':' || ++i == p.len)
			return false;
		if (p.at[i] == ':') {
			if (gap >= 0)
				return false;
			gap = group;
			i++;
		}
	}
	if (gap < 0)
		return group == 8;
	if (group > 7)
		return false;
	memmove(ip + 16 - 2 * (group - gap), ip + 2 * gap, (size_t)(2 * (group - gap)));
	memset(ip + 2 * gap, 0, (size_t)(2 * (8 - group)));
	return true;
}

/* A numeric address; what stands behind % goes to scope_name or, if a number, into the address. */
static bool parse_numeric(struct piece p, struct inuse_addr *ret, char scope_name[64])
{
	const char *percent = memchr(p.at, '%', p.len);
	struct piece bare = {p.at, percent ? (size_t)(percent - p.at) : p.len};
	struct inuse_addr a = {0};
	uint64_t scope;

	if (parse4(bare, a.ip))
		a.family = 4;
	else if (parse6(bare, a.ip))
		a.family = 6;
	else
		return false;
	scope_name[0] = 0;
	if (percent != NULL) {
		size_t len = p.len - bare.len - 1;

		if (len == 0 || len > 63)
			return false;
		if (iu_parse_u64_n(percent + 1, len, 1, UINT32_MAX, &scope)) {
			a.scope = (uint32_t)scope;
		} else {
			memcpy(scope_name, percent + 1, len);
			scope_name[len] = 0;
		}
	}
	*ret = a;
	return true;
}

enum inuse_status inuse_addr_parse(const char *text, struct inuse_addr *ret_addr, struct inuse_error *error)
{
	struct piece p = {text, text ? strlen(text) : 0};
	char scope_name[64];

	if (p.len > 1 && p.at[0] == '[' && p.at[p.len - 1] == ']')
		p = (struct piece){p.at + 1, p.len - 2};
	if (p.len == 0 || !parse_numeric(p, ret_addr, scope_name) || scope_name[0] != 0)
		return wrong(error, _("\"%s\" is not a numeric address"), p.len ? p : (struct piece){"", 0});
	return INUSE_OK;
}

static bool is_name(struct piece p, bool service)
{
	for (size_t i = 0; i < p.len; i++) {
		unsigned char c = (unsigned char)p.at[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';

		if (!plain && (service || (c != '.' && c < 0x80)))
			return false;
	}
	return p.len > 0;
}

static enum inuse_status take_port(struct piece p, struct inuse_target *t, struct inuse_error *error)
{
	uint64_t port;

	if (iu_parse_u64_n(p.at, p.len, 0, 65535, &port)) {
		t->addr.port = (uint16_t)port;
		return INUSE_OK;
	}
	if (p.len == 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the port is missing behind the colon"));
	if (iu_parse_u64_n(p.at, p.len, 0, UINT64_MAX, &port) || strspn(p.at, "0123456789") >= p.len)
		return wrong(error, _("port %s is out of range: 0 to 65535"), p);
	if (p.at[0] == '-' || p.len >= sizeof(t->service) || !is_name(p, true))
		return wrong(error, _("\"%s\" is neither a port number nor the name of a service"), p);
	memcpy(t->service, p.at, p.len);
	t->service[p.len] = 0;
	return INUSE_OK;
}

static enum inuse_status take_host(struct piece p, struct inuse_target *t, struct inuse_error *error)
{
	uint16_t port = t->addr.port;
	bool bracketed = p.len > 1 && p.at[0] == '[' && p.at[p.len - 1] == ']';

	if (p.len == 0 || (p.len == 1 && p.at[0] == '*'))
		return INUSE_OK; /* stays INUSE_TARGET_PORT */
	if (bracketed)
		p = (struct piece){p.at + 1, p.len - 2};
	if (parse_numeric(p, &t->addr, t->scope_name) && (!bracketed || t->addr.family == 6)) {
		t->addr.port = port;
		t->kind = INUSE_TARGET_ADDR;
		return INUSE_OK;
	}
	if (bracketed || memchr(p.at, ':', p.len) != NULL)
		return wrong(error, _("\"%s\" is not an IPv6 address"), p);
	if (p.len >= sizeof(t->host) || !is_name(p, false))
		return wrong(error, _("\"%s\" is neither an address nor a host name"), p);
	t->kind = INUSE_TARGET_HOST;
	memcpy(t->host, p.at, p.len);
	t->host[p.len] = 0;
	return INUSE_OK;
}

#define BLANKS " \t\r\n"

static struct piece trim(struct piece p)
{
	while (p.len > 0 && strchr(BLANKS, p.at[0]) != NULL)
		p = (struct piece){p.at + 1, p.len - 1};
	while (p.len > 0 && strchr(BLANKS, p.at[p.len - 1]) != NULL)
		p.len--;
	return p;
}

/* scheme://user@host:port/path?query to host:port; the scheme stands for the port when there is none. */
static enum inuse_status take_url(struct piece p, const char *colon, struct inuse_target *t, struct inuse_error *error)
{
	struct piece scheme = {p.at, (size_t)(colon - p.at)}, rest = {colon + 3, p.len - scheme.len - 3};
	const char *at;
	size_t len = 0;
	enum inuse_status status;

	while (len < rest.len && strchr("/?#", rest.at[len]) == NULL)
		len++;
	rest.len = len;
	at = find_last(rest, '@');
	if (at != NULL)
		rest = (struct piece){at + 1, rest.len - (size_t)(at + 1 - rest.at)};
	colon = find_last(rest, ':');
	if (colon != NULL && (rest.len == 0 || rest.at[rest.len - 1] != ']')) {
		status = take_port((struct piece){colon + 1, (size_t)(rest.at + rest.len - colon - 1)}, t, error);
		rest.len = (size_t)(colon - rest.at);
	} else {
		status = take_port(scheme, t, error);
	}
	if (status < 0)
		return status;
	if (rest.len == 0)
		return wrong(error, _("\"%s\" names no host"), p);
	return take_host(rest, t, error);
}

static enum inuse_status take_path(struct piece p, struct inuse_target *t, struct inuse_error *error)
{
	/* sizeof(sun_path) */
	if (p.len > 107)
		return wrong(error, _("the path \"%s\" is too long for a unix socket (107 bytes)"), p);
	t->kind = INUSE_TARGET_UNIX;
	memcpy(t->host, p.at, p.len);
	t->host[p.len] = 0;
	return INUSE_OK;
}

/* Without a colon before the port: the port alone, or a sentence about what is missing. */
static enum inuse_status take_no_host(struct piece p, struct inuse_target *t, struct inuse_error *error)
{
	char scope[64];
	struct inuse_addr a;
	bool colon = memchr(p.at, ':', p.len) != NULL;

	if (!colon && p.len > 0 && strspn(p.at, "0123456789") >= p.len)
		return take_port(p, t, error);
	if (p.len == 0 || colon || parse_numeric(p, &a, scope) || memchr(p.at, '.', p.len) != NULL)
		return wrong(error,
			     starts(p, "[") ? _("\"%s\" has no port; write it behind a colon, as in [::1]:8080")
					    : _("\"%s\" has no port; write it behind a colon, as in 127.0.0.1:8080"),
			     p);
	if (strspn(p.at, "0123456789-") >= p.len)
		return wrong(error, _("\"%s\" is a range; ask for one port at a time"), p);
	return wrong(error, _("\"%s\" is no address; a host needs a port (localhost:8080), a service a colon (:http)"), p);
}

static enum inuse_status several(struct piece p, struct inuse_error *error)
{
	return wrong(error, _("\"%s\" is more than one address; ask for one at a time"), p);
}

/* A text that is nothing but an address. */
static enum inuse_status take_address(struct piece p, struct inuse_target *t, struct inuse_error *error)
{
	enum inuse_status status;
	const char *mark;

	if (starts(p, "unix:"))
		p = (struct piece){p.at + 5, p.len - 5};
	if (starts(p, "/") || starts(p, "./") || starts(p, "../") || starts(p, "@"))
		return take_path(p, t, error);
	mark = find(p, "://");
	if (mark != NULL)
		return take_url(p, mark, t, error);
	mark = find(p, " (");
	if (mark != NULL) /* lsof: *:8080 (LISTEN) */
		p.len = (size_t)(mark - p.at);
	if (find(p, ",") != NULL)
		return several(p, error);
	if (cut_end(&p, "/udp"))
		t->udp = true;
	else
		cut_end(&p, "/tcp");
	mark = find(p, "->"); /* docker ps: 0.0.0.0:8080->80/tcp; lsof: the peer */
	if (mark != NULL)
		p.len = (size_t)(mark - p.at);
	p = trim(p);
	mark = find_last(p, ':');
	if (mark == NULL || p.at[p.len - 1] == ']')
		return take_no_host(p, t, error);
	status = take_port((struct piece){mark + 1, (size_t)(p.at + p.len - mark - 1)}, t, error);
	return status < 0 ? status : take_host((struct piece){p.at, (size_t)(mark - p.at)}, t, error);
}

/* The next word, without the quotes, brackets and stops around it; false at the end. */
static bool next_word(struct piece *rest, struct piece *ret)
{
	size_t len = 0;

	*rest = trim(*rest);
	while (len < rest->len && strchr(BLANKS, rest->at[len]) == NULL)
		len++;
	*ret = (struct piece){rest->at, len};
	*rest = (struct piece){rest->at + len, rest->len - len};
	while (ret->len > 0 && memchr("('\"", ret->at[0], 3) != NULL)
		*ret = (struct piece){ret->at + 1, ret->len - 1};
	while (ret->len > 0 && memchr(")'\".,;:", ret->at[ret->len - 1], 7) != NULL)
		ret->len--;
	return len > 0;
}

/*
 * A line that a program has printed, "listen tcp :8080: bind: address already in use": the word in it that is an address with a
 * number for its port. How many there are: 0, 1, or 2 for more than one. A host name alone is none, but with another
 * it is one too many: "server.go:45" looks like that.
 */
static int take_line(struct piece p, struct inuse_target *ret)
{
	struct piece rest = p, word, found = {NULL, 0};
	bool numeric = false;

	while (next_word(&rest, &word)) {
		struct inuse_target t = {.kind = INUSE_TARGET_PORT};
		const char *colon = find_last(word, ':');

		if (colon == NULL || strspn(colon + 1, "0123456789") < (size_t)(word.at + word.len - colon - 1) ||
		    take_address(word, &t, NULL) != INUSE_OK || t.kind == INUSE_TARGET_UNIX)
			continue;
		if (found.at != NULL && (found.len != word.len || memcmp(found.at, word.at, word.len) != 0))
			return numeric || t.kind != INUSE_TARGET_HOST ? 2 : 0;
		found = word;
		numeric = t.kind != INUSE_TARGET_HOST;
		*ret = t;
	}
	return numeric;
}

enum inuse_status inuse_target_parse(const char *text, struct inuse_target *ret_target, struct inuse_error *error)
{
	struct piece p = trim((struct piece){text ? text : "", text ? strlen(text) : 0}), rest = p, first;
	struct inuse_target t = {.kind = INUSE_TARGET_PORT};
	struct inuse_error why = {0};
	enum inuse_status status;
	int n = 0;

	if (p.len == 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the address is empty; try 8080, 127.0.0.1:8080 or [::1]:8080"));
	status = take_address(p, &t, &why);
	if (status < 0 && next_word(&rest, &first) && rest.len > 0)
		n = take_line(p, &t);
	if (n > 1)
		return several(p, error);
	if (status < 0 && n == 0) {
		if (error != NULL)
			*error = why;
		return status;
	}
	*ret_target = t;
	return INUSE_OK;
}
