/* SPDX-License-Identifier: MIT */
/* Why a call has failed: looked up at that moment, and told. */
#include "host/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "compat/socket.h"
#include "host/host.h"

static bool is_other(void *arg, const struct inuse_socket *socket)
{
	const uint64_t *own = arg;

	return socket->inode != *own;
}

static enum inuse_status look(const struct inuse_request *r, uint64_t own, struct inuse_snapshot **ret,
			      struct inuse_error *error)
{
	bool connects = r->call == INUSE_CALL_CONNECT;
	const struct inuse_addr *at = connects ? &r->remote : &r->local;
	struct iu_scope scope = {.owners = true, .elsewhere = true, .bound = true, .at = at, .n_at = 1};
	uint16_t ports[2] = {r->local.port, r->remote.port};

	scope.want = own != 0 ? is_other : NULL;
	scope.want_arg = &own;
	scope.classes = !connects;
	if (connects) {
		scope.routes = at;
		scope.n_routes = 1;
		scope.route_from = !iu_addr_is_any(&r->local) ? &r->local : NULL;
		scope.route_device = r->device;
	}
	if (r->local.port != 0) {
		scope.ports = ports;
		scope.n_ports = connects && ports[1] != ports[0] ? 2 : 1;
	}
	return iu_host_take(&scope, ret, error);
}

/* What the headline calls it, and the words that ask it again. */
static void name_asked(struct inuse_answer *a, const struct inuse_request *r)
{
	static const char *const calls[] = {"why bind ", "", "why connect ", "why accept "};
	bool connects = r->call == INUSE_CALL_CONNECT, fixed = r->local.port != 0 || !iu_addr_is_any(&r->local);
	char at[INUSE_ADDR_TEXT], from[INUSE_ADDR_TEXT];
	const char *reuse = "";

	inuse_addr_text(connects ? &r->remote : &r->local, at);
	inuse_addr_text(&r->local, from);
	if (r->call == INUSE_CALL_LISTEN)
		reuse = (r->flags & INUSE_REUSEADDR) != 0 ? "" : " --plain";
	else
		reuse = (r->flags & INUSE_REUSEADDR) != 0 ? " --reuseaddr" : "";
	snprintf(a->again, sizeof(a->again), "%s%s%s%s%s%s", calls[r->call], at, connects && fixed ? " --from " : "",
		 connects && fixed ? from : "", reuse, (r->flags & INUSE_REUSEPORT) != 0 ? " --reuseport" : "");
	snprintf(a->asked, sizeof(a->asked), "%s/tcp", at);
	if (connects && fixed) {
		size_t len = strlen(a->asked);

		snprintf(a->asked + len, sizeof(a->asked) - len, _(" from %s"), from);
	}
}

enum inuse_status iu_explain(const struct inuse_request *request, uint64_t own_inode, int32_t asker,
			     struct inuse_answer **ret_answer, struct inuse_error *error)
{
	struct inuse_answer *a = calloc(1, sizeof(*a));
	enum inuse_status status;

	if (a == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	status = look(request, own_inode, &a->own, error);
	if (status < 0) {
		inuse_answer_free(a);
		return status;
	}
	iu_snapshot_set_asker(a->own, asker);
	a->facts = iu_snapshot_facts(a->own);
	name_asked(a, request);
	iu_answer_judge(a, request, 1);
	*ret_answer = a;
	return INUSE_OK;
}

bool iu_result_of_errno(int code, enum inuse_result *ret_result)
{
	static const struct {
		int code;
		enum inuse_result result;
	} rows[] = {
		{0, INUSE_R_OK},
		{EINPROGRESS, INUSE_R_OK},
		{EADDRINUSE, INUSE_R_ADDRINUSE},
		{EADDRNOTAVAIL, INUSE_R_ADDRNOTAVAIL},
		{EACCES, INUSE_R_ACCES},
		{EINVAL, INUSE_R_INVAL},
		{ENODEV, INUSE_R_NODEV},
		{ENETUNREACH, INUSE_R_NETUNREACH},
		{EHOSTUNREACH, INUSE_R_HOSTUNREACH},
		{ECONNREFUSED, INUSE_R_CONNREFUSED},
		{ETIMEDOUT, INUSE_R_TIMEDOUT},
		{EPERM, INUSE_R_PERM},
		{EAFNOSUPPORT, INUSE_R_AFNOSUPPORT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code) {
			*ret_result = rows[i].result;
			return true;
		}
	return false;
}

void iu_explain_settle(struct inuse_answer *a, int os_code)
{
	enum inuse_result said;

	if (iu_result_of_errno(os_code, &said) && said != INUSE_R_OK)
		iu_judge_settle(a->facts, said, &a->verdicts[0]);
}

/* What connect() tells of the peer or the way to it. */
static bool is_from_outside(int os_code)
{
	return os_code == ECONNREFUSED || os_code == ETIMEDOUT || os_code == EHOSTUNREACH || os_code == ENETUNREACH ||
	       os_code == ECONNRESET;
}

const char *iu_explain_forbidden(const struct iu_facts *facts, const struct inuse_verdict *verdict, enum inuse_result said)
{
	/* EPERM is no answer of the rules; EACCES is one for low ports, so that these must have been passed */
	if (facts->os != IU_SYSTEM_linux || verdict->outcome == INUSE_FAIL ||
	    (said != INUSE_R_PERM && (said != INUSE_R_ACCES || verdict->outcome != INUSE_GO)))
		return NULL;
	return _("  No socket refuses like that: the call itself is forbidden here. A container's\n"
		 "  seccomp profile does it, a BPF program of the cgroup, or a security module\n"
		 "  (SELinux, AppArmor, Landlock).\n");
}

char *iu_explain_text(const struct inuse_answer *answer, const struct inuse_error *why, int os_code, uint32_t style)
{
	enum inuse_result said = INUSE_R_OK;
	const char *forbidden = NULL;
	char *text = NULL;

	if (answer != NULL && iu_result_of_errno(os_code, &said))
		forbidden = iu_explain_forbidden(answer->facts, inuse_answer_deciding(answer), said);
	if (forbidden != NULL)
		return strdup(forbidden);
	if (answer != NULL && inuse_answer_deciding(answer)->outcome != INUSE_GO)
		return inuse_answer_text(answer, style);
	if (answer != NULL && answer->verdicts[0].request.call == INUSE_CALL_CONNECT && is_from_outside(os_code))
		return strdup(_("  Nothing on this machine stands in the way: the answer came from the other side.\n"));
	if (answer != NULL && answer->facts->os == IU_SYSTEM_windows && os_code == EACCES)
		return strdup(_("  No socket that Windows shows is in the way. Most likely the port is in a range that Windows has set\n"
				"  aside (Hyper-V, WinNAT, WSL); this lists them:\n"
				"  netsh int ipv4 show excludedportrange protocol=tcp\n"));
	if (answer != NULL)
		return strdup(_("  By now nothing stands in the way: what did has gone, or cannot be seen from here.\n"));
	if (asprintf(&text, _("  The system said: %s. Why cannot be told: %s\n"), strerror(os_code), why->text) < 0)
		return NULL;
	return text;
}
