-- dispatch() takes no more than EXECUTE, and nothing that a session or the owner of a
-- database may set changes what it means: no name of its own is looked up by search_path.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT setval('msgext.outbox_id_seq', 9000, false);
CREATE ROLE regress_runner;
CREATE ROLE regress_sender;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    rate_limit '1/s', recipient_limit 'off', retry_min_delay '1 hour', retry_max_delay '1 hour');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO regress_sender;
GRANT EXECUTE ON PROCEDURE msgext.dispatch(interval) TO regress_runner;
CREATE FUNCTION vk() RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
        "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb
$$;

-- What is over is removed by whoever dispatches: message, events, reference, reports, uses.
SET ROLE regress_sender;
SELECT msgext.send_vk('vk', vk()) AS old \gset
SELECT msgext.send_vk('vk', vk()) AS done \gset
SELECT msgext.send_vk('vk', vk()) AS next \gset
SELECT msgext.send_vk('vk', vk()) AS later \gset
RESET ROLE;
CREATE TEMP TABLE vk AS SELECT oid FROM pg_foreign_server WHERE srvname = 'vk';
UPDATE msgext.outbox SET state = 'delivered', created_at = now() - interval '40 days',
    finished_at = now() - interval '40 days', provider_id = '1' WHERE id = :old;
UPDATE msgext.outbox SET state = 'delivered', finished_at = now(), provider_id = '2' WHERE id = :done;
INSERT INTO msgext.event (message_id, at, kind) VALUES (:old, now(), 'answer'), (:old, now(), 'callback'),
    (:done, now(), 'answer');
INSERT INTO msgext.reference SELECT oid, '1', :old FROM vk UNION ALL SELECT oid, '2', :done FROM vk;
INSERT INTO msgext.recipient_use SELECT oid, '', '7903', now() - d * interval '1 day', 1 FROM vk, unnest('{0,40}'::int[]) d;
INSERT INTO msgext.callback SELECT oid, d::text::bytea, '5', now() - d * interval '1 day', NULL, 0, '', NULL
FROM vk, unnest('{0,8}'::int[]) d;

-- An attacker's schema in front, with what internal SQL might call; as a superuser would
-- run it, all of it would be his. A trigger on our table, too.
CREATE SCHEMA evil;
GRANT USAGE, CREATE ON SCHEMA evil TO regress_runner;
CREATE TABLE evil.caught (what text);
GRANT INSERT ON evil.caught TO PUBLIC;
SET ROLE regress_runner;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS $$
    INSERT INTO evil.caught VALUES ('now'); SELECT pg_catalog.now() $$;
CREATE FUNCTION evil.max(bigint) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO evil.caught VALUES ('max'); SELECT $1 $$;
CREATE FUNCTION evil.older(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO evil.caught VALUES ('<'); RETURN true; END $$;
CREATE OPERATOR evil.< (FUNCTION = evil.older, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE FUNCTION evil.equal(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO evil.caught VALUES ('='); RETURN true; END $$;
CREATE OPERATOR evil.= (FUNCTION = evil.equal, LEFTARG = bigint, RIGHTARG = bigint);

SET search_path = evil, pg_catalog;
SET row_security = off;
SET synchronous_commit = off;
SET statement_timeout = '50 ms';
SET lock_timeout = '1 ms';
SET default_transaction_isolation = serializable;
SET intervalstyle = sql_standard;
SET datestyle = 'SQL, DMY';
SET enable_indexscan = off;
SET enable_seqscan = off;

-- It takes a second, for the rate limit: its own timeout counts, not the statement's.
CALL msgext.dispatch();

-- The caller's own settings are as they were.
SELECT current_setting('search_path'), current_setting('row_security'), current_setting('synchronous_commit'),
    current_setting('statement_timeout'), current_setting('lock_timeout'),
    current_setting('default_transaction_isolation'), current_setting('transaction_isolation'),
    current_setting('intervalstyle'), current_setting('datestyle');
RESET ALL;
SET client_min_messages = warning;
SELECT count(*) FROM msgext.message;
RESET ROLE;
SELECT * FROM evil.caught;
SELECT id - :old AS id, state, attempts FROM msgext.outbox ORDER BY id;
SELECT message_id - :old AS id, kind FROM msgext.event ORDER BY 1, 2;
SELECT provider_id FROM msgext.reference;
SELECT count(*) FROM msgext.recipient_use;
SELECT count(*) FROM msgext.callback;

-- Whoever may dispatch may do nothing else.
SET ROLE regress_runner;
SELECT msgext.send_vk('vk', vk());
SELECT count(*) FROM msgext.message;
RESET ROLE;
SET ROLE regress_sender;
CALL msgext.dispatch();
RESET ROLE;

DROP SCHEMA evil CASCADE;
DROP FUNCTION vk;
DROP SERVER vk CASCADE;
REVOKE ALL ON PROCEDURE msgext.dispatch(interval) FROM regress_runner;
DROP ROLE regress_runner, regress_sender;
TRUNCATE msgext.outbox, msgext.event, msgext.reminder, msgext.lane, msgext.health,
    msgext.server_pause, msgext.reference, msgext.callback, msgext.recipient_use;
