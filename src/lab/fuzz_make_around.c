/* SPDX-License-Identifier: MIT */
/* Random settings of the namespace. */
#include "lab/fuzz_make.h"

#include <stdio.h>

static const struct {
	const char *name, *value, *fallback;
} settings[] = {
	{"net.ipv4.tcp_timestamps", "0", "1"},         {"net.ipv4.tcp_tw_reuse", "1", "2"},        {"net.ipv4.tcp_tw_reuse", "0", "2"},
	{"net.ipv4.tcp_tw_reuse_delay", "1", "1000"},  {"net.ipv4.tcp_fin_timeout", "90", "60"},   {"net.ipv4.tcp_rfc1337", "1", "0"},
	{"net.ipv4.tcp_max_tw_buckets", "0", "65536"}, {"net.ipv4.ip_autobind_reuse", "1", "0"},   {"net.ipv6.bindv6only", "1", "0"},
	{"net.ipv4.ip_nonlocal_bind", "1", "0"},       {"net.ipv6.ip_nonlocal_bind", "1", "0"},
	{"net.ipv4.ip_local_reserved_ports", "20002", "20003"}, {"net.ipv4.ip_unprivileged_port_start", "5001", "1024"},
	{"net.ipv4.ip_unprivileged_port_start", "0", "1024"},
};

bool iu_make_setting(struct iu_fuzzer *f, struct iu_step *s)
{
	size_t i = iu_make_pick(f, sizeof(settings) / sizeof(settings[0]));

	s->action = IU_DO_SETTING;
	snprintf(s->word, sizeof(s->word), "%s", settings[i].name);
	s->value = iu_make_chance(f, 65) ? settings[i].value : settings[i].fallback;
	f->settings_changed = true;
	return true;
}

bool iu_make_range(struct iu_fuzzer *f, struct iu_step *s)
{
	static const char *const ranges[] = {"20001-20004", "20001-20001", "20001-20002", "20002-20004"};

	s->action = IU_DO_SETTING;
	snprintf(s->word, sizeof(s->word), "net.ipv4.ip_local_port_range");
	s->value = ranges[iu_make_pick(f, 4)];
	f->settings_changed = true;
	return true;
}

void iu_fuzz_restore_settings(void)
{
	static const struct {
		const char *path, *value;
	} rows[] = {
		{"ipv4/tcp_timestamps", "1"},      {"ipv4/tcp_tw_reuse", "2"},
		{"ipv4/tcp_tw_reuse_delay", "1000"}, {"ipv4/tcp_fin_timeout", "60"},
		{"ipv4/tcp_rfc1337", "0"},         {"ipv4/tcp_max_tw_buckets", "65536"},
		{"ipv4/ip_autobind_reuse", "0"},   {"ipv6/bindv6only", "0"},
		{"ipv4/ip_nonlocal_bind", "0"},    {"ipv6/ip_nonlocal_bind", "0"},
		{"ipv4/ip_local_reserved_ports", ""}, {"ipv4/ip_unprivileged_port_start", "1024"},
		{"ipv4/ip_local_port_range", "20001 20004"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		iu_lab_write_setting(rows[i].path, rows[i].value);
}
