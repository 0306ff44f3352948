-- Webhooks: options, messages that are refused, what is stored, pushes and the inbox.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 8000, false) > 0 AS ids_from_8000;
SELECT current_user AS super \gset

-- Servers and user mappings.
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook;
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1/in',
    signature 'standard', headers '{"X-Shop": "ru"}', success '2xx,409', pause_on '410',
    idempotent 'on', path '/', callback_window '10 years');
CREATE USER MAPPING FOR CURRENT_USER SERVER hook OPTIONS (
    signing_secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', authorization 'Bearer 0123456789',
    callback_secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
CREATE FUNCTION try_option(name text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE format('ALTER SERVER hook OPTIONS (SET %I %L)', name, value);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', sqlstate, detail);
END $$;
SELECT value, try_option('headers', value) FROM unnest(ARRAY[
    '{}', '{"X-A": "b"}', 'X-A: b', '[]', '{"X-A": 1}', '{"X A": "b"}', '{"X-A": "b", "x-a": "c"}',
    '{"Authorization": "Bearer s3cret"}', '{"host": "evil"}', '{"X-Shop": "ru"}']) AS value;
SELECT value, try_option('success', value) FROM unnest(ARRAY[
    '200', '200,204', '2xx, 409', '6xx', '20', '2xx,', 'all', '2xx,409']) AS value;
SELECT value, try_option('path', value) FROM unnest(ARRAY[
    '/a?b=c', 'a', '/../a', '/%2E%2e/', '/a b', '/a%', '/a#b', '/']) AS value;
ALTER SERVER hook OPTIONS (ADD deny_private 'on');
ALTER SERVER hook OPTIONS (ADD proxy 'http://127.0.0.1:2');
ALTER SERVER hook OPTIONS (DROP deny_private);

-- A webhook names no recipient: options that would only seem to hold it back are refused.
ALTER SERVER hook OPTIONS (ADD redirect '79990001122');
ALTER SERVER hook OPTIONS (ADD allow_recipients '^7999');
SELECT try_option('path', '/' || chr(233)) AS beyond_ascii;

-- What is stored of a message, whoever put it together.
CREATE FUNCTION stored(id bigint) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN encode(msgext.message_bytes(id), 'escape'); END $$;
BEGIN;
SELECT stored(msgext.post_message('hook', '{"type": "order.paid", "data": {"id": 1001}}'));
SELECT stored(msgext.send_webhook('hook', 'order.paid', '{"id": 1001}'));
SELECT stored(msgext.send_webhook('hook', 'order.paid', '{"id": null}', subject => 'o/1'));
SELECT stored(msgext.send_http('hook', method => 'PUT', path => '/orders/10 01',
    body => '{"a": null}', query => '{"v": 2}', headers => '{"If-Match": "\"1\""}'));
SELECT stored(msgext.send_http('hook', form => '{"a": "b c"}'));
SELECT stored(msgext.send_http('hook', "text" => E'two\nlines'));
SELECT stored(msgext.send_http('hook', 'GET', '/orders'));
SELECT stored(msgext.post_message('hook', '{"http": {"part": 1}}', parts => ARRAY['\x00ff'::bytea]));

-- What is short in a jsonb is so on its way: no number in it is a hundred thousand digits.
SELECT stored(msgext.send_webhook('hook', 'far', '[1e131071, -12.34e131000, 1e-16000, 1e999]'));
ROLLBACK;
BEGIN;
ALTER SERVER hook OPTIONS (ADD format 'cloudevents');
SELECT stored(msgext.send_webhook('hook', 'order.paid', '{"id": 1001}'));
SELECT msgext.post_message('hook', '{"type": "a", "Type": "b"}');
ROLLBACK;
SELECT msgext.send_http('hook', path => '//evil/../x');
SELECT msgext.send_http('hook', path => E'/a\r\nHost: evil');
SELECT msgext.send_http('hook', headers => '{"Authorization": "Bearer s3cret"}');
SELECT msgext.send_http('hook', method => 'TRACE');

-- The functions of the other providers.
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER sms OPTIONS (login 'a', password 'bcde');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER docs OPTIONS (token '0123456789');
CREATE SERVER cell FOREIGN DATA WRAPPER msgext_personium OPTIONS (url 'http://127.0.0.1:1/me');
CREATE USER MAPPING FOR CURRENT_USER SERVER cell OPTIONS (token '0123456789');
BEGIN;
SELECT stored(msgext.send_sms('sms', '79031112233', 'Ready', 'Shop', '{"priority": "high"}'));
SELECT stored(msgext.post_document('docs', 'from', 'to', 'a.pdf', 'file', 'sig',
    document => '{"CustomDocumentId": "1"}', operation_id => 'doc-1'))
    = stored(msgext.post_message('docs', '{"FromBoxId": "from", "ToBoxId": "to",
        "DocumentAttachments": [{"TypeNamedId": "Nonformalized", "CustomDocumentId": "1",
        "SignedContent": {"Content": {"part": 1}, "Signature": {"part": 2}},
        "Metadata": [{"Key": "FileName", "Value": "a.pdf"}]}]}',
        parts => ARRAY['file', 'sig']::bytea[])) AS same;
SELECT stored(msgext.send_cell_message('cell', ARRAY['https://a.test/bob/', 'https://a.test/ann/'],
    'Hi', 'text'));
SELECT msgext.send_sms('sms', 'nobody', 'Ready');
ROLLBACK;

-- An SMS that went to a webhook would be delivered, as something else; and each recipient is meant.
SELECT msgext.send_sms('hook', '79031112233', 'Ready');
SELECT msgext.post_document('hook', 'from', 'to', 'a.pdf', 'file', 'sig');
SELECT msgext.send_cell_message('hook', ARRAY['https://a.test/bob/'], 'Hi', 'text');
SELECT msgext.send_webhook('sms', 'order.paid', '{}');
SELECT msgext.send_http('sms');
SELECT msgext.send_sms(NULL, '79031112233', 'Ready');
SELECT msgext.send_cell_message('cell', ARRAY['https://a.test/bob/', NULL], 'Hi', 'text');

-- No bytes are left behind.
SELECT msgext.post_message('hook', '{"a": 1}', parts => ARRAY['\x00ff'::bytea]);
SELECT msgext.post_message('hook', '{"http": {}}', parts => ARRAY['\x00ff'::bytea]);
SELECT msgext.post_message('hook', '{"http": {"part": 1}}', parts => ARRAY['\x00ff', '\x00']::bytea[]);
SELECT msgext.post_message('hook', '{"http": {"part": 2}}', parts => ARRAY['\x00ff', '\x00']::bytea[]);

-- Pushes: the specification's own example, which is from 2021.
CREATE FUNCTION push(id text, at text, signature text, body text) RETURNS int LANGUAGE sql AS $$
    SELECT msgext.receive_callback('hook', convert_to(body, 'UTF8'), jsonb_build_object(
        'webhook-id', id, 'webhook-timestamp', at, 'Webhook-Signature', signature,
        'X-Api-Token', 'secret', 'authorization', 'secret', 'X-Echo', '<Bearer 0123456789>',
        'X-Request-Id', '7'))
$$;
SELECT push('msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330',
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', '{"test": 2432232314}');
SELECT push('msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330',
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', '{"test": 2432232314}') AS repeated;
SELECT push('msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330',
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', '{"test": 2432232315}') AS changed;
SELECT msgext.receive_callback('hook', '{}');
SELECT msgext.receive_callback('hook', '{}', '[]');
SELECT msgext.receive_callback('hook', '{}', '{"a": 1}');
SELECT msgext.receive_callback('hook', '{}', '{"a": "b\r\nwebhook-id: 1"}');
SELECT server, push_id, type, done_at, payload, body, headers FROM msgext.inbox;
ALTER SERVER hook OPTIONS (SET callback_window '1 hour');
SELECT push('msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330',
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', '{"test": 2432232314}') AS too_old;

-- Bodies of every kind, and the limit.
ALTER SERVER hook OPTIONS (ADD callback_signature 'none');
SELECT msgext.receive_callback('hook', convert_to(body, 'UTF8'), jsonb_build_object('webhook-id', n::text))
FROM (VALUES (1, '{"type": "a.b", "n": 1.50}'), (2, 'payload=%7B%7D'), (3, '{"a": "\u0000"}'), (4, ''),
    (5, '[1, 1e999999]')) AS t(n, body);
SELECT push_id, type, payload, body FROM msgext.inbox WHERE id > 1 ORDER BY id;
SET msgext.max_unmatched_callbacks = 6;
SELECT msgext.receive_callback('hook', 'x', '{"webhook-id": "6"}');
SELECT msgext.receive_callback('hook', 'x', '{"webhook-id": "5"}') AS known;
RESET msgext.max_unmatched_callbacks;

-- Who may read and finish them.
CREATE ROLE regress_consumer;
CREATE ROLE regress_other;
GRANT USAGE ON FOREIGN SERVER hook TO regress_consumer, regress_other;
GRANT EXECUTE ON FUNCTION msgext.can_consume() TO regress_consumer;
SET ROLE regress_other;
SELECT count(*) FROM msgext.inbox;
SELECT count(*) FROM msgext.take_pushes('hook');
UPDATE msgext.inbox SET done_at = now();
DELETE FROM msgext.inbox;
INSERT INTO msgext.inbox DEFAULT VALUES;
SET ROLE regress_consumer;
SELECT count(*) FROM msgext.inbox;
BEGIN;
SELECT push_id, done_at IS NOT NULL AS done FROM msgext.take_pushes('hook', 2);
SELECT push_id FROM msgext.take_pushes('hook', 2);
ROLLBACK;
SELECT push_id FROM msgext.take_pushes('hook', 2);
SELECT count(*) FROM msgext.take_pushes('hook');
SELECT count(*) FROM msgext.take_pushes('hook');
SELECT count(*) FROM msgext.take_pushes('sms');
SELECT count(*) FROM msgext.take_pushes('nowhere');
UPDATE msgext.inbox SET payload = '{}';
UPDATE msgext.inbox SET done_at = NULL WHERE push_id = '2';
SELECT push_id FROM msgext.take_pushes('hook');
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER hook FROM regress_consumer;
SET ROLE regress_consumer;
SELECT count(*) FROM msgext.inbox;
RESET ROLE;

-- A server made later by the same name has none of it, not even what somebody opens again.
DROP SERVER hook CASCADE;
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
GRANT USAGE ON FOREIGN SERVER hook TO regress_consumer;
SET ROLE regress_consumer;
SELECT count(*) FROM msgext.inbox;
RESET ROLE;
UPDATE msgext.inbox SET done_at = NULL;
SELECT count(*) FROM msgext.take_pushes('hook');

-- Handlers of pushes: whose they may be, and what they may ask for.
CREATE FUNCTION on_push(push jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
ALTER FUNCTION on_push(jsonb) OWNER TO regress_other;
SET ROLE regress_other;
SELECT msgext.on_event('hooks', 'on_push(jsonb)', '{"kind": "push"}');
SELECT msgext.on_event('hooks', 'on_push(jsonb)', '{"kind": ["push", "answer"], "server": "hook"}');
SELECT msgext.on_event('hooks', 'on_push(jsonb)', '{"kind": "push", "server": "hook", "state": "read"}');
SELECT msgext.on_event('hooks', 'on_push(jsonb)', '{"kind": "push", "server": "nobody"}');
SELECT msgext.on_event('hooks', 'on_push(jsonb)', '{"kind": "push", "server": "hook"}');
SELECT msgext.create_consumer('hooks', '{"kind": "push", "server": "hook"}');
RESET ROLE;
GRANT EXECUTE ON FUNCTION msgext.can_consume() TO regress_other;
GRANT USAGE ON FOREIGN SERVER hook TO regress_other;
SET ROLE regress_other;
SELECT msgext.on_event('hooks', 'on_push(jsonb)', '{"kind": "push", "server": "hook"}', after => 0);
SELECT msgext.on_event('hooks', 'on_push(jsonb)', '{"kind": "push", "server": ["hook"]}');
SELECT handler, owner, unread, failures FROM msgext.handler;
SELECT msgext.events_done('hooks', 1);
SELECT msgext.drop_consumer('hooks');
RESET ROLE;
DROP FUNCTION on_push(jsonb);

DROP SERVER hook, sms, docs, cell CASCADE;
DROP OWNED BY regress_consumer, regress_other;
DROP ROLE regress_consumer, regress_other;
DROP FUNCTION try_option, push, stored;
DELETE FROM msgext.inbox;

-- No answer yet, and the id by which the receiver will know it.
BEGIN;
CREATE SERVER asked FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER asked;
SELECT msgext.send_webhook('asked', 'a', '{}') AS id \gset
SELECT count(*) FROM msgext.response(:id);
SELECT msgext.webhook_id(:id) ~ ('^msg_[0-9a-f]{16}' || lpad(to_hex(:id), 16, '0') || '$') AS id_in_it,
    msgext.webhook_id(:id + 1), count(*) FROM msgext.response(:id + 1);
UPDATE msgext.outbox SET created_at = '2026-11-29 12:00:00.123456+00' WHERE id = :id;
SELECT left(msgext.webhook_id(:id), 20) FROM msgext.message WHERE id = :id;
ROLLBACK;
