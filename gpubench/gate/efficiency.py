"""What several ranks do together against one process of the same run, and which of them is slow."""

import dataclasses
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpubench.bench.job import Subject
from gpubench.bench.record import Measurement, RunRecord
from gpubench.bench.strategy import SINGLE
from gpubench.gate.intervals import Estimate, ratio_of
from gpubench.gate.odd_lines import processes

STANDS_OUT = 0.05
"""A rank is called slow that computes so much longer than the fastest, in every process alike (own
choice): two healthy devices differ by less."""


def efficiency(record: RunRecord, subject: Subject, mode: str) -> Estimate | None:
    """The throughput of all ranks over so many times that of ``single``: 1 is perfect scaling.

    None where either was not measured in this run. Every rank has the batch that single has.
    """
    facts = record.workloads.get(subject)
    alone = Subject(subject.suite, SINGLE.variant)
    if facts is None or facts.ranks < 2 or alone not in record.workloads:
        return None
    own, base = (
        [m.throughput for m in processes(record, each, mode) if m.counts]
        for each in (subject, alone)
    )
    if not own or not base:
        return None
    return ratio_of([throughput / facts.ranks for throughput in own], base)


def has_own_devices(record: RunRecord, subject: Subject) -> bool:
    """Whether each rank has a device to itself; on a CPU they share its cores."""
    facts = record.workloads.get(subject)
    return facts is not None and facts.device.get("type") == "cuda"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """What the ranks of a cell saw; shares are of a step, None what was not told.

    ``skew`` is how much longer a step took on its slowest rank than on its fastest, the median.
    ``slowest`` is the rank that computes longest where nothing is exchanged, ``excess`` how much
    longer than the fastest; None as the rank where the ``processes`` that tell do not agree on it,
    or none stands out.
    ``exchange`` is what a step takes beyond the slowest rank's own computing and the optimizer.
    """

    skew: float | None = None
    slowest: int | None = None
    excess: float | None = None
    processes: int = 0
    exchange: float | None = None
    peak_bytes: tuple[int, ...] = ()
    busy: tuple[float, ...] = ()
    unread: str | None = None


def ranks_of(measurements: Sequence[Measurement]) -> Ranks:
    """The ranks of a cell, over those of its processes that count."""
    known = [(m, each) for m in measurements if m.counts and (each := _each(m))]
    if not known:
        return Ranks()
    slow = [_slowest(each) for _, each in known]
    told = [found for found in slow if found is not None]
    excess = statistics.median(found[1] for found in told) if told else None
    names = {found[0] for found in told}
    stands_out = len(names) == 1 and excess is not None and excess >= STANDS_OUT
    return Ranks(
        skew=_median(_skews(m) for m, _ in known),
        slowest=names.pop() if stands_out else None,
        processes=len(told),
        excess=excess,
        exchange=_median(_exchange(m, each) for m, each in known),
        peak_bytes=_peaks([each for _, each in known]),
        busy=_busy(known),
        unread=_unread([one for _, each in known for one in each]),
    )


def _each(measurement: Measurement) -> list[Mapping[str, Any]]:
    """What each rank said, by rank; empty where it is no list of what ranks say."""
    each = measurement.ranks.get("each")
    if not isinstance(each, list) or not all(isinstance(one, dict) for one in each):
        return []
    return each


def _unread(each: Sequence[Mapping[str, Any]]) -> str | None:
    """Why ranks could not be timed without the others, where they could not."""
    return next((str(one["alone_unread"]) for one in each if "alone_unread" in one), None)


def _number(said: Mapping[str, Any], name: str) -> float | None:
    value = said.get(name)
    return float(value) if isinstance(value, int | float) and 0 < value < 1e18 else None


def _slowest(each: Sequence[Mapping[str, Any]]) -> tuple[int, float] | None:
    alone = [_number(one, "alone_seconds") for one in each]
    if None in alone or len(alone) < 2:
        return None
    seconds = [value or 0.0 for value in alone]
    longest = max(seconds)
    return seconds.index(longest), longest / min(seconds) - 1


def _skews(measurement: Measurement) -> float | None:
    fastest = measurement.ranks.get("fastest_step_seconds")
    if not isinstance(fastest, list) or len(fastest) != len(measurement.step_seconds):
        return None
    shares = [
        1 - fast / slow
        for fast, slow in zip(fastest, measurement.step_seconds, strict=True)
        if isinstance(fast, int | float) and slow > 0
    ]
    return statistics.median(shares) if shares else None


def _exchange(measurement: Measurement, each: Sequence[Mapping[str, Any]]) -> float | None:
    own = [_number(one, "alone_seconds") for one in each]
    moving = [_number(one, "optimizer_seconds") for one in each]
    if None in own or None in moving or not measurement.step_seconds:
        return None
    alone = max(value or 0.0 for value in own) + max(value or 0.0 for value in moving)
    return max(0.0, 1 - alone / statistics.median(measurement.step_seconds))


def _peaks(several: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[int, ...]:
    """The largest of each rank over processes; empty where ranks did not tell."""
    rows = [[_number(one, "peak_bytes") for one in each] for each in several]
    if any(None in row for row in rows) or len({len(row) for row in rows}) != 1:
        return ()
    return tuple(int(max(value or 0.0 for value in column)) for column in zip(*rows, strict=True))


def _busy(known: Sequence[tuple[Measurement, Sequence[Mapping[str, Any]]]]) -> tuple[float, ...]:
    """The share of a step in which each rank's GPU computed, copied or exchanged."""
    return tuple(share for m, each in known[:1] for one in each if (share := _share(m, one)))


def _share(measurement: Measurement, said: Mapping[str, Any]) -> float | None:
    profile = said.get("busy")
    if not isinstance(profile, dict) or not measurement.step_seconds:
        return None
    busy, wall, steps = (_number(profile, n) for n in ("busy_seconds", "wall_seconds", "steps"))
    if busy is None or wall is None or steps is None:
        return None
    window = (measurement.window_seconds or 0) / len(measurement.step_seconds)
    return min(1.0, busy / steps / min(wall / steps, window)) if window else None


def _median(values: Iterator[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None
