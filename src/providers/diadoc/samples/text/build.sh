#!/bin/sh
# Makes the samples whose bodies are protobuf from the text forms in this folder, with
# protoc: an encoder that is not ours. Run it after a change here and commit the results.
#
# A text form is what the sample is, head and blank line included, but for the body: its
# first line names the message type, the others are protobuf's text format. What protoc
# would not write follows in lines of "#raw", with the escapes of printf.
set -eu
cd "$(dirname "$0")"
root=../../../../..
for text in *.txt; do
    out=../${text%.txt}
    type=$(sed '1,/^$/d' "$text" | sed -n '1s/^# *//p')
    sed '/^$/q' "$text" > "$out"
    sed '1,/^$/d' "$text" |
        protoc --proto_path="$root/proto" --encode="$type" \
            diadoc/Events/DiadocMessage-PostApi.proto \
            diadoc/Events/DiadocMessage-GetApi.proto >> "$out"
    # shellcheck disable=SC2059
    printf "$(sed -n 's/^#raw //p' "$text" | tr -d '\n')" >> "$out"
    echo >> "$out"
done
