#!/bin/bash
# make try: psql in a throwaway database that msgext is in, with the simulator in the place of
# Devino, and an ordinary role that may send. What is pasted there is the README's.
set -euo pipefail
. "$(dirname "$0")/throwaway.sh"

start_cluster
start_simulator
as_user "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -h "$scratch/out" -U postgres -d shop -f - <<SQL
CREATE EXTENSION msgext;
CREATE ROLE app LOGIN;
CREATE SERVER vk FOREIGN DATA WRAPPER msgext_devino
    OPTIONS (url '$peer/devino', poll_min_interval '500 ms', poll_max_interval '1 s');
CREATE USER MAPPING FOR app SERVER vk OPTIONS (login 'tester', password '111111');
GRANT USAGE ON FOREIGN SERVER vk TO app;
GRANT CREATE ON SCHEMA public TO app;
SQL
cat <<TEXT

A throwaway database. You are the role app, which may send by the server vk: a simulator.
What arrived there: \\! curl -s $peer/ledger
\\q ends it, and everything is gone.

TEXT
# Without its terminal psql would have no line to edit.
as_user env HISTFILE=/dev/null PAGER= "$bindir/psql" -X -h "$scratch/out" -U app -d shop
