/*
 * consent.h
 *		May a template be used for a table of another role's? Both owners must say so.
 *
 * A trigger names its template, and a name may have become another's: that there is a
 * trigger says nothing.
 */
#ifndef MSGEXT_CONSENT_H
#define MSGEXT_CONSENT_H

#include "postgres.h"

/*
 * Does the template's owner consent? Who owns a table puts what he likes into it, and so into
 * a message in the other's name. He is the same, or has TRIGGER on the template.
 */
extern bool msgext_consent_of_template(Oid template, Oid template_owner, Oid table_owner);

/*
 * Does the table's? Who owns a template sends what is in the rows wherever he likes. He is
 * the same, or may read all rows of the table, or of the one it is a partition of.
 */
extern bool msgext_consent_of_table(Oid template_owner, Oid table, Oid table_owner);

#endif /* MSGEXT_CONSENT_H */
