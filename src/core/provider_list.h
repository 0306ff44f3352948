/*
 * provider_list.h
 *		Which providers there are in this process: those that are built in, and those that
 *		libraries have registered. The only state that core keeps.
 */
#ifndef MSGEXT_PROVIDER_LIST_H
#define MSGEXT_PROVIDER_LIST_H

#include "core/provider.h"

/* The generated list of those that are built in; ends with NULL. */
extern const MsgProvider *const msgext_providers[];

/* NULL when there is none of that name. */
extern const MsgProvider *msgext_provider_find(const char *name);

/*
 * Takes one of another library, which stays loaded. The same one again changes nothing.
 * False with *error filled in when it was built for another ABI, disagrees with itself,
 * has another one's name, or is one too many.
 */
extern bool msgext_provider_add(const MsgProvider *provider, MsgError *error);

#endif /* MSGEXT_PROVIDER_LIST_H */
