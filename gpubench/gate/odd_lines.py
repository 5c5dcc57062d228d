"""What a record may hold that this version would not write: modes and times that are not there."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from gpubench import units
from gpubench.bench.job import COUNTING, Subject
from gpubench.bench.modes import MODES, Mode
from gpubench.bench.record import Loading, Measurement, RunRecord

NO_TIMES = "its process gave no times"
UNKNOWN_MODE = "this version of gpubench does not know the mode"


def known_mode(name: str) -> Mode | None:
    """The mode of that name; None for one of another version."""
    return next((mode for mode in MODES if mode.name == name), None)


def whole(value: object) -> int | None:
    """A positive whole number of a record's free fields; None for anything else."""
    return value if isinstance(value, int) and 0 < value < 1e18 else None


def counted(value: object, noun: str) -> str:
    """A number with its noun; what is no number stands as it is."""
    return units.count(value, noun) if isinstance(value, int) else f"{value} {noun}s"


def device_line(device: Mapping[str, Any]) -> str:
    """The device and the torch on it, for the lines above a table."""
    name = str(device.get("name"))
    if device.get("type") == "cpu":
        name += f", {counted(device.get('threads') or 0, 'thread')}"
    return f"{name} · torch {device.get('torch')}"


def processes(record: RunRecord, subject: Subject, mode: str) -> list[Measurement]:
    """The processes of a cell, in order."""
    return believed(record.measured(subject, mode))


def believed(measurements: Iterable[Measurement]) -> list[Measurement]:
    """The processes; one that claims times and has none has failed.

    Of what else was seen of it, groups of numbers that hold something else are left out.
    """
    return [
        dataclasses.replace(m, state="failed", reason=NO_TIMES)
        if m.state in COUNTING and not (m.counts and m.step_seconds and whole(m.samples_per_step))
        else m
        for m in map(_of_numbers, measurements)
    ]


_NUMBERS = (int, float)
NUMBERS = {
    "telemetry": (
        "sm_clock_mhz",
        "sm_clock_mhz_most",
        "power_watts",
        "temperature_c",
        "energy_joules",
    ),
    "feeding": (
        "resident_seconds",
        "resident_steps",
        "waiting_seconds",
        "workers",
        "padded_tokens",
        "real_tokens",
    ),
    "profile": ("busy_seconds", "wall_seconds", "steps"),
}
"""The free fields of a process with which is calculated."""


def _of_numbers(measurement: Measurement) -> Measurement:
    if _is_plain(measurement):
        return measurement
    seen = measurement.telemetry
    if seen is not None and not (_are_numbers(seen, "telemetry") and _are_shares(seen)):
        seen = {"unavailable": "what was noted of it is no numbers"}
    return dataclasses.replace(
        measurement,
        telemetry=seen,
        memory={name: size for name, size in measurement.memory.items() if _is_number(size)},
        feeding=measurement.feeding if _are_numbers(measurement.feeding, "feeding") else {},
        profile=measurement.profile if _are_numbers(measurement.profile, "profile") else {},
    )


def _is_plain(measurement: Measurement) -> bool:
    """Whether nothing is to be left out, as in all that this version writes."""
    seen = measurement.telemetry
    return (
        (seen is None or (_are_numbers(seen, "telemetry") and _are_shares(seen)))
        and all(map(_is_number, measurement.memory.values()))
        and _are_numbers(measurement.feeding, "feeding")
        and _are_numbers(measurement.profile, "profile")
    )


def _are_numbers(fields: Mapping[str, Any], group: str) -> bool:
    return all(fields.get(name) is None or _is_number(fields[name]) for name in NUMBERS[group])


def _are_shares(seen: Mapping[str, Any]) -> bool:
    shares = seen.get("throttled") or {}
    return isinstance(shares, dict) and all(map(_is_number, shares.values()))


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBERS) and abs(value) < 1e18


def believed_loading(line: Loading) -> Loading:
    """The same of a process that only made batches."""
    if line.state in COUNTING and not (
        line.counts and whole(line.batches) and whole(line.batch_size)
    ):
        return dataclasses.replace(line, state="failed", reason=NO_TIMES)
    return line
