/* SPDX-License-Identifier: MIT */
/* Scenes for the tests of the rules, from words to facts. */
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "say/names.h"
#include "say/say.h"
#include "support/check.h"

#define SECOND INT64_C(1000000000)
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

struct inuse_addr scene_addr(const char *text)
{
	struct inuse_target t;
	struct inuse_error error = {0};

	if (inuse_target_parse(text, &t, &error) != INUSE_OK)
		fail_msg("%s: %s", text, error.text);
	if (t.kind == INUSE_TARGET_PORT)
		return (struct inuse_addr){.port = t.addr.port};
	return t.addr;
}

/* The word's flag bit; 0: it is another word. */
static uint32_t flag_of(const char *word)
{
	static const struct {
		const char *word;
		uint32_t flag;
	} rows[] = {{"ra", INUSE_REUSEADDR}, {"rp", INUSE_REUSEPORT}, {"v6", INUSE_V6ONLY}, {"ts", INUSE_TIMESTAMPS},
		    {"lock", INUSE_PORT_LOCKED}, {"grp", INUSE_GROUP}, {"freebind", INUSE_FREEBIND}, {"repair", INUSE_REPAIR},
		    {"file", INUSE_HAS_FILE}, {"excl", INUSE_EXCLUSIVE}, {"kernel", INUSE_KERNEL}, {"mptcp", INUSE_MPTCP}};

	for (size_t i = 0; i < ROWS(rows); i++)
		if (strcmp(rows[i].word, word) == 0)
			return rows[i].flag;
	return 0;
}

/* NAME=VALUE: the value; NULL: it is another word. */
static const char *value_of(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static void ends(char *word, struct inuse_addr *local, struct inuse_addr *remote)
{
	char *arrow = strchr(word, '>');

	if (arrow != NULL) {
		*arrow = 0;
		*remote = scene_addr(arrow + 1);
	}
	*local = scene_addr(word);
}

static struct iu_range range_of(const char *text)
{
	unsigned first = 0, last = 0;

	if (sscanf(text, "%u-%u", &first, &last) != 2)
		last = first;
	return (struct iu_range){(uint16_t)first, (uint16_t)last};
}

/* ------------------------------------------------------------------------------------------------ sockets */

static void forget(struct inuse_socket *s, const char *word)
{
	uint32_t known = flag_of(word);

	if (strcmp(word, "left") == 0) {
		s->free_at_ns = 0;
		return;
	}
	if (strcmp(word, "uid") == 0)
		known = INUSE_KNOW_UID;
	else if (strcmp(word, "dev") == 0)
		known = INUSE_KNOW_DEVICE;
	else if (strcmp(word, "ino") == 0)
		known = INUSE_KNOW_INODE;
	if (known == 0)
		fail_msg("?%s is no word of a socket", word);
	s->known &= ~known;
}

/* The process of that pid, which is there from now on. */
static struct inuse_process *process_of(struct scene *scene, int pid, uint32_t *ret_index)
{
	struct inuse_process *p;

	for (*ret_index = 0; *ret_index < scene->f.n_processes; ++*ret_index)
		if (scene->processes[*ret_index].pid == pid)
			return &scene->processes[*ret_index];
	assert_true(scene->f.n_processes < SCENE_MORE);
	p = &scene->processes[scene->f.n_processes++];
	*p = (struct inuse_process){.pid = pid, .status = 'S', .comm = "", .user = "", .exe = "", .args = "", .cwd = "", .tty = "", .unit = "",
				    .socket_unit = "", .container = "", .container_kind = ""};
	return p;
}

static void add_holder(struct scene *scene, struct inuse_socket *s, const char *pid)
{
	uint32_t process;

	s->known |= INUSE_KNOW_OWNER;
	if (strcmp(pid, "nobody") == 0)
		return;
	process_of(scene, atoi(pid), &process);
	assert_true(scene->f.n_holders < SCENE_MORE);
	if (s->n_holders++ == 0)
		s->holders = (uint32_t)scene->f.n_holders;
	scene->holders[scene->f.n_holders++] = (struct inuse_holder){.process = process, .fd = 3};
}

static void socket_word(struct scene *scene, struct inuse_socket *s, const char *word)
{
	const char *value;

	if (strcmp(word, "rem") == 0) {
		s->mini = true;
		s->inode = 0;
		s->free_at_ns = SCENE_NOW + 20 * SECOND;
	} else if (strcmp(word, "udp") == 0) {
		s->proto = INUSE_PROTO_UDP;
	} else if (strcmp(word, "orphan") == 0) {
		s->inode = 0;
	} else if (word[0] == '?') {
		forget(s, word + 1);
	} else if ((value = value_of(word, "uid")) != NULL) {
		s->uid = (uint32_t)atoi(value);
	} else if ((value = value_of(word, "dev")) != NULL) {
		s->device = (uint32_t)atoi(value);
	} else if ((value = value_of(word, "ns")) != NULL) {
		s->netns = (uint64_t)atoi(value);
	} else if ((value = value_of(word, "by")) != NULL) {
		add_holder(scene, s, value);
	} else if ((value = value_of(word, "left")) != NULL) {
		s->free_at_ns = SCENE_NOW + atoi(value) * SECOND;
	} else if ((value = value_of(word, "ms")) != NULL) {
		s->since_ns = SCENE_NOW - atoi(value) * SECOND / 1000;
	} else if ((value = value_of(word, "old")) != NULL) {
		s->since_ns = SCENE_NOW - atoi(value) * SECOND;
	} else if (flag_of(word) != 0) {
		s->flags |= flag_of(word);
	} else {
		fail_msg("%s is no word of a socket", word);
	}
}

void scene_add_socket(struct scene *scene, const char *words)
{
	static const char *const states[] = {"?", "BOUND", "LISTEN", "SYNSENT", "SYNRECV", "ESTAB", "FW1", "FW2", "CLOSING", "TW", "CW", "LA"};
	struct inuse_socket *s = &scene->sockets[scene->f.n_sockets++];
	char text[256], *save = NULL, *word;

	assert_true(scene->f.n_sockets <= SCENE_SOCKETS);
	snprintf(text, sizeof(text), "%s", words);
	word = strtok_r(text, " ", &save);
	*s = (struct inuse_socket){.known = ~(uint32_t)INUSE_KNOW_OWNER, .count = 1, .inode = 7};
	for (size_t i = 1; i < ROWS(states); i++)
		if (strcmp(states[i], word) == 0)
			s->state = (enum inuse_state)i;
	if (s->state == INUSE_STATE_UNKNOWN)
		fail_msg("%s is no state", word);
	ends(strtok_r(NULL, " ", &save), &s->local, &s->remote);
	s->family = s->local.family;
	s->mini = s->state == INUSE_TIME_WAIT || s->state == INUSE_SYN_RECV;
	if (s->mini)
		s->free_at_ns = SCENE_NOW + 43 * SECOND;
	while ((word = strtok_r(NULL, " ", &save)) != NULL)
		socket_word(scene, s, word);
}

/* ------------------------------------------------------------------------------------------------ the call */

static bool caller_word(struct scene *s, const char *word)
{
	struct iu_syn *syn = &s->caller.syn;
	const char *value;

	if (strcmp(word, "self") == 0)
		s->caller.self = &s->sockets[0];
	else if (strcmp(word, "datagram") == 0)
		s->caller.datagram = true;
	else if (strcmp(word, "was-connected") == 0)
		s->caller.was_connected = true;
	else if ((value = value_of(word, "family")) != NULL)
		s->caller.family = (uint8_t)atoi(value);
	else if ((value = value_of(word, "claims")) != NULL)
		s->caller.claims = strcmp(value, "unspec") == 0 ? IU_UNSPEC : (uint8_t)atoi(value);
	else if ((value = value_of(word, "ports")) != NULL)
		s->caller.ports = range_of(value);
	else if ((value = value_of(word, "syn")) != NULL)
		*syn = (struct iu_syn){.known = true, .newer = strcmp(value, "new") == 0, .in_window = strcmp(value, "inside") == 0};
	else
		return false;
	return true;
}

static void call_word(struct scene *s, const char *word)
{
	struct inuse_request *r = &s->r;
	const char *value;

	if ((value = value_of(word, "uid")) != NULL)
		r->uid = (uint32_t)atoi(value);
	else if ((value = value_of(word, "dev")) != NULL)
		r->device = (uint32_t)atoi(value);
	else if (strcmp(word, "user") == 0)
		r->may_bind_low = INUSE_NO;
	else if (strcmp(word, "?low") == 0)
		r->may_bind_low = INUSE_MAYBE;
	else if (strcmp(word, "?uid") == 0)
		r->uid = UINT32_MAX;
	else if (flag_of(word) != 0)
		r->flags |= flag_of(word);
	else if (!caller_word(s, word))
		fail_msg("%s is no word of a call", word);
}

void scene_call(struct scene *s, const char *call)
{
	static const char *const calls[] = {"bind", "listen", "connect", "accept"};
	char text[256], *save = NULL, *word;

	s->r = (struct inuse_request)INUSE_REQUEST_INIT;
	s->caller = (struct iu_caller){0};
	s->r.may_bind_low = INUSE_YES;
	snprintf(text, sizeof(text), "%s", call);
	word = strtok_r(text, " ", &save);
	for (size_t i = 0; i < ROWS(calls); i++)
		if (strcmp(calls[i], word) == 0)
			s->r.call = (enum inuse_call)i;
	ends(strtok_r(NULL, " ", &save), &s->r.local, &s->r.remote);
	while ((word = strtok_r(NULL, " ", &save)) != NULL)
		call_word(s, word);
}

/* ---------------------------------------------------------------------------------------------- the facts */

/* The setting of that name; false: there is none. */
static bool setting_of(const char *name, size_t len, enum iu_setting *ret)
{
	static const char *const names[] = {
#define SETTING(id, path, fallback) #id,
#include "model/settings.def"
#undef SETTING
	};

	for (size_t i = 0; i < ROWS(names); i++)
		if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0) {
			*ret = (enum iu_setting)i;
			return true;
		}
	return false;
}

static bool setting_word(struct iu_facts *f, const char *word)
{
	const char *equals = strchr(word, '=');
	enum iu_setting setting;

	if (word[0] == '?' && setting_of(word + 1, strlen(word + 1), &setting)) {
		f->settings_known &= ~(1u << setting);
		return true;
	}
	if (equals == NULL || !setting_of(word, (size_t)(equals - word), &setting))
		return false;
	f->settings[setting] = atoi(equals + 1);
	return true;
}

static struct iu_bucket *add_bucket(struct scene *s, uint16_t port)
{
	struct iu_bucket *b = &s->buckets[s->f.n_buckets++];

	assert_true(s->f.n_buckets <= SCENE_MORE);
	*b = (struct iu_bucket){.port = port};
	return b;
}

static void add_memory(struct scene *s, const char *value)
{
	struct inuse_request r = INUSE_REQUEST_INIT;
	char text[128], *save = NULL, *word;
	struct iu_bucket *b;
	bool any = false;

	snprintf(text, sizeof(text), "%s", value);
	r.local = scene_addr(strtok_r(text, ",", &save));
	r.flags = INUSE_REUSEPORT;
	while ((word = strtok_r(NULL, ",", &save)) != NULL) {
		any |= strcmp(word, "any") == 0;
		r.flags |= flag_of(word);
		if (value_of(word, "uid") != NULL)
			r.uid = (uint32_t)atoi(value_of(word, "uid"));
	}
	b = add_bucket(s, r.local.port);
	iu_bucket_remember(b, &r, false, false, s->f.features);
	if (any)
		b->fastreuseport = 1;
}

/* An address without a port. */
static struct inuse_addr host_of(const char *text)
{
	struct inuse_error error = {0};
	struct inuse_addr a;

	if (inuse_addr_parse(text, &a, &error) != INUSE_OK)
		fail_msg("%s: %s", text, error.text);
	return a;
}

static void add_route(struct scene *s, const char *value)
{
	struct iu_route *route = &s->routes[s->f.n_routes++];
	char text[128], *comma;

	assert_true(s->f.n_routes <= SCENE_MORE);
	snprintf(text, sizeof(text), "%s", value);
	comma = strchr(text, ',');
	assert_non_null(comma);
	*comma++ = 0;
	*route = (struct iu_route){.remote = host_of(text)};
	for (int i = 1; i < INUSE_N_RESULTS; i++)
		if (strcmp(iu_say_result((enum inuse_result)i), comma) == 0)
			route->result = (enum inuse_result)i;
	if (route->result == INUSE_R_OK)
		route->source = host_of(comma);
}

static void add_range(struct iu_range ranges[SCENE_MORE], size_t *n, const char *value)
{
	assert_true(*n < SCENE_MORE);
	ranges[(*n)++] = range_of(value);
}

static void process_word(struct inuse_process *p, const char *word)
{
	const char *value;

	if (strcmp(word, "same-dir") == 0)
		p->same_dir = true;
	else if ((value = value_of(word, "status")) != NULL)
		p->status = value[0];
	else if ((value = value_of(word, "ppid")) != NULL)
		p->ppid = atoi(value);
	else if ((value = value_of(word, "uid")) != NULL)
		p->uid = (uint32_t)atoi(value);
	else if ((value = value_of(word, "comm")) != NULL)
		p->comm = value;
	else if ((value = value_of(word, "unit")) != NULL)
		p->unit = value;
	else if ((value = value_of(word, "socket-unit")) != NULL)
		p->socket_unit = value;
	else if ((value = value_of(word, "container")) != NULL)
		p->container = value;
	else
		fail_msg("%s is no word of a process", word);
}

/* What is said of a process that has a socket, or of one that has none. The words stay in the scene. */
static void describe_process(struct scene *s, const char *value)
{
	char *text = s->words + s->n_words, *save = NULL, *word;
	struct inuse_process *p;
	uint32_t index;

	s->n_words += strlen(value) + 1;
	assert_true(s->n_words <= sizeof(s->words));
	strcpy(text, value);
	p = process_of(s, atoi(strtok_r(text, ",", &save)), &index);
	while ((word = strtok_r(NULL, ",", &save)) != NULL)
		process_word(p, word);
}

static bool plain_fact(struct scene *s, const char *word)
{
	struct iu_facts *f = &s->f;

	if (strcmp(word, "?addresses") == 0) {
		f->locals_known = false;
		f->n_locals = 0;
	} else if (strcmp(word, "no-addresses") == 0) {
		f->n_locals = 0;
	} else if (strcmp(word, "windows") == 0) {
		f->os = IU_SYSTEM_windows;
		f->features = 0;
	} else if (strcmp(word, "?memory") == 0) {
		f->buckets_known = false;
	} else if (strcmp(word, "no-v4") == 0) {
		f->no_v4_table = true;
	} else {
		return false;
	}
	return true;
}

void scene_add_fact(struct scene *s, const char *word)
{
	struct iu_facts *f = &s->f;
	const char *value;
	unsigned major, minor;

	if (plain_fact(s, word) || setting_word(f, word))
		return;
	if ((value = value_of(word, "range")) != NULL) {
		f->settings[IU_SET_RANGE_FIRST] = range_of(value).first;
		f->settings[IU_SET_RANGE_LAST] = range_of(value).last;
	} else if ((value = value_of(word, "kernel")) != NULL && sscanf(value, "%u.%u", &major, &minor) == 2) {
		f->features = iu_features_from_version(IU_KERNEL(major, minor));
	} else if ((value = value_of(word, "process")) != NULL) {
		describe_process(s, value);
	} else if ((value = value_of(word, "asker")) != NULL) {
		f->asker = atoi(value);
	} else if ((value = value_of(word, "netns")) != NULL) {
		f->netns = (uint64_t)atoi(value);
	} else if ((value = value_of(word, "covers")) != NULL) {
		add_range(s->covered, &f->n_covered, value);
	} else if ((value = value_of(word, "excluded")) != NULL) {
		add_range(s->excluded, &f->n_excluded, value);
	} else if ((value = value_of(word, "reserved")) != NULL) {
		add_range(s->reserved, &f->n_reserved, value);
	} else if ((value = value_of(word, "device")) != NULL) {
		assert_true(f->n_devices < SCENE_MORE);
		s->devices[f->n_devices++] = (struct iu_device){.index = (uint32_t)atoi(value), .up = true, .loopback = atoi(value) == 1};
	} else if ((value = value_of(word, "route")) != NULL) {
		add_route(s, value);
	} else if ((value = value_of(word, "memory")) != NULL) {
		add_memory(s, value);
	} else if ((value = value_of(word, "reuse-memory")) != NULL) {
		add_bucket(s, range_of(value).first)->fastreuse = 1;
	} else if ((value = value_of(word, "mark")) != NULL) {
		add_bucket(s, range_of(value).first);
	} else if ((value = value_of(word, "v4-first")) != NULL) {
		add_bucket(s, range_of(value).first)->any4 = 4;
	} else if ((value = value_of(word, "mapped-first")) != NULL) {
		add_bucket(s, range_of(value).first)->any4 = 6;
	} else if ((value = value_of(word, "connect-only")) != NULL) {
		struct iu_bucket *b = add_bucket(s, range_of(value).first);

		b->fastreuse = b->fastreuseport = -1;
	} else {
		fail_msg("%s is no fact", word);
	}
}

static void settle(struct scene *s)
{
	static const int64_t settings[] = {
#define SETTING(id, path, fallback) fallback,
#include "model/settings.def"
#undef SETTING
	};

	memset(s, 0, sizeof(*s));
	memcpy(s->f.settings, settings, sizeof(settings));
	s->f.settings[IU_SET_IPV6] = 0;
	s->f.settings_known = UINT32_MAX;
	s->f.features = UINT32_MAX;
	s->f.now_ns = SCENE_NOW;
	s->f.sockets = s->sockets;
	s->f.processes = s->processes;
	s->f.holders = s->holders;
	s->f.locals = s->locals;
	s->f.locals_known = true;
	s->f.buckets = s->buckets;
	s->f.buckets_known = true;
	s->f.devices = s->devices;
	s->f.routes = s->routes;
	s->f.covered = s->covered;
	s->f.excluded = s->excluded;
	s->f.reserved = s->reserved;
	s->locals[0] = (struct iu_local){.addr = {.family = 4, .ip = {127}}, .prefix_len = 8, .device = 1};
	s->locals[1] = (struct iu_local){.addr = {.family = 6, .ip = {[15] = 1}}, .prefix_len = 128, .device = 1};
	s->locals[2] = (struct iu_local){.addr = {.family = 4, .ip = {10, 9, 0, 1}}, .prefix_len = 32, .device = 2};
	s->locals[3] = (struct iu_local){.addr = {.family = 6, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 9}}, .prefix_len = 128, .device = 2,
					 .tentative = true};
	s->f.n_locals = 4;
}

void scene_make(struct scene *s, const char *sockets, const char *call, const char *facts)
{
	char text[1024], *save = NULL;

	settle(s);
	snprintf(text, sizeof(text), "%s", sockets);
	for (char *one = strtok_r(text, ";", &save); one != NULL; one = strtok_r(NULL, ";", &save))
		scene_add_socket(s, one);
	scene_call(s, call);
	snprintf(text, sizeof(text), "%s", facts != NULL ? facts : "");
	save = NULL;
	for (char *one = strtok_r(text, " ", &save); one != NULL; one = strtok_r(NULL, " ", &save))
		scene_add_fact(s, one);
}
