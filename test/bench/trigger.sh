# What a message costs a statement whose trigger sends it: by notify(), by a trigger written
# in C, and by ones in PL/pgSQL. Sourced by bench.sh.

# The second time that a session does it: the first time it touches each page of shared memory,
# which is the kernel's work, the same for every kind, and on some hosts more than all the rest.
trigger_cpu() { # kind, rows
    empty
    sql -c "SELECT bench.trigger_cpu('$1', $2)" -c "TRUNCATE msgext.outbox, bench.$1" -c CHECKPOINT \
        -c "SELECT bench.trigger_cpu('$1', $2)" | tail -1
}

# Of each row, what the trigger adds to the INSERT.
scenario_trigger() { # rounds, rows
    local i kind bare
    sql -v library="$BENCH_BIN/trigger.so" -f "$here/trigger.sql" > /dev/null
    for i in $(seq "$1"); do
        for kind in none c notify notify_all plpgsql notify_lookup plpgsql_lookup; do
            put "trigger.$kind.all" "$(trigger_cpu "$kind" "$2")"
            bare=$(tail -1 "$out/trigger.none.all")
            put "trigger.$kind" "$(awk -v a="$(tail -1 "$out/trigger.$kind.all")" -v b="$bare" 'BEGIN { printf "%.2f", a - b }')"
        done
        put trigger.to_c "$(ratio "$(tail -1 "$out/trigger.notify")" "$(tail -1 "$out/trigger.c")")"
        put trigger.to_plpgsql "$(ratio "$(tail -1 "$out/trigger.notify")" "$(tail -1 "$out/trigger.plpgsql")")"
        put trigger.all_to_plpgsql "$(ratio "$(tail -1 "$out/trigger.notify_all")" "$(tail -1 "$out/trigger.plpgsql")")"
        put trigger.to_lookup "$(ratio "$(tail -1 "$out/trigger.notify_lookup")" "$(tail -1 "$out/trigger.plpgsql_lookup")")"
    done
    report trigger_c "$(of trigger.to_c | median)" '<=1.3' \
        "CPU of a message by notify() $(ratios trigger.notify) µs, by a C trigger with send_vk() $(ratios trigger.c) µs; ratio $(of trigger.to_c | spread)"
    report trigger_plpgsql "$(of trigger.to_plpgsql | median)" '<=0.333' \
        "beside $(ratios trigger.plpgsql) µs by one in PL/pgSQL that outlives a bad payload; ratio $(of trigger.to_plpgsql | spread)"
    info trigger_statement "notify() FOR EACH STATEMENT $(ratios trigger.notify_all) µs a row; against PL/pgSQL $(ratios trigger.all_to_plpgsql)"
    info trigger_lookup "with a look-up $(ratios trigger.notify_lookup) µs; in PL/pgSQL $(ratios trigger.plpgsql_lookup) µs; ratio $(ratios trigger.to_lookup)"
}
