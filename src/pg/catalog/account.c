/*
 * account.c
 *		A server with one sender's credentials: see server.h.
 *
 * Reads user mappings and the files they name, and knows which of it is secret. The
 * accounts lie in the cache of their server.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/pg_user_mapping.h"
#include "common/hashfn.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/buf.h"
#include "pg/base/arena_pg.h"
#include "pg/base/clock.h"
#include "pg/base/compat.h"
#include "pg/base/secret_file.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/catalog/server.h"

/* A shorter part of a path is a word rather than a secret. */
#define SECRET_PIECE_MIN 12

/* An account that cannot be used is read again after this. */
#define ERROR_MEMORY_US (5 * USECS_PER_SEC)

/* The role's mapping, else PUBLIC's; to be released. */
static HeapTuple
find_tuple(Oid server, Oid role)
{
	HeapTuple tuple = NULL;

	if (OidIsValid(role))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
								ObjectIdGetDatum(server));
	if (!HeapTupleIsValid(tuple))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(server));
	return tuple;
}

Oid
msgext_mapping_of(Oid server, Oid role, TransactionId *version)
{
	HeapTuple tuple = find_tuple(server, role);
	Oid mapping = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		return mapping;
	mapping = ((Form_pg_user_mapping) GETSTRUCT(tuple))->oid;
	if (version != NULL)
		*version = HeapTupleHeaderGetRawXmin(tuple->t_data);
	ReleaseSysCache(tuple);
	return mapping;
}

const char *
msgext_server_sender(MsgServer *server, Oid role)
{
	if (server->sender == role)
		return server->sender_name;
	if (!OidIsValid(msgext_mapping_of(server->oid, role, NULL)))
		return NULL;
	strlcpy(server->sender_name, GetUserNameFromId(role, false), NAMEDATALEN);
	server->sender = role;
	return server->sender_name;
}

char *
msgext_mapping_owner(Oid mapping, TransactionId version)
{
	HeapTuple tuple = SearchSysCache1(USERMAPPINGOID, ObjectIdGetDatum(mapping));
	bool same;
	Oid role;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	role = ((Form_pg_user_mapping) GETSTRUCT(tuple))->umuser;
	same = HeapTupleHeaderGetRawXmin(tuple->t_data) == version;
	ReleaseSysCache(tuple);
	if (!same)
		return NULL;
	return OidIsValid(role) ? GetUserNameFromId(role, true) : pstrdup("PUBLIC");
}

/* Options of the role's mapping, else of PUBLIC's; false when there is neither. */
static bool
mapping_options(Oid server, MsgAccount *account, List **options)
{
	HeapTuple tuple = find_tuple(server, account->role);
	Datum datum;
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		return false;
	datum = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions,
							&isnull);
	*options = isnull ? NIL : untransformRelOptions(datum);
	account->mapping = ((Form_pg_user_mapping) GETSTRUCT(tuple))->oid;
	account->version = HeapTupleHeaderGetRawXmin(tuple->t_data);
	ReleaseSysCache(tuple);
	return true;
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
		setting->value = msgext_secret_file_read(psprintf("option \"%s\"", setting->name),
												 setting->value, &account->error);
		if (setting->value == NULL)
			setting->value = "";
		setting->name = name;
	}
}

static void
add_secret(MsgAccount *account, int *n, const char *secret, size_t len)
{
	account->secrets = repalloc(account->secrets, sizeof(char *) * (*n + 2));
	account->secrets[(*n)++] = pnstrdup(secret, len);
}

/* Pieces that the marks separate, if they are long enough to be secrets by themselves. */
static void
add_pieces(MsgAccount *account, int *n, const char *text, const char *marks, size_t least)
{
	while (*(text += strspn(text, marks)) != '\0')
	{
		size_t len = strcspn(text, marks);

		if (len >= least)
			add_secret(account, n, text, len);
		text += len;
	}
}

/* The values of header fields; behind a blank, what follows a scheme such as Bearer. */
static void
add_header_secrets(MsgAccount *account, int *n, const char *text)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgError error;
	const MsgJson *header =
		msgext_json_parse(arena, text, strlen(text), &msgext_json_strict, &error);

	for (header = header != NULL ? header->first : NULL; header != NULL;
		 header = header->next)
		if (header->type == MSG_JSON_STRING && header->len > 0)
		{
			add_secret(account, n, header->text, header->len);
			if (strchr(header->text, ' ') != NULL)
				add_secret(account, n, strchr(header->text, ' ') + 1,
						   strlen(strchr(header->text, ' ') + 1));
		}
}

/*
 * The secrets themselves, and the parts of them that an answer might repeat alone; and
 * login and password as Basic authentication writes them.
 */
static void
collect_secrets(MsgAccount *account, const MsgSetting *settings, const MsgOption *own)
{
	const char *login = msgext_conn_option(&account->conn, "login");
	const char *password = msgext_conn_option(&account->conn, "password");
	const MsgSetting *setting;
	int n = 0;

	account->secrets = palloc(sizeof(char *) * 2);
	for (setting = settings; setting->name != NULL; setting++)
	{
		const MsgOption *option =
			msgext_option_find(own, MSG_OPTION_MAPPING, setting->name);
		const char *blank = strchr(setting->value, ' ');

		if (option == NULL || !option->secret || setting->value[0] == '\0')
			continue;
		add_secret(account, &n, setting->value, strlen(setting->value));
		if (option->kind == MSG_OPTION_WORDS)
			add_pieces(account, &n, setting->value, " \t\r\n", 1);
		else if (option->kind == MSG_OPTION_PATH)
			add_pieces(account, &n, setting->value, "/?&=", SECRET_PIECE_MIN);
		else if (option->kind == MSG_OPTION_HEADERS)
			add_header_secrets(account, &n, setting->value);
		else if (blank != NULL)
			add_secret(account, &n, blank + 1, strlen(blank + 1));
	}
	if (login != NULL && password != NULL)
	{
		char *pair = psprintf("%s:%s", login, password);
		MsgBuf basic;

		msgext_buf_init(&basic, msgext_arena_pg_create(CurrentMemoryContext), 64);
		msgext_buf_base64(&basic, pair, strlen(pair));
		add_secret(account, &n, basic.data, basic.len);
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
hash_text(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, strlen(text), seed);
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
		digest = hash_combine64(digest, hash_text(setting->name, 0));
		digest = hash_combine64(digest, hash_text(setting->value, 1));
	}
	return digest;
}

/* Whom requests reach, and as whom: a key is known there and nowhere else. */
static int64
digest_target(const MsgServer *server, const MsgSetting *settings)
{
	uint64 digest = hash_text(server->conn.url, 0);
	const MsgSetting *setting;

	/* In whatever order they are. */
	for (setting = settings; setting->name != NULL; setting++)
	{
		const MsgOption *option = msgext_option_find(server->provider->options,
													 MSG_OPTION_MAPPING, setting->name);

		if (option == NULL || option->secret)
			continue;
		digest +=
			hash_combine64(hash_text(setting->name, 0), hash_text(setting->value, 1));
	}
	return (int64) digest;
}

/* A role that is gone has no account: what it queued is not sent as somebody else. */
static void
find_mapping(MsgAccount *account, Oid server, const char *name, List **options)
{
	char *current = account->public ? "PUBLIC" : GetUserNameFromId(account->role, true);

	if (current == NULL)
		account->error = psprintf("role \"%s\" was dropped", msgext_to_utf8(name));
	else if (!mapping_options(server, account, options))
		account->error =
			psprintf("there is no user mapping for role \"%s\" or for PUBLIC",
					 msgext_to_utf8(current));
}

static MsgAccount *
find_account(MsgServer *server, Oid role, bool public, const char *name)
{
	MsgAccount *account;
	MsgSetting *settings;
	MemoryContext before;
	List *options = NIL;
	ListCell *cell;

	foreach (cell, server->accounts)
	{
		account = lfirst(cell);
		if (account->role != role || account->public != public)
			continue;
		if (account->error == NULL ||
			msgext_clock_within(account->read_at, ERROR_MEMORY_US, GetCurrentTimestamp()))
			return account;

		/* The file may be there by now. Requests may still point to the old one. */
		server->accounts = foreach_delete_current(server->accounts, cell);
		break;
	}
	before = MemoryContextSwitchTo(server->context);
	account = palloc0(sizeof(MsgAccount));
	account->role = role;
	account->public = public;
	account->read_at = GetCurrentTimestamp();
	find_mapping(account, server->oid, name, &options);
	settings = msgext_settings_add(NULL, options);
	resolve_files(account, settings, server->provider->options);
	account->conn = server->conn;
	account->conn.settings = settings;
	check_complete(account, server->provider->options);
	collect_secrets(account, settings, server->provider->options);
	account->credentials = digest_credentials(settings);
	account->target = digest_target(server, settings);

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

MsgAccount *
msgext_server_account(MsgServer *server, Oid role, const char *name)
{
	return find_account(server, role, false, name);
}

/* Roles with a mapping of their own, and InvalidOid where PUBLIC has one. */
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

		if (form->umserver == server)
			roles = lappend_oid(roles, form->umuser);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return roles;
}

/*
 * A sender writes what he likes into his own mapping: a token in it would let him report
 * the fate of others' messages.
 */
static bool
token_counts(Oid server, Oid role)
{
	return !OidIsValid(role) || msgext_server_ownercheck(server, role) ||
		   msgext_access_may_receive(role, server);
}

List *
msgext_server_callback_tokens(MsgServer *server, const char **error)
{
	List *tokens = NIL;
	ListCell *cell;

	foreach (cell, mapped_roles(server->oid))
	{
		Oid role = lfirst_oid(cell);
		MsgAccount *account;
		const char *token;
		const char *why = NULL;

		if (!token_counts(server->oid, role))
			continue;
		account = find_account(server, role, !OidIsValid(role), "");
		token = msgext_conn_option(&account->conn, "callback_token");
		if (token == NULL)
			continue;
		if (token[0] == '\0')
			why = account->error != NULL ? account->error : "it is empty";
		else if (strlen(token) < MSG_TOKEN_MIN)
			why = psprintf("it has less than %d characters", MSG_TOKEN_MIN);
		if (why == NULL)
			tokens = lappend(tokens, (char *) token);
		else if (*error == NULL)
			*error = why;
	}
	return tokens;
}

const char *const *
msgext_server_callback_secrets(MsgServer *server)
{
	const char **secrets;
	bool whole = true;
	ListCell *cell;
	int n = 0;

	if (server->callback_secrets != NULL)
		return server->callback_secrets;
	secrets = palloc(sizeof(char *));
	foreach (cell, mapped_roles(server->oid))
	{
		Oid role = lfirst_oid(cell);
		MsgAccount *account;
		const char *secret;

		if (!token_counts(server->oid, role))
			continue;
		account = find_account(server, role, !OidIsValid(role), "");
		whole &= account->error == NULL;
		secret = msgext_conn_option(&account->conn, "callback_secret");
		if (secret == NULL || secret[0] == '\0')
			continue;
		secrets = repalloc(secrets, sizeof(char *) * (n + 2));
		secrets[n++] = secret;
	}
	secrets[n] = NULL;

	/* A file that could not be read may be there the next time. */
	if (whole)
	{
		size_t size = sizeof(char *) * (n + 1);

		server->callback_secrets = MemoryContextAlloc(server->context, size);
		memcpy(server->callback_secrets, secrets, size);
	}
	return secrets;
}

const char **
msgext_server_secrets(MsgServer *server)
{
	const char **secrets = palloc(sizeof(char *));
	ListCell *cell;
	int n = 0;

	foreach (cell, mapped_roles(server->oid))
	{
		Oid role = lfirst_oid(cell);
		const char **own = find_account(server, role, !OidIsValid(role), "")->secrets;
		int more = 0;

		while (own[more] != NULL)
			more++;
		secrets = repalloc(secrets, sizeof(char *) * (n + more + 1));
		memcpy(secrets + n, own, sizeof(char *) * more);
		n += more;
	}
	secrets[n] = NULL;
	return secrets;
}
