"""What a cell is against others of its subject: its speed-up, and when compiling pays off.

Both sides are cells that have been judged: where either has lost its figure, nothing is said.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gpubench.bench.modes import REFERENCE
from gpubench.bench.record import RunRecord
from gpubench.gate.break_even import BreakEven, break_even
from gpubench.gate.intervals import Estimate, ratio_of
from gpubench.gate.odd_lines import known_mode, processes

if TYPE_CHECKING:
    from gpubench.gate.summary import Cell


def contrasted(record: RunRecord, cells: Sequence["Cell"]) -> list["Cell"]:
    """The cells of one subject with what compares them with each other."""
    by_mode = {cell.mode: cell for cell in cells}
    return [_contrasted(record, cell, by_mode) for cell in cells]


def _contrasted(record: RunRecord, cell: "Cell", by_mode: Mapping[str, "Cell"]) -> "Cell":
    if cell.throughput is None:
        return cell
    reference = by_mode.get(REFERENCE.name)
    speedup, is_shaky = None, False
    if reference is not None and reference.throughput is not None:
        speedup = _speedup(record, cell, reference)
        is_shaky = cell.is_shaky or reference.is_shaky
    return dataclasses.replace(
        cell,
        speedup=speedup,
        speedup_is_shaky=is_shaky,
        break_even=_break_even(record, cell, by_mode),
    )


def _speedup(record: RunRecord, cell: "Cell", reference: "Cell") -> Estimate:
    """The ratio to float32."""
    if cell.mode == reference.mode:
        return Estimate(value=1.0, low=None, high=None)
    return ratio_of(throughputs(record, cell), throughputs(record, reference))


def _break_even(record: RunRecord, cell: "Cell", by_mode: Mapping[str, "Cell"]) -> BreakEven | None:
    """Against the eager mode of the same numerics."""
    mode = known_mode(cell.mode)
    eager = by_mode.get(mode.base) if mode else None
    if eager is None or eager.mode == cell.mode or eager.throughput is None:
        return None
    found = break_even(
        cell.compile_cold_seconds,
        throughputs(record, cell),
        throughputs(record, eager),
        processes(record, cell.subject, eager.mode)[0].samples_per_step,
    )
    return found and dataclasses.replace(found, is_shaky=cell.is_shaky or eager.is_shaky)


def throughputs(record: RunRecord, cell: "Cell") -> list[float]:
    """What each of a cell's processes came to."""
    return [m.throughput for m in processes(record, cell.subject, cell.mode) if m.counts]
