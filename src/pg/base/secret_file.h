/*
 * secret_file.h
 *		A file that holds a secret, read with the server's rights: who names it must be a
 *		superuser.
 */
#ifndef MSGEXT_SECRET_FILE_H
#define MSGEXT_SECRET_FILE_H

/*
 * Its content without line ends at its end, in the current context; NULL, with *error set
 * in UTF-8, when it cannot be read. what names it for people: option "x".
 */
extern char *msgext_secret_file_read(const char *what, const char *path,
									 const char **error);

#endif /* MSGEXT_SECRET_FILE_H */
