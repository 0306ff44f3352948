/*
 * personium.c
 *		Personium's message API as far as a sender needs it: __message/send and the
 *		sender's copies under __ctl/SentMessage. Every name is a cell.
 *
 * Owns the order of things inside the server: a message is checked, goes to each of its
 * targets, and only then is its id looked at and the copy stored. What a request must be
 * is in personium_check.c, who may ask in personium_login.c, what cells remember in
 * personium_store.c. Knows nothing of sockets and delays; the faults of targets it asks
 * the script for.
 */
#define _GNU_SOURCE /* memmem */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oauth.h"
#include "personium.h"
#include "script.h"
#include "timer.h"

#define PREFIX "/personium/"
#define TARGET "target"
#define SENT_MESSAGE "__ctl/SentMessage('"

/* Is the undocumented "__id" heeded, or a new id made in any case? */
static bool heeds_id = true;

/* The cell of the path; answers if its name is none. */
bool
personium_cell(const Request *request, PersoniumCell *cell, Reply *reply)
{
	const char *host = request_header(request, "Host");
	const char *name = request->path + strlen(PREFIX);
	size_t len = strcspn(name, "/");

	/* "a letter or a digit, then also - and _, 128 characters" */
	if (len == 0 || len > PERSONIUM_CELL_MAX ||
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") <
			len ||
		*name == '_' || *name == '-')
	{
		personium_refuse(reply, NULL, "PR404-DV-0003", "Cell not found.");
		return false;
	}
	memcpy(cell->name, name, len);
	cell->name[len] = '\0';
	snprintf(cell->url, sizeof(cell->url), "http://%.64s" PREFIX "%s/",
			 host != NULL ? host : "127.0.0.1", cell->name);
	return true;
}

/* "PR409-OD-0003": codes begin with their status. */
unsigned
personium_status_of(const char *code)
{
	unsigned status = 0;

	if (strncmp(code, "PR", 2) == 0)
		status = (unsigned) strtoul(code + 2, NULL, 10);
	return status >= 200 && status <= 599 ? status : 400;
}

void
personium_refuse(Reply *reply, const PersoniumCell *cell, const char *code,
				 const char *text)
{
	unsigned status = personium_status_of(code);
	char realm[sizeof(cell->url) + 32];

	reply_text(reply, status, "{\"code\":");
	reply->content_type = PERSONIUM_JSON_TYPE;
	buf_json_string(&reply->body, code, strlen(code));
	buf_puts(&reply->body, ",\"message\":{\"lang\":\"en\",\"value\":");
	buf_json_string(&reply->body, text, strlen(text));
	buf_puts(&reply->body, "}}");
	if (status == 401 && cell != NULL)
	{
		snprintf(realm, sizeof(realm), "Bearer realm=\"%s\"", cell->url);
		reply_header(reply, "WWW-Authenticate", realm);
	}
}

/* Targets */

/* What the ledger keeps of a delivery: the message as a target gets it. */
static json_t *
received_message(const Request *request, const PersoniumCell *cell,
				 const PersoniumMessage *message)
{
	static const char *const names[] = {
		"InReplyTo",	 "Type",	 "Title",			"Body",
		"Priority",		 "BoxBound", "RequestRelation", "RequestRelationTarget",
		"RequestObjects"};
	const char *key = request_header(request, "X-Personium-RequestKey");
	json_t *out = json_pack("{s:s}", "From", cell->url);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		json_t *value = json_object_get(message->root, names[i]);

		if (value != NULL)
			json_object_set(out, names[i], value);
	}
	if (key != NULL)
		json_object_set_new(out, "request_key", json_string(key));
	return out;
}

static int
append(const char *data, size_t len, void *out)
{
	buf_append(out, data, len);
	return 0;
}

static uint64_t
record(Request *request, const char *id, const char *to, const char *code,
	   const json_t *body)
{
	Buf text = {0};
	LedgerLine line = {.provider = personium_provider.name,
					   .text_id = id,
					   .to = to,
					   .code = code,
					   .body_is_json = body != NULL};
	uint64_t n;

	if (body != NULL)
		json_dump_callback(body, append, &text, JSON_COMPACT);
	else
		buf_append(&text, request->body.data, request->body.len);
	line.body = text.data;
	line.body_len = text.len;
	n = ledger_add(&request->entries, &line);
	buf_free(&text);
	return n;
}

static void
add_result(json_t *results, const char *to, const char *code, const char *reason)
{
	json_t *text = json_string(reason);

	if (text == NULL)
		text = json_string("The script gives a reason that is not UTF-8.");
	json_array_append_new(
		results, json_pack("{s:s, s:s, s:o}", "To", to, "Code", code, "Reason", text));
}

/*
 * The sending cell's request to one target. False if it could not be made, which ends
 * the whole call. A receiving cell refuses an id that it knows, whosever it is.
 */
static bool
deliver(Request *request, const char *to, const char *id, const json_t *body,
		json_t *results)
{
	Fault fault = {.kind = FAULT_NONE, .retry_after = -1};
	uint64_t known = personium_received(to, id);
	char status[16];
	bool answered;

	if (script_pick(personium_provider.name, TARGET, to, strlen(to), &fault))
		tally.faults++;
	if (fault.kind != FAULT_STATUS && fault.kind != FAULT_DROP_BEFORE)
	{
		if (known == 0)
			personium_receive(to, id, record(request, id, to, NULL, body));
		else
		{
			/* Not among the lines of this request, which has not made it. */
			LedgerRange other = {0};

			ledger_repeated(&other, known);
		}
	}
	answered = fault.kind != FAULT_DROP_BEFORE && fault.kind != FAULT_DROP_AFTER;
	if (answered && (fault.kind == FAULT_STATUS || fault.kind == FAULT_TAKEN_STATUS))
	{
		snprintf(status, sizeof(status), "%ld", fault.number);
		add_result(results, to, status, fault.text != NULL ? fault.text : "By script.");
	}
	else if (answered && fault.kind == FAULT_NONE && known != 0)
		add_result(results, to, "409", "The entity already exists.");
	else if (answered && fault.kind == FAULT_NONE)
		add_result(results, to, "201", "Created.");
	fault_free(&fault);
	return answered;
}

/* For a benchmark: counted, and neither kept nor delivered, unless it is to be timed. */
static void
count_message(Request *request, const PersoniumMessage *message, const char *id,
			  const json_t *body, json_t *results)
{
	const Buf *text = &request->body;
	int i;

	for (i = 0; i < message->targets_len; i++)
	{
		if (settings.stamp != NULL &&
			memmem(text->data, text->len, settings.stamp, strlen(settings.stamp)) != NULL)
			record(request, id, message->targets[i], NULL, body);
		else
			tally.accepted++;
		add_result(results, message->targets[i], "201", "Created.");
	}
}

/* The sender's copy */

static void
put_echo(json_t *out, const json_t *root, const char *name, json_t *otherwise)
{
	json_t *value = json_object_get(root, name);

	if (value == NULL || json_is_null(value))
		json_object_set_new(out, name, otherwise);
	else
	{
		json_decref(otherwise);
		json_object_set(out, name, value);
	}
}

/* "Response sample" of "Message send", member by member. */
static void
write_copy(const PersoniumMessage *message, const char *id, const char *uri,
		   json_t *results, PersoniumSent *sent)
{
	const json_t *root = message->root;
	int64_t now = unix_ms();
	json_t *out = json_object();
	char date[64];

	snprintf(date, sizeof(date), "/Date(%lld)/", (long long) now);
	snprintf(sent->etag, sizeof(sent->etag), "W/\"1-%lld\"", (long long) now);
	json_object_set_new(out, "__metadata",
						json_pack("{s:s, s:s, s:s}", "uri", uri, "etag", sent->etag,
								  "type", "CellCtl.SentMessage"));
	json_object_set_new(out, "__id", json_string(id));
	put_echo(out, root, "InReplyTo", json_null());
	put_echo(out, root, "To", json_null());
	put_echo(out, root, "ToRelation", json_null());
	put_echo(out, root, "Type", json_string("message"));
	put_echo(out, root, "Title", json_string(""));
	put_echo(out, root, "Body", json_string(""));
	put_echo(out, root, "Priority", json_integer(3));
	put_echo(out, root, "RequestRelation", json_null());
	put_echo(out, root, "RequestRelationTarget", json_null());
	json_object_set_new(out, "_Box.Name",
						message->box_bound ? json_string("app") : json_null());
	json_object_set(out, "Result", results);
	json_object_set_new(out, "__published", json_string(date));
	json_object_set_new(out, "__updated", json_string(date));
	out = json_pack("{s:{s:o}}", "d", "results", out);
	json_dump_callback(out, append, &sent->answer, JSON_COMPACT | JSON_ESCAPE_SLASH);
	json_decref(out);
}

static void
answer_copy(Reply *reply, unsigned status, const PersoniumSent *sent)
{
	reply->status = status;
	reply->content_type = PERSONIUM_JSON_TYPE;
	reply_header(reply, "ETag", sent->etag);
	reply_header(reply, "DataServiceVersion", "2.0");
	reply_header(reply, "Access-Control-Allow-Origin", "*");
	reply_header(reply, "X-Personium-Version", personium_version());
	buf_append(&reply->body, sent->answer.data, sent->answer.len);
}

/* POST __message/send */

/* "128 letters, digits, - and _" */
static bool
request_key_is_fine(const Request *request)
{
	const char *key = request_header(request, "X-Personium-RequestKey");

	return key == NULL ||
		   (strlen(key) <= 128 &&
			key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
							"0123456789-_")] == '\0');
}

/* To every target, in order; then the id is looked at, then the copy is stored. */
static void
take_message(Request *request, Reply *reply, const PersoniumCell *cell,
			 const PersoniumMessage *message)
{
	json_t *body = received_message(request, cell, message);
	json_t *results = json_array();
	PersoniumSent sent = {.answer = {0}};
	char id[PERSONIUM_ID_LEN + 1];
	char uri[sizeof(cell->url) + 64];
	bool connected = true;
	int i;

	if (heeds_id && message->id != NULL)
		snprintf(id, sizeof(id), "%s", message->id);
	else
		random_text(id, PERSONIUM_ID_LEN, hex_alphabet);
	if (!settings.checks)
		count_message(request, message, id, body, results);
	for (i = 0; settings.checks && connected && i < message->targets_len; i++)
		connected = deliver(request, message->targets[i], id, body, results);

	if (!connected)
		personium_refuse(reply, cell, "PR500-SM-0001", "Sent Message connection error.");
	else if (settings.checks && personium_sent(cell->name, id) != NULL)
		personium_refuse(reply, cell, "PR409-OD-0003", "The entity already exists.");
	else
	{
		snprintf(uri, sizeof(uri), "%s" SENT_MESSAGE "%s')", cell->url, id);
		write_copy(message, id, uri, results, &sent);
		answer_copy(reply, 201, &sent);
		reply_header(reply, "Location", uri);
		if (settings.checks)
			personium_keep_sent(cell->name, id, &sent);
	}
	buf_free(&sent.answer);
	json_decref(body);
	json_decref(results);
}

static void
handle_send(Request *request, Reply *reply)
{
	PersoniumMessage message = {0};
	PersoniumObjection objection;
	PersoniumCell cell;
	bool schema;

	if (!personium_cell(request, &cell, reply) ||
		!personium_authorized(request, &cell, &schema, reply))
		return;
	if (!request_key_is_fine(request))
	{
		personium_refuse(reply, &cell, "PR400-EV-0002",
						 "Request header is invalid [X-Personium-RequestKey].");
		return;
	}
	objection = personium_read(&request->body, schema, &message);
	if (objection.code != NULL)
	{
		record(request, NULL, NULL, objection.code, message.root);
		personium_refuse(reply, &cell, objection.code, objection.text);
	}
	else
		take_message(request, reply, &cell, &message);
	personium_message_free(&message);
}

/* GET __ctl/SentMessage('id') */
static void
handle_sent(Request *request, Reply *reply)
{
	const char *from = strstr(request->path, SENT_MESSAGE) + strlen(SENT_MESSAGE);
	const PersoniumSent *sent;
	PersoniumCell cell;
	char *id;
	bool schema;

	tally.status_queries++;
	if (!personium_cell(request, &cell, reply) ||
		!personium_authorized(request, &cell, &schema, reply))
		return;
	id = strndup(from, strlen(from) - strlen("')"));
	sent = id != NULL ? personium_sent(cell.name, id) : NULL;
	if (sent != NULL)
		answer_copy(reply, 200, sent);
	else
		personium_refuse(reply, &cell, "PR404-OD-0002", "No such entity.");
	free(id);
}

/* The provider's table */

static void
refuse(Request *request, Reply *reply, const char *code, const char *description)
{
	PersoniumCell cell;

	if (strcmp(request->route->op, "login") == 0)
		personium_login_refuse(request, reply, code, description);
	else if (personium_cell(request, &cell, reply))
		personium_refuse(reply, &cell, code, description);
}

static void
reject(Request *request, Reply *reply, const char *code)
{
	if (strcmp(request->route->op, "send") == 0)
		record(request, NULL, NULL, code, NULL);
	refuse(request, reply, code, "The request was refused.");
}

static bool
set_option(const char *option, const char *value)
{
	if (strcmp(option, "message-id") != 0)
		return personium_login_option(option, value) ||
			   personium_check_option(option, value);
	heeds_id = strcmp(value, "on") == 0;
	return heeds_id || strcmp(value, "off") == 0;
}

static void
stop(void)
{
	personium_forget();
	personium_login_stop();
	personium_check_stop();
}

static const char *const part_actions[] = {"status",	  "taken-status", "missing",
										   "drop-before", "drop-after",	  NULL};

static const Route routes[] = {{"POST", "/*/__message/send", "send", handle_send},
							   {"GET", "/*/" SENT_MESSAGE "*')", "status", handle_sent},
							   {"POST", "/*/__token", "login", personium_token},
							   {NULL, NULL, NULL, NULL}};

const Provider personium_provider = {.name = "personium",
									 .prefix = "/personium",
									 .routes = routes,
									 .part = TARGET,
									 .part_actions = part_actions,
									 .start = personium_login_start,
									 .stop = stop,
									 .reset = personium_forget,
									 .expire = personium_expire,
									 .set_option = set_option,
									 .refuse = refuse,
									 .reject = reject};
