-- The console: who may use it in a browser, as which role. What it shows and does it does by
-- the views and functions of the other parts, as that role.

CREATE TABLE msgext.console_session (
    hash       bytea NOT NULL,
    key_hash   bytea,
    role_oid   oid NOT NULL,
    login_oid  oid NOT NULL,
    origin     bigint NOT NULL,
    created_at timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    CONSTRAINT console_session_pkey PRIMARY KEY (hash)
);
COMMENT ON TABLE msgext.console_session IS 'links to the console that were not used, and sessions in browsers; no secret is here';
COMMENT ON COLUMN msgext.console_session.hash IS 'SHA-256 of the token in the link; of a session, of its cookie';
COMMENT ON COLUMN msgext.console_session.key_hash IS 'SHA-256 of the key that goes with the cookie; NULL: a link';
COMMENT ON COLUMN msgext.console_session.role_oid IS 'role whose rights it has';
COMMENT ON COLUMN msgext.console_session.login_oid IS 'session_user that opened it';
COMMENT ON COLUMN msgext.console_session.origin IS 'database it was opened in: in a copy it is none';
COMMENT ON COLUMN msgext.console_session.created_at IS 'when it was opened; a link is good for ten minutes';
COMMENT ON COLUMN msgext.console_session.ends_at IS 'when the session ends';

-- A row is the rights of a role: who may write all tables (pg_write_all_data) must not write
-- himself one. No policy lets anybody but the owner and superusers.
ALTER TABLE msgext.console_session ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION msgext.open_console(valid interval DEFAULT '8 hours') RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'msgext_open_console';
COMMENT ON FUNCTION msgext.open_console(interval) IS
    'a link to the console for the current role, good once and for ten minutes, for a session of this length';
REVOKE ALL ON FUNCTION msgext.open_console(interval) FROM PUBLIC;

CREATE FUNCTION msgext.close_console(role name DEFAULT NULL) RETURNS int
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_close_console';
COMMENT ON FUNCTION msgext.close_console(name) IS
    'end the console''s links and sessions of a role whose privileges you have, your own by default; returns how many';
