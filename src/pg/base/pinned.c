/*
 * pinned.c
 *		Settings that are to mean the same whoever's session it is: see pinned.h.
 */
#include "postgres.h"

#include "access/gin.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "tsearch/ts_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/rls.h"
#include "utils/xml.h"

#include "pg/base/pinned.h"

/* Their header, utils/pg_locale.h, needs those of ICU where a server of 17 was built with it. */
extern PGDLLIMPORT char *locale_monetary;
extern PGDLLIMPORT char *locale_numeric;
extern PGDLLIMPORT char *locale_time;

/*
 * What a session may set and what changes what an SQL text, a value or a row is. Not
 * here: what makes things faster or slower, and what only a superuser sets. Values are
 * PostgreSQL's own defaults: most sessions have them already.
 */
static const struct
{
	const char *name;
	const char *value;
} pinned[] = {
	/* Which rows there are. */
	{"row_security", "on"},
	{"gin_fuzzy_search_limit", "0"},

	/* How a text is read as SQL. */
	{"standard_conforming_strings", "on"},
	{"backslash_quote", "safe_encoding"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"quote_all_identifiers", "off"},

	/* How values are read and written. */
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"},
	{"xmloption", "content"},
	{"xmlbinary", "base64"},
};

/* The same, of what initdb takes from its environment: many a session has others. */
static const struct
{
	const char *name;
	char **now;
	const char *value;
} pinned_languages[] = {
	{"lc_monetary", &locale_monetary, "C"},
	{"lc_numeric", &locale_numeric, "C"},
	{"lc_time", &locale_time, "C"},
	{"default_text_search_config", &TSCurrentConfig, "pg_catalog.simple"},
};

/* Are all of these as they should be? To look so costs less than to ask for each by name. */
static bool
are_pinned(void)
{
	return row_security && GinFuzzySearchLimit == 0 && standard_conforming_strings &&
		   backslash_quote == BACKSLASH_QUOTE_SAFE_ENCODING && !Transform_null_equals &&
		   Array_nulls && !quote_all_identifiers && DateStyle == USE_ISO_DATES &&
		   DateOrder == DATEORDER_MDY && IntervalStyle == INTSTYLE_POSTGRES &&
		   bytea_output == BYTEA_OUTPUT_HEX && extra_float_digits == 1 &&
		   xmloption == XMLOPTION_CONTENT && xmlbinary == XMLBINARY_BASE64;
}

/* To look costs less than to set. now is NULL where there is no such setting. */
static void
pin_where(const char *now, const char *name, const char *value)
{
	if (now != NULL && strcmp(now, value) != 0)
		(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
}

void
msgext_pin_setting(const char *name, const char *value)
{
	pin_where(GetConfigOption(name, true, false), name, value);
}

int
msgext_pin_settings(const char *zone)
{
	int nest = NewGUCNestLevel();
	int i;

	if (!are_pinned())
		for (i = 0; i < lengthof(pinned); i++)
			msgext_pin_setting(pinned[i].name, pinned[i].value);
	for (i = 0; i < lengthof(pinned_languages); i++)
		pin_where(*pinned_languages[i].now, pinned_languages[i].name,
				  pinned_languages[i].value);

	/* The trees of debug_print_plan and its kind, and what stands in them. */
	if (client_min_messages < NOTICE)
		msgext_pin_setting("client_min_messages", "notice");

	/* Which relations may be read: of some versions, and a name that no header has. */
	msgext_pin_setting("restrict_nonsystem_relation_kind", "");
	msgext_pin_setting("timezone_abbreviations", "Default");

	/* What a function in PL/pgSQL minds, where one has been called. */
	msgext_pin_setting("plpgsql.check_asserts", "on");
	msgext_pin_setting("plpgsql.extra_errors", "none");
	msgext_pin_setting("search_path", "pg_catalog, pg_temp");
	msgext_pin_setting("TimeZone", zone);
	return nest;
}

void
msgext_pin_silence(void)
{
	msgext_pin_setting("client_min_messages", "error");
}

void
msgext_unpin_settings(int nest)
{
	AtEOXact_GUC(true, nest);
}
