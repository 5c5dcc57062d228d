"""The table of claims: what was asked for beside what was measured, with settings and verdict."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpubench import units
from gpubench.bench.record import RunRecord, WorkloadFacts
from gpubench.bench.sweep import Sweep
from gpubench.gate.claims.finding import Finding
from gpubench.gate.claims.judging import findings
from gpubench.gate.growth import Bounded
from gpubench.gate.marks import marked
from gpubench.gate.odd_lines import device_line
from gpubench.gate.table import Column, Row, Table
from gpubench.knowledge.claims import Unit

COLUMNS = (
    Column(key="id", heading="id", numeric=False),
    Column(key="claim", heading="claim", numeric=False),
    Column(key="measured", heading="measured [95 %]", numeric=False),
    Column(key="settings", heading="settings", numeric=False),
    Column(key="verdict", heading="verdict", numeric=False),
)

INTERVAL = (
    "reproduced and not reproduced are said where the whole interval lies on one side of the bound"
)


def claims_table(records: Sequence[RunRecord]) -> Table:
    """Every claim of the documents, decided from the records as far as they go."""
    found = findings(records)
    machines = _machines(found)
    return Table(
        title="claims of the source documents",
        about=(*machines, INTERVAL),
        columns=COLUMNS,
        rows=tuple(_row(each, with_device=len(machines) > 1) for each in found),
        notes=(*_reasons(found), *_chosen(found)),
    )


def _machines(found: Sequence[Finding]) -> list[str]:
    """The devices and stacks that the rows are of, each once."""
    used = [each.facts for each in found if each.facts is not None and each.shows]
    return list(dict.fromkeys(device_line(facts.device) for facts in used))


def _row(found: Finding, *, with_device: bool) -> Row:
    claim = found.claim
    return Row(
        values=_values(found),
        texts={
            "id": claim.id,
            "claim": f"“{claim.words}”",
            "measured": _measured(found),
            "settings": _settings(found, with_device=with_device),
            "verdict": found.verdict,
        },
    )


def _measured(found: Finding) -> str:
    if found.figure is None or found.claim.unit is None:
        return found.said or units.ABSENT
    return marked(_written(found.figure, found.claim.unit), shaky=found.is_shaky)


def _written(figure: Bounded, unit: Unit) -> str:
    """The figure with its ends in the claim's unit."""
    ends = [figure.value, *(end for end in (figure.low, figure.high) if end is not None)]
    value, *bounds = (_number(end, unit) for end in ends)
    interval = f" [{', '.join(bounds)}]" if len(bounds) == 2 else ""
    return f"{value}{interval} {_UNITS[unit]}"


_UNITS: dict[Unit, str] = {"times": "×", "share": "%", "images/s": "images/s", "bytes": "GB"}


def _number(value: float, unit: Unit) -> str:
    if unit == "share":
        return f"{100 * value:.1f}"
    return f"{value / 1e9:.3f}" if unit == "bytes" else f"{value:.2f}"


def _settings(found: Finding, *, with_device: bool) -> str:
    """What was trained and how, with the mode and what it is held against."""
    facts, record = found.facts, found.record
    if facts is None or record is None:
        return units.ABSENT
    words = [
        f"{found.mode} / {found.against}" if found.against else str(found.mode),
        str(facts.settings.get("model", facts.suite)),
        *_sizes(facts, record.header.plan.sweep),
        *(["smoke"] if record.header.plan.preset == "smoke" else []),
        *([str(facts.device.get("name"))] if with_device else []),
    ]
    return ", ".join(words)


def _sizes(facts: WorkloadFacts, sweep: Sweep | None) -> list[str]:
    """Tokens or pixels and the batch; of a dimension that was swept, its ends."""
    sizes = {
        "sequence_length": (facts.settings.get("sequence_length"), "{} tokens"),
        "image_size": (facts.settings.get("image_size"), "{} px"),
        "batch_size": (facts.samples_per_step, "batch {}"),
    }
    if sweep is not None:
        _, words = sizes[sweep.field]
        sizes[sweep.field] = f"{sweep.values[0]} to {sweep.values[-1]}", words
    return [words.format(size) for size, words in sizes.values() if size]


def _reasons(found: Sequence[Finding]) -> list[str]:
    """Why claims were not decided; those of one reason share a line."""
    by_reason: dict[str, list[str]] = {}
    for each in found:
        if each.reason:
            by_reason.setdefault(each.reason, []).append(_named(each, found))
    return [f"{', '.join(dict.fromkeys(ids))}: {reason}" for reason, ids in by_reason.items()]


def _named(each: Finding, found: Sequence[Finding]) -> str:
    """The claim's id, with the mode where several rows have it."""
    several = sum(other.claim.id == each.claim.id for other in found) > 1
    return f"{each.claim.id} ({each.mode})" if several else each.claim.id


def _chosen(found: Sequence[Finding]) -> list[str]:
    """What was read into the words of claims that could be decided."""
    read = {each.claim.id: each.claim.chosen for each in found if each.claim.chosen and each.is_met}
    return [f"{name}: {words}" for name, words in read.items()]


def _values(found: Finding) -> dict[str, Any]:
    """The raw values, in the claim's unit, for CSV and JSON."""
    claim, figure, facts, record = found.claim, found.figure, found.facts, found.record
    return {
        "claim": claim.id,
        "row": claim.row,
        "words": claim.words,
        "unit": claim.unit,
        "direction": claim.direction,
        "bound": claim.bound,
        "upper_bound": claim.upper,
        "measured": figure and figure.value,
        "measured_low": figure and figure.low,
        "measured_high": figure and figure.high,
        "measured_words": found.said,
        "is_shaky": found.is_shaky,
        "processes": found.processes,
        "suite": facts and facts.suite,
        "variant": (facts and facts.variant) or None,
        "mode": found.mode,
        "against": found.against,
        "preset": record and record.header.plan.preset,
        "batch_size": facts and facts.batch_size,
        "sequence_length": facts and facts.settings.get("sequence_length"),
        "image_size": facts and facts.settings.get("image_size"),
        "device": facts and facts.device.get("name"),
        "torch": facts and facts.device.get("torch"),
        "record": record and Path(record.source).parent.name,
        "verdict": found.verdict,
        "reason": found.reason,
    }
