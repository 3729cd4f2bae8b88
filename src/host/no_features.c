/* SPDX-License-Identifier: MIT */
/* What a build without BPF says of the kernel's types: everything is assumed from the version. */
#include "base/error.h"
#include "base/gettext.h"
#include "host/features.h"

enum inuse_status iu_features_probe(const char *path, uint32_t wanted, struct iu_probed *ret, struct inuse_error *error)
{
	*ret = (struct iu_probed){0};
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, "btf", _("this inuse was built without BPF (clang, bpftool, libbpf)"));
}
