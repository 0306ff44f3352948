-- Several databases that send as one: ids that name their node, shares of a rate, tables that
-- Citus has taken away.
\pset format unaligned
SELECT setval('msgext.outbox_id_seq', 7, false) > 0 AS ids_from_7;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE FUNCTION send() RETURNS bigint LANGUAGE sql AS $$
SELECT msgext.send_vk('vk', '{"subject": "AO", "priority": "high", "routes": ["vk"],
    "validityPeriod": 180, "phone": "79031112233", "templateId": 1, "templateData": {}}')
$$;

-- A database on its own counts; a node appends its number.
SELECT send();
SET msgext.node = 12;
SELECT send();
SET msgext.node = 100;
SELECT id, state FROM msgext.message ORDER BY id;

-- Ids of before are still known; one of another node says whose it is.
SELECT msgext.cancel_message(7), msgext.cancel_message(812);
SELECT msgext.cancel_message(912);
\set VERBOSITY sqlstate
SELECT msgext.retry_message(913);
\set VERBOSITY default
SELECT msgext.retry_message(913);
SELECT count(*) FROM msgext.message_status(913);
SET msgext.node = 13;
SELECT msgext.retry_message(913);
RESET msgext.node;
SELECT msgext.retry_message(912);

-- The numbers end.
SELECT setval('msgext.outbox_id_seq', 92233720368547758) > 0 AS at_the_end;
SET msgext.node = 1;
SELECT send();
SELECT setval('msgext.outbox_id_seq', 1000) > 0 AS back;
RESET msgext.node;

-- Who may number a database: a superuser.
CREATE ROLE regress_node;
SET ROLE regress_node;
SET msgext.node = 3;
RESET ROLE;
DROP ROLE regress_node;

-- A share of the rate.
ALTER SERVER vk OPTIONS (ADD rate_share '1/3');
ALTER SERVER vk OPTIONS (SET rate_share '4/3');
ALTER SERVER vk OPTIONS (SET rate_share 'all');

-- Citus keeps the tables it has taken in a catalog of its own. We stand in for it.
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char");
SELECT send() > 0 AS other_tables;
INSERT INTO pg_catalog.pg_dist_partition VALUES ('msgext.outbox', 'n');
\c
SELECT send();
SELECT msgext.cancel_message(7);
SELECT server FROM msgext.server_status;
SET allow_system_table_mods = on;
DROP TABLE pg_catalog.pg_dist_partition;
\c
SELECT send() > 0 AS given_back;
DROP FUNCTION send;
DROP SERVER vk CASCADE;
