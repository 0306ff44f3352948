/*
 * http_gate.c
 *		Requests that wait for a connection: see http_gate.h.
 *
 * A gate is there while it has turns, so that what is known of a peer is of this moment.
 */
#include "net/http_gate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 256

typedef struct Turns
{
	MsgHttpTurn *first;
	MsgHttpTurn **last;
} Turns;

struct MsgHttpGate
{
	MsgHttpGate *next; /* in its bucket */
	MsgHttpGates *gates;
	int turns;
	int settled;
	bool open;			 /* nobody waits: connections are not shared, or there are none */
	MsgHttpTurn *leader; /* makes a connection */
	Turns waiting;
	size_t len;
	char peer[]; /* host and port as the url has them */
};

struct MsgHttpGates
{
	Turns ready; /* their leader has gone */
	MsgHttpGate *buckets[BUCKETS];
};

static void
init(Turns *turns)
{
	turns->first = NULL;
	turns->last = &turns->first;
}

static void
push(Turns *turns, MsgHttpTurn *turn)
{
	turn->next = NULL;
	turn->waits = true;
	*turns->last = turn;
	turns->last = &turn->next;
}

static MsgHttpTurn *
pop(Turns *turns)
{
	MsgHttpTurn *turn = turns->first;

	if (turn == NULL)
		return NULL;
	turns->first = turn->next;
	if (turns->first == NULL)
		turns->last = &turns->first;
	turn->waits = false;
	return turn;
}

static void
forget(Turns *turns, const MsgHttpTurn *gone)
{
	MsgHttpTurn *turn = turns->first;

	init(turns);
	while (turn != NULL)
	{
		MsgHttpTurn *next = turn->next;

		if (turn != gone)
			push(turns, turn);
		turn = next;
	}
}

MsgHttpGates *
msgext_http_gates_create(void)
{
	MsgHttpGates *gates = calloc(1, sizeof(MsgHttpGates));

	if (gates != NULL)
		init(&gates->ready);
	return gates;
}

void
msgext_http_gates_free(MsgHttpGates *gates)
{
	free(gates);
}

/* The place in its bucket where the peer's gate is, or would be. */
static MsgHttpGate **
find(MsgHttpGates *gates, const char *peer, size_t len)
{
	MsgHttpGate **gate;
	uint32_t hash = 0;
	size_t i;

	for (i = 0; i < len; i++)
		hash = hash * 31 + (unsigned char) peer[i];
	for (gate = &gates->buckets[hash % BUCKETS]; *gate != NULL; gate = &(*gate)->next)
		if ((*gate)->len == len && memcmp((*gate)->peer, peer, len) == 0)
			break;
	return gate;
}

/* The next one to make a connection, if it is to make one. False: it waits. */
static bool
admit(MsgHttpTurn *turn)
{
	MsgHttpGate *gate = turn->gate;

	if (gate->open)
		return true;
	if (gate->leader != NULL)
	{
		push(&gate->waiting, turn);
		return false;
	}
	if (gate->settled == 0)
		gate->leader = turn;
	return true;
}

bool
msgext_http_gate_enter(MsgHttpGates *gates, MsgHttpTurn *turn, const char *url)
{
	const char *scheme_end = strstr(url, "://");
	const char *peer = scheme_end != NULL ? scheme_end + 3 : url;
	size_t len = strcspn(peer, "/?#");
	MsgHttpGate **gate = find(gates, peer, len);

	if (*gate == NULL)
	{
		/* Without memory it passes by. */
		if ((*gate = calloc(1, sizeof(MsgHttpGate) + len)) == NULL)
			return true;
		(*gate)->gates = gates;
		init(&(*gate)->waiting);
		memcpy((*gate)->peer, peer, len);
		(*gate)->len = len;
	}
	turn->gate = *gate;
	turn->gate->turns++;
	return admit(turn);
}

void
msgext_http_gate_unsettle(MsgHttpTurn *turn)
{
	if (turn->settled)
		turn->gate->settled--;
	turn->settled = false;
}

void
msgext_http_gate_connect(MsgHttpTurn *turn)
{
	MsgHttpGate *gate = turn->gate;

	if (gate == NULL)
		return;
	msgext_http_gate_unsettle(turn);
	if (!gate->open && gate->leader == NULL)
		gate->leader = turn;
}

/* The leader has gone, and who has waited for it goes on. */
static void
release(MsgHttpGate *gate)
{
	MsgHttpTurn *turn;

	gate->leader = NULL;
	while ((turn = pop(&gate->waiting)) != NULL)
		push(&gate->gates->ready, turn);
}

void
msgext_http_gate_settle(MsgHttpTurn *turn, bool shared)
{
	MsgHttpGate *gate = turn->gate;

	if (gate == NULL)
		return;
	if (!turn->settled)
		gate->settled++;
	turn->settled = true;
	gate->open = !shared;
	if (gate->leader == turn || gate->open)
		release(gate);
}

bool
msgext_http_gate_wait(MsgHttpTurn *turn)
{
	msgext_http_gate_unsettle(turn);
	if (turn->gate->leader == NULL || turn->gate->leader == turn)
		return false;
	push(&turn->gate->waiting, turn);
	return true;
}

void
msgext_http_gate_leave(MsgHttpTurn *turn)
{
	MsgHttpGate *gate = turn->gate;
	bool settled = turn->settled;

	if (gate == NULL)
		return;
	if (turn->waits)
	{
		forget(&gate->waiting, turn);
		forget(&gate->gates->ready, turn);
	}
	msgext_http_gate_unsettle(turn);
	if (gate->leader == turn)
	{
		/* Others are not to wait for one failure after the other. */
		gate->open = !settled;
		release(gate);
	}
	memset(turn, 0, sizeof(MsgHttpTurn));
	if (--gate->turns == 0)
	{
		*find(gate->gates, gate->peer, gate->len) = gate->next;
		free(gate);
	}
}

MsgHttpTurn *
msgext_http_gates_next(MsgHttpGates *gates)
{
	MsgHttpTurn *turn;

	/* One of those before it may have become a leader meanwhile. */
	while ((turn = pop(&gates->ready)) != NULL && !admit(turn))
		;
	return turn;
}

bool
msgext_http_gates_ready(const MsgHttpGates *gates)
{
	return gates->ready.first != NULL;
}
