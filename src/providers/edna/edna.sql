
CREATE FUNCTION msgext.send_sms(
    server name, phone text, content text, sender text DEFAULT NULL,
    options jsonb DEFAULT '{}', operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    ref jsonb DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN msgext.post_message(msgext.server_of(server, 'edna'),
    pg_catalog.jsonb_strip_nulls(COALESCE(options, '{}'::jsonb)
        || pg_catalog.jsonb_build_object('address', phone, 'content', content)
        || CASE WHEN sender IS NULL THEN '{}'::jsonb
            ELSE pg_catalog.jsonb_build_object('subject', sender) END),
    operation_id => operation_id, priority => priority, send_after => send_after,
    expires_at => expires_at, ref => ref);
COMMENT ON FUNCTION msgext.send_sms(name, text, text, text, jsonb, text, int, timestamptz, timestamptz, jsonb) IS
    'queue one SMS for edna; options are further members of its outMessage; returns its id';
