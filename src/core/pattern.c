/*
 * pattern.c
 *		A regular expression that somebody else has written: see pattern.h.
 */
#include "core/pattern.h"

#include <regex.h>
#include <stddef.h>
#include <string.h>

/* The end of "[...]", or of the text where there is none. */
static const char *
bracket_end(const char *at)
{
	at += at[1] == '^' ? 2 : 1;
	if (*at == ']')
		at++;
	while (*at != '\0' && *at != ']')
	{
		char kind = at[1];

		if (*at++ != '[' || kind == '\0' || strchr(":.=", kind) == NULL)
			continue;

		/* "[:alpha:]" and its like, within. */
		for (at++; *at != '\0' && !(at[0] == kind && at[1] == ']'); at++)
			;
		if (*at != '\0')
			at += 2;
	}
	return at;
}

/* How often "{2,10}" has it written out, with the end of that; at least once. */
static size_t
repetitions(const char **at)
{
	size_t most = 1;
	size_t n = 0;

	for (; ((*at)[1] >= '0' && (*at)[1] <= '9') || (*at)[1] == ','; (*at)++)
	{
		n = (*at)[1] == ',' ? 0 : n * 10 + (size_t) ((*at)[1] - '0');
		if (n > MSG_PATTERN_MAX)
			n = MSG_PATTERN_MAX + 1;
		if (n > most)
			most = n;
	}
	*at += (*at)[1] == '}';
	return most;
}

bool
msgext_pattern_fits(const char *pattern, const char *text)
{
	regex_t compiled;
	bool fits;

	if (strlen(text) > MSG_PATTERN_TEXT_MAX ||
		regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	fits = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return fits;
}

bool
msgext_pattern_is_valid(const char *pattern)
{
	regex_t compiled;

	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	regfree(&compiled);
	return true;
}

bool
msgext_pattern_is_small(const char *pattern)
{
	size_t before[MSG_PATTERN_DEPTH + 1] = {0}; /* in each group that is open */
	size_t last = 0;							/* of what {} would repeat */
	int depth = 0;
	const char *at;

	for (at = pattern; *at != '\0'; at++)
	{
		if (*at == '{')
			last *= repetitions(&at);
		else if (*at == ')' && depth > 0)
			last += before[depth--];
		else if (strchr("*+?", *at) != NULL)
			last++;
		else
		{
			before[depth] += last;
			last = 1;
			if (*at == '\\' && at[1] >= '1' && at[1] <= '9')
				return false;
			if (*at == '\\' && at[1] != '\0')
				at++;
			else if (*at == '[')
				at = bracket_end(at);
			else if (*at == '(')
			{
				if (++depth > MSG_PATTERN_DEPTH)
					return false;
				before[depth] = 0;
			}
			if (*at == '\0')
				break;
		}
		if (before[depth] + last > MSG_PATTERN_MAX)
			return false;
	}
	return (size_t) (at - pattern) <= MSG_PATTERN_MAX;
}
