"""The timing loop; it knows nothing of torch, so a test can drive its clock."""

import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Protocol as Interface
from typing import TypeVar

from gpubench.bench.protocol import Protocol, is_stable
from gpubench.units import Seconds

Mark = TypeVar("Mark")

Agreed = Callable[[Sequence[float]], tuple[float, ...]]
"""Makes numbers of one rank those of all: the largest of each. Alone they stay as they are."""


class Clock(Interface[Mark]):
    """Something that can mark moments of the device without waiting for it."""

    def mark(self) -> Mark:
        """Remember this moment in the device's order of work; does not wait."""

    def seconds(self, start: Mark, end: Mark) -> Seconds:
        """The time between two marks; call ``settle`` first."""

    def settle(self) -> None:
        """Wait until the device has done all that was asked of it."""


class WallClock:
    """A clock for work that is done when the call returns: the CPU."""

    def mark(self) -> float:
        """Seconds of the monotonic clock."""
        return time.perf_counter()

    def seconds(self, start: float, end: float) -> Seconds:
        """The difference."""
        return Seconds(end - start)

    def settle(self) -> None:
        """Nothing is pending."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Raw times of the measured steps: the wall time of all, and each step by the clock."""

    wall_seconds: Seconds
    step_seconds: tuple[Seconds, ...]


def time_window(step: Callable[[], object], clock: Clock[Mark], *, steps: int) -> Window:
    """Run ``steps`` steps between two waits for the device; nothing waits in between."""
    marks: list[Mark] = []
    clock.settle()
    began = time.perf_counter()
    marks.append(clock.mark())
    for _ in range(steps):
        step()
        marks.append(clock.mark())
    clock.settle()
    wall = Seconds(time.perf_counter() - began)
    each = tuple(clock.seconds(start, end) for start, end in itertools.pairwise(marks))
    return Window(wall_seconds=wall, step_seconds=each)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Warmup:
    """What it took until the steps were steady.

    ``start_seconds`` are the first steps, each waited for, until some in a row compiled nothing.
    """

    start_seconds: tuple[Seconds, ...]
    block_medians: tuple[Seconds, ...]
    steps: int
    stable: bool

    @property
    def step_seconds(self) -> Seconds:
        """The time of a steady step."""
        return self.block_medians[-1] if self.block_medians else self.start_seconds[-1]

    @property
    def compile_seconds(self) -> Seconds:
        """What the first steps took beyond steady ones: compiling forward and backward, autotuning.

        The backward is compiled when it is first run, so whole steps count. Whether the caches
        were empty (cold) or filled by another process (warm) is the record's ``compile_cache``.
        """
        excess = sum(self.start_seconds) - len(self.start_seconds) * self.step_seconds
        return Seconds(max(0.0, excess))


def warm_up(
    step: Callable[[], object],
    clock: Clock[Mark],
    protocol: Protocol,
    *,
    compilations: Callable[[], int] = lambda: 0,
    quiet: int = 2,
    progress: Callable[[int, int], object] = lambda done, most: None,
    agreed: Agreed = tuple,
) -> Warmup:
    """Run steps until they are steady; ``compilations`` counts graphs compiled so far.

    Blocks begin after ``quiet`` steps in a row compiled nothing. The cap in seconds never ends
    the warm-up before two blocks, without which nothing could be called steady. Everything that
    decides about another step passes through ``agreed``, so that ranks which train together take
    the same number of steps.
    """

    def graphs() -> int:
        return int(agreed([compilations()])[0])

    start = _first_steps(step, clock, protocol, graphs, quiet, agreed)
    blocks: list[tuple[Seconds, ...]] = []
    done, ran, began, stable = len(start), 0, time.perf_counter(), False
    while not stable and done < protocol.warmup_max_steps:
        compiled = graphs()
        ran += 1
        block = time_window(step, clock, steps=protocol.block_steps).step_seconds
        blocks.append(tuple(map(Seconds, agreed(block))))
        done += protocol.block_steps
        progress(done, protocol.warmup_max_steps)
        if graphs() != compiled:
            blocks.clear()
        stable = is_stable(blocks, protocol.stable_within)
        spent = agreed([time.perf_counter() - began])[0]
        if ran >= 2 and spent > protocol.warmup_max_seconds:
            break
    return Warmup(
        start_seconds=start,
        block_medians=tuple(Seconds(statistics.median(block)) for block in blocks),
        steps=done,
        stable=stable,
    )


def _first_steps(
    step: Callable[[], object],
    clock: Clock[Mark],
    protocol: Protocol,
    compilations: Callable[[], int],
    quiet: int,
    agreed: Agreed,
) -> tuple[Seconds, ...]:
    """Time single steps until ``quiet`` in a row compile nothing, or the cap is reached."""
    times: list[Seconds] = []
    silent = 0
    while silent < quiet and len(times) < protocol.warmup_max_steps:
        compiled = compilations()
        times.append(Seconds(agreed([time_window(step, clock, steps=1).wall_seconds])[0]))
        silent = silent + 1 if compilations() == compiled else 0
    return tuple(times)
