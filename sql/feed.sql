-- The feed of outcomes: consumers, each of which gets each event once and in order.

CREATE TABLE msgext.feed (
    name            text COLLATE "C" NOT NULL,
    owner_oid       oid NOT NULL,
    owner           text COLLATE "C" NOT NULL,
    origin          bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    filter          jsonb,
    notify          text COLLATE "C",
    function_oid    oid,
    function        text COLLATE "C",
    timeout_ms      integer NOT NULL,
    done            pg_snapshot NOT NULL,
    scan            pg_snapshot,
    id              bigint NOT NULL,
    mark_xids       bigint[] NOT NULL,
    mark_ids        bigint[] NOT NULL,
    read_at         timestamptz,
    started_at      timestamptz,
    failures        integer NOT NULL,
    failed_id       bigint,
    failed_at       timestamptz,
    next_attempt_at timestamptz,
    last_error      text COLLATE "C",
    CONSTRAINT feed_pkey PRIMARY KEY (name, owner_oid)
) WITH (fillfactor = 50);
COMMENT ON TABLE msgext.feed IS 'consumers of events, and how far each has read; ask the views consumer and handler instead';
COMMENT ON COLUMN msgext.feed.name IS 'consumer; other roles may have one of the same name';
COMMENT ON COLUMN msgext.feed.owner_oid IS 'role it belongs to: it gets the events that this role may see';
COMMENT ON COLUMN msgext.feed.owner IS 'name that role had, for people';
COMMENT ON COLUMN msgext.feed.origin IS 'database it was created in: in a restored copy it stands still';
COMMENT ON COLUMN msgext.feed.created_at IS 'when';
COMMENT ON COLUMN msgext.feed.filter IS 'which events it gets; NULL: all';
COMMENT ON COLUMN msgext.feed.notify IS 'channel of NOTIFY when there is something for it, or NULL';
COMMENT ON COLUMN msgext.feed.function_oid IS 'of a handler: the function that is run for each event';
COMMENT ON COLUMN msgext.feed.function IS 'name it had, for people';
COMMENT ON COLUMN msgext.feed.timeout_ms IS 'of a handler: so long may one run take';
COMMENT ON COLUMN msgext.feed.done IS 'events of transactions visible in this snapshot have been passed';
COMMENT ON COLUMN msgext.feed.scan IS 'snapshot being read now, or NULL';
COMMENT ON COLUMN msgext.feed.id IS 'position in scan: event';
COMMENT ON COLUMN msgext.feed.mark_xids IS 'of transactions from each of these on, all events have ids above the one of mark_ids';
COMMENT ON COLUMN msgext.feed.mark_ids IS 'see mark_xids';
COMMENT ON COLUMN msgext.feed.read_at IS 'when it moved on last';
COMMENT ON COLUMN msgext.feed.started_at IS 'of a handler: its function has been started, and has not ended';
COMMENT ON COLUMN msgext.feed.failures IS 'of a handler: errors in a row';
COMMENT ON COLUMN msgext.feed.failed_id IS 'event that it failed at';
COMMENT ON COLUMN msgext.feed.failed_at IS 'when it failed last';
COMMENT ON COLUMN msgext.feed.next_attempt_at IS 'not run before';
COMMENT ON COLUMN msgext.feed.last_error IS 'error it failed with';
SELECT pg_catalog.pg_extension_config_dump('msgext.feed', '');

-- What a row names is run as its owner: see console_session.
ALTER TABLE msgext.feed ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION msgext.create_consumer(consumer text, filter jsonb DEFAULT NULL,
    after bigint DEFAULT NULL, notify text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_create_consumer';
COMMENT ON FUNCTION msgext.create_consumer(text, jsonb, bigint, text) IS
    'make a consumer of events, which gets those recorded from now on, or behind an id';

CREATE FUNCTION msgext.on_event(handler text, function regprocedure, filter jsonb DEFAULT NULL,
    after bigint DEFAULT NULL, timeout interval DEFAULT '10 s')
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'msgext_on_event';
COMMENT ON FUNCTION msgext.on_event(text, regprocedure, jsonb, bigint, interval) IS
    'have a function run for each event, as its owner; again, to change a handler';

CREATE FUNCTION msgext.drop_consumer(consumer text) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'msgext_drop_consumer';
COMMENT ON FUNCTION msgext.drop_consumer(text) IS
    'remove a consumer or a handler; true only if there was one';

CREATE FUNCTION msgext.events_after(consumer text, "limit" int DEFAULT 100,
    OUT "position" bigint, OUT message_id bigint, OUT at timestamptz, OUT kind text, OUT attempt int,
    OUT state text, OUT channel text, OUT status text, OUT code text, OUT error text,
    OUT http_status int, OUT reported_at timestamptz, OUT related bigint, OUT actor text,
    OUT reason text, OUT answer bytea, OUT server text, OUT operation_id text, OUT ref jsonb)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT ROWS 100 AS 'MODULE_PATHNAME', 'msgext_events_after';
COMMENT ON FUNCTION msgext.events_after(text, int) IS
    'the next events of a consumer, the same again until events_done()';

CREATE FUNCTION msgext.events_done(consumer text, "position" bigint) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'msgext_events_done';
COMMENT ON FUNCTION msgext.events_done(text, bigint) IS
    'a consumer has done with all events up to this position, when this transaction commits';

CREATE FUNCTION msgext.consumers(OUT consumer text, OUT owner text, OUT filter jsonb,
    OUT notify text, OUT created_at timestamptz, OUT read_at timestamptz, OUT unread bigint,
    OUT oldest_unread_at timestamptz, OUT function text, OUT timeout interval,
    OUT failures int, OUT last_error text, OUT failed_position bigint, OUT failed_at timestamptz,
    OUT next_attempt_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'msgext_consumers';
COMMENT ON FUNCTION msgext.consumers() IS 'what the views consumer and handler show';

CREATE VIEW msgext.consumer WITH (security_invoker) AS
SELECT c.consumer, c.owner, c.filter, c.notify, c.created_at, c.read_at, c.unread, c.oldest_unread_at
FROM msgext.consumers() c WHERE c.function IS NULL;
COMMENT ON VIEW msgext.consumer IS 'consumers of roles whose privileges the current user has, and how far they lag behind';
COMMENT ON COLUMN msgext.consumer.consumer IS 'consumer; other roles may have one of the same name';
COMMENT ON COLUMN msgext.consumer.owner IS 'role it belongs to: it gets the events that this role may see';
COMMENT ON COLUMN msgext.consumer.filter IS 'which events it gets; NULL: all';
COMMENT ON COLUMN msgext.consumer.notify IS 'channel of NOTIFY when there is something for it, or NULL';
COMMENT ON COLUMN msgext.consumer.created_at IS 'when it was made';
COMMENT ON COLUMN msgext.consumer.read_at IS 'when it moved on last';
COMMENT ON COLUMN msgext.consumer.unread IS 'events it has not done with, of the first 10000 that are looked at';
COMMENT ON COLUMN msgext.consumer.oldest_unread_at IS 'since when the oldest of them waits';

CREATE VIEW msgext.handler WITH (security_invoker) AS
SELECT c.consumer AS handler, c.owner, c.function, c.filter, c.timeout, c.created_at, c.read_at,
    c.unread, c.oldest_unread_at, c.failures, c.last_error, c.failed_position, c.failed_at,
    c.next_attempt_at
FROM msgext.consumers() c WHERE c.function IS NOT NULL;
COMMENT ON VIEW msgext.handler IS 'functions that are run for events, how far they lag behind, and what they fail with';
COMMENT ON COLUMN msgext.handler.handler IS 'handler; other roles may have one of the same name';
COMMENT ON COLUMN msgext.handler.owner IS 'role it belongs to and runs as: it gets the events that this role may see';
COMMENT ON COLUMN msgext.handler.function IS 'function that is run for each event';
COMMENT ON COLUMN msgext.handler.filter IS 'which events it gets; NULL: all';
COMMENT ON COLUMN msgext.handler.timeout IS 'so long may one run take';
COMMENT ON COLUMN msgext.handler.created_at IS 'when it was made';
COMMENT ON COLUMN msgext.handler.read_at IS 'when it moved on last';
COMMENT ON COLUMN msgext.handler.unread IS 'events it has not done with, of the first 10000 that are looked at';
COMMENT ON COLUMN msgext.handler.oldest_unread_at IS 'since when the oldest of them waits';
COMMENT ON COLUMN msgext.handler.failures IS 'errors in a row; 0: it works';
COMMENT ON COLUMN msgext.handler.last_error IS 'error it failed with';
COMMENT ON COLUMN msgext.handler.failed_position IS 'event that it failed at: events_done() with it passes that';
COMMENT ON COLUMN msgext.handler.failed_at IS 'when it failed last';
COMMENT ON COLUMN msgext.handler.next_attempt_at IS 'when it is run again';

GRANT SELECT ON msgext.consumer, msgext.handler TO PUBLIC;
