/*
 * edna_check.c
 *		Whether edna would take a message, and with which of its codes it would
 *		refuse it.
 *
 * consumeOutMessageRequest, the fields of outMessage. Lengths that its pages do not give
 * are not invented here. Pure functions of the message.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edna.h"

#define ADDRESS_MAX 15 /* E.164 */

static bool
is_digits(const char *text, size_t max)
{
	size_t len = strspn(text, "0123456789");

	return len > 0 && len <= max && text[len] == '\0';
}

/* "integer"; what is no number sinks the packet: error-out-message-client-id-format. */
bool
edna_client_id(const char *text, uint64_t *id)
{
	if (!is_digits(text, 19))
		return false;
	errno = 0;
	*id = strtoull(text, NULL, 10);
	return errno == 0 && *id <= INT64_MAX;
}

/* "YYYY-MM-DD hh:mm:ss", no zone. */
static bool
is_time(const char *text)
{
	unsigned month;
	unsigned day;
	unsigned hour;
	unsigned minute;
	unsigned second;
	const char *form = "dddd-dd-dd dd:dd:dd";
	size_t i;

	if (strlen(text) != strlen(form))
		return false;
	for (i = 0; form[i] != '\0'; i++)
	{
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	}
	return sscanf(text + 5, "%u-%u %u:%u:%u", &month, &day, &hour, &minute, &second) ==
			   5 &&
		   month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 &&
		   minute <= 59 && second <= 59;
}

static bool
is_priority(const char *text)
{
	static const char *const priorities[] = {"low", "normal", "high", "realtime"};
	size_t i;

	for (i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++)
	{
		if (strcmp(priorities[i], text) == 0)
			return true;
	}
	return false;
}

const char *
edna_check(const EdnaItem *item)
{
	char *const *fields = item->fields;

	if (fields[EDNA_ADDRESS] == NULL || *fields[EDNA_ADDRESS] == '\0')
		return "error-address-not-specified";
	if (!is_digits(fields[EDNA_ADDRESS], ADDRESS_MAX))
		return "error-address-format";
	if (fields[EDNA_SUBJECT] != NULL && *fields[EDNA_SUBJECT] == '\0')
		return "error-subject-format";
	if (fields[EDNA_PRIORITY] != NULL && !is_priority(fields[EDNA_PRIORITY]))
		return "error-priority-format";
	if (fields[EDNA_START_TIME] != NULL && !is_time(fields[EDNA_START_TIME]))
		return "error-start-time-format";
	if (fields[EDNA_VALIDITY] != NULL &&
		(!is_digits(fields[EDNA_VALIDITY], 9) || atol(fields[EDNA_VALIDITY]) == 0))
		return "error-validity-period-minutes-format";
	if (fields[EDNA_CONTENT_TYPE] != NULL && *fields[EDNA_CONTENT_TYPE] == '\0')
		return "error-content-type-format";
	if (fields[EDNA_CONTENT] == NULL || *fields[EDNA_CONTENT] == '\0')
		return "error-content-not-specified";
	return NULL;
}
