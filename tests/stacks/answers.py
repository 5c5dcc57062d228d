"""What is wrong with the answer to a job, in words; nothing where all is as it must be."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gpubench.bench.job import COUNTING, Job


def faults(job: Job, answer: Mapping[str, Any]) -> list[str]:
    """Everything wrong with one answer."""
    if job.kind == "describe":
        return list(_of_description(answer))
    if answer["state"] not in COUNTING:  # a busy machine makes unstable ones, no fault of a stack
        return [f"{answer['state']}: {answer['reason']}"]
    if job.kind == "parity":
        return list(_of_losses(answer["losses"], job.protocol.parity_steps))
    return [*_of_losses(answer["losses"], 1), *_of_window(job, answer), *_of_effect(job, answer)]


def _of_description(answer: Mapping[str, Any]) -> Iterable[str]:
    if "state" in answer:
        yield f"{answer['state']}: {answer.get('reason')}"
        return
    if not answer["parameters"] > 0:
        yield "a model without parameters"
    if not (answer["step_flops"] or 0) > 0:
        yield "the operations of a step could not be counted"
    if not answer["soak_steps"] > 0:
        yield "nothing was trained to warm up"


def _of_losses(losses: Iterable[float | None], least: int) -> Iterable[str]:
    kept = list(losses)
    if len(kept) < least:
        yield f"{len(kept)} losses where {least} were expected"
    if not all(loss is not None and math.isfinite(loss) for loss in kept):
        yield "a loss is not finite"


def _of_window(job: Job, answer: Mapping[str, Any]) -> Iterable[str]:
    steps, least = len(answer["step_seconds"]), job.protocol.window_min_steps
    if steps < least:
        yield f"a window of {steps} steps, the protocol asks for {least}"
    if not answer["window_seconds"] > 0:
        yield "a window that took no time"


def _of_effect(job: Job, answer: Mapping[str, Any]) -> Iterable[str]:
    """Precision and compilation as the mode names them, from what was read back."""
    mode, effective = job.mode, answer["effective"]
    for name, wanted in (
        ("float32", mode.float32),
        ("convolution", mode.float32),
        ("autocast", mode.autocast or "float32"),
    ):
        if effective[name] != wanted:
            yield f"{name} is {effective[name]}, the mode asks for {wanted}"
    if (effective["graphs_compiled"] > 0) != (mode.compile is not None):
        yield f"{effective['graphs_compiled']} graphs were compiled in {mode.name}"
    if not answer["profile"].get("operators_per_step"):
        yield f"a step was not profiled: {answer['profile']}"
