/*
 * provider.h
 *		The contract between the server and the APIs that it plays; the file to
 *		read before adding a provider.
 *
 * A provider is one file that fills one Provider table and is named in the
 * list in main.c. It sees requests whose bodies are complete and writes the
 * answer that the real provider would give. It never sees sockets, delays or
 * faults: those are the server's, and act alike on every provider.
 */
#ifndef SIMULATOR_PROVIDER_H
#define SIMULATOR_PROVIDER_H

#include "buf.h"
#include "ledger.h"

typedef struct Provider Provider;
typedef struct Request Request;
typedef struct Reply Reply;

/* Appends the next piece of a long answer; false when there was none left. */
typedef bool (*ReplySource)(void *state, Buf *out);

#define REPLY_HEADERS_MAX 8

typedef struct ReplyHeader
{
	const char *name; /* lives as long as the process */
	char value[256];
} ReplyHeader;

struct Reply
{
	unsigned status;
	const char *content_type;
	ReplyHeader headers[REPLY_HEADERS_MAX]; /* beside the content type */
	int headers_len;
	Buf body;
	ReplySource source; /* instead of body: an answer of any length */
	void *source_state; /* freed with free() */
};

typedef struct Route
{
	const char *method;
	/* below the provider's prefix; "*" = any, else a star is any text without a slash */
	const char *path;
	const char *op; /* "send", "status", "login": the word used in scripts */
	void (*handle)(Request *request, Reply *reply);
} Route;

struct Request
{
	const char *method;
	const char *path;
	Buf body;
	const Provider *provider; /* NULL for the simulator's own endpoints */
	const Route *route;
	void *connection;
	LedgerRange entries; /* what this request has put into the ledger */
	const char *oddity;	 /* one of the provider's, or NULL */
};

struct Provider
{
	const char *name;	 /* in scripts, in the ledger, in option names */
	const char *prefix;	 /* "/devino" */
	const Route *routes; /* ends with a NULL method */

	/*
	 * Where the path does not tell the operation: chooses when the body has come.
	 * Faults are then chosen no earlier. NULL if the path does tell.
	 */
	const Route *(*choose_route)(const Request *request);

	/*
	 * the word in scripts for what handle() asks script_pick() about itself, or NULL;
	 * and the actions that it knows
	 */
	const char *part;
	const char *const *part_actions;

	/* words for answers that are odd in a way of the provider's own, or NULL */
	const char *const *oddities;

	void (*start)(void);
	void (*stop)(void);

	/* forgets every message; ids already given must not come again */
	void (*reset)(void);

	/* ends every session that logins have opened; NULL if there are no logins */
	void (*expire)(void);

	/* --<name>-<option> VALUE; false if there is no such option */
	bool (*set_option)(const char *option, const char *value);

	/* script actions "code" and "inner": refuse in the provider's own form */
	void (*refuse)(Request *request, Reply *reply, const char *code,
				   const char *description);
	void (*reject)(Request *request, Reply *reply, const char *code);
};

extern const Provider *const providers[]; /* ends with NULL; in main.c */

extern const Provider devino_provider;
extern const Provider diadoc_provider;
extern const Provider edna_provider;
extern const Provider personium_provider;
extern const Provider webhook_provider;

/* How this process was asked to behave; set by main.c and control.c only. */
typedef struct Settings
{
	int latency_ms;
	int status_step_ms;
	bool ledger_bodies;
	bool checks;
	const char *stamp; /* what marks a message to be timed, or NULL */
} Settings;

extern Settings settings;

/* in exchange.c; the answers live as long as the request */
extern const char *request_header(const Request *request, const char *name);
extern const char *request_argument(const Request *request, const char *name);
extern void reply_text(Reply *reply, unsigned status, const char *text);
extern void reply_header(Reply *reply, const char *name, const char *value);

#endif /* SIMULATOR_PROVIDER_H */
