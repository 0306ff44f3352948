-- What ALTER DEFAULT PRIVILEGES gives to others or takes from PUBLIC is meant for tables and
-- functions of the application's: it is put under a schema that there is not while the script
-- runs, for this transaction alone. defaults_back.sql undoes it.
UPDATE pg_catalog.pg_default_acl SET defaclnamespace = '1'
WHERE defaclnamespace OPERATOR(pg_catalog.=) '0' AND defaclrole OPERATOR(pg_catalog.=)
    (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

-- Rows are written by heap's own functions.
SET LOCAL default_table_access_method = heap;
