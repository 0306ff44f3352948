/*
 * server.c
 *		Foreign servers as the engine and the codecs need them: see server.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/provider_list.h"
#include "core/rate.h"
#include "pg/base/interval.h"
#include "pg/base/text.h"
#include "pg/catalog/server.h"

#define WRAPPER_PREFIX "msgext_"
#define FILE_SUFFIX "_file"

static List *servers = NIL; /* of MsgServer *, in their own contexts */
static MemoryContext cache_context = NULL;
static uint64 generation = 1;
static bool callbacks_registered = false;
static uint64 target_serial = 0;

static void
on_catalog_change(Datum arg, int cacheid, uint32 hashvalue)
{
	generation++;
}

static void
start_cache(void)
{
	if (callbacks_registered)
		return;
	cache_context =
		AllocSetContextCreate(TopMemoryContext, "msgext servers", ALLOCSET_SMALL_SIZES);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, on_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, on_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, on_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, on_catalog_change, (Datum) 0);

	/* Whose callback tokens count: EXECUTE on receive_callback(), and membership. */
	CacheRegisterSyscacheCallback(PROCOID, on_catalog_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, on_catalog_change, (Datum) 0);
	callbacks_registered = true;
}

uint64
msgext_server_generation(void)
{
	start_cache();
	return generation;
}

void
msgext_server_forget_all(void)
{
	generation++;
}

/* Drops what was read before the last change of a catalog. */
static void
drop_stale(void)
{
	static uint64 seen = 0;
	List *kept = NIL;
	ListCell *cell;
	MemoryContext before;

	if (seen == generation)
		return;
	seen = generation;
	before = MemoryContextSwitchTo(cache_context);
	foreach (cell, servers)
	{
		MsgServer *server = lfirst(cell);

		server->stale = true;
		if (server->refs > 0)
			kept = lappend(kept, server);
		else
			MemoryContextDelete(server->context);
	}
	list_free(servers);
	servers = kept;
	MemoryContextSwitchTo(before);
}

void
msgext_server_pin(MsgServer *server)
{
	server->refs++;
}

void
msgext_server_unpin(MsgServer *server)
{
	Assert(server->refs > 0);
	if (--server->refs == 0 && server->stale)
	{
		servers = list_delete_ptr(servers, server);
		MemoryContextDelete(server->context);
	}
}

int64
msgext_server_duration_ms(const MsgConn *conn, const char *name)
{
	const char *text = msgext_conn_option(conn, name);
	Interval *interval;
	int64 us;

	if (text == NULL)
		return 0;
	interval = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text),
													 ObjectIdGetDatum(InvalidOid),
													 Int32GetDatum(-1)));
	return msgext_interval_us(interval, &us) ? us / 1000 : 0;
}

static bool
is_choice(const MsgConn *conn, const char *name, const char *value)
{
	const char *set = msgext_conn_option(conn, name);

	return set != NULL && strcmp(set, value) == 0;
}

static MsgRate
rate(const MsgConn *conn, const char *name)
{
	MsgRate result = {0, 0};
	const char *text = msgext_conn_option(conn, name);

	if (text != NULL)
		msgext_rate_parse(text, &result);
	return result;
}

static int
count(const MsgConn *conn, const char *name)
{
	const char *text = msgext_conn_option(conn, name);

	return text != NULL ? atoi(text) : 0;
}

/* The file of a secret, or of certificates: a path has the bytes that it has. */
static bool
names_file(const char *option)
{
	size_t len = strlen(option);

	return len > strlen(FILE_SUFFIX) &&
		   strcmp(option + len - strlen(FILE_SUFFIX), FILE_SUFFIX) == 0;
}

MsgSetting *
msgext_settings_add(MsgSetting *settings, List *options)
{
	int n = 0;
	ListCell *cell;

	while (settings != NULL && settings[n].name != NULL)
		n++;
	if (settings == NULL)
		settings = palloc(sizeof(MsgSetting) * (list_length(options) + 1));
	else
		settings =
			repalloc(settings, sizeof(MsgSetting) * (n + list_length(options) + 1));
	foreach (cell, options)
	{
		DefElem *option = lfirst(cell);

		settings[n].name = pstrdup(option->defname);
		settings[n].value = names_file(option->defname)
								? pstrdup(defGetString(option))
								: msgext_to_utf8(defGetString(option));
		n++;
	}
	settings[n].name = NULL;
	settings[n].value = NULL;
	return settings;
}

/*
 * What this database may send of what the provider allows. The provider counts what
 * arrives, and one request travels longer than another: a period is kept longer by a
 * fiftieth of it, at most by 20 ms.
 */
static MsgRate
rate_of_this_node(const MsgConn *conn)
{
	MsgRate whole = rate(conn, "rate_limit");
	MsgShare share;
	MsgRate mine;

	if (!msgext_share_parse(msgext_conn_option(conn, "rate_share"), &share))
		share.parts = share.whole = 1;
	mine = msgext_rate_share(&whole, &share);
	mine.per_ms += Min(mine.per_ms / 50, 20);
	return mine;
}

static void
read_settings(MsgServer *server)
{
	MsgConn *conn = &server->conn;
	const char *set = msgext_conn_option(conn, "url");

	/*
	 * A superuser may have taken the validator away from the wrapper. Not "", to which a
	 * message's path would be appended as a host.
	 */
	char *url = pstrdup(set != NULL ? set : "http://no-url.invalid");
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
	conn->url = url;
	server->target.serial = ++target_serial;
	server->target.timeout_ms = msgext_server_duration_ms(conn, "timeout");
	server->target.connect_timeout_ms =
		msgext_server_duration_ms(conn, "connect_timeout");
	server->target.ca_file = msgext_conn_option(conn, "ca_file");
	server->target.proxy = msgext_conn_option(conn, "proxy");
	server->target.deny_private = is_choice(conn, "deny_private", "on");
	server->callback_window_ms = msgext_server_duration_ms(conn, "callback_window");
	server->target.version = msgext_conn_option(conn, "http_version");
	server->policy.deduplicates =
		(server->provider->caps & MSG_CAN_DEDUP) != 0 &&
		(server->provider->deduplicates == NULL || server->provider->deduplicates(conn));
	server->policy.resend_unknown = is_choice(conn, "on_unknown", "resend");
	server->policy.max_attempts = count(conn, "max_attempts");
	server->policy.retry_min_ms = msgext_server_duration_ms(conn, "retry_min_delay");
	server->policy.retry_max_ms = msgext_server_duration_ms(conn, "retry_max_delay");
	server->policy.give_up_ms = msgext_server_duration_ms(conn, "give_up_after");
	server->rate_limit = rate_of_this_node(conn);
	server->recipient_limit = rate(conn, "recipient_limit");
	server->max_in_flight = count(conn, "max_in_flight");
	server->batch_size = server->provider->max_batch;
	if (count(conn, "batch_size") > 0)
		server->batch_size = Min(server->batch_size, count(conn, "batch_size"));
	server->poll = (server->provider->caps & MSG_CAN_POLL) != 0 &&
				   is_choice(conn, "status_poll", "on");
	server->poll_min_ms = msgext_server_duration_ms(conn, "poll_min_interval");
	server->poll_max_ms = msgext_server_duration_ms(conn, "poll_max_interval");
	server->poll_give_up_ms = msgext_server_duration_ms(conn, "poll_give_up");
	if (!is_choice(conn, "break_after", "off"))
		server->break_after_ms = msgext_server_duration_ms(conn, "break_after");
	server->expires_after_ms = msgext_server_duration_ms(conn, "expires_after");
	server->payload_retention_ms = msgext_server_duration_ms(conn, "payload_retention");
	server->records_invalid = is_choice(conn, "on_invalid", "record");
	server->redirect = msgext_conn_option(conn, "redirect");
	server->allow_recipients = msgext_conn_option(conn, "allow_recipients");
}

MsgServer *
msgext_server_find(const char *name)
{
	Oid oid = get_foreign_server_oid(name, true);

	return OidIsValid(oid) ? msgext_server_get(oid) : NULL;
}

/* By its wrapper; NULL where that is none of ours. */
static const char *
provider_name(Oid wrapper_oid)
{
	const char *wrapper = GetForeignDataWrapper(wrapper_oid)->fdwname;

	return strncmp(wrapper, WRAPPER_PREFIX, strlen(WRAPPER_PREFIX)) == 0
			   ? wrapper + strlen(WRAPPER_PREFIX)
			   : NULL;
}

char *
msgext_server_missing_provider(Oid oid)
{
	ForeignServer *foreign = GetForeignServerExtended(oid, FSV_MISSING_OK);
	const char *name = foreign != NULL ? provider_name(foreign->fdwid) : NULL;

	return name != NULL && msgext_provider_find(name) == NULL ? pstrdup(name) : NULL;
}

MsgServer *
msgext_server_get(Oid oid)
{
	ForeignServer *foreign;
	const MsgProvider *provider;
	const char *name;
	MsgServer *server;
	MemoryContext context;
	MemoryContext before;
	ListCell *cell;

	start_cache();
	AcceptInvalidationMessages();
	drop_stale();
	foreach (cell, servers)
	{
		server = lfirst(cell);
		if (!server->stale && server->oid == oid)
			return server;
	}

	if ((foreign = GetForeignServerExtended(oid, FSV_MISSING_OK)) == NULL)
		return NULL;
	if ((name = provider_name(foreign->fdwid)) == NULL ||
		(provider = msgext_provider_find(name)) == NULL)
		return NULL;

	context = AllocSetContextCreate(cache_context, "msgext server", ALLOCSET_SMALL_SIZES);
	before = MemoryContextSwitchTo(context);
	server = palloc0(sizeof(MsgServer));
	server->context = context;
	server->name = pstrdup(foreign->servername);
	server->oid = foreign->serverid;
	server->provider = provider;
	server->settings = msgext_settings_add(NULL, foreign->options);
	server->conn.server = msgext_to_utf8(server->name);
	server->conn.settings = server->settings;
	server->conn.options = provider->options;
	read_settings(server);
	MemoryContextSwitchTo(cache_context);
	servers = lappend(servers, server);
	MemoryContextSwitchTo(before);
	return server;
}

bool
msgext_server_may_poll(Oid oid)
{
	const MsgServer *server = msgext_server_get(oid);

	return server != NULL ? server->poll : msgext_server_missing_provider(oid) != NULL;
}

List *
msgext_server_entries(void)
{
	List *entries = NIL;
	Relation rel = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(rel, ForeignServerNameIndexId, true, NULL, 0, NULL);
	HeapTuple tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_foreign_server form = (Form_pg_foreign_server) GETSTRUCT(tuple);
		const char *name = provider_name(form->srvfdw);
		MsgServerEntry *entry;

		if (name == NULL)
			continue;
		entry = palloc(sizeof(MsgServerEntry));
		entry->oid = form->oid;
		entry->name = pstrdup(NameStr(form->srvname));
		entry->provider_name = name;
		entry->provider = msgext_provider_find(name);
		entries = lappend(entries, entry);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return entries;
}

static List *
list_oids(bool loaded)
{
	List *oids = NIL;
	ListCell *cell;

	foreach (cell, msgext_server_entries())
	{
		const MsgServerEntry *entry = lfirst(cell);

		if ((entry->provider != NULL) == loaded)
			oids = lappend_oid(oids, entry->oid);
	}
	return oids;
}

List *
msgext_server_oids(void)
{
	return list_oids(true);
}

List *
msgext_server_oids_missing(void)
{
	return list_oids(false);
}
