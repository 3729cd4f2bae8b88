/* SPDX-License-Identifier: MIT */
/* What this process is permitted. */
#include <linux/capability.h>
#include <stdio.h>
#include <unistd.h>

#include "host/answer.h"
#include "host/host.h"

enum inuse_tri iu_host_may(int capability)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	bool found = false;
	char line[256];

	if (f == NULL)
		return geteuid() == 0 ? INUSE_MAYBE : INUSE_NO;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "CapEff: %llx", &caps) == 1;
	fclose(f);
	return !found ? INUSE_MAYBE : (caps >> capability & 1) != 0 ? INUSE_YES : INUSE_NO;
}

enum inuse_tri iu_may_bind_low(int64_t uid)
{
	if (uid >= 0 && uid != (int64_t)getuid())
		return uid == 0 ? INUSE_YES : INUSE_NO;
	return iu_host_may(CAP_NET_BIND_SERVICE);
}
