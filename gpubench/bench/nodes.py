"""The nodes of a run: which of them is the first, and what the others do; torch is in children."""

import contextlib
import dataclasses
import os
import selectors
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gpubench.bench.job import Job, Progress, Workload
from gpubench.bench.modes import REFERENCE
from gpubench.bench.protocol import Protocol
from gpubench.bench.runner import run_job
from gpubench.env.places import HERE, Folders, Program
from gpubench.errors import BadUsage, GpubenchError
from gpubench.units import Seconds

HOST = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from gpubench.bench.ranks.meeting import host; host()"
)

START_SECONDS = 120.0
"""How long the store's process may take to import torch and answer (own choice)."""

A_WEEK = Seconds(7 * 86_400)
"""How long a node waits for the next job; it ends with the first node."""


class Gone(GpubenchError):
    """The first node stopped answering."""


@contextlib.contextmanager
def is_first(endpoint: str) -> Iterator[bool]:
    """Whether this node keeps the store, and so measures; it does so while the block runs.

    ``NODE_RANK`` says it, where it is set, as torchrun users know it. Otherwise it is the node
    that the endpoint's host is an address of, and of several on one machine the first.
    """
    rank = os.environ.get("NODE_RANK")
    if rank not in (None, "0") or (rank is None and not is_here(endpoint)):
        yield False
        return
    with _store(endpoint) as said:
        if said != "ready" and rank == "0":
            raise BadUsage(f"--rdzv-endpoint {endpoint} cannot be used here: {said[6:][:200]}")
        yield said == "ready"


def is_here(endpoint: str) -> bool:
    """Whether the endpoint's host is an address of this machine; BadUsage where it has none."""
    name = endpoint.rpartition(":")[0].strip("[]")
    try:
        found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise BadUsage(f"--rdzv-endpoint {endpoint}: {problem.strerror or problem}") from None
    return any(_binds(family, address) for family, _, _, _, address in found)


def _binds(family: socket.AddressFamily, address: tuple[object, ...]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _store(endpoint: str) -> Iterator[str]:
    """The store's process, and its first line; it ends soon after the block."""
    with tempfile.TemporaryDirectory(prefix="gpubench-") as own:
        program = Program(
            command=(sys.executable, "-c", HOST, endpoint),
            variables=os.environ,
            folders=Folders(own=Path(own)),
            limit=A_WEEK,
            imports_gpubench=True,
        )
        start = HERE.start(program)
        child = subprocess.Popen(
            start.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=start.variables,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process, which then ends it in order
        )
        try:
            yield _first_line(child)
        finally:
            child.communicate()


def _first_line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        if not selector.select(START_SECONDS):
            child.kill()
            return "taken the store did not start"
    return child.stdout.readline().strip() or "taken the store could not be started"


def take_part(
    workload: Workload, *, module: str, protocol: Protocol, device: str, endpoint: str,
    progress: Progress,
) -> list[str]:  # fmt: skip
    """Do this node's part of every job that the first node announces; what went wrong in them.

    Gone is raised where the first node ends without saying so.
    """
    faults: list[str] = []
    number = 0
    with contextlib.ExitStack() as folders:
        scratch, cache = (
            folders.enter_context(tempfile.TemporaryDirectory(prefix="gpubench-")) for _ in "12"
        )
        while True:
            number += 1
            job = Job(
                kind="take-part",
                suite_module=module,
                workload=workload,
                mode=REFERENCE,
                protocol=dataclasses.replace(protocol, process_limit_seconds=A_WEEK),
                device=device,
                scratch=scratch,
                rendezvous=endpoint,
                number=number,
            )
            result = run_job(job, cache=Path(cache), progress=progress).result
            if result.get("ended"):
                return faults
            if "any more" in str(result.get("reason")):
                raise Gone(f"the first node is gone: {result['reason']}")
            if result["state"] in ("failed", "timed-out", "out-of-memory"):
                faults.append(f"job {number}: {result['reason']}")
