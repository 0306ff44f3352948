-- One message as text, for people in psql.

CREATE FUNCTION msgext.show(id bigint) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT ROWS 20
BEGIN ATOMIC
    SELECT t.line
    FROM (
        SELECT 1 AS part, NULL::bigint AS event,
            format('message %s through %s (%s), from %s%s', m.id, m.server, m.provider, m.sender,
                ' to ' || m.recipient) AS line
        FROM msgext.message m WHERE m.id = show.id
        UNION ALL
        SELECT f.part, NULL, format('%s: %s', f.name, f.value)
        FROM msgext.message m,
            LATERAL (SELECT t.detail->'waiting' FROM msgext.message_status(m.id) t) AS w(waiting),
            LATERAL (VALUES (2, 'ref', m.ref::text), (3, 'operation id', m.operation_id),
                (4, 'state', concat_ws(', ', m.state, m.provider_status, m.code, m.error)),
                (5, 'waits for', w.waiting->>'for' || coalesce(' until ' || (w.waiting->>'until')::timestamptz, '')),
                (6, 'send after', m.send_after::text), (7, 'expires', m.expires_at::text),
                (8, 'provider''s id', m.provider_id), (9, 'payload removed', m.erased_at::text)) AS f(part, name, value)
        WHERE m.id = show.id AND f.value IS NOT NULL
        UNION ALL
        SELECT 10, e.id, rtrim(concat_ws('  ', to_char(e.at, 'YYYY-MM-DD HH24:MI:SS.MS'),
            rpad(e.kind, 11), rpad(e.state, 11),
            concat_ws(', ', 'attempt ' || e.attempt, 'HTTP ' || e.http_status, e.channel, e.status,
                e.code, e.error, 'message ' || e.related, 'by ' || e.actor, e.reason)))
        FROM msgext.message_event e WHERE e.message_id = show.id
    ) t
    ORDER BY t.part, t.event NULLS FIRST;
END;
COMMENT ON FUNCTION msgext.show(bigint) IS 'a message, its state and its timeline as text; no row when there is none, or it is not yours to see';
