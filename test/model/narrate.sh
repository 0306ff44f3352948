#!/bin/sh
# Tells a counterexample of message.pml in short: reads "spin -t -p -l -g", prints who took a
# step and what it changed: rows and claims as the statement says it, the rest by its value.
set -eu
awk '
# spin writes a state that is passed on as its number, counted from the last.
BEGIN { split("UNKNOWN CANCELLED FAILED UNDELIVERED DELIVERED ACCEPTED QUEUED NONE", state, " ") }
function tell(text) {
    if (step != told || who != teller)
        printf "\n%4d %-12s", step, who
    told = step
    teller = who
    printf " %s", text
}
/^ *[0-9]+:.*proc/ {
    match($0, /\([A-Za-z:]+:1\)/)
    who = substr($0, RSTART + 1, RLENGTH - 4)
    step = $1 + 0
    if (match($0, /\[(row|claim)\[.*\]$/)) {
        text = substr($0, RSTART + 1, RLENGTH - 2)
        if (text ~ /^[^ ]+ = / ) {
            lhs = text
            sub(/ = .*/, "", lhs)
            rhs = text
            sub(/^[^ ]+ = /, "", rhs)
            if (lhs ~ /state$/ && rhs in state)
                rhs = state[rhs]
            if (lhs !~ /stale$/ && was[lhs] != rhs && !(was[lhs] == "" && rhs == "0"))
                tell(lhs "=" rhs)
            was[lhs] = rhs
        }
    }
    next
}
/^spin: trail ends/ { exit }
/ = / {
    name = $1
    value = $3
    if (name ~ /^(disk|take|way|matching|recording|k$|.*:k$)/)
        next
    if (value == before[name] ||
        (before[name] == "" && (value == "0" || value == "NONE" || value == "BEGIN" || value == "AWAY")))
        next
    before[name] = value
    tell(name "=" value)
}
END { print "" }'
