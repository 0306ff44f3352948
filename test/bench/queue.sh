# Filling the queue and letting it run empty, and the yardstick of that.
#
# Owns how a rate of dispatch is measured: from letting the dispatcher loose to the last
# result recorded. Sourced by bench.sh.

bodies=$out/bodies

# Each sets first: the id of the first message; their ids have no gap.
#
# queue SERVER N: N may exceed the number of bodies.
queue() {
    first=$(sql -c "SELECT min(msgext.send_vk('$1', vk)) FROM bench.body, generate_series(0, ($2 - 1) / 100000) g
        WHERE n + g * 100000 <= $2")
}

# queue_documents SERVER N BYTES: Diadoc messages of one document each.
queue_documents() {
    first=$(sql -c "SELECT min(msgext.post_message('$1', '{
            \"FromBoxId\": \"db32dd5c-5d5b-4b7a-9f3e-1c2d3e4f5a6b\",
            \"ToBoxId\": \"1aaaf74cc6a84b1e8d07c2f0a95be31d@diadoc.ru\",
            \"DocumentAttachments\": [{\"TypeNamedId\": \"Nonformalized\",
                \"SignedContent\": {\"Content\": {\"part\": 1}, \"SignWithTestSignature\": true},
                \"Metadata\": [{\"Key\": \"FileName\", \"Value\": \"a.txt\"}]}]}',
            parts => ARRAY[substr(bytes, (1 + n::bigint * 4096 % (5120001 - $3))::int, $3)]))
        FROM bench.noise, generate_series(1, $2) n")
}

# queue_texts SERVER N: edna's.
queue_texts() {
    first=$(sql -c "SELECT min(msgext.post_message('$1', jsonb_build_object('subject', 'Shop24', 'priority', 'high',
            'address', '79' || lpad(n::text, 9, '0'), 'content', 'Recipient number ' || n
            || ': your order has been handed to the courier and will be with you between 14 and 18')))
        FROM generate_series(1, $2) n")
}

# queue_cells SERVER N: Personium's, for one target each.
queue_cells() {
    first=$(sql -c "SELECT min(msgext.post_message('$1', jsonb_build_object('Title', 'Order A-' || n,
            'To', 'https://unit.example/cell' || n || '/', 'Body',
            'Your order has been handed to the courier and will be with you between 14 and 18')))
        FROM generate_series(1, $2) n")
}

# queue_hooks SERVER N: webhooks with the bodies of queue().
queue_hooks() {
    first=$(sql -c "SELECT min(msgext.post_message('$1', vk)) FROM bench.body WHERE n <= $2")
}

# drain N: dispatches N messages from the first on; sets rate, and the µs of processor
# time a message: cpu_worker, cpu_curl and their sum, cpu.
drain() {
    local seconds pid first_before others_before first_after others_after
    pid=$(worker)
    enable on
    read -r first_before others_before < <(cpu_ns "$pid")
    seconds=$(sql -c "CALL bench.drain($first, $first + $1 - 1)")
    read -r first_after others_after < <(cpu_ns "$pid")
    cpu_worker=$(awk -v ns="$((first_after - first_before))" -v n="$1" 'BEGIN { printf "%.1f", ns / 1000 / n }')
    cpu_curl=$(awk -v ns="$((others_after - others_before))" -v n="$1" 'BEGIN { printf "%.1f", ns / 1000 / n }')
    cpu=$(awk -v a="$cpu_worker" -v b="$cpu_curl" 'BEGIN { printf "%.1f", a + b }')
    rate=$(per_second "$1" "$seconds")
    disabled
}

# sent_at_once SERVER: fails when one of its messages was not; with tolerant=1 sets again, how many.
sent_at_once() {
    again=$(sql -c "SELECT count(*) FROM msgext.outbox WHERE server = '$1' AND (state = 'queued' OR attempts <> 1)")
    [ "$again" = 0 ] || [ -n "${tolerant:-}" ] || fail "$again messages of $1 were not sent at the first attempt"
}

# dispatch SERVER N [QUEUE ARGUMENTS]: from an empty queue, filled by queue() or another one.
dispatch() {
    empty
    "${3:-queue}" "$1" "$2" "${@:4}"
    drain "$2"
    sent_at_once "$1"
}

# ceiling N IN_FLIGHT [OPTIONS]: the yardstick, with what is in file $bodies; sets rate and cpu.
# With tolerant=1 requests may fail; bad says how many have.
ceiling() {
    local seconds cpu_seconds
    read -r seconds cpu_seconds bad < <("$BENCH_BIN/ceiling" "${@:3}" "$port" "$1" "$2" "$bodies")
    [ "$bad" = 0 ] || [ -n "${tolerant:-}" ] || fail "$bad requests of the yardstick failed"
    rate=$(per_second "$1" "$seconds")
    cpu=$(awk -v n="$1" -v s="$cpu_seconds" 'BEGIN { printf "%.1f", s * 1e6 / n }')
}

# put_ceiling NAME: what ceiling has left in its variables.
put_ceiling() {
    put "$1.bare" "$rate"
    put "$1.bare_cpu" "$cpu"
}
bare_costs() { echo "$(rates "$1.bare"), $(of "$1.bare_cpu" | median) µs"; }
