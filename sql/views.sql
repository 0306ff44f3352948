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

CREATE VIEW msgext.server_status WITH (security_invoker) AS
SELECT s.server, s.provider, s.paused, s.pause_reason, s.queued, s.in_flight, s.unknown,
    s.oldest_queued_at, s.last_error, s.last_error_at, s.last_success_at, s.paused_accounts,
    s.stranded, s.exact, s.broken_at, s.probe_at, s.probes
FROM msgext.server_counts() s;
COMMENT ON VIEW msgext.server_status IS 'how the servers are that the current user may use; pg_monitor sees all';
