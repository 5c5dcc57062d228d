"""What one record says of one claim, and the rules that every judge shares."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gpubench import units
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.gate.claims.bounds import UNDECIDED, Verdict, held_against, processes_needed
from gpubench.gate.growth import Bounded
from gpubench.gate.intervals import WIDEST
from gpubench.gate.summary import Cell
from gpubench.gate.table import STATE_WORDS
from gpubench.knowledge.claims import Claim

FEWEST_PROCESSES = 3
"""Processes a side without which nothing is decided, as in every comparison (DESIGN)."""

SMOKE = "smoke shapes are not the model of the claim"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A claim beside what one record says of it.

    ``figure`` is in the claim's unit and ``said`` is what stands for it where it is none.
    ``is_met`` says that what the claim asks of device, stack and model holds; ``is_shaky`` that
    the figure is not to be taken as it stands. ``processes`` are those of the smaller side.
    """

    claim: Claim
    verdict: Verdict = UNDECIDED
    reason: str | None = None
    figure: Bounded | None = None
    said: str | None = None
    is_met: bool = False
    is_shaky: bool = False
    processes: int = 0
    record: RunRecord | None = None
    facts: WorkloadFacts | None = None
    mode: str | None = None
    against: str | None = None

    @property
    def shows(self) -> bool:
        """Whether there is anything measured in it."""
        return self.figure is not None or self.said is not None


def begun(
    claim: Claim, record: RunRecord, facts: WorkloadFacts, mode: str, against: str | None = None
) -> Finding:
    """A finding of which it is known whether the claim's conditions hold, and nothing more."""
    unmet = unmet_condition(claim, record, facts)
    return Finding(
        claim=claim,
        reason=unmet,
        is_met=unmet is None,
        record=record,
        facts=facts,
        mode=mode,
        against=against,
    )


def unmet_condition(claim: Claim, record: RunRecord, facts: WorkloadFacts) -> str | None:
    """Why a record cannot decide the claim, whatever it measured; None where it can."""
    device, torch = facts.device, str(facts.device.get("torch"))
    if claim.device is not None and device.get("type") != claim.device:
        return "no GPU: it was measured on a CPU" if claim.device == "cuda" else "measured on a GPU"
    if claim.gpu is not None and not _has_word(str(device.get("name")), claim.gpu):
        return f"the claim is of an {claim.gpu}, this is an {device.get('name')}"
    if record.header.plan.preset == "smoke":
        return SMOKE
    if claim.torch is not None and not _is_release(torch, claim.torch):
        return f"the claim is of torch {claim.torch}, this is {torch}"
    return _other_shape(claim.shape, facts.settings)


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text) is not None


def _is_release(version: str, release: str) -> bool:
    return re.match(rf"{re.escape(release)}(?![0-9])", version) is not None


def _other_shape(asked: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    for name, value in asked.items():
        if settings.get(name) != value:
            words = name.replace("_", " ")
            return f"the claim is of {words} {value}, this has {settings.get(name)}"
    return None


def fault_of(cells: Sequence[Cell]) -> str | None:
    """Why cells give no figure that a verdict may stand on; None where they do."""
    for cell in cells:
        if cell.throughput is None:
            state = STATE_WORDS.get(cell.state, cell.state)
            return ": ".join(filter(None, [cell.mode, state, cell.reason]))
    for cell in cells:
        if cell.is_unsteady:
            why = STATE_WORDS.get(cell.state, cell.state) if cell.state != "ok" else "too wide"
            return f"{cell.mode} is not to be taken as it stands: {why}"
    return None


def judged(plain: Finding, figure: Bounded | None, processes: int, fault: str | None) -> Finding:
    """The finding with its figure held against the claim, as far as conditions and noise allow."""
    wide = figure is not None and _is_wide(figure)
    known = dataclasses.replace(
        plain, figure=figure, processes=processes, is_shaky=fault is not None or wide
    )
    if not plain.is_met or fault is not None or figure is None:
        return known if not plain.is_met else dataclasses.replace(known, reason=fault or "no times")
    if processes < FEWEST_PROCESSES:
        return dataclasses.replace(known, reason=too_few(processes))
    if wide:
        return dataclasses.replace(known, reason="the processes differ too much to give a figure")
    verdict = held_against(figure, plain.claim)
    reason = _across(known) if verdict == UNDECIDED else None
    return dataclasses.replace(known, verdict=verdict, reason=reason)


def _is_wide(figure: Bounded) -> bool:
    """Whether the ends of an interval of one sign lie too far apart to mean anything."""
    if figure.low is None or figure.high is None or figure.low <= 0:
        return False
    return figure.high > WIDEST * figure.low


def too_few(processes: int) -> str:
    """That there are fewer processes than a verdict takes."""
    have = units.count(processes, "process", "processes")
    return f"{have}, {FEWEST_PROCESSES} are needed"


def _across(known: Finding) -> str:
    """That the bound lies within the interval, and what might settle it."""
    assert known.figure is not None
    needed = processes_needed(known.figure, known.claim, known.processes)
    if needed is None:
        return "the bound lies within the interval, and more processes would hardly settle it"
    more = units.count(needed - known.processes, "more process", "more processes")
    side = " a side" if known.against else ""
    return f"the bound lies within the interval: about {more}{side} might settle it"
