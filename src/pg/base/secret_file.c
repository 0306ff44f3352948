/*
 * secret_file.c
 *		A file that holds a secret: see secret_file.h.
 */
#include "postgres.h"

#include "storage/fd.h"

#include "pg/base/secret_file.h"
#include "pg/base/text.h"

#define SECRET_FILE_MAX 65536

char *
msgext_secret_file_read(const char *what, const char *path, const char **error)
{
	char *secret = palloc(SECRET_FILE_MAX + 1);
	FILE *file = AllocateFile(path, PG_BINARY_R);
	size_t len = file != NULL ? fread(secret, 1, SECRET_FILE_MAX + 1, file) : 0;

	if (file == NULL || ferror(file))
	{
		*error = msgext_to_utf8(psprintf("could not read the file of %s: %m", what));
		if (file != NULL)
			FreeFile(file);
		return NULL;
	}
	FreeFile(file);
	if (len > SECRET_FILE_MAX)
	{
		*error = psprintf("the file of %s is too large", what);
		return NULL;
	}
	while (len > 0 && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
		len--;
	secret[len] = '\0';
	if (strlen(secret) != len)
	{
		*error = psprintf("the file of %s holds a NUL byte", what);
		return NULL;
	}
	return secret;
}
