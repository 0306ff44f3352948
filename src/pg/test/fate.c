/*
 * fate.c
 *		Recipients whose messages always end one way: see fate.h.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "pg/catalog/access.h"
#include "pg/test/case.h"
#include "pg/test/fate.h"

static const char *const names[] = {
	[MSG_FATE_ACCEPTED] = "accepted",	[MSG_FATE_REJECTED] = "rejected",
	[MSG_FATE_RETRIED] = "retried",		[MSG_FATE_LOST] = "lost",
	[MSG_FATE_DELIVERED] = "delivered", [MSG_FATE_READ] = "read",
};

/* The provider's pattern with a fate's number in place of its "#". */
static char *
recipient_of(const MsgProvider *provider, MsgFate fate)
{
	char *recipient = pstrdup(provider->sample_recipient);
	char *place = strchr(recipient, '#');

	*place = '0' + fate;
	return recipient;
}

MsgFate
msgext_fate_of(const MsgProvider *provider, const char *bytes, size_t len)
{
	int fate;

	if (provider->sample_recipient == NULL)
		return MSG_FATE_NONE;
	for (fate = MSG_FATE_ACCEPTED; fate < lengthof(names); fate++)
	{
		char *recipient = recipient_of(provider, fate);

		if (memmem(bytes, len, recipient, strlen(recipient)) != NULL)
			return fate;
		pfree(recipient);
	}
	return MSG_FATE_NONE;
}

const MsgScripted *
msgext_fate_answer(MsgFate fate, int sent)
{
	static const MsgScripted rejected = {"reject", MSG_REPLY_SAMPLE, MSG_VERDICT_REJECTED,
										 NULL, -1};
	static const MsgScripted retried = {"retry", MSG_REPLY_SAMPLE, MSG_VERDICT_RETRY,
										NULL, -1};
	static const MsgScripted lost = {"lost", MSG_REPLY_LOST};

	if (fate == MSG_FATE_REJECTED)
		return &rejected;
	if (fate == MSG_FATE_RETRIED && sent == 0)
		return &retried;
	return fate == MSG_FATE_LOST && sent == 0 ? &lost : NULL;
}

/* The n-th of "vk,viber,sms", from 0; *last: there is none behind it. */
static char *
nth_channel(const char *channels, int n, bool *last)
{
	const char *end;

	for (;; n--, channels = end + 1)
	{
		end = channels + strcspn(channels, ",");
		*last = *end == '\0';
		if (n <= 0 || *last)
			return pnstrdup(channels, end - channels);
	}
}

bool
msgext_fate_tells(MsgFate fate, const char *channels, int asked, MsgState *state,
				  const char **channel)
{
	bool last = true;

	*channel = NULL;
	if (fate == MSG_FATE_READ)
	{
		/* Of a provider that has no word for it, delivered when it is asked again. */
		*state = asked == 0 ? MSG_READ : MSG_DELIVERED;
		return true;
	}
	if (fate != MSG_FATE_DELIVERED)
		return false;
	if (channels != NULL)
		*channel = nth_channel(channels, asked, &last);
	*state = last ? MSG_DELIVERED : MSG_UNDELIVERED;
	return true;
}

/* Of that server; or of all there are, where they are of one provider. */
static const MsgProvider *
provider_of(const char *name)
{
	const MsgProvider *provider = NULL;
	ListCell *cell;

	if (name != NULL)
		return msgext_access_server(name)->provider;
	foreach (cell, msgext_server_oids())
	{
		const MsgServer *server = msgext_server_get(lfirst_oid(cell));

		if (server == NULL)
			continue;
		if (provider != NULL && provider != server->provider)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("servers here are of several providers"),
							errhint("Name one: magic(fate, server).")));
		provider = server->provider;
	}
	if (provider == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("there is no server of msgext")));
	return provider;
}

PG_FUNCTION_INFO_V1(msgext_test_magic);

/* fate, server */
PGDLLEXPORT Datum
msgext_test_magic(PG_FUNCTION_ARGS)
{
	const MsgProvider *provider;
	int fate = lengthof(names);
	char *name;

	msgext_case_check();
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("fate must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	while (--fate > MSG_FATE_NONE && strcmp(names[fate], name) != 0)
		;
	if (fate == MSG_FATE_NONE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is not a fate", name),
						errhint("Fates are accepted, rejected, retried, lost, delivered "
								"and read.")));
	provider = provider_of(PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1)));
	if (provider->sample_recipient == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("provider \"%s\" has no such recipients", provider->name)));
	PG_RETURN_TEXT_P(cstring_to_text(recipient_of(provider, fate)));
}
