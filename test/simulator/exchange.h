/*
 * exchange.h
 *		One request and its answer, as the server and the faults share it.
 *
 * For server.c, exchange.c and fault.c only: what a provider may see is in provider.h.
 */
#ifndef SIMULATOR_EXCHANGE_H
#define SIMULATOR_EXCHANGE_H

#include <microhttpd.h>

#include "provider.h"
#include "script.h"

/* One TCP connection. */
typedef struct Conn
{
	struct Conn *next;
	struct Conn *prev;
	int fd;
	bool provider;			   /* has carried a provider's request */
	struct Exchange *exchange; /* a provider's request that has no whole answer yet */
} Conn;

typedef struct Exchange
{
	Request request;
	Reply reply;
	Conn *conn;
	Fault fault;
	bool fault_chosen;
	bool too_large;
	bool served; /* the reply is made, perhaps not yet due */
	bool login_counted;

	/* in the list of the sleeping or of the spare */
	struct Exchange *next;
	struct Exchange *prev;

	/* answers that are written piece by piece */
	Buf piece;
	size_t piece_at;
	bool drip_due;
} Exchange;

extern Exchange *exchange_new(void);
extern void exchange_release(Exchange *ex);

/* Asleep, libmicrohttpd leaves the connection alone; then it goes on. */
extern void exchange_sleep(Exchange *ex, int64_t ms);
extern void exchange_hang(Exchange *ex);
extern void exchanges_release(void);
extern bool exchanges_wake_all(void);
extern bool exchange_is_abandoned(const Exchange *ex);
extern void exchanges_free_spares(void);

extern struct MHD_Response *reply_response(Exchange *ex);
extern enum MHD_Result exchange_queue(Exchange *ex, struct MHD_Response *response);

/* fault.c */
extern void fault_serve(Exchange *ex);
extern enum MHD_Result fault_answer(Exchange *ex);

/* server.c */
extern bool server_is_stopping(void);

#endif /* SIMULATOR_EXCHANGE_H */
