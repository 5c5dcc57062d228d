"""What a record ran on, line by line: machine, software, and the rules it was measured under."""

from collections.abc import Iterator

from gpubench import codec, units
from gpubench.bench.record import RunRecord
from gpubench.env.snapshot import Snapshot
from gpubench.errors import UnreadableInput
from gpubench.gate.labels import device_of
from gpubench.render.machine import machine, one_line


def ran_on(record: RunRecord) -> list[tuple[str, str]]:
    """Names and words; what the record does not tell is left out."""
    return [(name, one_line(words)) for name, words in _lines(record) if words]


def _lines(record: RunRecord) -> Iterator[tuple[str, str]]:
    header, plan, protocol = record.header, record.header.plan, record.header.protocol
    yield "Measured on", device_of(record)
    yield from _machine(record)
    yield "Image", header.image or ""
    window = f"windows of {protocol.window_min_seconds:g} s or more"
    processes = units.count(plan.processes, "process", "processes")
    smoke = " · SMOKE TEST, not for figures" if plan.preset == "smoke" else ""
    yield "Protocol", f"{plan.preset}: {processes} a mode, {window}, tier {plan.tier}{smoke}"
    yield "Begun", header.created
    yield "Environment", f"{header.environment[:12]} · gpubench {header.gpubench_version}"


def _machine(record: RunRecord) -> Iterator[tuple[str, str]]:
    """The lines of the snapshot; one that another version wrote may not be readable."""
    if not record.header.snapshot:
        return
    try:
        snapshot = codec.from_plain(Snapshot, record.header.snapshot, record.source)
    except UnreadableInput:
        yield "Machine", "its snapshot is of another version and cannot be read by this one"
        return
    yield from machine(snapshot)
