#!/bin/bash
# make demo: a throwaway cluster, the simulator in the place of the providers, and an ordinary
# role that sends. Everything lies in one folder under /tmp and is removed at the end.
set -euo pipefail
. "$(dirname "$0")/throwaway.sh"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
sql() { # role, statements: shown, then run
    printf '%s\n' "$2" | sed 's/^/  /'
    printf '%s\n' "$2" |
        as_user "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -h "$scratch/out" -U "$1" -d shop -f - |
        sed '/^$/d; s/^/    /'
}
free_port() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'; }
# What is to listen there does so a moment after it was set.
wait_for() { # url
    for _ in $(seq 1 100); do
        ! curl -sf "$1" >/dev/null || return 0
        sleep 0.1
    done
}
quiet() { as_user "$bindir/psql" -X -q -At -v ON_ERROR_STOP=1 -h "$scratch/out" -d shop "$@"; }

say 'A throwaway cluster, and the simulator in the place of the providers'
start_cluster
start_simulator
hook=$(free_port)
echo "  PostgreSQL: $scratch/out     Devino: $peer/devino     Diadoc: $peer/diadoc
  edna: $peer/edna     Personium: $peer/personium/shop
  an endpoint for webhooks: $peer/webhook/crm"

say 'The administrator, once:'
sql postgres "CREATE EXTENSION msgext;
CREATE ROLE app LOGIN;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino
    OPTIONS (url '$peer/devino', poll_min_interval '500 ms', poll_max_interval '1 s');
CREATE USER MAPPING FOR app SERVER vk OPTIONS (login 'tester', password '111111');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc
    OPTIONS (url '$peer/diadoc', poll_min_interval '500 ms', poll_max_interval '1 s');
CREATE USER MAPPING FOR app SERVER docs
    OPTIONS (api_client_id 'simulator', login 'tester', password '111111');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna
    OPTIONS (url '$peer/edna/shop/connector0/service', status_poll 'off');
CREATE USER MAPPING FOR app SERVER sms OPTIONS (login 'tester', password '111111');
CREATE SERVER cells FOREIGN DATA WRAPPER msgext_personium
    OPTIONS (url '$peer/personium/shop', retry_min_delay '500 ms');
CREATE USER MAPPING FOR app SERVER cells OPTIONS (login 'tester', password '111111');
CREATE SERVER crm FOREIGN DATA WRAPPER msgext_webhook
    OPTIONS (url '$peer/webhook/crm', signature 'standard', retry_min_delay '500 ms');
CREATE USER MAPPING FOR app SERVER crm
    OPTIONS (signing_secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
GRANT USAGE ON FOREIGN SERVER vk, docs, sms, cells, crm TO app;
GRANT CREATE ON SCHEMA public TO app;"

say 'And for callbacks: a role that may do nothing else, tokens, and a port'
sql postgres "CREATE ROLE hooks;
GRANT EXECUTE ON FUNCTION msgext.receive_callback TO hooks;
GRANT USAGE ON FOREIGN SERVER vk, sms TO hooks;
CREATE USER MAPPING FOR CURRENT_USER SERVER vk OPTIONS (callback_token 'long-and-random-1');
CREATE USER MAPPING FOR CURRENT_USER SERVER sms OPTIONS (callback_token 'another-long-one');
ALTER DATABASE shop SET msgext.listen_role = 'hooks';
ALTER DATABASE shop SET msgext.listen_port = $hook;"
wait_for "http://127.0.0.1:$hook/health"
curl -sf "$peer/control/callbacks" -o /dev/null \
    --data-binary "{\"batch\": 1, \"url\": {\"devino\": \"http://127.0.0.1:$hook/vk/long-and-random-1\",
        \"edna\": \"http://127.0.0.1:$hook/sms/another-long-one\"}}"
echo "  Devino now posts to http://127.0.0.1:$hook/vk/<token>, edna to …/sms/<token>"

say 'And the console, for people who would rather look'
console=$(free_port)
sql postgres "GRANT EXECUTE ON FUNCTION msgext.open_console(interval) TO app;
ALTER DATABASE shop SET msgext.console_port = $console;"
wait_for "http://127.0.0.1:$console/"

say 'The application, an ordinary role: one message by a call, in a transaction of its own'
sql app "SELECT msgext.send_vk('vk',
    vk => '{\"subject\": \"AO\", \"priority\": \"high\", \"routes\": [\"vk\"],
            \"validityPeriod\": 180, \"phone\": \"+79031112233\", \"templateId\": 123456,
            \"templateData\": {\"order\": \"1001\", \"fate\": \"sent,delivered,read\"}}');"

say 'A trigger: an order that is shipped tells its customer, by VK, else Viber, else SMS'
sql app "CREATE TABLE orders (id int, phone text, state text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
    PERFORM msgext.send_vk('vk',
        vk => jsonb_build_object('subject', 'AO', 'priority', 'high',
            'routes', '[\"vk\"]'::jsonb, 'validityPeriod', 180, 'phone', NEW.phone,
            'templateId', 123456, 'templateData', jsonb_build_object('order', NEW.id::text,
            'fate', 'sent,failed;viber:sent,undelivered=not-viber-user;sms:sent,delivered')),
        viber => '{\"subject\": \"AO\", \"priority\": \"high\", \"validityPeriodSec\": 30,
            \"type\": \"viber\", \"contentType\": \"text\", \"text\": \"Shipped\"}',
        sms => '{\"srcAddress\": \"SHOP\", \"text\": \"Shipped\", \"validityPeriod\": 60}',
        operation_id => 'shipped-' || NEW.id);
    RETURN NEW;
END \$\$;
CREATE TRIGGER tell AFTER UPDATE OF state ON orders
    FOR EACH ROW WHEN (NEW.state = 'shipped') EXECUTE FUNCTION tell();
INSERT INTO orders VALUES (1002, '79031112244', 'new');
UPDATE orders SET state = 'shipped' WHERE id = 1002;"

say 'A document to another company, by Diadoc: the file is a bytea, its signature was made elsewhere'
sql app "SELECT msgext.post_message('docs', '{
    \"FromBoxId\": \"db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b\",
    \"ToBoxId\": \"1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru\",
    \"DocumentAttachments\": [{\"TypeNamedId\": \"Nonformalized\", \"CustomDocumentId\": \"1002\",
        \"SignedContent\": {\"Content\": {\"part\": 1}, \"Signature\": {\"part\": 2}},
        \"Metadata\": [{\"Key\": \"FileName\", \"Value\": \"waybill-1002.txt\"}]}]}',
    operation_id => 'waybill-1002',
    parts => ARRAY['Waybill 1002: one parcel', decode('3000', 'hex')]::bytea[]);"

say 'Texts to three subscribers, by edna: one statement, one packet. It knows no phone of Bob'"'"'s'
curl -sf "$peer/control/script" --data-binary \
    'edna message match 79031112277 inner error-address-unknown' >/dev/null
sql app "SELECT msgext.post_message('sms', jsonb_build_object('subject', 'SHOP', 'address', phone,
    'content', 'Dear ' || name || ', we are open on <Sunday>'))
FROM (VALUES ('Ann', '+79031112266'), ('Bob', '79031112277'), ('Cyd', '79031112288')) AS subscriber (name, phone);"

say 'A message to three Personium cells, one of which is too busy at first: it alone is asked again'
curl -sf "$peer/control/script" -d 'personium target match /carol/ next 1 status 503 body Busy' > /dev/null
sql app "SELECT msgext.post_message('cells', '{
    \"To\": \"https://unit.example/alice/,https://unit.example/bob/,https://unit.example/carol/\",
    \"Title\": \"Parcel 1002\", \"Body\": \"It is on its way.\"}');"

say 'A webhook, signed, to any endpoint: the receiver cuts the first answer off, and knows the repeat by its id'
curl -sf "$peer/control/script" -d 'webhook send match order.shipped next 1 drop-after' > /dev/null
sql app "SELECT msgext.send_webhook('crm', 'order.shipped', '{\"id\": 1002}');"

say 'An order that is shipped in a transaction that is rolled back: this one must not arrive'
sql app "INSERT INTO orders VALUES (1003, '79031112255', 'new');
BEGIN;
UPDATE orders SET state = 'shipped' WHERE id = 1003;
ROLLBACK;"

say "On the way, as it happens (message_event; pushes of Devino and edna come in by the listener)"
shown=0
for _ in $(seq 1 150); do
    # Before the events: those of the last are shown, too.
    open=$(quiet -U app -c "SELECT count(*) FROM msgext.message
        WHERE finished_at IS NULL OR (id = 1 AND state <> 'read')")
    quiet -U app -F '  ' -c "SELECT to_char(at, 'HH24:MI:SS.MS'), 'message ' || message_id,
            rpad(kind, 8), rpad(coalesce(channel, ''), 5),
            CASE WHEN status IS NULL THEN state ELSE status || ' -> ' || state END,
            coalesce(code, '')
        FROM msgext.message_event ORDER BY at" > "$scratch/out/events"
    tail -n +$((shown + 1)) "$scratch/out/events" | sed 's/^/  /'
    shown=$(wc -l < "$scratch/out/events")
    [ "$open" != 0 ] || break
    sleep 0.1
done

say 'What our tables say'
sql app "SELECT id, server, state, provider_id, code, detail->'channels'->'vk'->>'status' AS vk,
    detail->'channels'->'viber'->>'status' AS viber, detail->'channels'->'sms'->>'status' AS sms
FROM msgext.message ORDER BY id;
SELECT target, result->>'code' AS code, result->>'state' AS state
FROM msgext.message, jsonb_each(detail->'targets') AS t (target, result)
WHERE server = 'cells' ORDER BY target;
SELECT msgext.webhook_id(m.id), attempt, status, headers->>'content-type' AS type, convert_from(body, 'UTF8') AS body
FROM msgext.message m, msgext.response(m.id) WHERE server = 'crm';"

say "What the other side's ledger says"
curl -s "$peer/ledger" | sed -E \
    -e 's/.*"id":([0-9]+).*"to":"([0-9]+)".*"outcome":"([a-z]+)".*"order": *"([0-9]+)".*/    \1  to \2  order \4  \3/' \
    -e 's/.*"id":"([^"]+)","to":"([^"]+)","outcome":"([a-z]+)".*"file_name":"([^"]+)".*/    \1  to \2  \4  \3/' \
    -e 's/.*"id":"?([^",]+)"?,"to":"([^"]+)","outcome":"([a-z]+)","code":"([^"]+)".*"packet":([0-9]+).*/    \1  to \2  packet \5  \3: \4/' \
    -e 's/.*"id":"([^"]+)","to":"([^"]+)","outcome":"([a-z]+)".*"Title":"([^"]+)".*/    \1  to \2  \4  \3/' \
    -e 's/.*"id":"(msg_[^"]+)","to":"([^"]+)","outcome":"([a-z]+)".*"type": *"(order[^"]+)".*/    \1  to \2  \4  \3/'

# As its page does: the link is exchanged for a cookie and a key, once.
say 'What the console says'
token=$(quiet -U app -c 'SELECT msgext.open_console()' | sed 's/.*#//')
key=$(curl -s -c "$scratch/jar" -H 'Content-Type: application/json' -d "{\"token\": \"$token\"}" \
    "http://127.0.0.1:$console/api/session" | sed 's/.*"key": "\(.*\)".*/\1/')
seen=$(curl -s -b "$scratch/jar" -H "X-Msgext-Key: $key" "http://127.0.0.1:$console/api/messages" |
    grep -o '"operation_id"' | wc -l)
echo "    It shows $seen messages"

[ "$open" = 0 ] || { echo 'msgext: not every message came to its end' >&2; exit 1; }
[ "$(curl -s "$peer/ledger" | grep -c '"outcome":"accepted"')" = 9 ] &&
    [ "$(curl -s "$peer/ledger" | wc -l)" = 10 ] || { echo 'msgext: the ledger is wrong' >&2; exit 1; }
[ "$seen" = 8 ] || { echo 'msgext: the console shows others' >&2; exit 1; }
say 'Eight messages, each once at each of its recipients, of which one was refused; the rolled-back one never left.'

say 'Look at them in a browser, by this link, once:'
echo "  $(quiet -U app -c 'SELECT msgext.open_console()')"
if [ -t 0 ]; then
    read -rp '  Enter ends the demo, and everything is gone. ' || echo
else
    echo '  (in a terminal the demo waits here)'
fi
