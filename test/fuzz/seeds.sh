#!/bin/sh
# Makes inputs for fuzz_codec of every provider's samples: seeds.sh ROOT OUT
# An input picks its provider by number, so the folders are counted in the order of the
# generated list, byte by byte. The three bytes in front are described in fuzz_codec.c.
set -eu
LC_ALL=C
export LC_ALL

root=$1
out=$2
mkdir -p "$out"

# seed FILE PROVIDER ENTRY: a whole file.
seed()
{
	{ printf "\\$(printf %03o "$2")\\$(printf %03o "$3")\\000"; cat "$1"; } \
		> "$out/$provider-$3-$(basename "$1")"
}

# seed_body FILE PROVIDER ENTRY: what follows a file's first blank line.
seed_body()
{
	{ printf "\\$(printf %03o "$2")\\$(printf %03o "$3")\\000"; sed '1,/^$/d' "$1"; } \
		> "$out/$provider-$3-$(basename "$1")"
}

number=0
for folder in "$root"/src/providers/*/
do
	provider=$(basename "$folder")
	for file in "$folder"samples/*
	do
		case $file in
			*.message.json) seed "$file" "$number" 1; seed "$file" "$number" 0 ;;
			*.login-answers.json) seed "$file" "$number" 5 ;;
			*.status-reply) seed_body "$file" "$number" 3; seed_body "$file" "$number" 8 ;;
			*.reply) seed_body "$file" "$number" 2; seed_body "$file" "$number" 8 ;;
			*.callback) seed "$file" "$number" 4 ;;
		esac
	done
	number=$((number + 1))
done
