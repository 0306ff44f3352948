-- Mistakes, and many messages at once; what was done to servers, by whom.

CREATE FUNCTION msgext.close_message(id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_close_message';
COMMENT ON FUNCTION msgext.close_message(bigint, text) IS
    'nothing more is to be done about a message that ended badly or is unknown; true only if it took effect';

CREATE FUNCTION msgext.replay_message(id bigint, message jsonb, reason text DEFAULT NULL,
    parts bytea[] DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_replay_message';
COMMENT ON FUNCTION msgext.replay_message(bigint, jsonb, text, bytea[]) IS
    'queue a corrected copy of a message that ended badly, and close that; returns the id of the copy';

CREATE FUNCTION msgext.retry_messages(filter jsonb, reason text DEFAULT NULL, dry_run boolean DEFAULT false,
    OUT server text, OUT state text, OUT code text, OUT messages bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_retry_messages';
COMMENT ON FUNCTION msgext.retry_messages(jsonb, text, boolean) IS
    'queue again all that fit and may be; how many there were, by server, state and code';

CREATE FUNCTION msgext.cancel_messages(filter jsonb, reason text DEFAULT NULL, dry_run boolean DEFAULT false,
    OUT server text, OUT state text, OUT code text, OUT messages bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_cancel_messages';
COMMENT ON FUNCTION msgext.cancel_messages(jsonb, text, boolean) IS
    'withdraw all that fit and have not left; how many there were, by server, state and code';

CREATE FUNCTION msgext.close_messages(filter jsonb, reason text DEFAULT NULL, dry_run boolean DEFAULT false,
    OUT server text, OUT state text, OUT code text, OUT messages bigint)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_close_messages';
COMMENT ON FUNCTION msgext.close_messages(jsonb, text, boolean) IS
    'nothing more is to be done about all that fit; how many there were, by server, state and code';

CREATE PROCEDURE msgext.retry_in_batches(filter jsonb, reason text DEFAULT NULL,
    batch_size int DEFAULT 1000, INOUT messages bigint DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'msgext_retry_in_batches';
COMMENT ON PROCEDURE msgext.retry_in_batches(jsonb, text, int, bigint) IS
    'retry_messages() that commits after each batch';

CREATE PROCEDURE msgext.cancel_in_batches(filter jsonb, reason text DEFAULT NULL,
    batch_size int DEFAULT 1000, INOUT messages bigint DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'msgext_cancel_in_batches';
COMMENT ON PROCEDURE msgext.cancel_in_batches(jsonb, text, int, bigint) IS
    'cancel_messages() that commits after each batch';

CREATE PROCEDURE msgext.close_in_batches(filter jsonb, reason text DEFAULT NULL,
    batch_size int DEFAULT 1000, INOUT messages bigint DEFAULT NULL)
LANGUAGE C AS 'MODULE_PATHNAME', 'msgext_close_in_batches';
COMMENT ON PROCEDURE msgext.close_in_batches(jsonb, text, int, bigint) IS
    'close_messages() that commits after each batch';

CREATE VIEW msgext.dead_letter WITH (security_invoker) AS
SELECT o.server, o.state, o.code, count(*) AS messages, min(o.created_at) AS first_created_at,
    max(o.created_at) AS last_created_at, max(o.error) AS error, max(o.id) AS example
FROM msgext.outbox o
WHERE o.problem IS NOT NULL
GROUP BY o.server, o.state, o.code;
COMMENT ON VIEW msgext.dead_letter IS
    'messages that did not arrive or may not have, and that nobody has dealt with, by server, state and code';
COMMENT ON COLUMN msgext.dead_letter.server IS 'name of the foreign server';
COMMENT ON COLUMN msgext.dead_letter.state IS 'failed, rejected, undelivered, expired or unknown';
COMMENT ON COLUMN msgext.dead_letter.code IS 'the provider''s code';
COMMENT ON COLUMN msgext.dead_letter.messages IS 'how many';
COMMENT ON COLUMN msgext.dead_letter.first_created_at IS 'when the first of them was queued';
COMMENT ON COLUMN msgext.dead_letter.last_created_at IS 'when the last of them was queued';
COMMENT ON COLUMN msgext.dead_letter.error IS 'error of one of them';
COMMENT ON COLUMN msgext.dead_letter.example IS 'id of one of them';

CREATE TABLE msgext.server_event (
    at         timestamptz NOT NULL,
    server_oid oid NOT NULL,
    server     text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    actor      text COLLATE "C",
    reason     text COLLATE "C",
    detail     jsonb
);
ALTER TABLE msgext.server_event REPLICA IDENTITY FULL;
COMMENT ON TABLE msgext.server_event IS 'what happened to servers: pauses, and changes by DDL; append-only';
COMMENT ON COLUMN msgext.server_event.at IS 'when';
COMMENT ON COLUMN msgext.server_event.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.server_event.server IS 'name it had';
COMMENT ON COLUMN msgext.server_event.kind IS 'created, options, renamed, owner, dropped, paused, account paused, resumed, circuit opened, circuit closed, recipient blocked, recipient unblocked or recipient forgotten';
COMMENT ON COLUMN msgext.server_event.actor IS 'session_user; NULL: the dispatcher, by an answer';
COMMENT ON COLUMN msgext.server_event.reason IS 'why: in his words, or in those of the answer';
COMMENT ON COLUMN msgext.server_event.detail IS 'of options: {"name": [before, after]}';
SELECT pg_catalog.pg_extension_config_dump('msgext.server_event', '');

CREATE FUNCTION msgext.may_monitor(server oid) RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_may_monitor';
COMMENT ON FUNCTION msgext.may_monitor(oid) IS
    'is the state of a server for the current user to see? of one that is gone, for pg_monitor';
ALTER TABLE msgext.server_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY server_event_own ON msgext.server_event FOR SELECT
    USING (msgext.may_monitor(server_oid));
COMMENT ON POLICY server_event_own ON msgext.server_event IS
    'for those who may use or own the server, and pg_monitor';

GRANT SELECT ON msgext.dead_letter, msgext.server_event TO PUBLIC;
GRANT SELECT (closed_at) ON msgext.outbox TO PUBLIC;
