-- Functions

CREATE FUNCTION msgext.post_message(
    server name, message jsonb, operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    parts bytea[] DEFAULT NULL, ref jsonb DEFAULT NULL, on_conflict text DEFAULT NULL,
    on_invalid text DEFAULT NULL, expires_after interval DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_post_message';
COMMENT ON FUNCTION msgext.post_message(name, jsonb, text, int, timestamptz, timestamptz, bytea[], jsonb, text, text, interval) IS
    'queue one message for a server; it leaves after this transaction commits; returns its id';

CREATE FUNCTION msgext.post_message_outcome(
    server name, message jsonb, operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    parts bytea[] DEFAULT NULL, ref jsonb DEFAULT NULL, on_conflict text DEFAULT NULL,
    on_invalid text DEFAULT NULL, expires_after interval DEFAULT NULL,
    OUT id bigint, OUT outcome text, OUT code text, OUT path text, OUT error text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_post_message_outcome';
COMMENT ON FUNCTION msgext.post_message_outcome(name, jsonb, text, int, timestamptz, timestamptz, bytea[], jsonb, text, text, interval) IS
    'post_message() that tells more than the id: queued, repeated, replaced or invalid, and why';

CREATE FUNCTION msgext.send_vk(
    server name, vk jsonb, viber jsonb DEFAULT NULL, sms jsonb DEFAULT NULL,
    operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    ref jsonb DEFAULT NULL, on_conflict text DEFAULT NULL, on_invalid text DEFAULT NULL,
    expires_after interval DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_send_vk';
COMMENT ON FUNCTION msgext.send_vk(name, jsonb, jsonb, jsonb, text, int, timestamptz, timestamptz, jsonb, text, text, interval) IS
    'queue one message for Devino: VK, with Viber and SMS as fallbacks; returns its id';

CREATE FUNCTION msgext.server_of(server name, provider text) RETURNS name
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_server_of';
COMMENT ON FUNCTION msgext.server_of(name, text) IS
    'this server, if it is one of the provider, else an error: for functions that are for one provider';

CREATE FUNCTION msgext.message_status(
    INOUT id bigint, OUT server text, OUT provider text, OUT state text,
    OUT provider_status text, OUT provider_id text, OUT code text, OUT error text,
    OUT attempts int, OUT created_at timestamptz, OUT next_attempt_at timestamptz,
    OUT accepted_at timestamptz, OUT finished_at timestamptz, OUT detail jsonb)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'msgext_message_status';
COMMENT ON FUNCTION msgext.message_status(bigint) IS
    'what has become of a message; no row when there is none, or it is not yours to see';

CREATE FUNCTION msgext.receive_callback(server name, body bytea, headers jsonb DEFAULT NULL)
RETURNS int
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_receive_callback';
COMMENT ON FUNCTION msgext.receive_callback(name, bytea, jsonb) IS
    'take what a provider pushed; returns how many new reports were applied to messages';

CREATE FUNCTION msgext.cancel_message(id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_cancel_message';
COMMENT ON FUNCTION msgext.cancel_message(bigint, text) IS
    'withdraw a message that has not left; true only if it took effect';

CREATE FUNCTION msgext.retry_message(id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_retry_message';
COMMENT ON FUNCTION msgext.retry_message(bigint, text) IS
    'queue again what failed, was rejected or is unknown; true only if it took effect';

CREATE FUNCTION msgext.pause_server(server name, reason text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_pause_server';
COMMENT ON FUNCTION msgext.pause_server(name, text) IS
    'send nothing through a server until resume_server; messages stay queued';

CREATE FUNCTION msgext.resume_server(server name, reason text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_resume_server';
COMMENT ON FUNCTION msgext.resume_server(name, text) IS
    'send again through a server that was paused, by hand, by an answer, or as a restored copy';

CREATE PROCEDURE msgext.dispatch(timeout interval DEFAULT '30 s')
LANGUAGE C AS 'MODULE_PATHNAME', 'msgext_dispatch';
COMMENT ON PROCEDURE msgext.dispatch(interval) IS
    'send what is due and wait for the answers, until nothing is due; needs no worker';

CREATE FUNCTION msgext.message_payload(id bigint) RETURNS jsonb
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_message_payload';
COMMENT ON FUNCTION msgext.message_payload(bigint) IS
    'what is in a message of your own, or of any with the right can_read_payload()';

CREATE FUNCTION msgext.message_bytes(id bigint) RETURNS bytea
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_message_bytes';
COMMENT ON FUNCTION msgext.message_bytes(bigint) IS
    'the bytes that are sent of a message of your own, or of any with the right can_read_payload()';
