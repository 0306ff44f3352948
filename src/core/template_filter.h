/*
 * template_filter.h
 *		What a template does to a value on its way into the message.
 *
 * A filter takes a text and gives another; it knows neither templates nor JSON.
 */
#ifndef MSGEXT_TEMPLATE_FILTER_H
#define MSGEXT_TEMPLATE_FILTER_H

#include "core/buf.h"
#include "core/error.h"

typedef enum MsgFilterKind
{
	MSG_FILTER_UPPER,
	MSG_FILTER_LOWER,
	MSG_FILTER_DATE,
	MSG_FILTER_TRUNCATE,
	MSG_FILTER_DEFAULT, /* is the caller's: it takes what is no text too */
	MSG_FILTER_BASE64
} MsgFilterKind;

typedef struct MsgFilter
{
	MsgFilterKind kind;
	const char *argument; /* NUL-terminated; NULL when there is none */
	size_t len;
	size_t limit; /* of TRUNCATE */
} MsgFilter;

/* Finds the filter of that name, and checks the argument. False: see *error. */
extern bool msgext_filter_read(MsgFilter *filter, const char *name, size_t name_len,
							   const char *argument, size_t len, MsgError *error);

/*
 * Appends what the filter makes of the text, which is valid UTF-8 but where bytes are
 * encoded. False: the text is not one that the filter takes, see *error.
 */
extern bool msgext_filter_apply(const MsgFilter *filter, const char *text, size_t len,
								MsgBuf *out, MsgError *error);

#endif /* MSGEXT_TEMPLATE_FILTER_H */
