"""Fabricated GPUs: records of eight modes with telemetry, for pages. None of it was measured."""

import dataclasses
import math
import random

from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import protocol_named
from gpubench.bench.rounding import ROUNDING
from tests.fakes.records import FACTS, HEADER, PLAN, broken, measurement, parity, record

MODES = {
    "fp32": 1.0,
    "tf32": 1.9,
    "amp-bf16": 2.6,
    "amp-fp16": 2.55,
    "fp32+compile": 1.12,
    "tf32+compile": 2.2,
    "amp-bf16+compile": 3.4,
    "amp-bf16+compile-max": 3.5,
}
"""How many times fp32 each is, on all fabricated machines alike."""

SUITES = {
    "deit": {"item": "image", "model": "deit_small_patch16_224", "layers": 12, "image_size": 224},
    "bert-ner": {"item": "sentence", "model": "BERT", "layers": 12, "sequence_length": 128},
}


def gpu_record(
    name="FABRICATED GPU A",
    speed=1.0,
    watts=620.0,
    *,
    suites=("deit",),
    modes=tuple(MODES),
    processes=3,
    preset="standard",
    seed=1,
    trouble=None,
    watched=True,
    source="fabricated-a/record.jsonl",
    batch=128,
):
    """A record of that machine; ``trouble`` gives a mode another state and its reason."""
    noise = random.Random(seed)
    plan = dataclasses.replace(
        PLAN, suites=suites, modes=modes, preset=preset, device="cuda", processes=processes
    )
    header = dataclasses.replace(
        HEADER, plan=plan, protocol=protocol_named(preset), snapshot=_snapshot(name)
    )
    facts = [_facts(suite, name, batch) for suite in suites]
    measured = [
        line
        for suite in suites
        for place, mode in enumerate(modes)
        for process in range(processes)
        for line in _process(
            suite, mode, process, process * len(modes) + place, noise, speed, watts, batch,
            trouble or {}, watched=watched,
        )
    ]  # fmt: skip
    parities = [line for suite in suites for line in _parities(suite, modes, noise)]
    made = record(measured, parities, header, facts[0])
    return dataclasses.replace(
        made,
        source=source,
        workloads={each.subject: each for each in facts},
        lines=(*facts, *measured, *parities),
    )


def _facts(suite, name, batch):
    device = {
        "type": "cuda",
        "name": name,
        "torch": "2.15.0",
        "gpu": f"{abs(hash(name)):016x}"[:16],
    }
    return dataclasses.replace(
        FACTS,
        suite=suite,
        batch_size=batch,
        parameters=22_000_000,
        settings={**SUITES.get(suite, SUITES["deit"]), "data": "seeded noise"},
        device=device,
    )


def _process(suite, mode, process, turn, noise, speed, watts, batch, trouble, *, watched):
    if mode in trouble and trouble[mode][0] not in ("unstable", "capped"):
        state, reason = trouble[mode]
        yield dataclasses.replace(broken(state, reason, mode, process), suite=suite)
        return
    step = 0.08 / speed / MODES.get(mode, 1.0) * (1 + noise.gauss(0, 0.004))
    steps = int(10 / step)
    state, reason = trouble.get(mode, ("ok", None))
    yield measurement(
        mode,
        process,
        step,
        steps,
        suite=suite,
        state=state,
        reason=reason,
        started=f"2026-11-21T00:{turn // 4:02d}:{15 * (turn % 4):02d}+00:00",
        samples_per_step=batch,
        memory={"peak_bytes": ((12 if mode.startswith("amp") else 19) * 2**30)},
        losses=tuple(2.4 * math.exp(-at / 40) + noise.gauss(0, 0.02) for at in range(150)),
        compile_seconds=(41.0 if process == 0 else 6.2) if "+" in mode else None,
        compile_cache=("cold" if process == 0 else "warm") if "+" in mode else None,
        telemetry=_telemetry(step * steps, watts, turn, noise) if watched else None,
    )


def _telemetry(seconds, watts, turn, noise):
    points = range(int(seconds))
    warm = 44 + 20 * (1 - math.exp(-turn / 6))
    return {
        "samples": 10 * len(points),
        "sm_clock_mhz": 1905.0,
        "sm_clock_mhz_most": 1980.0,
        "power_watts": watts,
        "temperature_c": warm,
        "energy_joules": watts * seconds * (1 + noise.gauss(0, 0.003)),
        "throttled": {"software power cap": 0.4},
        "xid_watch": "NVML",
        "series": {
            "seconds": [float(at) for at in points],
            "sm_clock_mhz": [1980.0 - noise.choice((0, 15, 75)) for _ in points],
            "power_watts": [watts + noise.gauss(0, 9) for _ in points],
            "temperature_c": [warm + at * 0.2 for at in points],
            "throttle_reasons": [4.0 for _ in points],
        },
    }


def _parities(suite, modes, noise):
    losses = tuple(2.4 - 0.05 * at for at in range(20))
    near = {name: _near(losses, unit, noise) for name, unit in ROUNDING.items()}
    for mode in modes:
        if mode == "fp32":
            disturbed = {name: (way, way) for name, way in near.items()}
            yield parity(mode, losses, suite=suite, repeats=(losses,), disturbed=disturbed)
            continue
        if mode not in MODES:
            continue
        unit = ROUNDING[mode_named(mode).rounding]
        yield parity(mode, _near(losses, unit, noise), suite=suite)


def _near(losses, unit, noise):
    return tuple(loss * (1 + unit * noise.uniform(0.5, 1)) for loss in losses)


def _snapshot(name):
    return {
        "schema": "gpubench.snapshot/1",
        "source": "live",
        "host": {"system": "Fabricated Linux 1", "cpu_count": 64, "memory_bytes": 2**39},
        "gpus": [{"index": 0, "name": name, "memory_bytes": 80 * 2**30}],
    }
