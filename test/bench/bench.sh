#!/bin/bash
# Measures the extension against what stands around it: see README.md.
#
#   bench.sh all | quick | guard | SCENARIO[=SIZE,SIZE...]...
#
# Owns which scenarios there are and how large they are. Run by script/bench.sh, as a user
# PostgreSQL runs as. Environment: BINDIR (PostgreSQL's programs), BENCH_BIN (simulator,
# ceiling, pace), BENCH_OUT (a folder of his own).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$BENCH_OUT
PATH=$BINDIR:$PATH
load=$(cut -d ' ' -f 1 /proc/loadavg)

for part in report cluster queue dispatch webhooks latency enqueue trigger callbacks flat vacuum idle look console instructions; do
    . "$here/$part.sh"
done

# In the order in which they run. What fills the disk comes last.
scenarios='dispatch dispatch_polled documents large_documents packets cells webhooks webhooks_tls
    tls tls_50ms tls_500ms tls_closing dispatch_50ms pg_net latency enqueue enqueue_bulk trigger cost memory held_transaction turn idle callbacks look console dead_lane autovacuum wraparound history backlog years'

# sizes SCENARIO: what it is called with, as it says itself; false when there is none.
sizes() {
    case $1 in
        dispatch) echo 5 30000 ;;
        dispatch_polled) echo 3 20000 ;;
        documents) echo 3 5000 ;;
        large_documents) echo 3 40 ;;
        packets) echo 3 30000 5000 ;;
        cells) echo 3 20000 ;;
        webhooks | webhooks_tls) echo 3 20000 ;;
        tls) echo 3 20000 ;;
        tls_50ms) echo 3 20000 ;;
        tls_500ms) echo 2 5000 ;;
        tls_closing) echo 3 10000 ;;
        dispatch_50ms) echo 3 30000 ;;
        pg_net) echo 3 20000 2000 ;;
        latency) echo 3 200 500000 ;;
        enqueue) echo 5 3 ;;
        enqueue_bulk) echo 5 ;;
        trigger) echo 5 20000 ;;
        cost) echo 3 20000 ;;
        memory) echo 10000 1000000 ;;
        held_transaction) echo 3 20000 3 ;;
        turn) echo 3 10000 ;;
        idle) echo 1000 20 ;;
        callbacks) echo 3 30000 10000 ;;
        look) echo 1000000 ;;
        console) echo 1000000 100 ;;
        dead_lane) echo 1000000 5 30000 ;;
        autovacuum) echo 10 60000 ;;
        wraparound) echo 1000000 3 15000 ;;
        history) echo 10000000 5 60000 ;;
        backlog) echo 10000000 5 60000 ;;
        years) echo 10000000 10000000 5 60000 ;;
        instructions) echo 2000 ;;
        *) return 1 ;;
    esac
}

[ $# -gt 0 ] || set -- all
case $1 in
    quick) set -- dispatch=3,20000 latency=1,100,400000 enqueue=2,2 enqueue_bulk=2 ;;
    guard) set -- dispatch=5,20000 webhooks=5,20000 cells=5,20000 ;;
    all) set -- $scenarios ;;
esac
for wanted; do
    sizes "${wanted%%=*}" > /dev/null || {
        note "no scenario ${wanted%%=*}; there are" $scenarios
        exit 2
    }
done

: > "$results"
start_simulator dead --latency 3600000
dead_port=$port
start_simulator peer --stamp 'to be timed'
start_cluster
prepare_database
note "warming up"
dispatch vk 5000

for wanted; do
    name=${wanted%%=*}
    case $wanted in
        *=*) size=${wanted#*=} ;;
        *) size=$(sizes "$name") ;;
    esac
    note "$name"
    begun=$SECONDS
    "scenario_$name" ${size//,/ }
    note "$name took $((SECONDS - begun)) s"
done

echo
table | tee "$out/table.md"
expectations > "$out/expectations.txt"
conditions > "$out/conditions.txt"
