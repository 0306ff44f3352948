/*
 * lengthof.h
 *		The number of elements of an array, as PostgreSQL's c.h has it.
 */
#ifndef MSGEXT_LENGTHOF_H
#define MSGEXT_LENGTHOF_H

#ifndef lengthof
#define lengthof(array) (sizeof(array) / sizeof((array)[0]))
#endif

#endif /* MSGEXT_LENGTHOF_H */
