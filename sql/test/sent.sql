-- What was queued

CREATE FUNCTION msgext_test.messages(
    OUT n int, OUT server text, OUT sender text, OUT recipient text, OUT state text,
    OUT operation_id text, OUT priority int, OUT send_in interval, OUT expires_in interval,
    OUT message jsonb, OUT parts int, OUT id bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_test_messages';
COMMENT ON FUNCTION msgext_test.messages() IS 'what view sent shows';

CREATE VIEW msgext_test.sent AS
SELECT m.n, m.server, m.sender, m.recipient, m.state, m.operation_id, m.priority, m.send_in,
    m.expires_in, m.message, m.parts, m.id
FROM msgext_test.messages() m;
COMMENT ON VIEW msgext_test.sent IS
    'the messages queued in this test, by all senders, in order; n counts from 1 in each';

CREATE FUNCTION msgext_test.capture(sql text) RETURNS SETOF msgext_test.sent
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT ROWS 10 AS 'MODULE_PATHNAME', 'msgext_test_capture';
COMMENT ON FUNCTION msgext_test.capture(text) IS
    'runs a statement, with the rights of who calls this, and shows the messages that it has queued';

CREATE FUNCTION msgext_test.request(n int, OUT method text, OUT url text, OUT headers jsonb,
    OUT body text, OUT bytes bytea)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'msgext_test_request';
COMMENT ON FUNCTION msgext_test.request(int) IS
    'the request that the next attempt of a message would be, secrets overwritten; body is NULL where it is no text';
