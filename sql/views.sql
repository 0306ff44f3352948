-- Views

-- Words that people look for have the collation of their indexes, "C"; the others that of
-- the database.
CREATE VIEW msgext.message WITH (security_invoker) AS
SELECT o.id, o.server COLLATE pg_catalog."default" AS server,
    o.provider COLLATE pg_catalog."default" AS provider,
    o.sender COLLATE pg_catalog."default" AS sender,
    CASE WHEN o.state OPERATOR(pg_catalog.=) 'queued'
            AND ROW(o.id, o.attempts OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog.=) ANY
                (SELECT f.id, f.attempt FROM msgext.messages_in_flight() f)
        THEN 'sending' ELSE o.state END COLLATE pg_catalog."default" AS state,
    o.provider_status COLLATE pg_catalog."default" AS provider_status, o.provider_id, o.code,
    o.error COLLATE pg_catalog."default" AS error, o.operation_id, o.priority, o.attempts,
    o.created_at, o.send_after, o.expires_at, o.next_attempt_at,
    o.waiting COLLATE pg_catalog."default" AS waiting, o.accepted_at, o.finished_at, o.detail,
    o.recipient, o.ref, o.problem, o.erased_at,
    o.template COLLATE pg_catalog."default" AS template, o.template_version
FROM msgext.outbox o;
COMMENT ON VIEW msgext.message IS 'messages of the current user and of the roles whose privileges it has';
COMMENT ON COLUMN msgext.message.id IS 'what post_message returned';
COMMENT ON COLUMN msgext.message.server IS 'name the foreign server had when it was queued';
COMMENT ON COLUMN msgext.message.provider IS 'provider it goes to: the server''s wrapper, without msgext_';
COMMENT ON COLUMN msgext.message.sender IS 'name that the role had who queued it';
COMMENT ON COLUMN msgext.message.state IS 'queued, sending, accepted, sent, delivered, read, undelivered, failed, rejected, expired, cancelled or unknown';
COMMENT ON COLUMN msgext.message.provider_status IS 'the provider''s last status, verbatim';
COMMENT ON COLUMN msgext.message.provider_id IS 'the provider''s id of it';
COMMENT ON COLUMN msgext.message.code IS 'the provider''s last code, verbatim';
COMMENT ON COLUMN msgext.message.error IS 'last error, in the provider''s words or ours';
COMMENT ON COLUMN msgext.message.operation_id IS 'the caller''s idempotency key, unique per server and sender';
COMMENT ON COLUMN msgext.message.priority IS '1 (first) to 5 (last)';
COMMENT ON COLUMN msgext.message.attempts IS 'requests whose outcome is recorded';
COMMENT ON COLUMN msgext.message.created_at IS 'when it was first queued';
COMMENT ON COLUMN msgext.message.send_after IS 'not to be sent before';
COMMENT ON COLUMN msgext.message.expires_at IS 'not to be sent after';
COMMENT ON COLUMN msgext.message.next_attempt_at IS 'when it is sent again, or its status asked for; NULL: at once, or never again';
COMMENT ON COLUMN msgext.message.waiting IS 'why it waits until next_attempt_at; message_status() knows more, such as pauses';
COMMENT ON COLUMN msgext.message.accepted_at IS 'when the provider took it';
COMMENT ON COLUMN msgext.message.finished_at IS 'when its last state was reached, or asking for its status ended';
COMMENT ON COLUMN msgext.message.detail IS 'state of each channel, target or document, as the provider told it';
COMMENT ON COLUMN msgext.message.recipient IS 'whom it goes to, as the payload says; NULL where that is not one';
COMMENT ON COLUMN msgext.message.ref IS 'what the caller wants to find it by';
COMMENT ON COLUMN msgext.message.problem IS 'the state again, where somebody may have to look at it: a bad end or unknown, and not closed';
COMMENT ON COLUMN msgext.message.erased_at IS 'when its payload was removed; NULL: it is there';
COMMENT ON COLUMN msgext.message.template IS 'template that has made it';
COMMENT ON COLUMN msgext.message.template_version IS 'version of that template';

-- The first branch takes nothing of outbox: where 18 joins the view to message it makes one table
-- of the two, forgets such a branch (18.6), and the server crashes.
CREATE VIEW msgext.message_event WITH (security_invoker) AS
SELECT o.id AS message_id, COALESCE(e.at, o.created_at) AS at, e.kind, e.attempt, e.state,
    e.channel, e.status, e.code, e.error, e.http_status, e.reported_at, e.answer, o.ref, e.id,
    e.related, e.actor, e.reason, e.headers
FROM msgext.outbox o,
    LATERAL (
        SELECT NULL::bigint, NULL::timestamptz, 'queued', NULL, 'queued', NULL, NULL, NULL, NULL,
            NULL, NULL, NULL::bigint, NULL, NULL, NULL, NULL::jsonb
        UNION ALL
        SELECT v.id, v.at, v.kind, v.attempt, v.state, v.channel, v.status, v.code, v.error,
            v.http_status, v.reported_at, v.related, v.actor, v.reason, v.answer, v.headers
        FROM msgext.event v WHERE v.message_id OPERATOR(pg_catalog.=) o.id
    ) AS e(id, at, kind, attempt, state, channel, status, code, error, http_status, reported_at,
        related, actor, reason, answer, headers)
WHERE e.id IS NOT NULL OR o.state OPERATOR(pg_catalog.<>) 'rejected' OR o.attempts OPERATOR(pg_catalog.>) 0
    OR NOT COALESCE(o.detail OPERATOR(pg_catalog.?) 'invalid', false);
COMMENT ON VIEW msgext.message_event IS 'what happened to the messages of view message, with the raw answers';
COMMENT ON COLUMN msgext.message_event.message_id IS 'message';
COMMENT ON COLUMN msgext.message_event.at IS 'when it was recorded';
COMMENT ON COLUMN msgext.message_event.kind IS 'queued, answer, status, callback, interrupted, expired, cancelled, retried, replayed, replays, replaced, closed, forgotten, invalid or poll_ended';
COMMENT ON COLUMN msgext.message_event.attempt IS 'attempt it belongs to';
COMMENT ON COLUMN msgext.message_event.state IS 'state of the message after it';
COMMENT ON COLUMN msgext.message_event.channel IS 'channel it is about';
COMMENT ON COLUMN msgext.message_event.status IS 'the provider''s status, verbatim';
COMMENT ON COLUMN msgext.message_event.code IS 'the provider''s code, verbatim';
COMMENT ON COLUMN msgext.message_event.error IS 'error text';
COMMENT ON COLUMN msgext.message_event.http_status IS 'HTTP status of an answer; NULL where none came';
COMMENT ON COLUMN msgext.message_event.reported_at IS 'when it happened, by the provider''s clock';
COMMENT ON COLUMN msgext.message_event.answer IS 'the raw answer or report, its first 8 kB; secrets are overwritten';
COMMENT ON COLUMN msgext.message_event.ref IS 'of the message';
COMMENT ON COLUMN msgext.message_event.id IS 'position in the feed; NULL for queued';
COMMENT ON COLUMN msgext.message_event.related IS 'of replayed, replays and replaced: the other message';
COMMENT ON COLUMN msgext.message_event.actor IS 'session_user, of what people did';
COMMENT ON COLUMN msgext.message_event.reason IS 'why, in his words';
COMMENT ON COLUMN msgext.message_event.headers IS 'header fields of the answer to a webhook, names in lower case, without tokens and cookies';

CREATE VIEW msgext.server_status WITH (security_invoker) AS
SELECT s.server, s.provider, s.paused, s.pause_reason, s.queued, s.in_flight, s.unknown,
    s.oldest_queued_at, s.last_error, s.last_error_at, s.last_success_at, s.paused_accounts,
    s.stranded, s.exact, s.broken_at, s.probe_at, s.probes
FROM msgext.server_counts() s;
COMMENT ON VIEW msgext.server_status IS 'how the servers are that the current user may use; pg_monitor sees all';
COMMENT ON COLUMN msgext.server_status.server IS 'foreign server';
COMMENT ON COLUMN msgext.server_status.provider IS 'the server''s wrapper, without msgext_';
COMMENT ON COLUMN msgext.server_status.paused IS 'nothing is sent while true';
COMMENT ON COLUMN msgext.server_status.pause_reason IS 'why, as given to pause_server or found in an answer';
COMMENT ON COLUMN msgext.server_status.queued IS 'messages that wait to be sent, for whatever reason';
COMMENT ON COLUMN msgext.server_status.in_flight IS 'messages whose request is on its way';
COMMENT ON COLUMN msgext.server_status.unknown IS 'messages that wait for a person: nobody can tell whether they have arrived';
COMMENT ON COLUMN msgext.server_status.oldest_queued_at IS 'when the oldest of those queued was posted';
COMMENT ON COLUMN msgext.server_status.last_error IS 'last error of a request to it';
COMMENT ON COLUMN msgext.server_status.last_error_at IS 'when';
COMMENT ON COLUMN msgext.server_status.last_success_at IS 'when it last took a message or answered a status request';
COMMENT ON COLUMN msgext.server_status.paused_accounts IS 'roles, or PUBLIC, whose credentials it has refused: their messages wait until the user mapping is changed, or resume_server';
COMMENT ON COLUMN msgext.server_status.stranded IS 'queued messages that nothing led to any more, found and sent: none, unless something is wrong';
COMMENT ON COLUMN msgext.server_status.exact IS 'false: there may be more than queued, in_flight and unknown say';
COMMENT ON COLUMN msgext.server_status.broken_at IS 'since when the circuit breaker is open: the server does nothing but fail; NULL: closed';
COMMENT ON COLUMN msgext.server_status.probe_at IS 'when the next message may try it';
COMMENT ON COLUMN msgext.server_status.probes IS 'how many have tried it since';
