# What has been measured: numbers put down, their medians and spread, the rows of the table.
#
# Owns the files $out/NAME.WORD, one number a line, and $results. Measures nothing.
# Sourced by bench.sh.

results=$out/results.tsv

note() { echo "# $*" >&2; }
fail() {
    note "$*"
    exit 1
}

# put NAME.WORD NUMBER, and of NAME.WORD: what has been put down there.
put() { echo "$2" >> "$out/$1"; }
of() { cat "$out/$1"; }

# Numbers, one a line.
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
percentile() { sort -g | awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.9999); if (NR) print v[i < 1 ? 1 : i] }'; }
spread() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%s-%s", v[1], v[NR] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
per_second() { awk -v n="$1" -v s="$2" 'BEGIN { printf "%.0f", n / s }'; }

# How they stand in the table: median, and spread in brackets.
rates() { awk -v m="$(of "$1" | median)" -v s="$(of "$1" | spread)" 'BEGIN { split(s, v, "-"); printf "%.0f/s (%.0f-%.0f)", m, v[1], v[2] }'; }
ratios() { echo "$(of "$1" | median) ($(of "$1" | spread))"; }

# The processor time of a message, by put_dispatch.
costs() { echo "CPU $(of "$1.cpu" | median) µs each (worker $(of "$1.worker" | median), libcurl's thread $(of "$1.curl" | median))"; }

# put_dispatch NAME: what drain has left in its variables.
put_dispatch() {
    put "$1.rate" "$rate"
    put "$1.cpu" "$cpu"
    put "$1.worker" "$cpu_worker"
    put "$1.curl" "$cpu_curl"
}

# report_cpu NAME TARGET, after put_ceiling NAME and put_dispatch NAME in each round: what a
# message costs against a request of bare libcurl beside it. The rows that --guard compares.
report_cpu() {
    cpu_ratios() { paste "$out/$1.cpu" "$out/$1.bare_cpu" | awk '{ printf "%.3f\n", $1 / $2 }'; }
    report "${1}_cpu" "$(cpu_ratios "$1" | median)" "$2" \
        "CPU of a message against bare libcurl's of a request: $(of "$1.cpu" | median) and $(of "$1.bare_cpu" | median) µs; ratio $(cpu_ratios "$1" | spread)"
}

# report NAME RATIO TARGET(>=x or <=x) TEXT: the machine line, and a row of the table.
report() {
    local verdict
    verdict=$(awk -v r="$2" -v t="$3" 'BEGIN { v = substr(t, 3) + 0
        print ((t ~ /^>/ ? r + 0 >= v : r + 0 <= v) ? "ok" : "short") }')
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$verdict"
    printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$verdict" "$4" >> "$results"
}

# info NAME TEXT: a row without a target.
info() {
    note "$1: $2"
    printf '%s\t\t\t\t%s\n' "$1" "$2" >> "$results"
}

table() {
    echo '| scenario | ratio | target | | measured |'
    echo '| --- | ---: | ---: | --- | --- |'
    awk -F '\t' '{ sub(/^>=/, "≥ ", $3); sub(/^<=/, "≤ ", $3)
        printf "| %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5 }' "$results"
}

# What a user can expect, a line for each of the scenarios that have been run.
expectations() {
    ran() {
        local word
        for word; do [ -s "$out/$word" ] || return 1; done
    }
    whole() { awk -v m="$1" 'BEGIN { printf "%.0f", m }'; }
    median_of() { whole "$(of "$1" | median)"; }
    ! ran dispatch.cpu webhooks_tls.cpu ||
        echo "* Sending: $(median_of dispatch.rate) messages a second on these CPUs, the database and the peer included; $(of dispatch.cpu | median) µs of CPU each, $(of webhooks_tls.cpu | median) over TLS."
    ! ran latency.ours latency.busy ||
        echo "* Time from COMMIT to the request: p50 $(percentile 50 < "$out/latency.ours") µs, p99 $(percentile 99 < "$out/latency.ours"); beside a saturated server $(percentile 50 < "$out/latency.busy") and $(percentile 99 < "$out/latency.busy")."
    ! ran enqueue1.ratio bulk.ours ||
        echo "* Queueing: $(of enqueue1.ratio | median) of a plain INSERT's speed in a transaction of its own; $(median_of bulk.ours) a second in one statement."
    ! ran history.size backlog.size ||
        echo "* Age: with $(of history.size) finished messages $(ratio "$(of history.rate | median)" "$(of history.alone.rate | median)") of the speed without, with $(of backlog.size) waiting $(ratio "$(of backlog.rate | median)" "$(of backlog.alone.rate | median)")."
    ! ran cost.single cost.wal ||
        echo "* Disk: $(median_of cost.single) bytes of WAL to queue a message, $(median_of cost.wal) from there to its outcome."
}

# The settings are asked for, not believed.
conditions() {
    local processor memory fsync kept
    processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
    memory=$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)
    fsync=$(pg_test_fsync -s 1 -f "$out/fsync" 2> /dev/null | awk '/^ *fdatasync/ { print $(NF - 1) " µs"; exit }')
    kept=$(sql -c "SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name) FROM pg_settings
        WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', 'shared_buffers', 'max_wal_size', 'autovacuum')")
    cat <<TEXT
$(postgres --version), no setting that decides about durability or cost changed:
$kept.
$(curl-config --version 2> /dev/null || echo libcurl); $(nproc) CPUs ($processor), $memory; fdatasync $fsync; load when it began $load.
The peer is the simulator (\`--no-checks\`) on the loopback interface, without TLS where nothing else is said,
HTTP/1.1 with connections kept; it, the database and the yardsticks share the CPUs. Bodies of about 300 bytes.
TEXT
}
