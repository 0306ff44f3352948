-- A case, and its clock

CREATE FUNCTION msgext_test.begin(at timestamptz DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_begin';
COMMENT ON FUNCTION msgext_test.begin(timestamptz) IS
    'a test begins: what is queued from here on is its own; with a time, the clock of messages stands still there';

CREATE FUNCTION msgext_test.freeze(at timestamptz DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_freeze';
COMMENT ON FUNCTION msgext_test.freeze(timestamptz) IS
    'lets the clock of messages stand still, at a time or where it is';

CREATE FUNCTION msgext_test.now() RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_now';
COMMENT ON FUNCTION msgext_test.now() IS 'the clock of messages; now() itself stays what it is';
