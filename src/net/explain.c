/* SPDX-License-Identifier: MIT */
/* The verdict after a failing call. */
#include "net/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/gettext.h"
#include "compat/socket.h"

void iu_net_explain(const struct inuse_request *request, int os_code)
{
	struct inuse_question q = INUSE_QUESTION_INIT;
	struct inuse_answer *answer = NULL;
	struct inuse_error error = {0};
	char address[INUSE_ADDR_TEXT], from[INUSE_ADDR_TEXT], *text;
	bool connects = request->call == INUSE_CALL_CONNECT;

	q.call = request->call;
	q.address = inuse_addr_text(connects ? &request->remote : &request->local, address);
	if (connects && (request->local.port != 0 || !iu_addr_is_any(&request->local)))
		q.from = inuse_addr_text(&request->local, from);
	q.flags = request->flags;
	q.given = INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY | INUSE_FREEBIND;
	q.uid = request->uid;
	if (inuse_ask(&q, &answer, &error) < 0) {
		fprintf(stderr, _("  The system said: %s. Why cannot be told: %s\n"), strerror(os_code), error.text);
		return;
	}
	if (inuse_answer_deciding(answer)->outcome == INUSE_GO) {
		fputs(_("  By now nothing stands in the way: what did has gone, or cannot be seen from here.\n"), stderr);
	} else {
		text = inuse_answer_text(answer, 0);
		fputs(text ? text : "", stderr);
		free(text);
	}
	inuse_answer_free(answer);
}
