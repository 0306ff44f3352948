-- post_message() for edna: what is taken, what is refused and why, what is stored; pushes.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_edna TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_edna
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
SELECT msgext_test.begin();
SELECT setval('msgext.outbox_id_seq', 1000, false) > 0 AS ids_from_1000;

-- Servers and user mappings.
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna;
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna
    OPTIONS (url 'http://127.0.0.1:1/customer/connector0/service', batch_size '100',
             time_zone '+03:00', max_in_flight '1');
CREATE SERVER far FOREIGN DATA WRAPPER msgext_edna
    OPTIONS (url 'http://127.0.0.1:1', time_zone 'UTC');
CREATE FUNCTION try_option(name text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER SERVER sms OPTIONS (SET %I %L)', name, value);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN concat_ws(' ', sqlstate, sqlerrm);
END $$;
SELECT value, try_option('batch_size', value) FROM unnest(ARRAY[
    '1', '1000', '0', '-1', 'all', '100']) AS value;
SELECT value, try_option('time_zone', value) FROM unnest(ARRAY[
    'UTC', 'Europe/Moscow', '+03:00']) AS value;
ALTER SERVER sms OPTIONS (ADD recipient_limit '5/day');
CREATE USER MAPPING FOR CURRENT_USER SERVER sms OPTIONS (login 'tester');
SELECT msgext.post_message('sms', '{"address": "79000000000", "content": "text"}');
ALTER USER MAPPING FOR CURRENT_USER SERVER sms OPTIONS (ADD password 'p&ss<1>');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (login 'a:b', password '111111');

-- A message, and what will be sent of it. Its clientId is fixed, and is not part of that.
BEGIN;
SELECT msgext.post_message('sms', '{"address": "+79031112233", "subject": "Shop & Co",
    "content": "<Код> \"1\"\r\n'' &", "contentType": "voice-code", "priority": "realtime",
    "startTime": "2026-01-31T10:00:00Z", "validityPeriodMinutes": 30, "comment": "c"}') AS id;
SELECT msgext.post_message('sms', '{"address": 79031112233, "content": "text",
    "startTime": "2026-01-31 10:00:00"}') AS id;
SELECT msgext.post_message('far', '{"address": "79031112233", "content": "text",
    "startTime": "2026-01-31 10:00:00+05"}') AS id;
SELECT id, server, provider, state, priority, attempts, channels, recipient, limit_key,
    key ~ '^[1-9][0-9]{17}$' AS key, convert_from(payload, 'UTF8') AS payload
FROM msgext.outbox ORDER BY id;
SELECT id, key::numeric = floor(extract(epoch FROM created_at) * 10000) * 10000 + id % 10000
    AS key_is_time_and_id
FROM msgext.outbox ORDER BY id;
COMMIT;

-- Refusals; NULL: it was taken.
CREATE FUNCTION refusal(patch jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    what text;
BEGIN
    PERFORM msgext.post_message('sms', '{"address": "79000000000", "content": "text"}' || patch);
    RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, what = MESSAGE_TEXT;
    RETURN coalesce(nullif(detail, ''), what);
END $$;
SELECT patch, refusal(patch) FROM unnest(ARRAY[
    '{}', '{"address": null}', '{"address": ""}', '{"address": "8 (900) 000-00-00"}',
    '{"address": "123456"}', '{"content": null}', '{"content": ""}', '{"content": 5}',
    '{"content": "a\u0001b"}', '{"content": "a\uffffb"}', '{"content": "a\tb\r\n"}',
    '{"subject": ""}', '{"subject": "a\u001fb"}', '{"contentType": ""}',
    '{"priority": "medium"}', '{"priority": "high"}', '{"startTime": "tomorrow"}',
    '{"startTime": "2026-02-30 10:00:00"}', '{"validityPeriodMinutes": 0}',
    '{"validityPeriodMinutes": "60"}', '{"validityPeriodMinutes": 1.5}', '{"comment": 1}',
    '{"clientId": 1}', '{"adress": "79000000000"}']::jsonb[]) AS patch;

-- As the caller sees it.
\set VERBOSITY sqlstate
SELECT msgext.post_message('sms', '{"content": "text"}');
\set VERBOSITY default
SELECT msgext.post_message('sms', '{"content": "text"}');
SELECT msgext.post_message('sms', '[]');
SELECT msgext.post_message('sms', '{"address": "79000000000", "content": "x"}',
    parts => ARRAY['x'::bytea]);

-- The same operation is the same message, though it would get another clientId.
SELECT setval('msgext.outbox_id_seq', 2000, false);
SELECT msgext.post_message('sms', '{"address": "79000000000", "content": "x"}', 'op 1')
     = msgext.post_message('sms', '{"content": "x", "address": "+79000000000"}', 'op 1') AS same;
SELECT msgext.post_message('sms', '{"address": "79000000000", "content": "y"}', 'op 1') AS id;

-- A push: one message is known, one is not, one has no id.
SELECT msgext_test.answer(n, 200, convert_to(format('<consumeOutMessageResponse><payload><code>ok</code><outMessageList>
<outMessage clientId="%s" providerId="101"><code>ok</code></outMessage></outMessageList></payload>
</consumeOutMessageResponse>', key), 'UTF8'))
FROM msgext_test.sent JOIN msgext.outbox USING (id) WHERE id = 1001;
CREATE FUNCTION push(status text) RETURNS int LANGUAGE sql AS $$
    SELECT msgext.receive_callback('sms', convert_to(format('<?xml version="1.0" encoding="UTF-8"?>
<provideOutMessageDlvStatusResponse><header/><payload><code>ok</code><outMessageList>
<outMessage providerId="101"><code>ok</code><outMessageDlvStatus><dlvStatus>%s</dlvStatus>
<dlvStatusAt>2026-01-31 10:00:00</dlvStatusAt></outMessageDlvStatus></outMessage>
<outMessage providerId="102"><code>ok</code><outMessageDlvStatus><dlvStatus>%1$s</dlvStatus>
</outMessageDlvStatus></outMessage><outMessage><code>ok</code></outMessage></outMessageList>
</payload></provideOutMessageDlvStatusResponse>', status), 'UTF8'))
$$;
SELECT push('sent');
SELECT push('sent') AS repeated;
SELECT push('delivered');
SELECT state, provider_status FROM msgext.message WHERE id = 1001;
SELECT provider_id, message_id, repeats, convert_from(report, 'UTF8') AS report
FROM msgext.callback ORDER BY provider_id, report;
SELECT msgext.receive_callback('sms', '<!DOCTYPE outMessage [<!ENTITY a "x">]><outMessage/>');
SELECT msgext.receive_callback('sms', '<provideOutMessageDlvStatusResponse><payload>');
SELECT msgext.receive_callback('sms', '<html/>');
SELECT msgext.receive_callback('sms', '');

-- libxml2 serves the server's own type beside it, before and after.
SELECT xpath('/a/text()', '<a>x</a>'::xml);
SELECT xml '<a></b>';

-- Nothing of the credentials is stored with a message.
SELECT count(*) FROM msgext.outbox WHERE outbox::text LIKE '%tester%'
    OR position('p&'::bytea IN payload) > 0;

\c :here
DROP DATABASE regress_msgext_edna;
