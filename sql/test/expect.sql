-- What was to be queued. An argument that is left out is not looked at.

CREATE FUNCTION msgext_test.assert_sent(server name DEFAULT NULL, recipient text DEFAULT NULL,
    operation_id text DEFAULT NULL, message jsonb DEFAULT NULL, times int DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_assert_sent';
COMMENT ON FUNCTION msgext_test.assert_sent(name, text, text, jsonb, int) IS
    'an error unless a message of this test fits, or as many as times says; message is compared as @> does';

CREATE FUNCTION msgext_test.refute_sent(server name DEFAULT NULL, recipient text DEFAULT NULL,
    operation_id text DEFAULT NULL, message jsonb DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_refute_sent';
COMMENT ON FUNCTION msgext_test.refute_sent(name, text, text, jsonb) IS
    'an error if a message of this test fits; without arguments, if there is any';

CREATE FUNCTION msgext_test.tap_sent(server name DEFAULT NULL, recipient text DEFAULT NULL,
    operation_id text DEFAULT NULL, message jsonb DEFAULT NULL, times int DEFAULT NULL,
    description text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_tap_sent';
COMMENT ON FUNCTION msgext_test.tap_sent(name, text, text, jsonb, int, text) IS
    'assert_sent as a line of TAP; refute_sent with times 0';

CREATE FUNCTION msgext_test.tap_state(n int, state text, description text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_tap_state';
COMMENT ON FUNCTION msgext_test.tap_state(int, text, text) IS
    'a line of TAP: is the message in this state?';
