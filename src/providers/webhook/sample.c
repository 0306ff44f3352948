/*
 * sample.c
 *		What an endpoint would answer, for tests: statuses of HTTP.
 */
#include "providers/webhook/webhook.h"

#include <stdlib.h>
#include <string.h>

static int
status_of(const MsgSample *sample)
{
	if (sample->code != NULL)
		return atoi(sample->code);
	switch (sample->verdict)
	{
		case MSG_VERDICT_ACCEPTED:
			return 200;
		case MSG_VERDICT_RETRY:
			return 503;
		case MSG_VERDICT_PAUSE:
			return 410;
		case MSG_VERDICT_PAUSE_ACCOUNT:
			return 401;
		default:
			return 400;
	}
}

bool
msgext_webhook_sample_reply(MsgArena *arena, const MsgConn *conn, MsgSampleKind kind,
							const MsgJob *jobs, const MsgSample *samples, int n,
							MsgReply *reply, MsgError *error)
{
	int status;

	(void) arena, (void) conn, (void) jobs;
	if (kind != MSG_SAMPLE_SEND || n != 1)
		return msgext_error(error, "", "status",
							"an endpoint tells nothing after its answer");
	status = status_of(&samples[0]);
	if (status < 200 || status > 599)
		return msgext_error(error, "", "code", "must be an HTTP status");
	msgext_reply(reply, status, "", "");
	return true;
}
