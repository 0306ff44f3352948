/*
 * cascade.c
 *		One state out of several channels: see cascade.h.
 *
 * Owns the shape of a message's detail:
 *
 *		{"channels": {"vk": {"state": "failed", "status": "vp_expired", "at": "...",
 *							 "code": "...", "error": "...", ...}, "viber": ...}}
 *
 * and for a message without a list of channels those same members at the top. Which
 * state beats which is the lifecycle's.
 */
#include "core/cascade.h"

#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/lengthof.h"
#include "core/timestamp.h"

/* Another object with the same members, which both then share. */
static MsgJson *
shallow_copy(MsgArena *arena, const MsgJson *object)
{
	MsgJson *copy = msgext_json_new(arena, MSG_JSON_OBJECT);
	const MsgJson *member;

	if (!msgext_json_is(object, MSG_JSON_OBJECT))
		return copy;
	for (member = object->first; member != NULL; member = member->next)
	{
		MsgJson *own = msgext_alloc(arena, sizeof(MsgJson));

		*own = *member;
		msgext_json_append(copy, own);
	}
	return copy;
}

static bool
same_json(const MsgJson *a, const MsgJson *b)
{
	const MsgJson *member;

	if (a == NULL || b == NULL || a->type != b->type || a->count != b->count ||
		a->len != b->len || a->truth != b->truth)
		return false;
	if (a->len > 0 && memcmp(a->text, b->text, a->len) != 0)
		return false;
	if (a->type == MSG_JSON_OBJECT)
	{
		for (member = a->first; member != NULL; member = member->next)
		{
			if (!same_json(member, msgext_json_get(b, member->name)))
				return false;
		}
	}
	else
	{
		for (a = a->first, b = b->first; a != NULL; a = a->next, b = b->next)
		{
			if (!same_json(a, b))
				return false;
		}
	}
	return true;
}

/* The state an entry records; false when there is none. */
static bool
entry_state(const MsgJson *entry, MsgState *state)
{
	const MsgJson *member = msgext_json_get(entry, "state");

	return msgext_json_is(member, MSG_JSON_STRING) &&
		   msgext_state_parse(member->text, state);
}

/* Does the event say something about the same state that the entry does not? */
static bool
says_more(const MsgJson *entry, const MsgEvent *event)
{
	const MsgJson *status = msgext_json_get(entry, "status");
	const MsgJson *member;

	/* Two sources may write the same word differently (delivered, DELIVERED). */
	if (event->status != NULL &&
		!(msgext_json_is(status, MSG_JSON_STRING) &&
		  msgext_ascii_same(status->text, status->len, event->status)))
		return true;
	if (event->code != NULL &&
		!msgext_json_equals(msgext_json_get(entry, "code"), event->code))
		return true;
	if (event->error != NULL &&
		!msgext_json_equals(msgext_json_get(entry, "error"), event->error))
		return true;
	if (event->detail == NULL)
		return false;
	for (member = event->detail->first; member != NULL; member = member->next)
	{
		if (!same_json(member, msgext_json_get(entry, member->name)))
			return true;
	}
	return false;
}

/* Both times known, and the event's is before the entry's. */
static bool
is_older(const MsgJson *entry, const MsgEvent *event)
{
	const MsgJson *at = msgext_json_get(entry, "at");
	int64_t at_us;

	return event->at_us != 0 && msgext_json_is(at, MSG_JSON_STRING) &&
		   msgext_timestamp_parse(at->text, at->len, 0, &at_us) && event->at_us < at_us;
}

/* Does the event bring the entry to another state? */
static bool
moves_entry(const MsgJson *entry, const MsgEvent *event)
{
	MsgState recorded;

	return !entry_state(entry, &recorded) ||
		   msgext_state_may_follow(recorded, event->state);
}

/*
 * The entry as it is after the event, or NULL when the event changes nothing. A state
 * that moved on takes its words with it; facts that came as detail stay.
 */
static MsgJson *
apply_to_entry(MsgArena *arena, const MsgJson *entry, const MsgEvent *event, bool moves)
{
	static const char *const words[] = {"status", "at", "code", "error"};
	MsgState recorded = MSG_QUEUED;
	const MsgJson *member;
	MsgJson *result;
	size_t i;

	(void) entry_state(entry, &recorded);
	if (!moves &&
		(event->state != recorded || is_older(entry, event) || !says_more(entry, event)))
		return NULL;

	result = shallow_copy(arena, entry);
	msgext_json_set_text(arena, result, "state", msgext_state_name(event->state));
	for (i = 0; moves && i < lengthof(words); i++)
		msgext_json_remove(result, words[i]);
	if (event->status != NULL)
		msgext_json_set_text(arena, result, "status", event->status);
	if (event->at_us != 0)
	{
		char at[32];

		msgext_timestamp_format(event->at_us, at);
		msgext_json_set_text(arena, result, "at", at);
	}
	if (event->code != NULL)
		msgext_json_set_text(arena, result, "code", event->code);
	if (event->error != NULL)
		msgext_json_set_text(arena, result, "error", event->error);
	for (member = event->detail != NULL ? event->detail->first : NULL; member != NULL;
		 member = member->next)
	{
		MsgJson *own = msgext_alloc(arena, sizeof(MsgJson));

		*own = *member;
		msgext_json_set(result, member->name, own);
	}
	return result;
}

/* Takes the next name off a list such as "vk,viber,sms"; NULL at its end. */
static const char *
next_channel(MsgArena *arena, const char **list)
{
	size_t len = *list != NULL ? strcspn(*list, ",") : 0;
	const char *name;

	if (len == 0)
		return NULL;
	name = msgext_strndup(arena, *list, len);
	*list += len + ((*list)[len] == ',');
	return name;
}

/* What the requested channels are together, as long as none of any kind delivered. */
static MsgState
state_of_requested(MsgArena *arena, const char *list, const MsgJson *channels,
				   bool handed_on)
{
	bool all_final = true;
	bool any_undelivered = false;
	bool all_expired = true;
	bool all_cancelled = true;
	const char *name;

	while ((name = next_channel(arena, &list)) != NULL)
	{
		MsgState state;

		if (!entry_state(msgext_json_get(channels, name), &state) ||
			!msgext_state_is_final(state))
		{
			all_final = false;
			continue;
		}
		any_undelivered |= state == MSG_UNDELIVERED;
		all_expired &= state == MSG_EXPIRED;
		all_cancelled &= state == MSG_CANCELLED;
	}
	if (!all_final)
		return handed_on ? MSG_SENT : MSG_ACCEPTED;
	if (any_undelivered)
		return MSG_UNDELIVERED;
	if (all_expired)
		return MSG_EXPIRED;
	return all_cancelled ? MSG_CANCELLED : MSG_FAILED;
}

/*
 * Whoever delivers has delivered, requested or not; but only the channels that were
 * requested can bring the whole to a bad end. Until then one that ended badly means
 * that the message went on to the next.
 */
static MsgState
overall_state(MsgArena *arena, const char *list, const MsgJson *channels)
{
	bool delivered = false;
	bool handed_on = false;
	const MsgJson *entry;

	for (entry = channels->first; entry != NULL; entry = entry->next)
	{
		MsgState state;

		if (!entry_state(entry, &state))
			continue;
		if (state == MSG_READ)
			return MSG_READ;
		delivered |= state == MSG_DELIVERED;
		handed_on |= state == MSG_SENT || msgext_state_is_final(state);
	}
	if (delivered)
		return MSG_DELIVERED;
	return state_of_requested(arena, list, channels, handed_on);
}

MsgCascade
msgext_cascade_apply(MsgArena *arena, const char *channels, const MsgEvent *event,
					 MsgState current, MsgJson **detail, MsgState *state)
{
	bool listed = channels != NULL && *channels != '\0';
	const char *name = event->channel;
	const char *rest = channels;
	const MsgJson *old;
	MsgJson *entry;
	MsgState overall;
	bool moves;

	/* Where several channels were requested, what names none is about the first. */
	if (name == NULL)
		name = next_channel(arena, &rest);

	if (name == NULL)
	{
		old = *detail;
		moves = moves_entry(old, event);
		entry = apply_to_entry(arena, old, event, moves);
		overall = entry != NULL || !entry_state(old, &overall) ? event->state : overall;
		if (entry != NULL)
			*detail = entry;
	}
	else
	{
		const MsgJson *recorded = msgext_json_get(*detail, "channels");

		old = msgext_json_get(recorded, name);
		moves = moves_entry(old, event);
		entry = apply_to_entry(arena, old, event, moves);
		if (entry != NULL)
		{
			MsgJson *all = shallow_copy(arena, recorded);

			msgext_json_set(all, name, entry);
			recorded = all;
			*detail = shallow_copy(arena, *detail);
			msgext_json_set(*detail, "channels", all);
		}
		overall = overall_state(arena, listed ? channels : name, recorded);
	}

	*state = msgext_state_may_follow(current, overall) ? overall : current;
	if (moves || *state != current)
		return MSG_CASCADE_MOVES;
	return entry != NULL ? MSG_CASCADE_WORDS : MSG_CASCADE_NOTHING;
}
