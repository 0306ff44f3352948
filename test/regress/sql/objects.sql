-- What the extension consists of: the contract, and a word about each of its objects.
\pset format unaligned
\pset null '(null)'

-- Objects, and columns of tables and views, without a comment: none.
SELECT pg_describe_object(d.classid, d.objid, 0) AS object
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'msgext' AND d.deptype = 'e'
    AND NOT (d.classid = 'pg_type'::regclass)
    AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''
ORDER BY 1;
SELECT c.relname, a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'msgext'::regnamespace AND c.relkind IN ('r', 'v')
    AND coalesce(col_description(c.oid, a.attnum), '') = ''
ORDER BY 1, a.attnum;
SELECT c.relname
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'msgext'::regnamespace AND NOT i.indisprimary
    AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''
ORDER BY 1;

-- Tables whose rows nobody could change where a publication has all tables: none.
SELECT c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('msgext', 'msgext_test') AND c.relkind = 'r' AND c.relreplident <> 'f'
    AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
ORDER BY 1;

-- Functions.
SELECT p.prokind, p.proname, pg_get_function_arguments(p.oid) AS arguments,
    pg_get_function_result(p.oid) AS result, p.provolatile AS vol, p.proparallel AS par,
    p.proisstrict AS strict, p.prosecdef AS secdef
FROM pg_proc p
WHERE p.pronamespace = 'msgext'::regnamespace AND p.proname NOT LIKE '%\_validator'
ORDER BY p.proname;

-- Views.
SELECT c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS columns,
    c.reloptions
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'msgext'::regnamespace AND c.relkind = 'v'
GROUP BY c.relname, c.reloptions ORDER BY 1;

-- Everything a dump must carry: all tables but what was counted and the console's sessions, and
-- the sequence, every row.
SELECT c.oid::regclass AS kept_in_a_dump, condition
FROM pg_extension e, unnest(extconfig, extcondition) AS k(oid, condition) JOIN pg_class c USING (oid)
WHERE extname = 'msgext' ORDER BY c.relname;
SELECT c.oid::regclass AS forgotten
FROM pg_class c WHERE c.relnamespace = 'msgext'::regnamespace AND c.relkind IN ('r', 'S')
    AND c.relname NOT IN ('activity', 'statistic', 'console_session')
    AND c.oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'msgext');

-- Only logged tables, and no state in any index.
SELECT relname FROM pg_class
WHERE relnamespace = 'msgext'::regnamespace AND relpersistence <> 'p';
SELECT indexdef FROM pg_indexes WHERE schemaname = 'msgext' AND tablename = 'outbox' ORDER BY 1;

-- Each provider has a wrapper without a handler, and a validator of its name.
SELECT fdwname, fdwhandler, fdwvalidator::regproc FROM pg_foreign_data_wrapper
WHERE fdwname = 'msgext_devino';
SELECT fdwname FROM pg_foreign_data_wrapper
WHERE fdwname LIKE 'msgext\_%' AND (fdwhandler <> 0
    OR fdwvalidator::regproc::text <> 'msgext.' || substr(fdwname, 8) || '_validator');

-- It can be dropped and created again, and is not relocatable. The schema stays.
ALTER EXTENSION msgext SET SCHEMA public;
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_again;
\c regress_msgext_again
CREATE EXTENSION msgext;
DROP EXTENSION msgext;
SELECT count(*) FROM pg_namespace WHERE nspname = 'msgext';
CREATE EXTENSION msgext;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
DROP EXTENSION msgext;
DROP EXTENSION msgext CASCADE;
\c :here
DROP DATABASE regress_msgext_again;
