"""Stored baselines: ``<folder>/<gpu>/<suite>.json``, one small file per machine model and suite.

The file holds the records themselves, cut down to one suite, not figures derived from them, so
that a later rule can judge them anew. One JSON file rather than a folder of records: it is
replaced in one step, it can be kept in a repository or an artefact store under a name that does
not change, and a change of it is one line in a diff. Measuring the same suite again on another
day and setting both gives a baseline of two sessions.
"""

import dataclasses
import datetime
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.bench.record import CeilingRun, Loading, RunRecord, record_in
from gpubench.errors import UnreadableInput, UnwritableOutput
from gpubench.gate.machine import machine_of
from gpubench.gate.sides import Session, identity_of, read_side

BASELINE = "gpubench.baseline/1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Records of one suite on one machine model; each is a list of its lines."""

    schema: str = BASELINE
    suite: str
    machine: str
    records: tuple[tuple[dict[str, Any], ...], ...]


def baselines_of(records: Sequence[RunRecord]) -> list[Baseline]:
    """One baseline per machine model and suite that the records hold figures of."""
    grouped: dict[tuple[str, str], list[tuple[dict[str, Any], ...]]] = {}
    for record in sorted(_once(records), key=lambda record: record.header.created):
        for suite in record.header.plan.suites:
            facts = [w for subject, w in record.workloads.items() if subject.suite == suite]
            lines = _lines(record, suite)
            if facts and lines:
                machine = machine_of(facts[0].device, record.header.snapshot)
                grouped.setdefault((machine.slug, suite), []).append(lines)
    return [
        Baseline(suite=suite, machine=slug, records=tuple(lines))
        for (slug, suite), lines in grouped.items()
    ]


def _once(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Each run once, the longest of its copies."""
    found: dict[str, RunRecord] = {}
    for record in sorted(records, key=lambda record: len(record.lines)):
        found[identity_of(record)] = record
    return list(found.values())


def _lines(record: RunRecord, suite: str) -> tuple[dict[str, Any], ...]:
    """The header and what is kept of one suite; empty where nothing of it counts.

    What its figures are judged by belongs to it: the ceilings, and what its loader does alone.
    """
    plan = dataclasses.replace(record.header.plan, suites=(suite,))
    header = dataclasses.replace(record.header, plan=plan)
    kept = [
        *(w for w in record.workloads.values() if w.suite == suite),
        *(m for m in record.measurements if m.suite == suite),
        *(p for p in record.parities.values() if p.suite == suite),
        *(line for line in record.of(Loading) if line.suite == suite),
        *record.of(CeilingRun),
    ]
    if not any(m.counts for m in record.measurements if m.suite == suite):
        return ()
    return tuple(codec.to_plain(line) for line in (header, *kept))


def path_of(folder: Path, baseline: Baseline) -> Path:
    """Where a baseline is kept."""
    return folder / baseline.machine / file_name(baseline.suite)


def file_name(suite: str) -> str:
    """A suite's file: its name, or one that leads nowhere else where it is no plain word."""
    plain = re.sub(r"[^a-z0-9]+", "-", suite.lower()).strip("-")[:60]
    if plain != suite or not plain:
        plain += "-" + hashlib.sha256(suite.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain}.json"


def write(folder: Path, baseline: Baseline) -> Path:
    """Keep a baseline in place of the one before; its path."""
    path = path_of(folder, baseline)
    codec.write_text(path, codec.to_json(baseline) + "\n")
    return path


def records_in(plain: Any, source: str) -> list[RunRecord]:
    """The records that a baseline holds; UnreadableInput says which of them is none."""
    plain = codec.check_schema(plain, BASELINE, source)
    records = plain.get("records")
    if not isinstance(records, list) or not records:
        raise UnreadableInput(f"{source}: no records in it")
    return [
        record_in(lines, f"{source}, record {number}")
        for number, lines in enumerate(records, start=1)
    ]


def stored(folder: Path) -> list[Path]:
    """Every baseline's file under a folder; files of others are none of them."""
    return sorted(path for path in folder.glob("*/*.json") if _is_baseline(path))


def is_stored(folder: Path) -> bool:
    """Whether a folder is laid out as a folder of baselines."""
    return folder.is_dir() and bool(stored(folder))


_BEGINS = re.compile(rb'\s*\{\s*"schema":\s*"' + re.escape(BASELINE.encode()) + rb'"')


def _is_baseline(path: Path) -> bool:
    """Whether a file begins as one that ``write`` wrote."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return _BEGINS.match(stream.read(200)) is not None
    except OSError:  # what cannot be read is not known to be one
        return False


def refuse_old(sessions: Sequence[Session], most_days: int, now: datetime.datetime) -> None:
    """UnreadableInput where a suite's newest session of a baseline is older than it may be."""
    ages: dict[str, float] = {}
    for session in sessions:
        days = days_old(session.created, now)
        if days is not None:
            suites = {name.subject.suite for name in session.cells}
            ages |= {suite: min(days, ages.get(suite, days)) for suite in suites}
    if ages and max(ages.values()) > most_days:
        suite, days = max(ages.items(), key=lambda entry: entry[1])
        raise UnreadableInput(
            f"the baseline of {suite} is {days:.0f} days old, at most {most_days} are allowed: "
            "measure it again and gpubench baseline set it, or raise --max-age"
        )


def too_old(path: Path, most_days: int, now: datetime.datetime) -> bool:
    """Whether the newest session of a stored baseline is older than that."""
    ages = [days for s in read_side(path) if (days := days_old(s.created, now)) is not None]
    return bool(ages) and min(ages) > most_days


def remove(path: Path) -> None:
    """Remove a stored baseline; UnwritableOutput says why not."""
    try:
        path.unlink()
    except OSError as problem:
        raise UnwritableOutput.of(path, problem) from None


def for_candidate(folder: Path, candidate: Iterable[Session]) -> list[Session]:
    """The stored sessions for the machine model and suites of a candidate; [] where none are."""
    wanted = {
        folder / cell.machine.slug / file_name(name.subject.suite)
        for session in candidate
        for name, cell in session.cells.items()
    }
    return [session for path in sorted(wanted) if path.is_file() for session in read_side(path)]


def days_old(created: str, now: datetime.datetime) -> float | None:
    """The age of a session; None where it does not say when it ran."""
    try:
        when = datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.timezone.utc)
    return (now - when).total_seconds() / 86_400
