"""Starts the ranks of a job through torchrun's own machinery, and answers for all of them.

It is the child that the runner started, so one time limit holds for it and what it starts. Torch
gives ranks process groups of their own; the kernel ends them with this process, however it ends.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpubench.bench.job import Job, Progress
from gpubench.bench.ranks import failures
from gpubench.bench.ranks.watch import Watch
from gpubench.bench.strategy import RankProblem
from gpubench.bench.task import Suite

RANK = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from gpubench.bench.ranks.rank import main; main()"
)
"""The program of a rank; -c puts '' on sys.path, where a torch.py would be imported in torch's
place."""

SHARE_OF_LIMIT = 0.9
"""Of the process's time limit, after which the ranks are ended by name (own choice): what is left
is for saying which of them hung."""

MEETING_SECONDS = 120
"""How long the nodes of a job wait for each other, if its limit is not shorter (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Where the agents of a job meet: torch's store at ``endpoint``, under the name ``run_id``.

    ``is_host`` says that this agent keeps the store itself, as the only one there is.
    """

    endpoint: str = "127.0.0.1:0"
    run_id: str = "gpubench"
    is_host: bool = True


def launch(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:  # noqa: ARG001
    """Do the job with all ranks of its strategy; RankProblem says which one broke, and how."""
    if job.rendezvous is None:
        return on_this_node(job, Meeting(), progress)
    from gpubench.bench.ranks.meeting import announced

    with announced(job) as meeting:
        return on_this_node(job, meeting, progress)


def on_this_node(job: Job, meeting: Meeting, progress: Progress) -> dict[str, Any]:
    """Start this node's ranks, wait for them, and answer what its first one answers."""
    limit = job.protocol.process_limit_seconds * SHARE_OF_LIMIT
    if job.number == 0:  # the runner's limit counts from this process's start
        limit -= age_seconds()
    with _folder(job) as folder, Watch(folder, limit, progress) as watch:
        try:
            _run(job, meeting, folder)
        except Exception as problem:
            raise RankProblem(failures.told(problem, folder, watch.hung)) from None
        if watch.hung is not None:
            raise RankProblem({"kind": "timed-out", "reason": watch.hung})
        return failures.answer(folder)


@contextlib.contextmanager
def _folder(job: Job) -> Iterator[Path]:
    """A folder of the job's scratch for its ranks' files, with the job in it."""
    folder = Path(tempfile.mkdtemp(prefix="ranks-", dir=job.scratch))
    (folder / "job.json").write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(job: Job, meeting: Meeting, folder: Path) -> None:
    """Do what torchrun does, without its command line; its exceptions tell which rank ended how."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    strategy, address = job.workload.strategy, own_address(meeting.endpoint)
    if address.startswith("127."):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    seconds = min(MEETING_SECONDS, job.protocol.process_limit_seconds / 2)
    config = LaunchConfig(
        min_nodes=strategy.nodes,
        max_nodes=strategy.nodes,
        nproc_per_node=strategy.processes_per_node,
        run_id=meeting.run_id,
        rdzv_backend="c10d",
        rdzv_endpoint=meeting.endpoint,
        rdzv_configs={
            "is_host": meeting.is_host,
            "timeout": seconds,
            "join_timeout": seconds,
            "last_call_timeout": 1,
        },
        max_restarts=0,  # a restart inside a window would time something else
        local_addr=address,
        logs_specs=DefaultLogsSpecs(log_dir=str(folder / "logs"), redirects=Std.ALL),
    )
    elastic_launch(config, sys.executable)("-c", RANK, str(folder), str(os.getpid()))


def age_seconds() -> float:
    """How long ago this process began; 0 where that cannot be read.

    From ``/proc/self/stat`` (proc(5): starttime, field 22), in ticks since the machine began.
    """
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return 0.0


def own_address(endpoint: str) -> str:
    """This machine's address as seen from the endpoint: a name may not be known to the others.

    Nothing is sent: a datagram's socket only chooses its route.
    """
    host, _, port = endpoint.rpartition(":")
    host = host.strip("[]")  # as an address of IPv6 is written before a port
    with contextlib.suppress(OSError):
        ((family, *_, address), *_) = socket.getaddrinfo(
            host, int(port) or 9, type=socket.SOCK_DGRAM
        )
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    return host
