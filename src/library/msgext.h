/*
 * msgext.h
 *		For a library that brings a provider of its own: registers it with msgext.
 *
 * To be included behind postgres.h. Installed beside core/, and not part of msgext itself.
 * Call it from _PG_init(), wherever the library is loaded; msgext is loaded where it has
 * not been.
 */
#ifndef MSGEXT_H
#define MSGEXT_H

#include "fmgr.h"

#include "core/provider.h"

/* ERROR when the provider was built for another version of msgext, or is not sound. */
static inline void
msgext_register_provider(const MsgProvider *provider)
{
	void (*take)(const MsgProvider *) =
		(void (*)(const MsgProvider *)) load_external_function(
			"$libdir/msgext", "msgext_register_provider", true, NULL);

	take(provider);
}

#endif /* MSGEXT_H */
