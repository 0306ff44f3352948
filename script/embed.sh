#!/bin/sh
# Writes C with the files of the console's page: script/embed.sh FILE... > build/static_files.c
# index.html is at /, the others are by their names.
set -eu

n=0
list=
printf '#include "core/static_file.h"\n'
for file in "$@"; do
    name=${file##*/}
    case $name in
        *.html) type='text/html; charset=utf-8' ;;
        *.css) type='text/css; charset=utf-8' ;;
        *.js) type='text/javascript; charset=utf-8' ;;
        *.svg) type='image/svg+xml' ;;
        *) echo "embed: $file is of no type that is known" >&2; exit 1 ;;
    esac
    [ "$name" != index.html ] || name=
    printf 'static const unsigned char file_%d[] = {\n' "$n"
    od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    printf '};\n'
    list="$list	{\"/$name\", \"$type\", file_$n, sizeof(file_$n)},
"
    n=$((n + 1))
done
printf 'const MsgStaticFile msgext_static_files[] = {\n%s\t{0}};\n' "$list"
