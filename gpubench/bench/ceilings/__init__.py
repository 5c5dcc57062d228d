"""What a machine can do at most, one thing at a time: the ceilings, by name.

The suite measures every one of them. A training session measures the products that its modes
need before and after it trains, so that its cells can be held against them.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from gpubench.bench.job import Subject
from gpubench.bench.modes import Mode
from gpubench.units import Seconds

Unit = Literal["flop/s", "byte/s", "second"]

SUITE = "ceilings"
SUBJECT = Subject(SUITE)
"""The suite, every ceiling in processes of its own."""
BEFORE, AFTER = Subject(SUITE, "before"), Subject(SUITE, "after")
"""The products that a training session needs, measured when it begins and when it is done."""

PEAK_SECONDS = 1.5
"""How long a training session measures each product (own choice: short, but several windows)."""

LONGEST_SECONDS = 3.0
"""How long a process of the suite measures at most (own choice): a ceiling needs no long window,
on a GPU the power limit is reached within a second."""

LIMIT_SECONDS = Seconds(300)
"""How long a process may take at most (own choice): a collective that hangs waits no half hour."""

NO_COPY = "the CPU computes where its memory is; there is nothing to copy to"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """One thing to be measured.

    ``dtype`` is a format as ``Mode.rounding`` names it. ``rate`` is in ``unit``; of seconds the
    least is the ceiling, of everything else the most. ``not_on_cpu`` is why a CPU has none.
    """

    name: str
    title: str
    unit: Unit
    dtype: str | None = None
    not_on_cpu: str | None = None


CEILINGS = (
    Ceiling(name="gemm-float32", title="matrix product", unit="flop/s", dtype="float32"),
    Ceiling(
        name="gemm-tf32",
        title="matrix product",
        unit="flop/s",
        dtype="tf32",
        not_on_cpu="TF32 is a mode of NVIDIA GPUs of compute capability 8.0 or newer",
    ),
    Ceiling(name="gemm-bfloat16", title="matrix product", unit="flop/s", dtype="bfloat16"),
    Ceiling(name="gemm-float16", title="matrix product", unit="flop/s", dtype="float16"),
    Ceiling(name="memory-copy", title="memory, copy", unit="byte/s"),
    Ceiling(name="memory-triad", title="memory, triad", unit="byte/s"),
    Ceiling(name="to-device", title="host to device, pageable", unit="byte/s", not_on_cpu=NO_COPY),
    Ceiling(
        name="to-device-pinned", title="host to device, pinned", unit="byte/s", not_on_cpu=NO_COPY
    ),
    Ceiling(name="to-host", title="device to host, pageable", unit="byte/s", not_on_cpu=NO_COPY),
    Ceiling(
        name="to-host-pinned", title="device to host, pinned", unit="byte/s", not_on_cpu=NO_COPY
    ),
    Ceiling(name="launch", title="small operator, one of many", unit="second"),
    Ceiling(
        name="launch-and-wait",
        title="small operator, waited for",
        unit="second",
        not_on_cpu="an operator on the CPU is done when its call returns",
    ),
    Ceiling(
        name="all-reduce",
        title="all-reduce, bus bandwidth",
        unit="byte/s",
        not_on_cpu="collectives are measured between GPUs",
    ),
)


def ceiling_named(name: str) -> Ceiling:
    """The ceiling of that name."""
    return next(ceiling for ceiling in CEILINGS if ceiling.name == name)


def product(rounding: str) -> str:
    """The name of the matrix product in a format."""
    return f"gemm-{rounding}"


def products_for(modes: Sequence[Mode]) -> tuple[str, ...]:
    """The products whose peaks these modes are held against, and float32's for comparison."""
    return tuple(dict.fromkeys(["gemm-float32", *(product(mode.rounding) for mode in modes)]))
