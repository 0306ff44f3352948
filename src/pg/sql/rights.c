/*
 * rights.c
 *		The rights that views and policies ask for.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "pg/catalog/access.h"
#include "pg/store/origin.h"

PG_FUNCTION_INFO_V1(msgext_may_see);

Datum
msgext_may_see(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(msgext_access_may_see(PG_GETARG_OID(0),
										 text_to_cstring(PG_GETARG_TEXT_PP(1)),
										 PG_GETARG_INT64(2) != msgext_origin()));
}
