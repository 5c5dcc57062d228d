"""Several nodes: one keeps torch's store at the endpoint and announces jobs, the others take part.

The store is the one torchrun's own rendezvous uses. What is put there beside torch's keys:
``gpubench/jobs`` counts the jobs, ``gpubench/job/N`` is one as JSON (or the end),
``gpubench/broke/N`` is what a node says whose ranks broke in it, and ``gpubench/here`` counts the
nodes that take part, less those that have seen the end.
"""

import contextlib
import dataclasses
import datetime
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch

from gpubench.bench.job import Job, Progress
from gpubench.bench.ranks.failures import follows
from gpubench.bench.ranks.launcher import Meeting, on_this_node
from gpubench.bench.strategy import RankProblem
from gpubench.bench.task import Suite

END = "end"
"""What stands in place of a job when there is none left."""

PATIENCE = datetime.timedelta(seconds=60)
"""How long the store may take to be found, or to answer (own choice)."""

POLL_SECONDS = 0.5
"""How often a node looks for the next job (own choice)."""

ELSEWHERE_SECONDS = 3.0
"""How long what broke on another node is waited for (own choice)."""

LEAVING_SECONDS = 90.0
"""How long the store outlives the last job, so that all nodes see the end (own choice): a node may
just then be starting the process that looks for it."""


def host() -> None:
    """A process that keeps the store until its stdin is closed; says first whether it could."""
    from gpubench.bench.worker import die_with_parent

    die_with_parent()
    try:
        store = _store(sys.argv[1], is_master=True)
    except RuntimeError as problem:
        print(f"taken {str(problem).splitlines()[0]}", flush=True)  # noqa: T201 - its answer
        return
    print("ready", flush=True)  # noqa: T201
    sys.stdin.read()
    store.set(f"gpubench/job/{store.add('gpubench/jobs', 0) + 1}", END)
    ends = time.monotonic() + LEAVING_SECONDS
    while store.add("gpubench/here", 0) > 0 and time.monotonic() < ends:
        time.sleep(POLL_SECONDS / 5)


@contextlib.contextmanager
def announced(job: Job) -> Iterator[Meeting]:
    """Tell the other nodes of a job; what broke there is raised in place of what it caused."""
    assert job.rendezvous is not None
    store = _store(job.rendezvous)
    number = store.add("gpubench/jobs", 1)
    store.set(f"gpubench/job/{number}", json.dumps(dataclasses.asdict(job)))
    try:
        yield _meeting(job.rendezvous, number)
    except RankProblem as problem:
        other = _broke(store, number) if follows(problem.told["reason"]) else None
        raise (RankProblem(other) if other else problem) from None


def take_part(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:  # noqa: ARG001
    """Wait for the job of this number, and do this node's part of it."""
    assert job.rendezvous is not None
    try:
        store = _store(job.rendezvous)
        progress("waiting for the first node", 0, 1)
        if job.number == 1:
            store.add("gpubench/here", 1)
        said = _next(store, f"gpubench/job/{job.number}")
        if said == END:
            store.add("gpubench/here", -1)
    except RuntimeError:
        return {"state": "failed", "reason": f"nobody answers at {job.rendezvous} any more"}
    if said == END:
        return {"state": "ok", "ended": True}
    try:
        given = _job_in(said)
        _hold(given, job)
        own = dataclasses.replace(
            given, scratch=job.scratch, rendezvous=job.rendezvous, number=job.number
        )
        answer = on_this_node(own, _meeting(job.rendezvous, job.number), progress)
    except RankProblem as problem:
        store.set(f"gpubench/broke/{job.number}", json.dumps(problem.told))
        raise
    return {"state": answer["state"], "reason": answer.get("reason"), "ended": False}


def _job_in(said: str) -> Job:
    """The announced job; RankProblem where it is one of another gpubench."""
    try:
        return Job.from_plain(json.loads(said))
    except (TypeError, KeyError, ValueError) as problem:
        reason = f"the nodes run different versions of gpubench ({type(problem).__name__})"
        raise RankProblem({"kind": "failed", "reason": reason}) from None


def _hold(given: Job, own: Job) -> None:
    """RankProblem where the announced job is none that this node was started for."""
    is_known = given.suite_module.startswith("gpubench.suites.")
    if not (is_known or given.suite_module == own.suite_module):
        reason = f"no suite of gpubench: {given.suite_module[:80]}"
    elif given.workload.strategy.processes_per_node != own.workload.strategy.processes_per_node:
        reason = "--nproc-per-node is not the same on all nodes"
    else:
        return
    raise RankProblem({"kind": "failed", "reason": reason})


def _store(endpoint: str, *, is_master: bool = False) -> Any:
    name, _, port = endpoint.rpartition(":")
    return torch.distributed.TCPStore(
        name.strip("[]"),
        int(port),
        is_master=is_master,
        wait_for_workers=False,
        timeout=PATIENCE,
    )


def _meeting(endpoint: str, number: int) -> Meeting:
    return Meeting(endpoint=endpoint, run_id=f"gpubench-{number}", is_host=False)


def _next(store: Any, key: str) -> str:
    """What stands at a key as soon as something does; RuntimeError where the store is gone."""
    while not store.check([key]):
        time.sleep(POLL_SECONDS)
    return str(store.get(key).decode())


def _broke(store: Any, number: int) -> dict[str, Any] | None:
    """What another node says of its own ranks in this job, if it says so soon."""
    key, ends = f"gpubench/broke/{number}", time.monotonic() + ELSEWHERE_SECONDS
    with contextlib.suppress(RuntimeError):
        while time.monotonic() < ends:
            if store.check([key]):
                told: dict[str, Any] = json.loads(store.get(key).decode())
                return told
            time.sleep(POLL_SECONDS)
    return None
