/*
 * refresh_token.c
 *		Where a rotated refresh token is kept: see refresh_token.h.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "storage/fd.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/base/text.h"
#include "pg/catalog/refresh_token.h"

/* Beside the old one, then in its place: no crash leaves half a token. */
static void
store_in_file(const char *path, const char *refresh_token)
{
	char *fresh = psprintf("%s.new", path);
	mode_t mask = umask(S_IRWXG | S_IRWXO);
	FILE *file = AllocateFile(fresh, PG_BINARY_W);

	umask(mask);
	if (file == NULL || fputs(refresh_token, file) == EOF || fputc('\n', file) == EOF ||
		FreeFile(file) != 0)
		ereport(
			ERROR,
			(errcode_for_file_access(),
			 errmsg("could not write the file of option \"refresh_token_file\": %m")));
	durable_rename(fresh, path, ERROR);
}

static void
store_in_mapping(Oid mapping, const char *refresh_token)
{
	Relation rel = table_open(UserMappingRelationId, RowExclusiveLock);
	HeapTuple tuple = SearchSysCacheCopy1(USERMAPPINGOID, ObjectIdGetDatum(mapping));
	Datum values[Natts_pg_user_mapping] = {0};
	bool nulls[Natts_pg_user_mapping] = {false};
	bool replaces[Natts_pg_user_mapping] = {false};
	DefElem *option = makeDefElem(
		"refresh_token", (Node *) makeString(msgext_from_utf8(refresh_token)), -1);
	bool isnull;
	Datum old;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "user mapping %u is gone", mapping);
	old = SysCacheGetAttr(USERMAPPINGOID, tuple, Anum_pg_user_mapping_umoptions, &isnull);
	option->defaction = DEFELEM_SET;
	values[Anum_pg_user_mapping_umoptions - 1] = transformGenericOptions(
		UserMappingRelationId, isnull ? PointerGetDatum(NULL) : old, list_make1(option),
		InvalidOid);
	replaces[Anum_pg_user_mapping_umoptions - 1] = true;
	tuple = heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls, replaces);
	CatalogTupleUpdate(rel, &tuple->t_self, tuple);
	table_close(rel, NoLock);
}

/* The first refresh token came from the mapping, or from the file it names. */
void
msgext_refresh_token_store(const MsgAccount *account, const char *refresh_token)
{
	const char *stored = msgext_conn_option(&account->conn, "refresh_token");

	if (stored == NULL || strcmp(stored, refresh_token) == 0)
		return;
	if (account->refresh_file != NULL)
		store_in_file(account->refresh_file, refresh_token);
	else
		store_in_mapping(account->mapping, refresh_token);
}
