/*
 * consent.c
 *		May a template be used for a table of another role's? See consent.h.
 */
#include "postgres.h"

#include "utils/acl.h"
#include "utils/rls.h"

#include "pg/trigger/consent.h"
#include "pg/trigger/owner.h"
#include "pg/trigger/row_event.h"

bool
msgext_consent_of_template(Oid template, Oid template_owner, Oid table)
{
	Oid owner = msgext_owner_of(table);

	return owner == template_owner ||
		   pg_class_aclcheck(template, owner, ACL_TRIGGER) == ACLCHECK_OK;
}

/* Row-level security may hide some of them. */
static bool
may_read_all(Oid table, Oid role)
{
	return pg_class_aclcheck(table, role, ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(table, role, true) != RLS_ENABLED;
}

bool
msgext_consent_of_table(Oid template_owner, Oid table)
{
	return template_owner == msgext_owner_of(table) ||
		   may_read_all(table, template_owner) ||
		   may_read_all(msgext_table_root(table), template_owner);
}
