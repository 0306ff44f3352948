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

-- What an administrator gives to others of all that he makes, or takes from everybody, is not
-- for what an extension makes.
CREATE FUNCTION public.rights(OUT object text, OUT rights text) RETURNS SETOF record LANGUAGE sql
BEGIN ATOMIC
    SELECT pg_describe_object(d.classid, d.objid, 0), string_agg(concat(coalesce(a.grantee, 0)::regrole, ' ', a.privilege_type), ', ' ORDER BY a.grantee, a.privilege_type)
    FROM pg_depend d
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        LEFT JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
        LEFT JOIN LATERAL aclexplode(CASE WHEN c.oid IS NOT NULL THEN coalesce(c.relacl, acldefault((CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", c.relowner))
            WHEN p.oid IS NOT NULL THEN coalesce(p.proacl, acldefault('f', p.proowner))
            ELSE coalesce(n.nspacl, acldefault('n', n.nspowner)) END) a ON true
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
        AND d.refobjid IN (SELECT e.oid FROM pg_extension e WHERE e.extname LIKE 'msgext%')
        AND (c.oid IS NOT NULL OR p.oid IS NOT NULL OR n.oid IS NOT NULL)
    GROUP BY d.classid, d.objid;
END;
CREATE EXTENSION msgext_test;
CREATE TEMPORARY TABLE usual AS SELECT * FROM rights();
DROP EXTENSION msgext_test;
DROP EXTENSION msgext;
DROP SCHEMA msgext_test;
DROP SCHEMA msgext;
CREATE ROLE regress_friend;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_friend;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO regress_friend;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO regress_friend;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE ACCESS METHOD regress_columnar TYPE TABLE HANDLER heap_tableam_handler;
SET default_table_access_method = regress_columnar;
CREATE TEMPORARY TABLE defaults AS
SELECT oid, defaclrole, defaclnamespace, defaclobjtype, defaclacl FROM pg_default_acl;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
(TABLE usual EXCEPT SELECT * FROM rights()) UNION ALL (SELECT * FROM rights() EXCEPT TABLE usual);
SELECT count(*) > 100 AS many FROM usual;
SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
WHERE relnamespace IN ('msgext'::regnamespace, 'msgext_test'::regnamespace) AND amname = 'regress_columnar';

-- Of all else it is.
SELECT defaclobjtype, defaclnamespace, defaclacl::text <> '' AS acl FROM pg_default_acl
WHERE (oid, defaclrole, defaclnamespace, defaclobjtype, defaclacl::text) IN
    (SELECT oid, defaclrole, defaclnamespace, defaclobjtype, defaclacl::text FROM defaults) ORDER BY 1;
CREATE TABLE public.other ();
SELECT has_table_privilege('regress_friend', 'other', 'TRUNCATE') AS friend,
    amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname = 'other';
DROP TABLE public.other;
RESET default_table_access_method;
DROP ACCESS METHOD regress_columnar;

-- But for the schema, which is made before anything is asked.
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO regress_friend;
DROP EXTENSION msgext_test;
DROP EXTENSION msgext;
DROP SCHEMA msgext;
CREATE EXTENSION msgext;
CREATE SCHEMA msgext;
REVOKE CREATE ON SCHEMA msgext FROM regress_friend;
CREATE EXTENSION msgext;
SELECT has_schema_privilege('regress_friend', 'msgext_template', 'CREATE');
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM regress_friend;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_friend, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM regress_friend;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM regress_friend;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
SELECT count(*) FROM pg_default_acl;
DROP OWNED BY regress_friend;
DROP ROLE regress_friend;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_attacker;
DROP ROLE regress_attacker;
