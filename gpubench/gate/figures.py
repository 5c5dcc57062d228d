"""The verdict of one metric of one cell, from the figures of both sides."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from gpubench.gate import welch
from gpubench.gate.calibration import FEWEST_SESSIONS, Calibration, CellNoise, workload_digest
from gpubench.gate.metrics import PARITY, Metric, tolerance_of
from gpubench.gate.pytest_benchmark import MODE
from gpubench.gate.sequential import Noise, has_grown, mean_and_variance, share, verdict
from gpubench.gate.sides import Cell, CellName
from gpubench.gate.summary import parted
from gpubench.gate.verdicts import Verdict
from gpubench.units import percent

Side = list[list[float]]
"""Logarithmic costs by session and process."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
    """One metric of one cell on both sides, and what is known of its noise."""

    name: CellName
    metric: Metric
    baseline: Side
    candidate: Side
    noise: CellNoise | None
    waits: bool
    """Whether data or the host set the baseline's pace: the candidate cannot loosen its gate."""
    is_of_files: bool
    """Each session is one file of another program: it has no calibration and needs none."""
    lopsided: str | None = None
    """Why the times of one side were taken under other conditions than those of the other."""

    @classmethod
    def of(
        cls,
        name: CellName,
        metric: Metric,
        baseline: Sequence[Cell],
        candidate: Sequence[Cell],
        calibration: Calibration | None,
    ) -> "Figures":
        """The figures of two sides that may be compared."""
        first = next((cell for cell in candidate if cell.counts), candidate[0])
        old, new = (
            [
                [*map(metric.cost, values)]
                for cell in side
                if (values := cell.values.get(metric.name))
            ]
            for side in (baseline, candidate)
        )
        noise = None
        if calibration is not None:
            noise = calibration.of(name, metric.name, workload_digest(first.facts))
        return cls(
            name=name,
            metric=metric,
            baseline=old,
            candidate=new,
            noise=noise,
            waits=any(cell.waits for cell in baseline),
            is_of_files=name.mode == MODE,
            lopsided=None if metric.name == "peak-memory" else lopsided(baseline, candidate),
        )

    @property
    def sides(self) -> tuple[Side, Side]:
        """Baseline and candidate."""
        return self.baseline, self.candidate

    @property
    def processes(self) -> tuple[int, int]:
        """Processes a side."""
        return sum(map(len, self.baseline)), sum(map(len, self.candidate))

    @cached_property
    def error(self) -> welch.Error | None:
        """The error of the difference; None where nobody knows how far sessions lie apart."""
        if min(map(len, self.sides)) >= FEWEST_SESSIONS:
            return welch.by_sessions(self.sides)
        if min(self.processes) < welch.FEWEST:
            return None
        between = self._between
        return None if between is None else welch.by_calibration(self.sides, between)

    @property
    def _between(self) -> Noise | None:
        """The noise of sessions: as calibrated, else of the side that has enough of them."""
        if self.noise is not None and self.noise.between is not None:
            return self.noise.between
        for side in self.sides:
            if len(side) >= FEWEST_SESSIONS:
                _, variance = mean_and_variance([welch.mean_of([session]) for session in side])
                return Noise(variance=variance, freedom=len(side) - 1.0)
        return None

    def noise_warnings(self) -> Iterator[str]:
        """A sentence for each side whose processes spread more than they did when calibrated."""
        known = self.noise.within if self.noise else None
        if known is None:
            return
        for side, words in zip(self.sides, ("baseline", "candidate"), strict=True):
            own, freedom = welch.within(side), sum(len(session) - 1 for session in side)
            if freedom and has_grown(own.variance, freedom, known):
                yield (
                    f"{self.name.subject.title} {self.name.mode}: the noise of "
                    f"{self.metric.title} has grown since it was calibrated ({words}: "
                    f"SD {percent(own.variance**0.5)}, calibrated {percent(known.variance**0.5)})"
                )


MARKED = {"capped": "clocks were held", "unstable": "step times did not settle"}
"""States whose times count with a mark, in words."""


def lopsided(baseline: Sequence[Cell], candidate: Sequence[Cell]) -> str | None:
    """Why an effect between two sides may be that of a mark which only one of them carries."""
    for state, said in MARKED.items():
        old, new = (any(cell.state == state for cell in side) for side in (baseline, candidate))
        if old != new:
            return f"only the {'baseline' if old else 'candidate'}'s {said} ({state})"
    return None


def of_figures(figures: Figures, tolerances: Mapping[str, float], family: int) -> Verdict | None:
    """The verdict; None where a side has no figure of this metric."""
    if not figures.baseline or not figures.candidate:
        return None
    tolerance = tolerance_of(figures.metric, tolerances, waits=figures.waits)
    old, new = map(welch.mean_of, figures.sides)
    plain = Verdict(
        suite=figures.name.subject.suite,
        variant=figures.name.subject.variant,
        mode=figures.name.mode,
        metric=figures.metric.name,
        word="INCONCLUSIVE",
        effect=share(new - old),
        tolerance=tolerance,
        baseline=figures.metric.value(old),
        candidate=figures.metric.value(new),
        baseline_processes=figures.processes[0],
        candidate_processes=figures.processes[1],
    )
    if figures.error is None:
        return _refused(plain, figures)
    if figures.lopsided is not None:
        return dataclasses.replace(plain, reason=figures.lopsided)
    return _judged(plain, figures, figures.error, tolerance, welch.RISK / family)


def _judged(
    plain: Verdict, figures: Figures, error: welch.Error, tolerance: float, risk: float
) -> Verdict:
    found = welch.interval(figures.sides, error, risk)
    word = verdict(found.low, found.high, tolerance)
    sessions = min(map(len, figures.sides))
    undecided = word == "INCONCLUSIVE"
    return dataclasses.replace(
        plain,
        word=word,
        reason="the interval reaches over the tolerance" if undecided else None,
        low=share(found.low),
        high=share(found.high),
        needed=welch.needed(error, found, tolerance, risk, sessions) if undecided else None,
        unit="sessions",
        gates_at=error.gates_at(risk),
    )


def _refused(plain: Verdict, figures: Figures) -> Verdict:
    """The verdict where nothing can be judged, with what it would take."""
    old, new = figures.processes
    if figures.is_of_files:
        needed = f"{FEWEST_SESSIONS} files a side are needed, there are {old} and {new}"
        return dataclasses.replace(plain, word="INCONCLUSIVE", reason=needed, needed=3)
    if min(old, new) < welch.FEWEST:
        reason = f"{welch.FEWEST} processes a side are needed, there are {old} and {new}"
    else:
        reason = (
            "how far two sessions lie apart by themselves is not known: calibrate on "
            f"{FEWEST_SESSIONS} sessions, give {FEWEST_SESSIONS} records of a side, "
            "or measure both in turns (ab)"
        )
    gated = not figures.metric.is_optional
    return dataclasses.replace(plain, word="NOT-COMPARABLE", reason=reason, gated=gated)


def of_parity(
    name: CellName, baseline: Sequence[Cell], candidate: Sequence[Cell]
) -> Verdict | None:
    """Whether the mode trains as float32 does; None where neither side was held against it."""
    if not any(cell.parity for cell in (*baseline, *candidate)):
        return None
    plain = Verdict(
        suite=name.subject.suite,
        variant=name.subject.variant,
        mode=name.mode,
        metric=PARITY,
        word="PASS",
    )
    for side, cells in (("candidate", candidate), ("baseline", baseline)):
        for cell in cells:
            if cell.parity is not None and not cell.parity.holds:
                reason = f"the {side}: {parted(cell.parity)}"
                return dataclasses.replace(plain, word="INVALID", reason=reason)
    unchecked = next((cell for cell in candidate if cell.parity is None), None)
    if unchecked is not None and any(cell.counts for cell in candidate):
        reason = f"the candidate was not checked: {unchecked.unchecked or 'no parity run'}"
        return dataclasses.replace(plain, word="INCONCLUSIVE", reason=reason)
    return plain if candidate else None
