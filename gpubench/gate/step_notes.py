"""What must be known of how a cell's steps ran: who waited, what was not compiled."""

from collections.abc import Callable, Sequence
from typing import Any

from gpubench import units
from gpubench.bench.record import RunRecord
from gpubench.gate.busy import is_host_bound
from gpubench.gate.summary import Cell


def step_notes(record: RunRecord, cells: Sequence[Cell]) -> list[str]:
    """A line for each thing, with the modes it is true of; only of cells that have a figure."""
    told: dict[str, list[str]] = {}
    for cell in cells:
        if cell.throughput is None:
            continue
        effects = [m.effective for m in record.measured(cell.subject, cell.mode) if m.counts]
        for word in dict.fromkeys(
            said for effective in effects for say in _SAYINGS if (said := say(effective))
        ):
            told.setdefault(word, []).append(cell.mode)
        if is_host_bound(cell.gpu_busy_share):
            told.setdefault(_host_bound(cell, record.header.plan.tier), []).append(cell.mode)
    return [f"{', '.join(modes)}: {word}" for word, modes in told.items()]


def _host_bound(cell: Cell, tier: str) -> str:
    busy = f"the GPU is busy {units.percent(cell.gpu_busy_share or 0.0)} of a step"
    if tier == "end-to-end":  # which of the two is told by what bounds the cell
        return f"{busy} and waits for its input or the host the rest"
    return (
        f"host-bound: {busy} and waits for the host the rest; "
        "a larger batch or a mode with CUDA graphs feeds it better"
    )


def _graph_breaks(effective: dict[str, Any]) -> str | None:
    count = effective.get("graph_breaks", 0)
    if not count:
        return None
    return (
        f"{units.count(count, 'graph break')}, so parts of the model run uncompiled"
        f"{_because(effective.get('graph_break_reason'))}"
    )


def _graphs_skipped(effective: dict[str, Any]) -> str | None:
    count = effective.get("cuda_graphs_skipped", 0)
    if not count:
        return None
    return f"torch.compile left out CUDA graphs {count}×, so the mode is not wholly what it says"


def _torch_waits(effective: dict[str, Any]) -> str | None:
    """Waits that are torch's own doing; they are part of the step and no fault of the model."""
    owners = {
        "the gradient scaler": effective.get("scaler_synchronises"),
        "the optimizer": effective.get("optimizer_synchronises"),
        "torch itself": any(one.get("owner") == "torch" for one in effective.get("read_backs", ())),
    }
    waiting = [name for name, waits in owners.items() if waits]
    return f"{' and '.join(waiting)} waits for the device in every step" if waiting else None


def _unwatched(effective: dict[str, Any]) -> str | None:
    why = effective.get("read_backs_unwatched")
    return f"not checked for read-backs inside the step: {why}" if why else None


def _because(reason: str | None) -> str:
    return f"; the first: {reason}" if reason else ""


_SAYINGS: tuple[Callable[[dict[str, Any]], str | None], ...] = (
    _graph_breaks,
    _graphs_skipped,
    _torch_waits,
    _unwatched,
)
