/*
 * diadoc_reading.h
 *		A MessageToPost while it is being read: fields, and the first objection.
 *
 * For diadoc_check.c and diadoc_document.c only.
 */
#ifndef SIMULATOR_DIADOC_READING_H
#define SIMULATOR_DIADOC_READING_H

#include "diadoc.h"
#include "wire.h"

#define BAD_REQUEST "Http.BadRequest"

typedef struct Reading
{
	DiadocMessage *message;
	DiadocObjection objection;
} Reading;

/* Notes the objection, unless there is one already. */
extern void diadoc_object(Reading *reading, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
extern bool diadoc_fine(const Reading *reading);

/* The next field; a broken one is an objection and the end. */
extern bool diadoc_next(Reading *reading, Wire *wire, WireField *field);

/* Is it of the type that the field has? Objects if not. */
extern bool diadoc_is_type(Reading *reading, const WireField *field, WireType type);
extern void diadoc_take_text(Reading *reading, const WireField *field, char **text);
extern void diadoc_take_bool(Reading *reading, const WireField *field, bool *value);
extern void diadoc_require(Reading *reading, bool there, const char *what);

/* A message whose fields from 1 to required must be there. */
extern void diadoc_check_pair(Reading *reading, const WireField *field, int required,
							  const char *const *names);

extern void diadoc_read_document(Reading *reading, const WireField *field,
								 DiadocDocument *document);
extern void diadoc_read_old_document(Reading *reading, const WireField *field,
									 DiadocDocument *document);

#endif /* SIMULATOR_DIADOC_READING_H */
