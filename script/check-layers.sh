#!/bin/bash
# The layers of docs/architecture.md, checked: who includes whom, that no files go round in a
# circle, that each file is listed, and what is exported.
# script/check-layers.sh [ROOT]    checks the sources of another tree, and no library
set -euo pipefail
cd "$(dirname "$0")/.."
library=msgext.so
if [ $# -gt 0 ]; then
    cd "$1"
    library=
fi
status=0
fail() { echo "check-layers: $1" >&2; status=1; }

# folder, what it may include with quotes
may_include() {
    local bad
    bad=$(grep -rnE '^#include "' "$1" --include='*.[ch]' | grep -vE "#include \"($2)" || true)
    [ -z "$bad" ] || fail "$1 includes what it may not:
$bad"
}
may_include src/core 'core/'
may_include src/net 'core/|net/'
may_include src/library 'core/|fmgr'
for folder in src/providers/*/; do
    name=$(basename "$folder")
    may_include "$folder" "core/|providers/$name/|build/"
done

# Rooms of src/pg: trigger -> sql; sql, process, test -> engine -> inbound -> store, catalog,
# ipc -> base; beside engine and inbound, monitor -> outcome; console, below process and sql.
# A header of the server has no folder of ours in front.
room() { # room, rooms it may not include
    local bad
    bad=$(grep -rnE "^#include \"pg/($2)/" "src/pg/$1" --include='*.[ch]' || true)
    [ -z "$bad" ] || fail "src/pg/$1 includes a room above it:
$bad"
}
room base 'ipc|catalog|store|inbound|outcome|monitor|console|engine|process|sql|test|trigger'
room ipc 'catalog|store|inbound|outcome|monitor|console|engine|process|sql|test|trigger'
room catalog 'ipc|store|inbound|outcome|monitor|console|engine|process|sql|test|trigger'
room store 'ipc|catalog|inbound|outcome|monitor|console|engine|process|sql|test|trigger'
room inbound 'outcome|monitor|console|engine|process|sql|test|trigger'
room outcome 'ipc|inbound|monitor|console|engine|process|sql|test|trigger'
room monitor 'inbound|console|engine|process|sql|test|trigger'
room engine 'monitor|console|process|sql|test|trigger'
room console 'ipc|inbound|outcome|monitor|engine|process|sql|test|trigger'
room process 'sql|test|trigger'
room sql 'process|test|trigger'
room test 'process|sql|trigger'
room trigger 'inbound|outcome|monitor|console|engine|process|test'

! grep -rnE '#include [<"](postgres|curl/|microhttpd)' src/core src/providers --include='*.[ch]' ||
    fail 'core or a provider knows the server, libcurl or libmicrohttpd'
! grep -rn '#include "postgres' src/net --include='*.[ch]' || fail 'net knows the server'
! grep -rlE '#include <(curl/|microhttpd|libxml/)' src/pg --include='*.[ch]' ||
    fail 'pg includes a foreign library; only net does'
! grep -rn PG_VERSION_NUM src --include='*.[ch]' | grep -v '^src/pg/base/compat.h' ||
    fail 'only base/compat.h tests PG_VERSION_NUM'
! grep -rnE 'providers/[a-z]' src/pg src/net src/core --include='*.[ch]' | grep '#include' ||
    fail 'the engine knows a provider'

# A folder's README names every file of it: what is not in the table is not found.
for folder in src/core/ src/net/ src/pg/*/; do
    for file in $(find "$folder" -maxdepth 1 -name '*.[ch]' -printf '%f\n' | sed 's/\.[ch]$//' | sort -u); do
        grep -qw "$file" "$folder/README.md" || fail "${folder}README.md does not name $file"
    done
done

# A file that the page itself names is there; the other tree has no page.
for file in $([ -z "$library" ] || grep -oE '[a-z_]+(/[a-z_]+)+\.[ch]\b' docs/architecture.md | sort -u); do
    [ -e "src/$file" ] || [ -e "src/pg/$file" ] ||
        fail "docs/architecture.md names $file, which is not there"
done

# A file and its header are one. tsort says which of them go round in a circle.
circle=$(find src -name '*.[ch]' -exec grep -HE '^#include "[a-z]+/' {} + |
    sed -E 's|^src/(.*)\.[ch]:#include "(.*)\.h"|\1 \2|' |
    awk '$1 != $2' | sort -u | tsort 2>&1 >/dev/null || true)
[ -z "$circle" ] || fail "files include each other in a circle:
$circle"

if [ -n "$library" ]; then
    # Symbols of the library: exported is what PostgreSQL looks up by name, and no more.
    exported=$(nm -D --defined-only "$library" | awk '{print $3}')
    entries=$(echo "$exported" | sed -n 's/^pg_finfo_\(msgext_.*\)/\1|pg_finfo_\1/p' | paste -sd'|')
    bad=$(echo "$exported" | grep -vxE "$entries|msgext_[a-z]*_main|msgext_register_provider|_PG_init|Pg_magic_func" || true)
    [ -z "$bad" ] || fail "exported, and no entry point of PostgreSQL:
$bad"
    echo "$exported" | grep -qx _PG_init || fail '_PG_init is not exported'

    # Hardening: relocations read-only from the start, and stacks guarded in every layer.
    readelf -lW "$library" | grep -q GNU_RELRO && readelf -dW "$library" | grep -q NOW ||
        fail 'the library is not linked with relro and now'
    for object in src/core/json_read.o src/net/http_client.o src/providers/edna/decode.o src/pg/sql/post.o; do
        nm "$object" | grep -q __stack_chk_fail || fail "$object has no stack protector"
    done
fi
exit $status
