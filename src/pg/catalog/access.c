/*
 * access.c
 *		Who may do what: see access.h.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"
#include "pg/catalog/access.h"

typedef enum Right
{
	RIGHT_READ,
	RIGHT_READ_PAYLOAD,
	RIGHT_OPERATE,
	RIGHT_RECEIVE,
	RIGHT_CONSUME,
	RIGHT_CONSOLE
} Right;

/* The functions whose EXECUTE is a right; found once, until a function changes. */
static struct
{
	const char *name;
	int nargs;
	Oid args[3];
	Oid oid; /* InvalidOid = to be looked up */
} rights[] = {
	[RIGHT_READ] = {"can_read"},
	[RIGHT_READ_PAYLOAD] = {"can_read_payload"},
	[RIGHT_OPERATE] = {"can_operate"},
	[RIGHT_CONSUME] = {"can_consume"},
	[RIGHT_CONSOLE] = {"open_console", 1, {INTERVALOID}},
	[RIGHT_RECEIVE] = {"receive_callback", 3, {NAMEOID, BYTEAOID, JSONBOID}},
};

static void
forget_functions(Datum arg, int cache, uint32 hash)
{
	int i;

	for (i = 0; i < lengthof(rights); i++)
		rights[i].oid = InvalidOid;
}

static Oid
schema_of(Oid extension)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	Oid schema = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	if ((tuple = systable_getnext(scan)) != NULL)
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

/* In the extension's own schema, whatever its name is and whatever search_path says. */
static Oid
function_of(Right right)
{
	static bool registered = false;
	Oid extension;

	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
	registered = true;
	if (!OidIsValid(rights[right].oid) &&
		OidIsValid(extension = get_extension_oid("msgext", true)))
		rights[right].oid = GetSysCacheOid3(
			PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(rights[right].name),
			PointerGetDatum(buildoidvector(rights[right].args, rights[right].nargs)),
			ObjectIdGetDatum(schema_of(extension)));
	return rights[right].oid;
}

static bool
has_right(Oid role, Right right)
{
	Oid function = function_of(right);

	return OidIsValid(function) &&
		   msgext_function_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
}

static bool
may_use(Oid server, Oid role)
{
	return msgext_server_aclcheck(server, role, ACL_USAGE) == ACLCHECK_OK;
}

static const char *
current_role(void)
{
	return quote_identifier(GetUserNameFromId(GetUserId(), false));
}

MsgServer *
msgext_access_server(const char *name)
{
	MsgServer *server = msgext_server_find(name);
	const char *provider;

	if (server != NULL)
		return server;
	provider = msgext_server_missing_provider(get_foreign_server_oid(name, true));
	if (provider != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("provider \"%s\" of server \"%s\" is not loaded", provider, name),
				 errhint("Add its library to shared_preload_libraries, or LOAD "
						 "it in this session.")));
	if (GetForeignServerByName(name, true) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a msgext server", name),
				 errhint("Create one with a foreign-data wrapper of msgext, such as "
						 "msgext_devino.")));
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("server \"%s\" does not exist", name)));
}

void
msgext_access_use(const MsgServer *server)
{
	if (!may_use(server->oid, GetUserId()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for foreign server %s", server->name),
						errhint("GRANT USAGE ON FOREIGN SERVER %s TO %s;",
								quote_identifier(server->name), current_role())));
}

bool
msgext_access_may_operate(const MsgServer *server)
{
	Oid role = GetUserId();

	return msgext_server_ownercheck(server->oid, role) ||
		   (has_right(role, RIGHT_OPERATE) && may_use(server->oid, role));
}

void
msgext_access_operate(const MsgServer *server)
{
	if (msgext_access_may_operate(server))
		return;
	if (!has_right(GetUserId(), RIGHT_OPERATE))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of foreign server %s", server->name),
						errhint("Or GRANT EXECUTE ON FUNCTION msgext.can_operate() TO "
								"%s;",
								current_role())));
	msgext_access_use(server);
}

bool
msgext_access_monitor(Oid server)
{
	Oid role = GetUserId();

	if (has_privs_of_role(role, ROLE_PG_MONITOR))
		return true;
	return SearchSysCacheExists1(FOREIGNSERVEROID, ObjectIdGetDatum(server)) &&
		   (may_use(server, role) || msgext_server_ownercheck(server, role));
}

bool
msgext_access_monitor_all(void)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR);
}

bool
msgext_access_may_read_payloads(void)
{
	return superuser() || has_right(GetUserId(), RIGHT_READ_PAYLOAD);
}

void
msgext_access_read_payloads(void)
{
	if (!msgext_access_may_read_payloads())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to search payloads"),
						errhint("GRANT EXECUTE ON FUNCTION msgext.can_read_payload() TO "
								"%s;",
								current_role())));
}

void
msgext_access_receive(void)
{
	if (!has_right(GetUserId(), RIGHT_RECEIVE))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function receive_callback"),
				 errhint("GRANT EXECUTE ON FUNCTION msgext.receive_callback(name, bytea, "
						 "jsonb) TO %s;",
						 current_role())));
}

bool
msgext_access_may_receive(Oid role, Oid server)
{
	return has_right(role, RIGHT_RECEIVE) && may_use(server, role);
}

bool
msgext_access_may_consume(Oid server)
{
	return msgext_access_may_consume_as(GetUserId(), server);
}

bool
msgext_access_may_consume_as(Oid role, Oid server)
{
	return msgext_server_ownercheck(server, role) ||
		   (has_right(role, RIGHT_CONSUME) && may_use(server, role));
}

void
msgext_access_consume_as(Oid role, const MsgServer *server)
{
	const char *name = quote_identifier(GetUserNameFromId(role, false));

	if (!msgext_access_may_consume_as(role, server->oid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not take the pushes of server \"%s\"",
						GetUserNameFromId(role, false), server->name),
				 has_right(role, RIGHT_CONSUME)
					 ? errhint("GRANT USAGE ON FOREIGN SERVER %s TO %s;",
							   quote_identifier(server->name), name)
					 : errhint("GRANT EXECUTE ON FUNCTION msgext.can_consume() TO %s;",
							   name)));
}

static bool
may_log_in(Oid role)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool may = HeapTupleIsValid(tuple) &&
			   ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin &&
			   msgext_database_aclcheck(MyDatabaseId, role, ACL_CONNECT) == ACLCHECK_OK;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return may;
}

bool
msgext_access_console(Oid login, Oid role)
{
	return may_log_in(login) && SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)) &&
		   msgext_may_set_role(login, role) && has_right(role, RIGHT_CONSOLE);
}

bool
msgext_access_message(MsgAccess access, Oid sender, const char *name, bool foreign,
					  Oid server)
{
	return msgext_access_message_as(GetUserId(), access, sender, name, foreign, server);
}

bool
msgext_access_message_as(Oid role, MsgAccess access, Oid sender, const char *name,
						 bool foreign, Oid server)
{
	char *current;

	if (superuser_arg(role))
		return true;
	current = GetUserNameFromId(sender, true);

	/* In another database the oid may have been another role's: by both. */
	if (current != NULL && (!foreign || strcmp(current, name) == 0) &&
		has_privs_of_role(role, sender))
		return true;
	switch (access)
	{
		case MSG_ACCESS_SEE:
			return has_right(role, RIGHT_READ);
		case MSG_ACCESS_PAYLOAD:
			return has_right(role, RIGHT_READ_PAYLOAD);
		case MSG_ACCESS_CHANGE:
			return OidIsValid(server) && has_right(role, RIGHT_OPERATE) &&
				   may_use(server, role);
	}
	return false;
}
