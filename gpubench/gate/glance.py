"""What a record says in a line: the fastest mode that can be trusted, and how many cells there are.

A figure with the sign ``~`` is never the answer, and where others may be as fast it says so.
"""

import dataclasses
from collections.abc import Sequence

from gpubench import units
from gpubench.bench.modes import REFERENCE
from gpubench.gate.intervals import Estimate
from gpubench.gate.marks import half_width, ratio_text
from gpubench.gate.summary import Cell
from gpubench.gate.tables import Compared, item_of


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One subject: ``figure`` is None where no cell has one that can be trusted."""

    title: str
    figure: str | None
    mode: str | None
    said: tuple[str, ...]
    interval: str | None = None


def glance(found: Compared) -> Glance | None:
    """The answer of one subject; None where nothing was trained in it."""
    if not found.cells:
        return None
    item = item_of(found.part.workloads.get(found.subject))
    trusted = [c for c in found.cells if c.throughput and c.is_sound and not c.is_shaky]
    best = max(trusted, key=lambda cell: _of(cell).value, default=None)
    counted = (_counted(found.cells),)
    title = found.subject.title
    if best is None:
        none = "no figure can be taken as it stands"
        return Glance(title=title, figure=None, mode=None, said=(none, *counted))
    return Glance(
        title=title,
        figure=f"{units.significant(_of(best).value)} {item}s/s",
        interval=None if _of(best).half_width is None else half_width(best.throughput),
        mode=best.mode,
        said=(*_beside(best, trusted), *counted),
    )


def _beside(best: Cell, trusted: Sequence[Cell]) -> list[str]:
    """Its speed-up, and which others may be as fast."""
    said = []
    if best.speedup is not None and best.mode != REFERENCE.name:
        said.append(f"× fp32: {ratio_text(best.speedup, shaky=best.speedup_is_shaky)}")
    near = [cell.mode for cell in trusted if cell is not best and _may_be_as_fast(cell, best)]
    if near:
        more = f" and {len(near) - 2} more" if len(near) > 2 else ""
        said.append(f"not told apart from {', '.join(near[:2])}{more}")
    return said


def _may_be_as_fast(cell: Cell, best: Cell) -> bool:
    """Whether their intervals meet; one process alone tells nothing apart."""
    high, low = _of(cell).high, _of(best).low
    return high is None or low is None or high >= low


def _of(cell: Cell) -> Estimate:
    assert cell.throughput is not None
    return cell.throughput


def _counted(cells: Sequence[Cell]) -> str:
    """How many modes have a figure, a doubtful one, or went wrong."""
    figures = [cell for cell in cells if cell.throughput]
    shaky, wrong = sum(c.is_shaky for c in figures), sum(not c.is_sound for c in cells)
    parts = [f"{len(figures)} of {units.count(len(cells), 'mode')} with a figure"]
    parts += [f"{shaky} of them marked ~"] if shaky else []
    parts += [f"in {wrong} something went wrong"] if wrong else []
    return ", ".join(parts)
