-- Operation ids as people need them; payloads that are refused and kept; how long a message may wait.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
\set VERBOSITY terse
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_operation TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_operation
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
SELECT msgext_test.begin();
SELECT setval('msgext.outbox_id_seq', 1000, false) > 0 AS ids_from_1000;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER mail FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1/sender');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER docs OPTIONS (api_client_id 'a', login 'l', password 'secret-1');
CREATE USER MAPPING FOR PUBLIC SERVER mail OPTIONS (token 'secret-3');
CREATE FUNCTION vk(patch jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"],
        "validityPeriod": 180, "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb || patch)
$$;
CREATE FUNCTION post(operation_id text, patch jsonb DEFAULT '{}', on_conflict text DEFAULT NULL,
    life interval DEFAULT NULL, OUT id bigint, OUT outcome text) LANGUAGE sql AS $$
    SELECT p.id, p.outcome FROM msgext.post_message_outcome('vk', vk(patch), operation_id,
        on_conflict => on_conflict, expires_after => life) p
$$;
CREATE FUNCTION n(operation_id text) RETURNS int LANGUAGE sql AS $$
    SELECT sent.n FROM msgext_test.sent WHERE sent.operation_id = $1
$$;

-- New, repeated; with another payload an error, the first one, or the new one instead.
SELECT * FROM post('order 1');
SELECT * FROM post('order 1');
SELECT * FROM post('order 1', '{"phone": "79990000000"}');
SELECT * FROM post('order 1', '{"phone": "79990000000"}', 'error');
SELECT * FROM post('order 1', '{"phone": "79990000000"}', 'return');
SELECT * FROM post('order 1', '{"phone": "79990000000"}', 'replace');
SELECT id, state, operation_id, recipient FROM msgext.message ORDER BY id;
SELECT message_id, kind, state, related - message_id AS distance, actor = session_user AS by_me
FROM msgext.message_event ORDER BY message_id, at;
SELECT * FROM post('order 1', '{"phone": "79990000000"}', 'replace');
SELECT * FROM post('order 1', '{"phone": "79990000000"}', 'sometimes');
SELECT * FROM post(NULL, on_conflict => 'replace');

-- The same content for another time replaces as well: a reminder that is put off.
SELECT id, outcome FROM msgext.post_message_outcome('vk', vk(), 'remind', send_after => '2999-01-01',
    on_conflict => 'replace');
SELECT id, outcome FROM msgext.post_message_outcome('vk', vk(), 'remind', send_after => '2999-01-02',
    on_conflict => 'replace');
SELECT id, outcome FROM msgext.post_message_outcome('vk', vk(), 'remind', send_after => '2999-01-02',
    on_conflict => 'replace');
SELECT id, outcome FROM msgext.post_message_outcome('vk', vk(), 'remind', send_after => '2999-01-02',
    ref => '{"a": 1}', on_conflict => 'replace');
SELECT count(*), count(operation_id) FROM msgext.message WHERE id BETWEEN 1008 AND 1011;
SELECT id, state FROM msgext.message WHERE operation_id = 'remind';

-- send_vk and post_message take it as well.
SELECT msgext.send_vk('vk', vk() -> 'vk', operation_id => 'remind', on_conflict => 'return') AS id;
SELECT msgext.post_message('vk', vk('{"templateId": 2}'), 'remind', on_conflict => 'return') AS id;

-- What has left, or may have, cannot be replaced.
SELECT answer, state FROM msgext_test.run() WHERE n = n('order 1');
SELECT outcome FROM post('order 1', '{"phone": "79990000000"}', 'replace');
SELECT outcome FROM post('order 1', '{}', 'replace');
SELECT outcome FROM post('order 1', '{}', 'return');
SELECT outcome FROM post('maybe', '{"phone": "79990000000"}');
SELECT msgext_test.stub('vk', 'lost', '79990000000');
SELECT answer, state FROM msgext_test.run();
SELECT outcome FROM post('maybe', '{}', 'replace');
SELECT msgext.retry_message(id) FROM msgext.message WHERE operation_id = 'maybe';
SELECT state FROM msgext.message WHERE operation_id = 'maybe';
SELECT outcome FROM post('maybe', '{}', 'replace');

-- Nor what is on its way: nothing of the attempt is left. A claim is forged: there is one
-- only while another process sends.
SELECT outcome FROM post('claimed', '{"phone": "79990000000"}');
INSERT INTO msgext.claim SELECT 1, now(), ARRAY[id], ARRAY[attempts + 1], ARRAY[created_at] FROM msgext.outbox
WHERE operation_id = 'claimed';
SELECT outcome FROM post('claimed', '{}', 'replace');
SELECT state FROM msgext.message WHERE operation_id = 'claimed';
DELETE FROM msgext.claim;

-- The id is free again when its message never left.
SELECT * FROM post('order 2');
SELECT msgext.cancel_message(id) FROM msgext.message WHERE operation_id = 'order 2';
SELECT outcome FROM post('order 2', life => '1 hour');
SELECT state, operation_id FROM msgext.message WHERE recipient = '79031112233' ORDER BY id DESC LIMIT 2;
SELECT e.kind, e.state FROM msgext.message_event e JOIN msgext.message m ON m.id = e.message_id
WHERE m.state = 'cancelled' AND e.kind <> 'queued' ORDER BY m.id DESC, e.id DESC LIMIT 2;
SELECT outcome FROM post('order 2');
SELECT msgext_test.stub('vk', 'retry-after 1800', '79031112233', times => 2);
SELECT attempt, answer, state FROM msgext_test.advance('1 hour') WHERE n = n('order 2');
SELECT outcome FROM post('order 2', '{"templateId": 2}');
SELECT count(*) FROM msgext.message WHERE operation_id = 'order 2';

-- It is not when it may have left, or part of it has.
SELECT state FROM msgext_test.run() WHERE n = n('order 2');
SELECT msgext_test.report(n('order 2'), 'expired');
SELECT outcome FROM post('order 2');
SELECT msgext_test.stub('vk', 'reject', '79990000001');
SELECT outcome FROM post('refused', '{"phone": "79990000001"}');
SELECT state FROM msgext_test.run() WHERE n = n('refused');
SELECT outcome FROM post('refused');
SELECT msgext.post_message('mail', '{"To": "https://a.example/,https://b.example/", "Body": "1"}', 'partly',
    expires_after => '1 hour') > 0 AS queued;
SELECT msgext_test.answer(n('partly'), 201, convert_to(format('{"d": {"results": {"__id": %s, "Result": [
    {"To": "https://a.example/", "Code": "201"}, {"To": "https://b.example/", "Code": "503"}]}}}', body::jsonb -> '__id'), 'UTF8'))
FROM msgext_test.request(n('partly'));
SELECT msgext_test.stub('mail', 'retry-after 1800');
SELECT attempt, answer, state FROM msgext_test.advance('1 hour') WHERE n = n('partly');
SELECT provider_id, accepted_at, jsonb_path_query_array(detail, '$.targets.*.state') AS targets
FROM msgext.message WHERE operation_id = 'partly';
SELECT msgext.post_message('mail', '{"To": "https://a.example/", "Body": "2"}', 'partly');
-- Forged, for nothing makes it: what may have left is not cancelled.
UPDATE msgext.outbox SET state = 'cancelled', finished_at = now() WHERE operation_id = 'maybe' RETURNING maybe_sent;
SELECT outcome FROM post('maybe');

-- The error says in fields of their own what is wrong and where.
DO $$
DECLARE
    state text; code text; path text;
BEGIN
    PERFORM msgext.post_message('vk', vk('{"phone": "soon"}'));
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, code = CONSTRAINT_NAME, path = COLUMN_NAME;
    RAISE WARNING '% % %', state, code, path;
END $$;
DO $$
DECLARE
    state text; code text; path text;
BEGIN
    PERFORM msgext.post_message('vk', vk(), priority => 9);
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, code = CONSTRAINT_NAME, path = COLUMN_NAME;
    RAISE WARNING '% % %', state, code, path;
END $$;
DO $$
DECLARE
    state text; code text;
BEGIN
    PERFORM post('order 2');
EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, code = CONSTRAINT_NAME;
    RAISE WARNING '% %', state, code;
END $$;

-- A payload that is refused can be kept: it is rejected, and the transaction goes on.
SELECT setval('msgext.outbox_id_seq', 1100, false) > 0 AS ids_from_1100;
SELECT * FROM msgext.post_message_outcome('vk', vk('{"phone": "soon"}'), 'order 3', ref => '{"order": 3}',
    on_invalid => 'record');
SELECT state, provider, code, error, attempts, operation_id, finished_at IS NOT NULL AS over, detail, recipient, ref
FROM msgext.message WHERE id = 1100;
SELECT kind, state, code, error, attempt FROM msgext.message_event WHERE message_id = 1100;
SELECT msgext.message_payload(1100) #>> '{vk,phone}' AS phone, convert_from(msgext.message_bytes(1100), 'UTF8') ~ 'soon' AS bytes;
SELECT msgext.retry_message(1100), msgext.cancel_message(1100);

-- Again, it is the same; mended, it goes, and has the id.
SELECT * FROM msgext.post_message_outcome('vk', vk('{"phone": "soon"}'), 'order 3', on_invalid => 'record');
SELECT outcome, code FROM msgext.post_message_outcome('vk', vk('{"phone": "late"}'), 'order 3', on_invalid => 'record');
SELECT outcome FROM post('order 3');
SELECT state, count(*), count(operation_id) FROM msgext.message WHERE id >= 1100 GROUP BY 1 ORDER BY 1;

-- What is refused does not replace what is right.
SELECT outcome FROM msgext.post_message_outcome('vk', vk('{"phone": "soon"}'), 'order 3', on_conflict => 'replace',
    on_invalid => 'record');
SELECT outcome, code, error FROM msgext.post_message_outcome('vk', vk('{"phone": "soon"}'), 'order 3',
    on_conflict => 'return', on_invalid => 'record');

-- By the server's option; a call may say otherwise. Of any provider, and what is no object.
ALTER SERVER vk OPTIONS (ADD on_invalid 'record');
ALTER SERVER docs OPTIONS (ADD on_invalid 'record');
SELECT msgext.send_vk('vk', '{"phone": "soon"}') > 0 AS recorded;
SELECT msgext.send_vk('vk', '{"phone": "soon"}', on_invalid => 'error');
SELECT outcome, code, path, error FROM msgext.post_message_outcome('vk', '[1]');
SELECT outcome, code, path, error FROM msgext.post_message_outcome('docs', '{"FromBoxId": "x"}');
SELECT m.state, m.error, msgext.message_payload(m.id) FROM msgext.message m WHERE m.server = 'docs';
SELECT msgext.send_vk('vk', vk() -> 'vk', priority => 9);
SELECT msgext.send_vk('vk', vk() -> 'vk', on_invalid => 'maybe');
SELECT outcome FROM msgext.post_message_outcome('vk', jsonb_build_object('vk', repeat('x', 1100000)));
SELECT msgext.message_payload(max(id)) FROM msgext.message;
ALTER SERVER vk OPTIONS (SET on_invalid 'never');
ALTER SERVER vk OPTIONS (SET on_invalid 'error');

-- Corrected, a copy takes its place.
SELECT msgext.replay_message(1100, vk('{"phone": "79031112234"}'), 'a typing error') > 1100 AS copied;
SELECT m.state, m.recipient, m.ref FROM msgext.message m ORDER BY id DESC LIMIT 1;

-- How long it may wait: from send_after on, or now; by the server, unless the call says.
CREATE FUNCTION waits(id bigint) RETURNS interval LANGUAGE sql AS $$
    SELECT justify_hours(o.expires_at - greatest(o.send_after, o.created_at))
    FROM msgext.outbox o WHERE o.id = $1 $$;
SELECT waits(msgext.send_vk('vk', vk() -> 'vk', expires_after => '2 hours'));
SELECT waits(msgext.send_vk('vk', vk() -> 'vk', expires_after => '2 hours', send_after => '2999-01-01'));
SELECT waits(msgext.send_vk('vk', vk() -> 'vk'));
ALTER SERVER vk OPTIONS (ADD expires_after '1 day');
SELECT waits(msgext.send_vk('vk', vk() -> 'vk'));
SELECT waits(msgext.post_message('vk', vk(), expires_after => '5 min'));
SELECT waits(msgext.post_message('vk', vk(), expires_at => now() + interval '10 min')) BETWEEN '9 min' AND '10 min' AS ten;
SELECT waits(msgext.post_message('vk', vk(), expires_at => 'infinity'));
SELECT msgext.post_message('vk', vk(), expires_at => '-infinity');
SELECT msgext.post_message('vk', vk(), expires_after => '0 s');
SELECT msgext.post_message('vk', vk(), expires_after => '-1 day');
SELECT msgext.post_message('vk', vk(), expires_after => '1 day', expires_at => '2999-01-01');
ALTER SERVER vk OPTIONS (SET expires_after '0 s');
ALTER SERVER vk OPTIONS (SET expires_after 'soon');

\c :here
DROP DATABASE regress_msgext_operation;
