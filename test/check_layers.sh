#!/bin/bash
# A test of script/check-layers.sh: each kind of violation, planted in a copy of the sources,
# is found.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d "${TMPDIR:-/tmp}/msgext-layers.XXXXXX")
trap 'rm -rf "$copy"' EXIT
status=0

expect() { # ok | violation, what is planted
    local found=ok
    script/check-layers.sh "$copy" >/dev/null 2>&1 || found=violation
    if [ "$found" != "$1" ]; then
        echo "check-layers: $2: expected $1, found $found" >&2
        status=1
    fi
}
plant() { # file, line, what it is
    rm -rf "$copy/src"
    cp -r src "$copy/"
    sed -i "1i $2" "$copy/$1"
    expect violation "$3"
}

cp -r src "$copy/"
expect ok 'the sources as they are'
plant src/core/json.c '#include "postgres.h"' 'the server in core'
plant src/core/json.c '#include "net/http_client.h"' 'net in core'
plant src/net/http_client.c '#include "pg/base/guc.h"' 'pg in net'
plant src/providers/edna/edna.c '#include "providers/devino/devino.h"' 'one provider in another'
plant src/pg/engine/take.c '#include "providers/edna/edna.h"' 'a provider in the engine'
plant src/pg/engine/take.c '#include <curl/curl.h>' 'libcurl in pg'
plant src/pg/base/clock.h '#include "pg/store/table.h"' 'a table in base'
plant src/pg/store/claim.c '#include "pg/engine/take.h"' 'the engine in store'
plant src/pg/inbound/callback.c '#include "pg/engine/flight.h"' 'the engine in inbound'
plant src/pg/monitor/metrics.c '#include "pg/engine/flight.h"' 'the engine in monitor'
plant src/pg/console/session.c '#include "pg/process/bgworker.h"' 'a process in the console'
plant src/pg/catalog/access.c '#include "pg/store/outbox.h"' 'store in catalog'
plant src/pg/engine/turn.c '#include "pg/process/worker.h"' 'a process in the engine'
plant src/pg/engine/take.c '#if PG_VERSION_NUM > 1' 'a version outside of compat.h'
plant src/pg/engine/flight.h '#include "pg/engine/turn.h"' 'a circle of files'
rm -rf "$copy/src"
cp -r src "$copy/"
: > "$copy/src/pg/store/unlisted.c"
expect violation 'a file that no README names'
exit $status
