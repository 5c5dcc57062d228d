"""A comparison as a table and sentences, for the formats that people read."""

import itertools
from collections.abc import Iterator

from gpubench import units
from gpubench.gate.changes import Change
from gpubench.gate.compare import Comparison, SideFacts
from gpubench.gate.metrics import PARITY, metric_named
from gpubench.gate.table import Column, Row, Table
from gpubench.gate.verdicts import Verdict
from gpubench.units import Bytes

SHOWN_CHANGES = 12
"""Differences between the two sides that are listed; JSON has them all."""

SHOWN_OF_A_KIND = 3
"""Of one kind so many are listed (own choice)."""

COLUMNS = (
    Column(key="cell", heading="cell", numeric=False),
    Column(key="metric", heading="metric", numeric=False),
    Column(key="baseline", heading="baseline"),
    Column(key="candidate", heading="candidate"),
    Column(key="effect", heading="costs more"),
    Column(key="interval", heading="interval"),
    Column(key="tolerance", heading="tolerated"),
    Column(key="verdict", heading="verdict", numeric=False),
)

SAID = {
    "PASS": "not slower than tolerated",
    "IMPROVED": "faster beyond the tolerance: refresh the baseline",
    "REGRESSION": "slower than tolerated",
    "INCONCLUSIVE": "cannot be told",
    "NOT-COMPARABLE": "these figures may not be judged against each other",
    "INVALID": "a measurement was invalid",
}


def headline(comparison: Comparison) -> str:
    """The answer in one line."""
    return f"{comparison.verdict}: {SAID[comparison.verdict]}"


def table(comparison: Comparison) -> Table:
    """One row per verdict, with the reasons as notes."""
    return Table(
        title=headline(comparison),
        about=(
            f"baseline: {_side(comparison.baseline)}",
            f"candidate: {_side(comparison.candidate)}",
            *([_family(comparison)] if comparison.family > 1 else []),
        ),
        columns=COLUMNS,
        rows=tuple(_row(verdict) for verdict in comparison.verdicts),
        notes=(*_reasons(comparison), *comparison.notes),
    )


def _family(comparison: Comparison) -> str:
    return f"{comparison.family} figures share the risk of a false alarm"


def _side(side: SideFacts) -> str:
    more = f" and {len(side.sources) - 1} more" if len(side.sources) > 1 else ""
    when = side.first if side.first == side.last else f"{side.first} to {side.last}"
    return f"{side.sources[0]}{more}, {units.count(side.sessions, 'session')}, {when}"


def _row(verdict: Verdict) -> Row:
    mark = "" if verdict.gated else " (not gated)"
    return Row(
        values={},
        texts={
            "cell": verdict.cell,
            "metric": title(verdict),
            "baseline": value(verdict.metric, verdict.baseline),
            "candidate": value(verdict.metric, verdict.candidate),
            "effect": signed(verdict.effect),
            "interval": interval(verdict),
            "tolerance": units.percent(verdict.tolerance),
            "verdict": verdict.word + mark,
        },
    )


def title(verdict: Verdict) -> str:
    """The metric's name for people."""
    return PARITY if verdict.metric == PARITY else metric_named(verdict.metric).title


def value(metric: str, figure: float | None) -> str:
    """A figure in its unit."""
    if figure is None:
        return units.ABSENT
    unit = metric_named(metric).unit
    if unit == "B":
        return units.memory(Bytes(round(figure)))
    if unit == "s":
        return units.seconds(figure)
    return f"{units.significant(figure)}{'' if metric == 'throughput' else f' {unit}'}"


def signed(share: float | None) -> str:
    """An effect with its sign; more is worse."""
    if share is None:
        return units.ABSENT
    return f"{'+' if share >= 0 else '−'}{units.percent(abs(share))}"


def interval(verdict: Verdict) -> str:
    """Both ends of an effect; an end beyond all bounds is not written out."""
    if verdict.low is None or verdict.high is None:
        return units.ABSENT
    if verdict.high > 10:
        return "too wide to tell"
    return f"[{signed(verdict.low)}, {signed(verdict.high)}]"


def _reasons(comparison: Comparison) -> Iterator[str]:
    """Why a verdict is no plain answer; what several say is said once."""
    alike: dict[str, list[str]] = {}
    for verdict in comparison.verdicts:
        said = reason(verdict)
        if said:
            name = (
                verdict.metric if verdict.metric == PARITY else metric_named(verdict.metric).title
            )
            alike.setdefault(said, []).append(f"{verdict.cell} {name}")
    for said, names in alike.items():
        named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"{named}: {said}"


def reason(verdict: Verdict) -> str | None:
    """A verdict's reason with what would settle it."""
    settled = ""
    if verdict.word == "INCONCLUSIVE" and verdict.low is not None:
        settled = (
            f"; about {units.count(verdict.needed, verdict.unit[:-1])} "
            f"{'a side ' if verdict.unit == 'sessions' else ''}would settle it"
            if verdict.needed
            else "; no number of repetitions within reason would settle it"
        )
        settled += f", as it is {units.percent(verdict.gates_at)} can be gated"
    return verdict.reason + settled if verdict.reason else None


def changed(comparison: Comparison) -> list[str]:
    """What differs between the sides, a line each, what likely matters most first.

    Of each kind the first few are named: an upgrade of CUDA is twenty packages, and one change.
    """
    lines: list[str] = []
    told = 0
    for _, kind in itertools.groupby(comparison.changes, key=lambda change: change.why):
        alike = list(kind)
        named = alike[: min(SHOWN_OF_A_KIND, SHOWN_CHANGES - len(lines))]
        if not named:
            break
        lines += map(_change, named)
        if len(named) < len(alike):
            lines[-1] += f", and {len(alike) - len(named)} more like it"
        told += len(alike)
    rest = len(comparison.changes) - told
    return [*lines, f"and {rest} more"] if rest > 0 else lines


def _change(change: Change) -> str:
    before, after = change.before or "absent", change.after or "absent"
    return f"{change.rank}. {change.what}: {before} → {after} ({change.why})"
