-- What happens to messages: rules for answers, the journal, and time

CREATE TABLE msgext_test.stub (
    case_number bigint NOT NULL,
    position    integer NOT NULL,
    server_oid  oid NOT NULL,
    answer      text COLLATE "C" NOT NULL,
    recipient   text COLLATE "C",
    message     jsonb,
    times       integer,
    after       integer NOT NULL,
    passed      integer NOT NULL,
    used        integer NOT NULL,
    status      integer NOT NULL,
    headers     text COLLATE "C" NOT NULL,
    body        bytea,
    CONSTRAINT stub_pkey PRIMARY KEY (case_number, position)
);
COMMENT ON TABLE msgext_test.stub IS 'rules by which requests of a test are answered; see function stub';

CREATE TABLE msgext_test.attempt (
    case_number bigint NOT NULL,
    position    integer NOT NULL,
    n           integer NOT NULL,
    message_id  bigint NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    attempt     integer,
    at          timestamptz NOT NULL,
    server_oid  oid NOT NULL,
    server      text COLLATE "C" NOT NULL,
    limit_key   text COLLATE "C",
    number      bigint,
    taken       boolean NOT NULL,
    answer      text COLLATE "C" NOT NULL,
    method      text COLLATE "C" NOT NULL,
    url         text COLLATE "C" NOT NULL,
    headers     jsonb NOT NULL,
    body        bytea,
    status      integer,
    reply       bytea,
    state       text COLLATE "C" NOT NULL,
    CONSTRAINT attempt_pkey PRIMARY KEY (case_number, position)
);
COMMENT ON TABLE msgext_test.attempt IS 'simulated requests and their answers, a row for each message of each; see view attempts';

CREATE FUNCTION msgext_test.stub(server name, answer text, recipient text DEFAULT NULL,
    message jsonb DEFAULT NULL, times int DEFAULT NULL, after int DEFAULT 0,
    status int DEFAULT NULL, body bytea DEFAULT NULL, headers jsonb DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_stub';
COMMENT ON FUNCTION msgext_test.stub(name, text, text, jsonb, int, int, int, bytea, jsonb) IS
    'a rule for requests to come: how the provider answers; the first that fits and is not used up counts, else accept';

CREATE FUNCTION msgext_test.run(OUT n int, OUT attempt int, OUT answer text, OUT state text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_test_run';
COMMENT ON FUNCTION msgext_test.run() IS
    'what is due at the clock of messages leaves, and is answered; also tells what was held back';

CREATE FUNCTION msgext_test.advance(by interval, OUT n int, OUT attempt int, OUT answer text,
    OUT state text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT ROWS 10 AS 'MODULE_PATHNAME', 'msgext_test_advance';
COMMENT ON FUNCTION msgext_test.advance(interval) IS
    'moves the clock of messages, which stands still from here on; what falls due on the way happens, in order of time';

CREATE FUNCTION msgext_test.answer(n int, status int, body bytea DEFAULT NULL,
    headers jsonb DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_answer';
COMMENT ON FUNCTION msgext_test.answer(int, int, bytea, jsonb) IS
    'one message leaves now and gets this very answer; returns its state';

CREATE FUNCTION msgext_test.report(n int, status text, channel text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_report';
COMMENT ON FUNCTION msgext_test.report(int, text, text) IS
    'the provider tells a message''s fate, by push or asked for it; returns the message''s state';

CREATE FUNCTION msgext_test.callback(server name, body bytea, headers jsonb DEFAULT NULL)
RETURNS int
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_callback';
COMMENT ON FUNCTION msgext_test.callback(name, bytea, jsonb) IS
    'the provider pushes this; returns how many new reports were applied to messages, or pushes to the inbox';

CREATE FUNCTION msgext_test.case_number() RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_test_number';
COMMENT ON FUNCTION msgext_test.case_number() IS 'number of the test that this session is in';

CREATE FUNCTION msgext_test.as_text(bytes bytea) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_test_text';
COMMENT ON FUNCTION msgext_test.as_text(bytea) IS 'bytes that are UTF-8, as text; else NULL';

CREATE VIEW msgext_test.attempts WITH (security_barrier) AS
SELECT a.n, a.attempt, a.at, a.server::text COLLATE "default" AS server,
    a.kind::text COLLATE "default" AS kind, a.answer::text COLLATE "default" AS answer,
    a.method::text COLLATE "default" AS method, a.url::text COLLATE "default" AS url, a.headers,
    msgext_test.as_text(a.body) AS body, a.body AS bytes, a.status,
    msgext_test.as_text(a.reply) AS reply, a.reply AS reply_bytes,
    a.state::text COLLATE "default" AS state
FROM msgext_test.attempt a
WHERE a.case_number OPERATOR(pg_catalog.=) (SELECT msgext_test.case_number())
ORDER BY a.position;
COMMENT ON VIEW msgext_test.attempts IS
    'every simulated request of this test and its answer, in order; secrets are overwritten';
COMMENT ON COLUMN msgext_test.attempts.n IS 'number of the message in this test';
COMMENT ON COLUMN msgext_test.attempts.attempt IS 'attempt of the message';
COMMENT ON COLUMN msgext_test.attempts.at IS 'when, by the clock of messages';
COMMENT ON COLUMN msgext_test.attempts.server IS 'foreign server';
COMMENT ON COLUMN msgext_test.attempts.kind IS 'send or status';
COMMENT ON COLUMN msgext_test.attempts.answer IS 'what the provider answered: of stub, or accept';
COMMENT ON COLUMN msgext_test.attempts.method IS 'of the request';
COMMENT ON COLUMN msgext_test.attempts.url IS 'of the request';
COMMENT ON COLUMN msgext_test.attempts.headers IS 'header fields of the request, secrets overwritten';
COMMENT ON COLUMN msgext_test.attempts.body IS 'of the request; NULL where it is no text';
COMMENT ON COLUMN msgext_test.attempts.bytes IS 'body of the request as it is';
COMMENT ON COLUMN msgext_test.attempts.status IS 'HTTP status of the answer; NULL where none came';
COMMENT ON COLUMN msgext_test.attempts.reply IS 'body of the answer; NULL where it is no text';
COMMENT ON COLUMN msgext_test.attempts.reply_bytes IS 'body of the answer as it is';
COMMENT ON COLUMN msgext_test.attempts.state IS 'state of the message after it';
