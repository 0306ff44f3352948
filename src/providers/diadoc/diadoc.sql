
CREATE FUNCTION msgext.post_document(
    server name, from_box text, to_box text, file_name text, file bytea, signature bytea,
    document jsonb DEFAULT '{}', message jsonb DEFAULT '{}',
    operation_id text DEFAULT NULL, priority int DEFAULT 3,
    send_after timestamptz DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
    ref jsonb DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN msgext.post_message(msgext.server_of(server, 'diadoc'),
    COALESCE(message, '{}'::jsonb) || pg_catalog.jsonb_build_object(
        'FromBoxId', from_box, 'ToBoxId', to_box,
        'DocumentAttachments', pg_catalog.jsonb_build_array(
            pg_catalog.jsonb_build_object('TypeNamedId', 'Nonformalized',
                'Metadata', pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
                    'Key', 'FileName', 'Value', file_name)))
            || COALESCE(document, '{}'::jsonb)
            || pg_catalog.jsonb_build_object('SignedContent', pg_catalog.jsonb_build_object(
                'Content', '{"part": 1}'::jsonb, 'Signature', '{"part": 2}'::jsonb)))),
    parts => ARRAY[file, signature],
    operation_id => operation_id, priority => priority, send_after => send_after,
    expires_at => expires_at, ref => ref);
COMMENT ON FUNCTION msgext.post_document(name, text, text, text, bytea, bytea, jsonb, jsonb, text, int, timestamptz, timestamptz, jsonb) IS
    'queue one signed document for Diadoc; document and message are further members of its attachment and of MessageToPost; returns its id';
