"""What the loader can deliver, and whether the input or the device bounds a cell."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Literal

from gpubench.bench.feed import Feed, here
from gpubench.bench.job import COUNTING, State, Subject
from gpubench.bench.record import Loading, Measurement, RunRecord
from gpubench.gate.intervals import Estimate, mean_of, ratio_of
from gpubench.gate.odd_lines import believed_loading

WITHIN = 0.10
"""Rates that differ by less count as equal when a side is named (own choice)."""

TOKENS = ("padded_tokens", "real_tokens")
"""What bert-ner counts in a batch: what the model computes, and what of it is no padding."""

Bound = Literal["input", "device", "neither", "contention"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LoaderRow:
    """One way of making batches; rates in items per second, CPU time in seconds per item.

    ``rate`` and what follows are None where no number can be trusted. ``scaling`` is against the
    row without workers, ``contents`` counts per second what the suite counts in a batch.
    """

    feed: Feed
    state: State
    reason: str | None
    processes: int
    rate: Estimate | None = None
    cpu_seconds_per_item: float | None = None
    scaling: Estimate | None = None
    scaling_is_shaky: bool = False
    contents: dict[str, float] = dataclasses.field(default_factory=dict)
    faults: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing went wrong in it."""
        return self.state in (*COUNTING, "not-supported") and not self.faults

    @property
    def is_shaky(self) -> bool:
        """Whether its figures are not to be taken as they stand, and so are marked."""
        return self.rate is not None and (self.state != "ok" or self.rate.is_wide)


def loader_rows(record: RunRecord, subject: Subject) -> list[LoaderRow]:
    """The rows of a subject, in the order in which they were first measured."""
    latest = {
        (line.feed, line.process): believed_loading(line) for line in record.of(Loading, subject)
    }
    alone = [line for line in latest.values() if line.feed.workers == 0 and line.counts]
    return [
        _row([line for line in latest.values() if line.feed == feed], alone)
        for feed in dict.fromkeys(feed for feed, _ in latest)
    ]


def _row(lines: Sequence[Loading], alone: Sequence[Loading]) -> LoaderRow:
    feed = lines[0].feed
    good = [line for line in lines if line.counts]
    bad = [line for line in lines if not line.counts]
    if not good:
        return LoaderRow(feed=feed, state=bad[0].state, reason=bad[0].reason, processes=0)
    shaky = [line for line in good if line.state != "ok"]
    rates = [line.rate for line in good]
    costs = [c for line in good if (c := line.cpu_seconds_per_item) is not None]
    return LoaderRow(
        feed=feed,
        state=shaky[0].state if shaky else "ok",
        reason=shaky[0].reason if shaky else None,
        processes=len(good),
        rate=mean_of(rates),
        cpu_seconds_per_item=statistics.fmean(costs) if costs else None,
        scaling=ratio_of(rates, [line.rate for line in alone]) if alone else None,
        scaling_is_shaky=any(line.state != "ok" for line in (*good, *alone)),
        contents=per_second([(line.contents, line.window_seconds or 0.0) for line in good]),
        faults=tuple(line.reason or line.state for line in bad),
    )


def per_second(counted: Sequence[tuple[dict[str, int], float]]) -> dict[str, float]:
    """Counts of several windows, each with its seconds, as rates."""
    seconds = sum(own for _, own in counted)
    names = {name for counts, _ in counted for name in counts}
    return {
        name: sum(counts.get(name, 0) for counts, _ in counted) / seconds
        for name in sorted(names)
        if seconds
    }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InputSide:
    """How a cell that read files was fed; rates in items per second.

    ``device_rate`` is that of the same step over batches that stay on the device, ``loader_rate``
    that of the loader alone. ``waiting_share`` is the share of the window in which the step
    waited for its next batch, ``cores_needed`` how many cores would make batches as fast as the
    device trains them. None where it was not measured.
    """

    bound: Bound | None
    device_rate: float | None
    loader_rate: float | None
    waiting_share: float | None
    cores_needed: float | None
    workers: int | None

    @property
    def holds_back(self) -> bool:
        """Whether the cell's figures are not those of training alone."""
        return self.bound in ("input", "contention")


def input_side(record: RunRecord, measurements: Sequence[Measurement]) -> InputSide | None:
    """What bounds a cell of the tier end-to-end; None in other tiers and where nothing counts."""
    plan = record.header.plan
    counted = [m for m in measurements if m.counts]
    if plan.tier != "end-to-end" or not counted:
        return None
    loader = _alone(record, counted[0].subject)
    device = _mean(
        [m.feeding["resident_steps"] * m.samples_per_step / m.feeding["resident_seconds"]
         for m in counted if m.feeding.get("resident_seconds")]
    )  # fmt: skip
    waited = _mean(
        [m.feeding["waiting_seconds"] / (m.window_seconds or 1)
         for m in counted if m.feeding.get("waiting_seconds") is not None]
    )  # fmt: skip
    rate = loader.rate.value if loader and loader.rate else None
    cost = loader.cpu_seconds_per_item if loader else None
    fed = _mean([m.throughput for m in counted])
    return InputSide(
        bound=_bound(fed, device, rate),
        device_rate=device,
        loader_rate=rate,
        waiting_share=waited,
        cores_needed=device * cost if device is not None and cost is not None else None,
        workers=counted[0].feeding.get("workers"),
    )


def _alone(record: RunRecord, subject: Subject) -> LoaderRow | None:
    plan = record.header.plan
    used = here(plan.feed, plan.device)
    rows = loader_rows(record, subject)
    return next(
        (row for row in rows if dataclasses.replace(row.feed, workers=used.workers) == used), None
    )


def loader_faults(record: RunRecord, subject: Subject) -> tuple[str, ...]:
    """What went wrong where the loader was timed alone."""
    return tuple(
        f"{row.feed.title}: {fault}"
        for row in loader_rows(record, subject)
        if not row.is_sound
        for fault in row.faults or (f"{row.state}: {row.reason}",)
    )


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _bound(fed: float | None, device: float | None, loader: float | None) -> Bound | None:
    """The side that holds the cell back, from what each does alone.

    ``device``: fed from files it trains as fast as from its own memory; ``neither`` where the
    loader could do no more either. ``input``: it trains slower, and the loader alone is slower
    than the device, too. ``contention``: slower, although each alone would be fast enough.
    """
    if fed is None or device is None:
        return None
    keeps_up = loader is not None and loader >= (1 - WITHIN) * device
    if fed >= (1 - WITHIN) * device:
        even = keeps_up and loader is not None and loader <= (1 + WITHIN) * device
        return "neither" if even else "device"
    return "contention" if keeps_up else "input"


def token_rates(measurements: Sequence[Measurement]) -> dict[str, float]:
    """Padded and real tokens per second over the windows of a cell, where they were counted."""
    counted = [
        ({name: m.feeding[name] for name in TOKENS if name in m.feeding}, m.window_seconds)
        for m in measurements
        if m.counts and m.window_seconds
    ]
    return per_second([(counts, seconds) for counts, seconds in counted if counts and seconds])
