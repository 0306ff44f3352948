-- Every function, called with NULL and with the ends of each type, one argument at a time: none
-- ends in an internal error, each error is written as PostgreSQL writes them, and whatever was
-- stored can be shown.
SET client_min_messages = warning;
\pset format unaligned
\pset null '(null)'
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_extremes TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_extremes
SET client_min_messages = error;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION msgext;
CREATE EXTENSION msgext_test;
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER strange FOREIGN DATA WRAPPER dummy;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino
    OPTIONS (url 'http://127.0.0.1:1', rate_limit 'off', expires_after '1 day');
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER hook;
GRANT USAGE ON FOREIGN SERVER vk TO PUBLIC;
CREATE TABLE orders (id int, phone text);
INSERT INTO orders VALUES (1, '79031112233');
CREATE FUNCTION on_order(jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION vk() RETURNS jsonb LANGUAGE sql AS $$
    SELECT '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180,
        "phone": "79031112233", "templateId": 1, "templateData": {}}'::jsonb
$$;
SELECT msgext.create_template('orders', 'vk', jsonb_build_object('vk', vk() || '{"phone": "{{new.phone}}"}'),
    lookup => 'SELECT $1.id');
SELECT msgext_test.begin();
SELECT msgext.create_consumer('usual');
SELECT setval('msgext.outbox_id_seq', 9800, false);
SELECT msgext.send_vk('vk', vk(), ref => '{"order": 1}');
SELECT msgext.send_vk('vk', vk(), operation_id => 'one');
SELECT msgext_test.stub('vk', 'reject', times => 1);
SELECT count(*) FROM msgext_test.run();

-- What an argument is when it is not the one that is tried, by its name, else by its type.
CREATE TABLE usual (argument text PRIMARY KEY, value text NOT NULL);
INSERT INTO usual VALUES
    ('server', '''vk'''), ('server.oid', '(SELECT oid FROM pg_foreign_server WHERE srvname = ''vk'')'), ('server_oid', '0'),
    ('message', 'jsonb_build_object(''vk'', public.vk())'), ('vk', 'public.vk()'), ('viber', 'NULL'), ('sms', 'NULL'),
    ('id', '9800'), ('consumer', '''usual'''), ('handler', '''a handler'''), ('function', '''public.on_order(jsonb)'''),
    ('filter', '''{"server": "vk"}'''), ('name', '''orders'''), ('table', '''public.orders'''), ('new', '(SELECT o FROM public.orders o)'),
    ('lookup', '''SELECT $1.id'''), ('operation_id', 'NULL'), ('on_conflict', 'NULL'), ('on_invalid', 'NULL'), ('parts', 'NULL'),
    ('ref', '''{"order": 1}'''), ('send_after', 'NULL'), ('expires_at', 'NULL'), ('expires_after', 'NULL'), ('priority', '3'),
    ('limit', '10'), ('max', '10'), ('position', '1'), ('after', 'NULL'), ('notify', 'NULL'), ('body', '''[]'''), ('headers', 'NULL'),
    ('recipient', '''79031112233'''), ('reason', '''why'''), ('provider_id', '''1'''), ('histogram', '''request_time'''),
    ('old', 'NULL'), ('skip_when_null', 'NULL'), ('expires_in', 'NULL'), ('debounce', 'NULL'), ('max_wait', 'NULL'),
    ('quiet_hours', 'NULL'), ('time_zone', 'NULL'), ('reset', 'NULL'), ('timeout', '''1 s'''), ('valid', '''1 hour'''), ('role', 'NULL');
CREATE TABLE extreme (type regtype, value text);
INSERT INTO extreme SELECT t, v FROM (VALUES
    ('int'::regtype, ARRAY['0', '-1', '7', '2147483647', '-2147483648']),
    ('bigint', ARRAY['0', '-1', '9801', '9223372036854775807', '-9223372036854775808']),
    ('boolean', ARRAY['true', 'false']),
    ('oid', ARRAY['0', '1', '4294967295']),
    ('timestamptz', ARRAY['''infinity''', '''-infinity''', '''epoch''', '''4714-11-24 00:00:00+00 BC''',
        '''294276-12-31 23:59:59.999999+00''', '''294270-01-01 00:00:00+00''', '''294247-01-01 00:00:00+00''']),
    ('interval', ARRAY['''0''', '''-1 us''', '''1 us''', '''178000000 years''', '''-178000000 years''', '''292000 years''',
        '''296500 years''', '''2147483647 days''', '''2562047788 hours''', '''-2562047788 hours''', '''6 months -180 days''']),
    ('text', ARRAY[$$''$$, $$' '$$, $$E'\n'$$, $$E'a"b\'c\\ %s%n{{new.x}}{{'$$, $$U&'\+10FFFF\0301'$$, $$repeat('x', 300)$$,
        $$repeat('x', 1100000)$$, $$repeat(E'\u0436', 40)$$, $$'SELECT 1; SELECT 2'$$, $$'22:00-09:00 nowhere'$$, $$'24:00-00:00'$$]),
    ('name', ARRAY[$$''$$, $$'nowhere'$$, $$'strange'$$, $$'hook'$$, $$repeat('x', 63)$$, $$'A "b" c'$$]),
    ('jsonb', ARRAY['''null''', '''true''', '''0''', '''1e400''', '''""''', '''[]''', '''{}''', '''{"": ""}''', '''[[]]''',
        $$'{"id": 1e400}'$$, $$'{"id": 1.5}'$$, $$'{"id": [9223372036854775808]}'$$, $$'{"id": []}'$$, $$'{"id": [[]]}'$$, $$'{"ref": {}}'$$,
        $$'{"ref": 1}'$$, $$'{"created_after": "infinity"}'$$, $$'{"created_before": "x"}'$$, $$'{"state": ["queued", null]}'$$,
        $$'{"server": [""], "code": "%s", "kind": "push"}'$$, $$'{"kind": "push", "server": "nowhere"}'$$,
        $$(repeat('[', 3000) || repeat(']', 3000))::jsonb$$, $$(repeat('{"a":', 3000) || '1' || repeat('}', 3000))::jsonb$$,
        $$jsonb_build_object('vk', public.vk() || jsonb_build_object('subject', repeat('x', 1100000)))$$,
        $$jsonb_build_object(repeat('k', 100000), 1)$$, $$jsonb_build_object('vk', public.vk() || '{"validityPeriod": 1e400, "phone": 1}')$$]),
    ('bytea', ARRAY[$$''$$, $$'\x00'$$, $$'\xff'$$, $$decode(repeat('5b', 1000000), 'hex')$$, $$decode(repeat('5b', 2000000), 'hex')$$]),
    ('bytea[]', ARRAY[$$'{}'$$, $$'{NULL}'$$, $$'{{"a"},{"b"}}'$$]),
    ('text[]', ARRAY[$$'{}'$$, $$'{NULL}'$$, $$'{{a},{b}}'$$, $$'{""}'$$, $$'{url}'$$, $$'{url=}'$$, $$'{=}'$$, $$'{new.id,nowhere,old}'$$, $$'{message}'$$]),
    ('regclass', ARRAY['0', '4294967295', '''pg_class''', '''pg_class_oid_index''', '''msgext.message''', '''msgext.outbox_id_seq''', '''msgext.outbox''']),
    ('regprocedure', ARRAY['0', '4294967295', '''now()''', '''count(*)''', '''jsonb_pretty(jsonb)''', '''msgext.dispatch(interval)''', '''jsonb_each(jsonb)''']),
    ('record', ARRAY['ROW()', 'ROW(NULL)', 'ROW(1, ''a''::text)', '(SELECT c FROM pg_class c LIMIT 1)', '(SELECT o FROM public.orders o)'])
) AS x(t, vs), unnest(vs) v;

CREATE FUNCTION usual_of(argument text, type regtype) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce((SELECT u.value FROM usual u WHERE u.argument = $1 || '.' || $2::text),
        (SELECT u.value FROM usual u WHERE u.argument = $1), (SELECT e.value FROM extreme e WHERE e.type = $2 LIMIT 1), 'NULL')
$$;
CREATE FUNCTION as_argument(value text, type regtype) RETURNS text LANGUAGE sql AS $$
    SELECT CASE type WHEN 'record'::regtype THEN value ELSE format('(%s)::%s', value, type) END
$$;

-- All that can be called, but for what is a trigger. Procedures commit, and are no functions.
CREATE TABLE argument AS
SELECT p.oid AS function, p.provolatile = 'v' AS writes, format('%I.%I', n.nspname, p.proname) AS called,
    a.n::int, coalesce(p.proargnames[a.n], '') AS name, a.type::regtype AS type
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    LEFT JOIN LATERAL unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(type, n) ON true
WHERE n.nspname IN ('msgext', 'msgext_test') AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
    AND p.proname <> 'reset';
CREATE TABLE attempt AS
SELECT DISTINCT a.writes, format('SELECT to_jsonb(f)::text FROM %s(%s) f', a.called, (
    SELECT string_agg(as_argument(CASE WHEN t.n = b.n THEN t.value WHEN t.n = 0 THEN 'NULL' ELSE usual_of(b.name, b.type) END,
        b.type), ', ' ORDER BY b.n) FROM argument b WHERE b.function = a.function AND b.n IS NOT NULL)) AS query
FROM (SELECT DISTINCT function, writes, called FROM argument) a
    CROSS JOIN LATERAL (
        SELECT -1 AS n, NULL AS value UNION ALL SELECT 0, NULL
        UNION ALL SELECT b.n, e.value FROM argument b JOIN extreme e ON e.type = b.type WHERE b.function = a.function
        UNION ALL SELECT b.n, 'NULL' FROM argument b WHERE b.function = a.function AND b.n IS NOT NULL) t;

-- What everybody looks at.
CREATE FUNCTION look() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM m::text::msgext.message FROM msgext.message m;
    PERFORM e::text::msgext.message_event FROM msgext.message_event e;
    PERFORM s::text FROM msgext.message m, msgext.message_status(m.id) s;
    PERFORM msgext.message_payload(m.id)::text FROM msgext.message m;
    PERFORM s::text FROM msgext.server_status s;
    PERFORM to_jsonb(s) FROM msgext.server_status s;
    PERFORM s::text FROM msgext.server_event s;
    PERFORM c::text FROM msgext.consumer c;
    PERFORM h::text FROM msgext.handler h;
    PERFORM t::text FROM msgext.template t;
    PERFORM msgext.metrics();
END $$;
CREATE FUNCTION try(query text, writes boolean, OUT state text, OUT message text, OUT detail text, OUT hint text, OUT after boolean)
LANGUAGE plpgsql AS $$
BEGIN
    after := false;
    EXECUTE query;
    after := true;
    IF writes THEN
        PERFORM look();
    END IF;
    RAISE EXCEPTION SQLSTATE 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN NULL; -- all of it is undone
    WHEN ASSERT_FAILURE OR OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        message := left(message, 200);
END $$;
CREATE TABLE result AS SELECT a.query, t.* FROM attempt a, try(a.query, a.writes) t;
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE state IS NULL) > 300 AS taken FROM result;
SELECT left(query, 250) AS query, state, message FROM result
WHERE after AND state IS NOT NULL OR state LIKE 'XX%' OR state LIKE '58%';
SELECT DISTINCT state, message, detail, hint FROM result
WHERE state <> 'P0004' AND (message ~ '\.$' OR detail !~ '(^|[.:;])$' OR hint !~ '(^|[.:;)])$') ORDER BY 1, 2;

\c :here
DROP DATABASE regress_msgext_extremes;
