/* SPDX-License-Identifier: MIT */
/* Features as they show in the kernel's types (BTF), which anybody may read. */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/features.h"
#include "model/rule.h"

typedef enum inuse_tri probe_fn(const struct btf *btf, const char *of, const char *with);

static bool has(const struct btf *btf, const char *name, uint32_t kind)
{
	return btf__find_by_name_kind(btf, name, kind) >= 0;
}

static enum inuse_tri has_struct(const struct btf *btf, const char *of, const char *with)
{
	return has(btf, with, BTF_KIND_STRUCT) ? iu_is(has(btf, of, BTF_KIND_STRUCT)) : INUSE_MAYBE;
}

/* One that the compiler has changed has no type, so that only its presence tells something. */
static enum inuse_tri has_function(const struct btf *btf, const char *of, const char *with)
{
	return has(btf, of, BTF_KIND_FUNC) ? INUSE_YES : INUSE_MAYBE;
}

static enum inuse_tri lacks_function(const struct btf *btf, const char *of, const char *with)
{
	return has(btf, with, BTF_KIND_FUNC) ? iu_is(!has(btf, of, BTF_KIND_FUNC)) : INUSE_MAYBE;
}

static enum inuse_tri answers(const struct btf *btf, const char *of, const char *with)
{
	int id = btf__find_by_name_kind(btf, of, BTF_KIND_FUNC);
	const struct btf_type *function = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	const struct btf_type *proto = function == NULL ? NULL : btf__type_by_id(btf, function->type);

	return proto == NULL || !btf_is_func_proto(proto) ? INUSE_MAYBE : iu_is(proto->type != 0);
}

static enum inuse_tri has_member(const struct btf *btf, const char *of, const char *with)
{
	int id = btf__find_by_name_kind(btf, of, BTF_KIND_STRUCT);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);

	if (type == NULL)
		return INUSE_MAYBE;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, btf_members(type)[i].name_off);

		if (name != NULL && strcmp(name, with) == 0)
			return INUSE_YES;
	}
	return INUSE_NO;
}

static const struct {
	uint32_t feature;
	probe_fn *probe;
	const char *of, *with;
} rows[] = {
#define STRUCT has_struct
#define MEMBER has_member
#define FUNCTION has_function
#define FUNCTION_GONE lacks_function
#define FUNCTION_ANSWERS answers
#define NOTHING NULL
#define FEATURE(id, name, major, minor, bound, evidence, probe, of, with, ...) {IU_FEATURE_##id, probe, of, with},
#include "model/features.def"
#undef FEATURE
};

enum inuse_status iu_features_probe(const char *path, uint32_t wanted, struct iu_probed *ret, struct inuse_error *error)
{
	struct btf *btf = btf__parse_raw(path);

	*ret = (struct iu_probed){0};
	if (btf == NULL && errno == ENOENT)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "btf", _("this kernel carries no type information (BTF)"));
	if (btf == NULL)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "btf", _("the kernel's type information cannot be read: %s"),
			       strerror(errno));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum inuse_tri there = INUSE_MAYBE;

		if ((rows[i].feature & wanted) != 0 && rows[i].probe != NULL)
			there = rows[i].probe(btf, rows[i].of, rows[i].with);
		if (there != INUSE_MAYBE)
			ret->which |= rows[i].feature;
		if (there == INUSE_YES)
			ret->present |= rows[i].feature;
	}
	btf__free(btf);
	return INUSE_OK;
}
