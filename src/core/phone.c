/*
 * phone.c
 *		Phone numbers in international form: see phone.h.
 */
#include "core/phone.h"

#include <string.h>

/*
 * ITU-T E.164: at most fifteen digits, the first of them of a country code, none of
 * which starts with 0. The shortest numbers in use have seven.
 */
#define PHONE_MIN 7
#define PHONE_MAX 15

const char *
msgext_phone_digits(const MsgJson *node)
{
	const char *digits = node->text;
	size_t len = node->len;

	/* Digits that came as a number are the same digits; a fraction is caught below. */
	if (node->type != MSG_JSON_STRING && node->type != MSG_JSON_NUMBER)
		return NULL;
	if (len > 0 && *digits == '+')
	{
		digits++;
		len--;
	}
	if (len < PHONE_MIN || len > PHONE_MAX || *digits == '0' ||
		strspn(digits, "0123456789") != len)
		return NULL;
	return digits;
}
