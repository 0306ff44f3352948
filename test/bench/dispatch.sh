# How fast a filled queue runs empty: each provider, a peer that takes its time, pg_net.
# Sourced by bench.sh.

scenario_dispatch() { # rounds, messages
    local i bare
    for i in $(seq "$1"); do
        ceiling "$2" 64
        put_ceiling dispatch
        bare=$rate
        dispatch vk "$2"
        put_dispatch dispatch
        put dispatch.ratio "$(ratio "$rate" "$bare")"
    done
    report dispatch "$(of dispatch.ratio | median)" '>=0.7' \
        "$(rates dispatch.rate), $(costs dispatch); bare libcurl $(bare_costs dispatch); ratio $(of dispatch.ratio | spread)"
    report_cpu dispatch '<=1.25'
}

scenario_dispatch_polled() { # rounds, messages
    local i
    for i in $(seq "$1"); do
        dispatch polled "$2"
        put_dispatch polled
    done
    info dispatch_polled "with status_poll on: $(rates polled.rate), $(costs polled)"
}

scenario_dispatch_50ms() { # rounds, messages
    local i
    answer_after 50
    for i in $(seq "$1"); do
        ceiling "$2" 512
        put_ceiling slow
        dispatch wide "$2"
        put_dispatch slow
        put slow.ratio "$(ratio "$rate" 10240)"
    done
    answer_after 0
    report dispatch_50ms "$(of slow.ratio | median)" '>=0.9' \
        "$(rates slow.rate) of 512 / 50 ms = 10240/s, $(costs slow); bare libcurl $(bare_costs slow); ratio $(of slow.ratio | spread)"
}

# documents NAME SERVER IN_FLIGHT BYTES ROUNDS MESSAGES: the yardstick posts as many bytes,
# to the peer's cheaper interface.
documents() {
    local i bare
    awk -v bytes="$4" -v bodies="$(($4 > 1000000 ? 4 : 100))" 'BEGIN {
        for (filler = "0123456789abcdef"; length(filler) < bytes; ) filler = filler filler
        for (i = 1; i <= bodies; i++) printf "{\"vk\":{\"phone\":\"79%09d\",\"text\":\"%s\"}}\n", i, substr(filler, 1, bytes) }' > "$out/large"
    for i in $(seq "$5"); do
        bodies=$out/large ceiling "$6" "$3"
        put_ceiling "$1"
        bare=$rate
        dispatch "$2" "$6" queue_documents "$4"
        put_dispatch "$1"
        put "$1.ratio" "$(ratio "$rate" "$bare")"
    done
    rm "$out/large"
}

scenario_documents() { # rounds, messages
    documents documents docs 64 10240 "$1" "$2"
    info dispatch_documents "Diadoc, 10 kB each: $(rates documents.rate), $(costs documents); bare libcurl $(bare_costs documents); ratio $(ratios documents.ratio)"
}

scenario_large_documents() { # rounds, messages
    documents large large_docs 4 5000000 "$1" "$2"
    info dispatch_large_documents "Diadoc, 5 MB each, 4 in flight: $(megabytes large.rate), $(awk -v c="$(of large.cpu | median)" 'BEGIN { printf "%.1f", c / 1000 }') ms of CPU each; bare libcurl $(megabytes large.bare), $(awk -v c="$(of large.bare_cpu | median)" 'BEGIN { printf "%.1f", c / 1000 }') ms; ratio $(ratios large.ratio)"
}
megabytes() { awk -v m="$(of "$1" | median)" -v s="$(of "$1" | spread)" 'BEGIN { split(s, v, "-"); printf "%.0f MB/s (%.0f-%.0f)", 5 * m, 5 * v[1], 5 * v[2] }'; }

# The same messages one at a time and in packets of 100, each one packet at a time, as the
# wrapper's default is. One a packet with 64 in flight is for information.
scenario_packets() { # rounds, messages, of them one by one
    local i single packets
    for i in $(seq "$1"); do
        empty
        queue_texts sms_single "$3"
        drain "$3"
        put_dispatch packets_single
        single=$rate
        empty
        queue_texts sms "$2"
        drain "$2"
        put_dispatch packets
        put packets.ratio "$(ratio "$rate" "$single")"
        packets=$rate
        empty
        queue_texts sms_single_wide "$2"
        drain "$2"
        put_dispatch packets_wide
        put packets_wide.ratio "$(ratio "$packets" "$rate")"
    done
    report packets "$(of packets.ratio | median)" '>=4' \
        "edna in packets of 100, one packet at a time: $(rates packets.rate), $(costs packets); with batch_size '1', one request at a time: $(rates packets_single.rate), $(costs packets_single); ratio $(of packets.ratio | spread)"
    info packets_wide "with batch_size '1', 64 in flight: $(rates packets_wide.rate), $(costs packets_wide); packets of 100, one at a time, against it: $(ratios packets_wide.ratio)"
}

# Personium, one target each: the same bodies to the same interface.
scenario_cells() { # rounds, messages
    local i token bare
    token=$(curl -sf "http://127.0.0.1:$port/personium/shop/__token" \
        -d 'grant_type=password&username=tester&password=111111' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
    for i in $(seq "$1"); do
        empty
        queue_cells cells "$2"
        sql -c "SELECT convert_from(payload, 'UTF8') FROM msgext.outbox ORDER BY id LIMIT 1000" > "$out/cells"
        bodies=$out/cells ceiling "$2" 64 --to /personium/shop/__message/send "$token"
        put_ceiling cells
        bare=$rate
        drain "$2"
        sent_at_once cells
        put_dispatch cells
        put cells.ratio "$(ratio "$rate" "$bare")"
    done
    report dispatch_cells "$(of cells.ratio | median)" '>=0.7' \
        "Personium, one target each: $(rates cells.rate), $(costs cells); bare libcurl $(bare_costs cells); ratio $(of cells.ratio | spread)"
    report_cpu cells '<=1.6'
}

# pg_net posts the same bodies to the same interface, in batches of its default and of the
# size that it does best with; then we do, for the ratio. It opens a connection for each
# request of a batch, so it gets all the descriptors there are to have.
scenario_pg_net() { # rounds, messages, messages in batches of the default
    local i
    if [ "$(sql -c "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_net'")" = 0 ]; then
        info pg_net 'not installed'
        return
    fi
    sql -c "ALTER SYSTEM SET shared_preload_libraries = msgext, pg_net"
    restart_cluster
    sql -c "ALTER SYSTEM SET pg_net.database_name = bench"
    (ulimit -n "$(ulimit -Hn)" && restart_cluster)
    sql -c 'CREATE EXTENSION pg_net' -c 'SELECT net.wait_until_running()' > /dev/null
    for i in $(seq "$1"); do
        pg_net_round default 200 "$3"
        pg_net_round best 5000 "$2"
        dispatch vk "$2"
        put pg_net.ours "$rate"
        put pg_net.ratio "$(ratio "$(of pg_net.best | tail -1)" "$rate")"
    done
    sql -c 'DROP EXTENSION pg_net' -c 'ALTER SYSTEM RESET shared_preload_libraries' -c 'ALTER SYSTEM RESET pg_net.database_name' \
        -c 'ALTER SYSTEM RESET pg_net.batch_size'
    restart_cluster
    info pg_net "pg_net, whose tables are unlogged: $(rates pg_net.default) in batches of 200, its default; $(rates pg_net.best) in batches of 5000; failed of the latter: $(of pg_net.failed | spread). We beside it: $(rates pg_net.ours); it does $(ratios pg_net.ratio) of that"
}

# Its worker begins at the commit of what is queued; from there to the last result stored.
pg_net_round() { # word, batch, messages
    local seconds good
    sql -c "ALTER SYSTEM SET pg_net.batch_size = $2" -c 'TRUNCATE net._http_response'
    reload
    sql -c "SELECT count(net.http_post('http://127.0.0.1:$port/devino/send/vk', jsonb_build_object('vk', vk),
            headers => '{\"Authorization\": \"Basic dGVzdGVyOjExMTExMQ==\", \"Content-Type\": \"application/json\"}'))
        FROM bench.body WHERE n <= $3" > /dev/null
    IFS='|' read -r seconds good < <(sql -c "CALL bench.answered($3)")
    put "pg_net.$1" "$(per_second "$good" "$seconds")"
    [ "$1" = default ] || put pg_net.failed "$(($3 - good))"
}
