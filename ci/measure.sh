#!/usr/bin/env bash
# Measures, compares and reports. The step itself does not fail: its status is an output, and the
# gate ends the job with it when summary and artefact are safe.
set -euo pipefail
# shellcheck source=ci/runner.sh
. "$(dirname "$0")/runner.sh"

out=$GPUBENCH_OUTPUT
answer=$out/comparison.json
mkdir -p -- "$out"
rm -f -- "$answer" # of an earlier job in the same folder

asked=("--suite=$GPUBENCH_SUITE")
[ -z "$GPUBENCH_MODES" ] || asked+=("--modes=$GPUBENCH_MODES")
while IFS= read -r line; do
    [ -z "$line" ] || asked+=("$line")
done <<<"$GPUBENCH_EXTRA"

judged=("--on-inconclusive=$GPUBENCH_ON_INCONCLUSIVE")
[ -z "$GPUBENCH_TOLERANCE" ] || judged+=("--tolerance=$GPUBENCH_TOLERANCE")
[ -z "$GPUBENCH_CALIBRATION" ] || judged+=("--calibration=$GPUBENCH_CALIBRATION")

# two environments on this machine, in turns
pairs() {
    local sides=()
    [ -z "$GPUBENCH_A_PYTHON" ] || sides+=("--a-python=$GPUBENCH_A_PYTHON")
    [ -z "$GPUBENCH_B_PYTHON" ] || sides+=("--b-python=$GPUBENCH_B_PYTHON")
    [ -z "$GPUBENCH_A_IMAGE" ] || sides+=("--a-image=$GPUBENCH_A_IMAGE")
    [ -z "$GPUBENCH_B_IMAGE" ] || sides+=("--b-image=$GPUBENCH_B_IMAGE")
    gpubench ab "${sides[@]}" "${asked[@]}" "${judged[@]}" "--output=$out/pairs" \
        --format=json >"$answer"
}

run() { gpubench run "${asked[@]}" "--output=$1"; }

compare() { gpubench compare "${judged[@]}" --format=json "--output=$answer" -- "$@"; }

# one comparison, for everybody who reads it
tell() { gpubench report "--format=$1" "--output=$2" -- "$3" || true; }

status=0
record=
if [ -n "$GPUBENCH_A_PYTHON$GPUBENCH_B_PYTHON$GPUBENCH_A_IMAGE$GPUBENCH_B_IMAGE" ]; then
    record=$out/pairs
    muted pairs || status=$?
else
    record=$GPUBENCH_CANDIDATE
    if [ -z "$record" ]; then
        record=$out/candidate
        muted run "$record" || status=$?
        case $status in
            0 | 6 | 130) ;;
            *) record= ;; # nothing was measured; what may lie there is of another job
        esac
    fi
    if [ -n "$GPUBENCH_BASELINE" ] && { [ "$status" = 0 ] || [ "$status" = 6 ]; }; then
        compared=0
        muted compare "$GPUBENCH_BASELINE" "$record" || compared=$?
        [ "$compared" = 0 ] || status=$compared
    fi
fi

told=$record
if [ -s "$answer" ]; then
    told=$answer
    output verdict "$(word "$answer" verdict)"
    muted tell github "$out/comparison.annotations" "$told"
    annotate "$out/comparison.annotations"
fi
if [ -e "$told" ]; then
    muted tell text "$out/report.txt" "$told"
    muted cat -- "$out/report.txt" || true
    muted tell markdown "$out/report.md" "$told"
    muted tell junit "$out/report.xml" "$told"
    summarise "$out/report.md"
    output record "$record"
fi
output status "$status"
