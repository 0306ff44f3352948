#!/bin/sh
# Checks message.pml: the engine's rules must hold in every order of events, and every
# broken variant must be found to fail. Prints a table; see docs/model.md.
#
#   test/model/run.sh            all of it
#   test/model/run.sh NAME       one line of the table, with the shortest counterexample
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../build/model
mkdir -p "$work"
work=$(cd "$work" && pwd)

# What holds: all invariants at once, and how far people, reports and crashes go.
# What is broken: one invariant alone, which this variant must violate.
table() {
    cat <<'END'
plain            holds      CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=2
people-hold      holds      CANCELS=1 RETRIES=1 REPORTS=0 CRASHES=2 POLICIES=2
people-key       holds      CANCELS=1 RETRIES=1 REPORTS=0 CRASHES=2 POLICIES=1
both-people      holds      CANCELS=3 RETRIES=3 REPORTS=0 CRASHES=0 POLICIES=2
reports          holds      CANCELS=0 RETRIES=0 REPORTS=1 CRASHES=2 POLICIES=2
reports-retry    holds      CANCELS=0 RETRIES=1 REPORTS=1 CRASHES=1 POLICIES=2
reports-people   holds      CANCELS=1 RETRIES=1 REPORTS=1 CRASHES=0 POLICIES=2
claim-async      DURABLE    BREAK_CLAIM CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=1
claim-lost       DOUBLED    BREAK_CLAIM CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=1
no-fence         UNTRUE     BREAK_FENCE CANCELS=1 RETRIES=0 REPORTS=0 CRASHES=0
no-attempt       BACKWARDS  BREAK_ATTEMPT CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=1
new-key          DOUBLED    BREAK_KEY CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=0
settle-resends   DOUBLED    BREAK_SETTLE CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=1
settle-forgets   DOUBLED    BREAK_INHERITED CANCELS=1 RETRIES=0 REPORTS=0 CRASHES=1
batch-first      STUCK      BREAK_BATCH CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=1
lane-kept        STUCK      BREAK_LANE CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=0
other-time       STUCK      BREAK_REMINDER CANCELS=1 RETRIES=0 REPORTS=0 CRASHES=0
status-hides     STUCK      BREAK_STATUS CANCELS=0 RETRIES=1 REPORTS=1 CRASHES=0
no-launch        STUCK      BREAK_LAUNCH CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=0
repeat-refused   UNTRUE     BREAK_REFUSAL CANCELS=0 RETRIES=0 REPORTS=0 CRASHES=0
look-once        UNHEARD    BREAK_LOOK CANCELS=0 RETRIES=0 REPORTS=1 CRASHES=0
rematch-ends     UNHEARD    BREAK_REMATCH CANCELS=0 RETRIES=0 REPORTS=1 CRASHES=1
rematch-aborts   UNHEARD    BREAK_ABORT CANCELS=0 RETRIES=0 REPORTS=1 CRASHES=0
END
}

number_of() {
    case $1 in
        STUCK) echo 1 ;; DOUBLED) echo 2 ;; BACKWARDS) echo 3 ;;
        UNTRUE) echo 4 ;; DURABLE) echo 5 ;; UNHEARD) echo 6 ;; *) echo 0 ;;
    esac
}

# Builds the verifier of a line into its folder: name, expected, compiler's flags, settings.
build() {
    name=$1 expected=$2 compile=$3
    shift 3
    flags="-DONLY=$(number_of "$expected")"
    for setting; do flags="$flags -D$setting"; done
    rm -rf "${work:?}/$name"
    mkdir -p "$work/$name"
    cd "$work/$name"
    cp "$here/message.pml" .
    echo "$flags" > flags
    # shellcheck disable=SC2086
    spin $flags -a message.pml
    # The code that spin writes is not ours to warn about.
    # shellcheck disable=SC2086
    gcc -w -DSAFETY -DNOREDUCE -DMEMLIM=950 $compile -o pan pan.c
}

# One line: 0 when the result is the expected one.
check() {
    name=$1 expected=$2
    compile='-O2 -DCOLLAPSE'
    [ "$expected" = holds ] || compile='-O0 -DCOLLAPSE'
    # shellcheck disable=SC2086
    if ! build "$name" "$expected" "$compile" $3 > "$work/$name.log" 2>&1; then
        result='not built'
    else
        ./pan -m100000 -w20 > ../"$name.log" 2>&1 || true
        states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' ../"$name.log")
        # A search that did not end has neither found a fault nor shown that there is none.
        if grep -q 'assertion violated' ../"$name.log"; then
            result=violated
        elif grep -q 'Search not completed\|max search depth\|out of memory\|interrupted' ../"$name.log"; then
            result='not finished'
        elif grep -q 'errors: 0' ../"$name.log"; then
            result=holds
        else
            result='not finished'
        fi
    fi
    verdict=ok
    [ "$expected" = holds ] || expected="violates $expected"
    [ "$result" = violated ] && [ "$expected" = holds ] && verdict=FAILED
    [ "$result" = holds ] && [ "$expected" != holds ] && verdict=FAILED
    case $result in not*) verdict=FAILED ;; esac
    printf '%-16s %10s  %-20s %-13s %s\n' "$name" "${states:--}" "$expected" "$result" "$verdict"
    [ $verdict = ok ]
}

if [ "${1:-}" = --line ]; then
    shift
    line=$*
    name=${line%% *}
    rest=${line#* }
    rest=${rest#"${rest%%[! ]*}"}
    check "$name" "${rest%% *}" "${rest#* }"
    exit
fi

if [ $# -gt 0 ]; then
    line=$(table | grep "^$1 ") || { echo "run.sh: no line \"$1\" in the table" >&2; exit 2; }
    # shellcheck disable=SC2086
    set -- $line
    name=$1 expected=$2
    shift 2
    # Breadth first: the shortest way there is.
    build "$name" "$expected" '-O2 -DBFS' "$@"
    ./pan -w20 | grep -E 'violated|errors:|states, stored' || true
    [ -e message.pml.trail ] || exit 0
    # shellcheck disable=SC2046
    spin -t -p -l -g $(cat flags) message.pml > trail.txt || true
    "$here/narrate.sh" < trail.txt
    echo "every step and every variable: $work/$name/trail.txt"
    exit
fi

printf '%-16s %10s  %-20s %-13s\n' variant states expected result
table | tr -s ' ' | xargs -d '\n' -n 1 -P 2 "$0" --line || {
    echo "make model: a result is not the expected one; logs are in $work" >&2
    exit 1
}
