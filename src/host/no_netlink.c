/* SPDX-License-Identifier: MIT */
/* What a build without libmnl says instead. */
#include "base/error.h"
#include "base/gettext.h"
#include "host/diag_udp.h"
#include "host/sources.h"
#include "host/unix_socket.h"
#include "host/watch.h"

static enum inuse_status lacking(struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("this inuse was built without netlink (libmnl)"));
}

enum inuse_status iu_routes_read(struct inuse_snapshot *s, const struct iu_scope *scope, struct inuse_error *error)
{
	return scope->n_routes == 0 ? INUSE_OK : lacking(error);
}

enum inuse_status iu_diag_each(const struct iu_scope *scope, enum inuse_proto proto, iu_socket_fn *fn, void *arg,
			       uint32_t *ret_unseen, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_diag_udp(uint16_t port, struct iu_elsewhere *ret, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_unix_diag_each(iu_unix_fn *fn, void *arg, struct inuse_error *error)
{
	return lacking(error);
}

int iu_watch_open_sockets(const uint16_t *ports, size_t n_ports)
{
	return -1;
}

int iu_watch_open_network(bool routes)
{
	return -1;
}
