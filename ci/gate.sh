#!/usr/bin/env bash
# Ends the job with gpubench's exit status, after everything it found has been kept.
set -euo pipefail
# shellcheck source=ci/runner.sh
. "$(dirname "$0")/runner.sh"

# the words for an exit status, those of the README
meaning() {
    case $1 in
        1) echo "the answer is no" ;;
        2) echo "the question could not be asked: the log of the step says why" ;;
        4) echo "inconclusive" ;;
        5) echo "not comparable" ;;
        6) echo "a measurement was invalid" ;;
        130) echo "interrupted; what was measured is kept" ;;
        *) echo "a bug in gpubench, or its step was ended" ;;
    esac
}

part=doctor
status=$GPUBENCH_DOCTOR_STATUS
if [ "$status" = 0 ]; then
    part=measurement
    status=$GPUBENCH_MEASURE_STATUS
fi
case $status in
    '' | *[!0-9]*) status=3 ;; # the step broke off before it knew
esac
output status "$status"
if [ "$status" != 0 ]; then
    echo "::error title=gpubench::$part: exit status $status: $(meaning "$status")"
fi
exit "$status"
