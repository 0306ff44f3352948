-- Messages by what else is known of them than the id.

CREATE FUNCTION msgext.find_message(server name, provider_id text) RETURNS bigint
LANGUAGE C STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'msgext_find_message';
COMMENT ON FUNCTION msgext.find_message(name, text) IS
    'the id of a message by the provider''s; NULL when there is none, or it is not yours to see';

CREATE FUNCTION msgext.find_messages(ref jsonb) RETURNS SETOF bigint
LANGUAGE C STABLE PARALLEL UNSAFE STRICT ROWS 10 AS 'MODULE_PATHNAME', 'msgext_find_messages';
COMMENT ON FUNCTION msgext.find_messages(jsonb) IS
    'the ids of messages whose ref contains this, of those you may see';
