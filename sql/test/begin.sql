-- Install script of msgext_test. The Makefile joins the parts in the order of
-- SQL_TEST_PARTS and writes msgext_test--<version>.sql. The functions are in msgext's own
-- library: they are its engine, called from a test.
\echo Use "CREATE EXTENSION msgext_test" to load this file. \quit

-- A schema that is not ours to fill ends it here: src/pg/sql/install.c says why.
CREATE FUNCTION msgext_test.check_schema() RETURNS pg_catalog.void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'msgext_check_schema';
SELECT msgext_test.check_schema();
DROP FUNCTION msgext_test.check_schema();
COMMENT ON SCHEMA msgext_test IS 'tests of what msgext sends: view sent, assert_sent(), run(), advance()';

-- So does a database with messages on their way: src/pg/test/install.c.
CREATE FUNCTION msgext_test.check_idle() RETURNS pg_catalog.void
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'msgext_test_check_idle';
SELECT msgext_test.check_idle();
DROP FUNCTION msgext_test.check_idle();

-- From here on it is a test database. When the extension is dropped this is what is left: as
-- in a restored copy, every server is paused until resume_server (store/server_pause.c).
UPDATE msgext.server_pause SET origin = NULL;
INSERT INTO msgext.origin (origin)
SELECT 0 WHERE NOT EXISTS
    (SELECT FROM msgext.origin o WHERE o.origin OPERATOR(pg_catalog.=) 0);
