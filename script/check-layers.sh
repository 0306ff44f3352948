#!/bin/sh
# The layers of docs/architecture.md, checked: who includes whom, and what is exported.
set -eu
cd "$(dirname "$0")/.."
status=0
fail() { echo "check-layers: $1" >&2; status=1; }

# folder, what it may include with quotes
check() {
    bad=$(grep -rnE '^#include "' "$1" --include='*.[ch]' | grep -vE "#include \"($2)" || true)
    [ -z "$bad" ] || fail "$1 includes what it may not:
$bad"
}
check src/core 'core/'
check src/net 'core/|net/'
for folder in src/providers/*/; do
    name=$(basename "$folder")
    check "$folder" "core/|providers/$name/|build/"
done
! grep -rnE '#include [<"](postgres|curl/|microhttpd)' src/core src/providers --include='*.[ch]' ||
    fail 'core or a provider knows the server, libcurl or libmicrohttpd'
! grep -rn '#include "postgres' src/net --include='*.[ch]' || fail 'net knows the server'
! grep -rlE '#include <(curl/|microhttpd|libxml/)' src/pg --include='*.[ch]' ||
    fail 'pg includes a foreign library; only net does'
! grep -rn PG_VERSION_NUM src --include='*.[ch]' | grep -v '^src/pg/base/compat.h' ||
    fail 'only compat.h tests PG_VERSION_NUM'
! grep -rnE 'providers/[a-z]' src/pg src/net src/core --include='*.[ch]' | grep '#include' ||
    fail 'the engine knows a provider'

# Symbols of the library: ours have our prefix.
bad=$(nm -D --defined-only msgext.so | awk '{print $3}' |
    grep -vE '^(msgext_|pg_finfo_msgext_|_PG_init$|Pg_magic_func$)' || true)
[ -z "$bad" ] || fail "exported without our prefix:
$bad"
exit $status
