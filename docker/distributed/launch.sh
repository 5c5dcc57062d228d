#!/bin/sh
# torchrun with the settings of docs/images.md: on one node as it stands, on several with NNODES.
#   launch.sh SCRIPT [ARGUMENT ...]      NNODES=2 RDZV_ENDPOINT=node0:29500 launch.sh SCRIPT ...
set -eu

refuse() { echo "launch: $*" >&2; exit 2; }

[ $# -gt 0 ] || refuse "name the script to run"

if [ "${NNODES:-1}" = 1 ]; then
    # by number: torchrun waits for ever where a container's own name cannot be looked up
    set -- --standalone --local-addr 127.0.0.1 "$@"
else
    [ -n "${RDZV_ENDPOINT:-}" ] || refuse "NNODES=$NNODES needs RDZV_ENDPOINT=host:port of one node"
    if [ -n "${NODE_ADDRESS:-}" ]; then
        set -- --local-addr "$NODE_ADDRESS" "$@"
    elif ! getent hosts "$(hostname)" >/dev/null; then
        refuse "this node's name, $(hostname), cannot be looked up: give its NODE_ADDRESS"
    fi
    if [ -n "${NODE_RANK:-}" ]; then
        # a name that is not the node's own (a Kubernetes service) is not recognised by itself
        is_host=0
        [ "$NODE_RANK" != 0 ] || is_host=1
        set -- --rdzv-conf "is_host=$is_host" "$@"
    fi
    set -- --nnodes "$NNODES" --rdzv-backend c10d --rdzv-endpoint "$RDZV_ENDPOINT" \
        --rdzv-id "${RDZV_ID:-gpubench}" --max-restarts "${MAX_RESTARTS:-0}" "$@"
fi
exec torchrun --nproc-per-node "${NPROC_PER_NODE:-auto}" "$@"
