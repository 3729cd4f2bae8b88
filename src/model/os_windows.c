/* SPDX-License-Identifier: MIT */
/*
 * Windows (Server 2003 and later), from Microsoft's documents. Nothing here was measured on Windows.
 *
 * Theory of operation
 *
 * Microsoft documents bind() as a table: which option the first socket set, on the wildcard or on the specific address,
 * against the same of the second one; once for sockets of the same user and once for different users. The cell is the answer.
 * Where the first socket's options are not known (Windows shows them to nobody), all cells that it could be are looked at:
 * one result is certain, several are "cannot tell". The page speaks of bound sockets; of connections and of TIME-WAIT it says
 * only that an exclusive port is not free as long as its connections are active. What it does not say stays open here.
 *
 * W wildcard, S the same specific address; two different specific addresses never meet.
 */
#include "base/address.h"
#include "model/rule.h"

#define TABLE "Microsoft, Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE (win32/winsock)"
#define EXCLUSIVE_PAGE "Microsoft, SO_EXCLUSIVEADDRUSE (win32/winsock/so-exclusiveaddruse)"
#define EXCLUDED_PAGE "Microsoft, error 10013 (WSAEACCES) on an excluded port (troubleshoot/windows-server/networking)"
#define CONNECT_PAGE "Microsoft, connect function (winsock2.h); TCP TIME-WAIT Delay (ms819739)"

#define OK INUSE_R_OK
#define IN INUSE_R_ADDRINUSE
#define AC INUSE_R_ACCES

enum option { DEFAULT, REUSE, EXCLUSIVE, N_OPTIONS };

/* [first option][first is specific][second option][second is specific] */
static const uint8_t same_user[N_OPTIONS][2][N_OPTIONS][2] = {
	[DEFAULT] = {{{IN, OK}, {AC, OK}, {IN, OK}}, {{OK, IN}, {OK, AC}, {IN, IN}}},
	[REUSE] = {{{IN, OK}, {OK, OK}, {IN, OK}}, {{OK, IN}, {OK, OK}, {IN, IN}}},
	[EXCLUSIVE] = {{{IN, AC}, {AC, AC}, {IN, AC}}, {{OK, IN}, {OK, AC}, {IN, IN}}},
};
static const uint8_t other_user[N_OPTIONS][2][N_OPTIONS][2] = {
	[DEFAULT] = {{{IN, AC}, {AC, AC}, {IN, AC}}, {{OK, IN}, {OK, AC}, {IN, IN}}},
	[REUSE] = {{{IN, AC}, {OK, OK}, {IN, AC}}, {{OK, IN}, {OK, OK}, {IN, IN}}},
	[EXCLUSIVE] = {{{IN, AC}, {AC, AC}, {IN, AC}}, {{OK, IN}, {OK, AC}, {IN, IN}}},
};

static enum option option_of(uint32_t flags)
{
	return flags & INUSE_EXCLUSIVE ? EXCLUSIVE : flags & INUSE_REUSEADDR ? REUSE : DEFAULT;
}

static bool is_wildcard(const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	return iu_addr_is_any(&u);
}

/* What this pair of sockets is known to be, and so the cells that it could be in. */
struct pair {
	bool options_known, user_known;
	uint8_t cells[N_OPTIONS][2]; /* [first option][of another user] */
	bool possible[N_OPTIONS][2];
};

static struct pair look_up(const struct iu_world *w, const struct inuse_socket *o)
{
	int first = !is_wildcard(&o->local), second = !is_wildcard(&w->req.local);
	enum option mine = option_of(w->req.flags);
	struct pair p = {0};

	/* no source on Windows sees them; where it was said that the port is exclusive, that is all there is to know */
	p.options_known = (o->flags & INUSE_EXCLUSIVE) != 0 || (o->known & (INUSE_KNOW_REUSEADDR | INUSE_KNOW_EXCLUSIVE)) ==
								       (INUSE_KNOW_REUSEADDR | INUSE_KNOW_EXCLUSIVE);
	p.user_known = (o->known & INUSE_KNOW_UID) != 0 && w->req.uid != UINT32_MAX;
	for (int theirs = DEFAULT; theirs < N_OPTIONS; theirs++)
		for (int other = 0; other < 2; other++) {
			p.cells[theirs][other] = (other ? other_user : same_user)[theirs][first][mine][second];
			p.possible[theirs][other] = (!p.options_known || theirs == (int)option_of(o->flags)) &&
						    (!p.user_known || other == (o->uid != w->req.uid));
		}
	return p;
}

/* Options and users are missing as far as they say whether it may be bound; by which error it may not is no matter. */
static uint32_t lacks(const struct pair *p)
{
	uint32_t missing = 0;

	for (int a = 0; a < 2 * N_OPTIONS; a++)
		for (int b = 0; b < a; b++) {
			bool differ = (p->cells[a / 2][a % 2] == OK) != (p->cells[b / 2][b % 2] == OK);

			if (!differ || !p->possible[a / 2][a % 2] || !p->possible[b / 2][b % 2])
				continue;
			if (a % 2 == b % 2)
				missing |= INUSE_MISSING_REUSEADDR;
			else if (a / 2 == b / 2)
				missing |= INUSE_MISSING_UID;
		}
	return missing;
}

static enum inuse_tri cell_is(const struct iu_world *w, const struct inuse_socket *o, enum inuse_result result,
			      uint32_t *missing)
{
	const struct pair p = look_up(w, o);
	uint32_t mask = 0;

	for (int i = 0; i < 2 * N_OPTIONS; i++)
		if (p.possible[i / 2][i % 2])
			mask |= 1u << p.cells[i / 2][i % 2];
	if ((mask & (1u << result)) == 0)
		return INUSE_NO;
	if (mask == 1u << result)
		return INUSE_YES;
	*missing |= lacks(&p);
	return INUSE_MAYBE;
}

static enum inuse_tri cell_is_access(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return cell_is(w, o, INUSE_R_ACCES, missing);
}

static enum inuse_tri cell_is_in_use(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return cell_is(w, o, INUSE_R_ADDRINUSE, missing);
}

/* Sockets that the table does not speak of: connections, and what is left of them. */
static enum inuse_tri not_in_the_table(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (o->state == INUSE_LISTEN || o->state == INUSE_BOUND)
		return INUSE_NO;
	if (!o->mini && (o->flags & INUSE_EXCLUSIVE) != 0)
		return INUSE_NO; /* "not until the connections are inactive": the table's row for exclusive */
	*missing |= INUSE_MISSING_DOCUMENT;
	return INUSE_MAYBE;
}

static enum inuse_tri is_connection(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	uint32_t ignored = 0;

	return iu_is(not_in_the_table(w, o, &ignored) != INUSE_NO);
}

/* A range that Hyper-V, WinNAT or the like have set aside. Only the list of IPv4 was read. */
static enum inuse_tri excluded(struct iu_world *w, uint32_t *missing)
{
	struct inuse_addr local = iu_addr_unmapped(&w->req.local);

	if (!iu_port_excluded(w->facts, w->req.local.port))
		return INUSE_NO;
	if (local.family == 4 || (iu_addr_is_any(&local) && (w->req.flags & INUSE_V6ONLY) == 0))
		return INUSE_YES;
	*missing |= INUSE_MISSING_DOCUMENT;
	return INUSE_MAYBE;
}

static enum inuse_tri access_denied(struct iu_world *w, uint32_t *missing)
{
	return iu_owners_answer(w, INUSE_R_ACCES, missing);
}

static enum inuse_tri tuple_waits(struct iu_world *w, uint32_t *missing)
{
	return iu_pred_tuple_timestamps(w, missing);
}

/* A SYN for a 4-tuple in TIME-WAIT: RFC 1122 allows to accept it; whether Windows does is in no document of Microsoft. */
static enum inuse_tri syn_undocumented(struct iu_world *w, uint32_t *missing)
{
	if (iu_pred_syn_time_wait(w, missing) == INUSE_NO)
		return INUSE_NO;
	*missing |= INUSE_MISSING_DOCUMENT;
	return INUSE_MAYBE;
}

static const struct iu_call_rule calls[] = {
	{"not-local", INUSE_CALL_BIND, IU_BOTH, iu_pred_not_local, INUSE_R_ADDRNOTAVAIL, 0, 0,
	 "Microsoft, bind function (winsock2.h)", "errors/address-of-another-machine"},
	{"excluded-range", INUSE_CALL_BIND, IU_BOTH, excluded, INUSE_R_ACCES, 0, 0, EXCLUDED_PAGE, "source"},
	{"ports-exhausted", INUSE_CALL_BIND, IU_BOTH, iu_pred_ports_exhausted, INUSE_R_ADDRINUSE, 0, 0,
	 "Microsoft, bind function (winsock2.h)", "source"},
	{"port-automatic", INUSE_CALL_BIND, IU_BOTH, iu_pred_port_automatic, INUSE_R_OK, 0, 0,
	 "Microsoft, bind function (winsock2.h)", "port-zero/other-address"},
	{"nobody", INUSE_CALL_BIND, IU_BOTH, iu_pred_no_conflict, INUSE_R_OK, 0, 0, TABLE, "bind/free"},
	{"access", INUSE_CALL_BIND, IU_BOTH, access_denied, INUSE_R_ACCES, 0, 0, TABLE, "windows/same-user"},
	{"conflict", INUSE_CALL_BIND, IU_BOTH, NULL, INUSE_R_ADDRINUSE, 0, 0, TABLE, "windows/same-user"},

	{"tuple-live", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_tuple_live, INUSE_R_ADDRINUSE, 0, 0, CONNECT_PAGE,
	 "fixed-port/living-connection"},
	{"tuple-waits", INUSE_CALL_CONNECT, IU_BOTH, tuple_waits, INUSE_R_ADDRINUSE, 0, 0, CONNECT_PAGE,
	 "fixed-port/reconnect-without-timestamps"},
	{"connect-exhausted", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_connect_exhausted, INUSE_R_ADDRINUSE, 0, 0,
	 CONNECT_PAGE, "connect/exhausted"},
	{"nobody-listens", INUSE_CALL_CONNECT, IU_BOTH, iu_pred_nobody_listens, INUSE_R_CONNREFUSED, 0, 0, CONNECT_PAGE,
	 "connect/refused"},
	{"connect-free", INUSE_CALL_CONNECT, IU_BOTH, NULL, INUSE_R_OK, 0, 0, CONNECT_PAGE,
	 "fixed-port/living-connection"},

	{"syn-no-listener", INUSE_CALL_ACCEPT, IU_BOTH, iu_pred_syn_no_listener, INUSE_R_CONNREFUSED, 0, 0,
	 "RFC 9293 3.10.7.1", "syn/no-listener"},
	{"syn-undocumented", INUSE_CALL_ACCEPT, IU_BOTH, syn_undocumented, INUSE_R_TIMEDOUT, 0, 0, "RFC 1122 4.2.2.13",
	 "syn/server-in-time-wait-accepts"},
	{"syn-accepted", INUSE_CALL_ACCEPT, IU_BOTH, NULL, INUSE_R_OK, 0, 0, "RFC 9293 3.10.7.2", "syn/half-open"},
};

static const struct iu_owner_rule owners[] = {
	{"no-overlap", iu_pred_no_overlap, INUSE_R_OK, TABLE ": different specific addresses", "bind/other-address"},
	{"not-in-the-table", not_in_the_table, INUSE_R_ADDRINUSE, EXCLUSIVE_PAGE, "restart/server-cannot-restart"},
	{"connection-undocumented", is_connection, INUSE_R_OK, EXCLUSIVE_PAGE, "source"},
	{"table-access", cell_is_access, INUSE_R_ACCES, TABLE, "windows/same-user"},
	{"table-in-use", cell_is_in_use, INUSE_R_ADDRINUSE, TABLE, "windows/same-user"},
	{"table-ok", NULL, INUSE_R_OK, TABLE, "windows/same-user"},
};

const struct iu_profile iu_profile_windows = {
	"windows", true, calls, sizeof(calls) / sizeof(calls[0]), owners, sizeof(owners) / sizeof(owners[0]), .tuple_waits = true,
};
