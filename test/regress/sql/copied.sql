-- What a copy of a copy has brought: it may have come twice, by different ways. The other
-- databases are forged: a dump has their rows, and takes a server to restore.
SET client_min_messages = warning;
\pset format unaligned
SELECT current_database() AS here \gset
CREATE DATABASE regress_msgext_copied TEMPLATE template0 ENCODING 'UTF8';
\c regress_msgext_copied
SET client_min_messages = warning;
CREATE EXTENSION msgext;
CREATE ROLE regress_owner SUPERUSER;
SET SESSION AUTHORIZATION regress_owner;
CREATE SERVER hook FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER other FOREIGN DATA WRAPPER msgext_webhook OPTIONS (url 'http://127.0.0.1:1');
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
SELECT oid AS hook FROM pg_foreign_server WHERE srvname = 'hook' \gset
SELECT oid AS vk FROM pg_foreign_server WHERE srvname = 'vk' \gset
INSERT INTO msgext.origin VALUES (1), (2);

-- Who wants nothing more.
INSERT INTO msgext.blocked_recipient (server_oid, origin, server, recipient, blocked_at)
VALUES (1, 1, 'vk', '70000000001', now()), (2, 2, 'vk', '70000000001', now()), (:vk, 2, 'vk', '70000000002', now()),
    (3, 1, 'other', '70000000001', now());

-- Pushes; of a copy that was made within the cluster the server has the oid that it had.
INSERT INTO msgext.inbox (id, server_oid, origin, server, push_id, received_at, headers)
VALUES (1, 1, 1, 'hook', 'twice', now(), '{}'), (2, 2, 2, 'hook', 'twice', now(), '{}'),
    (3, :hook, 1, 'hook', 'same oid', now(), '{}'), (4, 1, 1, 'other', 'of another', now(), '{}');

-- Reports, which go by the oids that messages had.
SELECT msgext.pause_server('vk');
SELECT msgext.post_message('vk', jsonb_build_object('vk',
    '{"subject": "AO", "priority": "high", "routes": ["vk"], "validityPeriod": 180, "templateId": 1, "templateData": {}, "phone": "79031112233"}'::jsonb))
FROM generate_series(1, 2) \g /dev/null
UPDATE msgext.outbox SET (server_oid, origin) = (n, n) FROM (SELECT id, row_number() OVER (ORDER BY id) FROM msgext.outbox) AS m (id, n)
WHERE outbox.id = m.id;
INSERT INTO msgext.callback (server_oid, digest, provider_id, received_at, repeats, report)
VALUES (1, 'twice', 'a', now(), 0, 'twice'), (2, 'twice', 'a', now(), 0, 'twice'), (2, 'once', 'b', now(), 0, 'once');

SELECT msgext.resume_server('hook'), msgext.resume_server('vk');
SELECT server, recipient, server_oid = :vk AS adopted FROM msgext.blocked_recipient ORDER BY 1, 2;
SELECT server, push_id, server_oid = :hook AS adopted FROM msgext.inbox ORDER BY 1, 2;
SELECT server_oid = :vk AS adopted FROM msgext.outbox;
SELECT encode(report, 'escape') AS report, server_oid = :vk AS adopted FROM msgext.callback ORDER BY 1;

RESET SESSION AUTHORIZATION;
\c :here
DROP DATABASE regress_msgext_copied;
DROP ROLE regress_owner;
