# Sourced by the scripts: where things are, and how to be somebody PostgreSQL runs as.

root=$(cd "$(dirname "$0")/.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
"$pg_config" --version >/dev/null 2>&1 || {
    echo "msgext: $pg_config does not run; PG_CONFIG=/path/to/pg_config names another one" >&2
    exit 1
}
bindir=$("$pg_config" --bindir)
pgxs=$(dirname "$(dirname "$("$pg_config" --pgxs)")")

# PostgreSQL refuses to run as root: root becomes the user of Debian's package.
if [ "$(id -u)" = 0 ]; then
    server_user=postgres
    as_user() { runuser -u "$server_user" -- "$@"; }
else
    server_user=$(id -un)
    as_user() { "$@"; }
fi

# A folder that user may write to, removed at the end. A clone may lie where he cannot
# even read, so what is run is copied there.
make_scratch() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/msgext.XXXXXX")
    cp -r "$root/test" "$root/docs" "$root/README.md" "$scratch/"
    mkdir -p "$scratch/bin" "$scratch/out"
    cp "$root"/build/{simulator,chaos-peer,chaos-writer,fault.so} "$scratch/bin/"
    [ ! -d "$root/build/console-test/node_modules" ] ||
        cp -r "$root/build/console-test/node_modules" "$scratch/test/console/"
    [ "$(id -u)" != 0 ] || chown -R "$server_user" "$scratch"
    cp -r "$root/contrib" "$scratch/"
    chmod -R a+rX "$scratch/contrib"
    chmod 755 "$scratch"
}

# Small disks for the clusters of test/chaos, to be filled up: root alone can make them.
make_disks() { # how many
    local n
    [ "$(id -u)" = 0 ] || return 0
    for n in $(seq "$1"); do
        mkdir -p "$scratch/disk$n"
        mount -t tmpfs -o size=320m,mode=0777 msgext-chaos "$scratch/disk$n" 2>/dev/null || rmdir "$scratch/disk$n"
    done
}
remove_disks() {
    local disk
    for disk in "$scratch"/disk*; do
        [ ! -d "$disk" ] || umount -l "$disk"
    done
}
