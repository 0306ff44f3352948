/*
 * edna.c
 *		edna's XML interface: a packet of messages in, an answer about each of them
 *		out; and the queries for their statuses.
 *
 * Owns the messages that it has accepted, and who may send. How packets are read is in
 * edna_packet.c, what is objected to in edna_check.c, what answers look like in
 * edna_answer.c and edna_status.c. Credentials travel in the packet: they are compared
 * and forgotten, and no packet is ever kept as it came.
 */
#define _GNU_SOURCE /* memmem */

#include <stdlib.h>
#include <string.h>

#include "edna.h"
#include "script.h"

#define BUCKETS 65536
#define ACCOUNTS_MAX 8
#define PROVIDER_ID_NEAR 401722380115904513u
#define NOT_UNIQUE "error-out-message-client-id-not-unique"

typedef struct Account
{
	const char *login;
	const char *password;
} Account;

/* A clientId that was used, "unique for the whole life of the contract". */
typedef struct Taken
{
	struct Taken *next;
	const Account *account;
	uint64_t client_id;
	uint64_t provider_id;
	uint64_t ledger; /* number of its line */
} Taken;

static const char *const statuses[] = {"enqueued",	"delayed", "sent",
									   "delivered", "read",	   "undelivered",
									   "expired",	"failed",  "no-match-template",
									   "cancelled", NULL};

static MessageStore store = {.channels = {{"sms", "sent,delivered", statuses}},
							 .channels_len = 1,
							 .changed = edna_push};

static Account accounts[ACCOUNTS_MAX] = {{"tester", "111111"}};
static int accounts_len = 1;
static bool accounts_given;
static long max_messages = 1000;

static Taken *taken[BUCKETS];
static uint64_t packets;

static const Account *
find_account(const EdnaPacket *packet)
{
	int i;

	for (i = 0; i < accounts_len; i++)
	{
		if (strcmp(accounts[i].login, packet->login) == 0 &&
			strcmp(accounts[i].password, packet->password) == 0)
			return &accounts[i];
	}
	tally.unauthorized++;
	return NULL;
}

static Taken **
bucket_of(uint64_t client_id)
{
	return &taken[(client_id * UINT64_C(0x9E3779B97F4A7C15)) >> 48];
}

static const Taken *
find_taken(const Account *account, uint64_t client_id)
{
	const Taken *known = *bucket_of(client_id);

	while (known != NULL && (known->account != account || known->client_id != client_id))
		known = known->next;
	return known;
}

/* The ledger: a line for each message, one for a packet that was refused as a whole. */

static uint64_t
record(Request *request, const EdnaItem *item, uint64_t provider_id, const char *code)
{
	Buf body = {0};
	char id[24] = "";
	LedgerLine line = {.provider = edna_provider.name,
					   .to = item->fields[EDNA_ADDRESS],
					   .text_id = code == NULL ? id : NULL,
					   .code = code,
					   .body_is_json = true};
	Buf digits = {0};
	uint64_t n;
	int i;

	buf_u64(&digits, provider_id);
	strncat(id, digits.data, sizeof(id) - 1);
	buf_free(&digits);
	buf_puts(&body, "{\"packet\":");
	buf_u64(&body, packets);
	buf_puts(&body, ",\"client_id\":");
	buf_json_string(&body, item->id, strlen(item->id));
	for (i = EDNA_ADDRESS + 1; i < EDNA_FIELDS; i++)
	{
		if (item->fields[i] == NULL)
			continue;
		buf_printf(&body, ",\"%s\":", edna_field_name((EdnaField) i));
		buf_json_string(&body, item->fields[i], strlen(item->fields[i]));
	}
	buf_putc(&body, '}');
	line.body = body.data;
	line.body_len = body.len;
	n = ledger_add(&request->entries, &line);
	buf_free(&body);
	return n;
}

static void
refuse_packet(Request *request, Reply *reply, const EdnaPacket *packet, const char *code)
{
	Buf body = {0};
	LedgerLine line = {
		.provider = edna_provider.name, .code = code, .body_is_json = true};

	buf_puts(&body, "{\"packet\":");
	buf_u64(&body, packets);
	buf_printf(&body, ",\"messages\":%d}", packet->len);
	line.body = body.data;
	line.body_len = body.len;
	ledger_add(&request->entries, &line);
	buf_free(&body);
	edna_answer_refused(reply, EDNA_SEND_ANSWER, code);
}

/* consumeOutMessageRequest */

/* The word "fate=..." of the comment, else of the content; "" is the usual one. */
static const Fate *
find_fate(const EdnaItem *item)
{
	static const EdnaField places[] = {EDNA_COMMENT, EDNA_CONTENT};
	const char *problem;
	Buf wish = {0};
	const Fate *fate;
	size_t i;

	buf_puts(&wish, "");
	for (i = 0; i < sizeof(places) / sizeof(places[0]) && wish.len == 0; i++)
	{
		const char *text = item->fields[places[i]];
		const char *word = text != NULL ? strstr(text, "fate=") : NULL;

		if (word != NULL)
			buf_append(&wish, word + 5, strcspn(word + 5, " \t\r\n"));
	}
	fate = fate_find(&store, wish.data, &problem);
	buf_free(&wish);
	return fate;
}

static const char *
accept(Request *request, const Account *account, const EdnaItem *item, EdnaResult *result)
{
	const Fate *fate = find_fate(item);
	Taken **bucket = bucket_of(result->client_id);
	Taken *new;

	if (fate == NULL)
		return "error-comment-format";
	result->provider_id = message_add(&store, 1, fate, 0)->id;
	new = must_alloc(sizeof(Taken));
	new->account = account;
	new->client_id = result->client_id;
	new->provider_id = result->provider_id;
	new->ledger = record(request, item, result->provider_id, NULL);
	new->next = *bucket;
	*bucket = new;
	return NULL;
}

/* One message of a packet that is good as a whole. */
static void
take(Request *request, const Account *account, const EdnaItem *item, const Fault *fault,
	 EdnaResult *result)
{
	const Taken *known = find_taken(account, result->client_id);
	const char *code;

	result->left_out = fault->kind == FAULT_MISSING;
	if (fault->kind == FAULT_INNER)
		code = fault->text;
	else if (known != NULL)
	{
		ledger_repeated(&request->entries, known->ledger);
		result->provider_id = known->provider_id;
		result->code = NOT_UNIQUE;
		return;
	}
	else
		code = edna_check(item);
	if (code == NULL)
		code = accept(request, account, item, result);
	if (code != NULL)
		record(request, item, 0, code);
	result->code = code != NULL ? code : "ok";
}

/* What a script's rules about single messages are matched with. */
static void
choose_fault(const EdnaItem *item, Fault *fault)
{
	static const EdnaField shown[] = {EDNA_ADDRESS, EDNA_SUBJECT, EDNA_CONTENT,
									  EDNA_COMMENT};
	Buf text = {0};
	size_t i;

	buf_puts(&text, item->id);
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
	{
		buf_putc(&text, '\n');
		if (item->fields[shown[i]] != NULL)
			buf_puts(&text, item->fields[shown[i]]);
	}
	if (script_pick(edna_provider.name, edna_provider.part, text.data, text.len, fault))
		tally.faults++;
	buf_free(&text);
}

/* "The packet is validated as a whole first": one bad number refuses all of it. */
static const char *
check_packet(const EdnaPacket *packet, EdnaResult *results, Fault *faults)
{
	const char *code = packet->len > max_messages ? "error-syntax" : NULL;
	int i;

	for (i = 0; i < packet->len && code == NULL; i++)
	{
		if (!edna_client_id(packet->items[i].id, &results[i].client_id))
			code = "error-out-message-client-id-format";
	}
	for (i = 0; i < packet->len && code == NULL; i++)
	{
		choose_fault(&packet->items[i], &faults[i]);
		if (faults[i].kind == FAULT_CODE)
			code = faults[i].text;
	}
	return code;
}

static void
take_packet(Request *request, Reply *reply, const EdnaPacket *packet,
			const Account *account)
{
	EdnaResult *results = must_alloc((size_t) packet->len * sizeof(EdnaResult));
	Fault *faults = must_alloc((size_t) packet->len * sizeof(Fault));
	const char *code = check_packet(packet, results, faults);
	int i;

	if (code != NULL)
		refuse_packet(request, reply, packet, code);
	else
	{
		for (i = 0; i < packet->len; i++)
			take(request, account, &packet->items[i], &faults[i], &results[i]);
		edna_answer_send(reply, request->oddity, results, packet->len);
	}
	for (i = 0; i < packet->len; i++)
		fault_free(&faults[i]);
	free(faults);
	free(results);
}

/* For a benchmark: what looks like a message is counted and answered, nothing is kept. */
static void
count_packet(const Request *request, Reply *reply)
{
	static const char mark[] = "<outMessage clientId=\"";
	const char *at = request->body.data;
	const char *end = at + request->body.len;
	EdnaResult *results = must_alloc((size_t) max_messages * sizeof(EdnaResult));
	int n = 0;

	while (n < max_messages &&
		   (at = memmem(at, (size_t) (end - at), mark, sizeof(mark) - 1)) != NULL)
	{
		at += sizeof(mark) - 1;
		results[n].client_id = strtoull(at, NULL, 10);
		results[n].provider_id = message_next_id(&store);
		results[n++].code = "ok";
	}
	tally.accepted += (uint64_t) n;
	if (n == 0)
		edna_answer_refused(reply, EDNA_SEND_ANSWER, "error-syntax");
	else
		edna_answer_send(reply, NULL, results, n);
	free(results);
}

static bool
is_stamped(const Buf *body)
{
	return settings.stamp != NULL &&
		   memmem(body->data, body->len, settings.stamp, strlen(settings.stamp)) != NULL;
}

static void
handle_send(Request *request, Reply *reply)
{
	EdnaPacket packet = {0};
	const Account *account;

	packets++;
	if (!settings.checks && !is_stamped(&request->body))
	{
		count_packet(request, reply);
		return;
	}
	if (!edna_read(&request->body, EDNA_SEND, &packet))
		refuse_packet(request, reply, &packet, "error-syntax");
	else if ((account = find_account(&packet)) == NULL)
		refuse_packet(request, reply, &packet, "error-auth");
	else
		take_packet(request, reply, &packet, account);
	edna_packet_free(&packet);
}

/* provideOutMessageDlvStatusRequest */

static void
handle_status(Request *request, Reply *reply)
{
	EdnaPacket packet = {0};

	tally.status_queries++;
	if (!edna_read(&request->body, EDNA_STATUS, &packet))
		edna_answer_refused(reply, EDNA_STATUS_ANSWER, "error-syntax");
	else if (find_account(&packet) == NULL)
		edna_answer_refused(reply, EDNA_STATUS_ANSWER, "error-auth");
	else
		edna_answer_status(reply, &store, &packet);
	edna_packet_free(&packet);
}

/* The provider's table */

/* One URL takes every packet; a customer's own path leads to it. */
static const Route routes[] = {{"POST", "*", "send", handle_send},
							   {"POST", "*", "status", handle_status},
							   {NULL, NULL, NULL, NULL}};

static const char *const part_actions[] = {"code", "inner", "missing", NULL};

static const Route *
choose_route(const Request *request)
{
	const char *root;
	size_t len = edna_root(&request->body, &root);

	if (len == strlen(EDNA_STATUS) && strncmp(root, EDNA_STATUS, len) == 0)
		return &routes[1];
	return &routes[0];
}

static void
refuse(Request *request, Reply *reply, const char *code, const char *description)
{
	bool sending = strcmp(request->route->op, "send") == 0;

	(void) description;
	edna_answer_refused(reply, sending ? EDNA_SEND_ANSWER : EDNA_STATUS_ANSWER, code);
}

/* Every message of the packet with that code. */
static void
reject(Request *request, Reply *reply, const char *code)
{
	EdnaPacket packet = {0};
	EdnaResult *results;
	int n;

	packets++;
	if (!edna_read(&request->body, EDNA_SEND, &packet))
	{
		refuse(request, reply, code, NULL);
		edna_packet_free(&packet);
		return;
	}
	results = must_alloc((size_t) packet.len * sizeof(EdnaResult));
	for (n = 0; n < packet.len; n++)
	{
		edna_client_id(packet.items[n].id, &results[n].client_id);
		results[n].code = code;
		record(request, &packet.items[n], 0, code);
	}
	edna_answer_send(reply, NULL, results, n);
	free(results);
	edna_packet_free(&packet);
}

/* Each --edna-login begins an account; the first takes the place of the usual one. */
static bool
set_option(const char *option, const char *value)
{
	char *end;

	if (strcmp(option, "login") == 0)
	{
		if (!accounts_given)
			accounts_len = 0;
		if (accounts_len == ACCOUNTS_MAX)
			return false;
		accounts_given = true;
		accounts[accounts_len].password = "111111";
		accounts[accounts_len++].login = value;
	}
	else if (strcmp(option, "password") == 0)
		accounts[accounts_len - 1].password = value;
	else if (strcmp(option, "max-messages") == 0)
	{
		max_messages = strtol(value, &end, 10);
		return *value != '\0' && *end == '\0' && max_messages > 0 &&
			   max_messages < 100000;
	}
	else
		return false;
	return true;
}

static void
start(void)
{
	edna_packet_start();
	store.first_id = message_id_seed(PROVIDER_ID_NEAR);
}

static void
reset(void)
{
	size_t i;

	messages_clear(&store);
	for (i = 0; i < BUCKETS; i++)
	{
		while (taken[i] != NULL)
		{
			Taken *next = taken[i]->next;

			free(taken[i]);
			taken[i] = next;
		}
	}
}

static void
stop(void)
{
	reset();
	edna_packet_stop();
}

const Provider edna_provider = {.name = "edna",
								.prefix = "/edna",
								.routes = routes,
								.choose_route = choose_route,
								.part = "message",
								.part_actions = part_actions,
								.oddities = edna_oddities,
								.start = start,
								.stop = stop,
								.reset = reset,
								.set_option = set_option,
								.refuse = refuse,
								.reject = reject};
