#!/bin/sh
# Puts what was built where its pg_config says, as root or through sudo.
set -eu
to=$("${PG_CONFIG:-pg_config}" --pkglibdir)
if [ -w "$to" ]; then
    run=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    run=sudo
else
    echo "msgext: run make install as a user who may write to $to" >&2
    exit 1
fi
# sudo hands on no environment: the Makefile takes these two from the build.
$run make --no-print-directory -s install >/dev/null
