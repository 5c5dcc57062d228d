"""Records of sweeps written by hand: times and peaks follow a curve of the value."""

import dataclasses

from gpubench.bench.record import RunRecord
from gpubench.bench.sweep import Sweep
from tests.fakes.records import FACTS, HEADER, PLAN, broken, measurement

WIGGLE = (1.0, 1.002, 0.999)
"""What the processes of a cell differ by."""


def plan_of(text, modes=("fp32",), suite="deit", **changes):
    sweep = Sweep.parse(text)
    return dataclasses.replace(
        PLAN,
        suites=(suite,),
        modes=modes,
        processes=3,
        sweep=sweep,
        variants=sweep.variants,
        **changes,
    )


def sweep_record(
    text,
    seconds,
    peak=lambda value: 2**30,
    *,
    modes=("fp32",),
    suite="deit",
    device="cuda",
    failing=None,
    flops=None,
    accumulation=1,
    lines=(),
):
    """A record in which a step of each value takes ``seconds(value)``, and peaks at ``peak``.

    ``failing`` is a function of mode and value that answers a state, a reason and a shortage, or
    None where nothing fails.
    """
    plan = plan_of(text, modes, suite, accumulation=accumulation)
    facts, measurements = {}, []
    for value, variant in zip(plan.sweep.values, plan.variants, strict=True):
        own = _facts(plan, suite, variant, value, device, flops)
        facts[own.subject] = own
        for mode in modes:
            fault = failing(mode, value) if failing else None
            if fault is not None:
                state, reason, shortage = fault
                measurements.append(
                    dataclasses.replace(
                        broken(state, reason, mode),
                        suite=suite,
                        variant=variant,
                        shortage=shortage,
                    )
                )
                continue
            measurements += [
                measurement(
                    mode,
                    process,
                    seconds(value) * wiggle,
                    suite=suite,
                    variant=variant,
                    samples_per_step=own.samples_per_step,
                    memory={"peak_bytes": int(peak(value))},
                )
                for process, wiggle in enumerate(WIGGLE)
            ]
    return RunRecord(
        source="here",
        header=dataclasses.replace(HEADER, plan=plan),
        workloads=facts,
        measurements=tuple(measurements),
        parities={},
        torn=False,
        unknown_lines=0,
        lines=(*facts.values(), *measurements, *lines),
    )


def _facts(plan, suite, variant, value, device, flops):
    dimension = plan.sweep.dimension
    settings = {"model": "a model", "layers": 2, "item": "image", "image_size": 96, "tokens": 37}
    if suite == "bert-ner":
        settings = {"model": "BERT", "layers": 2, "item": "sentence", "sequence_length": 128}
    if dimension == "sequence-length":
        settings["sequence_length"] = value
    if dimension == "image-size":
        settings |= {"image_size": value, "tokens": (value // 16) ** 2 + 1}
    return dataclasses.replace(
        FACTS,
        suite=suite,
        variant=variant,
        batch_size=value if dimension == "batch-size" else 8,
        accumulation=plan.accumulation,
        step_flops=flops(value) if flops else None,
        settings=settings,
        device={**FACTS.device, "type": device},
    )
