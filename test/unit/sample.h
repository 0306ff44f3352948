/*
 * sample.h
 *		Samples: golden files in src/providers/<name>/samples, one folder a provider.
 *
 * Knows their forms and no provider. A file's name is the sample's name, a dot and its
 * kind. All text is UTF-8; the line break at the end of a file is not part of it. In a
 * string of a JSON file "${1000:text}" stands for text a thousand times.
 *
 *	connection.json			url, and the options of server and user mapping
 *	NAME.message.json		a payload (with NAME.part1, NAME.part2 ..., if it has any), or
 *							a list of those that go in one request
 *	NAME.request			what is sent for it: "METHOD url", headers, and if there is
 *							a body a blank line and the body
 *	NAME.unsent				in place of a request: the path of the error why there is none
 *	NAME.options.json		further options for NAME.message.json, which win
 *	NAME.fragment.json		limit_key, recipient, channels and key of its fragment
 *	NAME.described.json		what is told of its fragment, of a list that of the last
 *	NAME.refusals.json		{"base": payload, "cases": [{"set": {path: value}, "unset":
 *							[path], "code", "path"}]}: payloads that are refused, or
 *							taken where "code" is null
 *	NAME.reply				an answer to a send: status, headers, blank line, body
 *	NAME.status-reply		an answer to a status request
 *	NAME.outcome.json		what either means, {"unreadable": true} if nothing; a list
 *							where NAME.job.json is one
 *	NAME.answers.json		[{"status", "headers", "body", "outcome"}]: many short ones;
 *							a body that is no string is written out as JSON; "job", and
 *							with a list of jobs a list of outcomes
 *	NAME.status-answers.json	the same of status requests
 *	NAME.job.json			the message of a status request or an attempt: id, key,
 *							attempt, maybe_sent, provider_id, channels, created,
 *							accepted, now, detail, and fragment where it is JSON; or a
 *							list of such
 *	NAME.status-request		the request for NAME.job.json
 *	NAME.logins.json		[{"options", "refresh_token", "needed", "request", "error"}]:
 *							what is asked for a session with these options alone; the
 *							path of the error where nothing can be asked
 *	NAME.login-answers.json	[{"options", "status", "headers", "body", "login"}]: what
 *							answers mean, {"unreadable": true} if nothing; "authorization"
 *							of the login is the first header that is sent with it
 *	NAME.callback			a push as it comes in
 *	NAME.events.json		its events, {"unreadable": true} if it cannot be read
 *	NAME.callbacks.json		[{"body", "options", "events"}]: many short ones, read with
 *							further options of server or mapping; "headers", "now",
 *							"window_s" and "secrets" are the push's, "pushed" is its
 *							id, type, status and answer
 */
#ifndef MSGEXT_SAMPLE_H
#define MSGEXT_SAMPLE_H

#include "core/provider.h"

typedef struct SampleFile
{
	const char *name; /* without the kind */
	const char *kind; /* such as "message.json" */
	const char *bytes;
	size_t len;
} SampleFile;

/* One provider's folder, sorted by name. */
typedef struct Samples
{
	const MsgProvider *provider;
	MsgConn conn;
	SampleFile *files;
	int count;
} Samples;

/* Lives until samples_close, in an arena of its own. */
extern bool samples_open(Samples *samples, const MsgProvider *provider);
extern void samples_close(void);

extern const SampleFile *sample_find(const Samples *samples, const char *name,
									 const char *kind);

/* Reads a sample as JSON in the arena of the running test; NULL makes the test fail. */
extern MsgJson *sample_json(const char *bytes, size_t len);

/* The payload of a message sample, with its parts. */
extern bool sample_payload(const Samples *samples, const SampleFile *file,
						   MsgPayload *payload);

/* Also says what the time is; job may be NULL. */
extern void sample_job(const MsgJson *job, MsgJob *out, int64_t *now_us);

/* The same of a list, or of one; returns how many there are. */
extern int sample_jobs(const MsgJson *json, MsgJob **jobs, int64_t *now_us);

extern bool sample_reply(const SampleFile *file, MsgReply *reply);

/* The same of a row with status, headers and body; what is no string is its JSON. */
extern bool sample_reply_row(const MsgJson *row, MsgReply *reply);

/* The request as a .request file has it. */
extern MsgBuf sample_request_text(const MsgRequest *request);

/* Trees to compare with golden ones. */
extern MsgJson *sample_outcome_json(const MsgOutcome *outcome);
extern MsgJson *sample_events_json(const MsgEvent *events);
/* All but the events. */
extern MsgJson *sample_pushed_json(const MsgPushed *pushed);

/* The headers, time, window and secrets that a row of callbacks.json gives a push. */
extern void sample_push_row(const MsgJson *row, MsgInbound *inbound);

/* The same, whatever the order of members. */
extern bool sample_same(const MsgJson *a, const MsgJson *b);
extern const char *sample_text(const MsgJson *node);

#endif /* MSGEXT_SAMPLE_H */
