"""What a GPU did while it was measured: clocks, power, temperature, throttling, other processes."""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import gpubench

_PROGRAM = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    "from gpubench.env.telemetry_child import main; main()"
)

HARDWARE_SLOWDOWN = {
    0x08: "hardware slow-down",
    0x40: "hardware thermal slow-down",
    0x80: "hardware power brake",
}
"""Reasons for which a measurement is thrown away (nvml.h, nvmlClocksEventReasons)."""

OTHER_REASONS = {
    0x02: "application clocks",
    0x04: "software power cap",
    0x10: "sync boost",
    0x20: "software thermal slow-down",
    0x100: "display clock",
}
"""Reasons that are recorded: a power cap under load is how a GPU normally runs."""

Sample = dict[str, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """One window, from ``samples`` readings; None where the GPU does not tell.

    ``throttled`` is the share of samples under each reason. ``processes`` is the largest number
    of compute processes seen on the GPU, this one included. Clocks in MHz, energy in joules; the
    PCIe link is the fastest that was seen.
    """

    samples: int
    sm_clock_mhz: float | None = None
    sm_clock_mhz_lowest: float | None = None
    power_watts: float | None = None
    temperature_c: float | None = None
    energy_joules: float | None = None
    processes: int | None = None
    ecc_uncorrected: int | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = None
    throttled: dict[str, float] = dataclasses.field(default_factory=dict)
    unavailable: str | None = None

    @property
    def fault(self) -> str | None:
        """Why a measurement under these conditions is not to be used, or None."""
        for name in HARDWARE_SLOWDOWN.values():
            if self.throttled.get(name):
                return f"{name} during {self.throttled[name]:.0%} of the window"
        if self.processes is not None and self.processes > 1:
            return f"{self.processes - 1} other compute process(es) on the GPU"
        if self.ecc_uncorrected:
            return f"{self.ecc_uncorrected} uncorrected memory errors during the window"
        return None


class Recorder:
    """The readings of a sampler, taken as they come."""

    def __init__(self, output: IO[bytes]) -> None:
        self._output = output

    def between(self, began: float, ended: float) -> Telemetry:
        """What was read from ``began`` to ``ended``, seconds of the monotonic clock."""
        events = list(self._events())
        for event in events:
            if "unavailable" in event:
                return Telemetry(samples=0, unavailable=str(event["unavailable"]))
        inside = [event for event in events if began <= event.get("seconds", -1.0) <= ended]
        if not inside:
            return Telemetry(samples=0, unavailable="no reading fell into the window")
        return summarise(inside)

    def _events(self) -> Iterator[Sample]:
        self._output.seek(0)
        for line in self._output.read().splitlines():
            with contextlib.suppress(ValueError):  # a last line that is still being written
                yield json.loads(line)


@contextlib.contextmanager
def sampling(gpu: str) -> Iterator[Recorder]:
    """Sample the GPU of that hashed UUID ten times a second while the block runs."""
    path = str(Path(gpubench.__file__).resolve().parent.parent)
    with tempfile.TemporaryFile() as output:
        sampler = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, gpu],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(
                    filter(None, [path, os.environ.get("PYTHONPATH", "")])
                ),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            start_new_session=True,
        )
        try:
            yield Recorder(output)
        finally:
            sampler.kill()  # it may hang in NVML, and has nothing to put in order
            sampler.wait()
            if sampler.stdin is not None:
                sampler.stdin.close()


def summarise(samples: Sequence[Sample]) -> Telemetry:
    """The readings of one window as a whole."""

    def of(name: str) -> list[float]:
        return [sample[name] for sample in samples if name in sample]

    clocks, energy, errors = of("sm_clock_mhz"), of("energy_joules"), of("ecc_uncorrected")
    return Telemetry(
        samples=len(samples),
        sm_clock_mhz=statistics.median(clocks) if clocks else None,
        sm_clock_mhz_lowest=min(clocks, default=None),
        power_watts=statistics.fmean(of("power_watts")) if of("power_watts") else None,
        temperature_c=max(of("temperature_c"), default=None),
        energy_joules=energy[-1] - energy[0] if len(energy) > 1 else None,
        processes=int(max(of("processes"))) if of("processes") else None,
        pcie_generation=int(max(of("pcie_generation"), default=0)) or None,
        pcie_width=int(max(of("pcie_width"), default=0)) or None,
        ecc_uncorrected=int(errors[-1] - errors[0]) if errors else None,
        throttled=_shares([int(mask) for mask in of("throttle_reasons")]),
    )


def _shares(masks: Sequence[int]) -> dict[str, float]:
    """The share of samples in which each reason's bit is set; reasons that never were are left."""
    counts = {
        name: sum(bool(mask & bit) for mask in masks)
        for bit, name in (HARDWARE_SLOWDOWN | OTHER_REASONS).items()
    }
    return {name: count / len(masks) for name, count in counts.items() if count}
