"""Records that could decide a claim, written by hand: a healthy one each, to break one field of."""

import dataclasses

from gpubench.bench.feed import USUAL_FEED
from gpubench.bench.protocol import STANDARD
from gpubench.knowledge.claims import claims
from tests.fakes.records import FACTS, HEADER, PLAN, measurement, parity, record
from tests.fakes.sweeps import WIGGLE, sweep_record

A100 = {"type": "cuda", "name": "NVIDIA A100-SXM4-80GB", "torch": "2.8.0+cu128", "gpu": "a" * 16}
H100 = {**A100, "name": "NVIDIA H100 80GB HBM3"}
CPU = {"type": "cpu", "name": "A CPU", "torch": "2.8.0+cpu", "threads": 2}

SETTINGS = {
    "bert-ner": {
        "item": "sentence", "model": "BERT, random weights", "layers": 12, "hidden_size": 768,
        "sequence_length": 128, "data": "seeded tokens",
    },
    "deit": {
        "item": "image", "model": "deit_small_patch16_224", "layers": 12, "image_size": 224,
        "data": "seeded noise",
    },
    "vit": {
        "item": "image", "model": "vit_base_patch16_224", "layers": 12, "image_size": 224,
        "data": "seeded noise",
    },
}  # fmt: skip


def claim(name):
    """The row of that id."""
    return next(each for each in claims() if each.id == name)


def modes_record(
    steps, *, suite="bert-ner", shape=None, device=A100, preset="standard", processes=3, batch=16,
    tier="resident", feed=USUAL_FEED, parities=(), source="here/modes/record.jsonl",
    wiggle=WIGGLE, lines=(), **changes,
):  # fmt: skip
    """A record in which a step of each mode takes ``steps[mode]`` seconds, and a little more.

    Without ``steps`` for a mode of ``lines`` it has those measurements alone.
    """
    facts = dataclasses.replace(
        FACTS, suite=suite, batch_size=batch, settings=SETTINGS[shape or suite], device=device,
        step_flops=None,
    )  # fmt: skip
    plan = dataclasses.replace(
        PLAN, suites=(suite,), modes=tuple(dict.fromkeys([*steps, *(m.mode for m in lines)])),
        preset=preset, device=device["type"], processes=processes, tier=tier, feed=feed,
    )  # fmt: skip
    measured = [
        measurement(
            mode, process, step * wiggle[process % len(wiggle)], suite=suite,
            samples_per_step=batch, **changes,
        )
        for mode, step in steps.items()
        for process in range(processes)
    ]  # fmt: skip
    made = record(
        [*measured, *lines],
        [dataclasses.replace(each, suite=suite) for each in parities],
        dataclasses.replace(HEADER, plan=plan, protocol=STANDARD),
        facts,
    )
    return dataclasses.replace(made, source=source)


def parities_of(mode="amp-fp16", losses=(2.001, 1.902, 1.801)):
    """Parity runs of float32 and of a mode."""
    disturbed = ((2.001, 1.901, 1.801), (1.999, 1.9, 1.8))
    reference = parity(disturbed={"bfloat16": disturbed, "float16": disturbed})
    return reference, parity(mode, losses=losses)


def swept(text, seconds, *, shape="bert-ner", device=A100, preset="standard", **changes):
    """A sweep whose shapes are those of a claim."""
    suite = "bert-ner" if shape == "bert-ner" else "deit"
    made = sweep_record(text, seconds, suite=suite, **changes)
    own = SETTINGS[shape] | changes.get("settings", {})
    workloads = {
        subject: dataclasses.replace(
            facts,
            device=device,
            settings=own | {k: facts.settings[k] for k in own if text.startswith(k[:8])},
        )
        for subject, facts in made.workloads.items()
    }
    header = dataclasses.replace(
        made.header, plan=dataclasses.replace(made.header.plan, preset=preset)
    )
    return dataclasses.replace(made, header=header, workloads=workloads)
