-- The database bench: a server for each scenario, what is sent, what it is compared with.
-- psql variables: port and dead_port, where the two simulators listen.

\set devino 'http://127.0.0.1:' :port '/devino'
\set dead 'http://127.0.0.1:' :dead_port '/devino'
\set diadoc 'http://127.0.0.1:' :port '/diadoc'
\set edna 'http://127.0.0.1:' :port '/edna/service'
\set personium 'http://127.0.0.1:' :port '/personium/shop'

CREATE EXTENSION msgext;
CREATE SCHEMA bench;

-- A server whose user mapping is the simulator's account. The provider's own limits are
-- off where it has any: they are far below what is measured.
CREATE PROCEDURE bench.server(name text, provider text, url text, options text, mapping text = '')
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER %I OPTIONS (url %L, %s)',
        name, 'msgext_' || provider, url, options);
    EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (%s login ''tester'', password ''111111'')',
        name, mapping);
END$$;

\set free 'rate_limit ''off'', recipient_limit ''off'', '
CALL bench.server('vk', 'devino', :'devino', :'free' || $$ status_poll 'off', max_in_flight '64' $$);
CALL bench.server('wide', 'devino', :'devino', :'free' || $$ status_poll 'off', max_in_flight '512' $$);
CALL bench.server('polled', 'devino', :'devino', :'free' || $$ status_poll 'on', max_in_flight '64' $$);
CALL bench.server('probe', 'devino', :'devino', :'free' || $$ status_poll 'off', max_in_flight '64' $$);
CALL bench.server('dead', 'devino', :'dead', :'free' || $$ status_poll 'off', max_in_flight '64', timeout '5 s' $$);
CALL bench.server('docs', 'diadoc', :'diadoc', $$ status_poll 'off', max_in_flight '64' $$,
    $$ api_client_id 'simulator', $$);
CALL bench.server('large_docs', 'diadoc', :'diadoc', $$ status_poll 'off' $$,
    $$ api_client_id 'simulator', $$);
CALL bench.server('sms', 'edna', :'edna', $$ rate_limit 'off', status_poll 'off' $$);
CALL bench.server('sms_flood', 'edna', :'edna', $$ rate_limit 'off', status_poll 'off', max_in_flight '200' $$);
CALL bench.server('sms_single', 'edna', :'edna', $$ rate_limit 'off', status_poll 'off', batch_size '1' $$);
CALL bench.server('sms_single_wide', 'edna', :'edna',
    $$ rate_limit 'off', status_poll 'off', batch_size '1', max_in_flight '64' $$);
CALL bench.server('cells', 'personium', :'personium', $$ max_in_flight '64' $$);

-- Webhooks have no login.
CREATE PROCEDURE bench.webhook(name text, url text, options text = '', in_flight int = 64) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url %L, %s signature ''standard'', max_in_flight ''%s'')',
        name, url, options, in_flight);
    EXECUTE format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (signing_secret ''whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'')',
        name);
END$$;
\set webhook 'http://127.0.0.1:' :port '/webhook/in'
CALL bench.webhook('hooks', :'webhook');

-- What is sent, made beforehand: about 300 bytes of JSON each.
CREATE TABLE bench.body (n int PRIMARY KEY, vk jsonb);
INSERT INTO bench.body
SELECT n, jsonb_build_object('subject', 'Shop24', 'priority', 'high', 'routes', '["vk"]'::jsonb,
    'validityPeriod', 3600, 'phone', '79' || lpad(n::text, 9, '0'), 'templateId', 4711,
    'templateData', jsonb_build_object('name', 'Recipient number ' || n, 'order', 'A-' || n,
        'text', 'Your order has been handed to the courier and will be with you between 14 and 18'))
FROM generate_series(1, 100000) n;

-- What documents are cut from. A file that is signed does not compress.
CREATE TABLE bench.noise (bytes bytea);
ALTER TABLE bench.noise ALTER bytes SET STORAGE EXTERNAL;
INSERT INTO bench.noise
SELECT string_agg(sha256(convert_to(n::text, 'UTF8')), '') FROM generate_series(1, 160000) n;

-- A table that somebody would queue in without us: primary key, and an index like a lane's.
CREATE SEQUENCE bench.plain_id_seq;
CREATE TABLE bench.plain (
    id bigint PRIMARY KEY DEFAULT nextval('bench.plain_id_seq'),
    created_at timestamptz NOT NULL DEFAULT now(),
    server text NOT NULL, priority smallint NOT NULL DEFAULT 3,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), payload jsonb NOT NULL);
CREATE INDEX ON bench.plain (server, priority, xid, id);

-- And one in which he finds a message as people can find ours: by its time, by its recipient.
CREATE TABLE bench.found (LIKE bench.plain INCLUDING ALL, recipient text COLLATE "C");
CREATE INDEX ON bench.found (created_at);
CREATE INDEX ON bench.found (recipient);

-- Queues by send_vk(), 100,000 in a transaction, all in one session: their ids have no gap.
CREATE PROCEDURE bench.fill(server name, n bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOR done IN 0 .. n - 1 BY 100000 LOOP
        PERFORM count(msgext.send_vk(server, b.vk)) FROM bench.body b WHERE b.n <= fill.n - done;
        COMMIT;
    END LOOP;
END$$;

-- Uses so many transaction ids.
CREATE PROCEDURE bench.use_transactions(n int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END$$;

-- Waits until nothing is on its way.
CREATE PROCEDURE bench.settled() LANGUAGE plpgsql AS $$
BEGIN
    WHILE EXISTS (SELECT FROM msgext.claim) LOOP
        COMMIT;
        PERFORM pg_sleep(0.02);
    END LOOP;
END$$;

-- Lets the dispatcher loose, and tells the seconds until the messages between two ids have
-- been recorded. Looks at one row at a time: an index entry, no count. What other lanes
-- have under way is before those messages, and not waited for.
CREATE PROCEDURE bench.drain(since bigint, until bigint, INOUT seconds float8 = NULL) LANGUAGE plpgsql AS $$
DECLARE
    begun timestamptz := clock_timestamp();
BEGIN
    IF NOT EXISTS (SELECT FROM msgext.outbox WHERE id = until AND state = 'queued') THEN
        RAISE EXCEPTION 'message % is not queued', until;
    END IF;
    PERFORM pg_reload_conf();
    LOOP
        COMMIT;
        PERFORM pg_sleep(0.01);
        IF NOT EXISTS (SELECT FROM msgext.outbox WHERE id = until AND state = 'queued') THEN
            EXIT WHEN NOT EXISTS (SELECT FROM msgext.claim c, unnest(c.messages) m
                WHERE m BETWEEN since AND until AND EXISTS (SELECT FROM msgext.outbox o
                    WHERE o.id = m AND o.state = 'queued'));
        END IF;
        IF clock_timestamp() > begun + interval '5 minutes' THEN
            RAISE EXCEPTION 'the queue does not end';
        END IF;
    END LOOP;
    seconds := extract(epoch FROM clock_timestamp() - begun);
END$$;

-- The seconds until pg_net has stored n results, and how many of them are answers with 200.
CREATE PROCEDURE bench.answered(n bigint, INOUT seconds float8 = NULL, INOUT good bigint = NULL) LANGUAGE plpgsql AS $$
DECLARE
    begun timestamptz := clock_timestamp();
    stored bigint := 0;
BEGIN
    WHILE stored < n LOOP
        COMMIT;
        PERFORM pg_sleep(0.05);
        SELECT count(*), count(*) FILTER (WHERE status_code = 200) INTO stored, good FROM net._http_response;
        IF clock_timestamp() > begun + interval '5 minutes' THEN
            RAISE EXCEPTION 'pg_net has stored % of % results in five minutes', stored, n;
        END IF;
    END LOOP;
    seconds := extract(epoch FROM clock_timestamp() - begun);
END$$;

-- Row versions that the extension's tables have written, and what became of them, since
-- the statistics were last reset.
CREATE VIEW bench.versions AS
SELECT sum(n_tup_upd + n_tup_del) AS dead, sum(n_tup_upd) AS updated, sum(n_tup_hot_upd) AS hot,
    sum(n_dead_tup) AS left
FROM pg_stat_user_tables WHERE schemaname = 'msgext';

-- History: rows of a thousand messages that were really sent, reported delivered and kept
-- here, over and over with ids and times of their own. The times are spread over the last
-- 40 days, oldest first, so that a quarter of them is past retention.
CREATE FUNCTION bench.columns(of regclass, changed jsonb) RETURNS text STABLE
RETURN (SELECT string_agg(coalesce(changed ->> attname, 'd.' || quote_ident(attname)), ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = of AND attnum > 0 AND NOT attisdropped);

CREATE PROCEDURE bench.keep() LANGUAGE plpgsql AS $$
BEGIN
    DROP TABLE IF EXISTS bench.message, bench.event, bench.reference;
    CREATE TABLE bench.message AS
        SELECT row_number() OVER (ORDER BY id) - 1 AS t, * FROM msgext.outbox WHERE state = 'delivered';
    CREATE TABLE bench.event AS
        SELECT m.t, e.* FROM msgext.event e JOIN bench.message m ON m.id = e.message_id;
    CREATE TABLE bench.reference AS
        SELECT m.t, r.* FROM msgext.reference r JOIN bench.message m ON m.id = r.message_id;
END$$;

-- One of the three tables; from is the id before the first of n. Messages in the order of
-- their ids, as they come in life.
CREATE PROCEDURE bench.multiply(name text, since bigint, n bigint) LANGUAGE plpgsql AS $$
DECLARE
    at text := format('(now() - interval ''40 days'' * (1 - g::float8 / %s))', n);
    id text := format('(%s + g)', since);
    provider_id text := format('(4000000000000000000 + %s + g)::text', since);
    changed jsonb;
BEGIN
    changed := CASE name
        WHEN 'outbox' THEN jsonb_build_object('id', id, 'created_at', at, 'queued_at', at, 'tried_at', at,
            'accepted_at', at, 'finished_at', at, 'provider_id', provider_id)
        WHEN 'event' THEN jsonb_build_object('message_id', id, 'at', at)
        ELSE jsonb_build_object('message_id', id, 'provider_id', provider_id) END;
    EXECUTE format('INSERT INTO msgext.%I SELECT %s FROM generate_series(1, %s) g JOIN bench.%I d'
        ' ON d.t = g %% (SELECT count(*) FROM bench.message)',
        name, bench.columns(('msgext.' || name)::regclass, changed), n,
        CASE name WHEN 'outbox' THEN 'message' ELSE name END);
END$$;
