-- Install script of msgext. The Makefile joins the parts in the order of SQL_PARTS, one
-- foreign-data wrapper per provider (sql/provider.sql.in) and SQL_LAST_PARTS, and writes
-- msgext--<version>.sql.
\echo Use "CREATE EXTENSION msgext" to load this file. \quit

-- A schema that is not ours to fill ends it here: src/pg/sql/install.c says why.
CREATE FUNCTION msgext.check_schema() RETURNS pg_catalog.void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'msgext_check_schema';
SELECT msgext.check_schema();
DROP FUNCTION msgext.check_schema();
COMMENT ON SCHEMA msgext IS
    'messages: post_message() and its like send, views message, message_event and server_status show';
