-- receive_callback(): reports that a provider pushes.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_callback;
\c regress_msgext_callback
SET client_min_messages = warning;
SET datestyle = 'ISO';
SET timezone = 'UTC';
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
SELECT msgext_test.begin('2018-06-01 10:30Z');
SELECT setval('msgext.outbox_id_seq', 4000, false);

CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino
    OPTIONS (url 'http://127.0.0.1:1', rate_limit 'off', recipient_limit 'off');
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111');

-- A message that the provider has taken, and called so.
CREATE FUNCTION accepted(provider_id text, viber jsonb DEFAULT NULL, sms jsonb DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    mid bigint := msgext.send_vk('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"],
        "validityPeriod": 180, "phone": "79031112233", "templateId": 1, "templateData": {}}',
        viber, sms);
BEGIN
    PERFORM msgext_test.answer((SELECT n FROM msgext_test.sent WHERE sent.id = mid), 200,
        convert_to(format('{"code": "ok", "description": "", "result": {"code": "ok", "messageId": %s}}', provider_id), 'UTF8'));
    RETURN mid;
END $$;
CREATE FUNCTION push(body text) RETURNS int LANGUAGE sql AS $$
    SELECT msgext.receive_callback('vk', convert_to(body, 'UTF8'))
$$;
CREATE VIEW look AS
    SELECT id, state, provider_status, code, error, finished_at IS NOT NULL AS finished, detail
    FROM msgext.message ORDER BY id;

-- The reference's own example.
SELECT accepted('1343343');
SELECT push('[{
    "messageId":1343343,
    "status": "DELIVERED",
    "receivedAt": "2017-05-31 14:51:12",
    "error":"Доставлено"
    }]');
SELECT * FROM look;
SELECT kind, attempt, state, channel, status, code, error, http_status, reported_at,
    convert_from(answer, 'UTF8') AS answer
FROM msgext.message_event WHERE message_id = 4000 ORDER BY at;
SELECT srvname, provider_id, message_id, repeats, length(digest)
FROM msgext.callback JOIN pg_foreign_server s ON s.oid = server_oid;

-- Repeated, it changes nothing; so in other letters, in other order, and twice in one body.
SELECT push('[{"messageId": 1343343, "status": "DELIVERED", "receivedAt": "2017-05-31 14:51:12"}]');
SELECT push('[{"receivedAt": "2017-05-31 14:51:12", "status": "delivered", "id": "1343343"}]');
SELECT push('[{"id": 1343343, "status": "Delivered", "time": "2017-05-31T14:51:12"},
              {"id": 1343343, "status": "Delivered", "time": "2017-05-31T11:51:12Z"}]');
SELECT count(*), sum(repeats) FROM msgext.callback;
SELECT count(*) FROM msgext.message_event WHERE message_id = 4000;

-- All spellings: of ids, of statuses, of times; an array and a bare object; trailing commas.
SELECT accepted(i::text) FROM generate_series(11, 19) i;
SELECT push('[{"id": 11, "status": "enqueued", "time": "2018-06-01 10:00:00"},
              {"providerId": 12, "status": "SENT", "statusAt": "2018-06-01 10:00:00"},
              {"messageId": "13", "status": "Delivered", "receivedAt": "1527836400000"},
              {"id": 14, "status": "read", "time": 1527836400},
              {"id": 15, "status": "undelivered", "time": "2018-06-01 10:00:00", "error": "blocked"},
              {"id": 16, "status": "FAILED", "time": "soon", "error": ""},
              {"id": 17, "status": "vp_expired"},
              {"id": 18, "status": "undelived", "time": "2018-06-01 10:00:00.25+00:00"},]');
SELECT push('{"id": 19, "status": "levitating", "time": "2018-06-01 10:00:00",}');
SELECT m.id, m.state, m.provider_status, m.code, m.error, m.finished_at IS NOT NULL AS finished,
    e.channel, e.reported_at
FROM msgext.message m JOIN msgext.message_event e ON e.message_id = m.id AND e.kind = 'callback'
WHERE m.id > 4000 ORDER BY m.id;

-- Late, repeated, out of order: a message never goes back.
SELECT accepted('21');
SELECT push('{"id": 21, "status": "delivered", "time": "2018-06-01 10:00:05"}');
SELECT push('{"id": 21, "status": "sent", "time": "2018-06-01 10:00:03"}');
SELECT push('{"id": 21, "status": "enqueued", "time": "2018-06-01 10:00:01"}');
SELECT state, provider_status FROM msgext.message WHERE provider_id = '21';
SELECT push('{"id": 21, "status": "undelivered", "time": "2018-06-01 10:00:09"}');
SELECT state, provider_status FROM msgext.message WHERE provider_id = '21';
SELECT push('{"id": 21, "status": "read", "time": "2018-06-01 10:00:07"}');
SELECT state, provider_status FROM msgext.message WHERE provider_id = '21';
SELECT e.kind, e.state, e.status FROM msgext.message_event e JOIN msgext.message m ON m.id = message_id
WHERE m.provider_id = '21' ORDER BY e.at;

-- A fallback: VK's failure is not the message's while another channel may reach the person.
SELECT accepted('31', '{"subject": "AO", "priority": "low", "validityPeriod": 30, "type": "viber",
    "contentType": "text", "text": "hello"}');
SELECT push('{"id": 31, "status": "undelivered", "time": "2018-06-01 10:00:00"}');
SELECT state, provider_status, detail FROM msgext.message WHERE provider_id = '31';
SELECT push('{"id": 31, "status": "visited", "time": "2018-06-01 10:05:00"}');
SELECT state, provider_status, detail FROM msgext.message WHERE provider_id = '31';

-- Ids that nobody knows are taken and kept. They may be of a message whose answer is late.
SELECT push('[{"id": 41, "status": "delivered", "time": "2018-06-01 10:00:00"},
              {"id": 42, "status": "delivered", "time": "2018-06-01 10:00:00"}]');
SELECT provider_id, message_id, repeats, convert_from(report, 'UTF8') AS report
FROM msgext.callback WHERE provider_id IN ('41', '42') ORDER BY 1;
SELECT push('[{"id": 41, "status": "delivered", "time": "2018-06-01 10:00:00"}]');
SELECT provider_id, message_id, repeats FROM msgext.callback WHERE provider_id IN ('41', '42') ORDER BY 1;

-- Ids belong to a server.
CREATE SERVER vk2 FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
SELECT msgext.receive_callback('vk2', '{"id": 11, "status": "delivered"}');
SELECT state FROM msgext.message WHERE provider_id = '11';

-- One bad element does not cost the good ones.
SELECT accepted('51');
SELECT push('[{"id": 51}, {"status": "delivered"}, {"id": 0, "status": "delivered"},
    {"id": -51, "status": "delivered"}, {"id": 5.1, "status": "delivered"}, 7, null, "x", [],
    {"id": 51, "status": "delivered"}]');
SELECT state FROM msgext.message WHERE provider_id = '51';

-- Ids beyond a double's precision stay apart.
SELECT accepted('3222269333010907000'), accepted('3222269333010907136');
SELECT push('{"id": 3222269333010907000, "status": "delivered"}');
SELECT provider_id, state FROM msgext.message WHERE provider_id LIKE '32222693330109%' ORDER BY 1;

-- An empty list is no news.
SELECT push('[]');

-- What cannot be read.
SELECT push('');
SELECT push('not json');
SELECT push('[{"id": 51, "status": "delivered"}');
SELECT push('"text"');
SELECT push('{}');
SELECT push('[{"id": 51}]');
SELECT msgext.receive_callback('vk', '\xff00');
SELECT push('[' || repeat('[', 100) || repeat(']', 100) || ']');
SELECT push(repeat(' ', 1024 * 1024) || '[]');
SELECT msgext.receive_callback('vk', NULL);
SELECT msgext.receive_callback(NULL, '[]');
SELECT msgext.receive_callback('nowhere', '[]');

-- Rolled back, a report comes again.
SELECT accepted('61');
BEGIN;
SELECT push('{"id": 61, "status": "delivered"}');
SELECT state FROM msgext.message WHERE provider_id = '61';
ROLLBACK;
SELECT state FROM msgext.message WHERE provider_id = '61';
SELECT push('{"id": 61, "status": "delivered"}');
SELECT state FROM msgext.message WHERE provider_id = '61';
BEGIN READ ONLY;
SELECT push('{"id": 61, "status": "read"}');
ROLLBACK;

-- Of those that match no message so many are kept of a server, unreadable pushes included;
-- what matches one is taken all the same, and so is a repeat of what is kept. The unreadable
-- one is forged: the listener keeps such, and this function refuses it.
TRUNCATE msgext.callback;
INSERT INTO msgext.callback (server_oid, digest, received_at, repeats, report, error)
SELECT oid, '\x01', now(), 0, 'hello', 'no JSON' FROM pg_foreign_server WHERE srvname = 'vk';
SELECT accepted('71');
SET msgext.max_unmatched_callbacks = 3;
SELECT push('[{"id": 72, "status": "delivered"}, {"id": 71, "status": "sent"}, {"id": 73, "status": "sent"}]');
SELECT push('{"id": 71, "status": "delivered"}');
SELECT push('{"id": 72, "status": "Delivered"}');
DO $$ BEGIN
    PERFORM msgext.receive_callback('vk', convert_to('{"id": 74, "status": "sent"}', 'UTF8'));
EXCEPTION WHEN configuration_limit_exceeded THEN
    RAISE WARNING '53400';
END $$;
SELECT push('{"id": 74, "status": "sent"}');
SELECT push('[{"id": 71, "status": "read"}, {"id": 74, "status": "sent"}]');
SELECT state FROM msgext.message WHERE provider_id = '71';
SELECT msgext.receive_callback('vk2', '{"id": 74, "status": "sent"}');
SET msgext.max_unmatched_callbacks = 4;
SELECT push('[{"id": 71, "status": "read"}, {"id": 74, "status": "sent"}]');
SELECT srvname, provider_id, message_id IS NULL AS unmatched, repeats
FROM msgext.callback JOIN pg_foreign_server s ON s.oid = server_oid ORDER BY 1, 2, received_at;
SET msgext.max_unmatched_callbacks = 0;
SELECT push('{"id": 75, "status": "sent"}');
RESET msgext.max_unmatched_callbacks;

-- Who has the token may report for ever. Of one message a hundred reports are kept, and beyond
-- that those that move it or a channel of it; how many more there were, one row counts.
CREATE VIEW pushed AS SELECT provider_id, count(*) AS callbacks, sum(repeats) AS repeats, max(repeats) AS most,
    (SELECT count(*) FROM msgext.message_event e WHERE e.message_id = c.message_id AND kind = 'callback') AS events
FROM msgext.callback c WHERE provider_id LIKE '8_' GROUP BY provider_id, message_id;
SELECT accepted('81') AS mid \gset
SELECT sum(push(format('{"id": 81, "status": "sent", "time": %s}', 1527836400 + i))) AS applied FROM generate_series(1, 300) i;
SELECT sum(push(format('{"id": 81, "status": "sent", "errorCode": "c%s"}', i))) AS applied FROM generate_series(1, 300) i;
SELECT * FROM pushed;
SELECT state, code FROM msgext.message WHERE id = :mid;
SELECT push('{"id": 81, "status": "sent", "time": 1527836401}') AS kept_before;
SELECT push('{"id": 81, "status": "delivered", "time": 1527836500}') AS moves,
    push('{"id": 81, "status": "delivered", "time": 1527836500}') AS again,
    push('{"id": 81, "status": "delivered", "time": 1527836501}') AS later,
    push('{"id": 81, "status": "read", "time": 1527836600}') AS moves,
    push('{"id": 81, "status": "sent", "time": 1527836300}') AS late;
SELECT * FROM pushed;
SELECT state FROM msgext.message WHERE id = :mid;

-- A channel's end counts, though the message goes on by another one.
SELECT accepted('82', '{"subject": "AO", "priority": "low", "validityPeriod": 30, "type": "viber",
    "contentType": "text", "text": "hello"}') AS mid \gset
SELECT sum(push(format('{"id": 82, "status": "sent", "time": %s}', 1527836400 + i))) AS applied FROM generate_series(1, 120) i;
SELECT push('{"id": 82, "status": "undelivered", "time": 1527836600}'),
    push('{"id": 82, "status": "undelivered", "time": 1527836601}') AS again;
SELECT state, detail #>> '{channels,vk,state}' AS vk FROM msgext.message WHERE id = :mid;
SELECT * FROM pushed WHERE provider_id = '82';

-- Of those that came before their message one counts the others. Many in one push.
SELECT push('[' || string_agg(format('{"id": 83, "status": "sent", "time": %s}', 1527836400 + i), ',') || ']')
FROM generate_series(1, 150) i;
SELECT accepted('83');
SELECT * FROM pushed WHERE provider_id = '83';
SELECT push('[' || string_agg(format('{"id": 83, "status": "sent", "time": %s}', 1527836400 + i), ',') || ']')
FROM generate_series(140, 160) i;
SELECT * FROM pushed WHERE provider_id = '83';

-- Of a message that is gone, whose id is still known, none is kept.
SELECT accepted('84') AS mid \gset
DELETE FROM msgext.outbox WHERE id = :mid;
SELECT push('{"id": 84, "status": "sent"}'), push('{"id": 84, "status": "read"}'), push('{"id": 84, "status": "read"}');
SELECT callbacks, repeats FROM pushed WHERE provider_id = '84';

\c :here
DROP DATABASE regress_msgext_callback;
