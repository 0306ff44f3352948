/*
 * md5.h
 *		MD5 (RFC 1321), which a provider may use to recognise equal bodies; the ledger
 *		tells documents by it.
 */
#ifndef SIMULATOR_MD5_H
#define SIMULATOR_MD5_H

#include <stddef.h>

#define MD5_TEXT_SIZE 33

/* In small hexadecimal digits, as PostgreSQL's md5() writes it. */
extern void md5_text(const void *data, size_t len, char text[MD5_TEXT_SIZE]);

#endif /* SIMULATOR_MD5_H */
