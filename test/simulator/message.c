/*
 * message.c
 *		The store of messages, the language of fates, and the timers that move
 *		messages along.
 *
 * A fate is "WALK;CHANNEL:WALK;...", a walk is "STEP,STEP,...", a step is
 * "STATUS[|STATUS...][=REASON][@MS]". The first walk may leave its channel's
 * name out. Never writes an answer: how a status is spelt to the client is the
 * provider's.
 */
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "provider.h"
#include "timer.h"

#define MESSAGES_PER_CHUNK 4096

typedef struct Walk
{
	Step *steps;
	int len;
} Walk;

struct Fate
{
	Fate *next;
	MessageStore *store;
	char *text;
	Walk walks[CHANNELS_MAX];
};

static const Step enqueued = {
	.statuses = {"enqueued"}, .statuses_len = 1, .delay_ms = -1};

/*
 * Where the ids of this process begin. It moves on by one a microsecond, more
 * than any run can hand out, so the ids of two runs never meet.
 */
uint64_t
message_id_seed(uint64_t near)
{
	const int64_t year_2020_ms = 1577836800000;

	return near + (uint64_t) (unix_ms() - year_2020_ms) * 1000;
}

uint64_t
message_next_id(MessageStore *store)
{
	return store->first_id + store->given++;
}

const char *
step_status(const Step *step, int segment)
{
	return step
		->statuses[segment < step->statuses_len ? segment : step->statuses_len - 1];
}

static bool
ends_badly(const Step *step)
{
	static const char *const bad[] = {"undelivered", "failed", "vp_expired", "cancelled"};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (strcmp(step->statuses[0], bad[i]) == 0)
			return true;
	}
	return false;
}

/* Fates */

static void
fate_free(Fate *fate)
{
	int c;
	int i;

	for (c = 0; c < CHANNELS_MAX; c++)
	{
		for (i = 0; i < fate->walks[c].len; i++)
			free(fate->walks[c].steps[i].reason);
		free(fate->walks[c].steps);
	}
	free(fate->text);
	free(fate);
}

static const char *
parse_step(const Channel *channel, Step *step, char *text)
{
	char *delay = strchr(text, '@');
	char *reason;
	char *status;
	char *rest;

	step->delay_ms = -1;
	if (delay != NULL)
	{
		char *end;

		*delay++ = '\0';
		step->delay_ms = strtol(delay, &end, 10);
		if (end == delay || *end != '\0' || step->delay_ms < 0)
			return "a delay in the fate is not a number";
	}
	reason = strchr(text, '=');
	if (reason != NULL)
	{
		*reason++ = '\0';
		step->reason = strdup(reason);
	}
	for (status = strtok_r(text, "|", &rest); status != NULL;
		 status = strtok_r(NULL, "|", &rest))
	{
		const char *const *known = channel->statuses;

		while (*known != NULL && strcmp(*known, status) != 0)
			known++;
		if (*known == NULL)
			return "unknown status in the fate";
		if (step->statuses_len == SEGMENT_CHOICES_MAX)
			return "too many segments in the fate";
		step->statuses[step->statuses_len++] = *known;
	}
	return step->statuses_len > 0 ? NULL : "empty step in the fate";
}

static const char *
parse_walk(const Channel *channel, Walk *walk, const char *text)
{
	char *copy = strdup(text);
	char *word;
	char *rest;
	const char *problem = NULL;

	free(walk->steps);
	walk->len = 0;
	walk->steps = must_alloc((strlen(text) / 2 + 1) * sizeof(Step));
	if (copy == NULL)
		die("out of memory");
	for (word = strtok_r(copy, ", \t", &rest); word != NULL && problem == NULL;
		 word = strtok_r(NULL, ", \t", &rest))
		problem = parse_step(channel, &walk->steps[walk->len++], word);
	free(copy);
	return problem;
}

static const char *
parse_fate(Fate *fate, const char *text)
{
	const MessageStore *store = fate->store;
	unsigned given = 0;
	char *copy = strdup(text);
	char *part;
	char *rest;
	const char *problem = NULL;
	int c;

	if (copy == NULL)
		die("out of memory");
	for (part = strtok_r(copy, ";", &rest); part != NULL && problem == NULL;
		 part = strtok_r(NULL, ";", &rest))
	{
		char *colon = strchr(part, ':');

		part += strspn(part, " \t");
		c = 0;
		if (colon != NULL)
		{
			*colon = '\0';
			while (c < store->channels_len && strcmp(store->channels[c].name, part) != 0)
				c++;
			part = colon + 1;
		}
		if (c == store->channels_len)
			problem = "unknown channel in the fate";
		else if (given & (1u << c))
			problem = "two walks for one channel in the fate";
		else
		{
			given |= 1u << c;
			problem = parse_walk(&store->channels[c], &fate->walks[c], part);
		}
	}
	free(copy);
	for (c = 0; c < store->channels_len && problem == NULL; c++)
	{
		if (!(given & (1u << c)))
			problem = parse_walk(&store->channels[c], &fate->walks[c],
								 store->channels[c].default_walk);
	}
	return problem;
}

/* The fate with this text; "" is the usual one. NULL, and why, if it has no sense. */
const Fate *
fate_find(MessageStore *store, const char *text, const char **problem)
{
	Fate *fate;

	for (fate = store->fates; fate != NULL; fate = fate->next)
	{
		if (strcmp(fate->text, text) == 0)
			return fate;
	}
	fate = must_alloc(sizeof(Fate));
	fate->store = store;
	fate->text = strdup(text);
	if (fate->text == NULL)
		die("out of memory");
	*problem = parse_fate(fate, text);
	if (*problem != NULL)
	{
		fate_free(fate);
		return NULL;
	}
	fate->next = store->fates;
	store->fates = fate;
	return fate;
}

/* Walking */

static void message_step(void *arg);

static void
await_next_step(Message *message, int64_t extra_ms)
{
	const Walk *walk = &message->fate->walks[message->channel];
	int64_t ms;

	if (message->next_step >= walk->len)
		return;
	ms = walk->steps[message->next_step].delay_ms;
	if (ms < 0)
		ms = settings.status_step_ms;
	timer_after_ms(ms + extra_ms, message_step, message);
}

static void
start_channel(Message *message, int channel, int64_t extra_ms)
{
	message->channel = channel;
	message->next_step = 0;
	message->states[channel].step = &enqueued;
	message->states[channel].at_ms = unix_ms();
	await_next_step(message, extra_ms);
}

static void
message_step(void *arg)
{
	Message *message = arg;
	MessageStore *store = message->fate->store;
	const Walk *walk = &message->fate->walks[message->channel];
	ChannelState *state = &message->states[message->channel];
	int c;

	state->step = &walk->steps[message->next_step++];
	state->at_ms = unix_ms();
	store->changed(message, message->channel);

	if (message->next_step < walk->len || !ends_badly(state->step))
	{
		await_next_step(message, 0);
		return;
	}
	for (c = message->channel + 1; c < store->channels_len; c++)
	{
		if (message->requested & (1u << c))
		{
			start_channel(message, c, 0);
			return;
		}
	}
}

/* Ids run on by one, so a message is found by counting. */
static Message *
message_slot(const MessageStore *store, uint64_t id)
{
	uint64_t n = id - store->first_id - store->forgotten;

	if (id < store->first_id + store->forgotten ||
		n / MESSAGES_PER_CHUNK >= store->chunks_len ||
		store->chunks[n / MESSAGES_PER_CHUNK] == NULL)
		return NULL;
	return &store->chunks[n / MESSAGES_PER_CHUNK][n % MESSAGES_PER_CHUNK];
}

static Message *
message_new(MessageStore *store)
{
	uint64_t id = message_next_id(store);
	size_t chunk =
		(size_t) ((id - store->first_id - store->forgotten) / MESSAGES_PER_CHUNK);
	Message *message;

	if (chunk >= store->chunks_len)
	{
		store->chunks = realloc(store->chunks, (chunk + 1) * sizeof(Message *));
		if (store->chunks == NULL)
			die("out of memory");
		memset(store->chunks + store->chunks_len, 0,
			   (chunk + 1 - store->chunks_len) * sizeof(Message *));
		store->chunks_len = chunk + 1;
	}
	if (store->chunks[chunk] == NULL)
		store->chunks[chunk] = must_alloc(MESSAGES_PER_CHUNK * sizeof(Message));
	message = message_slot(store, id);
	message->id = id;
	return message;
}

/*
 * Takes a message and sets it walking. The first step is counted from the
 * answer, not from the request: a status should not overtake the id that it
 * belongs to merely because the simulator plays a slow network.
 */
const Message *
message_add(MessageStore *store, unsigned requested, const Fate *fate, int segments)
{
	Message *message = message_new(store);

	message->fate = fate;
	message->requested = requested;
	message->segments = (unsigned short) segments;
	message->first_segment_id = store->first_segment_id + store->segments_given;
	store->segments_given += (uint64_t) segments;
	start_channel(message, 0, settings.latency_ms);
	return message;
}

const Message *
message_find(const MessageStore *store, uint64_t id)
{
	const Message *message = message_slot(store, id);

	return message != NULL && message->id == id ? message : NULL;
}

/* Forgets messages and fates; the ids go on where they were. */
void
messages_clear(MessageStore *store)
{
	size_t i;

	timer_drop(message_step);
	for (i = 0; i < store->chunks_len; i++)
		free(store->chunks[i]);
	free(store->chunks);
	store->chunks = NULL;
	store->chunks_len = 0;
	store->forgotten = store->given;
	while (store->fates != NULL)
	{
		Fate *next = store->fates->next;

		fate_free(store->fates);
		store->fates = next;
	}
}
