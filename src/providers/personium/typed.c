/*
 * typed.c
 *		Type, and what a request for a relation, a role or a rule holds, in both
 *		generations: see typed.h.
 *
 * Up to 1.5.8 a request has RequestRelation and RequestRelationTarget, from 1.6.0 on a
 * list of RequestObjects. The two have nothing in common but Type.
 */
#include "providers/personium/typed.h"

#include <stdio.h>
#include <string.h>

#include "core/lengthof.h"
#include "providers/personium/cell.h"

static const char *const older_types[] = {
	"message",		  "req.relation.build", "req.relation.break",
	"req.role.grant", "req.role.revoke",	NULL};
static const char *const newer_types[] = {"message", "request", NULL};

static const char *const object_types[] = {
	"relation.add", "relation.remove", "role.add", "role.remove",
	"rule.add",		"rule.remove",	   NULL};

static bool
is_one_of(const MsgJson *node, const char *const *words)
{
	for (; *words != NULL; words++)
	{
		if (msgext_json_equals(node, *words))
			return true;
	}
	return false;
}

static bool
starts_with(const MsgJson *node, const char *prefix)
{
	return node->len >= strlen(prefix) && memcmp(node->text, prefix, strlen(prefix)) == 0;
}

/* A class URL: "…/__relation/__/name" or "…/__role/__/name", as the kind is. */
static bool
is_class_url(const MsgJson *node, bool role, bool local)
{
	const char *folder = role ? "/__role/__/" : "/__relation/__/";
	const char *at;

	if (!msgext_personium_is_cell(node->text, node->len, local))
		return false;
	at = strstr(node->text, folder);
	return at != NULL && at[strlen(folder)] != '\0';
}

/* "リレーションクラスURL、またはリレーション名、またはロールクラスURL、またはロール名" */
static bool
is_class(const MsgJson *node, bool role)
{
	return is_class_url(node, role, false) ||
		   msgext_personium_is_relation(node->text, node->len);
}

static bool
check_older(const MsgJson *const *members, bool request, bool role, MsgError *error)
{
	const MsgJson *relation = members[PERSONIUM_REQUEST_RELATION];
	const MsgJson *target = members[PERSONIUM_REQUEST_TARGET];

	if (request && relation == NULL)
		return msgext_error(error, "PR400-OD-0009", "RequestRelation",
							"is missing: a request of this type needs it");
	if (request && target == NULL)
		return msgext_error(error, "PR400-OD-0009", "RequestRelationTarget",
							"is missing: a request of this type needs it");
	if (relation != NULL && relation->type != MSG_JSON_STRING)
		return msgext_personium_wrong_type(error, "RequestRelation", "a string");
	if (target != NULL && target->type != MSG_JSON_STRING)
		return msgext_personium_wrong_type(error, "RequestRelationTarget", "a string");
	if (relation != NULL &&
		(request ? !is_class(relation, role)
				 : !is_class(relation, false) && !is_class(relation, true)))
		return msgext_error(error, "PR400-OD-0006", "RequestRelation",
							"must be a name, or a URL with /%s/__/ and a name in it",
							role ? "__role" : "__relation");
	if (target != NULL && !msgext_personium_is_cell(target->text, target->len, false))
		return msgext_error(error, "PR400-OD-0049", "RequestRelationTarget",
							"must be the http:// or https:// URL of a cell");
	return true;
}

/* One of RequestObjects, by its names; null is the same as absent. */
typedef struct Object
{
	const MsgJson *type;
	const MsgJson *name;
	const MsgJson *class_url;
	const MsgJson *target_url;
	const MsgJson *action;
	int index;
	MsgError *error;
} Object;

static bool
refuse(const Object *object, const char *code, const char *member, const char *why)
{
	char path[128];

	snprintf(path, sizeof(path), "RequestObjects[%d]%s%s", object->index,
			 *member != '\0' ? "." : "", member);
	return msgext_error(object->error, code, path, "%s", why);
}

/* Further members are of rules, whose conditions are strings as well. */
static bool
read_object(const MsgJson *node, Object *object)
{
	const struct
	{
		const char *name;
		const MsgJson **value;
	} known[] = {{"RequestType", &object->type},
				 {"Name", &object->name},
				 {"ClassUrl", &object->class_url},
				 {"TargetUrl", &object->target_url},
				 {"Action", &object->action}};
	bool rule = msgext_json_is(msgext_json_get(node, "RequestType"), MSG_JSON_STRING) &&
				starts_with(msgext_json_get(node, "RequestType"), "rule.");
	const MsgJson *member;
	size_t i;

	if (node->type != MSG_JSON_OBJECT)
		return refuse(object, "PR400-OD-0012", "", "must be an object");
	for (member = node->first; member != NULL; member = member->next)
	{
		if (member->type == MSG_JSON_NULL)
			continue;
		if (member->type != MSG_JSON_STRING)
			return refuse(object, "PR400-OD-0012", member->name, "must be a string");
		for (i = 0; i < lengthof(known); i++)
		{
			if (strcmp(known[i].name, member->name) == 0)
				break;
		}
		if (i < lengthof(known))
			*known[i].value = member;
		if (!rule && (i == lengthof(known) || object->action != NULL))
			return refuse(object, "PR400-OD-0014", member->name,
						  "is not a member of a request of this type");
	}
	return true;
}

static bool
check_class(const Object *object)
{
	bool role = starts_with(object->type, "role.");

	if ((object->name != NULL) == (object->class_url != NULL))
		return refuse(object, "PR400-OD-0006", object->name != NULL ? "ClassUrl" : "Name",
					  "must be exactly one of Name and ClassUrl");
	if (object->name != NULL &&
		!msgext_personium_is_relation(object->name->text, object->name->len))
		return refuse(object, "PR400-OD-0006", "Name",
					  "must be 1 to 128 letters, digits and -_+:, and begin with neither "
					  "_ nor :");
	if (object->class_url != NULL && !is_class_url(object->class_url, role, true))
		return refuse(object, "PR400-OD-0006", "ClassUrl",
					  role ? "must be a URL with /__role/__/ and a name in it"
						   : "must be a URL with /__relation/__/ and a name in it");
	if (object->target_url == NULL)
		return refuse(object, "PR400-OD-0009", "TargetUrl", "is missing");
	if (!msgext_personium_is_cell(object->target_url->text, object->target_url->len,
								  true))
		return refuse(object, "PR400-OD-0049", "TargetUrl",
					  "must be the http:// or https:// URL of a cell");
	return true;
}

static bool
check_object(const MsgJson *node, int index, MsgError *error)
{
	Object object = {.index = index, .error = error};

	if (!read_object(node, &object))
		return false;
	if (object.type == NULL)
		return refuse(&object, "PR400-OD-0009", "RequestType", "is missing");
	if (!is_one_of(object.type, object_types))
		return refuse(&object, "PR400-OD-0006", "RequestType",
					  "must be relation.add, relation.remove, role.add, role.remove, "
					  "rule.add or rule.remove");
	if (!starts_with(object.type, "rule."))
		return check_class(&object);
	if (msgext_json_equals(object.type, "rule.add") && object.action == NULL)
		return refuse(&object, "PR400-OD-0009", "Action", "is missing");
	if (msgext_json_equals(object.type, "rule.remove") && object.name == NULL)
		return refuse(&object, "PR400-OD-0009", "Name", "is missing");
	return true;
}

static bool
check_newer(const MsgJson *const *members, bool request, MsgError *error)
{
	const MsgJson *objects = members[PERSONIUM_REQUEST_OBJECTS];
	const MsgJson *object;
	int index = 0;

	if (objects == NULL)
		return !request || msgext_error(error, "PR400-OD-0009", "RequestObjects",
										"is missing: a request needs it");
	if (objects->type != MSG_JSON_ARRAY)
		return msgext_personium_wrong_type(error, "RequestObjects", "a list");
	if (request && objects->count == 0)
		return msgext_error(error, "PR400-OD-0006", "RequestObjects",
							"must not be empty");
	for (object = objects->first; object != NULL; object = object->next)
	{
		if (!check_object(object, index++, error))
			return false;
	}
	return true;
}

bool
msgext_personium_typed(const MsgJson *const *members, bool newer, MsgError *error)
{
	const MsgJson *type = members[PERSONIUM_TYPE];
	bool request = type != NULL && !msgext_json_equals(type, "message");

	if (type != NULL && type->type != MSG_JSON_STRING)
		return msgext_personium_wrong_type(error, "Type", "a string");
	if (type != NULL && !is_one_of(type, newer ? newer_types : older_types))
		return msgext_error(error, "PR400-OD-0006", "Type", "%s",
							newer ? "must be message or request (the server's "
									"generation is 1.6)"
								  : "must be message, req.relation.build, "
									"req.relation.break, req.role.grant or "
									"req.role.revoke (the server's generation is 1.5)");
	if (newer)
		return check_newer(members, request, error);
	return check_older(members, request, request && starts_with(type, "req.role."),
					   error);
}
