/*
 * access.c
 *		Who may do what: see access.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "pg/base/compat.h"
#include "pg/catalog/access.h"

MsgServer *
msgext_access_server(const char *name)
{
	MsgServer *server = msgext_server_find(name);

	if (server != NULL)
		return server;
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
	AclResult result = msgext_server_aclcheck(server->oid, GetUserId(), ACL_USAGE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_SERVER, server->name);
}

void
msgext_access_own(const MsgServer *server)
{
	if (!msgext_server_ownercheck(server->oid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_FOREIGN_SERVER, server->name);
}

void
msgext_access_receive(void)
{
	Oid arguments[] = {NAMEOID, BYTEAOID, JSONBOID};
	List *name =
		list_make2(makeString("msgext"), makeString(pstrdup("receive_callback")));
	AclResult result = msgext_function_aclcheck(LookupFuncName(name, 3, arguments, false),
												GetUserId(), ACL_EXECUTE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, "receive_callback");
}

bool
msgext_access_may_see(Oid sender, const char *name, bool foreign)
{
	char *current = GetUserNameFromId(sender, true);

	if (superuser())
		return true;

	/* Of another database, where the oid may be another role's: by both. */
	if (current == NULL || (foreign && strcmp(current, name) != 0))
		return false;
	return has_privs_of_role(GetUserId(), sender);
}
