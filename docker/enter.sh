#!/bin/sh
# Every way into the image: where files go and how they are shared, then the program itself.
set -eu

say() { echo "enter: $*" >&2; }

can_write() { [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]; }

umask "${UMASK:-0002}" || { say "UMASK=${UMASK} is no umask; give one such as 0002"; exit 2; }

workspace=${GPUBENCH_WORKSPACE:-/workspace}
name=$(id -un 2>/dev/null) || name=user$(id -u)  # a user id that /etc/passwd does not know
place=$workspace
if ! can_write "$workspace"; then
    place=$(mktemp -d)
    say "user $(id -u) cannot write to ${workspace}: caches go to ${place} and are lost with the" \
        "container; give the volume to this user, or run with --user \$(id -u):\$(id -g)"
fi
if ! can_write "${HOME:-/}" || [ "${HOME:-/}" = / ]; then
    HOME=$place/.home-$(id -u)
    mkdir -p "$HOME"
fi
cache=$place/.cache
if [ -e "$cache" ] && ! can_write "$cache"; then
    cache=$place/.cache-$(id -u)  # the first one here belongs to a user of another group
fi

# some libraries ask for a name, and give up where there is none
: "${USER:=$name}"
: "${LOGNAME:=$USER}"
: "${XDG_CACHE_HOME:=$cache}"
: "${HF_HOME:=$XDG_CACHE_HOME/huggingface}"
: "${TORCH_HOME:=$XDG_CACHE_HOME/torch}"
: "${MPLCONFIGDIR:=$XDG_CACHE_HOME/matplotlib}"
# generated code is loaded again by whoever can read it: one folder per user id
: "${TORCHINDUCTOR_CACHE_DIR:=$XDG_CACHE_HOME/inductor-$(id -u)}"
: "${TRITON_CACHE_DIR:=$XDG_CACHE_HOME/triton-$(id -u)}"
export HOME USER LOGNAME XDG_CACHE_HOME HF_HOME TORCH_HOME MPLCONFIGDIR
export TORCHINDUCTOR_CACHE_DIR TRITON_CACHE_DIR

# as process 1 of a container without an init: wait for orphans, hand signals on
if [ $$ = 1 ] && command -v tini >/dev/null; then
    exec tini -- "$@"
fi
exec "$@"
