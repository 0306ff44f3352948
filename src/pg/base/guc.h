/*
 * guc.h
 *		The settings msgext.*, defined once.
 */
#ifndef MSGEXT_GUC_H
#define MSGEXT_GUC_H

#include "postgres.h"

extern int msgext_max_in_flight; /* msgext.max_in_flight, requests of one dispatcher */
extern int msgext_max_response_size; /* msgext.max_response_size, kB */
extern int msgext_retention;		 /* msgext.retention, minutes; -1 = for ever */
extern int msgext_restart_delay;	 /* msgext.restart_delay, ms; for developers */

extern int msgext_max_unmatched_callbacks; /* of one server */

extern char *msgext_listen_address;
extern int msgext_listen_port; /* 0 = no listener */
extern char *msgext_listen_role;
extern char *msgext_metrics_token_file; /* "" = no metrics over HTTP */
extern int msgext_listen_max_connections;
extern int msgext_listen_max_connections_per_address; /* 0 = no limit */
extern int msgext_listen_max_header_size;			  /* kB */
extern int msgext_listen_max_body_size;				  /* kB */
extern int msgext_listen_idle_timeout;				  /* s */
extern int msgext_listen_request_timeout;			  /* s */

extern char *msgext_console_address;
extern int msgext_console_port;	 /* 0 = no console */
extern char *msgext_console_url; /* "" = by its address and port */

extern void msgext_guc_define(void);

#endif /* MSGEXT_GUC_H */
