#!/bin/sh
# Puts the extension where pg_config says, as root or through sudo.
set -eu
if [ -w "$(${PG_CONFIG:-pg_config} --pkglibdir)" ]; then
    run=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    run=sudo
else
    echo "msgext: run make install as a user who may write to $(${PG_CONFIG:-pg_config} --pkglibdir)" >&2
    exit 1
fi
$run make --no-print-directory -s install >/dev/null
