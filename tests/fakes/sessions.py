"""Sides of a comparison written by hand: records with seeded noise between and within sessions."""

import dataclasses
import random

from gpubench.bench.job import Subject
from gpubench.gate.sides import CellName, session_of
from tests.fakes.records import FACTS, HEADER, PARITIES, PLAN, measurement, record

CELL = CellName(Subject("deit"), "fp32")

HOST = {"cpu_model": "A CPU", "cpu_count": 2, "memory_bytes": 16 * 2**30}
GPU = {"type": "cuda", "name": "NVIDIA H100 80GB HBM3", "gpu": "aaaaaaaaaaaaaaaa", "threads": 8}


def header(day=1, **changes):
    """A header whose run began on that day."""
    return dataclasses.replace(
        HEADER,
        created=f"2026-11-{day:02d}T08:00:00+00:00",
        plan=dataclasses.replace(PLAN, modes=("fp32",)),
        snapshot={"schema": "gpubench.snapshot/1", "host": HOST},
        **changes,
    )


def run(
    day=1, slower=0.0, within=0.003, between=0.001, processes=5, device=None, seed=0, **changes
):
    """A record of one cell; ``slower`` is the share of time that its steps take longer."""
    noise = random.Random(1_000 * seed + day)
    shift = noise.gauss(0, between)
    steps = [0.1 * (1 + slower) * (1 + shift + noise.gauss(0, within)) for _ in range(processes)]
    facts = dataclasses.replace(FACTS, device={**FACTS.device, **(device or {})})
    return record(
        measurements=[
            measurement("fp32", number, step, **changes) for number, step in enumerate(steps)
        ],
        parities=(),
        header=header(day),
        facts=facts,
    )


def sessions(days, **changes):
    """Several runs as the sessions of one side."""
    return [session_of(run(day, **changes)) for day in days]


__all__ = ["CELL", "FACTS", "GPU", "HOST", "PARITIES", "header", "run", "sessions"]
