/*
 * peer.h
 *		What the files of the chaos driver's provider know of one another.
 */
#ifndef CHAOS_PEER_H
#define CHAOS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../chance.h"

#define MAX_CONNECTIONS 2048

/* How a request is treated; each has its share of a thousand. */
typedef enum Fault
{
	NONE,
	BEFORE,	 /* closed before it is read to its end */
	AFTER,	 /* taken, closed without an answer */
	RESET,	 /* taken, reset without an answer */
	HALF,	 /* taken, closed within the answer */
	LATE,	 /* taken, answered after the client's timeout */
	DRIP,	 /* taken, the answer comes in pieces, in time */
	GARBAGE, /* taken, the answer cannot be read */
	BUSY,	 /* not taken, 503 */
	LIMITED, /* not taken, 429 with Retry-After: 1 */
	FAILED,	 /* taken, 500 */
	SURPLUS, /* taken; a 408 or the answer once more follows it, unasked */
	REFUSED, /* a repeat of what was taken is refused for good; edna alone */
	FAULTS
} Fault;

typedef enum Kind
{
	UNUSED,
	LISTENER,
	CLIENT,
	CONTROL_LISTENER,
	CONTROL,
	CALLBACK
} Kind;

typedef struct Text
{
	char *bytes; /* with a zero byte behind it */
	size_t length;
	size_t room;
} Text;

typedef struct Connection
{
	Kind kind;
	int fd;
	uint32_t events;
	Text in;
	Text out;
	size_t written;
	int64_t write_at; /* ms; the answer waits until then */
	Fault fault;	  /* of the request at hand */
	bool close_after;
	bool surplus;		   /* what waits to be written is nobody's answer */
	struct Report *report; /* of a callback */
	int64_t give_up_at;
} Connection;

/* A message that was taken. */
typedef struct Taken
{
	char *id;
	char *tag;
	char *key; /* edna: the clientId */
	int asked; /* how often its status was asked for */
	struct Taken *next_id;
	struct Taken *next_key;
} Taken;

extern const char *const fault_names[FAULTS];
extern Connection connections[MAX_CONNECTIONS];
extern int shares[FAULTS]; /* of a thousand: how often a request is treated so */
extern int latency;		   /* ms that an answer takes, at most */

/* ---- peer.c ---- */

extern void die(const char *what) __attribute__((noreturn));

/* ---- clock.c ---- */

/* By a clock that is never set. */
extern int64_t now_ms(void);
/* The time now, as the provider's clock has it. */
extern void format_time(char *text, size_t size);

/* ---- text.c ---- */

extern unsigned hash(const char *text);
extern void append(Text *text, const char *bytes, size_t length);
extern void print(Text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The text between two marks, copied; false if they are not there. */
extern bool between(const char *text, const char *from, const char *to, char *found,
					size_t size);

/* ---- ledger.c ---- */

extern void open_ledger(const char *path);
/* A line is in the file before anything is answered that rests on it. */
extern void enter(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- connection.c ---- */

extern void start_connections(void);
/* NULL when there are too many; fd is closed then. */
extern Connection *add_connection(Kind kind, int fd, uint32_t events);
extern void want(Connection *c, uint32_t events);
extern void end_connection(Connection *c, bool reset);
/* False when the connection has ended. */
extern bool read_more(Connection *c);
/* *at is the port, 0 = any, which is told; -1 when it is taken. */
extern int listen_at(int *at);
/* Waits for some milliseconds and has each connection served that something came for. */
extern void wait_for_connections(void (*serve)(Connection *c, uint32_t events));

/* ---- taken.c ---- */

extern Taken *find_id(const char *id);
extern Taken *find_key(const char *key);
extern Taken *take(const char *prefix, const char *tag, const char *key);
/* What becomes of a message is said by its tag alone, so that everybody can tell. */
extern bool is_refused(const char *tag);
extern const char *last_status(const Taken *taken);

/* ---- answer.c ---- */

extern void answer(Connection *c, int status, const char *header, const char *type,
				   const char *body);
/* Something it did take, but does not say so plainly. */
extern void answer_taken(Connection *c, const char *type, const char *body);
/* True if the request was answered without being looked at. */
extern bool turn_away(Connection *c, const char *server, const char *tags);

/* ---- devino.c, edna.c ---- */

extern void devino_send(Connection *c, const char *server, const char *body);
extern void devino_status(Connection *c, const char *query);
extern void edna_send(Connection *c, const char *body);
extern void edna_status(Connection *c, const char *body);

/* ---- request.c ---- */

extern void look_at_request(Connection *c);
extern void write_answer(Connection *c);

/* ---- callback.c ---- */

/* A status is pushed then, until it is answered with 200. */
extern void report(Taken *taken, const char *status, int64_t at);
extern int reports_pending(void);
extern void send_callbacks_to(int port, const char *path);
extern void start_callbacks(int64_t now);
extern void end_callback(Connection *c);

/* ---- control.c ---- */

/* Its port is closed, or opened again; 0 before it was opened first. */
extern int go_down(bool down);
extern void read_control(Connection *c);

#endif /* CHAOS_PEER_H */
