/*
 * provider_list.c
 *		Which providers there are: see provider_list.h.
 */
#include "core/provider_list.h"

#include <string.h>

#define ADDED_MAX 64

static struct
{
	const MsgProvider *provider;
	bool preloaded;
} added[ADDED_MAX];
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
		if (strcmp(added[i].provider->name, name) == 0)
			return added[i].provider;
	}
	return NULL;
}

bool
msgext_provider_is_everywhere(const MsgProvider *provider)
{
	int i;

	for (i = 0; i < nadded; i++)
	{
		if (added[i].provider == provider)
			return added[i].preloaded;
	}
	return true;
}

bool
msgext_provider_add(const MsgProvider *provider, bool preloaded, MsgError *error)
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
	added[nadded].provider = provider;
	added[nadded++].preloaded = preloaded;
	return true;
}
