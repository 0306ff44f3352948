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

/* Has every process this provider? Else its library was loaded by this one alone. */
extern bool msgext_provider_is_everywhere(const MsgProvider *provider);

/*
 * Takes one of another library, which stays loaded. The same one again changes nothing.
 * False with *error filled in when it was built for another ABI, disagrees with itself,
 * has another one's name, or is one too many. What is preloaded, every process has.
 */
extern bool msgext_provider_add(const MsgProvider *provider, bool preloaded,
								MsgError *error);

#endif /* MSGEXT_PROVIDER_LIST_H */
