"""What a GPU did over time: clock, power and temperature, one window after the other.

Only what the record's samples hold is drawn; a machine that nobody watched has no picture.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gpubench.bench.record import Measurement
from gpubench.gate.chart import Chart, Line, Plane, Point, finite
from gpubench.gate.charts.scene import Scene
from gpubench.gate.odd_lines import processes

SHOWN = (
    ("sm_clock_mhz", "SM clock, MHz", False),
    ("power_watts", "power, W", True),
    ("temperature_c", "temperature, °C", False),
)
"""A series of the record, its label, and whether its axis begins at zero."""

GAP_SECONDS = 1.0
"""What windows are drawn apart by; the time between them is not to scale."""

MOST_POINTS = 900
"""Of a picture, all windows together (own choice)."""


def telemetry_chart(scene: Scene) -> Chart | None:
    """Planes over the seconds of all windows; None where no samples were kept."""
    looks = {cell.mode: look for look, cell in enumerate(scene.cells)}
    watched = sorted(
        (
            (m, series)
            for mode in looks
            for m in processes(scene.record, scene.subject, mode)
            if m.counts and (series := _series(m)) is not None
        ),
        key=lambda found: (found[0].started, found[0].process),
    )
    if not watched:
        return None
    begins = _begins([series["seconds"] for _, series in watched])
    planes = [_plane(*shown, watched, begins, looks) for shown in SHOWN]
    return Chart(
        name="telemetry",
        title="The GPU meanwhile",
        about="samples of the windows in the order in which they were measured, one beside the "
        "other; the time between them is left out",
        parts=tuple(plane for plane in planes if plane is not None),
    )


Series = Mapping[str, Sequence[float | None]]


def _series(measurement: Measurement) -> Series | None:
    """What was kept over time, as far as it is numbers of one length."""
    kept: Any = (measurement.telemetry or {}).get("series")
    if not isinstance(kept, dict):
        return None
    names = ["seconds", *(name for name, _, _ in SHOWN if name in kept)]
    if any(not _is_series(kept.get(name)) for name in names) or len(names) == 1:
        return None
    if len({len(kept[name]) for name in names}) != 1 or None in kept["seconds"]:
        return None
    return {name: kept[name] for name in names}


def _is_series(values: object) -> bool:
    return (
        isinstance(values, list | tuple)
        and bool(values)
        and all(
            v is None or (isinstance(v, int | float) and finite([v]) and abs(v) < 1e12)
            for v in values
        )
    )


def _begins(seconds: Sequence[Sequence[float | None]]) -> list[float]:
    """Where each window is drawn: one after the other."""
    lengths = [max(finite(window)) + GAP_SECONDS for window in seconds]
    return [0.0, *itertools.accumulate(lengths)]


def _plane(
    name: str,
    label: str,
    from_zero: bool,
    watched: Sequence[tuple[Measurement, Series]],
    begins: Sequence[float],
    looks: Mapping[str, int],
) -> Plane | None:
    every = max(1, sum(len(series["seconds"]) for _, series in watched) // MOST_POINTS)
    lines = tuple(
        Line(name=m.mode, look=looks[m.mode], points=points)
        for (m, series), begin in zip(watched, begins, strict=False)
        if name in series and (points := _points(series, name, begin, every))
    )
    if not lines:
        return None
    return Plane(
        title="",
        x_label="seconds of windows, end to end",
        y_label=label,
        lines=lines,
        from_zero=from_zero,
        limit=_limit(name, watched),
        dividers=tuple(begin - GAP_SECONDS / 2 for begin in begins[1:-1]),
    )


def _points(series: Series, name: str, begin: float, every: int) -> tuple[Point, ...]:
    """The samples of one window; of a long run every so many."""
    read = zip(series["seconds"], series[name], strict=True)
    known = [(at, value) for at, value in read if at is not None and value is not None]
    return tuple(Point(x=begin + at, y=value) for at, value in known[::every])


def _limit(name: str, watched: Sequence[tuple[Measurement, Series]]) -> tuple[str, float] | None:
    """The highest clock that the board promises, where it says so."""
    told = finite([(m.telemetry or {}).get("sm_clock_mhz_most") for m, _ in watched])
    return ("most", told[0]) if name == "sm_clock_mhz" and told else None
