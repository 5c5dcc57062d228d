# shellcheck shell=bash
# What every step of the action does alike: outputs, the summary, annotations, and a log in which
# nothing but them is taken for a command of GitHub's runner.

# the program, in the interpreter that has it
gpubench() { "$GPUBENCH_PROGRAM" -m gpubench "$@"; }

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# muted COMMAND...: run it with its output in the log, where the runner obeys no line of it; a name
# in a record or a machine may begin with `::`. Its exit status comes back.
muted() {
    local token status=0
    token=$(random)
    echo "::stop-commands::$token"
    "$@" 2>&1 || status=$?
    printf '\n::%s::\n' "$token"
    return "$status"
}

# output NAME VALUE: set an output of the step; the value may hold anything
output() {
    local mark
    mark=$(random)
    printf '%s<<%s\n%s\n%s\n' "$1" "$mark" "$2" "$mark" >>"$GITHUB_OUTPUT"
}

# GitHub refuses a summary of more than 1 MiB a step
MOST_BYTES=900000

# summarise FILE: add Markdown to the summary of the job, cut at a line where it is too long
summarise() {
    [ -f "$1" ] || return 0
    if [ "$(wc -c <"$1")" -le "$MOST_BYTES" ]; then
        cat -- "$1" >>"$GITHUB_STEP_SUMMARY"
    else
        head -c "$MOST_BYTES" -- "$1" | sed '$d' >>"$GITHUB_STEP_SUMMARY"
        printf '\n\nThe rest is in the artefact.\n' >>"$GITHUB_STEP_SUMMARY"
    fi
    printf '\n' >>"$GITHUB_STEP_SUMMARY"
}

# annotate FILE: show the annotations in a file, and nothing else that may stand in it
annotate() {
    [ ! -f "$1" ] || grep -E '^::(error|warning|notice) title=[^:]*::' -- "$1" || true
}

# word FILE KEY: a word under a key of a JSON file; nothing where it is no plain word
word() {
    "$GPUBENCH_PROGRAM" - "$1" "$2" <<'PYTHON'
import json, pathlib, re, sys

try:
    value = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")).get(sys.argv[2])
except (OSError, ValueError, AttributeError):
    value = None
print(value if isinstance(value, str) and re.fullmatch(r"[A-Za-z-]{1,40}", value) else "")
PYTHON
}
