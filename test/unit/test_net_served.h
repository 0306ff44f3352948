/*
 * test_net_served.h
 *		A listener and who asks it. One thread is both sides: it writes bytes, pumps, and
 *		reads what came of it.
 */
#ifndef MSGEXT_TEST_NET_SERVED_H
#define MSGEXT_TEST_NET_SERVED_H

#include "net/http_listener.h"

#define POST "POST /vk/token HTTP/1.1\r\nHost: x\r\n"

/* Bytes and their number. */
#define BYTES(text) text, sizeof(text) - 1

typedef struct Served
{
	MsgHttpListener *listener;
	int port;
	int pushes;	   /* that were taken */
	char last[64]; /* body of the last one */
	char last_headers[400];
	MsgPushAnswer answer; /* that each gets */
	bool answering;		  /* else they are the test's to take */
} Served;

extern Served served;

/* A test by this name, with a listener for POST. */
extern void served_begin(const char *name, int connections);
extern void served_end(void);

extern int served_dial(void);
extern void served_say(int fd, const char *bytes, size_t len);

/* One round of the owner's: waits a moment at most. */
extern void served_pump(void);

/* What comes back on a connection until its end, or until there are so many answers. */
extern const char *served_hear(int fd, int answers);

/* The statuses of all answers on a connection that is closed by the listener. */
extern const char *served_statuses(const char *bytes, size_t len);

extern int64_t served_now_us(void);

#endif /* MSGEXT_TEST_NET_SERVED_H */
