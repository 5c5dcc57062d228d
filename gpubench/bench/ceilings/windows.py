"""Repetitions of one small work, timed in windows until the time given is spent."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

from gpubench.bench.steps import Clock, time_window
from gpubench.errors import GpubenchError
from gpubench.units import Seconds

MOST_WINDOWS = 64
"""Windows of one work at most (own choice); a record has each of them."""

MOST_REPETITIONS = 20_000
"""Repetitions in a window at most (own choice): each has an event on a GPU."""

CLOCKS_AGREE_WITHIN = 0.1
CLOCKS_AGREE_SECONDS = 2e-3
"""How far the device's clock and the host's may differ over a window (own choice)."""


class ClocksDisagree(GpubenchError):
    """The device's clock and the host's tell two different times of one window."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long to measure, refreshing included, and how long a window is about."""

    seconds: Seconds
    window_seconds: Seconds


def sample(
    work: Callable[[], object],
    clock: Clock[Any],
    *,
    shape: str,
    amount: float,
    budget: Budget,
    refresh: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Windows of ``work``, as a record keeps them.

    ``amount`` is what one repetition does: floating-point operations, bytes, or launches.
    ``refresh`` is done before each window and is not timed. A first, untimed repetition pays for
    what only the first does. At least one window is timed, however long it takes.
    """
    refresh()
    work()
    repetitions = _repetitions(work, clock, budget.window_seconds)
    windows: list[tuple[float, float, float]] = []
    ends = time.perf_counter() + budget.seconds
    while not windows or (len(windows) < MOST_WINDOWS and time.perf_counter() < ends):
        refresh()
        windows.append(_window(work, clock, repetitions))
    return {
        "shape": shape,
        "amount": amount,
        "repetitions": repetitions,
        "seconds": [wall for wall, _, _ in windows],
        "device_seconds": [device for _, device, _ in windows],
        "cpu_seconds": [processor for _, _, processor in windows],
    }


def _repetitions(work: Callable[[], object], clock: Clock[Any], window: Seconds) -> int:
    """How many fill a window, told from one that is twice as long as the one before."""
    count = 1
    while True:
        took = time_window(work, clock, steps=count).wall_seconds
        if took >= window / 4 or count >= MOST_REPETITIONS:
            break
        count *= 2
    return min(MOST_REPETITIONS, max(1, math.ceil(count * window / max(took, 1e-9))))


def _window(
    work: Callable[[], object], clock: Clock[Any], repetitions: int
) -> tuple[float, float, float]:
    """The seconds of a window by the host's clock, by the device's, and of processor time."""
    began = time.process_time()
    window = time_window(work, clock, steps=repetitions)
    processor = time.process_time() - began
    device = sum(window.step_seconds)
    allowed = CLOCKS_AGREE_WITHIN * window.wall_seconds + CLOCKS_AGREE_SECONDS
    if not abs(device - window.wall_seconds) <= allowed:
        raise ClocksDisagree(
            f"the device's clock counts {device:.4f} s for a window of "
            f"{window.wall_seconds:.4f} s by the host's clock"
        )
    return window.wall_seconds, device, processor
