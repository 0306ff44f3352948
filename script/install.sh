#!/bin/sh
# Puts what was built where its pg_config says, as root or through sudo.
set -eu
# The folder, or that in which it will be made.
writable() { if [ -e "$1" ]; then [ -w "$1" ]; else writable "$(dirname "$1")"; fi; }
of() { "${PG_CONFIG:-pg_config}" "--$1"; }
refused=
for to in "$(of pkglibdir)" "$(of sharedir)/extension" "$(of includedir-server)/extension/msgext"; do
    writable "$to" || refused=$to
done
if [ -z "$refused" ]; then
    run=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    run=sudo
else
    echo "msgext: run make install as a user who may write to $refused" >&2
    exit 1
fi
# sudo hands on no environment: the Makefile takes these two from the build.
$run make --no-print-directory -s install >/dev/null
