-- The circuit breaker, in the foreground: a server that does nothing but fail is left alone.
SET client_min_messages = warning;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1', rate_limit 'off',
    recipient_limit 'off', retry_min_delay '1 ms', retry_max_delay '1 ms', break_after '10 ms');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE FUNCTION send() RETURNS bigint LANGUAGE sql AS $$
    SELECT msgext.send_vk('vk', jsonb_build_object('subject', 'AO', 'priority', 'high',
        'routes', '["vk"]'::jsonb, 'validityPeriod', 180, 'phone', '79031112233', 'templateId', 1,
        'templateData', '{}'::jsonb))
$$;
\set VERBOSITY terse
ALTER SERVER vk OPTIONS (SET break_after '0');
ALTER SERVER vk OPTIONS (SET break_after 'never');
ALTER SERVER vk OPTIONS (SET break_after 'off');
ALTER SERVER vk OPTIONS (SET break_after '10 ms');
SELECT broken_at, probe_at, probes FROM msgext.server_status;

-- All fail, and again later: it opens. Probes follow at growing intervals, until one would be too late.
SELECT count(send()) FROM generate_series(1, 10);
CALL msgext.dispatch('3 s');
SELECT FROM pg_sleep(0.05);
CALL msgext.dispatch('3 s');
SELECT broken_at IS NOT NULL AS open FROM msgext.server_status;
SELECT FROM pg_sleep(0.05);
CALL msgext.dispatch('3 s');
SELECT probe_at > broken_at + interval '2 s' AS later, probes BETWEEN 1 AND 12 AS few FROM msgext.server_status;
SELECT breaks, requests = (SELECT sum(attempts) FROM msgext.message) AS as_many FROM msgext.pg_stat_msgext;
SELECT count(*), bool_and(state = 'queued') AS queued FROM msgext.message;
SELECT DISTINCT s.detail->'waiting'->>'for' AS waiting FROM msgext.message m, msgext.message_status(m.id) s
WHERE m.next_attempt_at <= (SELECT probe_at FROM msgext.server_status);
SELECT kind, server, actor, reason <> '' AS reason FROM msgext.server_event WHERE kind LIKE 'circuit%';

-- Nothing is due before the probe is: it returns at once.
SELECT sum(attempts) AS attempts, (SELECT probe_at FROM msgext.server_status) AS probe_at
FROM msgext.message \gset
CALL msgext.dispatch('0.1 s');
SELECT coalesce(sum(attempts) - :attempts, 0) AS tried FROM msgext.message WHERE :'probe_at' > clock_timestamp() + interval '0.1 s';

-- Who resumes the server has it tried at once.
SELECT msgext.resume_server('vk');
CALL msgext.dispatch('1 s');
SELECT sum(attempts) > :attempts + 4 AS tried FROM msgext.message;

-- Off is off: it closes, and stays so.
SELECT FROM pg_sleep(0.05);
CALL msgext.dispatch('3 s');
SELECT broken_at IS NOT NULL AS open FROM msgext.server_status;
ALTER SERVER vk OPTIONS (SET break_after 'off');
SELECT send() > 0 AS sent;
CALL msgext.dispatch('0.5 s');
SELECT broken_at, probe_at, probes FROM msgext.server_status;

DROP FUNCTION send;
DROP SERVER vk CASCADE;
TRUNCATE msgext.outbox, msgext.event, msgext.claim, msgext.reminder, msgext.lane, msgext.health,
    msgext.server_pause, msgext.statistic, msgext.activity;
