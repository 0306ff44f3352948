
-- Webhooks: functions that only put a message together, for post_message().

CREATE FUNCTION msgext.send_webhook(
    server name, type text, data jsonb, subject text DEFAULT NULL,
    operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    ref jsonb DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN msgext.post_message(msgext.server_of(server, 'webhook'),
    pg_catalog.jsonb_build_object('type', type, 'data', data)
        || CASE WHEN subject IS NULL THEN '{}'::jsonb
            ELSE pg_catalog.jsonb_build_object('subject', subject) END,
    operation_id => operation_id, priority => priority, send_after => send_after,
    expires_at => expires_at, ref => ref);
COMMENT ON FUNCTION msgext.send_webhook(name, text, jsonb, text, text, int, timestamptz, timestamptz, jsonb) IS
    'queue one event, {"type", "data"}, for a webhook server; returns its id';

CREATE FUNCTION msgext.send_http(
    server name, method text DEFAULT 'POST', path text DEFAULT NULL,
    body jsonb DEFAULT NULL, query jsonb DEFAULT NULL, headers jsonb DEFAULT NULL,
    "text" text DEFAULT NULL, form jsonb DEFAULT NULL,
    operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    ref jsonb DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN msgext.post_message(msgext.server_of(server, 'webhook'),
    pg_catalog.jsonb_build_object('http', pg_catalog.jsonb_build_object(
        'method', method, 'path', path, 'query', query, 'headers', headers, 'body', body,
        'text', "text", 'form', form)),
    operation_id => operation_id, priority => priority, send_after => send_after,
    expires_at => expires_at, ref => ref);
COMMENT ON FUNCTION msgext.send_http(name, text, text, jsonb, jsonb, jsonb, text, jsonb, text, int, timestamptz, timestamptz, jsonb) IS
    'queue one HTTP request for a webhook server: method, path below its url, and a body; returns its id';

-- As msgext_own_key() makes it, of when and as what the message was queued.
CREATE FUNCTION msgext.webhook_id(id bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE STRICT
RETURN (SELECT pg_catalog.format('msg_%s%s',
        pg_catalog.lpad(pg_catalog.to_hex((EXTRACT(epoch FROM m.created_at) * 1000000)::bigint), 16, '0'),
        pg_catalog.lpad(pg_catalog.to_hex(m.id), 16, '0'))
    FROM msgext.message m WHERE m.id = webhook_id.id AND m.provider = 'webhook');
COMMENT ON FUNCTION msgext.webhook_id(bigint) IS
    'the webhook-id by which the receiver knows a message of yours; NULL when there is none';
