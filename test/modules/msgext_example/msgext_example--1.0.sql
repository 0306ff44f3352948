-- The wrapper msgext_<name>, and the function <name>_validator that checks options of its
-- servers: by these names msgext finds the provider.
CREATE FUNCTION @extschema@.example_validator(options text[], catalog oid) RETURNS void
LANGUAGE C STRICT AS '$libdir/msgext', 'msgext_validator';
REVOKE ALL ON FUNCTION @extschema@.example_validator(text[], oid) FROM PUBLIC;
CREATE FOREIGN DATA WRAPPER msgext_example NO HANDLER VALIDATOR @extschema@.example_validator;
