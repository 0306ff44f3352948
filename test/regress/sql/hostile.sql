-- dispatch() takes no more than EXECUTE, and nothing that a session or the owner of a
-- database may set changes what it means: no name of its own is looked up by search_path.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_hostile TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_hostile
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
SELECT setval('msgext.outbox_id_seq', 9000, false);
CREATE ROLE regress_runner;
CREATE ROLE regress_sender;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    rate_limit '1/s', recipient_limit '9/day', retry_min_delay '1 hour', retry_max_delay '1 hour');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO regress_sender;
GRANT EXECUTE ON PROCEDURE msgext.dispatch(interval) TO regress_runner;
CREATE FUNCTION vk() RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
        "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb
$$;

-- What is over is removed by whoever dispatches: message, events, reference, reports, uses.
-- Forty days ago and today something was sent and delivered; eight days ago, too, a report
-- came in that nobody knew, all while this was a test database.
SET ROLE regress_sender;
SELECT msgext_test.begin(now() - interval '40 days');
SELECT msgext.send_vk('vk', vk()) AS old \gset
SELECT * FROM msgext_test.run();
SELECT msgext_test.report(1, 'delivered');
SELECT msgext_test.freeze(now() - interval '8 days');
SELECT msgext_test.callback('vk', '{"id": 5, "status": "delivered"}');
SELECT msgext_test.freeze(now());
SELECT msgext.send_vk('vk', vk()) AS done \gset
SELECT * FROM msgext_test.run();
SELECT msgext_test.report(2, 'delivered');
SELECT msgext_test.callback('vk', '{"id": 5, "status": "read"}');
RESET ROLE;
DROP EXTENSION msgext_test;
SELECT msgext.resume_server('vk');
SELECT (SELECT count(*) FROM msgext.event) AS events, (SELECT count(*) FROM msgext.reference) AS "references",
    (SELECT count(*) FROM msgext.recipient_use) AS uses, (SELECT count(*) FROM msgext.callback) AS reports;
SET ROLE regress_sender;
SELECT msgext.send_vk('vk', vk()) AS next \gset
SELECT msgext.send_vk('vk', vk()) AS later \gset
RESET ROLE;

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
SELECT message_id - :old AS id FROM msgext.recipient_use ORDER BY 1;
SELECT count(*) FROM msgext.callback;

-- Whoever may dispatch may do nothing else.
SET ROLE regress_runner;
SELECT msgext.send_vk('vk', vk());
SELECT count(*) FROM msgext.message;
RESET ROLE;
SET ROLE regress_sender;
CALL msgext.dispatch();
RESET ROLE;

\c :here
DROP DATABASE regress_msgext_hostile;
DROP ROLE regress_runner, regress_sender;
