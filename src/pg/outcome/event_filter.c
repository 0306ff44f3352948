/*
 * event_filter.c
 *		Which events a consumer wants: see event_filter.h.
 */
#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/builtins.h"

#include "core/lifecycle.h"
#include "pg/outcome/event_filter.h"

/*
 * Processes of ours read the filters of all roles again and again, and compare each event
 * with them.
 */
#define FILTER_MAX_BYTES 8192
#define LIST_MAX 100

static void
refuse(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("filter of events is not valid"), errdetail("%s", detail)));
}

static List *
texts(const char *key, const JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue element;
	List *list = NIL;

	if (value->type == jbvString)
		return list_make1(pnstrdup(value->val.string.val, value->val.string.len));
	if (value->type != jbvBinary)
		refuse(psprintf("\"%s\" must be a text or a list of texts.", key));
	iterator = JsonbIteratorInit(value->val.binary.data);
	if (JsonbIteratorNext(&iterator, &element, false) != WJB_BEGIN_ARRAY)
		refuse(psprintf("\"%s\" must be a text or a list of texts.", key));
	while ((token = JsonbIteratorNext(&iterator, &element, true)) == WJB_ELEM)
	{
		if (element.type != jbvString)
			refuse(psprintf("\"%s\" must be a text or a list of texts.", key));
		list = lappend(list, pnstrdup(element.val.string.val, element.val.string.len));
	}
	if (list == NIL)
		refuse(psprintf("The list of \"%s\" is empty.", key));
	if (list_length(list) > LIST_MAX)
		refuse(psprintf("The list of \"%s\" has more than %d texts.", key, LIST_MAX));
	return list;
}

static void
check_states(List *states)
{
	ListCell *cell;
	MsgState state;

	foreach (cell, states)
		if (!msgext_state_parse(lfirst(cell), &state))
			refuse(psprintf("\"%s\" is no state of a message.", (char *) lfirst(cell)));
}

/* Those of msgext.event, and of pushes. Nobody is told of "queued". */
static void
check_kinds(List *kinds)
{
	static const char *const known[] = {
		"answer",  "interrupted", "status",	   "callback", "poll_ended",
		"expired", "cancelled",	  "retried",   "closed",   "replayed",
		"replays", "replaced",	  "forgotten", "invalid",  MSG_KIND_PUSH};
	ListCell *cell;

	foreach (cell, kinds)
	{
		int i = 0;

		while (i < lengthof(known) && strcmp(lfirst(cell), known[i]) != 0)
			i++;
		if (i == lengthof(known))
			refuse(psprintf("\"%s\" is no kind of an event that a consumer is told of.",
							(char *) lfirst(cell)));
	}
}

/* Whose pushes are taken is said in words: each is for one consumer alone. */
static void
check_pushes(MsgEventFilter *filter)
{
	ListCell *cell;

	foreach (cell, filter->kinds)
		filter->pushes |= strcmp(lfirst(cell), MSG_KIND_PUSH) == 0;
	if (filter->pushes && (list_length(filter->kinds) != 1 || filter->servers == NIL ||
						   filter->states != NIL || filter->codes != NIL))
		refuse("Kind \"push\" goes with a \"server\", and with nothing else.");
}

MsgEventFilter *
msgext_event_filter_read(Jsonb *filter)
{
	MsgEventFilter *read = palloc0(sizeof(MsgEventFilter));
	JsonbIterator *iterator;
	JsonbValue value;

	if (filter == NULL)
		return read;
	if (VARSIZE(filter) > FILTER_MAX_BYTES)
		refuse(psprintf("It is larger than %d bytes.", FILTER_MAX_BYTES));
	if (!JB_ROOT_IS_OBJECT(filter))
		refuse("It must be an object.");
	iterator = JsonbIteratorInit(&filter->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_KEY)
	{
		char *key = pnstrdup(value.val.string.val, value.val.string.len);
		List *list;

		(void) JsonbIteratorNext(&iterator, &value, true);
		list = texts(key, &value);
		if (strcmp(key, "server") == 0)
			read->servers = list;
		else if (strcmp(key, "kind") == 0)
			read->kinds = list;
		else if (strcmp(key, "state") == 0)
			read->states = list;
		else if (strcmp(key, "code") == 0)
			read->codes = list;
		else
			refuse(psprintf("There is no \"%s\" to filter by; there are server, kind, "
							"state and code.",
							key));
	}
	check_states(read->states);
	check_kinds(read->kinds);
	check_pushes(read);
	return read;
}

static bool
takes(List *wanted, const char *text)
{
	ListCell *cell;

	if (wanted == NIL)
		return true;
	foreach (cell, wanted)
		if (text != NULL && strcmp(lfirst(cell), text) == 0)
			return true;
	return false;
}

bool
msgext_event_filter_takes_row(const MsgEventFilter *filter, const char *kind,
							  const char *state, const char *code)
{
	return takes(filter->kinds, kind) && takes(filter->states, state) &&
		   takes(filter->codes, code);
}

bool
msgext_event_filter_takes_server(const MsgEventFilter *filter, const char *server)
{
	return takes(filter->servers, server);
}
