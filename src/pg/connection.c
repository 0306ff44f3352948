/*
 * connection.c
 *		Foreign servers and user mappings as the engine and the codecs need them: see
 *		connection.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/reloptions.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/buf.h"
#include "core/mask.h"
#include "pg/arena_pg.h"
#include "pg/connection.h"

#define WRAPPER_PREFIX "msgext_"
#define SECRET_FILE_MAX 65536

/* An account that cannot be used is read again after this. */
#define ERROR_MEMORY_US (5 * USECS_PER_SEC)

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
	callbacks_registered = true;
}

uint64
msgext_connection_generation(void)
{
	start_cache();
	return generation;
}

void
msgext_connection_forget(void)
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
	if (--server->refs == 0 && server->stale)
	{
		servers = list_delete_ptr(servers, server);
		MemoryContextDelete(server->context);
	}
}

static int64_t
duration_ms(const MsgConn *conn, const char *name)
{
	const char *text = msgext_conn_option(conn, name);
	Interval *interval;

	if (text == NULL)
		return 0;
	interval = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(text),
													 ObjectIdGetDatum(InvalidOid),
													 Int32GetDatum(-1)));
	return interval->time / 1000 +
		   ((int64_t) interval->month * DAYS_PER_MONTH + interval->day) * 86400 * 1000;
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

/* Appends options to settings, which ends with a NULL name; in the current context. */
static MsgSetting *
add_settings(MsgSetting *settings, List *options)
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
		settings[n].value = pstrdup(defGetString(option));
		n++;
	}
	settings[n].name = NULL;
	settings[n].value = NULL;
	return settings;
}

static void
read_settings(MsgServer *server)
{
	MsgConn *conn = &server->conn;
	char *url = pstrdup(msgext_conn_option(conn, "url"));
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
	conn->url = url;
	server->target.serial = ++target_serial;
	server->target.timeout_ms = duration_ms(conn, "timeout");
	server->target.connect_timeout_ms = duration_ms(conn, "connect_timeout");
	server->target.ca_file = msgext_conn_option(conn, "ca_file");
	server->target.proxy = msgext_conn_option(conn, "proxy");
	server->target.version = msgext_conn_option(conn, "http_version");
	server->policy.deduplicates =
		(server->provider->caps & MSG_CAN_DEDUP) != 0 &&
		(server->provider->deduplicates == NULL || server->provider->deduplicates(conn));
	server->policy.resend_unknown = is_choice(conn, "on_unknown", "resend");
	server->policy.max_attempts = count(conn, "max_attempts");
	server->policy.retry_min_ms = duration_ms(conn, "retry_min_delay");
	server->policy.retry_max_ms = duration_ms(conn, "retry_max_delay");
	server->policy.give_up_ms = duration_ms(conn, "give_up_after");
	server->rate_limit = rate(conn, "rate_limit");
	server->recipient_limit = rate(conn, "recipient_limit");
	server->max_in_flight = count(conn, "max_in_flight");
	server->batch_size = server->provider->max_batch;
	if (count(conn, "batch_size") > 0)
		server->batch_size = Min(server->batch_size, count(conn, "batch_size"));
	server->poll = (server->provider->caps & MSG_CAN_POLL) != 0 &&
				   is_choice(conn, "status_poll", "on");
	server->poll_min_ms = duration_ms(conn, "poll_min_interval");
	server->poll_max_ms = duration_ms(conn, "poll_max_interval");
	server->poll_give_up_ms = duration_ms(conn, "poll_give_up");
}

MsgServer *
msgext_server_find(const char *name)
{
	ForeignServer *foreign;
	ForeignDataWrapper *wrapper;
	const MsgProvider *provider;
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
		if (!server->stale && strcmp(server->name, name) == 0)
			return server;
	}

	if ((foreign = GetForeignServerByName(name, true)) == NULL)
		return NULL;
	wrapper = GetForeignDataWrapper(foreign->fdwid);
	if (strncmp(wrapper->fdwname, WRAPPER_PREFIX, strlen(WRAPPER_PREFIX)) != 0 ||
		(provider = msgext_provider_find(wrapper->fdwname + strlen(WRAPPER_PREFIX))) ==
			NULL)
		return NULL;

	context = AllocSetContextCreate(cache_context, "msgext server", ALLOCSET_SMALL_SIZES);
	before = MemoryContextSwitchTo(context);
	server = palloc0(sizeof(MsgServer));
	server->context = context;
	server->name = pstrdup(foreign->servername);
	server->oid = foreign->serverid;
	server->provider = provider;
	server->settings = add_settings(NULL, foreign->options);
	server->conn.server = server->name;
	server->conn.settings = server->settings;
	server->conn.options = provider->options;
	read_settings(server);
	MemoryContextSwitchTo(cache_context);
	servers = lappend(servers, server);
	MemoryContextSwitchTo(before);
	return server;
}

List *
msgext_server_names(void)
{
	List *names = NIL;
	Relation rel = table_open(ForeignServerRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(rel, ForeignServerNameIndexId, true, NULL, 0, NULL);
	HeapTuple tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_foreign_server form = (Form_pg_foreign_server) GETSTRUCT(tuple);
		ForeignDataWrapper *wrapper = GetForeignDataWrapper(form->srvfdw);

		if (strncmp(wrapper->fdwname, WRAPPER_PREFIX, strlen(WRAPPER_PREFIX)) == 0 &&
			msgext_provider_find(wrapper->fdwname + strlen(WRAPPER_PREFIX)) != NULL)
			names = lappend(names, pstrdup(NameStr(form->srvname)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return names;
}

bool
msgext_mapping_exists(Oid server, Oid role)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
								 ObjectIdGetDatum(server)) ||
		   SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								 ObjectIdGetDatum(server));
}

/* Options of the role's mapping, else of PUBLIC's; false when there is neither. */
static bool
mapping_options(Oid server, Oid role, List **options, Oid *mapping)
{
	HeapTuple tuple = NULL;
	Datum datum;
	bool isnull;

	if (OidIsValid(role))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
								ObjectIdGetDatum(server));
	if (!HeapTupleIsValid(tuple))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(server));
	if (!HeapTupleIsValid(tuple))
		return false;
	datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions,
							&isnull);
	*options = isnull ? NIL : untransformRelOptions(datum);
	*mapping = ((Form_pg_user_mapping) GETSTRUCT(tuple))->oid;
	ReleaseSysCache(tuple);
	return true;
}

/* A secret's file without its last line end; NULL with *error set when unreadable. */
static char *
read_secret_file(const char *option, const char *path, const char **error)
{
	char *secret = palloc(SECRET_FILE_MAX + 1);
	FILE *file = AllocateFile(path, PG_BINARY_R);
	size_t len;

	if (file == NULL)
	{
		*error = psprintf("could not read the file of option \"%s\": %m", option);
		return NULL;
	}
	len = fread(secret, 1, SECRET_FILE_MAX + 1, file);
	FreeFile(file);
	if (len > SECRET_FILE_MAX)
	{
		*error = psprintf("the file of option \"%s\" is too large", option);
		return NULL;
	}
	while (len > 0 && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
		len--;
	secret[len] = '\0';
	if (strlen(secret) != len)
	{
		*error = psprintf("the file of option \"%s\" holds a NUL byte", option);
		return NULL;
	}
	return secret;
}

/* Replaces every "<name>_file" by the secret it names. */
static void
resolve_files(MsgAccount *account, MsgSetting *settings, const MsgOption *own)
{
	MsgSetting *setting;

	for (setting = settings; setting->name != NULL; setting++)
	{
		size_t len = strlen(setting->name);
		char *name;
		const MsgOption *option;

		if (len <= 5 || strcmp(setting->name + len - 5, "_file") != 0)
			continue;
		name = pnstrdup(setting->name, len - 5);
		option = msgext_option_find(own, MSG_OPTION_MAPPING, name);
		if (option == NULL || !option->secret)
			continue;
		if (strcmp(name, "refresh_token") == 0)
			account->refresh_file = pstrdup(setting->value);
		setting->value = read_secret_file(setting->name, setting->value, &account->error);
		if (setting->value == NULL)
			setting->value = "";
		setting->name = name;
	}
}

/* The secrets themselves, and login and password as Basic authentication writes them. */
static void
collect_secrets(MsgAccount *account, const MsgSetting *settings, const MsgOption *own)
{
	const char *login = msgext_conn_option(&account->conn, "login");
	const char *password = msgext_conn_option(&account->conn, "password");
	const MsgSetting *setting;
	int n = 0;

	for (setting = settings; setting->name != NULL; setting++)
		n++;
	account->secrets = palloc(sizeof(char *) * (n + 2));
	n = 0;
	for (setting = settings; setting->name != NULL; setting++)
	{
		const MsgOption *option =
			msgext_option_find(own, MSG_OPTION_MAPPING, setting->name);

		if (option != NULL && option->secret && setting->value[0] != '\0')
			account->secrets[n++] = setting->value;
	}
	if (login != NULL && password != NULL)
	{
		char *pair = psprintf("%s:%s", login, password);
		MsgBuf basic;

		msgext_buf_init(&basic, msgext_arena_pg_create(CurrentMemoryContext), 64);
		msgext_buf_base64(&basic, pair, strlen(pair));
		account->secrets[n++] = basic.data;
	}
	account->secrets[n] = NULL;
}

/* What the provider needs of a mapping, and this one lacks. */
static void
check_complete(MsgAccount *account, const MsgOption *own)
{
	const MsgOption *option;

	for (option = own; option->name != NULL && account->error == NULL; option++)
		if (option->place == MSG_OPTION_MAPPING && option->required &&
			msgext_conn_option(&account->conn, option->name) == NULL)
			account->error =
				psprintf("the user mapping has no option \"%s\"", option->name);
}

static uint64
digest_credentials(const MsgSetting *settings)
{
	const MsgSetting *setting;
	uint64 digest = 0;

	for (setting = settings; setting->name != NULL; setting++)
	{
		if (strcmp(setting->name, "refresh_token") == 0)
			continue;
		digest =
			hash_combine64(digest, hash_bytes_extended((unsigned char *) setting->name,
													   strlen(setting->name), 0));
		digest =
			hash_combine64(digest, hash_bytes_extended((unsigned char *) setting->value,
													   strlen(setting->value), 1));
	}
	return digest;
}

MsgAccount *
msgext_server_account(MsgServer *server, const char *sender)
{
	MsgAccount *account;
	MsgSetting *settings;
	MemoryContext before;
	List *options = NIL;
	ListCell *cell;

	foreach (cell, server->accounts)
	{
		account = lfirst(cell);
		if (strcmp(account->sender, sender) != 0)
			continue;
		if (account->error == NULL ||
			GetCurrentTimestamp() < account->read_at + ERROR_MEMORY_US)
			return account;

		/* The file may be there by now. Requests may still point to the old one. */
		server->accounts = foreach_delete_current(server->accounts, cell);
		break;
	}
	before = MemoryContextSwitchTo(server->context);
	account = palloc0(sizeof(MsgAccount));
	account->sender = pstrdup(sender);
	account->read_at = GetCurrentTimestamp();
	if (!mapping_options(server->oid, get_role_oid(sender, true), &options,
						 &account->mapping))
		account->error =
			psprintf("there is no user mapping for role \"%s\" or for PUBLIC", sender);
	settings = add_settings(NULL, options);
	resolve_files(account, settings, server->provider->options);
	account->conn = server->conn;
	account->conn.settings = settings;
	check_complete(account, server->provider->options);
	collect_secrets(account, settings, server->provider->options);
	account->credentials = digest_credentials(settings);

	/* The server's own settings follow the mapping's: one list for the codec. */
	{
		const MsgSetting *setting;
		int n = 0;
		int m = 0;

		for (setting = server->settings; setting->name != NULL; setting++)
			m++;
		while (settings[n].name != NULL)
			n++;
		settings = repalloc(settings, sizeof(MsgSetting) * (n + m + 1));
		memcpy(settings + n, server->settings, sizeof(MsgSetting) * (m + 1));
		account->conn.settings = settings;
	}
	server->accounts = lappend(server->accounts, account);
	MemoryContextSwitchTo(before);
	return account;
}

/* Senders with a mapping of their own, and "" where PUBLIC has one. */
static List *
mapped_roles(Oid server)
{
	List *roles = NIL;
	Relation rel = table_open(UserMappingRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_user_mapping form = (Form_pg_user_mapping) GETSTRUCT(tuple);
		char *role = "";

		if (form->umserver != server)
			continue;
		if (OidIsValid(form->umuser))
			role = GetUserNameFromId(form->umuser, true);
		if (role != NULL)
			roles = lappend(roles, role);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return roles;
}

List *
msgext_server_callback_tokens(MsgServer *server, const char **error)
{
	List *tokens = NIL;
	ListCell *cell;

	foreach (cell, mapped_roles(server->oid))
	{
		MsgAccount *account = msgext_server_account(server, lfirst(cell));
		const char *token = msgext_conn_option(&account->conn, "callback_token");

		if (token == NULL)
			continue;
		if (token[0] != '\0')
			tokens = lappend(tokens, (char *) token);
		else if (*error == NULL)
			*error =
				account->error != NULL ? account->error : "a callback_token is empty";
	}
	return tokens;
}

void
msgext_account_scrub(const MsgAccount *account, char *bytes, size_t len)
{
	const char **secret;

	for (secret = account->secrets; *secret != NULL; secret++)
		msgext_mask(bytes, len, *secret);
}
