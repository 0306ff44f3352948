/*
 * validator.c
 *		Checks the options of servers and user mappings when they are written.
 *
 * One C function serves every provider: it finds its own by the name of the SQL function
 * it is called as, <provider>_validator.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "common/string.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "core/provider_list.h"
#include "core/recipients.h"
#include "pg/base/arena_pg.h"
#include "pg/base/interval.h"
#include "pg/base/text.h"
#include "pg/catalog/server.h"

#define VALIDATOR_SUFFIX "_validator"
#define FILE_SUFFIX "_file"

/* Ten years. A time that is reckoned from now must be one that can be written. */
#define DURATION_MAX_US (INT64CONST(3650) * USECS_PER_DAY)

static const MsgProvider *
provider_of(Oid function)
{
	char *name = get_func_name(function);
	size_t len = name != NULL ? strlen(name) : 0;
	const MsgProvider *provider = NULL;

	if (len > strlen(VALIDATOR_SUFFIX))
	{
		name[len - strlen(VALIDATOR_SUFFIX)] = '\0';
		provider = msgext_provider_find(name);
	}
	if (provider == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("function %s checks options of no provider that is loaded",
							   format_procedure(function)),
						errhint("Its name is the provider's, with _validator behind it. "
								"LOAD the provider's library first.")));
	return provider;
}

/* "password_file" is the twin of secret option "password". */
static const MsgOption *
secret_of_file(const MsgProvider *provider, MsgOptionPlace place, const char *name)
{
	size_t len = strlen(name);
	const MsgOption *option = NULL;

	if (len > strlen(FILE_SUFFIX) &&
		strcmp(name + len - strlen(FILE_SUFFIX), FILE_SUFFIX) == 0)
		option = msgext_option_find(provider->options, place,
									pnstrdup(name, len - strlen(FILE_SUFFIX)));
	return option != NULL && option->secret ? option : NULL;
}

static void
consider(const char *candidate, const char *given, StringInfo valid, char **nearest,
		 int *distance)
{
	int d;

	appendStringInfo(valid, "%s%s", valid->len > 0 ? ", " : "", candidate);
	if (strlen(given) > NAMEDATALEN)
		return;
	d = varstr_levenshtein_less_equal(candidate, strlen(candidate), given, strlen(given),
									  1, 1, 1, *distance, true);
	if (d < *distance)
	{
		*distance = d;
		*nearest = pstrdup(candidate);
	}
}

static void
reject_name(const MsgProvider *provider, MsgOptionPlace place, const char *given)
{
	const MsgOption *tables[] = {provider->options, msgext_common_options};
	StringInfoData valid;
	MsgOptionPlace elsewhere =
		place == MSG_OPTION_SERVER ? MSG_OPTION_MAPPING : MSG_OPTION_SERVER;
	char *lower = asc_tolower(given, strlen(given));
	char *nearest = NULL;
	int distance = Max((int) strlen(given) / 2, 2) + 1; /* two letters changed places */
	int i;

	initStringInfo(&valid);
	for (i = 0; i < lengthof(tables); i++)
	{
		const MsgOption *option;

		for (option = tables[i]; option != NULL && option->name != NULL; option++)
		{
			if (option->place != place ||
				(i == 1 &&
				 msgext_option_find(provider->options, place, option->name) != option))
				continue;
			consider(option->name, lower, &valid, &nearest, &distance);
			if (option->secret)
				consider(psprintf("%s" FILE_SUFFIX, option->name), lower, &valid,
						 &nearest, &distance);
		}
	}
	if (msgext_option_find(provider->options, elsewhere, given) != NULL ||
		secret_of_file(provider, elsewhere, given) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("invalid option \"%s\"", given),
				 errdetail("Valid options are: %s.", valid.data),
				 errhint(place == MSG_OPTION_SERVER ? "It is an option of a user mapping."
													: "It is an option of a server.")));
	ereport(
		ERROR,
		(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", given),
		 errdetail("Valid options are: %s.", valid.data),
		 nearest != NULL ? errhint("Perhaps you meant the option \"%s\".", nearest) : 0));
}

/* An option that would be taken, and do nothing, would write to customers. */
static void
check_recipients(const MsgProvider *provider, const MsgOption *option)
{
	if (provider->recipients == NULL && (strcmp(option->name, "redirect") == 0 ||
										 strcmp(option->name, "allow_recipients") == 0))
		ereport(ERROR, (errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
						errmsg("invalid option \"%s\"", option->name),
						errdetail("Nothing is known of where the recipients of provider "
								  "\"%s\" are.",
								  provider->name),
						errhint("They are where the server's url leads.")));
}

static void
check_duration(const char *name, const char *value)
{
	MemoryContext context = CurrentMemoryContext;
	Interval *volatile interval = NULL;
	int64 us;

	/* The type's own complaint does not tell the option, and repeats the value. */
	PG_TRY();
	{
		interval = DatumGetIntervalP(
			DirectFunctionCall3(interval_in, CStringGetDatum(value),
								ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	}
	PG_CATCH();
	{
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", name),
			 errdetail("Option \"%s\" must be a duration, such as '250 ms', '30 s' or "
					   "'5 days'.",
					   name)));
	}
	PG_END_TRY();

	if (!msgext_interval_us(interval, &us) || us < 1000 || us > DURATION_MAX_US)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\"", name),
				 errdetail("Option \"%s\" must be between 1 millisecond and 10 years.",
						   name)));
}

/* What to do with a url that is right elsewhere; or NULL. */
static const char *
hint_for(const MsgOption *option, const char *value)
{
	if (option->kind != MSG_OPTION_URL)
		return NULL;
	if (!pg_is_ascii(value))
		return "A host of other letters has a form that begins with xn--; in a path they "
			   "are percent-encoded.";
	if (strchr(value, '?') != NULL)
		return "A webhook's query is in option \"path\", or, where it is secret, in "
			   "\"secret_path\" of the user mapping.";
	return NULL;
}

/* No complaint repeats a value: it may hold a credential, put into the wrong option. */
static void
check_value(const MsgOption *option, const char *value)
{
	const char *hint = hint_for(option, value);
	MsgError error = {0};

	if (option->kind != MSG_OPTION_FILE && !msgext_fits_utf8(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\"", option->name),
				 errdetail("Option \"%s\" must be text that UTF-8 has.", option->name)));
	if (option->kind == MSG_OPTION_DURATION ||
		(option->kind == MSG_OPTION_PATIENCE && strcmp(value, "off") != 0))
		check_duration(option->name, value);
	else if (!msgext_option_check(msgext_arena_pg_create(CurrentMemoryContext), option,
								  value, &error))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"%s\"", option->name),
						errdetail("Option \"%s\" %s.", option->name, error.text),
						hint != NULL ? errhint("%s", hint) : 0));
	if (strcmp(option->name, "callback_token") == 0 && strlen(value) < MSG_TOKEN_MIN)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"%s\"", option->name),
						errdetail("Option \"%s\" must have at least %d characters.",
								  option->name, MSG_TOKEN_MIN),
						errhint("Take a random one, as openssl rand -hex 32 makes it.")));
}

static void
check_file(const char *name, const char *value)
{
	/* As sslkey of postgres_fdw: it reads with the server's rights. */
	if (!superuser())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to set option \"%s\"", name),
						errdetail("Only superusers may name files of the server.")));
	if (!is_absolute_path(value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("option \"%s\" must be an absolute path", name)));
}

/* A least time above the longest one would be cut to that. */
static void
check_order(const MsgConn *conn, const char *least, const char *longest)
{
	if (msgext_server_duration_ms(conn, least) <=
		msgext_server_duration_ms(conn, longest))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
		 errmsg("option \"%s\" must not be longer than option \"%s\"", least, longest),
		 errdetail("Option \"%s\" is %s, option \"%s\" is %s.", least,
				   msgext_conn_option(conn, least), longest,
				   msgext_conn_option(conn, longest)),
		 errhint("Set both at once; where one is not set, its default counts.")));
}

/* Each message would be an error when it is queued, or be rejected when it is to leave. */
static void
check_redirect(const MsgProvider *provider, const MsgConn *conn)
{
	static const char *const paths[] = {"to", NULL};
	const char *redirect = msgext_conn_option(conn, "redirect");
	const char *pattern = msgext_conn_option(conn, "allow_recipients");
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *payload = msgext_json_new(arena, MSG_JSON_OBJECT);
	MsgError error = {0};
	const char *written = redirect;
	const char *stranger;

	if (redirect == NULL)
		return;
	if (provider->write_recipient != NULL)
		written = provider->write_recipient(arena, conn, redirect, &error);
	if (written == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"redirect\""),
						errdetail("Option \"redirect\" %s.", error.text)));
	msgext_json_set_text(arena, payload, paths[0], written);
	if (!msgext_recipients_may(arena, paths, payload, redirect, NULL, &stranger))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"redirect\""),
						errdetail("Option \"redirect\" must be one recipient.")));
	if (!msgext_recipients_may(arena, paths, payload, NULL, pattern, &stranger))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"allow_recipients\" does not allow the recipient "
						"of option \"redirect\""),
				 errdetail("Every message would be rejected."),
				 errhint("Drop it: with \"redirect\" nothing goes to anybody else.")));
}

/* Options that are right by themselves, and not together. */
static void
check_together(const MsgProvider *provider, List *options)
{
	MsgConn conn = {.settings = msgext_settings_add(NULL, options),
					.options = provider->options};

	check_order(&conn, "retry_min_delay", "retry_max_delay");
	check_order(&conn, "poll_min_interval", "poll_max_interval");
	check_redirect(provider, &conn);
}

PG_FUNCTION_INFO_V1(msgext_validator);

PGDLLEXPORT Datum
msgext_validator(PG_FUNCTION_ARGS)
{
	const MsgProvider *provider;
	List *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid catalog = PG_GETARG_OID(1);
	MsgOptionPlace place =
		catalog == UserMappingRelationId ? MSG_OPTION_MAPPING : MSG_OPTION_SERVER;
	bool has_url = false;
	bool has_proxy = false;
	bool denies_private = false;
	ListCell *cell;

	if (catalog != ForeignServerRelationId && catalog != UserMappingRelationId)
	{
		if (options != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("msgext takes options of servers and user mappings only")));
		PG_RETURN_VOID();
	}
	provider = provider_of(fcinfo->flinfo->fn_oid);
	foreach (cell, options)
	{
		DefElem *given = lfirst(cell);
		const MsgOption *option =
			msgext_option_find(provider->options, place, given->defname);

		if (option != NULL)
		{
			check_value(option, defGetString(given));
			check_recipients(provider, option);
			if (option->kind == MSG_OPTION_FILE)
				check_file(option->name, defGetString(given));
		}
		else if (secret_of_file(provider, place, given->defname) != NULL)
			check_file(given->defname, defGetString(given));
		else
			reject_name(provider, place, given->defname);
		has_url |= place == MSG_OPTION_SERVER && strcmp(given->defname, "url") == 0;
		has_proxy |= strcmp(given->defname, "proxy") == 0;
		denies_private |= strcmp(given->defname, "deny_private") == 0 &&
						  strcmp(defGetString(given), "on") == 0;
	}
	if (denies_private && has_proxy)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("options \"deny_private\" and \"proxy\" exclude each other"),
				 errdetail("Behind a proxy, the proxy chooses the address.")));
	if (place == MSG_OPTION_SERVER && !has_url)
		ereport(ERROR, (errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
						errmsg("option \"url\" is required")));
	if (place == MSG_OPTION_SERVER)
		check_together(provider, options);
	PG_RETURN_VOID();
}
