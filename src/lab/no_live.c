/* SPDX-License-Identifier: MIT */
/* Where experiments play on the model alone. The player asks for these only when it plays on a kernel. */
#include "base/error.h"
#include "base/gettext.h"
#include "lab/jobs.h"
#include "lab/live.h"
#include "lab/play_eyes.h"

const bool iu_live_plays = false;
const enum iu_os iu_live_os = IU_OS_WINDOWS;

enum inuse_status iu_jobs_live(struct iu_runner *r, struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("experiments play on the kernel of Linux only"));
}

enum inuse_status iu_live_step(struct iu_live *live, const struct iu_step *step, const char *want,
			       struct iu_live_answer *ret, struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("experiments play on the kernel of Linux only"));
}

size_t iu_live_sockets(struct iu_live *live, struct inuse_socket *ret, size_t max)
{
	return 0;
}

uint32_t iu_live_device(const struct iu_facts *simulated, uint32_t index)
{
	return index;
}

int64_t iu_live_now(void)
{
	return 0;
}

void iu_live_pause(void)
{
}

bool iu_live_sees_bound(const struct iu_live *live)
{
	return true;
}

struct iu_capture *iu_capture_new(unsigned wire)
{
	return NULL;
}

void iu_capture_free(struct iu_capture *capture)
{
}

size_t iu_capture_take(struct iu_capture *capture, struct iu_packet *ret, size_t max, unsigned *ret_lost)
{
	return 0;
}

unsigned iu_live_wire_device(const struct iu_live *live)
{
	return 0;
}

char *iu_live_system(char *buf, size_t size)
{
	buf[0] = 0;
	return buf;
}

struct iu_play_eyes *iu_play_eyes_new(const struct iu_play *play, struct iu_onmodel *model)
{
	return NULL;
}

void iu_play_eyes_free(struct iu_play_eyes *eyes)
{
}

void iu_play_eyes_before(struct iu_play_eyes *eyes, const struct iu_step *step)
{
}

const char *iu_play_eyes_wrong(struct iu_play_eyes *eyes, const struct iu_step *step, const char *kernel, uint16_t chosen)
{
	return NULL;
}
