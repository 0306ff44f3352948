-- Pushes that are for the application: signed webhooks, each once.

CREATE SEQUENCE msgext.inbox_id_seq AS bigint;
COMMENT ON SEQUENCE msgext.inbox_id_seq IS 'ids of pushes, in the order in which they came';

CREATE TABLE msgext.inbox (
    id          bigint NOT NULL,
    server_oid  oid NOT NULL,
    origin      bigint NOT NULL,
    server      text COLLATE "C" NOT NULL,
    push_id     text COLLATE "C" NOT NULL,
    type        text COLLATE "C",
    received_at timestamptz NOT NULL,
    done_at     timestamptz,
    payload     jsonb,
    body        bytea,
    headers     jsonb NOT NULL,
    CONSTRAINT inbox_pkey PRIMARY KEY (id)
) WITH (fillfactor = 70);
COMMENT ON TABLE msgext.inbox IS
    'pushes that were signed by a secret of ours, each once, until the application is done with them';
COMMENT ON COLUMN msgext.inbox.id IS 'the order in which they came';
COMMENT ON COLUMN msgext.inbox.server_oid IS 'foreign server: one made later by the same name is another';
COMMENT ON COLUMN msgext.inbox.origin IS 'database it came to; in a copy the server is known by its name';
COMMENT ON COLUMN msgext.inbox.server IS 'name the foreign server had';
COMMENT ON COLUMN msgext.inbox.push_id IS 'what its sender calls it, unique per server: a repeat changes nothing';
COMMENT ON COLUMN msgext.inbox.type IS 'what it is about, where its sender says so';
COMMENT ON COLUMN msgext.inbox.received_at IS 'when it came first';
COMMENT ON COLUMN msgext.inbox.done_at IS 'when the application was done with it; NULL: not yet';
COMMENT ON COLUMN msgext.inbox.payload IS 'its body, where that is JSON that a jsonb can hold';
COMMENT ON COLUMN msgext.inbox.body IS 'its body, where payload is NULL';
COMMENT ON COLUMN msgext.inbox.headers IS 'its header fields, names in lower case, without signatures, tokens and cookies';
CREATE UNIQUE INDEX inbox_push ON msgext.inbox (server_oid, push_id);
COMMENT ON INDEX msgext.inbox_push IS 'each push once';
CREATE INDEX inbox_open ON msgext.inbox (server_oid, id) WHERE done_at IS NULL;
COMMENT ON INDEX msgext.inbox_open IS 'pushes that nobody is done with';
SELECT pg_catalog.pg_extension_config_dump('msgext.inbox', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.inbox_id_seq', '');

CREATE FUNCTION msgext.can_consume() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN true;
COMMENT ON FUNCTION msgext.can_consume() IS
    'EXECUTE is the right to read and finish the pushes of servers with USAGE';
REVOKE ALL ON FUNCTION msgext.can_consume() FROM PUBLIC;

CREATE FUNCTION msgext.may_consume(server_oid oid, server text, origin bigint)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_may_consume';
COMMENT ON FUNCTION msgext.may_consume(oid, text, bigint) IS
    'is the server of a push still there, and may the current user take its pushes?';

ALTER TABLE msgext.inbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY inbox_read ON msgext.inbox FOR SELECT
    USING (msgext.may_consume(server_oid, server, origin));
COMMENT ON POLICY inbox_read ON msgext.inbox IS 'pushes are for who may consume those of their server';
CREATE POLICY inbox_finish ON msgext.inbox FOR UPDATE
    USING (msgext.may_consume(server_oid, server, origin));
COMMENT ON POLICY inbox_finish ON msgext.inbox IS 'who may read a push may say that it is done';
GRANT SELECT, UPDATE (done_at) ON msgext.inbox TO PUBLIC;

CREATE FUNCTION msgext.check_consume(server name) RETURNS void
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'msgext_check_consume';
COMMENT ON FUNCTION msgext.check_consume(name) IS
    'an error where the current user may not take the pushes of a server, or there is none';

-- The array is read once: a subquery with SKIP LOCKED might be run again, and lock more.
CREATE FUNCTION msgext.take_pushes(server name, max int DEFAULT 100)
RETURNS SETOF msgext.inbox
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT msgext.check_consume($1);
    WITH taken AS (
        UPDATE msgext.inbox t SET done_at = pg_catalog.statement_timestamp()
        WHERE t.id = ANY (ARRAY(
            SELECT i.id FROM msgext.inbox i
            WHERE i.server_oid = (SELECT f.oid FROM pg_catalog.pg_foreign_server f
                    WHERE f.srvname = $1) AND i.done_at IS NULL
                AND msgext.may_consume(i.server_oid, i.server, i.origin)
            ORDER BY i.id
            LIMIT GREATEST($2, 0)
            FOR UPDATE SKIP LOCKED))
        RETURNING t.*)
    SELECT * FROM taken ORDER BY id;
END;
COMMENT ON FUNCTION msgext.take_pushes(name, int) IS
    'take the oldest pushes of a server that nobody is done with or works on; rolled back, they are there again';
