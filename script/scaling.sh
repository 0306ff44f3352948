#!/bin/bash
# make scaling: what docs/scaling.md says of Citus, on a coordinator and two workers that are
# killed meanwhile. It needs a PostgreSQL that has Citus; PG_CONFIG names it.
set -euo pipefail
cd "$(dirname "$0")/.."
. script/common.sh

if [ ! -e "$("$pg_config" --sharedir)/extension/citus.control" ]; then
    echo "msgext: $("$pg_config" --version) has no Citus, so nothing was tried." >&2
    echo "msgext: install Citus there, or name another with PG_CONFIG=/path/to/pg_config" >&2
    exit 1
fi
make -s --no-print-directory build-all
exec script/test.sh tap test/t/083_citus.pl
