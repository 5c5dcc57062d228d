"""How a cell stands while its pairs are measured: the interval that closes in on the tolerance."""

import dataclasses

from gpubench.gate.metrics import metric_named
from gpubench.gate.pairs import PairedFigure, PairRecords
from gpubench.gate.sequential import share
from gpubench.gate.sides import CellName
from gpubench.gate.verdicts import Word


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The throughput of a cell so far; effects are shares of added cost, more is worse.

    ``word`` is None while nothing may be said; ``to_look`` is how many more pairs the next look
    needs; ``waits_for`` are the titles of other figures that are not decided yet.
    """

    pairs: int
    word: Word | None = None
    reason: str | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    tolerance: float | None = None
    to_look: int = 0
    waits_for: tuple[str, ...] = ()


def standing(records: PairRecords, name: CellName) -> Standing:
    """How a cell stands in both records."""
    pairs = len(records.pairs(name))
    refused = records.refused(name) if records.measured(name) or records.is_over(name) else None
    if refused is not None:
        return Standing(pairs=pairs, word=refused.word, reason=refused.reason)
    figures = [figure for figure in records.figures(name) if figure.gated]
    own = next((f for f in figures if f.metric.name == "throughput"), None)
    if own is None:
        return Standing(pairs=pairs, to_look=records.pairs_to_look(name))
    return _of_figure(own, figures, pairs, records.pairs_to_look(name))


def _of_figure(
    own: PairedFigure, figures: list[PairedFigure], pairs: int, to_look: int
) -> Standing:
    interval = own.look.interval
    return Standing(
        pairs=pairs,
        word=own.look.word if own.is_over else None,
        effect=share(sum(own.differences) / pairs),
        low=share(interval.low) if interval else None,
        high=share(interval.high) if interval else None,
        tolerance=own.tolerance,
        to_look=to_look,
        waits_for=tuple(
            metric_named(f.metric.name).title for f in figures if f is not own and not f.is_over
        ),
    )
