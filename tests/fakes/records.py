"""Records written by hand: a healthy run of two modes, to break one field of."""

import dataclasses

from gpubench.bench.protocol import SMOKE
from gpubench.bench.record import (
    Header,
    Measurement,
    ParityRun,
    Plan,
    RecordWriter,
    RunRecord,
    WarmupFacts,
    WorkloadFacts,
)

PLAN = Plan(
    suites=("deit",),
    modes=("fp32", "amp-bf16"),
    preset="smoke",
    device="cpu",
    processes=2,
    tier="resident",
    batch_size=None,
    image_size=None,
    sequence_length=None,
    model=None,
    data=None,
)

HEADER = Header(
    gpubench_version="0.1.0",
    created="2026-11-21T00:00:00+00:00",
    plan=PLAN,
    protocol=SMOKE,
    environment="e" * 64,
    image=None,
    snapshot={"schema": "gpubench.snapshot/1"},
)

FACTS = WorkloadFacts(
    suite="deit",
    revision="1",
    batch_size=8,
    parameters=1_000_000,
    step_flops=1_800_000_000,
    settings={
        "item": "image",
        "model": "deit_tiny_patch16_224",
        "layers": 2,
        "image_size": 96,
        "data": "seeded noise",
    },
    survey={},
    device={"type": "cpu", "name": "A CPU", "torch": "2.15.0", "threads": 2},
    unsupported={},
)


def measurement(mode="fp32", process=0, step=0.1, steps=10, **changes):
    """A process whose steps all took ``step`` seconds."""
    plain = Measurement(
        suite="deit",
        mode=mode,
        process=process,
        state="ok",
        reason=None,
        started="2026-11-21T00:00:00+00:00",
        child_seconds=9.0,
        samples_per_step=8,
        window_seconds=step * steps,
        step_seconds=(step,) * steps,
        warmup=WarmupFacts(
            start_seconds=(0.2, 0.1), block_medians=(0.1, 0.1), steps=8, stable=True
        ),
        memory={"peak_bytes": 800 * 2**20},
        losses=(2.0, 1.9, 1.8, 1.5, 1.2, 1.0, 0.9, 0.8),
    )
    return dataclasses.replace(plain, **changes)


def broken(state, reason, mode="fp32", process=0):
    """A process that measured nothing."""
    return measurement(
        mode, process, state=state, reason=reason, window_seconds=None, step_seconds=(), losses=()
    )


def parity(mode="fp32", losses=(2.0, 1.9, 1.8), **changes):
    """A parity run; the reference comes with a repeat and disturbed runs."""
    reference = {
        "repeats": (losses,),
        "disturbed": {"bfloat16": ((2.001, 1.901, 1.801), (1.999, 1.9, 1.8))},
    }
    own = ParityRun(suite="deit", mode=mode, state="ok", reason=None, losses=losses)
    return dataclasses.replace(own, **{**(reference if mode == "fp32" else {}), **changes})


HEALTHY = (
    measurement("fp32", 0, 0.100),
    measurement("fp32", 1, 0.102),
    measurement("amp-bf16", 0, 0.050),
    measurement("amp-bf16", 1, 0.051),
)
PARITIES = (parity(), parity("amp-bf16", losses=(2.001, 1.902, 1.801)))


def record(measurements=HEALTHY, parities=PARITIES, header=HEADER, facts=FACTS):
    """A record as read from disk."""
    return RunRecord(
        source="here",
        header=header,
        workloads={facts.subject: facts},
        measurements=tuple(measurements),
        parities={(p.subject, p.mode): p for p in parities},
        torn=False,
        unknown_lines=0,
        lines=(facts, *measurements, *parities),
    )


def write(folder, measurements=HEALTHY, parities=PARITIES, header=HEADER):
    """The same on disk; the writer comes back."""
    writer = RecordWriter.create(folder, header)
    for line in (FACTS, *measurements, *parities):
        writer.append(line)
    return writer
