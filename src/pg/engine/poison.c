/*
 * poison.c
 *		Messages that raised an error: see poison.h.
 */
#include "postgres.h"

#include "pg/engine/poison.h"

#define FIRST_US (10 * USECS_PER_SEC)
#define LONGEST_US (3600 * USECS_PER_SEC)

/* Its entry, else a free one, else the one that is due first. */
static MsgPoisoned *
find_entry(MsgPoison *poison, int64 message)
{
	MsgPoisoned *first = &poison->messages[0];
	int i;

	for (i = 0; i < poison->n; i++)
	{
		MsgPoisoned *entry = &poison->messages[i];

		if (entry->message == message)
			return entry;
		if (entry->until < first->until)
			first = entry;
	}
	return poison->n < MSG_POISON_MAX ? &poison->messages[poison->n++] : first;
}

void
msgext_poison_add(MsgPoison *poison, int64 message, TimestampTz now)
{
	MsgPoisoned *entry = find_entry(poison, message);

	if (entry->message != message)
	{
		entry->message = message;
		entry->times = 0;
	}
	entry->until = now + Min(FIRST_US << Min(entry->times, 10), LONGEST_US);
	entry->times++;
}

int
msgext_poison_suspect(MsgPoison *poison, int64 message)
{
	if (poison->suspect != message)
		poison->times = 0;
	poison->suspect = message;
	return message != 0 ? ++poison->times : 0;
}

TimestampTz
msgext_poison_until(const MsgPoison *poison, int64 message, TimestampTz now)
{
	int i;

	for (i = 0; i < poison->n; i++)
		if (poison->messages[i].message == message)
			return poison->messages[i].until > now ? poison->messages[i].until : 0;
	return 0;
}
