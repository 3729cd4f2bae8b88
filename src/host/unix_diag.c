/* SPDX-License-Identifier: MIT */
/* Unix sockets through sock_diag, with the inode and device of their files. */
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/netlink.h"
#include "host/unix_socket.h"

#define TRIES 3
#define STATE_ESTABLISHED 1 /* linux v6.18 include/net/tcp_states.h, which unix sockets use, too */
#define STATE_LISTEN 10

struct dump {
	iu_unix_fn *fn;
	void *arg;
};

static int on_message(const struct nlmsghdr *message, void *arg)
{
	const struct unix_diag_msg *m = mnl_nlmsg_get_payload(message);
	struct dump *d = arg;
	struct iu_unix_socket s = {0};
	struct unix_diag_vfs vfs;
	struct iu_attrs attrs;

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return MNL_CB_OK;
	if (!iu_attrs_of(message, sizeof(*m), &attrs))
		return MNL_CB_ERROR;
	if (attrs.at[UNIX_DIAG_NAME] == NULL && attrs.at[UNIX_DIAG_VFS] == NULL)
		return MNL_CB_OK;
	s.type = m->udiag_type;
	s.listening = m->udiag_state == STATE_LISTEN;
	s.connected = m->udiag_state == STATE_ESTABLISHED;
	s.inode = m->udiag_ino;
	if (attrs.at[UNIX_DIAG_NAME] != NULL) {
		s.name = mnl_attr_get_payload(attrs.at[UNIX_DIAG_NAME]);
		s.name_len = mnl_attr_get_payload_len(attrs.at[UNIX_DIAG_NAME]);
		/* an abstract name begins with a zero, and any bytes may follow; a path ends at one */
		if (s.name_len > 0 && s.name[0] != 0)
			s.name_len = strnlen(s.name, s.name_len);
	}
	if (iu_attrs_has(&attrs, UNIX_DIAG_VFS, sizeof(vfs))) {
		memcpy(&vfs, mnl_attr_get_payload(attrs.at[UNIX_DIAG_VFS]), sizeof(vfs));
		s.has_file = true;
		s.file_inode = vfs.udiag_vfs_ino;
		s.file_device = vfs.udiag_vfs_dev;
	}
	if (iu_attrs_has(&attrs, UNIX_DIAG_UID, 4)) {
		s.uid = mnl_attr_get_u32(attrs.at[UNIX_DIAG_UID]);
		s.uid_known = true;
	}
	return d->fn(d->arg, &s) ? MNL_CB_OK : MNL_CB_STOP;
}

enum inuse_status iu_unix_diag_each(iu_unix_fn *fn, void *arg, struct inuse_error *error)
{
	char buffer[256] __attribute__((aligned(8)));
	struct dump d = {fn, arg};
	enum iu_netlink_end end = IU_NETLINK_BROKEN;
	int code = 0;

	/* Looking for one socket: the same one twice does no harm. */
	for (int i = 0; i < TRIES && end == IU_NETLINK_BROKEN; i++) {
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		struct unix_diag_req *header;
		struct iu_netlink n;
		enum inuse_status status = iu_netlink_open(&n, NETLINK_SOCK_DIAG, error);

		if (status < 0)
			return status;
		request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		request->nlmsg_flags = NLM_F_DUMP;
		header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
		header->sdiag_family = AF_UNIX;
		header->udiag_states = ~0u;
		header->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_UID;
		end = iu_netlink_ask(&n, request, on_message, &d, &code);
		iu_netlink_done(&n);
	}
	if (end == IU_NETLINK_REFUSED || end == IU_NETLINK_BROKEN)
		return iu_fail(error, INUSE_E_UNSUPPORTED, code, "unix_diag",
			       _("this kernel does not show its unix sockets through sock_diag"));
	return INUSE_OK;
}
