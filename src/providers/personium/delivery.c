/*
 * delivery.c
 *		A message's targets between two requests: see delivery.h.
 */
#include "providers/personium/delivery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/lengthof.h"
const MsgJsonLimits msgext_personium_limits = {
	.size = 8 * 1024 * 1024, .depth = 32, .nodes = 100000, .trailing_commas = false};

/* "__id: 32文字の文字列" */
#define ID_LEN 32

static const char *const fates[] = {[PERSONIUM_OPEN] = "open",
									[PERSONIUM_WAITING] = "waiting",
									[PERSONIUM_DELIVERED] = "delivered",
									[PERSONIUM_FAILED] = "failed",
									[PERSONIUM_UNKNOWN] = "unknown"};

bool
msgext_personium_is_id(const MsgJson *node)
{
	return msgext_json_is(node, MSG_JSON_STRING) && node->len == ID_LEN &&
		   strspn(node->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
							  "0123456789-_") == node->len;
}

static const char *
text_of(const MsgJson *object, const char *name)
{
	const MsgJson *member = msgext_json_get(object, name);

	return msgext_json_is(member, MSG_JSON_STRING) ? member->text : NULL;
}

static int64_t
number_of(const MsgJson *object, const char *name)
{
	int64_t value;

	if (!msgext_json_int64(msgext_json_get(object, name), false, &value) || value < 0)
		return 0;
	return value;
}

static bool
truth_of(const MsgJson *object, const char *name)
{
	const MsgJson *member = msgext_json_get(object, name);

	return msgext_json_is(member, MSG_JSON_BOOL) && member->truth;
}

PersoniumTarget *
msgext_personium_find(PersoniumDelivery *delivery, const char *url, size_t len)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		if (delivery->targets[i].len == len &&
			memcmp(delivery->targets[i].url, url, len) == 0)
			return &delivery->targets[i];
	}
	return NULL;
}

/* "1000件": of To in the message, and of the cells of ToRelation beside them. */
PersoniumTarget *
msgext_personium_add(PersoniumDelivery *delivery, const char *url, size_t len)
{
	PersoniumTarget *target;

	if (delivery->n == 2 * PERSONIUM_TARGETS_MAX)
		return NULL;
	if (delivery->n == delivery->room)
	{
		int room = delivery->room > 0 ? 2 * delivery->room : 8;
		PersoniumTarget *grown =
			msgext_alloc(delivery->arena, (size_t) room * sizeof(*grown));

		if (delivery->n > 0)
			memcpy(grown, delivery->targets, (size_t) delivery->n * sizeof(*grown));
		delivery->targets = grown;
		delivery->room = room;
	}
	target = &delivery->targets[delivery->n++];
	memset(target, 0, sizeof(*target));
	target->url = msgext_strndup(delivery->arena, url, len);
	target->len = len;
	return target;
}

static int
count(const PersoniumDelivery *delivery, PersoniumFate fate)
{
	int n = 0;
	int i;

	for (i = 0; i < delivery->n; i++)
		n += delivery->targets[i].fate == fate;
	return n;
}

static bool
read_message(PersoniumDelivery *delivery, MsgError *error)
{
	const MsgJob *job = delivery->job;
	const MsgJson *to;
	PersoniumCells cells;
	int i;

	if (job->fragment == NULL)
		return true;
	delivery->message =
		msgext_json_parse(delivery->arena, job->fragment, job->fragment_len,
						  &msgext_personium_limits, error);
	if (delivery->message == NULL)
		return false;
	if (delivery->message->type != MSG_JSON_OBJECT)
		return msgext_error(error, "", "", "what is stored is no message");
	delivery->relation_open = text_of(delivery->message, "ToRelation") != NULL;
	to = msgext_json_get(delivery->message, "To");
	if (to == NULL)
		return true;
	if (to->type != MSG_JSON_STRING ||
		!msgext_personium_read_to(delivery->arena, to, true, &cells, error))
		return msgext_error(error, "", "To", "what is stored names no targets");
	for (i = 0; i < cells.n; i++)
		msgext_personium_add(delivery, cells.urls[i], strlen(cells.urls[i]));
	return true;
}

static void
read_target(PersoniumDelivery *delivery, const MsgJson *entry)
{
	PersoniumTarget *target =
		msgext_personium_find(delivery, entry->name, entry->name_len);
	const char *state = text_of(entry, "state");
	size_t i;

	if (target == NULL)
		target = msgext_personium_add(delivery, entry->name, entry->name_len);
	if (target == NULL)
		return;
	for (i = 0; state != NULL && i < lengthof(fates); i++)
	{
		if (strcmp(fates[i], state) == 0)
			target->fate = (PersoniumFate) i;
	}
	target->code = text_of(entry, "code");
	target->reason = text_of(entry, "reason");
	target->tries = number_of(entry, "tries");
	target->round = number_of(entry, "round");
	target->doubtful = truth_of(entry, "doubtful");
	target->repeated = truth_of(entry, "repeated");
}

static void
read_detail(PersoniumDelivery *delivery)
{
	const MsgJson *targets = msgext_json_get(delivery->job->detail, "targets");
	const MsgJson *sending = msgext_json_get(delivery->job->detail, "sending");
	const MsgJson *entry = NULL;

	if (msgext_json_is(targets, MSG_JSON_OBJECT))
		entry = targets->first;
	for (; entry != NULL; entry = entry->next)
		read_target(delivery, entry);
	delivery->attempt = number_of(sending, "attempt");
	delivery->round = number_of(sending, "round");
	delivery->again = truth_of(sending, "again");
	if (truth_of(sending, "relation"))
		delivery->relation_open = false;
	if (msgext_personium_is_id(msgext_json_get(sending, "id")))
		delivery->id = text_of(sending, "id");
	if (msgext_personium_is_id(msgext_json_get(sending, "lookup")))
		delivery->lookup = text_of(sending, "lookup");
	delivery->target = text_of(sending, "target");
}

static bool
is_open(const PersoniumTarget *target)
{
	return target->fate == PERSONIUM_OPEN || target->fate == PERSONIUM_WAITING;
}

/*
 * A request for a message that has ended is a person's, by retry_message(): it goes to
 * those that have not been reached.
 */
static void
reopen(PersoniumDelivery *delivery)
{
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		PersoniumTarget *target = &delivery->targets[i];

		if (target->fate == PERSONIUM_DELIVERED)
			continue;
		target->repeated |= target->fate == PERSONIUM_UNKNOWN;
		target->doubtful = false;
		target->fate = PERSONIUM_WAITING;
		target->tries = 0;
	}
}

/*
 * split_targets: the first of those that were tried least, so that none waits for
 * another. Once some outcome was lost, one after the other, whatever was said of them:
 * of a cell that lets the server wait for ever no answer says anything. Which one it is
 * stays the same until the outcome of its request is known.
 */
static PersoniumTarget *
choose(PersoniumDelivery *delivery)
{
	PersoniumTarget *chosen = NULL;
	int open = count(delivery, PERSONIUM_OPEN) + count(delivery, PERSONIUM_WAITING);
	int turn = -1;
	int i;

	if (delivery->job->maybe_sent && open > 0)
		turn = (int) (delivery->attempt % open);
	for (i = 0; i < delivery->n; i++)
	{
		PersoniumTarget *target = &delivery->targets[i];

		if (!is_open(target))
			continue;
		if (turn-- == 0)
			return target;
		if (chosen == NULL || target->tries < chosen->tries)
			chosen = target;
	}
	return chosen;
}

bool
msgext_personium_holds(const PersoniumDelivery *delivery, const PersoniumTarget *target)
{
	return target->fate == PERSONIUM_WAITING && target->doubtful && !delivery->resend;
}

static void
ask(PersoniumDelivery *delivery)
{
	PersoniumTarget *alone = NULL;
	bool held = false;
	int i;

	if (delivery->lookup != NULL && delivery->target != NULL)
		alone =
			msgext_personium_find(delivery, delivery->target, strlen(delivery->target));
	else if (delivery->split && !delivery->relation_open && delivery->lookup == NULL)
		alone = choose(delivery);
	delivery->target = NULL;
	if (alone != NULL)
	{
		alone->asked = true;
		delivery->target = alone->url;
		delivery->tries = alone->tries;
		return;
	}

	/*
	 * The cells of a relation may be among those of To, which must not get the message
	 * twice: so the relation goes first, and alone where targets are split.
	 */
	delivery->relation_asked = delivery->relation_open;
	if (delivery->split && delivery->relation_asked)
		return;

	/*
	 * Those in doubt go under the id they may have, the others after them under another.
	 */
	for (i = 0; i < delivery->n; i++)
		held |= msgext_personium_holds(delivery, &delivery->targets[i]);
	for (i = 0; i < delivery->n; i++)
		delivery->targets[i].asked =
			held ? msgext_personium_holds(delivery, &delivery->targets[i])
				 : is_open(&delivery->targets[i]);
}

/* splitmix64's: every bit of the result depends on every bit of the value. */
static uint64_t
spread(uint64_t value)
{
	value += UINT64_C(0x9E3779B97F4A7C15);
	value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
	return value ^ (value >> 31);
}

/*
 * The message's own key at first. Then one that is made of it, of the round and of the
 * target that is asked alone: the same after a restart, and for no other message.
 */
static void
make_key(PersoniumDelivery *delivery)
{
	const MsgJob *job = delivery->job;
	uint64_t salt = (uint64_t) delivery->round;
	uint64_t high;
	uint64_t low;
	const char *at = delivery->target;

	delivery->key = msgext_alloc0(delivery->arena, MSG_KEY_LEN + 1);
	if (at == NULL && delivery->round == 0)
	{
		msgext_own_key(job->created_us, job->id, delivery->key);
		return;
	}
	if (at != NULL)
		salt = (uint64_t) msgext_personium_find(delivery, at, strlen(at))->round;
	for (salt = spread(salt); at != NULL && *at != '\0'; at++)
		salt = spread(salt ^ (unsigned char) *at);
	high = spread((uint64_t) job->created_us ^ salt);
	low = spread((uint64_t) job->id ^ spread(high ^ salt));
	snprintf(delivery->key, MSG_KEY_LEN + 1, "%016" PRIx64 "%016" PRIx64, high, low);
}

bool
msgext_personium_recall(MsgArena *arena, const MsgConn *conn, const MsgJob *job,
						PersoniumDelivery *delivery, MsgError *error)
{
	memset(delivery, 0, sizeof(*delivery));
	delivery->arena = arena;
	delivery->conn = conn;
	delivery->job = job;
	delivery->split = strcmp(msgext_conn_option(conn, "split_targets"), "on") == 0;
	delivery->keyed = strcmp(msgext_conn_option(conn, "client_message_id"), "on") == 0;
	delivery->resend = strcmp(msgext_conn_option(conn, "on_unknown"), "resend") == 0;
	if (!read_message(delivery, error))
		return false;
	read_detail(delivery);
	return true;
}

void
msgext_personium_ask(PersoniumDelivery *delivery)
{
	int asked = 0;
	int i;

	if (!delivery->relation_open && delivery->lookup == NULL &&
		count(delivery, PERSONIUM_OPEN) == 0 && count(delivery, PERSONIUM_WAITING) == 0)
		reopen(delivery);
	ask(delivery);
	for (i = 0; i < delivery->n; i++)
		asked += delivery->targets[i].asked;
	delivery->named_by_answer = delivery->relation_asked || asked == 0;
	make_key(delivery);
	if (delivery->lookup == NULL && delivery->keyed && delivery->job->maybe_sent &&
		delivery->job->attempt != delivery->attempt + 1)
		delivery->lookup = delivery->key;
}

static void
set_number(MsgArena *arena, MsgJson *object, const char *name, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	msgext_json_set(object, name, msgext_json_number(arena, text));
}

static void
set_truth(MsgArena *arena, MsgJson *object, const char *name)
{
	MsgJson *truth = msgext_json_new(arena, MSG_JSON_BOOL);

	truth->truth = true;
	msgext_json_set(object, name, truth);
}

static MsgJson *
target_json(MsgArena *arena, const PersoniumTarget *target)
{
	MsgJson *entry = msgext_json_new(arena, MSG_JSON_OBJECT);

	msgext_json_set_text(arena, entry, "state", fates[target->fate]);
	if (target->code != NULL)
		msgext_json_set_text(arena, entry, "code", target->code);
	if (target->reason != NULL)
		msgext_json_set_text(arena, entry, "reason", target->reason);
	if (target->tries > 1 || (target->tries > 0 && is_open(target)))
		set_number(arena, entry, "tries", target->tries);
	if (target->round > 0 && target->fate != PERSONIUM_DELIVERED)
		set_number(arena, entry, "round", target->round);
	if (target->doubtful && target->fate != PERSONIUM_DELIVERED)
		set_truth(arena, entry, "doubtful");
	if (target->repeated)
		set_truth(arena, entry, "repeated");
	return entry;
}

MsgJson *
msgext_personium_detail(const PersoniumDelivery *delivery, bool sending)
{
	MsgArena *arena = delivery->arena;
	MsgJson *detail = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *targets = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgJson *next;
	int i;

	for (i = 0; i < delivery->n; i++)
	{
		const PersoniumTarget *target = &delivery->targets[i];
		MsgJson *entry;

		if (target->fate == PERSONIUM_OPEN)
			continue;
		entry = target_json(arena, target);
		entry->name = target->url;
		entry->name_len = target->len;
		msgext_json_append(targets, entry);
	}
	msgext_json_set(detail, "targets", targets);
	if (!sending && msgext_json_get(delivery->job->detail, "sending") == NULL)
		return detail;
	next = msgext_json_new(arena, MSG_JSON_OBJECT);
	set_number(arena, next, "attempt", delivery->job->attempt);
	set_number(arena, next, "round", delivery->round);
	if (!delivery->relation_open && delivery->message != NULL &&
		text_of(delivery->message, "ToRelation") != NULL)
		set_truth(arena, next, "relation");
	if (delivery->again)
		set_truth(arena, next, "again");
	if (delivery->id != NULL)
		msgext_json_set_text(arena, next, "id", delivery->id);
	if (delivery->lookup != NULL)
	{
		msgext_json_set_text(arena, next, "lookup", delivery->lookup);
		if (delivery->target != NULL)
			msgext_json_set_text(arena, next, "target", delivery->target);
	}
	msgext_json_set(detail, "sending", next);
	return detail;
}
