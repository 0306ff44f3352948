/*
 * worker.h
 *		The background processes: one launcher per cluster, one worker per database that
 *		has the extension, one listener and one console where these have a port, and one
 *		feeder where it has handlers, or consumers that want NOTIFY.
 */
#ifndef MSGEXT_WORKER_H
#define MSGEXT_WORKER_H

#include "postgres.h"

/* Registers the launcher, while the library is being preloaded. */
extern void msgext_launcher_register(void);

extern PGDLLEXPORT void msgext_launcher_main(Datum arg);
extern PGDLLEXPORT void msgext_worker_main(Datum arg);
extern PGDLLEXPORT void msgext_listener_main(Datum arg);
extern PGDLLEXPORT void msgext_console_main(Datum arg);
extern PGDLLEXPORT void msgext_feeder_main(Datum arg);

#endif /* MSGEXT_WORKER_H */
