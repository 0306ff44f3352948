-- Privacy: recipients who want nothing more, or to be forgotten.

CREATE TABLE msgext.blocked_recipient (
    server_oid oid NOT NULL,
    origin     bigint NOT NULL,
    server     text COLLATE "C" NOT NULL,
    recipient  text COLLATE "C" NOT NULL,
    blocked_at timestamptz NOT NULL,
    actor      text COLLATE "C",
    reason     text COLLATE "C",
    CONSTRAINT blocked_recipient_pkey PRIMARY KEY (server_oid, origin, recipient)
);
COMMENT ON TABLE msgext.blocked_recipient IS 'recipients who want nothing more from a server: no message to them leaves';
COMMENT ON COLUMN msgext.blocked_recipient.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.blocked_recipient.origin IS 'database he was blocked in; in a copy resume_server adopts the row by the server''s name';
COMMENT ON COLUMN msgext.blocked_recipient.server IS 'name the server had';
COMMENT ON COLUMN msgext.blocked_recipient.recipient IS 'of a number the digits, else in lower case';
COMMENT ON COLUMN msgext.blocked_recipient.blocked_at IS 'since when';
COMMENT ON COLUMN msgext.blocked_recipient.actor IS 'session_user who did it';
COMMENT ON COLUMN msgext.blocked_recipient.reason IS 'why, in his words';
SELECT pg_catalog.pg_extension_config_dump('msgext.blocked_recipient', '');

CREATE FUNCTION msgext.may_operate(server_oid oid, server text, origin bigint) RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_may_operate';
COMMENT ON FUNCTION msgext.may_operate(oid, text, bigint) IS
    'does the current user own or operate the server of such a row?';
ALTER TABLE msgext.blocked_recipient ENABLE ROW LEVEL SECURITY;
CREATE POLICY blocked_recipient_own ON msgext.blocked_recipient FOR SELECT
    USING (msgext.may_operate(server_oid, server, origin));
COMMENT ON POLICY blocked_recipient_own ON msgext.blocked_recipient IS
    'for those who own or operate the server';
GRANT SELECT ON msgext.blocked_recipient TO PUBLIC;

CREATE FUNCTION msgext.block_recipient(server name, recipient text, reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_block_recipient';
COMMENT ON FUNCTION msgext.block_recipient(name, text, text) IS
    'no message to this recipient leaves through the server; true only if it took effect';

CREATE FUNCTION msgext.unblock_recipient(server name, recipient text, reason text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_unblock_recipient';
COMMENT ON FUNCTION msgext.unblock_recipient(name, text, text) IS
    'messages to this recipient may leave again; true only if it took effect';

CREATE FUNCTION msgext.forget_recipient(server name, recipient text, reason text DEFAULT NULL,
    OUT messages bigint, OUT events bigint, OUT reports bigint, OUT pushes bigint,
    OUT uses bigint, OUT remaining bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_forget_recipient';
COMMENT ON FUNCTION msgext.forget_recipient(name, text, text) IS
    'remove what is kept of a recipient in messages that are over; how many rows there were, and how many messages to him are under way';
