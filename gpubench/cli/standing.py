"""How a run stands: the job that runs, its stage, and what each cell has so far."""

import dataclasses
import time
from collections.abc import Callable, Sequence

from gpubench import units
from gpubench.bench.job import COUNTING, Subject
from gpubench.bench.record import Measurement, RunRecord
from gpubench.bench.schedule import Step
from gpubench.bench.undisturbed import Latest
from gpubench.env.telemetry import Sample
from gpubench.gate.intervals import Estimate, mean_of
from gpubench.gate.marks import half_width, marked
from gpubench.gate.odd_lines import believed
from gpubench.gate.summary import state_of
from gpubench.units import Bytes, Seconds


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a cell has so far, by the rules of the table; of parity nothing is known yet.

    ``processes`` have times that count; the throughput is None where the cell's state forbids it.
    """

    processes: int
    state: str
    throughput: Estimate | None
    peak_bytes: Bytes | None

    @property
    def figure(self) -> str:
        """The throughput with its mark; nothing where there is none."""
        if self.throughput is None:
            return ""
        shaky = self.state != "ok" or self.throughput.is_wide
        return marked(units.significant(self.throughput.value), shaky=shaky)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a running job; ``of`` is 0 where nobody knows how much it is."""

    name: str
    done: int
    of: int
    began: float


class Progress:
    """A run as it goes; ``clock`` is in seconds."""

    def __init__(
        self, before: RunRecord | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._cells: dict[tuple[Subject, str], dict[int, Measurement]] = {}
        self._latest: Latest = lambda: None
        self._left: tuple[float, float] = (0.0, clock())
        self.step: Step | None = None
        self.stage = Stage(name="starting", done=0, of=0, began=clock())
        for measurement in before.measurements if before else ():
            self.measured(measurement)

    def began(self, step: Step, seconds_left: float) -> None:
        """A job starts, after which there are so many seconds left."""
        self.step = step
        self._left = (seconds_left, self._clock())
        self.reached("starting", 0, 0)

    def reached(self, name: str, done: int, of: int) -> None:
        """The job has come to a stage, or further in it."""
        same = name == self.stage.name and done > 0
        began = self.stage.began if same else self._clock()
        self.stage = Stage(name=name, done=done, of=of, began=began)

    def sampled(self, latest: Latest) -> None:
        """From now on ``latest`` knows what the GPU does."""
        self._latest = latest

    def measured(self, measurement: Measurement) -> None:
        """A process of a cell is over."""
        cell = (measurement.subject, measurement.mode)
        self._cells.setdefault(cell, {})[measurement.process] = measurement

    def ended(self) -> None:
        """The job is over; its sampler has gone."""
        self._latest = lambda: None

    @property
    def seconds_in_stage(self) -> float:
        """How long the job has been where it is."""
        return self._clock() - self.stage.began

    @property
    def seconds_left(self) -> float:
        """How long all will take from now on."""
        seconds, told = self._left
        return max(0.0, seconds - (self._clock() - told))

    @property
    def reading(self) -> Sample | None:
        """What the GPU does now, where it is measured and tells."""
        try:
            return self._latest()
        except (OSError, ValueError):  # the sampler ended while it was asked
            return None

    def modes(self, subject: Subject) -> list[str]:
        """Those of which a subject has a measurement, in the order of their first."""
        return [mode for of, mode in self._cells if of == subject]

    def standing(self, subject: Subject, mode: str) -> Standing:
        """What a cell has so far."""
        measured = believed(self._cells.get((subject, mode), {}).values())
        state, _ = state_of(measured)
        counting = [m.throughput for m in measured if m.counts]
        peaks = [m.memory["peak_bytes"] for m in measured if "peak_bytes" in m.memory]
        return Standing(
            processes=len(counting),
            state=state,
            throughput=mean_of(counting) if counting and state in COUNTING else None,
            peak_bytes=max(peaks, default=None),
        )


def so_far(standing: Standing) -> str:
    """A cell's throughput with its interval: ``44.1 samples/s ± 1.2 %``, or why it has lost it."""
    if standing.throughput is None:
        return f"no figure: a process was {standing.state}" if standing.processes else ""
    half = half_width(standing.throughput)
    interval = "" if half == units.ABSENT else f" ± {half}"
    return f"{standing.figure} samples/s{interval}"


def gpu_line(reading: Sample) -> list[str]:
    """What a GPU does, as short texts: watts, clocks, degrees, memory."""
    texts: Sequence[tuple[str, Callable[[float], str]]] = (
        ("power_watts", lambda watts: f"{watts:.0f} W"),
        ("sm_clock_mhz", lambda clock: f"SM {clock:.0f} MHz"),
        ("temperature_c", lambda degrees: f"{degrees:.0f} °C"),
        ("utilization", lambda share: f"{share:.0%} busy"),
        ("memory_bytes", lambda size: units.memory(int(size))),
    )
    return [write(reading[name]) for name, write in texts if name in reading]


def left(seconds: float) -> str:
    """``about 3 min 20 s left``, and nothing where nothing is."""
    return f"about {units.seconds(Seconds(seconds))} left" if seconds >= 1 else ""
