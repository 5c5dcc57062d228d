"""The machine around the GPUs: shared memory."""

from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown, warn
from gpubench.env.snapshot import Snapshot
from gpubench.units import memory

DOCKER_DEFAULT = 64 * 2**20
"""What Docker gives /dev/shm unless asked for more."""
FULL = 0.01
"""The share that has to be free (own choice)."""
SHM_WANTED = 512 * 2**20
"""Below this, loaders with several workers run out (DeepSpeed warns at the same size)."""


def shared_memory(snapshot: Snapshot) -> Outcome:
    """Shared memory (/dev/shm) holds what loaders and NCCL put there.

    Why: workers hand batches over through it; when it is full they die with a bus error.
    Remedy: docker run --shm-size=8g, or --ipc=host
    """
    size = snapshot.host.shm_bytes
    if size is None:
        reason = snapshot.why_unread("host.shm_bytes")
        return unknown(reason) if reason else skip("shared memory is not described here")
    words = f"shared memory (/dev/shm) has {memory(size)}"
    free = snapshot.host.shm_free_bytes
    if free is not None and size > 0 and free < FULL * size and free < SHM_WANTED:
        return fail(
            f"{words} and is full",
            "ls -lS /dev/shm shows what fills it; a dead program may have left it there",
            shm_bytes=size,
            shm_free_bytes=free,
        )
    if size >= SHM_WANTED:
        return ok(words)
    remedy = "sudo mount -o remount,size=8G /dev/shm"
    if snapshot.container is not None:
        remedy = "docker run --shm-size=8g ...  (or --ipc=host; Kubernetes: an emptyDir of "
        remedy += "medium Memory at /dev/shm)"
    tiny = size <= DOCKER_DEFAULT + 2**20
    if tiny and snapshot.container is not None and len(snapshot.gpus) > 1:
        return fail(f"{words} for {len(snapshot.gpus)} GPUs", remedy, shm_bytes=size)
    return warn(f"{words}, less than {memory(SHM_WANTED)}", remedy, shm_bytes=size)


CHECKS = (
    Check(
        id="host.shm",
        judge=shared_memory,
        cause="shm-too-small",
        reference="PyTorch README, Docker image; Docker run reference, --shm-size",
    ),
)
