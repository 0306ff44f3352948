/*
 * listen_token.c
 *		Whom the listener lets in: see listen_token.h.
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/base/secret_file.h"
#include "pg/base/text.h"
#include "pg/catalog/server.h"
#include "pg/process/bgworker.h"
#include "pg/process/listen_token.h"

/* Tokens that could not be read are read again after this. */
#define RETRY_US (5 * USECS_PER_SEC)

static uint64 generation = 0;
static TimestampTz failed_at = 0; /* 0 = nothing to be read again */

/* Who may push where; nobody, where there is no role to take it as. */
static void
read_endpoints(MsgHttpListener *http, const char **error)
{
	MsgEndpoint *endpoints = NULL;
	ListCell *cell;
	int n = 0;
	int lost;

	foreach (cell, msgext_listen_role[0] != '\0' ? msgext_server_oids() : NIL)
	{
		MsgServer *server = msgext_server_get(lfirst_oid(cell));
		ListCell *token;

		if (server == NULL || (server->provider->caps & MSG_CAN_CALLBACK) == 0)
			continue;
		foreach (token, msgext_server_callback_tokens(server, error))
		{
			/* Copies: the next look-up may drop the server from its cache. */
			MsgEndpoint endpoint = {msgext_to_utf8(server->name), pstrdup(lfirst(token))};

			if (endpoints == NULL)
				endpoints = palloc(sizeof(MsgEndpoint));
			else
				endpoints = repalloc(endpoints, sizeof(MsgEndpoint) * (n + 1));
			endpoints[n++] = endpoint;
		}
	}
	lost = msgext_http_listener_set_endpoints(http, endpoints, n);
	if (lost > 0)
		ereport(WARNING, (errmsg("%d callback tokens are too long", lost),
						  errdetail("Server name and token have at most %d bytes.",
									MSG_ENDPOINT_MAX - 1)));
}

/* Who may ask for metrics. */
static void
read_metrics_token(MsgHttpListener *http, const char **error)
{
	const char *token = NULL;

	if (msgext_metrics_token_file[0] != '\0')
	{
		token = msgext_secret_file_read("msgext.metrics_token_file",
										msgext_metrics_token_file, error);
		if (token != NULL && strlen(token) < MSG_TOKEN_MIN)
		{
			*error = psprintf("it has less than %d characters", MSG_TOKEN_MIN);
			token = NULL;
		}
	}
	if (!msgext_http_listener_set_page_token(http, token))
		*error = psprintf("it has more than %d bytes", MSG_TOKEN_ROOM);
}

static void
read_tokens(MsgHttpListener *http)
{
	const char *callbacks = NULL;
	const char *metrics = NULL;

	read_endpoints(http, &callbacks);
	read_metrics_token(http, &metrics);
	if (callbacks != NULL && failed_at == 0)
		ereport(WARNING, (errmsg("a callback token could not be read: %s",
								 msgext_from_utf8(callbacks))));
	if (metrics != NULL && failed_at == 0)
		ereport(WARNING, (errmsg("the token of metrics could not be read: %s",
								 msgext_from_utf8(metrics))));
	failed_at = callbacks != NULL || metrics != NULL ? GetCurrentTimestamp() : 0;
}

void
msgext_listen_tokens_keep(MsgHttpListener *http)
{
	MemoryContext before = CurrentMemoryContext;
	uint64 now;

	AcceptInvalidationMessages();
	now = msgext_server_generation();
	if (now == generation &&
		(failed_at == 0 ||
		 msgext_clock_within(failed_at, RETRY_US, GetCurrentTimestamp())))
		return;
	PG_TRY();
	{
		msgext_bgworker_begin();
		PushActiveSnapshot(GetTransactionSnapshot());
		read_tokens(http);
		PopActiveSnapshot();
		msgext_bgworker_commit();
	}
	PG_CATCH();
	{
		/* The old ones stay. */
		msgext_bgworker_recover(before, true);
		failed_at = GetCurrentTimestamp();
	}
	PG_END_TRY();
	generation = now;
}
