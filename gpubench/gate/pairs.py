"""What pairs measured in turns say: a verdict for each figure of each cell, by the looks' rule."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from gpubench.bench.modes import Mode
from gpubench.bench.pair_lines import Pair, whole_pairs
from gpubench.bench.record import RunRecord
from gpubench.gate.busy import busy_share, is_host_bound
from gpubench.gate.calibration import Calibration, workload_digest
from gpubench.gate.comparability import why_apart, why_unlike
from gpubench.gate.compare import Rules
from gpubench.gate.figures import MARKED
from gpubench.gate.metrics import METRICS, Metric, tolerance_of
from gpubench.gate.odd_lines import known_mode, processes
from gpubench.gate.sequential import (
    LOOKS,
    Look,
    Noise,
    decide,
    look,
    looks,
    mean_and_variance,
)
from gpubench.gate.sides import Cell as CellOfSide
from gpubench.gate.sides import CellName, Session, figures_of, session_of
from gpubench.gate.verdicts import Verdict

MOST_BROKEN = 3
"""Pairs beyond those wanted that may break, or compile from empty caches (own choice)."""

FEWEST = 3
"""Pairs below which nothing is said (DESIGN §7)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedFigure:
    """One metric of one cell: the logarithmic costs of its pairs, baseline and candidate.

    ``noise`` is the calibrated variance of a pair's difference. A figure that is not ``gated``
    has no part in the family's risk, and no say.
    """

    name: CellName
    metric: Metric
    pairs: tuple[tuple[float, float], ...]
    tolerance: float
    family: int
    noise: Noise | None
    gated: bool
    lopsided: str | None = None
    """Why an effect may be that of conditions which one side alone was measured under."""
    lopsided_looks: frozenset[int] = frozenset()
    """The looks of which that was so: they decide nothing."""

    @cached_property
    def differences(self) -> tuple[float, ...]:
        """What each candidate cost more than its baseline."""
        return tuple(candidate - baseline for baseline, candidate in self.pairs)

    @cached_property
    def look(self) -> Look:
        """The look that decided, or else all pairs there are."""
        found = decide(
            self.differences,
            self.tolerance,
            family=self.family,
            noise=self.noise,
            passed_over=self.lopsided_looks,
        )
        if found.word != "INCONCLUSIVE":
            return found
        every = look(self.differences, self.tolerance, family=self.family, noise=self.noise)
        return dataclasses.replace(every, word="INCONCLUSIVE")

    @property
    def is_over(self) -> bool:
        """Whether no further pair is wanted: it was decided, or the last look is past."""
        return self.look.word != "INCONCLUSIVE" or len(self.pairs) >= LOOKS[-1]

    @property
    def to_look(self) -> int:
        """How many more pairs the next look needs."""
        return 0 if self.is_over else self.looks_ahead[0] - len(self.pairs)

    @property
    def looks_ahead(self) -> list[int]:
        """The numbers of pairs at which it may still be decided."""
        return [n for n in looks(calibrated=self.noise is not None) if n > len(self.pairs)]

    @property
    def spread(self) -> Noise | None:
        """The variance of the pairs' own differences."""
        if len(self.pairs) < 2:
            return None
        return Noise(variance=mean_and_variance(self.differences)[1], freedom=len(self.pairs) - 1.0)


# -- reading two records --------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairRecords:
    """The records of both sides, baseline and candidate, as one question."""

    baseline: RunRecord
    candidate: RunRecord
    rules: Rules
    _figures: dict[CellName, list[PairedFigure]] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Those that were asked for before: a display asks often."""

    @property
    def both(self) -> tuple[RunRecord, RunRecord]:
        """Baseline and candidate."""
        return self.baseline, self.candidate

    @cached_property
    def sessions(self) -> tuple[Session, Session]:
        """What each side found of its cells."""
        return session_of(self.baseline), session_of(self.candidate)

    @cached_property
    def names(self) -> tuple[CellName, ...]:
        """The cells that were asked for, in order."""
        plan = self.baseline.header.plan
        return tuple(CellName(subject, mode) for subject in plan.subjects for mode in plan.modes)

    @cached_property
    def family(self) -> int:
        """How many figures share the risk: those that both sides were planned to have.

        It follows from what was asked and what the devices can do, so that it is the same at every
        look, whatever was decided before.
        """
        return max(1, sum(len(self.gated_metrics(name)) for name in self.names))

    def gated_metrics(self, name: CellName) -> tuple[str, ...]:
        """The metrics of a cell that have a say; none where a side cannot do its mode."""
        facts = [record.workloads.get(name.subject) for record in self.both]
        mode = known_mode(name.mode)
        if mode is None or any(each and name.mode in each.unsupported for each in facts):
            return ()
        return gated_metrics(mode, self.baseline.header.plan.device)

    def cells(self, name: CellName) -> tuple[CellOfSide | None, CellOfSide | None]:
        """A cell as each side has it."""
        old, new = (session.cells.get(name) for session in self.sessions)
        return old, new

    def pairs(self, name: CellName) -> list[Pair]:
        """The pairs of which both processes count."""
        old, new = (processes(record, name.subject, name.mode) for record in self.both)
        return [pair for pair in whole_pairs(old, new) if pair[0].counts and pair[1].counts]

    def refused(self, name: CellName) -> Verdict | None:
        """The verdict of a cell whose figures must not be compared, or whose measuring broke."""
        old, new = self.cells(name)
        found = why_apart(name, *([cell] if cell else [] for cell in (old, new)))
        if found is None or self.measured(name) or not self.gated_metrics(name):
            return found
        return dataclasses.replace(found, gated=True)  # it was asked, and is not to be measured

    def figures(self, name: CellName) -> list[PairedFigure]:
        """The figures of a cell that its pairs have."""
        if name not in self._figures:
            self._figures[name] = self._read_figures(name)
        return self._figures[name]

    def _read_figures(self, name: CellName) -> list[PairedFigure]:
        pairs = self.pairs(name)
        old, new = self.cells(name)
        if not pairs or old is None or new is None:
            return []
        gated = self.gated_metrics(name)
        digest = workload_digest(new.facts)
        waits = self._waits(pairs[0])
        return [
            PairedFigure(
                name=name,
                metric=metric,
                pairs=tuple((metric.cost(old), metric.cost(new)) for old, new in values),
                tolerance=tolerance_of(metric, self.rules.tolerances, waits=waits),
                family=self.family,
                noise=_noise(self.rules.calibration, name, metric, digest),
                gated=metric.name in gated,
                **_lopsided(metric, [pair for pair in pairs if values_of([pair], metric)]),
            )
            for metric in METRICS
            if (values := values_of(pairs, metric))
        ]

    def _waits(self, first: Pair) -> bool:
        """Whether data or the host sets the pace: by the first baseline, so that it stays."""
        tier = self.baseline.header.plan.tier
        return tier != "resident" or is_host_bound(busy_share(first[:1]))

    # -- while it is measured ---------------------------------------------------------------------

    def is_over(self, name: CellName) -> bool:
        """Whether a cell needs no further pair."""
        if not self.measured(name):
            old, new = self.cells(name)
            return old is not None and new is not None and why_unlike((old, new)) is not None
        if self.refused(name) is not None or self.begun(name) >= LOOKS[-1] + MOST_BROKEN:
            return True
        figures = [figure for figure in self.figures(name) if figure.gated]
        return bool(figures) and all(figure.is_over for figure in figures)

    def measured(self, name: CellName) -> bool:
        """Whether any process of a cell was measured on either side."""
        return self.begun(name) > 0

    def begun(self, name: CellName) -> int:
        """How many pairs of a cell were begun."""
        return max(len(record.measured(name.subject, name.mode)) for record in self.both)

    def pairs_to_look(self, name: CellName) -> int:
        """How many more pairs a cell's next look needs."""
        if self.is_over(name):
            return 0
        waiting = [f.to_look for f in self.figures(name) if f.gated and not f.is_over]
        calibrated = self.rules.calibration is not None
        return min(waiting, default=looks(calibrated=calibrated)[0])


def gated_metrics(mode: Mode, device: str) -> tuple[str, ...]:
    """The metrics of a mode that have a say on a device.

    Compile times are judged where all but the first pair have them: from warm caches, or, where
    compiling chooses kernels by timing them, from empty ones.
    """
    found = ["throughput", "peak-memory"]
    if mode.compile is not None:
        cold = mode.compile == "max-autotune"
        found.append("compile-seconds" if cold else "compile-seconds-warm")
    return (*found, *(["energy"] if device == "cuda" else []))


def values_of(pairs: Sequence[Pair], metric: Metric) -> tuple[tuple[float, float], ...]:
    """A metric of the pairs of which both processes have it; positive, in its unit."""
    values = [[figures_of(m).get(metric.name) for m in pair] for pair in pairs]
    return tuple((old, new) for old, new in values if old and new and min(old, new) > 0)


def lopsided(pairs: Sequence[Pair]) -> str | None:
    """Why an effect may be that of a mark which most processes of one side alone carry."""
    for state, said in MARKED.items():
        old, new = (sum(pair[side].state == state for pair in pairs) for side in (0, 1))
        if abs(old - new) > len(pairs) / 2:
            side = "baseline" if old > new else "candidate"
            return f"mostly the {side}'s {said} ({state})"
    return None


def _lopsided(metric: Metric, pairs: Sequence[Pair]) -> dict[str, Any]:
    """What is lopsided of the pairs of a figure; memory is what it is under any conditions."""
    if metric.name == "peak-memory":
        return {}
    at = [n for n in looks(calibrated=True) if n <= len(pairs) and lopsided(pairs[:n])]
    return {"lopsided": lopsided(pairs), "lopsided_looks": frozenset(at)}


def _noise(
    calibration: Calibration | None, name: CellName, metric: Metric, digest: str
) -> Noise | None:
    known = calibration.of(name, metric.name, digest) if calibration else None
    return known.of_pairs if known else None
