/* SPDX-License-Identifier: MIT */
/* What ports remember of bind(). See port_memory.h. */
#include "host/port_memory.h"

#include <stdlib.h>

#include "base/gettext.h"
#include "host/collect.h"
#include "host/port_set.h"
#include "model/judge.h"
#include "model/rule.h"

/* Is there a request whose answer is hidden in what ports remember? */
static bool matters(const struct iu_facts *facts, const struct inuse_request *requests, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct inuse_verdict v;

		if (requests[i].call != INUSE_CALL_CONNECT || requests[i].local.port != 0)
			continue;
		iu_judge_bare(iu_profile_of(facts), facts, &requests[i], NULL, &v);
		if (v.outcome == INUSE_CANNOT_TELL && (v.missing & INUSE_MISSING_MEMORY) != 0)
			return true;
	}
	return false;
}

/* The automatic ports that anybody has; room for all that there are. How many they are. */
static size_t ports_of_range(const struct iu_facts *facts, uint16_t *ports)
{
	struct iu_port_set seen = {0};
	int64_t first, last;
	size_t n = 0;

	if (!iu_setting(facts, IU_SET_RANGE_FIRST, &first) || !iu_setting(facts, IU_SET_RANGE_LAST, &last))
		return 0;
	for (size_t i = 0; i < facts->n_sockets; i++) {
		uint16_t port = facts->sockets[i].local.port;

		if (port < first || port > last || iu_port_set_has(&seen, port))
			continue;
		iu_port_set_add(&seen, port);
		ports[n++] = port;
	}
	return n;
}

static bool add_bucket(void *arg, const struct iu_bucket *bucket)
{
	return iu_snapshot_add_bucket(arg, bucket) != NULL;
}

void iu_port_memory_settle(struct inuse_snapshot *s, const struct inuse_request *requests, size_t n, unsigned without)
{
	struct inuse_error why = {0};
	enum inuse_status status;
	uint16_t *ports;
	size_t n_ports;

	if ((without & 1u << IU_SOURCE_BUCKET) != 0 || !matters(iu_snapshot_facts(s), requests, n))
		return;
	ports = malloc(65536 * sizeof(*ports));
	if (ports == NULL)
		return;
	n_ports = ports_of_range(iu_snapshot_facts(s), ports);
	status = iu_bucket_memories(ports, n_ports, add_bucket, s, &why);
	iu_snapshot_say(s, iu_sources[IU_SOURCE_BUCKET].name, status == INUSE_OK,
			status == INUSE_OK ? _("what the automatic ports remember of bind(), on which the answer depends") : why.text);
	iu_snapshot_seal(s, NULL);
	free(ports);
}
