/* SPDX-License-Identifier: MIT */
/*
 * Units and containers: what the path of a control group says of a process, and what a .socket unit listens on.
 *
 * Theory of operation
 *
 * /proc/PID/cgroup has one line per hierarchy, "N:controllers:/path". systemd puts its processes below
 * slices: /system.slice/nginx.service, /user.slice/user-1000.slice/user@1000.service/app.slice/x.service; the first
 * name that is not a slice is the unit (for a user manager: the first one below it). Scopes are not reported:
 * stopping a session scope would log the user out, and killing the process is all that stopping another one does.
 * Container runtimes name a group after the container: docker-<64 hex>.scope, /docker/<64 hex>, libpod-<64 hex>.scope,
 * cri-containerd-<64 hex>.scope, kubepods/.../<64 hex>, lxc.payload.NAME. With containers in containers the
 * outermost counts: it is the one that the runtime of this machine knows. A unit around a container is the runtime's own
 * and not reported, but for podman, where a service of its own (quadlet) starts the container again when that is stopped.
 */
#include <string.h>

#include "base/address.h"
#include "base/parse.h"
#include "host/proc_parse.h"

struct piece {
	const char *at;
	size_t len;
};

static bool starts(struct piece p, const char *lead)
{
	return p.len >= strlen(lead) && memcmp(p.at, lead, strlen(lead)) == 0;
}

static bool ends(struct piece p, const char *tail)
{
	return p.len >= strlen(tail) && memcmp(p.at + p.len - strlen(tail), tail, strlen(tail)) == 0;
}

static struct piece without(struct piece p, const char *lead, const char *tail)
{
	if (starts(p, lead)) {
		p.at += strlen(lead);
		p.len -= strlen(lead);
	}
	if (ends(p, tail))
		p.len -= strlen(tail);
	return p;
}

static void copy(char *buf, size_t size, struct piece p)
{
	size_t n = p.len < size ? p.len : size - 1;

	memcpy(buf, p.at, n);
	buf[n] = 0;
}

static bool made_of(struct piece p, const char *alphabet)
{
	for (size_t i = 0; i < p.len; i++)
		if (p.at[i] == 0 || strchr(alphabet, p.at[i]) == NULL)
			return false;
	return p.len > 0;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* systemd's alphabet of unit names: systemd.unit(5). No dash in front: it would be an option of a command. */
static bool is_unit_name(struct piece p)
{
	return p.len < sizeof(((struct iu_proc_cgroup *)0)->unit) && p.at[0] != '-' && made_of(p, LETTERS ":-_.\\@");
}

/* The name of a container of lxc or systemd-nspawn. Never an option's dash in front. */
static bool is_plain_name(struct piece p)
{
	return p.len < 64 && p.len > 0 && p.at[0] != '-' && p.at[0] != '.' && made_of(p, LETTERS "-_.");
}

static bool is_container_id(struct piece p)
{
	return p.len == 64 && made_of(p, "0123456789abcdef");
}

/* The next name of a path; false at the end. */
static bool next_name(struct piece *path, struct piece *ret)
{
	while (path->len > 0 && *path->at == '/') {
		path->at++;
		path->len--;
	}
	ret->at = path->at;
	ret->len = 0;
	while (ret->len < path->len && ret->at[ret->len] != '/')
		ret->len++;
	path->at += ret->len;
	path->len -= ret->len;
	return ret->len > 0;
}

/* How runtimes spell the group of a container. A row with `parent` wants that name above it. First match wins. */
static const struct {
	const char *lead, *tail, *parent, *kind;
} hex_names[] = {
	{"docker-", ".scope", NULL, "docker"},
	{"", "", "docker", "docker"},
	{"", "", "actions_job", "docker"},
	{"libpod-payload-", "", NULL, "podman"},
	{"libpod-", ".scope", NULL, "podman"},
	{"libpod-", "", NULL, "podman"},
	{"cri-containerd-", ".scope", NULL, "kubernetes"},
	{"crio-", ".scope", NULL, "kubernetes"},
	{"crio-", "", NULL, "kubernetes"},
	{"", "", "kubepods", "kubernetes"},
	{"", "", "ecs", "docker"},
	{"", "", "buildkit", ""},
};

static bool found_hex(struct iu_proc_cgroup *ret, struct piece name, struct piece path_so_far)
{
	const char *colon = memrchr(name.at, ':', name.len);

	/* cgroupfs paths given to systemd: kubepods-burstable-podX.slice:cri-containerd:<64 hex> */
	if (colon != NULL) {
		struct piece last = {colon + 1, (size_t)(name.at + name.len - colon - 1)};

		if (!is_container_id(last))
			return false;
		copy(ret->container, sizeof(ret->container), last);
		strcpy(ret->container_kind, starts(name, "kubepods") ? "kubernetes" : "");
		return true;
	}
	for (size_t i = 0; i < sizeof(hex_names) / sizeof(hex_names[0]); i++) {
		struct piece id = without(name, hex_names[i].lead, hex_names[i].tail);

		if (name.len != strlen(hex_names[i].lead) + 64 + strlen(hex_names[i].tail) || !is_container_id(id))
			continue;
		if (hex_names[i].parent != NULL &&
		    memmem(path_so_far.at, path_so_far.len, hex_names[i].parent, strlen(hex_names[i].parent)) == NULL)
			continue;
		copy(ret->container, sizeof(ret->container), id);
		strcpy(ret->container_kind, hex_names[i].kind);
		return true;
	}
	return false;
}

/* Containers that have a name: "lxc.payload.web", "/lxc/web", "systemd-nspawn@web.service" in machine.slice. */
static bool found_named(struct iu_proc_cgroup *ret, struct piece name, struct piece parent)
{
	struct piece who = {0};
	const char *kind = "lxc";

	if (starts(name, "lxc.payload."))
		who = without(name, "lxc.payload.", "");
	else if ((parent.len == 3 && starts(parent, "lxc")) || (parent.len == 11 && starts(parent, "lxc.payload")))
		who = name;
	else if (starts(name, "systemd-nspawn@") && ends(name, ".service")) {
		who = without(name, "systemd-nspawn@", ".service");
		kind = "nspawn";
	}
	if (!is_plain_name(who))
		return false;
	copy(ret->container, sizeof(ret->container), who);
	strcpy(ret->container_kind, kind);
	return true;
}

static bool is_slice(struct piece p)
{
	return ends(p, ".slice");
}

static void read_path(struct piece path, struct iu_proc_cgroup *ret)
{
	struct piece whole = path, name, parent = {0}, unit = {0};
	bool below_user = false, settled = false;

	while (next_name(&path, &name)) {
		struct piece so_far = {whole.at, (size_t)(name.at - whole.at)};

		if (name.len == 2 && memcmp(name.at, "..", 2) == 0)
			continue; /* outside of the reader's own cgroup namespace */
		if (found_hex(ret, name, so_far) || found_named(ret, name, parent))
			break;
		parent = name;
		if (is_slice(name) || settled)
			continue;
		if (!below_user && starts(name, "user@") && ends(name, ".service")) {
			below_user = true;
			continue;
		}
		settled = true;
		/* systemd puts '_' before a name that the kernel's files might clash with */
		if (ends(name, ".service"))
			unit = without(name, "_", "");
	}
	if (ret->container[0] != 0 && strcmp(ret->container_kind, "podman") != 0)
		return;
	if (unit.len > 0 && is_unit_name(unit)) {
		copy(ret->unit, sizeof(ret->unit), unit);
		ret->user_unit = below_user;
	}
}

void iu_proc_parse_cgroup(const char *text, size_t len, struct iu_proc_cgroup *ret)
{
	const char *end = text + len;

	memset(ret, 0, sizeof(*ret));
	for (const char *line = text, *stop; line < end; line = stop + 1) {
		const char *first, *second;
		struct iu_proc_cgroup one = {0};

		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL)
			stop = end;
		first = memchr(line, ':', (size_t)(stop - line));
		second = first ? memchr(first + 1, ':', (size_t)(stop - first - 1)) : NULL;
		if (second == NULL)
			continue;
		read_path((struct piece){second + 1, (size_t)(stop - second - 1)}, &one);
		/* a container shows in every hierarchy; the unit in systemd's: "0::" or "N:name=systemd:" */
		if (ret->container[0] == 0 && one.container[0] != 0) {
			memcpy(ret->container, one.container, sizeof(ret->container));
			memcpy(ret->container_kind, one.container_kind, sizeof(ret->container_kind));
		}
		if (ret->unit[0] == 0 && (second == first + 1 || memmem(line, (size_t)(second - line), "name=systemd", 12))) {
			memcpy(ret->unit, one.unit, sizeof(ret->unit));
			ret->user_unit = one.user_unit;
		}
	}
	if (ret->container[0] != 0 && strcmp(ret->container_kind, "podman") != 0) {
		ret->unit[0] = 0;
		ret->user_unit = false;
	}
}

static struct piece trimmed(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	return (struct piece){at, (size_t)(end - at)};
}

/* Copies a value, %i and %I replaced by the instance, %% by a percent sign. False when it is too long. */
static bool expanded(struct piece value, const char *instance, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		const char *add = value.at + i;
		size_t len = 1;

		if (*add == '%' && i + 1 < value.len && (add[1] == 'i' || add[1] == 'I' || add[1] == '%')) {
			i++;
			if (add[1] != '%') {
				add = instance ? instance : "";
				len = strlen(add);
			}
		}
		if (len >= size - n)
			return false;
		memcpy(buf + n, add, len);
		n += len;
	}
	buf[n] = 0;
	return true;
}

/* 0 another port, 1 the port, 2 exactly there. "8080" is the wildcard of both families: systemd.socket(5). */
static int listens_on(const char *value, const struct inuse_addr *local)
{
	struct inuse_target target;
	struct inuse_addr a;

	if (inuse_target_parse(value, &target, NULL) < 0 || target.addr.port == 0 || target.addr.port != local->port)
		return 0;
	a = iu_addr_unmapped(local);
	if (target.kind == INUSE_TARGET_PORT)
		return iu_addr_is_any(&a) ? 2 : 1;
	if (target.kind != INUSE_TARGET_ADDR)
		return 0;
	return iu_addr_same(&target.addr, &a) ? 2 : 1;
}

void iu_unit_parse_listen(const char *text, size_t len, const char *instance, const struct inuse_addr *local,
			  int *match)
{
	const char *end = text + len;
	bool in_socket = false;
	char value[256];

	for (const char *line = text, *stop; line < end; line = stop + 1) {
		const char *equals;
		struct piece p;

		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL)
			stop = end;
		p = trimmed(line, stop);
		if (p.len == 0 || *p.at == '#' || *p.at == ';')
			continue;
		if (*p.at == '[') {
			in_socket = p.len == 8 && memcmp(p.at, "[Socket]", 8) == 0;
			continue;
		}
		equals = memchr(p.at, '=', p.len);
		if (!in_socket || equals == NULL)
			continue;
		if (trimmed(p.at, equals).len != 12 || memcmp(p.at, "ListenStream", 12) != 0)
			continue;
		p = trimmed(equals + 1, p.at + p.len);
		if (p.len == 0) {
			*match = 0;
		} else if (expanded(p, instance, value, sizeof(value))) {
			int one = listens_on(value, local);

			*match = one > *match ? one : *match;
		}
	}
}
