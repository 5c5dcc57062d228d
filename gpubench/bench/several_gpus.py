"""Watching the GPUs of all ranks of a node: their samplers as one, their telemetry as one."""

import contextlib
import dataclasses
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from typing import Protocol as Interface

from gpubench.env.telemetry import Sample, Telemetry


class Recording(Interface):
    """What a sampler has read of one GPU."""

    def between(self, began: float, ended: float) -> Telemetry:
        """Of one window."""

    def xids(self) -> tuple[int, ...]:
        """The driver's error codes so far."""

    def latest(self) -> Sample | None:
        """The last reading."""


class Recorders:
    """The samplers of several GPUs, asked as if they were one."""

    def __init__(self, each: Sequence[Recording]) -> None:
        self._each = each

    def between(self, began: float, ended: float) -> Telemetry:
        """All GPUs of one window."""
        return merged([one.between(began, ended) for one in self._each])

    def xids(self) -> tuple[int, ...]:
        """Error codes of any."""
        return tuple(code for one in self._each for code in one.xids())

    def latest(self) -> Sample | None:
        """The first GPU's last reading, for a display."""
        return self._each[0].latest()


def all_of(
    gpus: Sequence[str], sampling: Callable[[str], AbstractContextManager[Any]]
) -> Callable[[str], AbstractContextManager[Any]]:
    """A sampling that watches all of these hashed UUIDs, whichever it is asked for."""

    @contextlib.contextmanager
    def watching(first: str) -> Iterator[Recorders]:  # noqa: ARG001
        with contextlib.ExitStack() as stack:
            yield Recorders([stack.enter_context(sampling(gpu)) for gpu in gpus])

    return watching


def merged(each: Sequence[Telemetry]) -> Telemetry:
    """Several GPUs as one: power and energy are sums, a fault of one is a fault of all.

    What is shown of clocks is the slowest's, and of throttling the worst; ``utilization_each``
    keeps every GPU's own share. The series over time is that of the first.
    """
    unread = next((one.unavailable for one in each if one.unavailable is not None), None)
    if unread is not None:
        return dataclasses.replace(
            Telemetry(samples=0, unavailable=unread), xids=tuple(x for t in each for x in t.xids)
        )
    return dataclasses.replace(
        each[0],
        samples=min(one.samples for one in each),
        sm_clock_mhz=_of(min, [one.sm_clock_mhz for one in each]),
        sm_clock_mhz_lowest=_of(min, [one.sm_clock_mhz_lowest for one in each]),
        power_watts=_of(sum, [one.power_watts for one in each]),
        temperature_c=_of(max, [one.temperature_c for one in each]),
        utilization=_of(statistics.fmean, [one.utilization for one in each]),
        energy_joules=_of(sum, [one.energy_joules for one in each]),
        processes=_of(max, [one.processes for one in each]),
        ecc_uncorrected=_of(sum, [one.ecc_uncorrected for one in each]),
        throttled=_worst([one.throttled for one in each]),
        cap=next((one.cap for one in each if one.cap is not None), None),
        xids=tuple(code for one in each for code in one.xids),
        utilization_each=tuple(one.utilization for one in each),
    )


def _of(how: Callable[[list[Any]], Any], values: Sequence[float | None]) -> Any:
    """One number of those of all; None where one GPU does not tell."""
    return None if None in values else how(list(values))


def _worst(shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for each in shares for name in each)
    return {name: max(each.get(name, 0.0) for each in shares) for name in names}
