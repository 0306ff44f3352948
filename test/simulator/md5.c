/*
 * md5.c
 *		MD5 in the ledger's form: see md5.h. The digest itself is libcrypto's.
 */
#include "md5.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void
md5_text(const void *data, size_t len, char text[MD5_TEXT_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	unsigned int i;

	if (EVP_Digest(data, len, digest, &size, EVP_md5(), NULL) != 1 ||
		size * 2 + 1 != MD5_TEXT_SIZE)
		abort();
	for (i = 0; i < size; i++)
		snprintf(text + i * 2, 3, "%02x", digest[i]);
}
