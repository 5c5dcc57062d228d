"""How long, how often, until when: the presets, and the rules the measuring follows."""

import dataclasses
import math
import statistics
from collections.abc import Sequence

from gpubench.errors import UnknownName
from gpubench.units import Seconds


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The rules of one run; every number is written into the record's header.

    A warm-up block has ``block_steps`` steps. The warm-up ends when the medians of two blocks in
    a row differ by at most ``stable_within`` and nothing was compiled in between, or at one of
    the caps, and then the measurement is marked unstable.

    After ``processes`` a cell gets further ones until half its interval is at most ``precision``
    of its throughput, or it has ``most_processes``; None asks for no precision. ``budget_seconds``
    is the time of one call of the program: beyond the first process of each cell nothing is begun
    that would end after it.
    """

    preset: str
    processes: int
    block_steps: int
    stable_within: float
    warmup_max_steps: int
    warmup_max_seconds: Seconds
    window_min_steps: int
    window_min_seconds: Seconds
    window_max_seconds: Seconds
    parity_steps: int
    soak_seconds: Seconds
    process_limit_seconds: Seconds
    precision: float | None = None
    most_processes: int | None = None
    budget_seconds: Seconds | None = None

    @property
    def lasting(self) -> "Protocol":
        """The rules that a resumed run must share; it may be given more time, or less."""
        return dataclasses.replace(self, precision=None, most_processes=None, budget_seconds=None)


MOST_PROCESSES = 12
"""Where a precision is asked for and the preset has no limit of its own (own choice)."""

SMOKE = Protocol(
    preset="smoke",
    processes=2,
    block_steps=3,
    stable_within=0.05,
    warmup_max_steps=30,
    warmup_max_seconds=Seconds(15),
    window_min_steps=10,
    window_min_seconds=Seconds(1.5),
    window_max_seconds=Seconds(30),
    parity_steps=6,
    soak_seconds=Seconds(1),
    process_limit_seconds=Seconds(600),
)

STANDARD = Protocol(
    preset="standard",
    processes=3,
    block_steps=10,
    stable_within=0.01,
    warmup_max_steps=300,
    warmup_max_seconds=Seconds(60),
    window_min_steps=30,
    window_min_seconds=Seconds(10),
    window_max_seconds=Seconds(600),
    parity_steps=20,
    soak_seconds=Seconds(10),
    process_limit_seconds=Seconds(1800),
    precision=0.01,
    most_processes=8,
    budget_seconds=Seconds(25 * 60),
)

PROCUREMENT = dataclasses.replace(
    STANDARD,
    preset="procurement",
    processes=5,
    window_min_seconds=Seconds(30),
    soak_seconds=Seconds(30),
    process_limit_seconds=Seconds(3600),
    precision=0.005,
    most_processes=20,
    budget_seconds=None,
)

PRESETS = (SMOKE, STANDARD, PROCUREMENT)

CPU_STABLE_WITHIN = 0.05
"""What two warm-up blocks may differ by on a CPU, whose neighbours share its caches (DESIGN)."""

CPU_BLOCK_STEPS = 3
"""A CPU step can take seconds; a block of three keeps the floor short (own choice)."""


def protocol_named(preset: str) -> Protocol:
    """The preset of that name; UnknownName otherwise."""
    for protocol in PRESETS:
        if protocol.preset == preset:
            return protocol
    raise UnknownName("preset", preset, (protocol.preset for protocol in PRESETS))


def on_cpu(protocol: Protocol) -> Protocol:
    """The same rules with what a CPU can meet.

    Its processes differ by more than a GPU's, so that no precision is asked for, and its steps
    are so long that no budget fits them.
    """
    return dataclasses.replace(
        protocol,
        block_steps=min(protocol.block_steps, CPU_BLOCK_STEPS),
        stable_within=max(protocol.stable_within, CPU_STABLE_WITHIN),
        precision=None,
        most_processes=None,
        budget_seconds=None,
    )


def is_stable(blocks: Sequence[Sequence[Seconds]], within: float) -> bool:
    """Whether the last two blocks of step times agree: medians within that share."""
    if len(blocks) < 2:
        return False
    before, after = (statistics.median(block) for block in blocks[-2:])
    return abs(after - before) <= within * max(before, after)


def window_steps(protocol: Protocol, step_seconds: Seconds) -> int:
    """How many steps fill the window, given the time of one at the end of the warm-up.

    Enough for the smallest window in steps and in seconds; the cap in seconds wins over the
    smallest number of steps, but never leaves fewer than two.
    """
    if step_seconds <= 0:
        return protocol.window_min_steps
    wanted = max(protocol.window_min_steps, math.ceil(protocol.window_min_seconds / step_seconds))
    affordable = max(2, math.floor(protocol.window_max_seconds / step_seconds))
    return min(wanted, affordable)
