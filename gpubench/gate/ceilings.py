"""The table of ceilings: what was measured, and what the vendor says."""

import dataclasses
from typing import Any

from gpubench import units
from gpubench.bench import ceilings
from gpubench.bench.ceilings import CEILINGS, Ceiling
from gpubench.bench.job import COUNTING
from gpubench.bench.record import CeilingRun, RunRecord
from gpubench.gate.marks import by_reason, marked
from gpubench.gate.odd_lines import device_line
from gpubench.gate.roofline import DOUBTFUL, Measured, above_nominal, measured, nominal_of, runs_of
from gpubench.gate.table import STATE_WORDS, Column, Row, Table

UNITS = {"flop/s": "FLOP/s", "byte/s": "B/s"}
"""How a rate is written; seconds are written as times."""

BROKEN = ("invalid", "failed", "timed-out", "implausible")
"""States of a ceiling that make a run of the suite unsound."""

COLUMNS = (
    Column(key="ceiling", heading="ceiling", numeric=False),
    Column(key="dtype", heading="format", numeric=False),
    Column(key="measured", heading="measured"),
    Column(key="spread", heading="± processes"),
    Column(key="best", heading="best window"),
    Column(key="nominal", heading="nominal"),
    Column(key="share", heading="of nominal"),
    Column(key="shape", heading="at", numeric=False),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One ceiling of a run: ``figure`` is there where its state counts."""

    ceiling: Ceiling
    state: str
    reason: str | None
    figure: Measured | None
    nominal: float | None


def found(record: RunRecord) -> list[Found]:
    """Every ceiling of the suite, in the registry's order."""
    return [_found(record, ceiling) for ceiling in CEILINGS]


def is_known(record: RunRecord) -> bool:
    """Whether every ceiling the device has was measured, and can be true."""
    return all(each.state not in BROKEN for each in found(record))


def ceilings_table(record: RunRecord) -> Table:
    """A row for each ceiling; what could not be measured says so in words."""
    every = found(record)
    plan = record.header.plan
    return Table(
        title=f"ceilings · {plan.preset}",
        about=tuple(_about(record)),
        columns=COLUMNS,
        rows=tuple(_row(each) for each in every),
        notes=tuple(_notes(every)),
    )


def _found(record: RunRecord, ceiling: Ceiling) -> Found:
    runs = runs_of(record, ceiling.name, (ceilings.SUBJECT,))
    state, reason = _state(runs)
    figure = measured(runs, ceiling.unit) if state in COUNTING else None
    device = next((run.device for run in runs if run.state in COUNTING), {})
    nominal = nominal_of(ceiling, device)
    if figure is not None and above_nominal(ceiling, figure.best, nominal):
        reason = (
            f"{_written(figure.best, ceiling)} is more than the nominal "
            f"{_written(nominal, ceiling)} that the device can do: a clock is wrong"
        )
        return Found(
            ceiling=ceiling, state="implausible", reason=reason, figure=None, nominal=nominal
        )
    return Found(ceiling=ceiling, state=state, reason=reason, figure=figure, nominal=nominal)


def _state(runs: list[CeilingRun]) -> tuple[str, str | None]:
    """A process that broke says nothing where another has an answer; what it refused, counts."""
    if not runs:
        return "not-measured", "the run ended before its turn"
    broken = ("failed", "timed-out")
    answered = [run for run in runs if run.state not in broken and not run.disturbed] or runs
    worst = next((run for run in answered if run.state != "ok"), answered[0])
    if worst.state == "ok" and not any(run.samples for run in answered):
        return "failed", "its processes gave no times"
    return worst.state, worst.reason


def _about(record: RunRecord) -> list[str]:
    devices = [run.device for run in record.of(CeilingRun, ceilings.SUBJECT) if run.device]
    if not devices:
        return []
    processes = units.count(record.header.plan.processes, "process", "processes")
    lines = [f"{device_line(devices[0])} · {processes} per ceiling"]
    if record.header.plan.preset == "smoke":
        lines.append("It shows that measuring works here; use --preset standard for figures.")
    return lines


def _row(each: Found) -> Row:
    ceiling, figure = each.ceiling, each.figure
    word = STATE_WORDS.get(each.state, each.state)
    shaky = figure is not None and (each.state != "ok" or figure.is_shaky)
    share = figure.value / each.nominal if figure and each.nominal else None
    texts = {
        "ceiling": ceiling.title,
        "dtype": ceiling.dtype or units.ABSENT,
        "measured": marked(_written(figure.value, ceiling), shaky=shaky) if figure else word,
        "spread": units.percent(figure.spread and figure.spread / 2) if figure else units.ABSENT,
        "best": marked(_written(figure.best if figure else None, ceiling), shaky=shaky),
        "nominal": _written(each.nominal, ceiling),
        "share": marked(units.percent(share), shaky=shaky),
        "shape": figure.shape if figure else units.ABSENT,
    }
    return Row(values=_values(each, share), texts=texts)


def _values(each: Found, share: float | None) -> dict[str, Any]:
    """The raw values, in the ceiling's unit, for CSV and JSON."""
    figure = each.figure
    return {
        "suite": ceilings.SUITE,
        "ceiling": each.ceiling.name,
        "format": each.ceiling.dtype,
        "unit": each.ceiling.unit,
        "state": each.state,
        "reason": each.reason,
        "processes": figure.processes if figure else 0,
        "measured": figure and figure.value,
        "spread": figure and figure.spread,
        "best_window": figure and figure.best,
        "noise": figure and figure.noise,
        "doubt": figure and figure.doubt,
        "nominal": each.nominal,
        "share_of_nominal": share,
        "shape": figure and figure.shape,
    }


def _written(value: float | None, ceiling: Ceiling) -> str:
    if ceiling.unit == "second":
        return units.seconds(value)
    return units.si(value, UNITS[ceiling.unit])


def _notes(every: list[Found]) -> list[str]:
    """Why there is no figure; several of one reason share a line."""
    reasons = by_reason(
        ((each.state, each.reason), each.ceiling.name)
        for each in every
        if each.reason and each.state != "ok"
    )
    doubts = by_reason(
        (units.percent(each.figure.doubt, 0), each.ceiling.name)
        for each in every
        if each.figure and each.figure.doubt > DOUBTFUL
    )
    return [
        *(
            f"{', '.join(names)}: {STATE_WORDS.get(state, state)}: {reason}"
            for (state, reason), names in reasons.items()
        ),
        *(
            f"{', '.join(names)}: good to no more than {doubt}, as far as its windows and "
            "processes lie apart"
            for doubt, names in doubts.items()
        ),
    ]
