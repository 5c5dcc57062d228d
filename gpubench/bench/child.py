"""What a child does with its job: describe a workload, or measure a mode."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import torch

from gpubench.bench import compilation, cuda, losses
from gpubench.bench.feeding import (
    AnyFeed,
    CpuTime,
    ResidentFeed,
    alone,
    feed_of,
    fitted,
    in_whole_cycles,
)
from gpubench.bench.job import COUNTING, Job, Progress
from gpubench.bench.modes import MODES, REFERENCE
from gpubench.bench.precision import mismatches, precision, read_back
from gpubench.bench.profiled import profiled
from gpubench.bench.protocol import window_steps
from gpubench.bench.ranks import spreads
from gpubench.bench.readbacks import ReadBacks
from gpubench.bench.steps import Warmup, time_window, warm_up
from gpubench.bench.task import Suite, Task
from gpubench.bench.training import TrainingStep

SETTLING_STEPS = 2
"""Untimed steps before the window (own choice): the memory that the checks took is given back,
and what the steps need is taken again, by every shape of a mixture once."""

MOST_SKIPPED = 0.1
"""The share of steps that the gradient scaler may skip in a window (own choice): a skipped step
does less work, so its time is none of training."""


def describe(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """What will be trained, on what, and which modes can be; then train a while to warm up."""
    device = cuda.device_for(job.device)
    progress("survey", 0, 1)
    workload, survey = suite.survey(job.workload, job.scratch)
    task = suite.build(workload)
    strategy = workload.strategy
    answer = {
        "revision": suite.REVISION,
        "workload": dataclasses.asdict(workload),
        "settings": {**task.settings, **spreads.facts(strategy)},
        "survey": dict(survey),
        "batch_size": task.batch_size,
        "accumulation": workload.accumulation,
        "ranks": strategy.world,
        "parameters": sum(parameter.numel() for parameter in task.model.parameters()),
        "step_flops": _step_flops(suite, workload),
        "device": cuda.facts(device) | cuda.gpus(device, strategy.processes_per_node),
        "unsupported": {
            mode.name: reason
            for mode in MODES
            if (reason := cuda.unsupported(mode, device))
            or (reason := spreads.unsupported(strategy, mode, device))
        },
    }
    progress("soak", 0, 1)
    return {**answer, "soak_steps": _soak(job, task, device)}


def _step_flops(suite: Suite, workload: Any) -> int | None:
    """Floating-point operations of one batch's forward and backward, counted without computing."""
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
            accumulation = job.workload.accumulation
            feed = ResidentFeed(task, device, job.workload.feed, accumulation=accumulation)
            step = TrainingStep(task, feed, REFERENCE, device, accumulation=accumulation)
            while steps < 2 or time.perf_counter() < ends:
                time_window(step, clock, steps=1)
                steps += 1
    except Exception as problem:
        if not cuda.is_out_of_memory(problem):
            raise
    return steps


def measure(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """Train in one mode and answer the raw times, with what was really in effect.

    The mode is read back before the warm-up, when the model is built, and after the window.
    """
    device = cuda.device_named(job.device)
    cuda.remember_shortages(device)
    reason = cuda.unsupported(job.mode, device)
    if reason is not None:
        return {"state": "not-supported", "reason": reason}
    torch.manual_seed(job.workload.seed)
    with precision(job.mode):
        task = spreads.joined(suite.build(job.workload), job.workload.strategy)
        feed = feed_of(task, job.workload, device)
        job = dataclasses.replace(job, protocol=fitted(job.protocol, feed.cycle))
        step = TrainingStep(
            task,
            feed,
            job.mode,
            device,
            accumulation=job.workload.accumulation,
            spread=spreads.spread_of(job.workload.strategy, device),
        )
        effective = read_back(job.mode, device) | compilation.read_back(job.mode)
        faults = mismatches(job.mode, effective, device.type)
        if faults:
            return {"state": "invalid", "reason": "; ".join(faults), "effective": effective}
        answer = _timed(job, step, feed, device, progress)
        answer["effective"] |= effective | _after(step, device)
        changed = mismatches(job.mode, read_back(job.mode, device), device.type)
        if changed and answer["state"] != "invalid":
            reason = f"after the window: {'; '.join(changed)}"
            answer.update(state="invalid", reason=reason)
    return {**answer, "data": dict(task.data())}


def _timed(
    job: Job, step: TrainingStep, feed: AnyFeed, device: torch.device, progress: Progress
) -> dict[str, Any]:
    """Warm-up, check, window and profile; a step that reads back is not timed at all."""
    watch, reads = compilation.Watch(), ReadBacks(device)
    if job.mode.compile:  # operators are seen in the model as it is written, before it is compiled
        with step.uncompiled(), step.rehearsing():
            reads.watch(step, unwatched=1)
        if reads.by("model"):
            return reads.refusal()
        cuda.give_back_memory(device)
    warmup = _warmed_up(job, step, feed, device, progress)
    reads.watch(step, operators=job.mode.compile is None)
    if reads.by("model"):
        return reads.refusal()
    answer = _window(job, step, feed, device, progress, warmup, watch)
    answer["effective"] = reads.facts() | watch.now().facts()
    progress("profile", 0, 1)
    answer["profile"] = profiled(step, device, warmup.step_seconds, cycle=feed.cycle)
    if answer["state"] in COUNTING:
        steps = len(answer["step_seconds"])
        answer["feeding"] |= alone(step, feed, device, job.protocol, steps)
    return answer


def _warmed_up(
    job: Job, step: TrainingStep, feed: AnyFeed, device: torch.device, progress: Progress
) -> Warmup:
    """Steady steps; every shape of a mixture is met, and compiled, in the first ones."""
    stage = "compile and warm-up" if job.mode.compile else "warm-up"
    progress(stage, 0, job.protocol.warmup_max_steps)
    return warm_up(
        step,
        cuda.clock_of(device),
        job.protocol,
        compilations=compilation.graphs,
        quiet=max(2, feed.cycle) if job.mode.compile else 2,
        progress=lambda done, most: progress(stage, done, most),
    )


def _window(
    job: Job,
    step: TrainingStep,
    feed: AnyFeed,
    device: torch.device,
    progress: Progress,
    warmup: Warmup,
    watch: compilation.Watch,
) -> dict[str, Any]:
    """The measured steps: raw times, what they left behind, and the state they are in."""
    clock = cuda.clock_of(device)
    cuda.reset_peak_memory(device)
    time_window(step, clock, steps=max(SETTLING_STEPS, feed.cycle))
    before, skipped = watch.now(), step.skipped_steps()
    steps = in_whole_cycles(window_steps(job.protocol, warmup.step_seconds), feed.cycle)
    progress("window", 0, steps)
    feed.begin()
    cpu = CpuTime()
    began = time.monotonic()
    window = time_window(step, clock, steps=steps)
    ended = time.monotonic()
    feeding = {**cpu.so_far(), **feed.facts(steps), **feed.waiting()}
    compiled, seen = watch.now(), step.losses.read()
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
        "losses": losses.ends(seen),
        "feeding": feeding,
        "loss_faults": losses.faults(seen, step.steps),
        "skipped_steps": {"warmup": skipped, "window": step.skipped_steps() - skipped},
    }
    return answer | judged(job, answer, compiled.since(before))


def judged(job: Job, answer: Mapping[str, Any], recompiled: str | None) -> dict[str, Any]:
    """The state of a finished window, and the reason where it is not plainly ok."""
    steps, skipped = len(answer["step_seconds"]), answer["skipped_steps"]["window"]
    faults = [
        losses.told(answer["loss_faults"]) if answer["loss_faults"] else None,
        f"the gradient scaler skipped {skipped} of the {steps} steps in the window"
        if skipped > MOST_SKIPPED * steps
        else None,
        recompiled,
        compilation.nothing_compiled() if job.mode.compile and compilation.graphs() == 0 else None,
    ]
    reason = next(filter(None, faults), None)
    if reason is not None:
        return {"state": "invalid", "reason": reason}
    if not answer["warmup"]["stable"]:
        return {
            "state": "unstable",
            "reason": f"step times did not settle within {job.protocol.stable_within:.0%} "
            f"in {answer['warmup']['steps']} warm-up steps",
        }
    return {"state": "ok", "reason": None}


def _after(step: TrainingStep, device: torch.device) -> dict[str, Any]:
    """What can only be read when all is done."""
    return {
        "optimizer": "AdamW (fused)" if step.fused else "AdamW",
        "grad_scaler": step.scaler is not None,
        "device": cuda.facts(device),
    }
