#!/bin/bash
# make fresh: both commands of the README on Debian systems where nothing was ever installed,
# as root and as a user with sudo, with and without a PostgreSQL that was there before.
#
#   FRESH='bookworm:root:none trixie:user:server' COMMANDS='demo' make fresh
#
# "server" is a machine with Debian's postgresql alone: a cluster, and no headers.
set -euo pipefail
cd "$(dirname "$0")/.."
. script/root.sh
enter_namespaces "$@"

all=
for suite in bookworm trixie; do
    for who in root user; do
        for before in none server; do all="$all $suite:$who:$before"; done
    done
done
work=$cache/fresh
logs=build/fresh
rm -rf --one-file-system "$work" "$logs"
mkdir -p "$work" "$logs"
trap 'remove_root "$work"' EXIT
status=0
table=

for row in ${FRESH:-$all}; do
    IFS=: read -r suite who before <<< "$row"
    root=$work/$suite-$who-$before
    copy_root "$suite" "$root"
    install_in "$root" make
    [ "$before" = none ] || install_in "$root" postgresql
    if [ "$who" = user ]; then
        install_in "$root" sudo
        in_root "$root" useradd --create-home --shell /bin/bash dev
        echo 'dev ALL=(ALL) NOPASSWD: ALL' > "$root/etc/sudoers.d/dev"
        home=/home/dev
        as=(runuser -u dev -- env HOME=/home/dev)
    else
        home=/root
        as=()
    fi
    copy_sources "$root$home/msgext"
    in_root "$root" chown -R "$(in_root "$root" stat -c %U "$home")" "$home/msgext"
    for command in ${COMMANDS:-demo test}; do
        log=$logs/$suite-$who-$before-$command.log
        begun=$SECONDS
        result=ok
        echo "== $suite, $who, before: $before: make $command"
        in_root "$root" "${as[@]}" sh -c "cd $home/msgext && make $command" > "$log" 2>&1 ||
            { result=FAILED; status=1; tail -20 "$log"; }
        table+=$(printf '%-10s %-6s %-8s make %-8s %6s s  %s' "$suite" "$who" "$before" \
            "$command" $((SECONDS - begun)) "$result")$'\n'
        [ "$result" = ok ] || break
    done
    remove_root "$root"
done

printf '\n%-10s %-6s %-8s %-13s %8s  %s\n' Debian as before command time result
printf '%s' "$table"
[ $status = 0 ] || echo "msgext: logs are in $logs" >&2
exit $status
