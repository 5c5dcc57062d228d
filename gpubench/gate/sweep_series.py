"""A sweep as curves to draw: points with their intervals, and what was fitted through them."""

import dataclasses
from collections.abc import Callable, Sequence

from gpubench.bench.record import RunRecord
from gpubench.gate import growth
from gpubench.gate.spots import Spot, spots

FITTED_POINTS = 33
"""Points of a fitted curve between the ends of the range (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One variant; the ends are None where nothing tells them.

    One that ``is_shaky`` is not to be taken as it stands, one that is not ``fit`` is left out of
    what is fitted.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    is_shaky: bool = False
    fit: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One mode; ``fitted`` is empty where there are too few dots for a fit."""

    mode: str
    dots: tuple[Dot, ...]
    fitted: tuple[growth.Point, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One figure against the dimension; both axes start at zero, units are in the labels."""

    x_label: str
    y_label: str
    series: tuple[Series, ...]


def sweep_panels(record: RunRecord, suite: str) -> tuple[Panel, ...]:
    """Speed and memory of a suite over the sweep, of the cells that can be trusted; or nothing."""
    sweep = record.header.plan.sweep
    if sweep is None:
        return ()
    by_mode = {
        mode: [spot for spot in found if spot.counts]
        for mode, found in spots(record, suite).items()
    }
    by_mode = {mode: found for mode, found in by_mode.items() if found}
    if not by_mode:
        return ()
    if sweep.dimension == "batch-size":
        item = next(iter(by_mode.values()))[0].facts.settings.get("item", "sample")
        speed = Panel(
            x_label="batch size",
            y_label=f"{item}s/s",
            series=_series(by_mode, _batch, _throughput, ()),
        )
        return speed, _memory(by_mode, "batch size", _batch)
    time = Panel(
        x_label="tokens in a sample",
        y_label="ms per step",
        series=_series(by_mode, _tokens, _milliseconds, (0, 1, 2)),
    )
    return time, _memory(by_mode, "tokens in a sample", _tokens)


def _memory(
    by_mode: dict[str, list[Spot]], x_label: str, x_of: Callable[[Spot], float | None]
) -> Panel:
    return Panel(
        x_label=x_label,
        y_label="peak memory in GiB",
        series=_series(by_mode, x_of, _gibibytes, (0, 1)),
    )


def _series(
    by_mode: dict[str, list[Spot]],
    x_of: Callable[[Spot], float | None],
    dot_of: Callable[[Spot, float], Dot | None],
    powers: tuple[int, ...],
) -> tuple[Series, ...]:
    made = []
    for mode, found in by_mode.items():
        placed = [(spot, x) for spot in found if (x := x_of(spot)) is not None]
        dots = tuple(dot for spot, x in placed if (dot := dot_of(spot, x)) is not None)
        made.append(
            Series(mode=mode, dots=dots, fitted=_fitted([dot for dot in dots if dot.fit], powers))
        )
    return tuple(made)


def _fitted(dots: Sequence[Dot], powers: tuple[int, ...]) -> tuple[growth.Point, ...]:
    """The fitted curve over the range of the dots; nothing where dots and powers are as many."""
    if not powers or len(dots) <= len(powers):
        return ()
    curve = growth.fit([(dot.x, dot.y) for dot in dots], powers)
    if curve is None:
        return ()
    first, last = min(dot.x for dot in dots), max(dot.x for dot in dots)
    steps = (first + (last - first) * at / (FITTED_POINTS - 1) for at in range(FITTED_POINTS))
    return tuple((x, curve.at(x)) for x in steps)


def _batch(spot: Spot) -> float:
    return float(spot.facts.batch_size)


def _tokens(spot: Spot) -> float | None:
    return None if spot.length is None else float(spot.length)


def _throughput(spot: Spot, x: float) -> Dot | None:
    found = spot.cell.throughput
    if found is None:
        return None
    return Dot(x=x, y=found.value, low=found.low, high=found.high, is_shaky=spot.cell.is_shaky)


def _milliseconds(spot: Spot, x: float) -> Dot | None:
    """The time of a step from the throughput: the larger the one, the smaller the other."""
    found, samples = spot.cell.throughput, 1e3 * spot.facts.samples_per_step
    if found is None:
        return None
    low, high = (None if end is None else samples / end for end in (found.high, found.low))
    return Dot(
        x=x,
        y=samples / found.value,
        low=low,
        high=high,
        is_shaky=spot.cell.is_shaky,
        fit=spot.tells_time,
    )


def _gibibytes(spot: Spot, x: float) -> Dot | None:
    return None if spot.cell.peak_bytes is None else Dot(x=x, y=spot.cell.peak_bytes / 2**30)
