#!/bin/bash
# Build and test everything, or the parts named, on a bare Debian 12 (as root):
#
#   tests/run.sh [checks] [unit] [integration] [conformance] [fuzz] [crash] [bench]
#   tests/run.sh tsan          the thread sanitizer: only when named
#
# The last line of all is "N passed, N failed"; the exit code is 0 only when nothing failed.
#   EDGE_JOBS          how much runs at once (the number of processors)
#   EDGE_FUZZ_SECONDS  for each fuzzer (5; 300 when fuzz is asked for by name)
#   EDGE_CRASH_ROUNDS  kills for each subject (the tests' own short number; 100 by name)
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

jobs=${EDGE_JOBS:-$(nproc)}
logs=build/logs
passed=0 failed=0
failures=()
began=$SECONDS

note() { printf '\n=== %s (%d s)\n' "$1" $((SECONDS - began)); }

succeeded() { passed=$((passed + 1)); }

missed() {
    failed=$((failed + 1))
    failures+=("$1")
}

# one NAME COMMAND…: a single test of its own
one() {
    local name=$1 started=$SECONDS
    shift
    if "$@"; then
        echo "ok    $name ($((SECONDS - started)) s)"
        succeeded
    else
        echo "FAIL  $name ($((SECONDS - started)) s)"
        missed "$name"
    fi
}

# build PRESET [TARGET…]: quiet unless it fails, once a run
declare -A built
build() {
    local preset=$1 log=$logs/build-$1.log
    [ -z "${built[$preset]:-}" ] || return "${built[$preset]}"
    note "build $preset"
    if { cmake --preset "$preset" && cmake --build --preset "$preset" -j "$jobs"; } >"$log" 2>&1; then
        built[$preset]=0
    else
        built[$preset]=1
        grep -E -A5 'error|FAILED|CMake Error' "$log" | head -80
        echo "(whole log: $log)"
        missed "build.$preset"
    fi
    return "${built[$preset]}"
}

# round PRESET LABELS JOBS [CTEST-OPTION…]: the tests of that build that carry one of the labels
round() {
    local preset=$1 labels=$2 at_once=$3 report
    report=$PWD/$logs/$1-${2//|/-}.xml
    shift 3
    build "$preset" || return
    note "$labels, $preset"
    rm -f "$report"
    ctest --test-dir "build/$preset" -L "^($labels)\$" -j "$at_once" --output-on-failure --no-tests=error \
        --output-junit "$report" "$@"
    count "$preset" "$report"
}

# Add up a report; a test that did not run is one that failed.
count() {
    local preset=$1 report=$2 outcome name
    if [ ! -s "$report" ]; then
        missed "$preset: no report ${report##*/}"
        return
    fi
    while read -r outcome name; do
        if [ "$outcome" = run ]; then
            succeeded
        else
            missed "$name ($preset, $outcome)"
        fi
    done < <(sed -n 's/.*<testcase name="\([^"]*\)".* status="\([a-z]*\)".*/\2 \1/p' "$report")
}

run_checks() {
    build dev || return
    note checks
    one checks.format tests/checks/format.sh
    one checks.headers tests/checks/headers.sh
    one checks.hygiene python3 tests/checks/hygiene.py
    one checks.rooms python3 tests/checks/rooms.py
    one checks.scripts tests/checks/scripts.sh
    one checks.shared python3 tests/checks/shared.py build/dev
    one checks.tidy python3 tests/checks/tidy.py build/dev
}

run_unit() {
    # They wait more than they work.
    round dev 'unit|fuzz' $((jobs * 2))
    round asan 'unit|fuzz' $((jobs * 2))
}

run_integration() {
    # They wait more than they work: one more than there are processors.
    round dev integration $((jobs + 1))
    round asan integration $((jobs + 1))
}

# By name only: under the thread sanitizer. gRPC's libraries are not built for it (tests/tsan.supp).
run_tsan() {
    export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp ${TSAN_OPTIONS:-}"
    round tsan unit "$jobs"
    export EDGE_LOAD_SECONDS=${EDGE_LOAD_SECONDS:-10}
    round tsan integration 1 -R 'integration\.(run|update|policies|cloud|securityd|identities|hub_load|hub_hostile)$'
}

run_conformance() { round dev conformance $((jobs + 1)); }

run_crash() {
    round dev crash "$jobs"
    round asan crash "$jobs"
}

run_fuzz() {
    local program pids=() names=()
    build fuzz || return
    note "fuzz, ${EDGE_FUZZ_SECONDS} s each"
    for program in build/fuzz/tests/fuzz_*; do
        [ ${#pids[@]} -lt "$jobs" ] || fuzz_wait
        names+=("${program##*/fuzz_}")
        fuzz_one "$program" "${program##*/fuzz_}" &
        pids+=($!)
    done
    while [ ${#pids[@]} -gt 0 ]; do fuzz_wait; done
}

# The oldest of run_fuzz's children.
fuzz_wait() {
    one "fuzz.${names[0]}" wait "${pids[0]}"
    pids=("${pids[@]:1}") names=("${names[@]:1}")
}

# New inputs are kept in build/, beside the seeds of the source tree, and reproducers too.
fuzz_one() {
    local program=$1 name=$2 found=$PWD/build/fuzz/found/$2
    mkdir -p "$found"
    if ! "$program" -max_total_time="$EDGE_FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$found-" "$found" "tests/fuzz/corpus/$name" \
        >"$logs/fuzz-$name.log" 2>&1; then
        tail -40 "$logs/fuzz-$name.log"
        return 1
    fi
    awk '/number_of_executed_units/ { printf "      %s inputs\n", $2 }' "$logs/fuzz-$name.log"
}

run_bench() {
    build release || return
    note bench
    one bench env EDGE_BIN="$PWD/build/release/bin" python3 tests/bench/run.py
}

all=(checks unit integration conformance fuzz crash bench)
parts=("$@")
if [ ${#parts[@]} -eq 0 ]; then
    parts=("${all[@]}")
    : "${EDGE_FUZZ_SECONDS:=5}"
fi
: "${EDGE_FUZZ_SECONDS:=300}"
for part in "${parts[@]}"; do
    if ! declare -F "run_$part" >/dev/null; then
        echo "usage: tests/run.sh [${all[*]}]" >&2
        exit 2
    fi
done
[ $# -eq 0 ] || export EDGE_CRASH_ROUNDS=${EDGE_CRASH_ROUNDS:-100}

if [ "$(id -u)" != 0 ]; then
    echo "tests/run.sh: needs root (namespaces, containerd): sudo tests/run.sh" >&2
    exit 1
fi
mkdir -p "$logs"
deploy/install-deps.sh && tests/conformance/node/install.sh || exit 1
for part in "${parts[@]}"; do
    "run_$part"
done

note finished
[ ${#failures[@]} -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
