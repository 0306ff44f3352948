/*
 * callbacks.h
 *		Status changes on their way to the client: kept until they are fetched,
 *		or posted to a URL by threads of their own.
 *
 * The functions may be called from any thread.
 */
#ifndef SIMULATOR_CALLBACKS_H
#define SIMULATOR_CALLBACKS_H

#include "buf.h"

typedef struct CallbackEvent CallbackEvent;

/* What a provider's bodies look like; a body holds events of one form only. */
typedef struct CallbackForm
{
	const char *provider;
	const char *content_type;
	const char *open;
	const char *between; /* two events */
	const char *close;

	/* writes one event; "table" asks for the other spelling of its members */
	void (*write)(Buf *out, const CallbackEvent *event, bool table);
} CallbackForm;

struct CallbackEvent
{
	uint64_t id;
	int64_t at_ms;
	const char *status; /* the strings live until callbacks_clear() */
	const char *error;
	const CallbackForm *form;
};

typedef struct CallbackTally
{
	uint64_t posted;	/* bodies answered with 200 */
	uint64_t failed;	/* posts answered with anything else, or not at all */
	uint64_t recovered; /* bodies that failed first and got their 200 later */
	uint64_t events;
	uint64_t pending;
	uint64_t dropped; /* events that found the ring full */
} CallbackTally;

extern void callbacks_start(void);
extern void callbacks_stop(void);
extern void callbacks_add(const CallbackEvent *event);
extern bool callbacks_configure(const char *json, size_t len, Buf *message);
extern bool callbacks_fetch(size_t max, Buf *out, const char **content_type);
extern void callbacks_clear(void);
extern CallbackTally callbacks_tally(void);

#endif /* SIMULATOR_CALLBACKS_H */
