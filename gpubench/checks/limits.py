"""What the system grants: locked memory, open files, processors, memory."""

from gpubench.checks.facts import NO_GPU, gpus_known, has_no_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Limits, Snapshot
from gpubench.units import count, memory, percent, significant

OPEN_FILES_WANTED = 4096
"""Every loader worker holds a file per shared tensor; many systems start with 1024."""
CPUS_PER_GPU = 2
"""The least that feeds a GPU: the process itself and one loader worker (own)."""
PROCESSES_WARN, PROCESSES_FAIL = 0.80, 0.95
"""Shares of the group's limit (leptonai/gpud, os component)."""


def locked_memory(snapshot: Snapshot) -> Outcome:
    """Memory can be locked without limit where a network adapter reads it.

    Why: InfiniBand and GPUDirect register buffers by locking them; NCCL fails with
    "ibv_reg_mr failed" or falls back to sockets where the limit is small.
    Remedy: ulimit -l unlimited; docker run --ulimit memlock=-1
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    limit, topology = snapshot.host.memlock_bytes, snapshot.host.topology
    if limit is None or topology is None:
        return skip("the limit of locked memory is not described here")
    if limit == -1:
        return ok("memory can be locked without limit")
    if not topology.infiniband:
        return skip(f"{memory(limit)} can be locked; no InfiniBand adapter here needs more")
    remedy = "ulimit -l unlimited  (for good: memlock in /etc/security/limits.conf)"
    if snapshot.container is not None:
        remedy = "docker run --ulimit memlock=-1 ..."
    return warn(
        f"only {memory(limit)} can be locked, and {', '.join(topology.infiniband)} locks buffers",
        remedy,
        memlock_bytes=limit,
    )


def _limits(snapshot: Snapshot) -> tuple[Outcome | None, Limits]:
    if has_no_gpu(snapshot):
        return skip(NO_GPU), Limits()
    if snapshot.host.limits is None:
        reason = snapshot.why_unread("host.limits")
        words = "the limits are not described here"
        return unknown(reason) if reason else skip(words), Limits()
    return None, snapshot.host.limits


def files_and_processes(snapshot: Snapshot) -> Outcome:
    """Enough files can be opened and enough processes started.

    Why: loaders hand tensors over as open files ("Too many open files"), and every worker,
    thread and compiler counts against the limit of processes ("Resource temporarily
    unavailable").
    Remedy: ulimit -n 65536; docker run --ulimit nofile=65536 --pids-limit -1
    """
    other, limits = _limits(snapshot)
    if other is not None:
        return other
    most, used = limits.processes, limits.processes_used
    if most and used is not None and used >= PROCESSES_WARN * most:
        judge = fail if used >= PROCESSES_FAIL * most else warn
        return judge(
            f"{used} of {most} processes and threads of the control group are in use",
            "docker run --pids-limit -1 ...  (Kubernetes: podPidsLimit; systemd: TasksMax)",
            processes=most,
            used=used,
        )
    files = limits.open_files
    if files is None:
        return skip("the limit of open files is not described here")
    if files == -1 or files >= OPEN_FILES_WANTED:
        return ok(f"{'any number of' if files == -1 else files} files can be open at once")
    remedy = "docker run --ulimit nofile=65536:1048576 ..." if snapshot.container else ""
    return warn(
        f"only {files} files can be open at once, loaders want {OPEN_FILES_WANTED}",
        remedy or "ulimit -n 65536  (for good: nofile in /etc/security/limits.conf)",
        open_files=files,
    )


def share_of_machine(snapshot: Snapshot) -> Outcome:
    """The control group grants processors and memory enough for the GPUs.

    Why: a GPU waits for one that feeds it; programs count the machine's processors, not those
    granted, start too many threads and are throttled, or are ended when memory runs out.
    Remedy: raise the limits: docker run --cpus, --memory; the pod's resources.
    """
    other, limits = _limits(snapshot)
    if other is None:
        other = gpus_known(snapshot)
    if other is not None:
        return other
    cpus = [number for number in (limits.cpus, snapshot.host.cpu_count) if number is not None]
    if not cpus:
        reason = snapshot.why_unread("host.limits.cpus")
        return unknown(reason) if reason else skip("the processors are not described here")
    gpus = len(snapshot.gpus)
    troubles = []
    if min(cpus) < CPUS_PER_GPU * gpus and not _is_whole_machine(min(cpus), limits):
        troubles.append(f"{significant(min(cpus))} CPUs for {count(gpus, 'GPU')}")
    needed = sum(gpu.memory_bytes or 0 for gpu in snapshot.gpus)
    if limits.memory_bytes is not None and limits.memory_bytes < needed:
        troubles.append(f"{memory(limits.memory_bytes)} for {memory(needed)} of GPU memory")
    if troubles:
        return warn(
            f"the control group grants only {' and '.join(troubles)}",
            f"docker run --cpus {CPUS_PER_GPU * gpus} --memory {needed // 2**30}g ...  "
            "(Kubernetes, Slurm: ask for more)",
            cpus=min(cpus),
            memory_bytes=limits.memory_bytes,
        )
    return ok(f"{significant(min(cpus))} CPUs for {count(gpus, 'GPU')}")


def _is_whole_machine(cpus: float, limits: Limits) -> bool:
    """Nothing is withheld: the machine itself has no more."""
    return limits.machine_cpus is not None and cpus >= limits.machine_cpus


def free_memory(snapshot: Snapshot) -> Outcome:
    """The machine has memory free for what one GPU holds.

    Why: a checkpoint passes through the machine's memory on its way to the GPU.
    Remedy: end what fills it: ps aux --sort=-rss | head
    """
    missing = gpus_known(snapshot)
    if missing is not None:
        return missing
    free, sizes = snapshot.host.memory_available_bytes, [g.memory_bytes for g in snapshot.gpus]
    if free is None:
        reason = snapshot.why_unread("host.memory_bytes")
        return unknown(reason) if reason else skip("the memory is not described here")
    wanted = max((size for size in sizes if size is not None), default=None)
    if wanted is None:
        return skip("no GPU here tells its memory")
    words = f"{memory(free)} of the machine's memory is free"
    if snapshot.host.memory_bytes:
        words += f" ({percent(free / snapshot.host.memory_bytes, 0)})"
    if free >= wanted:
        return ok(words)
    if snapshot.host.memory_bytes is not None and snapshot.host.memory_bytes < wanted:
        return note(f"{words}, a GPU here holds {memory(wanted)}: more than the machine has")
    return warn(
        f"{words}, a GPU here holds {memory(wanted)}",
        "ps aux --sort=-rss | head",
        available_bytes=free,
    )


CHECKS = (
    Check(
        id="host.memlock",
        judge=locked_memory,
        cause="host-resources",
        reference="NVIDIA NCCL documentation, troubleshooting",
    ),
    Check(
        id="host.nofile_pids",
        judge=files_and_processes,
        cause="host-resources",
        reference="PyTorch, multiprocessing, sharing strategies; leptonai/gpud, os component",
    ),
    Check(
        id="host.cgroup",
        judge=share_of_machine,
        cause="host-resources",
        reference="Linux kernel, control group v2; lablup/all-smi, container.cgroup",
    ),
    Check(
        id="host.memory",
        judge=free_memory,
        cause="host-resources",
        reference="facebookresearch/gcm, check of buddyinfo; Linux kernel, /proc/meminfo",
    ),
)
