-- Servers and user mappings: what their validators take, and how they say no.
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE regress_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER msgext_devino TO regress_owner;

-- A url is all a server needs.
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (timeout '30 s');
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino
    OPTIONS (url 'https://vk.devinotele.com');
ALTER SERVER vk OPTIONS (DROP url);

-- Every option, common ones first.
ALTER SERVER vk OPTIONS (SET url 'http://127.0.0.1:8080/base',
    timeout '30 s', connect_timeout '250 ms', max_in_flight '16', rate_limit '50/s',
    max_attempts '100', retry_min_delay '1 s', retry_max_delay '5 min',
    give_up_after '1 day', ca_file '/etc/ssl/certs/ca.pem', proxy 'http://proxy:3128',
    http_version 'auto', on_unknown 'hold', status_poll 'on', poll_min_interval '30 s',
    poll_max_interval '1 hour', poll_give_up '5 days',
    recipient_limit '5/day', time_zone '+03:00');
SELECT option_name, option_value
FROM pg_foreign_server, pg_options_to_table(srvoptions)
WHERE srvname = 'vk' ORDER BY option_name COLLATE "C";

-- Values, good (NULL) and bad. No complaint repeats a value.
CREATE FUNCTION try_option(name text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE format('ALTER SERVER vk OPTIONS (SET %I %L)', name, value);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', sqlstate, message, nullif(detail, ''), nullif(hint, ''));
END $$;

SELECT value, try_option('url', value) FROM unnest(ARRAY[
    'https://vk.devinotele.com', 'https://vk.devinotele.com/', 'http://[::1]:8080/a/b',
    'http://host:65535', 'ftp://vk.devinotele.com', 'vk.devinotele.com', 'https://',
    'https://login:secret@host', 'https://host?key=secret', 'https://host:0',
    'https://host:65536', 'https://a b', E'https://host\nX: y', 'https://пример.рф', 'https://host/п', '']) AS value;
SELECT value, try_option('timeout', value) FROM unnest(ARRAY[
    '250 ms', '30 s', '5 days', '00:00:10', '1 month', '10 years', '0', '-1 s', '11 years',
    '1 us', 'soon', '99999999999999999999 s', '2562047788 hours', '120 months 3650 days', '']) AS value;
SELECT name, try_option(name, '-1 s') FROM unnest(ARRAY[
    'connect_timeout', 'retry_min_delay', 'retry_max_delay', 'give_up_after',
    'poll_min_interval', 'poll_max_interval', 'poll_give_up']) AS name;
SELECT value, try_option('max_in_flight', value) FROM unnest(ARRAY[
    '1', '1000000', '0', '-1', '1000001', '1.5', '10x', ' 1', '']) AS value;
SELECT value, try_option('max_attempts', value) FROM unnest(ARRAY['1', '0', 'many']) AS value;
SELECT value, try_option('rate_limit', value) FROM unnest(ARRAY[
    'off', '50/s', '1/second', '3/min', '3/minute', '7/h', '7/hour', '5/day', '50', '/s', '0/s',
    '50/week', '50/s ', '50 / s', '1.5/s', 'on']) AS value;
SELECT value, try_option('recipient_limit', value) FROM unnest(ARRAY[
    'off', '5/day', '5', 'five/day']) AS value;
SELECT value, try_option('ca_file', value) FROM unnest(ARRAY[
    '/etc/ssl/ca.pem', 'ca.pem', '']) AS value;
SELECT value, try_option('proxy', value) FROM unnest(ARRAY[
    'proxy', 'proxy:3128', 'http://proxy:3128', 'https://proxy', 'socks4://p:1080',
    'socks4a://p:1080', 'socks5://p:1080', 'socks5h://p:1080', 'ftp://proxy',
    'http://login:secret@proxy:3128', 'proxy:0', '']) AS value;
SELECT value, try_option('http_version', value) FROM unnest(ARRAY[
    '1.1', '2', 'auto', '3', 'AUTO']) AS value;
SELECT value, try_option('on_unknown', value) FROM unnest(ARRAY[
    'hold', 'resend', 'drop']) AS value;
SELECT value, try_option('status_poll', value) FROM unnest(ARRAY[
    'on', 'off', 'true']) AS value;
SELECT value, try_option('time_zone', value) FROM unnest(ARRAY[
    'UTC', '+03:00', '-11:30', 'Europe/Moscow', '+3', '+25:00']) AS value;

-- Options that are right by themselves: a least time above the longest one, where one that
-- is not set counts with its default, and a recipient that no message could go to.
CREATE FUNCTION try_server(provider text, options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE format($f$CREATE SERVER tried FOREIGN DATA WRAPPER %I OPTIONS (url 'http://localhost', %s)$f$,
        'msgext_' || provider, options);
    DROP SERVER tried;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', sqlstate, message, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT options, try_server('devino', options) FROM unnest(ARRAY[
    $$retry_min_delay '2 s', retry_max_delay '2 s'$$, $$retry_min_delay '3 s', retry_max_delay '2 s'$$,
    $$retry_max_delay '2 h', retry_min_delay '1 h'$$, $$retry_min_delay '1 h'$$, $$retry_max_delay '1 ms'$$,
    $$poll_min_interval '1 day', poll_max_interval '24 h'$$, $$poll_min_interval '2 s', poll_max_interval '1 s'$$,
    $$poll_min_interval '2 h'$$, $$poll_max_interval '1 s'$$]) AS options;
SELECT provider, options, try_server(provider, options) FROM (VALUES
    ('devino', $$redirect '+79990001122'$$), ('devino', $$redirect 'staging'$$), ('devino', $$redirect ''$$),
    ('devino', $$redirect '79990001122,79990001123'$$),
    ('devino', $$redirect '+79990001122', allow_recipients '^7999'$$),
    ('devino', $$redirect '79990001122', allow_recipients '^7998'$$),
    ('edna', $$redirect '+79990001122', allow_recipients '^7999'$$), ('edna', $$redirect '8 999 000'$$),
    ('edna', $$redirect '79990001122', allow_recipients '^7998'$$),
    ('personium', $$redirect 'https://unit.example', allow_recipients '/$'$$),
    ('personium', $$redirect 'https://unit.example/a,https://unit.example/b'$$),
    ('personium', $$redirect 'personium-localunit:a'$$),
    ('personium', $$redirect 'personium-localunit:a', generation '1.6'$$),
    ('personium', $$redirect 'https://unit.example/', allow_recipients '^http:'$$),
    ('diadoc', $$redirect '1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru'$$), ('diadoc', $$redirect 'one, two'$$),
    ('diadoc', $$redirect '1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru', allow_recipients '^2'$$))
    AS t (provider, options);

-- ALTER of one is held to what the server has of the other.
CREATE SERVER pair FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://localhost',
    retry_min_delay '10 min', retry_max_delay '1 hour', redirect '79990001122');
ALTER SERVER pair OPTIONS (SET retry_max_delay '5 min');
ALTER SERVER pair OPTIONS (DROP retry_max_delay);
ALTER SERVER pair OPTIONS (SET retry_min_delay '1 s', SET retry_max_delay '5 min');
ALTER SERVER pair OPTIONS (ADD allow_recipients '^7998');
ALTER SERVER pair OPTIONS (DROP redirect, ADD allow_recipients '^7998');
DROP SERVER pair;

-- Names: the bad one, the good ones, the nearest.
ALTER SERVER vk OPTIONS (ADD timeuot '30 s');
ALTER SERVER vk OPTIONS (ADD ulr 'http://localhost');
ALTER SERVER vk OPTIONS (ADD "TIMEOUT" '30 s');
ALTER SERVER vk OPTIONS (ADD nothing_like_it 'x');
ALTER SERVER vk OPTIONS (ADD batch_size '100');

-- A secret has no place in a server, where everybody reads it.
ALTER SERVER vk OPTIONS (ADD password '111111');

-- User mappings.
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (login 'tester', password '111111',
    callback_token 'a long and random one');
ALTER USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (DROP password,
    ADD password_file '/etc/msgext/password', SET callback_token 'another random token',
    DROP callback_token, ADD callback_token_file '/etc/msgext/token');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', callback_token 'fifteen letters');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'a:b', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login '', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password E'top\nsecret');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', pasword '111111');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', passwordfile '/etc/p');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password_file 'p');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login_file '/etc/login');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (url 'http://localhost');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (client_secret 'secret');
CREATE USER MAPPING FOR PUBLIC SERVER vk;

-- Files of the server are named by superusers only.
SET ROLE regress_owner;
CREATE SERVER own FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://localhost');
ALTER SERVER own OPTIONS (ADD ca_file '/etc/ssl/ca.pem');
CREATE USER MAPPING FOR CURRENT_USER SERVER own
    OPTIONS (login 'tester', password_file '/etc/shadow');
CREATE USER MAPPING FOR CURRENT_USER SERVER own
    OPTIONS (login 'tester', callback_token_file '/etc/shadow');
CREATE USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (login 'tester', password '111111');
RESET ROLE;

-- The wrapper itself has none.
ALTER FOREIGN DATA WRAPPER msgext_devino OPTIONS (ADD url 'http://localhost');

-- The validator is no function for people.
SET ROLE regress_owner;
SELECT msgext.devino_validator(ARRAY['url=x'], 'pg_foreign_server'::regclass);
RESET ROLE;

-- Servers of other wrappers are none of ours.
CREATE FOREIGN DATA WRAPPER elsewhere;
CREATE SERVER other FOREIGN DATA WRAPPER elsewhere;
SELECT msgext.post_message('other', '{}');
SELECT msgext.pause_server('other');
SELECT server FROM msgext.server_status ORDER BY server;

DROP SERVER other;
DROP FOREIGN DATA WRAPPER elsewhere;
DROP FUNCTION try_option;
DROP SERVER vk, own CASCADE;
REVOKE ALL ON FOREIGN DATA WRAPPER msgext_devino FROM regress_owner;
DROP ROLE regress_owner;

-- A server without a url, which the validator would have refused, ends nobody's session.
BEGIN;
ALTER FOREIGN DATA WRAPPER msgext_webhook NO VALIDATOR;
CREATE SERVER bare FOREIGN DATA WRAPPER msgext_webhook;
SELECT msgext.pause_server('bare');
ROLLBACK;
