/*
 * server.h
 *		Foreign servers and user mappings as the engine and the codecs need them.
 *
 * Owns the per-process cache of servers and accounts, dropped when the catalogs change.
 * This is the only place that reads a secret; none leaves it but inside a MsgConn.
 */
#ifndef MSGEXT_SERVER_H
#define MSGEXT_SERVER_H

#include "core/provider.h"
#include "net/http_client.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* A server with its settings read. */
typedef struct MsgServer
{
	char *name;
	Oid oid;
	const MsgProvider *provider;
	const MsgSetting *settings; /* of the server; ends with a NULL name */
	MsgConn conn;				/* without a mapping's settings: for prepare */
	MsgHttpTarget target;
	MsgPolicy policy;
	MsgRate rate_limit;
	MsgRate recipient_limit;
	int max_in_flight;			/* requests */
	int batch_size;				/* messages a request at most */
	int64_t callback_window_ms; /* how old a push may be; 0 = any age */
	bool poll;
	int64_t poll_min_ms;
	int64_t poll_max_ms;
	int64_t poll_give_up_ms;
	int64_t break_after_ms;		  /* 0 = never */
	int64_t expires_after_ms;	  /* of messages that say nothing of it; 0 = never */
	int64_t payload_retention_ms; /* 0 = as long as the message */
	bool records_invalid;		  /* on_invalid 'record' */
	const char *redirect;		  /* everything goes to this recipient, or NULL */
	const char *allow_recipients; /* nothing goes to any other, or NULL */

	/* the cache's own */
	MemoryContext context;
	List *accounts;
	Oid sender; /* of msgext_server_sender(), or InvalidOid */
	char sender_name[NAMEDATALEN];
	const char **callback_secrets; /* NULL = not gathered yet */
	int refs; /* users beyond the current call; a stale server lives until it is 0 */
	bool stale;
} MsgServer;

/* A server as it is listed: nothing of its settings has been read. */
typedef struct MsgServerEntry
{
	Oid oid;
	char *name;
	const char *provider_name;
	const MsgProvider *provider; /* NULL = not loaded in this process */
} MsgServerEntry;

/* A server with one sender's credentials. */
typedef struct MsgAccount
{
	Oid role;	 /* InvalidOid: PUBLIC, or a role that was dropped */
	bool public; /* PUBLIC itself, for its callback token */
	MsgConn conn;
	const char *error; /* why it cannot be used, in UTF-8, or NULL */
	TimestampTz read_at;
	const char **secrets;  /* ends with NULL; for msgext_mask() */
	Oid mapping;		   /* the user mapping */
	TransactionId version; /* the transaction that has written it */
	uint64 credentials;	   /* a digest of all its settings but the refresh token */
	int64 target;		   /* one of the url and what is no secret */
	char *refresh_file;	   /* where the refresh token is kept, if in a file */
} MsgAccount;

/*
 * The server of that name, or of that oid; NULL when there is none, or it is not one of
 * ours. ERROR when an option of it cannot be read. Valid until control returns to the
 * caller of the cache's next lookup, unless pinned.
 */
extern MsgServer *msgext_server_find(const char *name);
extern MsgServer *msgext_server_get(Oid oid);
extern void msgext_server_pin(MsgServer *server);
extern void msgext_server_unpin(MsgServer *server);

/*
 * The provider of a server of that oid, where it is one of a library that has not been
 * loaded in this process; NULL for all other servers, and for none.
 */
extern char *msgext_server_missing_provider(Oid oid);

/*
 * May a status be asked for of the server of that oid, now or when its provider is loaded?
 * Not of one that was dropped.
 */
extern bool msgext_server_may_poll(Oid oid);

/* All servers of ours, sorted by name: MsgServerEntry *, in the current context. */
extern List *msgext_server_entries(void);
/* The oids of those whose provider is loaded, and of the others. */
extern List *msgext_server_oids(void);
extern List *msgext_server_oids_missing(void);

/* Changes whenever a server, mapping or wrapper may have changed. */
extern uint64 msgext_server_generation(void);

/* Forces every cached server and account to be read anew, files too. */
extern void msgext_server_forget_all(void);

/*
 * Appends catalog options (of DefElem *), in UTF-8 but for paths, to settings, which end
 * with a NULL name, or are NULL; in the current context.
 */
extern MsgSetting *msgext_settings_add(MsgSetting *settings, List *options);

/* How long an option of kind MSG_OPTION_DURATION is; 0 where it is not set. */
extern int64 msgext_server_duration_ms(const MsgConn *conn, const char *name);

/*
 * The role's user mapping for the server, else PUBLIC's, else InvalidOid. *version, if
 * asked for, is the transaction that has written it.
 */
extern Oid msgext_mapping_of(Oid server, Oid role, TransactionId *version);

/*
 * The name of a role that sends through the server; NULL where neither it nor PUBLIC has a
 * user mapping. Kept for the last role asked for, as a statement may queue many messages;
 * lives as long as the server.
 */
extern const char *msgext_server_sender(MsgServer *server, Oid role);

/*
 * Whose it is: the role's name, or PUBLIC. NULL when there is no such mapping, or it has
 * been changed since this version.
 */
extern char *msgext_mapping_owner(Oid mapping, TransactionId version);

/*
 * The account of a role, by its own mapping or else PUBLIC's. Never NULL, see its error,
 * which calls the role by name where it exists no more. Lives as long as the server.
 */
extern MsgAccount *msgext_server_account(MsgServer *server, Oid role, const char *name);

/* A callback token has so many characters at least. */
#define MSG_TOKEN_MIN 16

/*
 * The tokens that callbacks for the server may come with: a list of const char *, as
 * long-lived as the server. They count from the mappings of roles that may receive
 * callbacks for it or own it, and from PUBLIC's, which only the owner can write. *error,
 * if not NULL already, becomes why a mapping's token cannot be used.
 */
extern List *msgext_server_callback_tokens(MsgServer *server, const char **error);

/*
 * The values of option callback_secret in the same mappings, for pushes that are signed: a
 * list that ends with NULL, in the current context or the server's; the texts live as long
 * as the server.
 */
extern const char *const *msgext_server_callback_secrets(MsgServer *server);

/*
 * All secrets of all mappings for the server, callback tokens included, for
 * msgext_mask(): a list that ends with NULL, in the current context; the texts live as
 * long as the server.
 */
extern const char **msgext_server_secrets(MsgServer *server);

#endif /* MSGEXT_SERVER_H */
