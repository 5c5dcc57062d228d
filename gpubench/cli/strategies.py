"""The options of ``run`` that spread training over processes, devices and nodes."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gpubench.cli import terminal
from gpubench.errors import BadUsage, ExitStatus
from gpubench.suites.registry import suite_named

if TYPE_CHECKING:
    from gpubench.bench.job import Workload
    from gpubench.bench.protocol import Protocol
    from gpubench.bench.record import Plan


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given."""

    strategy: str | None
    processes_per_node: int | None
    nodes: int
    endpoint: str | None
    options: dict[str, Any]


def with_strategies(plan: "Plan", asked: Asked) -> "Plan":
    """The plan with a variant for each strategy; BadUsage where options do not go together."""
    from gpubench.bench.strategy import SINGLE, strategies

    if asked.strategy is None:
        _hold_alone(asked)
        return plan
    _hold_endpoint(asked)
    found = strategies(
        asked.strategy,
        processes_per_node=asked.processes_per_node,
        nodes=asked.nodes,
        **asked.options,
    )
    if found == (SINGLE,):  # what a run does anyway
        return plan
    _hold_plan(plan, asked)
    variants = tuple(strategy.variant for strategy in found)
    return dataclasses.replace(plan, strategies=found, variants=variants)


def of_variant(plan: "Plan", given: "Workload", variant: str) -> "Workload":
    """The workload of one variant; ranks that share a node share its cores for reading files."""
    from gpubench.bench.feed import USUAL_WORKERS, cores

    for strategy in plan.strategies:
        if strategy.variant != variant:
            continue
        changed = dataclasses.replace(given, strategy=strategy)
        if given.feed.workers is None and strategy.is_launched:
            each = max(1, min(USUAL_WORKERS, cores() // strategy.processes_per_node))
            feed = dataclasses.replace(given.feed, workers=each)
            changed = dataclasses.replace(changed, feed=feed)
        return changed
    return given


@contextlib.contextmanager
def first_node(asked: Asked) -> Iterator[bool]:
    """Whether this call measures and writes the record; the others take part in its jobs."""
    if asked.endpoint is None:
        yield True
        return
    from gpubench.bench.nodes import is_first

    with is_first(asked.endpoint) as first:
        yield first


def take_part(plan: "Plan", protocol: "Protocol", workload: "Workload", asked: Asked) -> int:
    """Run this node's ranks of every job of the first node, which has the record."""
    from gpubench.bench import nodes

    assert asked.endpoint is not None
    terminal.note(f"taking part in the run at {asked.endpoint}; its record is written there")
    with terminal.interruptible():
        faults = nodes.take_part(
            of_variant(plan, workload, plan.variants[-1]),
            module=suite_named(plan.suites[0]).module,
            protocol=protocol,
            device=plan.device,
            endpoint=asked.endpoint,
            progress=lambda stage, done, of: None,
        )
    for fault in faults:
        terminal.note(fault)
    terminal.note("the first node has ended the run")
    return ExitStatus.INVALID if faults else ExitStatus.YES


def _hold_alone(asked: Asked) -> None:
    given = {
        "--nproc-per-node": asked.processes_per_node is not None,
        "--nnodes": asked.nodes > 1,
        "--rdzv-endpoint": asked.endpoint is not None,
        "--bucket-mib": asked.options["bucket_mib"] is not None,
        "--static-graph": asked.options["static_graph"],
        "--gradient-views": asked.options["gradient_views"],
    }
    for option, is_given in given.items():
        if is_given:
            raise BadUsage(f"{option} needs --strategy: ddp, fsdp or dp")


def _hold_endpoint(asked: Asked) -> None:
    if asked.nodes > 1 and asked.endpoint is None:
        raise BadUsage("--nnodes needs --rdzv-endpoint host:port, the same on every node")
    if asked.nodes == 1 and asked.endpoint is not None:
        raise BadUsage("--rdzv-endpoint is where several nodes meet: give --nnodes as well")
    if asked.endpoint is None:
        return
    found = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})", asked.endpoint)
    if found is None or not 0 < int(found[2]) < 65_536:
        raise BadUsage(f"--rdzv-endpoint {asked.endpoint[:80]}: write it as host:port")


def _hold_plan(plan: "Plan", asked: Asked) -> None:
    """BadUsage for what is not measured together with strategies."""
    if any(not suite_named(suite).trains for suite in plan.suites):
        raise BadUsage(f"--strategy is of training, and {', '.join(plan.suites)} is not all of it")
    refused = {
        "--sweep": plan.sweep is not None,
        "--tier loader": plan.tier == "loader",
        "--batch-size auto": plan.batch_search,
        "--lengths bucketed": plan.feed.lengths == "bucketed",
        "--nnodes with --data": asked.nodes > 1 and plan.data is not None,
        "--nnodes with --tier end-to-end": asked.nodes > 1 and plan.tier != "resident",
    }
    for option, is_given in refused.items():
        if is_given:
            raise BadUsage(f"--strategy and {option} are not measured together")
