# From COMMIT to the request at the peer, one message each 50 ms: pace.c sends, the
# simulator times arrivals, a bare libcurl request at the same pace is the yardstick.
# Sourced by bench.sh.

# pace_bodies N: blocks with phones that were not used before.
next_phone=1
pace_bodies() { # form: vk block or whole body
    awk -v from="$next_phone" -v n="$1" -v whole="$2" 'BEGIN { for (i = from; i < from + n; i++) {
        vk = sprintf("{\"subject\":\"Shop24\",\"priority\":\"high\",\"routes\":[\"vk\"],\"validityPeriod\":3600,\"phone\":\"79%09d\",\"templateId\":4711,\"templateData\":{\"name\":\"Recipient number %d\",\"text\":\"to be timed: Your order has been handed to the courier and will be with you soon\"}}", i, i)
        print whole ? "{\"vk\":" vk "}" : vk } }'
    next_phone=$((next_phone + $1))
}

# arrivals: phone and microseconds of what the peer has timed.
arrivals() {
    curl -sf "http://127.0.0.1:$port/ledger" |
        sed -n 's/.*"at_us":\([0-9]*\).*phone[^0-9]*\([0-9]*\).*/\2 \1/p' | sort
}

# match N WORD COLUMNS: microseconds between the columns sent and arrived. All of them go
# to latency.WORD, this round's percentiles to latency.WORD.p50 and .p99.
match() { # how many, word, column sent, column arrived
    sort "$out/sent" | join - "$out/arrived" | awk -v s="$3" -v a="$4" '{ print $a - $s }' > "$out/matched"
    [ "$(wc -l < "$out/matched")" = "$1" ] || fail "$(wc -l < "$out/matched") of $1 timed messages arrived"
    cat "$out/matched" >> "$out/latency.$2"
    put "latency.$2.p50" "$(percentile 50 < "$out/matched")"
    put "latency.$2.p99" "$(percentile 99 < "$out/matched")"
}

time_bare() { # messages
    pace_bodies "$1" 1 > "$out/paced"
    "$BENCH_BIN/ceiling" --pace 50 "$port" "$1" "$out/paced" > "$out/sent"
    arrivals > "$out/arrived"
    match "$1" bare 2 3
}

time_ours() { # messages, word
    local waited=0
    pace_bodies "$1" '' > "$out/paced"
    "$BENCH_BIN/pace" "" probe 50 "$1" "$out/paced" > "$out/sent"
    until arrivals > "$out/arrived" && [ "$(sort "$out/sent" | join - "$out/arrived" | wc -l)" = "$1" ]; do
        [ $((waited += 1)) -le 100 ] || fail "$1 timed messages have not all arrived within ten seconds"
        sleep 0.1
    done
    match "$1" "$2" 3 4
    match "$1" "$2.sent" 2 4
}

show_times() { # word
    awk -v m="$(percentile 50 < "$out/latency.$1")" -v h="$(percentile 99 < "$out/latency.$1")" \
        -v ms="$(of "latency.$1.p50" | spread)" -v hs="$(of "latency.$1.p99" | spread)" \
        'BEGIN { printf "p50 %.0f (%s), p99 %.0f (%s) µs", m, ms, h, hs }'
}

# report_latency ROW WORD YARDSTICK TARGET50 TARGET99 TEXT: the percentiles of all rounds
# together, which hold more messages than one.
report_latency() {
    local p
    for p in 50 99; do
        report "$1_p$p" "$(ratio "$(percentile $p < "$out/latency.$2")" "$(percentile $p < "$out/latency.$3")")" \
            "$([ $p = 50 ] && echo "$4" || echo "$5")" "$([ $p = 50 ] && echo "$6" || echo 'see above')"
    done
}

scenario_latency() { # rounds, messages a round, messages that saturate the other lane
    local i
    for i in $(seq "$1"); do
        empty
        time_bare "$2"
        enabled
        time_ours "$2" ours
        disabled
        queue vk "$3"
        enabled
        until [ "$(sql -c "SELECT count(*) FROM msgext.outbox WHERE id < $first + 1000 AND state <> 'queued'")" -gt 500 ]; do sleep 0.1; done
        time_ours "$2" busy
        [ "$(sql -c "SELECT count(*) FROM (SELECT FROM msgext.outbox WHERE server = 'vk' AND state = 'queued' LIMIT 65) o")" = 65 ] ||
            fail 'the other lane ran dry: give it more messages'
        disabled
    done
    report_latency latency ours bare '<=2' '<=4' \
        "COMMIT answered to request at the peer: $(show_times ours); counted from COMMIT sent: $(show_times ours.sent); bare libcurl: $(show_times bare)"
    report_latency latency_busy busy ours '<=5' '<=5' \
        "beside a saturated lane: $(show_times busy); counted from COMMIT sent: $(show_times busy.sent)"
}
