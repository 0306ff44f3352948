/*
 * option.h
 *		Options of servers and user mappings: names, kinds, defaults, and reading of
 *		the values that need no server to be read.
 */
#ifndef MSGEXT_OPTION_H
#define MSGEXT_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"

typedef enum MsgOptionPlace
{
	MSG_OPTION_SERVER,
	MSG_OPTION_MAPPING
} MsgOptionPlace;

typedef enum MsgOptionKind
{
	MSG_OPTION_TEXT,
	MSG_OPTION_URL,		 /* http or https, a host, no credentials, no query */
	MSG_OPTION_PROXY,	 /* as libcurl takes it, no credentials */
	MSG_OPTION_FILE,	 /* absolute path */
	MSG_OPTION_PATIENCE, /* a duration, or 'off' */
	MSG_OPTION_DURATION, /* an interval, as PostgreSQL reads it; more than zero */
	MSG_OPTION_COUNT,	 /* a whole number from 1 to 1,000,000 */
	MSG_OPTION_RATE,	 /* '50/s', '5/day', or 'off' */
	MSG_OPTION_SHARE,	 /* '1/3': a part of a rate, at most all of it */
	MSG_OPTION_CHOICE,	 /* one of choices */
	MSG_OPTION_ZONE,	 /* 'UTC' or an offset such as '+03:00' */
	MSG_OPTION_LOGIN,	 /* text without a colon (RFC 7617) */
	MSG_OPTION_PATTERN,	 /* a regular expression, POSIX extended */
	MSG_OPTION_HEADERS,	 /* a JSON object of header fields (http_text.h); no default */
	MSG_OPTION_STATUSES, /* '2xx,304' */
	MSG_OPTION_PATH,	 /* '/path?query', percent-encoded */
	MSG_OPTION_WORDS	 /* one or several, with blanks between */
} MsgOptionKind;

typedef struct MsgOption
{
	const char *name;
	MsgOptionPlace place;
	MsgOptionKind kind;
	const char *fallback; /* used when not set; NULL = none */
	const char *choices;  /* of CHOICE, separated by "|" */
	bool secret;		  /* never shown; has a superuser-only form "<name>_file" */
	bool required;		  /* a server is refused without it; a mapping cannot send */
} MsgOption;

typedef struct MsgRate
{
	int64_t count;	/* 0 = off */
	int64_t per_ms; /* the period's length */
} MsgRate;

/* parts of whole, from '1/1' down. */
typedef struct MsgShare
{
	int64_t parts;
	int64_t whole;
} MsgShare;

/* The options every provider has; ends with a NULL name. */
extern const MsgOption msgext_common_options[];

/* own (a provider's table, searched first) may be NULL. NULL when there is none. */
extern const MsgOption *msgext_option_find(const MsgOption *own, MsgOptionPlace place,
										   const char *name);

/*
 * Checks a value of every kind but durations, which only the server can read. The arena is
 * for what HEADERS are read into.
 */
extern bool msgext_option_check(MsgArena *arena, const MsgOption *option,
								const char *value, MsgError *error);
extern bool msgext_rate_parse(const char *text, MsgRate *rate);
extern bool msgext_share_parse(const char *text, MsgShare *share);

#endif /* MSGEXT_OPTION_H */
