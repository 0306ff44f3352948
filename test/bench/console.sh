# What the console takes for a page of 50 among a million messages. Sourced by bench.sh, after
# look.sh, whose messages these are.

# The API's answer for a path, n times over one connection: its times in ms, the slowest last.
console_times() { # path, n
    local path=$1 n=$2 i
    for ((i = 0; i < n; i++)); do printf 'url = "%s"\noutput = /dev/null\n' "$console_url/api/$path"; done |
        curl -s -b "$out/console.jar" -H "X-Msgext-Key: $console_key" -w '%{http_code} %{time_total}\n' -K - |
        awk '$1 != 200 { exit 1 } { print $2 * 1000 }' | sort -g
}

console_open() {
    local token port
    port=$(free_port)
    console_url=http://127.0.0.1:$port
    sql -c "ALTER DATABASE $PGDATABASE SET msgext.console_port = $port" \
        -c 'ALTER ROLE bench_looker LOGIN' -c 'GRANT EXECUTE ON FUNCTION msgext.open_console(interval) TO bench_looker'
    until curl -sf "$console_url/" > /dev/null; do sleep 0.1; done
    token=$(PGUSER=bench_looker sql -c 'SELECT msgext.open_console()' | sed 's/.*#//')
    console_key=$(curl -s -c "$out/console.jar" -H 'Content-Type: application/json' -d "{\"token\": \"$token\"}" \
        "$console_url/api/session" | sed 's/.*"key": "\(.*\)".*/\1/')
}

scenario_console() { # messages, requests of each kind
    local name path p95 most=0 told=
    empty
    note "making $1 messages to look at"
    look_fill "$1"
    console_open
    while IFS='|' read -r name path; do
        console_times "$path" 3 > /dev/null
        p95=$(console_times "$path" "$2" | awk '{ ms[NR] = $1 } END { if (NR < 2) exit 1; print ms[int(NR * 0.95)] }')
        note "$name: $p95 ms"
        most=$(awk -v a="$most" -v b="$p95" 'BEGIN { print (a + 0 > b + 0 ? a : b) }')
        told+="${told:+, }$name $p95 ms"
    done <<PAGES
newest|messages
deep|messages?before=$(($1 / 2))
by recipient|messages?recipient=79000000777
by code|messages?code=code_3
by problem|messages?problem=failed
queued|messages?state=queued
of a server|messages?server=vk
by time|messages?created_before=$(date -u -d '10 days ago' +%Y-%m-%dT%H:%M:%SZ)
by ref|messages?ref=%7B%22order%22%3A77777%7D
one message|message?id=77777
PAGES
    report console "$most" '<=50' "ms, p95 of $2 requests each among $1 messages, the slowest page; $told"
    sql -c "ALTER DATABASE $PGDATABASE RESET msgext.console_port"
    look_empty
}
