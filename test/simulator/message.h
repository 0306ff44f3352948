/*
 * message.h
 *		Accepted messages and the statuses that they walk through.
 *
 * A message tries its channels in turn: the next one starts when the walk of
 * the one before has ended badly and the request had a block for it. What the
 * steps of a walk are is the message's fate; a test may choose it. Used by the
 * HTTP thread only.
 */
#ifndef SIMULATOR_MESSAGE_H
#define SIMULATOR_MESSAGE_H

#include "buf.h"

#define CHANNELS_MAX 3
#define SEGMENT_CHOICES_MAX 8

typedef struct Message Message;
typedef struct MessageStore MessageStore;

typedef struct Channel
{
	const char *name; /* as in a fate: "viber:..." */
	const char *default_walk;
	const char *const *statuses; /* all that the provider knows; ends with NULL */
} Channel;

typedef struct Step
{
	/* one status, or one for each segment of the message */
	const char *statuses[SEGMENT_CHOICES_MAX];
	int statuses_len;
	char *reason;  /* or NULL */
	long delay_ms; /* -1 = the usual pace */
} Step;

typedef struct Fate Fate;

typedef struct ChannelState
{
	const Step *step; /* NULL = not started */
	int64_t at_ms;
} ChannelState;

struct Message
{
	uint64_t id;
	uint64_t first_segment_id;
	const Fate *fate;
	unsigned requested; /* bit n: the request had a block for channel n */
	unsigned short segments;
	unsigned short next_step;
	int channel;
	ChannelState states[CHANNELS_MAX];
};

struct MessageStore
{
	/* filled by the provider */
	Channel channels[CHANNELS_MAX];
	int channels_len;
	void (*changed)(const Message *message, int channel);
	uint64_t first_id;
	uint64_t first_segment_id;

	/* message.c's own */
	Message **chunks;
	size_t chunks_len;
	uint64_t given; /* ids */
	uint64_t segments_given;
	uint64_t forgotten; /* ids given before the last reset */
	Fate *fates;
};

extern uint64_t message_id_seed(uint64_t near);
extern uint64_t message_next_id(MessageStore *store);
extern const Fate *fate_find(MessageStore *store, const char *text, const char **problem);
extern const Message *message_add(MessageStore *store, unsigned requested,
								  const Fate *fate, int segments);
extern const Message *message_find(const MessageStore *store, uint64_t id);
extern const char *step_status(const Step *step, int segment);
extern void messages_clear(MessageStore *store);

#endif /* SIMULATOR_MESSAGE_H */
