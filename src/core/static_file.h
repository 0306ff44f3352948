/*
 * static_file.h
 *		Files of the console's page, embedded when the library is built: console/ in the
 *		sources, build/static_files.c in C.
 */
#ifndef MSGEXT_STATIC_FILE_H
#define MSGEXT_STATIC_FILE_H

#include <stddef.h>

typedef struct MsgStaticFile
{
	const char *path; /* as it is asked for; NULL ends the list */
	const char *type;
	const unsigned char *data;
	size_t len;
} MsgStaticFile;

extern const MsgStaticFile msgext_static_files[];

#endif /* MSGEXT_STATIC_FILE_H */
