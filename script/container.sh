#!/bin/sh
# What runs in the containers of compose.yaml, as postgres: msgext-container database | simulator
set -eu

simulator=http://127.0.0.1:8080
bin=$(echo /usr/lib/postgresql/*/bin)
data=${PGDATA:-/var/lib/postgresql/data}

# The first time: a cluster whose database knows the simulator by four servers.
make_cluster() {
    : "${POSTGRES_PASSWORD:?is needed for the role postgres}"
    password=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" > "$password"
    "$bin/initdb" -D "$data.new" -U postgres --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=peer --auth-host=scram-sha-256 --pwfile="$password" >/dev/null
    rm "$password"
    cat >> "$data.new/postgresql.conf" <<CONF
shared_preload_libraries = 'msgext'
listen_addresses = '*'
CONF
    echo 'host all all all scram-sha-256' >> "$data.new/pg_hba.conf"
    # Nobody sees a half of it: the socket is in the folder, which is not yet of this name.
    "$bin/pg_ctl" -D "$data.new" -o "-c listen_addresses= -k $data.new" -l "$data.new/first.log" -w start >/dev/null
    "$bin/psql" -h "$data.new" -XqAt -v ON_ERROR_STOP=1 -d postgres -f - <<SQL
CREATE EXTENSION msgext;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino OPTIONS (url '$simulator/devino');
CREATE SERVER docs FOREIGN DATA WRAPPER msgext_diadoc OPTIONS (url '$simulator/diadoc');
CREATE SERVER sms FOREIGN DATA WRAPPER msgext_edna OPTIONS (url '$simulator/edna/shop/connector0/service');
CREATE SERVER cells FOREIGN DATA WRAPPER msgext_personium OPTIONS (url '$simulator/personium/shop');
CREATE USER MAPPING FOR PUBLIC SERVER vk OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER docs
    OPTIONS (api_client_id 'simulator', login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER sms OPTIONS (login 'tester', password '111111');
CREATE USER MAPPING FOR PUBLIC SERVER cells OPTIONS (login 'tester', password '111111');
SQL
    "$bin/pg_ctl" -D "$data.new" -m fast -w stop >/dev/null
    mv "$data.new" "$data"
}

case ${1:-database} in
    database)
        if [ ! -d "$data" ]; then
            rm -rf "$data.new"
            make_cluster
        fi
        exec "$bin/postgres" -D "$data" ;;
    simulator)
        exec msgext-simulator --port 8080 ;;
    *)
        exec "$@" ;;
esac
