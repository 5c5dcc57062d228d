"""The parts of the suite of claims: ordinary runs, each of which measures what some claims need."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from gpubench.errors import BadUsage, UnknownName

if TYPE_CHECKING:
    from gpubench.bench.feed import Feed
    from gpubench.bench.job import Tier, Workload
    from gpubench.bench.protocol import Protocol
    from gpubench.bench.record import Plan

SUITE = "claims"

VIT = "vit_base_patch16_224"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One ordinary run in a folder of its name: which claims it serves, and what it measures.

    ``preset`` is its own where it is not to follow the one that was asked for. ``weight`` is its
    part when a budget is shared out. ``starved`` reads files without workers, pinned memory and
    copies that do not wait. ``strategies`` are those of several GPUs, as ``--strategy`` names them.
    """

    name: str
    claims: tuple[str, ...]
    suites: tuple[str, ...]
    modes: tuple[str, ...]
    weight: float
    device: Literal["cuda", "cpu"]
    preset: str | None = None
    model: str | None = None
    batch_size: int | None = None
    sequence_length: int | None = None
    sweep: str | None = None
    tier: "Tier" = "resident"
    starved: bool = False
    strategies: str | None = None

    @property
    def title(self) -> str:
        """Its name with its claims, for people."""
        return f"{self.name} ({', '.join(self.claims)})"


VIT_ON_CPU = Part(
    name="vit-base-on-cpu",
    claims=("F6",),
    suites=("deit",),
    modes=("fp32",),
    weight=4,
    device="cpu",
    model=VIT,
    batch_size=8,
)

ON_GPU = (
    Part(
        name="modes",
        claims=("F1", "F2", "F3", "F4"),
        suites=("bert-ner", "deit"),
        modes=(
            "fp32",
            "amp-fp16",
            "amp-bf16",
            "fp32+compile",
            "amp-fp16+compile",
            "amp-fp16+compile-overhead",
        ),
        weight=14,
        device="cuda",
    ),
    Part(
        name="batch",
        claims=("F6",),
        suites=("deit",),
        modes=("fp32",),
        weight=4,
        device="cuda",
        model=VIT,
        sweep="batch-size=8,16,32,64",
    ),
    Part(
        name="length",
        claims=("F9",),
        suites=("bert-ner",),
        modes=("fp32",),
        weight=4,
        device="cuda",
        batch_size=8,
        sweep="sequence-length=128,256,512,1024",
    ),
    Part(
        name="memory",
        claims=("F8",),
        suites=("bert-ner",),
        modes=("fp32",),
        weight=3,
        device="cuda",
        sequence_length=512,
        sweep="batch-size=2,4,8,16",
    ),
    Part(
        name="fed",
        claims=("F5",),
        suites=("deit",),
        modes=("amp-fp16",),
        weight=2,
        device="cuda",
        tier="end-to-end",
    ),
    Part(
        name="starved",
        claims=("F5",),
        suites=("deit",),
        modes=("amp-fp16",),
        weight=2,
        device="cuda",
        tier="end-to-end",
        starved=True,
    ),
    Part(
        name="strategies",
        claims=("F7",),
        suites=("bert-ner",),
        modes=("fp32",),
        weight=4,
        device="cuda",
        strategies="dp,ddp",
    ),
    VIT_ON_CPU,
)
"""What is measured where there is a GPU."""

ON_CPU = (
    VIT_ON_CPU,
    Part(
        name="length",
        claims=("F9",),
        suites=("bert-ner",),
        modes=("fp32",),
        weight=5,
        device="cpu",
        batch_size=1,
        sweep="sequence-length=128,256,512",
    ),
    Part(
        name="modes",
        claims=("F1", "F2", "F3"),
        suites=("bert-ner", "deit"),
        modes=("fp32", "amp-bf16", "fp32+compile"),
        weight=1,
        device="cpu",
        preset="smoke",
    ),
)
"""What is measured without one: first what a CPU can decide, then, in smoke shapes and what time is
left, how the modes of the other claims do there."""

PARTS: Mapping[str, Sequence[Part]] = {"cuda": ON_GPU, "cpu": ON_CPU}

FOLDERS = frozenset(part.name for parts in PARTS.values() for part in parts)
"""What the folders of parts are called."""

LEFT_TO_A_GPU = tuple(part for part in ON_GPU if part.name not in {other.name for other in ON_CPU})
"""Parts that say nothing without a GPU."""

BUDGET_MINUTES: Mapping[str, float] = {"cuda": 30, "cpu": 10}
"""What all parts together may take unless something else is asked (own choice)."""

CPU_RULES: Mapping[str, Any] = {
    "processes": 3,
    "block_steps": 2,
    "warmup_max_steps": 20,
    "window_min_steps": 4,
    "window_min_seconds": 8.0,
    "soak_seconds": 1.0,
}
"""A step of a real model takes seconds on a CPU: fewer of them than at `standard`, in the same
number of processes (own choice; the record's header has them)."""


MOST_GPUS = 4
"""As many as the claim of strategies is of."""


def chosen_parts(device: str, names: Sequence[str], gpus: int) -> tuple[Part, ...]:
    """The parts of a device in their order, all that it can do or those named.

    UnknownName for one that there is not, BadUsage for one that takes more GPUs.
    """
    every = PARTS[device]
    for name in names:
        if name not in (part.name for part in every):
            raise UnknownName(f"part of {SUITE} on {device}", name, (part.name for part in every))
    chosen = tuple(part for part in every if not names or part.name in names)
    alone = [part.name for part in chosen if not fits(part, gpus)]
    if names and alone:
        raise BadUsage(f"--parts {alone[0]} takes two GPUs or more, there are {gpus}")
    return tuple(part for part in chosen if fits(part, gpus))


def fits(part: Part, gpus: int) -> bool:
    """Whether there are GPUs enough for it."""
    return part.strategies is None or gpus > 1


def left_out(device: str, gpus: int) -> tuple[Part, ...]:
    """Parts that say nothing on this machine."""
    if device == "cpu":
        return LEFT_TO_A_GPU
    return tuple(part for part in PARTS[device] if not fits(part, gpus))


def protocol_of(part: Part, asked: str | None, processes: int | None) -> "Protocol":
    """The rules of a part; the budget is whoever runs it to share out."""
    from gpubench.bench.protocol import on_cpu, protocol_named

    preset = _preset(part, asked)
    protocol = protocol_named(preset)
    if part.device == "cpu":
        protocol = on_cpu(protocol)
        if preset == "standard":
            protocol = dataclasses.replace(protocol, **CPU_RULES)
    if processes is not None:
        protocol = dataclasses.replace(protocol, processes=processes)
    return protocol


def _preset(part: Part, asked: str | None) -> str:
    return part.preset or asked or "standard"


def plan_of(part: Part, protocol: "Protocol", gpus: int) -> "Plan":
    """What the run of a part is asked to do; its strategies use at most ``MOST_GPUS``."""
    from gpubench.bench.record import Plan, Source
    from gpubench.bench.strategy import strategies
    from gpubench.bench.sweep import Sweep

    sweep = Sweep.parse(part.sweep) if part.sweep else None
    spread = (
        strategies(part.strategies, processes_per_node=min(gpus, MOST_GPUS))
        if part.strategies
        else ()
    )
    varied = (*(sweep.variants if sweep else ()), *(each.variant for each in spread))
    return Plan(
        suites=part.suites,
        modes=part.modes,
        preset=protocol.preset,
        device=part.device,
        processes=protocol.processes,
        tier=part.tier,
        batch_size=part.batch_size,
        image_size=None,
        sequence_length=part.sequence_length,
        model=Source.of(part.model),
        data=None,
        feed=_feed(part),
        sweep=sweep,
        strategies=spread,
        variants=varied or ("",),
    )


def workload_of(part: Part, protocol: "Protocol") -> "Workload":
    """What a part trains; files that it reads are made by the suite, from the seed."""
    from gpubench.bench.job import Workload

    return Workload(
        preset=protocol.preset,
        model=part.model,
        batch_size=part.batch_size,
        sequence_length=part.sequence_length,
        tier=part.tier,
        feed=_feed(part),
    )


def _feed(part: Part) -> "Feed":
    from gpubench.bench.feed import USUAL_FEED

    if not part.starved:
        return USUAL_FEED
    return dataclasses.replace(USUAL_FEED, workers=0, pinned=False, non_blocking=False)
