-- For tests that commit; and recipients with a fate

CREATE TABLE msgext_test.installation (
    position bigint NOT NULL,
    at       timestamptz NOT NULL
);
ALTER TABLE msgext_test.installation REPLICA IDENTITY FULL;
COMMENT ON TABLE msgext_test.installation IS 'when this became a test database, and the last message that was there';
INSERT INTO msgext_test.installation
SELECT coalesce(pg_catalog.max(o.id), 0), pg_catalog.clock_timestamp() FROM msgext.outbox o;

CREATE FUNCTION msgext_test.end_case() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_end_case';
COMMENT ON FUNCTION msgext_test.end_case() IS 'the test that this session is in ends, and its clock runs';

CREATE FUNCTION msgext_test.reset() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM msgext.event e USING msgext_test.installation i
    WHERE e.message_id OPERATOR(pg_catalog.>) i.position;
    DELETE FROM msgext.reminder r USING msgext_test.installation i
    WHERE r.id OPERATOR(pg_catalog.>) i.position;
    DELETE FROM msgext.reference r USING msgext_test.installation i
    WHERE r.message_id OPERATOR(pg_catalog.>) i.position;
    DELETE FROM msgext.callback c USING msgext_test.installation i
    WHERE c.message_id OPERATOR(pg_catalog.>) i.position OR c.message_id IS NULL;
    DELETE FROM msgext.recipient_use u USING msgext_test.installation i
    WHERE u.message_id OPERATOR(pg_catalog.>) i.position;
    DELETE FROM msgext.outbox o USING msgext_test.installation i
    WHERE o.id OPERATOR(pg_catalog.>) i.position;
    DELETE FROM msgext.blocked_recipient b USING msgext_test.installation i
    WHERE b.blocked_at OPERATOR(pg_catalog.>) i.at;
    DELETE FROM msgext.server_pause;
    DELETE FROM msgext.account_pause;
    DELETE FROM msgext_test.stub;
    DELETE FROM msgext_test.attempt;
    SELECT msgext_test.end_case();
END;
COMMENT ON FUNCTION msgext_test.reset() IS
    'removes what tests have committed since this became a test database, pauses too; this session''s test ends';

CREATE FUNCTION msgext_test.magic(fate text, server name DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_magic';
COMMENT ON FUNCTION msgext_test.magic(text, name) IS
    'a recipient whose messages always end one way: accepted, rejected, retried, lost, delivered (by the last channel), read';
