/*
 * personium.h
 *		What the files that play Personium share: a cell, a message as it was sent, and
 *		what became of it at each target.
 *
 * For personium*.c only. "Message send", "Error messages" and so on in comments are the
 * provider's pages of those names.
 */
#ifndef SIMULATOR_PERSONIUM_H
#define SIMULATOR_PERSONIUM_H

#include <jansson.h>

#include "provider.h"

#define PERSONIUM_ID_LEN 32
#define PERSONIUM_CELL_MAX 128
#define PERSONIUM_JSON_TYPE "application/json"

/* The cell that a request is for. */
typedef struct PersoniumCell
{
	char name[PERSONIUM_CELL_MAX + 1];
	char url[256]; /* with a slash at its end */
} PersoniumCell;

typedef enum PersoniumGeneration
{
	GENERATION_1_5,
	GENERATION_1_6
} PersoniumGeneration;

typedef struct PersoniumMessage
{
	json_t *root;
	const char *id; /* the sender's own, or NULL */
	char **targets; /* distinct, each with a slash at its end */
	int targets_len;
	bool box_bound;
} PersoniumMessage;

/* Why a request is refused. */
typedef struct PersoniumObjection
{
	const char *code; /* NULL = it is not */
	char text[256];
} PersoniumObjection;

/*
 * personium_check.c: reads the body of a message; personium_message_free() in any case.
 */
extern PersoniumObjection personium_read(const Buf *body, bool box_for_schema,
										 PersoniumMessage *message);
extern void personium_message_free(PersoniumMessage *message);
extern bool personium_check_option(const char *option, const char *value);
extern const char *personium_version(void);
extern void personium_check_stop(void);

/* personium_store.c */

/* What is known of an id at a receiving cell: the ledger's line, or 0 = nothing. */
extern uint64_t personium_received(const char *target, const char *id);
extern void personium_receive(const char *target, const char *id, uint64_t ledger);

/* The copies that sending cells keep; NULL = there is none. */
typedef struct PersoniumSent
{
	char etag[64];
	Buf answer;
} PersoniumSent;

extern const PersoniumSent *personium_sent(const char *cell, const char *id);
/* Takes what is in the copy. */
extern void personium_keep_sent(const char *cell, const char *id, PersoniumSent *sent);
extern void personium_forget(void);

/* personium_login.c */
extern void personium_token(Request *request, Reply *reply);
/* Answers if the request may not pass; *schema = its token names an application. */
extern bool personium_authorized(const Request *request, const PersoniumCell *cell,
								 bool *schema, Reply *reply);
extern void personium_login_refuse(const Request *request, Reply *reply, const char *code,
								   const char *text);
extern bool personium_login_option(const char *option, const char *value);
extern void personium_login_start(void);
extern void personium_login_stop(void);
extern void personium_expire(void);

/* personium.c */
extern bool personium_cell(const Request *request, PersoniumCell *cell, Reply *reply);
extern unsigned personium_status_of(const char *code);
/* An answer in the provider's form of an error; cell = NULL if it is not known. */
extern void personium_refuse(Reply *reply, const PersoniumCell *cell, const char *code,
							 const char *text);

#endif /* SIMULATOR_PERSONIUM_H */
