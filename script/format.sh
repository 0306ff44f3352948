#!/bin/sh
# The layout of the C files: script/format.sh format | check-format FILE...
# Versions of clang-format differ in what they make of .clang-format: 14 is the judge.
set -eu

for program in clang-format-14 clang-format; do
    found=$("$program" --version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p') || true
    case $found in 14.*) break ;; esac
done
case ${found:-none} in
    14.*) ;;
    *)
        echo "msgext: the layout is not checked: clang-format 14 is needed, here is ${found:-none}"
        exit 0 ;;
esac

what=$1
shift
case $what in
    format) "$program" -i "$@" ;;
    check-format) "$program" --dry-run -Werror "$@" ;;
    *) echo "usage: $0 format | check-format FILE..." >&2; exit 2 ;;
esac
