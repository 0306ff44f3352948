
CREATE FUNCTION msgext.send_cell_message(
    server name, cells text[], title text, body text, options jsonb DEFAULT '{}',
    operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    ref jsonb DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN msgext.post_message(msgext.server_of(server, 'personium'),
    COALESCE(options, '{}'::jsonb) || pg_catalog.jsonb_build_object(
        'To', pg_catalog.array_to_string(cells, ',', ''), 'Title', title, 'Body', body),
    operation_id => operation_id, priority => priority, send_after => send_after,
    expires_at => expires_at, ref => ref);
COMMENT ON FUNCTION msgext.send_cell_message(name, text[], text, text, jsonb, text, int, timestamptz, timestamptz, jsonb) IS
    'queue one message of Personium to cells, by their URLs; options are further members of its body; returns its id';
