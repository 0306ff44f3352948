/*
 * template_version.h
 *		Versions of templates: rows of msgext.template.
 *
 * Knows what is in a version, not what it means. Whoever may write one is the caller's
 * to check.
 */
#ifndef MSGEXT_TEMPLATE_VERSION_H
#define MSGEXT_TEMPLATE_VERSION_H

#include "pg/store/table.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* NULL where there is none; in the memory context it was read in. */
typedef struct MsgTemplateVersion
{
	char *name;
	int32 version;
	char *created_by;
	TimestampTz created_at;
	int16 priority;
	Jsonb *message;
	char *lookup;
	char *operation_id;
	char *on_conflict;
	ArrayType *skip_when_null;
	char *on_invalid;
	Interval *expires_in;
	Interval *debounce;
	Interval *max_wait;
	char *quiet_hours;
	char *time_zone;
} MsgTemplateVersion;

extern MsgTable *msgext_template_version_open(bool writable);

/* The highest version of that name; false when there is none. */
extern bool msgext_template_version_find(MsgTable *templates, const char *name,
										 Snapshot snapshot, MsgTemplateVersion *version);
extern void msgext_template_version_add(MsgTable *templates,
										const MsgTemplateVersion *version);
/* Do both say the same, whoever made them and when? */
extern bool msgext_template_version_same(const MsgTemplateVersion *one,
										 const MsgTemplateVersion *other);
/* All versions of that name. */
extern void msgext_template_version_remove(MsgTable *templates, const char *name);

#endif /* MSGEXT_TEMPLATE_VERSION_H */
