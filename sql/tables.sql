-- Tables. Written by C through the access methods; nobody but the owner may
-- touch them, everybody else sees their own rows through the views below.
--
-- Below the executor no CHECK and no NOT NULL is evaluated: here they say what the C code
-- keeps, bind what is written by SQL (a restore, an administrator), and are verified for
-- the rows of C in builds with assertions. Unique and primary keys hold everywhere.

CREATE SEQUENCE msgext.outbox_id_seq AS bigint;

-- In the order in which they get values: what a row has not reached yet takes no time.
CREATE TABLE msgext.outbox (
    id              bigint NOT NULL,
    xid             xid8 NOT NULL,
    lane_hash       integer NOT NULL,
    server_oid      oid NOT NULL,
    origin          bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    queued_at       timestamptz NOT NULL,
    sender_oid      oid NOT NULL,
    attempts        integer NOT NULL,
    failures        integer NOT NULL,
    priority        smallint NOT NULL,
    maybe_sent      boolean NOT NULL,
    server          text COLLATE "C" NOT NULL,
    provider        text COLLATE "C" NOT NULL,
    sender          text COLLATE "C" NOT NULL,
    state           text COLLATE "C" NOT NULL,
    recipient       text COLLATE "C",
    channels        text COLLATE "C",
    limit_key       text COLLATE "C",
    payload         bytea,
    template        text COLLATE "C",
    template_version integer,
    operation_id    text COLLATE "C",
    key             text COLLATE "C",
    send_after      timestamptz,
    expires_at      timestamptz,
    ref             jsonb,
    waits_since     timestamptz,
    waiting         text COLLATE "C",
    tried_at        timestamptz,
    target          bigint,
    next_attempt_at timestamptz,
    accepted_at     timestamptz,
    finished_at     timestamptz,
    closed_at       timestamptz,
    erased_at       timestamptz,
    problem         text COLLATE "C",
    provider_id     text COLLATE "C",
    provider_status text COLLATE "C",
    code            text COLLATE "C",
    error           text COLLATE "C",
    detail          jsonb,
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_priority CHECK (priority BETWEEN 1 AND 5),
    CONSTRAINT outbox_state CHECK (state IN
        ('queued', 'accepted', 'sent', 'delivered', 'read', 'undelivered', 'failed',
         'rejected', 'expired', 'cancelled', 'unknown'))
) WITH (fillfactor = 47);

COMMENT ON SEQUENCE msgext.outbox_id_seq IS 'ids of messages';
COMMENT ON TABLE msgext.outbox IS
    'one row per message, from the transaction that queued it until retention removes it; ask the view message instead';
COMMENT ON COLUMN msgext.outbox.id IS 'what post_message returned';
COMMENT ON COLUMN msgext.outbox.xid IS 'transaction that queued it: new work is found by this';
COMMENT ON COLUMN msgext.outbox.lane_hash IS 'a number made of server and priority, by which new work is found';
COMMENT ON COLUMN msgext.outbox.server_oid IS 'foreign server: one made later by the same name is another';
COMMENT ON COLUMN msgext.outbox.origin IS 'database it was queued in, 0 when it was restored there; a row of another one is not sent until resume_server adopts it';
COMMENT ON COLUMN msgext.outbox.created_at IS 'when it was first queued; with id, what an idempotency key is made of';
COMMENT ON COLUMN msgext.outbox.queued_at IS 'when it was last queued, by post_message or retry_message';
COMMENT ON COLUMN msgext.outbox.sender_oid IS 'role that queued it: its user mapping is used, its members may see it';
COMMENT ON COLUMN msgext.outbox.attempts IS 'requests recorded; fences every result';
COMMENT ON COLUMN msgext.outbox.failures IS 'attempts that count towards max_attempts, since queued_at';
COMMENT ON COLUMN msgext.outbox.priority IS '1 (first) to 5 (last)';
COMMENT ON COLUMN msgext.outbox.maybe_sent IS 'an attempt may have reached the provider without our knowing';
COMMENT ON COLUMN msgext.outbox.server IS 'name the foreign server had, for people: history outlives it';
COMMENT ON COLUMN msgext.outbox.provider IS 'codec that wrote payload';
COMMENT ON COLUMN msgext.outbox.sender IS 'name that role had, for people';
COMMENT ON COLUMN msgext.outbox.state IS 'state of the message; queued also while a request is on its way (view message: sending)';
COMMENT ON COLUMN msgext.outbox.recipient IS 'whom it goes to, as the payload says';
COMMENT ON COLUMN msgext.outbox.channels IS 'channels it may take, in order of use';
COMMENT ON COLUMN msgext.outbox.limit_key IS 'whose rate limit it counts against';
COMMENT ON COLUMN msgext.outbox.payload IS 'the bytes that are sent, at every attempt; no credential is in them. NULL: removed, see erased_at';
COMMENT ON COLUMN msgext.outbox.template IS 'template that has made it';
COMMENT ON COLUMN msgext.outbox.template_version IS 'version of that template';
COMMENT ON COLUMN msgext.outbox.operation_id IS 'the caller''s idempotency key, unique per server and sender; NULL also when another message has taken it over';
COMMENT ON COLUMN msgext.outbox.key IS 'idempotency key where the provider wants one of its own form; else made of operation_id, server and sender, else of created_at and id';
COMMENT ON COLUMN msgext.outbox.send_after IS 'not to be sent before';
COMMENT ON COLUMN msgext.outbox.expires_at IS 'not to be sent after';
COMMENT ON COLUMN msgext.outbox.ref IS 'what the caller wants to find it by';
COMMENT ON COLUMN msgext.outbox.waits_since IS 'of debounce: when the first was queued that this one stands for; without operation_id another one has taken its place';
COMMENT ON COLUMN msgext.outbox.waiting IS 'why a queued message waits until next_attempt_at';
COMMENT ON COLUMN msgext.outbox.tried_at IS 'first attempt recorded since queued_at: give_up_after counts from here';
COMMENT ON COLUMN msgext.outbox.target IS 'of the last attempt that may have arrived: a digest of url and login, by which alone its key is known';
COMMENT ON COLUMN msgext.outbox.next_attempt_at IS 'when it is sent again, or asked about; NULL: at once, or never again';
COMMENT ON COLUMN msgext.outbox.accepted_at IS 'when the provider took it';
COMMENT ON COLUMN msgext.outbox.finished_at IS 'when its last state was reached, or tracking ended';
COMMENT ON COLUMN msgext.outbox.closed_at IS 'when somebody said that nothing more is to be done about it, or queued a corrected copy';
COMMENT ON COLUMN msgext.outbox.erased_at IS 'when its payload was removed, the row being kept: by payload_retention of the server or by forget_recipient';
COMMENT ON COLUMN msgext.outbox.problem IS 'the state again, when it is a bad end or unknown and not closed: such messages are found by this';
COMMENT ON COLUMN msgext.outbox.provider_id IS 'the provider''s id of it';
COMMENT ON COLUMN msgext.outbox.provider_status IS 'the provider''s last status, verbatim';
COMMENT ON COLUMN msgext.outbox.code IS 'the provider''s last code, verbatim';
COMMENT ON COLUMN msgext.outbox.error IS 'last error, in the provider''s words or ours';
COMMENT ON COLUMN msgext.outbox.detail IS 'state of each channel, as the provider told it';

-- New work of a lane is one index range above the lane's cursor, however long the
-- history before it. No column that changes on a message's good way is in any index, so
-- its updates are HOT. Where no two entries are equal, looking for equal ones is off.
CREATE INDEX outbox_lane ON msgext.outbox (lane_hash, xid, id) WITH (deduplicate_items = off);
COMMENT ON INDEX msgext.outbox_lane IS 'the lanes: finds new messages by the transaction that wrote them';
CREATE UNIQUE INDEX outbox_operation ON msgext.outbox (operation_id, server_oid, sender_oid)
    WHERE operation_id IS NOT NULL;
COMMENT ON INDEX msgext.outbox_operation IS 'operation ids are unique per server and sender';

-- For people. NULLs are in none but the first: a message without costs nothing.
CREATE INDEX outbox_created ON msgext.outbox (created_at) WITH (deduplicate_items = off);
COMMENT ON INDEX msgext.outbox_created IS 'messages by time';
CREATE INDEX outbox_recipient ON msgext.outbox (recipient) WHERE recipient IS NOT NULL;
COMMENT ON INDEX msgext.outbox_recipient IS 'messages to somebody';
CREATE INDEX outbox_ref ON msgext.outbox USING gin (ref jsonb_path_ops)
    WITH (gin_pending_list_limit = 64) WHERE ref IS NOT NULL;
COMMENT ON INDEX msgext.outbox_ref IS 'messages by the caller''s own words, by operator @>';
CREATE INDEX outbox_problem ON msgext.outbox (problem, id) WHERE problem IS NOT NULL;
COMMENT ON INDEX msgext.outbox_problem IS 'messages that somebody may have to look at';
CREATE INDEX outbox_code ON msgext.outbox (code, id) WHERE code IS NOT NULL;
COMMENT ON INDEX msgext.outbox_code IS 'messages by what the provider complained about';

-- A queued message that SQL writes has been queued before, and may have been sent since.
CREATE FUNCTION msgext.mark_restored() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'msgext_mark_restored';
COMMENT ON FUNCTION msgext.mark_restored() IS
    'trigger of the outbox: what is restored into the database it was queued in belongs to none';
CREATE TRIGGER outbox_restored BEFORE INSERT ON msgext.outbox
    FOR EACH ROW WHEN (NEW.state OPERATOR(pg_catalog.=) 'queued')
    EXECUTE FUNCTION msgext.mark_restored();
ALTER TABLE msgext.outbox ENABLE ALWAYS TRIGGER outbox_restored;
COMMENT ON TRIGGER outbox_restored ON msgext.outbox IS 'what is restored is not sent until resume_server adopts it';

CREATE SEQUENCE msgext.event_id_seq AS bigint;
COMMENT ON SEQUENCE msgext.event_id_seq IS 'ids of events';

CREATE TABLE msgext.event (
    id          bigint NOT NULL DEFAULT pg_catalog.nextval('msgext.event_id_seq'),
    message_id  bigint NOT NULL,
    at          timestamptz NOT NULL,
    xid         xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    kind        text COLLATE "C" NOT NULL,
    attempt     integer,
    state       text COLLATE "C",
    channel     text COLLATE "C",
    status      text COLLATE "C",
    code        text COLLATE "C",
    error       text COLLATE "C",
    http_status integer,
    reported_at timestamptz,
    related     bigint,
    actor       text COLLATE "C",
    reason      text COLLATE "C",
    answer      bytea,
    headers     jsonb
);
-- A publication FOR ALL TABLES has ours too, and no row that it could not name may be changed:
-- a table without a key is named by all of it. That costs where wal_level is logical.
ALTER TABLE msgext.event REPLICA IDENTITY FULL;
COMMENT ON TABLE msgext.event IS 'what happened to each message, append-only; ask the view message_event instead';
COMMENT ON COLUMN msgext.event.id IS 'position in the feed; of two events of one message the later has the higher one';
COMMENT ON COLUMN msgext.event.message_id IS 'message';
COMMENT ON COLUMN msgext.event.xid IS 'transaction that wrote it: the feed follows commits by this';
COMMENT ON COLUMN msgext.event.at IS 'when it was recorded';
COMMENT ON COLUMN msgext.event.kind IS 'answer, status, callback, interrupted, expired, cancelled, retried, replayed, replays, replaced, closed, forgotten, invalid or poll_ended';
COMMENT ON COLUMN msgext.event.attempt IS 'attempt it belongs to';
COMMENT ON COLUMN msgext.event.state IS 'state of the message after it';
COMMENT ON COLUMN msgext.event.channel IS 'channel it is about';
COMMENT ON COLUMN msgext.event.status IS 'the provider''s status, verbatim';
COMMENT ON COLUMN msgext.event.code IS 'the provider''s code, verbatim';
COMMENT ON COLUMN msgext.event.error IS 'error text';
COMMENT ON COLUMN msgext.event.http_status IS 'HTTP status of an answer';
COMMENT ON COLUMN msgext.event.reported_at IS 'when it happened, by the provider''s clock';
COMMENT ON COLUMN msgext.event.related IS 'of replayed, replays and replaced: the other message';
COMMENT ON COLUMN msgext.event.actor IS 'session_user, of what people did';
COMMENT ON COLUMN msgext.event.reason IS 'why, in his words';
COMMENT ON COLUMN msgext.event.answer IS 'the raw answer or report, its beginning if it is long';
COMMENT ON COLUMN msgext.event.headers IS 'header fields of the answer, names in lower case, where the provider''s are worth keeping; without tokens and cookies';
CREATE INDEX event_message ON msgext.event (message_id);
COMMENT ON INDEX msgext.event_message IS 'events of a message';
CREATE INDEX event_id ON msgext.event (id) WITH (deduplicate_items = off);
COMMENT ON INDEX msgext.event_id IS 'the feed: events in the order of their ids';

CREATE TABLE msgext.claim (
    id         bigint NOT NULL,
    claimed_at timestamptz NOT NULL,
    messages   bigint[] NOT NULL,
    attempts   integer[] NOT NULL,
    created_at timestamptz[] NOT NULL,
    CONSTRAINT claim_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE msgext.claim IS
    'batches of messages whose requests may be on the wire; what a dead dispatcher leaves here is the unknown';
COMMENT ON COLUMN msgext.claim.id IS 'batch';
COMMENT ON COLUMN msgext.claim.claimed_at IS 'when it was claimed';
COMMENT ON COLUMN msgext.claim.messages IS 'messages of the batch';
COMMENT ON COLUMN msgext.claim.attempts IS 'attempt of each; resolved once outbox.attempts has reached it';
COMMENT ON COLUMN msgext.claim.created_at IS 'outbox.created_at of each: a later row may have its id, when somebody has begun the numbers anew';

CREATE TABLE msgext.reminder (
    server_oid oid NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL,
    id         bigint NOT NULL,
    CONSTRAINT reminder_kind CHECK (kind IN ('send', 'poll', 'unknown'))
);
ALTER TABLE msgext.reminder REPLICA IDENTITY FULL;
COMMENT ON TABLE msgext.reminder IS 'what is to be done later: send again, ask for a status; and what waits for a person';
COMMENT ON COLUMN msgext.reminder.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.reminder.kind IS 'send, poll, or unknown (waits for retry_message)';
COMMENT ON COLUMN msgext.reminder.at IS 'when';
COMMENT ON COLUMN msgext.reminder.id IS 'message';
CREATE INDEX reminder_at ON msgext.reminder (server_oid, kind, at, id);
COMMENT ON INDEX msgext.reminder_at IS 'what is due, by time';

CREATE TABLE msgext.lane (
    server_oid oid NOT NULL,
    priority   smallint NOT NULL,
    done       pg_snapshot,
    scan       pg_snapshot,
    xid        xid8 NOT NULL,
    id         bigint NOT NULL,
    waiting    text COLLATE "C",
    until      timestamptz,
    CONSTRAINT lane_pkey PRIMARY KEY (server_oid, priority)
);
COMMENT ON TABLE msgext.lane IS 'how far each server and priority has been read; rewritten about once a second';
COMMENT ON COLUMN msgext.lane.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.lane.priority IS 'priority';
COMMENT ON COLUMN msgext.lane.done IS 'messages of transactions visible in this snapshot have been taken';
COMMENT ON COLUMN msgext.lane.scan IS 'snapshot being read now, or NULL';
COMMENT ON COLUMN msgext.lane.xid IS 'position in scan: transaction';
COMMENT ON COLUMN msgext.lane.id IS 'position in scan: message';
COMMENT ON COLUMN msgext.lane.waiting IS 'why the lane stands still, or NULL';
COMMENT ON COLUMN msgext.lane.until IS 'no message behind the position leaves before this';

CREATE TABLE msgext.server_pause (
    server_oid   oid NOT NULL,
    paused       boolean NOT NULL,
    pause_reason text COLLATE "C",
    paused_at    timestamptz,
    origin       bigint,
    copied       boolean NOT NULL DEFAULT false,
    resumed_at   timestamptz,
    CONSTRAINT server_pause_pkey PRIMARY KEY (server_oid)
);
COMMENT ON TABLE msgext.server_pause IS 'servers that are or were paused';
COMMENT ON COLUMN msgext.server_pause.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.server_pause.paused IS 'nothing is sent while true';
COMMENT ON COLUMN msgext.server_pause.pause_reason IS 'why, as given to pause_server or found in an answer';
COMMENT ON COLUMN msgext.server_pause.paused_at IS 'since when';
COMMENT ON COLUMN msgext.server_pause.origin IS 'database in which resume_server released it, in a restored copy';
COMMENT ON COLUMN msgext.server_pause.resumed_at IS 'when somebody last resumed it: a circuit breaker that opened before is closed';
COMMENT ON COLUMN msgext.server_pause.copied IS 'it has messages of another database, which resume_server adopts';

CREATE TABLE msgext.account_pause (
    server_oid  oid NOT NULL,
    mapping_oid oid NOT NULL,
    mapping_xid xid NOT NULL,
    paused_at   timestamptz NOT NULL,
    reason      text COLLATE "C",
    CONSTRAINT account_pause_pkey PRIMARY KEY (server_oid, mapping_oid)
);
COMMENT ON TABLE msgext.account_pause IS 'user mappings whose credentials a provider has refused';
COMMENT ON COLUMN msgext.account_pause.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.account_pause.mapping_oid IS 'user mapping: nothing is sent by it until it is changed, or resume_server';
COMMENT ON COLUMN msgext.account_pause.mapping_xid IS 'transaction that wrote the mapping as it was when it was refused; a changed one is free';
COMMENT ON COLUMN msgext.account_pause.paused_at IS 'since when';
COMMENT ON COLUMN msgext.account_pause.reason IS 'what the provider answered';

CREATE TABLE msgext.health (
    server_oid      oid NOT NULL,
    last_error      text COLLATE "C",
    last_error_at   timestamptz,
    last_success_at timestamptz,
    last_claim_at   timestamptz,
    key_ignored     boolean NOT NULL,
    stranded        bigint NOT NULL DEFAULT 0,
    broken_at       timestamptz,
    probe_at        timestamptz,
    probes          int NOT NULL DEFAULT 0,
    failing_at      timestamptz,
    failures        int NOT NULL DEFAULT 0,
    CONSTRAINT health_pkey PRIMARY KEY (server_oid)
);
COMMENT ON TABLE msgext.health IS 'last success and error of each server; rewritten about once a second';
COMMENT ON COLUMN msgext.health.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.health.last_error IS 'last error of a request to it';
COMMENT ON COLUMN msgext.health.last_error_at IS 'when';
COMMENT ON COLUMN msgext.health.last_success_at IS 'when it last took a message or answered a status request';
COMMENT ON COLUMN msgext.health.key_ignored IS 'an answer showed that the provider does not know repeats by our key: what is unknown is not repeated';
COMMENT ON COLUMN msgext.health.stranded IS 'queued messages that nothing led to any more, found and sent: none, unless something is wrong';
COMMENT ON COLUMN msgext.health.broken_at IS 'since when the circuit breaker is open: the server does nothing but fail';
COMMENT ON COLUMN msgext.health.probe_at IS 'when the next message may try it';
COMMENT ON COLUMN msgext.health.probes IS 'how many have tried it since';
COMMENT ON COLUMN msgext.health.failing_at IS 'since when no request has been answered, while the circuit breaker is closed';
COMMENT ON COLUMN msgext.health.failures IS 'how many have failed since, counted to the number that opens it';
COMMENT ON COLUMN msgext.health.last_claim_at IS 'when a message was last claimed for it: rate limits start from here';

CREATE TABLE msgext.statistic (
    server_oid          oid NOT NULL,
    queued              bigint NOT NULL,
    accepted            bigint NOT NULL,
    sent                bigint NOT NULL,
    delivered           bigint NOT NULL,
    read                bigint NOT NULL,
    undelivered         bigint NOT NULL,
    rejected            bigint NOT NULL,
    failed              bigint NOT NULL,
    expired             bigint NOT NULL,
    unknown             bigint NOT NULL,
    cancelled           bigint NOT NULL,
    retried             bigint NOT NULL,
    requests            bigint NOT NULL,
    request_errors      bigint NOT NULL,
    polls               bigint NOT NULL,
    logins              bigint NOT NULL,
    bytes_sent          bigint NOT NULL,
    bytes_received      bigint NOT NULL,
    callbacks           bigint NOT NULL,
    callbacks_unmatched bigint NOT NULL,
    waits_rate          bigint NOT NULL,
    waits_recipient     bigint NOT NULL,
    breaks              bigint NOT NULL,
    request_time        bigint[] NOT NULL,
    request_time_us     bigint NOT NULL,
    wait_time           bigint[] NOT NULL,
    wait_time_us        bigint NOT NULL,
    delivery_time       bigint[] NOT NULL,
    delivery_time_us    bigint NOT NULL,
    reset_at            timestamptz NOT NULL,
    CONSTRAINT statistic_pkey PRIMARY KEY (server_oid)
) WITH (fillfactor = 20);
COMMENT ON TABLE msgext.statistic IS 'what has been counted of each server, rewritten about once a second while it works; ask the view pg_stat_msgext instead';
COMMENT ON COLUMN msgext.statistic.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.statistic.queued IS 'messages taken up from the queue';
COMMENT ON COLUMN msgext.statistic.accepted IS 'messages that the provider took';
COMMENT ON COLUMN msgext.statistic.sent IS 'messages handed on towards the recipient';
COMMENT ON COLUMN msgext.statistic.delivered IS 'messages that reached the recipient';
COMMENT ON COLUMN msgext.statistic.read IS 'messages seen by the recipient';
COMMENT ON COLUMN msgext.statistic.undelivered IS 'messages that did not reach the recipient';
COMMENT ON COLUMN msgext.statistic.rejected IS 'messages refused for good';
COMMENT ON COLUMN msgext.statistic.failed IS 'messages that failed on the way or ran out of attempts';
COMMENT ON COLUMN msgext.statistic.expired IS 'messages whose time was over';
COMMENT ON COLUMN msgext.statistic.unknown IS 'messages of which nobody could tell whether they had arrived';
COMMENT ON COLUMN msgext.statistic.cancelled IS 'messages that were withdrawn';
COMMENT ON COLUMN msgext.statistic.retried IS 'messages that people queued again';
COMMENT ON COLUMN msgext.statistic.requests IS 'requests of any kind';
COMMENT ON COLUMN msgext.statistic.request_errors IS 'of them, those without an answer, or answered with 429 or 5xx';
COMMENT ON COLUMN msgext.statistic.polls IS 'of them, those that asked for statuses';
COMMENT ON COLUMN msgext.statistic.logins IS 'of them, those that logged in';
COMMENT ON COLUMN msgext.statistic.bytes_sent IS 'bytes of the bodies of requests';
COMMENT ON COLUMN msgext.statistic.bytes_received IS 'bytes of the bodies of answers';
COMMENT ON COLUMN msgext.statistic.callbacks IS 'reports that were pushed';
COMMENT ON COLUMN msgext.statistic.callbacks_unmatched IS 'of them, those that no message was known for, or that could not be read';
COMMENT ON COLUMN msgext.statistic.waits_rate IS 'messages set aside for the rate limit';
COMMENT ON COLUMN msgext.statistic.waits_recipient IS 'messages set aside for the limit of their recipient';
COMMENT ON COLUMN msgext.statistic.breaks IS 'how often the circuit breaker opened';
COMMENT ON COLUMN msgext.statistic.request_time IS 'requests by the time they took, in the classes of statistic_bounds(''request_time''), and one more';
COMMENT ON COLUMN msgext.statistic.request_time_us IS 'the sum of their times, microseconds';
COMMENT ON COLUMN msgext.statistic.wait_time IS 'messages by the time from being queued to their first request';
COMMENT ON COLUMN msgext.statistic.wait_time_us IS 'the sum of their times, microseconds';
COMMENT ON COLUMN msgext.statistic.delivery_time IS 'messages by the time from being queued to their delivery';
COMMENT ON COLUMN msgext.statistic.delivery_time_us IS 'the sum of their times, microseconds';
COMMENT ON COLUMN msgext.statistic.reset_at IS 'counted since then';

CREATE TABLE msgext.activity (
    process         text COLLATE "C" NOT NULL,
    pid             integer NOT NULL,
    started_at      timestamptz,
    starts          bigint NOT NULL,
    turns           bigint NOT NULL,
    commits         bigint NOT NULL,
    results         bigint NOT NULL,
    errors          bigint NOT NULL,
    turn_time_us    bigint NOT NULL,
    longest_turn_us bigint NOT NULL,
    in_flight       bigint NOT NULL,
    last_at         timestamptz,
    reset_at        timestamptz NOT NULL,
    CONSTRAINT activity_pkey PRIMARY KEY (process)
) WITH (fillfactor = 20);
COMMENT ON TABLE msgext.activity IS 'what the processes of this database have done, rewritten about once a second while they work; ask the view pg_stat_msgext_worker instead';
COMMENT ON COLUMN msgext.activity.process IS 'dispatcher or listener';
COMMENT ON COLUMN msgext.activity.pid IS 'of the process that wrote the row';
COMMENT ON COLUMN msgext.activity.started_at IS 'when that process started';
COMMENT ON COLUMN msgext.activity.starts IS 'how often it was started';
COMMENT ON COLUMN msgext.activity.turns IS 'turns taken';
COMMENT ON COLUMN msgext.activity.commits IS 'of them, those that wrote something';
COMMENT ON COLUMN msgext.activity.results IS 'answers, or pushes, that were recorded';
COMMENT ON COLUMN msgext.activity.errors IS 'turns that failed';
COMMENT ON COLUMN msgext.activity.turn_time_us IS 'the time of all turns, microseconds';
COMMENT ON COLUMN msgext.activity.longest_turn_us IS 'the longest of them';
COMMENT ON COLUMN msgext.activity.in_flight IS 'requests under way';
COMMENT ON COLUMN msgext.activity.last_at IS 'when it last wrote something';
COMMENT ON COLUMN msgext.activity.reset_at IS 'counted since then';

CREATE TABLE msgext.reference (
    server_oid  oid NOT NULL,
    provider_id text COLLATE "C" NOT NULL,
    message_id  bigint NOT NULL,
    CONSTRAINT reference_pkey PRIMARY KEY (server_oid, provider_id)
);
COMMENT ON TABLE msgext.reference IS 'messages by the provider''s id, for callbacks';
COMMENT ON COLUMN msgext.reference.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.reference.provider_id IS 'the provider''s id';
COMMENT ON COLUMN msgext.reference.message_id IS 'ours';

CREATE TABLE msgext.callback (
    server_oid  oid NOT NULL,
    digest      bytea NOT NULL,
    provider_id text COLLATE "C",
    received_at timestamptz NOT NULL,
    message_id  bigint,
    repeats     integer NOT NULL,
    report      bytea NOT NULL,
    error       text COLLATE "C",
    CONSTRAINT callback_pkey PRIMARY KEY (server_oid, digest)
);
COMMENT ON TABLE msgext.callback IS 'reports pushed by providers, each once; those without message_id wait for their message, those with an error for a person';
COMMENT ON COLUMN msgext.callback.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.callback.digest IS 'SHA-256 of what the report says, or of a push that could not be read';
COMMENT ON COLUMN msgext.callback.provider_id IS 'the provider''s id of the message; NULL: a push that could not be read';
COMMENT ON COLUMN msgext.callback.received_at IS 'when it came first';
COMMENT ON COLUMN msgext.callback.message_id IS 'message it was applied to';
COMMENT ON COLUMN msgext.callback.repeats IS 'how often it came again; or, of a report that its message has no room for, how many further ones there were';
COMMENT ON COLUMN msgext.callback.report IS 'the report as received; of a push that could not be read its beginning, secrets of mappings overwritten';
COMMENT ON COLUMN msgext.callback.error IS 'why the push could not be read';
CREATE INDEX callback_unmatched ON msgext.callback (server_oid, provider_id)
    WHERE message_id IS NULL AND provider_id IS NOT NULL;
COMMENT ON INDEX msgext.callback_unmatched IS 'reports that wait for their message';
CREATE INDEX callback_unreadable ON msgext.callback (server_oid) WHERE error IS NOT NULL;
COMMENT ON INDEX msgext.callback_unreadable IS 'pushes that could not be read, to count them';

CREATE TABLE msgext.recipient_use (
    server_oid oid NOT NULL,
    limit_key  text COLLATE "C" NOT NULL,
    recipient  text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL,
    message_id bigint NOT NULL
);
ALTER TABLE msgext.recipient_use REPLICA IDENTITY FULL;
COMMENT ON TABLE msgext.recipient_use IS 'who was written to lately, for limits per recipient';
COMMENT ON COLUMN msgext.recipient_use.server_oid IS 'foreign server';
COMMENT ON COLUMN msgext.recipient_use.limit_key IS 'sender the limit is counted for';
COMMENT ON COLUMN msgext.recipient_use.recipient IS 'recipient';
COMMENT ON COLUMN msgext.recipient_use.at IS 'when the message was claimed';
COMMENT ON COLUMN msgext.recipient_use.message_id IS 'message; its repeats count once';
CREATE INDEX recipient_use_key ON msgext.recipient_use (server_oid, limit_key, recipient, at);
COMMENT ON INDEX msgext.recipient_use_key IS 'uses of a recipient, by time';

-- A dump carries this row along; restored beside another one it tells that the
-- database is a copy, which must not write to the original's recipients.
CREATE TABLE msgext.origin (
    origin bigint NOT NULL
);
ALTER TABLE msgext.origin REPLICA IDENTITY FULL;
COMMENT ON TABLE msgext.origin IS 'databases this data has lived in; more than one: a restored copy';
COMMENT ON COLUMN msgext.origin.origin IS 'digest of the cluster''s system identifier and the oids of database and extension';

-- The user's data: a dump carries it. Not what was counted, which is this database's own.
SELECT pg_catalog.pg_extension_config_dump('msgext.outbox', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.outbox_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.event', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.claim', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.reminder', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.lane', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.server_pause', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.account_pause', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.health', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.reference', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.callback', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.recipient_use', '');
SELECT pg_catalog.pg_extension_config_dump('msgext.origin', '');
