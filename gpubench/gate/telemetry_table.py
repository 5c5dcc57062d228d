"""A second table of a subject measured on a GPU: what the GPU did meanwhile."""

from collections.abc import Sequence

from gpubench import units
from gpubench.bench.record import RunRecord
from gpubench.gate.conditions import Conditions, condition_values, unwatched
from gpubench.gate.marks import by_reason, marked
from gpubench.gate.summary import Cell
from gpubench.gate.table import Column, Row, Table


def telemetry_table(title: str, item: str, cells: Sequence[Cell]) -> Table | None:
    """Clocks, power, energy and throttling by mode; None where no cell was watched.

    Its values are in the rows of the comparison as well.
    """
    watched = [(cell, cell.conditions) for cell in cells if cell.conditions]
    if not watched:
        return None
    return Table(
        title=f"{title} · the GPU meanwhile",
        about=("Means over the windows, the whole GPU; shares of time under each reason.",),
        columns=(
            Column(key="mode", heading="mode", numeric=False),
            Column(key="clock", heading="SM clock"),
            Column(key="power", heading="power"),
            Column(key="temperature", heading="hottest"),
            Column(key="energy", heading=f"energy per {item}"),
            Column(key="throttled", heading="held back by", numeric=False),
        ),
        rows=tuple(_row(cell, seen) for cell, seen in watched),
        notes=_notes(watched),
        repeats=True,
    )


def _notes(watched: Sequence[tuple[Cell, Conditions]]) -> tuple[str, ...]:
    deaf = [cell.mode for cell, seen in watched if seen.xid_watch is None]
    if not deaf:
        return ()
    return (f"{', '.join(deaf)}: Xid errors could not be listened for, here or in the kernel log",)


def unwatched_notes(record: RunRecord, cells: Sequence[Cell]) -> list[str]:
    """Cells on a GPU that nobody watched, and why: their faults and clocks are not known."""
    reasons = by_reason(
        (reason, cell.mode)
        for cell in cells
        if cell.throughput and (reason := unwatched(record.measured(cell.subject, cell.mode)))
    )
    return [
        f"{', '.join(modes)}: clocks, power and faults of the GPU were not watched: {reason}"
        for reason, modes in reasons.items()
    ]


def _row(cell: Cell, seen: Conditions) -> Row:
    of = {"suite": cell.subject.suite, "variant": cell.subject.variant or None, "mode": cell.mode}
    return Row(values={**of, **condition_values(seen)}, texts=_texts(cell, seen))


def _texts(cell: Cell, seen: Conditions) -> dict[str, str]:
    reasons = [f"{name} {units.percent(share, 0)}" for name, share in seen.throttled.items()]
    return {
        "mode": cell.mode,
        "clock": _clock(seen),
        "power": _with_unit(seen.power_watts, "W"),
        "temperature": _with_unit(seen.temperature_c, "°C"),
        "energy": units.ABSENT
        if seen.joules_per_sample is None
        else marked(f"{units.significant(seen.joules_per_sample)} J", shaky=cell.is_shaky),
        "throttled": ", ".join(reasons) or units.ABSENT,
    }


def _clock(seen: Conditions) -> str:
    if seen.sm_clock_mhz is None:
        return units.ABSENT
    most = f" of {seen.sm_clock_mhz_most:.0f}" if seen.sm_clock_mhz_most else ""
    return f"{seen.sm_clock_mhz:.0f}{most} MHz"


def _with_unit(value: float | None, unit: str) -> str:
    return units.ABSENT if value is None else f"{value:.0f} {unit}"
