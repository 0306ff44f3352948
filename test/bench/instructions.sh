# What a message sent takes in instructions: the same on a busy machine, where times are not.
#
# Owns how they are counted: by valgrind, of a whole server, in the worker's process. Started
# by script/instructions.sh; no part of "all". Sourced by bench.sh.

# under_valgrind FILE COMMAND: its instructions go to FILE.PROCESS-THREAD.
under_valgrind() { valgrind -q --tool=callgrind --separate-threads=yes --callgrind-out-file="$1.%p" "${@:2}"; }
total() { sed -n 's/^totals: *//p' "$1" | tail -1; }

# dispatch_counted SERVER N QUEUE: sets first_thread and second_thread, of all that the worker
# does from its start to its end.
dispatch_counted() {
    local file=$out/counted.$1.$2 pid
    empty
    "$3" "$1" "$2"
    pg_ctl -D "$out/data" -s -w -m fast stop
    under_valgrind "$file" postgres -D "$out/data" -c msgext.mode=live >> "$out/server.log" 2>&1 &
    until [ -n "$(worker 2> /dev/null)" ]; do sleep 0.5; done
    until [ "$(sql -c "SELECT count(*) FROM msgext.outbox WHERE state = 'queued'")" = 0 ]; do sleep 1; done
    sent_at_once "$1"
    pid=$(worker)
    pg_ctl -D "$out/data" -s -w -t 300 -m fast stop
    wait $!
    first_thread=$(total "$file.$pid-01")
    second_thread=$(total "$file.$pid-02")
    rm "$file".*
    pg_ctl -D "$out/data" -s -w -l "$out/server.log" start
}

# ceiling_counted N: sets all_threads.
ceiling_counted() {
    local file=$out/counted.ceiling
    under_valgrind "$file" "$BENCH_BIN/ceiling" "$port" "$1" 64 "$bodies" > /dev/null
    all_threads=$(total "$file".*-01)
    rm "$file".*
}

# more NAME A B N: of each message of N more.
more() { put "$1" $((($3 - $2) / $4)); }

# What starting takes is in twice as many messages just once.
scenario_instructions() { # messages
    local name server queue at_first curl_at_first
    command -v valgrind > /dev/null || fail "instructions are counted by valgrind, which is not installed"

    # The dispatcher looks at each server once a second, and seconds are short under valgrind.
    sql -c "SELECT format('DROP SERVER %I CASCADE;', srvname) FROM pg_foreign_server
        WHERE srvname NOT IN ('vk', 'hooks', 'cells', 'sms')" | sql
    ceiling_counted "$1"
    at_first=$all_threads
    ceiling_counted $((2 * $1))
    more instructions.bare "$at_first" "$all_threads" "$1"
    while read -r name server queue; do
        dispatch_counted "$server" "$1" "$queue"
        at_first=$first_thread curl_at_first=$second_thread
        dispatch_counted "$server" $((2 * $1)) "$queue"
        more "instructions.$name.worker" "$at_first" "$first_thread" "$1"
        more "instructions.$name.curl" "$curl_at_first" "$second_thread" "$1"
        info "instructions_$name" "of a message sent: worker $(of "instructions.$name.worker"), libcurl's thread $(of "instructions.$name.curl"); bare libcurl of a request: $(of instructions.bare)"
    done << 'SERVERS'
devino vk queue
webhook hooks queue_hooks
personium cells queue_cells
edna sms queue_texts
SERVERS
}
