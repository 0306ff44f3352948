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
COMMENT ON COLUMN msgext_test.sent.n IS 'number of the message in this test, from 1';
COMMENT ON COLUMN msgext_test.sent.server IS 'foreign server';
COMMENT ON COLUMN msgext_test.sent.sender IS 'role that queued it';
COMMENT ON COLUMN msgext_test.sent.recipient IS 'whom it goes to, as the payload says';
COMMENT ON COLUMN msgext_test.sent.state IS 'state of the message';
COMMENT ON COLUMN msgext_test.sent.operation_id IS 'the caller''s idempotency key';
COMMENT ON COLUMN msgext_test.sent.priority IS '1 (first) to 5 (last)';
COMMENT ON COLUMN msgext_test.sent.send_in IS 'how long after being queued it may leave; NULL: at once';
COMMENT ON COLUMN msgext_test.sent.expires_in IS 'how long after being queued it may leave at the latest; NULL: ever';
COMMENT ON COLUMN msgext_test.sent.message IS 'what is stored, in the provider''s words; bytes by size and SHA-256';
COMMENT ON COLUMN msgext_test.sent.parts IS 'binary parts in it';
COMMENT ON COLUMN msgext_test.sent.id IS 'id of the message: not the same each time';

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
