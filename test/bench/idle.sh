# What the dispatcher costs while there is nothing to do. Sourced by bench.sh.

# cpu_and_wakeups PID: nanoseconds of processor time, and how often one of its threads slept.
cpu_and_wakeups() {
    local first others
    read -r first others < <(cpu_ns "$1")
    echo "$((first + others)) $(awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }' "/proc/$1/task"/*/status)"
}

# As in life: servers of several providers, each of which has sent a message and has
# asked for its status, if its provider is one to be asked.
scenario_idle() { # servers, seconds
    local cpu_before wakeups_before cpu_after wakeups_after
    empty
    sql -v n="$1" -v root="http://127.0.0.1:$port" <<'SQL'
SELECT format('CREATE SERVER idle_%s FOREIGN DATA WRAPPER msgext_%s OPTIONS (url %L)', i, provider, :'root' || path),
    format('CREATE USER MAPPING FOR PUBLIC SERVER idle_%s%s', i, mapping)
FROM generate_series(0, :n - 1) i JOIN (VALUES
    (0, 'devino', '/devino', $$ OPTIONS (login 'tester', password '111111')$$),
    (1, 'edna', '/edna/service', $$ OPTIONS (login 'tester', password '111111')$$),
    (2, 'personium', '/personium/shop', $$ OPTIONS (login 'tester', password '111111')$$),
    (3, 'webhook', '/webhook/in', '')) p (k, provider, path, mapping) ON k = i % 4 \gexec
SELECT count(msgext.post_message(srvname, CASE fdwname
        WHEN 'msgext_devino' THEN jsonb_build_object('vk', vk)
        WHEN 'msgext_edna' THEN '{"subject": "Shop24", "priority": "high", "address": "79031112233", "content": "on its way"}'
        WHEN 'msgext_personium' THEN '{"Title": "Order", "To": "https://unit.example/cell/", "Body": "on its way"}'
        ELSE vk END))
FROM bench.body, pg_foreign_server JOIN pg_foreign_data_wrapper w ON w.oid = srvfdw
WHERE n = 1 AND srvname LIKE 'idle%' \g /dev/null
SQL
    enabled
    until [ "$(sql -c "SELECT EXISTS (SELECT FROM msgext.outbox WHERE state = 'queued') OR EXISTS (SELECT FROM msgext.claim)")" = f ]; do
        sleep 0.1
    done
    [ "$(sql -c "SELECT count(*) FROM msgext.outbox WHERE accepted_at IS NULL")" = 0 ] || fail 'not all messages were taken'
    empty
    # From here on nobody but the dispatcher does anything.
    sleep 5
    read -r cpu_before wakeups_before < <(cpu_and_wakeups "$(worker)")
    sleep "$2"
    read -r cpu_after wakeups_after < <(cpu_and_wakeups "$(worker)")
    disabled
    sql <<'SQL'
SELECT format('DROP SERVER %I CASCADE', srvname) FROM pg_foreign_server WHERE srvname LIKE 'idle%' \gexec
SQL
    report idle "$(awk -v ns="$((cpu_after - cpu_before))" -v s="$2" 'BEGIN { printf "%.3f", ns / 1e9 / s * 100 }')" '<=0.2' \
        "per cent of a core, of the worker with $1 servers and nothing to do for $2 s; woken $(per_second "$((wakeups_after - wakeups_before))" "$2") times a second"
}
