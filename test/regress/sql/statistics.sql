-- Statistics: what is counted, what is not, who may look and who may reset.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_statistics TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_statistics
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
CREATE ROLE regress_stats_sender;
CREATE ROLE regress_stats_stranger;
CREATE ROLE regress_stats_monitor;
GRANT pg_monitor TO regress_stats_monitor;
CREATE ROLE regress_stats_operator;
GRANT EXECUTE ON FUNCTION msgext.can_operate() TO regress_stats_operator;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1',
    retry_min_delay '1 hour', retry_max_delay '1 hour', rate_limit 'off', recipient_limit '2/day');
CREATE SERVER idle FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO regress_stats_sender, regress_stats_operator;
CREATE FUNCTION send(phone text DEFAULT '79031112233', expires_at timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high',
        'routes', '["vk"]'::jsonb, 'validityPeriod', 180, 'phone', phone, 'templateId', 1,
        'templateData', '{}'::jsonb), expires_at => expires_at)
$$;
CREATE VIEW counted AS
    SELECT key, value FROM msgext.pg_stat_msgext s, jsonb_each(to_jsonb(s))
    WHERE s.server = 'vk' AND jsonb_typeof(value) = 'number' AND value <> '0'
        AND key NOT LIKE '%\_total' AND key <> 'bytes_sent';

-- While this was a test database, one was refused, and one was left that is too old by now.
-- That they were queued is counted; what was rehearsed is not.
SELECT msgext_test.begin(now() - interval '2 hours');
SELECT send('79030000003') AS refused \gset
SELECT msgext_test.stub('vk', 'reject');
SELECT state FROM msgext_test.run();
SELECT send('79030000002', now() + interval '1 hour') > 0 AS late;
DROP EXTENSION msgext_test;
SELECT msgext.resume_server('vk'), msgext.resume_server('idle');

-- Before anything was counted there is a row of zeroes.
SELECT server, provider, queued, requests, request_time, stats_reset FROM msgext.pg_stat_msgext ORDER BY 1;
SELECT count(*) FROM msgext.pg_stat_msgext_worker;

-- Those that fail on the way, one over its recipient's limit, the old one, one cancelled before
-- the dispatcher comes by.
SELECT count(send(phone)) FROM (VALUES ('79031112233'), ('79031112233'), ('79031112233'), ('79030000001')) p(phone);
SELECT send('79030000003') AS doomed \gset
SELECT msgext.cancel_message(:doomed);
SELECT * FROM counted;
CALL msgext.dispatch();
SELECT * FROM counted ORDER BY key;
SELECT bytes_sent > 300 AS sent, bytes_received, (SELECT sum(n) FROM unnest(request_time) n) AS requests,
    (SELECT sum(n) FROM unnest(wait_time) n) AS waits, wait_time_total BETWEEN 0.0001 AND 60 AS waited,
    delivery_time_total, stats_reset > now() - interval '1 hour' AS lately
FROM msgext.pg_stat_msgext WHERE server = 'vk';

-- What a session does counts when it commits, with its subtransactions.
BEGIN;
SELECT send('79030000004') AS a, send('79030000005') AS b, send('79030000006') AS c \gset
SELECT msgext.cancel_message(:a);
SAVEPOINT one;
SELECT msgext.cancel_message(:b);
ROLLBACK TO one;
SAVEPOINT two;
SELECT msgext.cancel_message(:c);
RELEASE two;
COMMIT;
BEGIN;
SELECT msgext.cancel_message(:b);
ROLLBACK;
SELECT msgext.cancel_message(:a) AS again;
SELECT msgext.retry_message(:refused);
SELECT msgext.receive_callback('vk', '[{"messageId":1,"status":"SENT"},{"messageId":2,"status":"SENT"}]');
SELECT msgext.receive_callback('vk', '[{"messageId":1,"status":"SENT"}]');
CALL msgext.dispatch();
SELECT * FROM counted ORDER BY key;

-- The dispatcher itself, which runs in this session.
SELECT process, starts, turns >= commits AS turns, commits > 2 AS commits, results, errors,
    turn_time >= longest_turn AND longest_turn > 0 AS times, in_flight, last_activity > started_at AS active,
    pid = pg_backend_pid() AS mine
FROM msgext.pg_stat_msgext_worker;

-- Bounds.
SELECT h, cardinality(msgext.statistic_bounds(h)), (msgext.statistic_bounds(h))[1] AS first,
    (msgext.statistic_bounds(h))[16] AS last
FROM unnest(ARRAY['request_time', 'wait_time', 'delivery_time']) h;
SELECT msgext.statistic_bounds('time');

-- Who sees it.
SET ROLE regress_stats_sender;
SELECT server, queued FROM msgext.pg_stat_msgext;
SELECT count(*) FROM msgext.pg_stat_msgext_worker;
SELECT count(*) FROM msgext.statistic;
SET ROLE regress_stats_stranger;
SELECT count(*) FROM msgext.pg_stat_msgext;
SET ROLE regress_stats_monitor;
SELECT count(*) FROM msgext.pg_stat_msgext;
SELECT count(*) FROM msgext.pg_stat_msgext_worker;

-- Who may reset.
SELECT msgext.stats_reset();
SELECT msgext.stats_reset('vk');
SET ROLE regress_stats_sender;
SELECT msgext.stats_reset('vk');
SET ROLE regress_stats_operator;
SELECT msgext.stats_reset('vk');
SELECT msgext.stats_reset('idle');
SELECT server, queued FROM msgext.pg_stat_msgext;
RESET ROLE;
SELECT msgext.stats_reset('nowhere');
CALL msgext.dispatch();
SELECT count(*) FROM counted;
SELECT starts FROM msgext.pg_stat_msgext_worker;
SELECT msgext.stats_reset();
SELECT starts, turns, longest_turn FROM msgext.pg_stat_msgext_worker;
SET default_transaction_read_only = on;
SELECT msgext.stats_reset('vk');
RESET default_transaction_read_only;

\c :here
DROP DATABASE regress_msgext_statistics;
DROP ROLE regress_stats_sender, regress_stats_stranger, regress_stats_monitor, regress_stats_operator;
