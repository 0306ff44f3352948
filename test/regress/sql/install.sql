-- CREATE EXTENSION over a schema that somebody else made, or may write to.
-- From 18 on, an error in an extension's script has a context.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION msgext CASCADE;
DROP SCHEMA msgext;
CREATE ROLE regress_attacker;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_attacker;

-- An attacker has made it, empty.
SET ROLE regress_attacker;
CREATE SCHEMA msgext;
RESET ROLE;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext SCHEMA msgext;

-- With what the script calls in it, too.
SET ROLE regress_attacker;
CREATE FUNCTION msgext.check_schema() RETURNS void LANGUAGE sql AS 'ALTER ROLE regress_attacker SUPERUSER';
RESET ROLE;
CREATE EXTENSION msgext;
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_attacker';

-- Given to a superuser, it is not empty.
ALTER SCHEMA msgext OWNER TO CURRENT_USER;
CREATE EXTENSION msgext;
DROP FUNCTION msgext.check_schema();

-- Not his, but open to him; or to everybody.
GRANT CREATE ON SCHEMA msgext TO regress_attacker;
CREATE EXTENSION msgext;
REVOKE CREATE ON SCHEMA msgext FROM regress_attacker;
GRANT CREATE ON SCHEMA msgext TO PUBLIC;
CREATE EXTENSION msgext;
REVOKE CREATE ON SCHEMA msgext FROM PUBLIC;

-- A table, a type, an operator, an extension: whatever lies there is in the way.
CREATE TABLE msgext.outbox (id int);
CREATE EXTENSION msgext;
DROP TABLE msgext.outbox;
CREATE DOMAIN msgext.text AS pg_catalog.text;
CREATE EXTENSION msgext;
DROP DOMAIN msgext.text;
CREATE OPERATOR msgext.= (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
CREATE EXTENSION msgext;
DROP OPERATOR msgext.= (int, int);
ALTER DEFAULT PRIVILEGES IN SCHEMA msgext GRANT ALL ON TABLES TO regress_attacker;
CREATE EXTENSION msgext;
ALTER DEFAULT PRIVILEGES IN SCHEMA msgext REVOKE ALL ON TABLES FROM regress_attacker;

-- A superuser's, empty and closed: as a dump makes it.
CREATE EXTENSION msgext SCHEMA msgext;
SELECT nspowner::regrole = current_user::regrole AS own FROM pg_namespace WHERE nspname = 'msgext';
DROP EXTENSION msgext;
CREATE EXTENSION msgext;
DROP EXTENSION msgext;
DROP SCHEMA msgext;

-- None: the usual case.
CREATE EXTENSION msgext;
SELECT extname, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname = 'msgext';

-- The functions of the script are gone; nobody calls them by other names.
SELECT proname FROM pg_proc WHERE pronamespace = 'msgext'::regnamespace
    AND proname IN ('check_schema', 'install');
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_attacker;
DROP ROLE regress_attacker;
