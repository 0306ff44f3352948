-- The end of what defaults_away.sql began.
UPDATE pg_catalog.pg_default_acl SET defaclnamespace = '0'
WHERE defaclnamespace OPERATOR(pg_catalog.=) '1';
