/*
 * stub.h
 *		How the provider is to answer in a test: rules for requests to come, in rows of
 *		msgext_test.stub.
 */
#ifndef MSGEXT_STUB_H
#define MSGEXT_STUB_H

#include "core/provider.h"
#include "nodes/pg_list.h"
#include "pg/store/table.h"
#include "utils/jsonb.h"

typedef enum MsgReplyKind
{
	MSG_REPLY_SAMPLE,  /* in the provider's own words, by its codec */
	MSG_REPLY_HTTP,	   /* status, headers and body as they are */
	MSG_REPLY_TIMEOUT, /* none: not taken, and nobody can tell */
	MSG_REPLY_LOST,	   /* none, though the provider has taken it */
	MSG_REPLY_REFUSED  /* no connection */
} MsgReplyKind;

/* What an answer is to be. */
typedef struct MsgScripted
{
	const char *text; /* as the test has it */
	MsgReplyKind kind;
	MsgVerdict verdict; /* of a sample */
	const char *code;	/* of a sample, or NULL */
	int retry_after;	/* seconds, of a sample; -1 = not told */
	int status;
	const char *headers; /* lines, each ended by \n */
	const char *body;
	size_t body_len;
} MsgScripted;

typedef struct MsgStub
{
	int position;
	Oid server; /* InvalidOid = any */
	const char *recipient;
	Jsonb *message;
	int times; /* -1 = for ever */
	int after; /* so many requests that fit go by first */
	int passed;
	int used;
	bool changed;
	MsgScripted answer;
	ItemPointerData tid;
} MsgStub;

/* Of what a request says of one message; message is called when a rule asks for it. */
typedef struct MsgStubbed
{
	Oid server;
	const char *recipient;
	Jsonb *(*message)(void *arg);
	void *arg;
} MsgStubbed;

/* Headers as an object of texts, as lines; ERROR 22023 when they are not. */
extern char *msgext_scripted_headers(Jsonb *headers);

/* The rules of the case, in order: a list of MsgStub *. */
extern List *msgext_stubs_read(int64 number);
/* The answer by the first rule that fits and is not used up, or NULL; counts it. */
extern const MsgScripted *msgext_stubs_answer(List *stubs, const MsgStubbed *request);
/* Writes down what has been counted. */
extern void msgext_stubs_write(List *stubs);

#endif /* MSGEXT_STUB_H */
