# Webhooks, in clear and over TLS, by HTTP/1.1 and HTTP/2: the simulator alone, and nginx before it.
# Sourced by bench.sh.

# webhooks NAME SERVER IN_FLIGHT TARGET WHAT ROUNDS MESSAGES [OPTIONS OF THE YARDSTICK]: signed; the
# yardstick posts the same bodies to the same interface.
webhooks() {
    local i bare
    sql -c "SELECT vk FROM bench.body LIMIT 1000" > "$out/hooks"
    for i in $(seq "$6"); do
        handshakes
        bodies=$out/hooks ceiling "$7" "$3" "${@:8}" --to /webhook/in none
        put_ceiling "$1"
        put "$1.bare_bad" "$bad"
        handshakes "$1.bare_"
        bare=$rate
        dispatch "$2" "$7" queue_hooks
        put_dispatch "$1"
        put "$1.again" "$again"
        handshakes "$1."
        put "$1.ratio" "$(ratio "$rate" "$bare")"
    done
    report "dispatch_$1" "$(of "$1.ratio" | median)" "$4" \
        "webhooks, signed, $5: $(rates "$1.rate"), $(costs "$1"); bare libcurl $(bare_costs "$1"); ratio $(of "$1.ratio" | spread)"
}

scenario_webhooks() { # rounds, messages
    webhooks webhooks hooks 64 '>=0.7' 'in clear' "$@"
    report_cpu webhooks '<=1.25'
}

# make_certificate: $out/ca.pem, which is its own authority; with its key, $out/tls.pem.
make_certificate() {
    [ ! -e "$out/tls.pem" ] || return 0
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=peer \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$out/tls.key" -out "$out/ca.pem" 2> "$out/openssl.log" ||
        fail "openssl made no certificate: $(cat "$out/openssl.log")"
    cat "$out/ca.pem" "$out/tls.key" > "$out/tls.pem"
}

# Connections are kept, so a handshake is not each message's.
scenario_webhooks_tls() { # rounds, messages
    local port=$port
    make_certificate
    start_simulator tls --tls "$out/tls.pem"
    sql -c "CALL bench.webhook('hooks_tls', 'https://127.0.0.1:$port/webhook/in', 'ca_file ''$out/ca.pem'',')"
    webhooks webhooks_tls hooks_tls 64 '>=0.7' 'over TLS' "$@" --tls "$out/ca.pem"
    report_cpu webhooks_tls '<=1.25'
}

# start_nginx: before the simulator, by HTTP/1.1 and HTTP/2 over TLS 1.3. Sets kept_port, where connections
# are kept, and closing_port, where each is closed after 100 requests, and requests are logged. False
# when there is no nginx.
kept_port=
start_nginx() {
    [ -z "$kept_port" ] || return 0
    PATH=$PATH:/usr/sbin command -v nginx > /dev/null || return 1
    make_certificate
    kept_port=$(free_port)
    closing_port=$(free_port)
    cat > "$out/nginx.conf" <<CONF
daemon off;
pid $out/nginx.pid;
error_log $out/nginx.err;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    log_format handshakes '\$connection \$ssl_session_reused';
    access_log off;
    client_body_temp_path $out/nginx-body;
    proxy_temp_path $out/nginx-proxy;
    fastcgi_temp_path $out/nginx-fastcgi;
    uwsgi_temp_path $out/nginx-uwsgi;
    scgi_temp_path $out/nginx-scgi;
    upstream peer {
        server 127.0.0.1:$port;
        keepalive 1024;
        keepalive_requests 1000000000;
    }
    ssl_certificate $out/ca.pem;
    ssl_certificate_key $out/tls.key;
    ssl_protocols TLSv1.3;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
        listen 127.0.0.1:$kept_port ssl http2 backlog=1024;
        keepalive_requests 1000000000;
        location / { proxy_pass http://peer; }
    }
    server {
        listen 127.0.0.1:$closing_port ssl http2 backlog=1024;
        keepalive_requests 100;
        access_log $out/nginx.log handshakes;
        location / { proxy_pass http://peer; }
    }
}
CONF
    PATH=$PATH:/usr/sbin nginx -c "$out/nginx.conf" -e "$out/nginx.err" 2> "$out/nginx.out" &
    pids="$pids $!"
    until (exec 3<> "/dev/tcp/127.0.0.1/$closing_port") 2> /dev/null; do
        kill -0 $! 2> /dev/null || fail "nginx did not start: $(cat "$out/nginx.out")"
        sleep 0.05
    done
    local version
    for version in 1.1 2; do
        webhook_server "kept_$version" "$kept_port" "$version" 64
        webhook_server "kept_wide_$version" "$kept_port" "$version" 512
        webhook_server "closing_$version" "$closing_port" "$version" 64
    done
}
webhook_server() { # name, port, version of HTTP, in flight
    sql -c "CALL bench.webhook('$1', 'https://127.0.0.1:$2/webhook/in', 'ca_file ''$out/ca.pem'', http_version ''$3'',', $4)"
}

# handshakes [NAME.WORD]: puts down how many of those that nginx has logged since the last call were
# full, and how many resumed a session.
handshakes() {
    [ -e "$out/nginx.log" ] || return 0
    [ $# = 0 ] || put "${1}full" "$(awk '!seen[$1]++ { n += $2 != "r" } END { print n + 0 }' "$out/nginx.log")"
    [ $# = 0 ] || put "${1}resumed" "$(awk '!seen[$1]++ { n += $2 == "r" } END { print n + 0 }' "$out/nginx.log")"
    : > "$out/nginx.log"
}

# over_nginx NAME PORT SERVERS IN_FLIGHT TARGET WHAT ROUNDS MESSAGES: by HTTP/1.1, then by HTTP/2.
over_nginx() {
    port=$2 webhooks "${1}_http1" "${3}_1.1" "$4" "$5" "over TLS and HTTP/1.1, $6" "$7" "$8" --tls "$out/ca.pem"
    port=$2 webhooks "${1}_http2" "${3}_2" "$4" "$5" "over TLS and HTTP/2, $6" "$7" "$8" --tls "$out/ca.pem" --http2
}
without_nginx() { start_nginx || info "$1" 'not run: nginx is not installed'; [ -z "$kept_port" ]; }

scenario_tls() { # rounds, messages
    ! without_nginx tls || return 0
    over_nginx tls "$kept_port" kept 64 '>=0.7' 'answered at once' "$@"
    report_cpu tls_http1 '<=1.25'
    report_cpu tls_http2 '<=1.25'
}

# Many under way: the peer takes its time.
scenario_tls_50ms() { tls_slow 50 "$@"; }   # rounds, messages
scenario_tls_500ms() { tls_slow 500 "$@"; } # rounds, messages
tls_slow() {
    ! without_nginx "tls_${1}ms" || return 0
    answer_after "$1"
    over_nginx "tls_${1}ms" "$kept_port" kept_wide 512 '>=0.9' "512 in flight, answered after $1 ms" "$2" "$3"
    answer_after 0
}

# The peer ends each connection after 100 requests. Handshakes are compared with what that makes of them.
scenario_tls_closing() { # rounds, messages
    local version name
    ! without_nginx tls_closing || return 0
    tolerant=1 over_nginx tls_closing "$closing_port" closing 64 '>=0.7' 'each connection ended after 100 requests' "$@"
    for version in 1 2; do
        name=tls_closing_http$version
        report "${name}_handshakes" \
            "$(paste "$out/$name.full" "$out/$name.resumed" | awk -v n="$2" '{ printf "%.3f\n", ($1 + $2) / (n / 100) }' | median)" '<=2' \
            "of $2 messages: $(of "$name.full" | median) full handshakes, $(of "$name.resumed" | median) resumed, $(of "$name.again" | median) messages were tried again; bare libcurl $(of "$name.bare_full" | median), $(of "$name.bare_resumed" | median), and $(of "$name.bare_bad" | median) requests failed"
    done
}
