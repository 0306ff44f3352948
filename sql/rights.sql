-- Rights that PostgreSQL has no privilege for: EXECUTE on these functions is the right.

CREATE FUNCTION msgext.can_read() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN true;
COMMENT ON FUNCTION msgext.can_read() IS
    'EXECUTE is the right to see everybody''s messages and events, without payloads';
CREATE FUNCTION msgext.can_read_payload() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN true;
COMMENT ON FUNCTION msgext.can_read_payload() IS
    'EXECUTE is the right to message_payload() and message_bytes() of everybody''s messages';
CREATE FUNCTION msgext.can_operate() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN true;
COMMENT ON FUNCTION msgext.can_operate() IS
    'EXECUTE is the right to cancel, retry, pause and resume on servers with USAGE';

-- Row-level security: who may read the tables reads his own rows. The views run with
-- the rights of who asks, so that LIMIT, ORDER BY and joins reach the indexes. The
-- owner of the tables and superusers bypass it, as everywhere. Names in policies are
-- bound now, and qualified all the same.

CREATE FUNCTION msgext.may_see(sender oid, name text, origin bigint) RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_may_see';
COMMENT ON FUNCTION msgext.may_see(oid, text, bigint) IS
    'has the current user the privileges of the sender of a message, or the right can_read()?';

ALTER TABLE msgext.outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY outbox_own ON msgext.outbox FOR SELECT
    USING (msgext.may_see(sender_oid, sender, origin));
COMMENT ON POLICY outbox_own ON msgext.outbox IS 'messages are for their sender';
ALTER TABLE msgext.event ENABLE ROW LEVEL SECURITY;
CREATE POLICY event_own ON msgext.event FOR SELECT
    USING (EXISTS (SELECT 1 FROM msgext.outbox o WHERE o.id OPERATOR(pg_catalog.=) message_id));
COMMENT ON POLICY event_own ON msgext.event IS 'events are for who may see their message';

CREATE FUNCTION msgext.messages_in_flight(OUT id bigint, OUT attempt int)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'msgext_messages_in_flight';
COMMENT ON FUNCTION msgext.messages_in_flight() IS
    'messages whose requests may be on the wire, of those the current user may see';

CREATE FUNCTION msgext.server_counts(OUT server text, OUT provider text,
    OUT paused boolean, OUT pause_reason text, OUT queued bigint, OUT in_flight bigint,
    OUT unknown bigint, OUT oldest_queued_at timestamptz, OUT last_error text,
    OUT last_error_at timestamptz, OUT last_success_at timestamptz, OUT paused_accounts text[],
    OUT stranded bigint, OUT exact boolean, OUT broken_at timestamptz, OUT probe_at timestamptz,
    OUT probes int)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_server_counts';
COMMENT ON FUNCTION msgext.server_counts() IS 'what view server_status shows, for the servers the current user may use';
