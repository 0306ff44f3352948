#!/bin/bash
# make screenshots: pictures of the console for README and docs, made by its test.
set -euo pipefail
cd "$(dirname "$0")/.."

pictures=$(mktemp -d "${TMPDIR:-/tmp}/msgext-pictures.XXXXXX")
trap 'rm -rf "$pictures"' EXIT
chmod 777 "$pictures"
MSGEXT_SCREENSHOTS=$pictures script/test.sh tap test/t/055_console_page.pl
mkdir -p docs/images
cp "$pictures"/*.png docs/images/
ls -l docs/images
