"""Ceilings written by hand: a CPU whose bfloat16 products are four times as fast as float32's."""

import dataclasses

from gpubench.bench import ceilings
from gpubench.bench.record import CeilingRun, CeilingSample
from tests.fakes.records import record

CPU = {"type": "cpu", "name": "A CPU", "threads": 2, "torch": "2.15.0"}
H200 = {"type": "cuda", "name": "NVIDIA H200", "torch": "2.15.0"}
GFLOPS = 1e9


def ran(
    name, *rates, subject=ceilings.BEFORE, process=0, device=CPU, shape="512 × 512", ran_for=1.0
):
    """A process whose windows came to these rates, or of a latency to these times.

    ``ran_for`` is the share of them that its two threads had a processor.
    """
    latency = ceilings.ceiling_named(name).unit == "second"
    windows = CeilingSample(
        shape=shape,
        amount=1.0 if latency else rates[0],
        repetitions=1,
        seconds=tuple(rate if latency else rates[0] / rate for rate in rates),
        cpu_seconds=tuple(2 * ran_for * (rate if latency else rates[0] / rate) for rate in rates),
    )
    return CeilingRun(
        suite=subject.suite,
        variant=subject.variant,
        name=name,
        process=process,
        state="ok",
        reason=None,
        started="2026-11-21T00:00:00+00:00",
        child_seconds=3.0,
        samples=(windows,),
        device=device,
    )


def ended(name, state, reason, **place):
    """A process that has no figure."""
    return dataclasses.replace(ran(name, 1.0, **place), state=state, reason=reason, samples=())


PEAKS = (
    ran("gemm-float32", 100 * GFLOPS, 99 * GFLOPS, 100 * GFLOPS),
    ran("gemm-bfloat16", 400 * GFLOPS, 396 * GFLOPS, 400 * GFLOPS),
    ran("gemm-float32", 100 * GFLOPS, subject=ceilings.AFTER),
    ran("gemm-bfloat16", 400 * GFLOPS, subject=ceilings.AFTER),
)
"""Against these the healthy record's cells, 18 and 36 GFLOP/s, are at 18 % and 9 %."""


def with_ceilings(*lines, **changes):
    """A record with those lines beside what ``records.record`` has."""
    return dataclasses.replace(record(**changes), lines=tuple(lines or PEAKS))
