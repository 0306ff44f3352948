/*
 * consent.c
 *		May a template be used for a table of another role's? See consent.h.
 */
#include "postgres.h"

#include "utils/acl.h"
#include "utils/rls.h"

#include "pg/trigger/consent.h"
#include "pg/trigger/row_event.h"

bool
msgext_consent_of_template(Oid template, Oid template_owner, Oid table_owner)
{
	return table_owner == template_owner ||
		   pg_class_aclcheck(template, table_owner, ACL_TRIGGER) == ACLCHECK_OK;
}

/* Row-level security may hide some of them. */
static bool
may_read_all(Oid table, Oid role)
{
	return pg_class_aclcheck(table, role, ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(table, role, true) != RLS_ENABLED;
}

bool
msgext_consent_of_table(Oid template_owner, Oid table, Oid table_owner)
{
	return template_owner == table_owner || may_read_all(table, template_owner) ||
		   may_read_all(msgext_table_root(table), template_owner);
}
