#!/usr/bin/env bash
# Measures, compares and reports. The step itself does not fail: its status is an output, and the
# gate ends the job with it when summary and artefact are safe.
set -euo pipefail
# shellcheck source=ci/runner.sh
. "$(dirname "$0")/runner.sh"

out=$GPUBENCH_OUTPUT
answer=$out/comparison.json
mkdir -p -- "$out"
rm -f -- "$answer" "$out"/report.* # of an earlier job in the same folder

sides=$GPUBENCH_A_PYTHON$GPUBENCH_B_PYTHON$GPUBENCH_A_IMAGE$GPUBENCH_B_IMAGE
wrong=
if [ -n "$sides" ] && [ -n "$GPUBENCH_BASELINE$GPUBENCH_CANDIDATE" ]; then
    wrong="two sides are measured in pairs, without baseline and candidate"
elif [ -z "$GPUBENCH_BASELINE" ] && [ -n "$GPUBENCH_CANDIDATE" ]; then
    wrong="a candidate is compared with a baseline, which is not given"
fi
if [ -n "$wrong" ]; then
    echo "::error title=gpubench::$wrong"
    output status 2
    exit 0
fi

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
    local given=()
    [ -z "$GPUBENCH_A_PYTHON" ] || given+=("--a-python=$GPUBENCH_A_PYTHON")
    [ -z "$GPUBENCH_B_PYTHON" ] || given+=("--b-python=$GPUBENCH_B_PYTHON")
    [ -z "$GPUBENCH_A_IMAGE" ] || given+=("--a-image=$GPUBENCH_A_IMAGE")
    [ -z "$GPUBENCH_B_IMAGE" ] || given+=("--b-image=$GPUBENCH_B_IMAGE")
    gpubench ab "${given[@]}" "${asked[@]}" "${judged[@]}" "--output=$out/pairs" \
        --format=json >"$answer"
}

run() { gpubench run "${asked[@]}" "--output=$1"; }

compare() { gpubench compare "${judged[@]}" --format=json "--output=$answer" -- "$@"; }

# tell PLACE FORMAT FILE: a record or a comparison, for one who reads it
tell() { gpubench report "--format=$2" "--output=$3" -- "$1" || true; }

reports() {
    tell "$1" text "$out/report.txt"
    tell "$1" markdown "$out/report.md"
    tell "$1" junit "$out/report.xml"
    [ "$1" != "$answer" ] || tell "$1" github "$out/report.annotations"
    cat -- "$out/report.txt" || true
}

status=0
record=
if [ -n "$sides" ]; then
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
        case $status-$compared in
            *-0 | 6-1 | 6-4 | 6-5) ;; # 6 before 1 before 5 before 4 before 0
            *) status=$compared ;;
        esac
    fi
fi

told=$record
if [ -s "$answer" ]; then
    told=$answer
    output verdict "$(word "$answer" verdict)"
fi
if [ -e "$told" ]; then
    muted reports "$told"
    annotate "$out/report.annotations"
    summarise "$out/report.md"
    output record "$record"
fi
output status "$status"
