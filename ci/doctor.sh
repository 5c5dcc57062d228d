#!/usr/bin/env bash
# Looks at the machine and the stack before anything is measured; the step itself does not fail, so
# that what was found is kept.
set -euo pipefail
# shellcheck source=ci/runner.sh
. "$(dirname "$0")/runner.sh"

if [ "$GPUBENCH_LEVEL" = none ]; then
    output status 0
    exit 0
fi

out=$GPUBENCH_OUTPUT
mkdir -p -- "$out"
rm -f -- "$out"/doctor.* "$out/snapshot.json" # of an earlier job in the same folder
asked=("--fail-on=$GPUBENCH_FAIL_ON")
[ -z "$GPUBENCH_EXPECT" ] || asked+=("--expect=$GPUBENCH_EXPECT")
[ "$GPUBENCH_REQUIRE_GPU" != true ] || asked+=(--require-gpu)

status=0
muted gpubench doctor "${asked[@]}" "--level=$GPUBENCH_LEVEL" "--python=$GPUBENCH_PYTHON" \
    "--save-snapshot=$out/snapshot.json" --format=json "--output=$out/doctor.json" || status=$?

# the same answer for everybody who reads it, from the snapshot: the machine is asked once
tell() {
    gpubench doctor "${asked[@]}" "--from=$out/snapshot.json" "--format=$1" "--output=$2" || true
}

reports() {
    tell text "$out/doctor.txt"
    tell markdown "$out/doctor.md"
    tell junit "$out/doctor.xml"
    tell github "$out/doctor.annotations"
    cat -- "$out/doctor.txt" || true
}

if [ -f "$out/doctor.json" ]; then
    muted reports
    summarise "$out/doctor.md"
    annotate "$out/doctor.annotations"
    output verdict "$(word "$out/doctor.json" verdict)"
fi
output status "$status"
