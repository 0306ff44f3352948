-- What a message was answered, for who asks as of a request of his own.

CREATE FUNCTION msgext.response(id bigint, OUT attempt int, OUT at timestamptz, OUT status int,
    OUT headers jsonb, OUT body bytea, OUT error text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE STRICT ROWS 1
BEGIN ATOMIC
    SELECT e.attempt, e.at, e.http_status, e.headers, e.answer, e.error
    FROM msgext.message_event e
    WHERE e.message_id = response.id AND e.kind = 'answer' AND e.attempt IS NOT NULL
    ORDER BY e.id DESC
    LIMIT 1;
END;
COMMENT ON FUNCTION msgext.response(bigint) IS
    'the answer to the last attempt of a message, as far as it is kept; no row before there is one, or when the message is not yours to see';
