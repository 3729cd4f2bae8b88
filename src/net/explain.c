/* SPDX-License-Identifier: MIT */
/* The verdict after a failing call. */
#include "net/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/explain.h"

void iu_net_explain(const struct inuse_request *request, int os_code)
{
	struct inuse_request exact = *request;
	struct inuse_answer *answer = NULL;
	struct inuse_error error = {0};
	char *text;

	exact.may_bind_low = iu_may_bind_low(exact.uid);
	if (exact.call == INUSE_CALL_CONNECT && exact.local.family == 0)
		exact.local.family = exact.remote.family;
	if (iu_explain(&exact, 0, getpid(), &answer, &error) == INUSE_OK)
		iu_explain_settle(answer, os_code);
	text = iu_explain_text(answer, &error, os_code, 0);
	fputs(text ? text : "", stderr);
	free(text);
	inuse_answer_free(answer);
}
