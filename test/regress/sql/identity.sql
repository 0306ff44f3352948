-- Whose a message is, and whose a server's state: what was dropped and made again by the
-- same name is another.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 8000, false);
CREATE ROLE regress_first;
CREATE ROLE regress_second;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    rate_limit 'off', recipient_limit 'off', retry_min_delay '1 hour', retry_max_delay '1 hour');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO regress_first, regress_second;
CREATE FUNCTION send(phone text DEFAULT '79031112233', operation_id text DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high',
        'routes', '["vk"]'::jsonb, 'validityPeriod', 180, 'phone', phone, 'templateId', 1,
        'templateData', '{}'::jsonb), operation_id => operation_id)
$$;
CREATE VIEW look AS SELECT id, state, attempts, (SELECT detail #>> '{waiting,for}'
    FROM msgext.message_status(o.id)) AS waits_for FROM msgext.outbox o ORDER BY id;

-- An operation id is its sender's: another role's equal call is another message, with
-- another payload too, and nobody can tell what ids others use.
SELECT msgext.pause_server('vk', 'the old one');
SET ROLE regress_first;
SELECT send('79030000001', 'order 1');
SELECT send('79030000001', 'order 1');
SET ROLE regress_second;
SELECT send('79030000001', 'order 1');
SELECT send('79030000002', 'order 1');
SELECT send('79030000003', 'order 2');
SET ROLE regress_first;
SELECT send('79030000004', 'order 2');
RESET ROLE;
SELECT id, sender, operation_id FROM msgext.message WHERE sender <> current_user ORDER BY id;
TRUNCATE msgext.outbox;

-- A server of the same name inherits nothing: no pause, no queue, no reference, no report,
-- no health, no lane. They are forged: no message leaves a row in each of these tables.
SELECT send('79030000005', 'order 3') AS old \gset
CREATE TEMP TABLE old AS SELECT oid FROM pg_foreign_server WHERE srvname = 'vk';
INSERT INTO msgext.reference SELECT oid, '77', :old FROM old;
INSERT INTO msgext.health SELECT oid, 'it was bad', now(), NULL, now(), true FROM old;
INSERT INTO msgext.lane SELECT oid, 3, '1:9999999999:', NULL, '0', 0, 'busy', 'infinity' FROM old;
INSERT INTO msgext.reminder SELECT oid, 'unknown', now(), :old FROM old;
SELECT msgext.receive_callback('vk', '{"id": 78, "status": "delivered"}');
DROP SERVER vk CASCADE;
SELECT * FROM look WHERE id = :old;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    rate_limit 'off', recipient_limit 'off', retry_min_delay '1 hour', retry_max_delay '1 hour');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '222222');
SELECT paused, pause_reason, queued, unknown, last_error FROM msgext.server_status;
SELECT * FROM look WHERE id = :old;
SELECT send('79030000005', 'order 3') AS new \gset
SELECT :new > :old AS another;
SELECT msgext.receive_callback('vk', '{"id": 77, "status": "delivered"}');
SELECT message_id, count(*) FROM msgext.callback GROUP BY 1;
SELECT msgext.resume_server('vk');
CALL msgext.dispatch();
SELECT id = :new AS new, state, attempts FROM look WHERE id IN (:old, :new);
SELECT * FROM look WHERE id = :old;

-- Whoever queued it may still withdraw it.
SELECT msgext.cancel_message(:old);
SELECT state FROM look WHERE id = :old;
TRUNCATE msgext.outbox, msgext.reminder, msgext.lane, msgext.health, msgext.reference, msgext.callback;

-- A server that is renamed stays the one it is.
SELECT msgext.pause_server('vk', 'for a while');
SELECT send() AS id \gset
ALTER SERVER vk RENAME TO vk_old;
SELECT server, paused, pause_reason, queued FROM msgext.server_status;
SELECT * FROM look WHERE id = :id;
SELECT msgext.resume_server('vk_old');
CALL msgext.dispatch();
SELECT state, attempts FROM look WHERE id = :id;
ALTER SERVER vk_old RENAME TO vk;
TRUNCATE msgext.outbox, msgext.reminder, msgext.health, msgext.event;

-- So does a role. One that is dropped and made again by the same name sees nothing of the
-- old one's, and what the old one has queued goes out with nobody's credentials.
GRANT USAGE ON FOREIGN SERVER vk TO regress_first;
SET ROLE regress_first;
SELECT send() AS id \gset
RESET ROLE;
ALTER ROLE regress_first RENAME TO regress_renamed;
SET ROLE regress_renamed;
SELECT count(*) FROM msgext.message;
RESET ROLE;
SELECT msgext.pause_server('vk');
SELECT msgext.resume_server('vk');
REVOKE USAGE ON FOREIGN SERVER vk FROM regress_renamed;
ALTER ROLE regress_renamed RENAME TO regress_first;
DROP ROLE regress_first;
SELECT * FROM look WHERE id = :id;
CALL msgext.dispatch();
SELECT id, state, attempts FROM look WHERE id = :id;
SELECT waiting, error FROM msgext.message WHERE id = :id;
CREATE ROLE regress_first;
GRANT USAGE ON FOREIGN SERVER vk TO regress_first;
CREATE USER MAPPING FOR regress_first SERVER vk OPTIONS (login 'new', password '333333');
SET ROLE regress_first;
SELECT count(*) FROM msgext.message;
SELECT count(*) FROM msgext.message_status(:id);
SELECT msgext.cancel_message(:id);
RESET ROLE;
-- Due again, as if time had passed.
UPDATE msgext.outbox SET next_attempt_at = NULL, waiting = NULL WHERE id = :id;
TRUNCATE msgext.lane, msgext.reminder;
CALL msgext.dispatch();
SELECT * FROM look WHERE id = :id;
TRUNCATE msgext.outbox, msgext.reminder, msgext.lane, msgext.health, msgext.event;

-- A restored copy: oids of another database, which are others' here. Until resume_server
-- names tell whose a message is, where they agree with the oids; then its new oids. Its rows
-- are forged: they are another database's.
SET ROLE regress_first;
SELECT send('79030000006', 'order 4') AS mine \gset
RESET ROLE;
SELECT send('79030000007', 'order 5') AS done \gset
SELECT send('79030000008', 'order 6') AS lost \gset
SET ROLE regress_first;
SELECT send('79030000009', 'order 7') AS over \gset
SELECT msgext.cancel_message(:over);
RESET ROLE;
CREATE FUNCTION oid_of(server text) RETURNS oid LANGUAGE sql AS 'SELECT oid FROM pg_foreign_server WHERE srvname = server';
UPDATE msgext.outbox SET state = 'accepted', accepted_at = now(), provider_id = '91',
    next_attempt_at = 'infinity' WHERE id = :done;
UPDATE msgext.outbox SET state = 'unknown' WHERE id = :lost;
UPDATE msgext.outbox SET origin = 4711, server_oid = 99, lane_hash = 7,
    sender_oid = 'regress_second'::regrole;
INSERT INTO msgext.reference VALUES (99, '91', :done);
INSERT INTO msgext.reminder VALUES (99, 'poll', 'infinity', :done);
INSERT INTO msgext.reminder SELECT 99, 'unknown', created_at, id FROM msgext.outbox WHERE id = :lost;
INSERT INTO msgext.lane SELECT oid_of('vk'), 3, '9999999999:9999999999:', NULL, '0', 0, NULL, NULL;
INSERT INTO msgext.origin VALUES (4711);
SET ROLE regress_second;
SELECT count(*) FROM msgext.message;
SET ROLE regress_first;
SELECT count(*) FROM msgext.message;
SELECT send('79030000006', 'order 4') = :mine AS known;
SELECT send('79030000009', 'order 7') <> :over AS free;
RESET ROLE;
DELETE FROM msgext.outbox WHERE operation_id = 'order 7' OR id = :over;
SELECT * FROM look WHERE id = :mine;
SELECT paused, pause_reason FROM msgext.server_status;
SELECT msgext.resume_server('vk');
SELECT id = :mine AS mine, state, server_oid = oid_of('vk') AS server, sender = sender_oid::regrole::text AS sender,
    origin = 4711 AS origin, lane_hash = 7 AS lane FROM msgext.outbox ORDER BY id;
SELECT server_oid = oid_of('vk') AS here, provider_id, message_id = :done AS done FROM msgext.reference;
SELECT server_oid = oid_of('vk') AS here, kind, id - :mine AS id FROM msgext.reminder ORDER BY id;
SELECT queued, unknown FROM msgext.server_status;
SET ROLE regress_first;
SELECT id = :mine AS mine FROM msgext.message;
RESET ROLE;
CALL msgext.dispatch();
SELECT state, attempts FROM look WHERE id = :mine;
SELECT msgext.receive_callback('vk', '{"id": 91, "status": "delivered"}');
DELETE FROM msgext.origin WHERE origin = 4711;

DROP VIEW look;
DROP FUNCTION send, oid_of;
DROP SERVER vk CASCADE;
DROP ROLE regress_first, regress_second;
TRUNCATE msgext.outbox, msgext.event, msgext.reminder, msgext.lane, msgext.health,
    msgext.server_pause, msgext.reference, msgext.callback, msgext.recipient_use;
