/*
 * provider_list.c
 *		Which providers there are: see provider_list.h.
 */
#include "core/provider_list.h"

#include <string.h>

#define ADDED_MAX 64

static const MsgProvider *added[ADDED_MAX];
static int nadded = 0;

const MsgProvider *
msgext_provider_find(const char *name)
{
	const MsgProvider *const *provider;
	int i;

	for (provider = msgext_providers; *provider != NULL; provider++)
	{
		if (strcmp((*provider)->name, name) == 0)
			return *provider;
	}
	for (i = 0; i < nadded; i++)
	{
		if (strcmp(added[i]->name, name) == 0)
			return added[i];
	}
	return NULL;
}

bool
msgext_provider_add(const MsgProvider *provider, MsgError *error)
{
	const MsgProvider *known;

	if (!msgext_provider_check(provider, error))
		return false;
	known = msgext_provider_find(provider->name);
	if (known == provider)
		return true;
	if (known != NULL)
		return msgext_error(error, "", "name", "is that of another provider");
	if (nadded == ADDED_MAX)
		return msgext_error(error, "", "", "there are %d already", ADDED_MAX);
	added[nadded++] = provider;
	return true;
}
