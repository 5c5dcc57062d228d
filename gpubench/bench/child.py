"""What a child does with its job: describe a workload, measure a mode, follow its losses."""

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.feeding import AnyFeed, CpuTime, alone, feed_of, fitted, in_whole_cycles
from gpubench.bench.job import Job
from gpubench.bench.modes import MODES, REFERENCE
from gpubench.bench.precision import mismatches, precision, read_back
from gpubench.bench.protocol import window_steps
from gpubench.bench.rounding import ROUNDING
from gpubench.bench.steps import time_window, warm_up
from gpubench.bench.task import Batch, Suite, Task
from gpubench.bench.training import (
    TrainingStep,
    attention_used,
    graph_breaks,
    graphs_compiled,
    resident,
    streamed,
)
from gpubench.errors import BadUsage

Progress = Callable[[str, int, int], object]

KEPT_LOSSES = 512
"""How many losses a record keeps of the start and of the end of a process (own choice)."""

MOST_SKIPPED = 0.1
"""The share of steps that the gradient scaler may skip in a window (own choice): a skipped step
does less work, so its time is none of training."""


def describe(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """What will be trained, on what, and which modes can be; then train a while to warm up."""
    device = _device(job)
    progress("survey", 0, 1)
    workload, survey = suite.survey(job.workload, job.scratch)
    task = suite.build(workload)
    answer = {
        "revision": suite.REVISION,
        "workload": dataclasses.asdict(workload),
        "settings": dict(task.settings),
        "survey": dict(survey),
        "batch_size": task.batch_size,
        "parameters": sum(parameter.numel() for parameter in task.model.parameters()),
        "step_flops": _step_flops(suite, workload),
        "device": cuda.facts(device),
        "unsupported": {
            mode.name: reason for mode in MODES if (reason := cuda.unsupported(mode, device))
        },
    }
    progress("soak", 0, 1)
    return {**answer, "soak_steps": _soak(job, task, device)}


def _device(job: Job) -> torch.device:
    if job.device.startswith("cuda") and not torch.cuda.is_available():
        raise BadUsage(
            f"torch {torch.__version__} cannot use a GPU here: `gpubench doctor` says why; "
            "--device cpu measures the CPU"
        )
    return cuda.device_named(job.device)


def _step_flops(suite: Suite, workload: Any) -> int | None:
    """Floating-point operations of one step's forward and backward, counted without computing."""
    from torch.utils.flop_counter import FlopCounterMode

    try:
        with torch.device("meta"):
            task = suite.build(workload, exact=True)
        model = task.model.to("meta").train()
        with FlopCounterMode(display=False) as counter:
            model(**task.meta_batch()).backward()
        return int(counter.get_total_flops())
    except (RuntimeError, NotImplementedError, TypeError):
        return None  # a model with an operator that has no shape rule: the record says null


def _soak(job: Job, task: Task, device: torch.device) -> int:
    """Train for ``soak_seconds`` and throw the times away: the machine's first, cold process.

    Running out of memory ends it early: whether a mode fits is for its own process to say.
    """
    steps = 0
    ends = time.perf_counter() + job.protocol.soak_seconds
    clock = cuda.clock_of(device)
    try:
        with precision(REFERENCE):
            step = TrainingStep(task, resident(task.batches(), device, count=1), REFERENCE, device)
            while steps < 2 or time.perf_counter() < ends:
                time_window(step, clock, steps=1)
                steps += 1
    except Exception as problem:
        if not cuda.is_out_of_memory(problem):
            raise
    return steps


def measure(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """Train in one mode and answer the raw times, with what was really in effect."""
    device = cuda.device_named(job.device)
    reason = cuda.unsupported(job.mode, device)
    if reason is not None:
        return {"state": "not-supported", "reason": reason}
    torch.manual_seed(job.workload.seed)
    with precision(job.mode):
        effective = read_back(job.mode, device)
        faults = mismatches(job.mode, effective)
        if faults:
            return {"state": "invalid", "reason": "; ".join(faults), "effective": effective}
        task = suite.build(job.workload)
        feed = feed_of(task, job.workload, device)
        job = dataclasses.replace(job, protocol=fitted(job.protocol, feed.cycle))
        step = TrainingStep(task, feed, job.mode, device)
        timed = _timed(job, step, feed, device, progress)
        if timed["state"] in ("ok", "unstable"):
            timed["feeding"] |= alone(step, feed, device, job.protocol, len(timed["step_seconds"]))
        effective |= _after(step, device)
    return {**timed, "effective": effective, "data": dict(task.data())}


def _timed(
    job: Job, step: TrainingStep, feed: AnyFeed, device: torch.device, progress: Progress
) -> dict[str, Any]:
    clock = cuda.clock_of(device)
    stage = "compile and warm-up" if job.mode.compile else "warm-up"
    progress(stage, 0, job.protocol.warmup_max_steps)
    warmup = warm_up(
        step,
        clock,
        job.protocol,
        compilations=graphs_compiled,
        progress=lambda done, most: progress(stage, done, most),
    )
    compiled, skipped = graphs_compiled(), step.skipped_steps()
    steps = in_whole_cycles(window_steps(job.protocol, warmup.step_seconds), feed.cycle)
    progress("window", 0, steps)
    cuda.reset_peak_memory(device)
    feed.begin()
    cpu = CpuTime()
    began = time.monotonic()
    window = time_window(step, clock, steps=steps)
    ended = time.monotonic()
    feeding = {**cpu.so_far(), **feed.facts(steps), **feed.waiting()}
    losses = step.losses.read()
    answer = {
        "window_monotonic": [began, ended],
        "window_seconds": window.wall_seconds,
        "step_seconds": list(window.step_seconds),
        "warmup": {
            "start_seconds": list(warmup.start_seconds),
            "block_medians": list(warmup.block_medians),
            "steps": warmup.steps,
            "stable": warmup.stable,
        },
        "compile_seconds": warmup.compile_seconds if job.mode.compile else None,
        "memory": cuda.memory(device, graphs=step.graphs),
        "losses": _ends(losses),
        "feeding": feeding,
        "skipped_steps": {"warmup": skipped, "window": step.skipped_steps() - skipped},
    }
    if not all(map(math.isfinite, losses)):
        return answer | {"state": "invalid", "reason": "the loss became NaN or infinite"}
    return answer | _judged(job, answer, recompiled=graphs_compiled() - compiled)


def _ends(losses: Sequence[float]) -> list[float]:
    """The first and the last losses; a run of hundreds of thousands of steps has too many."""
    if len(losses) <= 2 * KEPT_LOSSES:
        return list(losses)
    return [*losses[:KEPT_LOSSES], *losses[-KEPT_LOSSES:]]


def _judged(job: Job, answer: Mapping[str, Any], *, recompiled: int) -> dict[str, Any]:
    """The state of a finished window, and the reason where it is not plainly ok."""
    steps, skipped = len(answer["step_seconds"]), answer["skipped_steps"]["window"]
    if skipped > MOST_SKIPPED * steps:
        return {
            "state": "invalid",
            "reason": f"the gradient scaler skipped {skipped} of the {steps} steps in the window",
        }
    if recompiled:
        return {"state": "invalid", "reason": f"torch.compile ran {recompiled}× inside the window"}
    if job.mode.compile and graphs_compiled() == 0:
        return {"state": "invalid", "reason": "torch.compile compiled no graph"}
    if not answer["warmup"]["stable"]:
        return {
            "state": "unstable",
            "reason": f"step times did not settle within {job.protocol.stable_within:.0%} "
            f"in {answer['warmup']['steps']} warm-up steps",
        }
    return {"state": "ok", "reason": None}


def _after(step: TrainingStep, device: torch.device) -> dict[str, Any]:
    """What can only be read after the window: one more step is profiled for it."""
    return {
        "optimizer": "AdamW (fused)" if step.fused else "AdamW",
        "grad_scaler": step.scaler is not None,
        "graphs_compiled": graphs_compiled(),
        "graph_breaks": graph_breaks(),
        "device": cuda.facts(device),
        **_attention(step),
    }


def _attention(step: TrainingStep) -> dict[str, Any]:
    """A diagnostic; whatever goes wrong in it must not cost the measurement."""
    try:
        return {"attention": attention_used(step)}
    except Exception as problem:
        return {"attention": None, "attention_unread": f"{type(problem).__name__}: {problem}"}


def parity(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """The losses of the first steps from one seed; for the reference also the bands' material.

    The reference is run twice as it is, and twice for every rounding that was asked for with
    its initial weights disturbed by that rounding: how far such runs part tells how far a mode
    of that rounding may part.
    """
    device = cuda.device_named(job.device)
    reason = cuda.unsupported(job.mode, device)
    if reason is not None:
        return {"state": "not-supported", "reason": reason}

    steps = job.protocol.parity_steps
    batches = list(itertools.islice(suite.build(job.workload, exact=True).batches(), steps))

    def run(disturbance: float = 0.0, seed: int = 0) -> list[float]:
        return _trajectory(job, suite, device, batches, disturbance, seed)

    with precision(job.mode):
        progress("parity", 0, 1)
        answer: dict[str, Any] = {"state": "ok", "reason": None, "losses": run()}
        if job.mode == REFERENCE:
            answer["repeats"] = [run()]
            answer["disturbed"] = {
                name: [run(ROUNDING[name], seed) for seed in (1, 2)]
                for name in job.parity_roundings
            }
    return answer


def _trajectory(
    job: Job,
    suite: Suite,
    device: torch.device,
    batches: Sequence[Batch],
    disturbance: float,
    seed: int,
) -> list[float]:
    torch.manual_seed(job.workload.seed)
    task = suite.build(job.workload, exact=True)
    if disturbance:
        _disturb(task.model, disturbance, seed)
    step = TrainingStep(task, streamed(iter(batches), device), job.mode, device)
    for _ in batches:
        step()
    return step.losses.read()


def _disturb(model: torch.nn.Module, relative: float, seed: int) -> None:
    """Move every weight by up to ``relative`` of itself, as rounding would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.rand(parameter.shape, generator=generator) * 2 - 1
            parameter.mul_(1 + relative * noise)
