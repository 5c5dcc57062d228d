"""What a rank does to be measured: the steps of ``child.measure``, taken by all ranks together.

Whatever decides about another step is agreed upon first: ranks that take different numbers of
steps wait for each other for ever.
"""

import dataclasses
import json
import statistics
import time
from typing import Any

import torch

from gpubench.bench import child, compilation, cuda, losses
from gpubench.bench.feeding import AnyFeed, CpuTime, feed_of, fitted, in_whole_cycles
from gpubench.bench.job import Job, Progress
from gpubench.bench.precision import mismatches, precision, read_back
from gpubench.bench.profiled import profiled
from gpubench.bench.protocol import window_steps
from gpubench.bench.ranks.alone import alone
from gpubench.bench.ranks.group import Group, checksum
from gpubench.bench.ranks.spreads import Spread, spread_of
from gpubench.bench.steps import Warmup, time_window, warm_up
from gpubench.bench.strategy import Shard
from gpubench.bench.task import Suite
from gpubench.bench.training import TrainingStep

NOT_WATCHED = "ranks are not watched for them; the row of single is"


def measure(job: Job, suite: Suite, progress: Progress, group: Group) -> dict[str, Any]:
    """Train one strategy in one mode; every rank answers the same, with what each had to say."""
    cuda.remember_shortages(group.device)
    with precision(job.mode):
        work = _Work(job, suite, group)
        effective = read_back(job.mode, group.device) | compilation.read_back(job.mode)
        fault = group.first("; ".join(mismatches(job.mode, effective, group.device.type)))
        if fault is not None:
            return {"state": "invalid", "reason": fault, "effective": effective}
        answer = work.timed(progress)
        changed = group.first(
            "; ".join(mismatches(job.mode, read_back(job.mode, group.device), group.device.type))
        )
        if changed is not None and answer["state"] != "invalid":
            answer.update(state="invalid", reason=f"after the window: {changed}")
    answer["effective"] |= effective | {
        "optimizer": "AdamW (fused)" if work.step.fused else "AdamW",
        "grad_scaler": work.step.scaler is not None,
        "read_backs_unwatched": NOT_WATCHED,
        "device": cuda.facts(group.device),
    }
    answer["data"] = dict(work.task.data())
    group.wait()
    group.leave()
    return answer


class _Work:
    """One rank's model, feed and step."""

    def __init__(self, job: Job, suite: Suite, group: Group) -> None:
        self.group, self.device = group, group.device
        shard = Shard(rank=group.rank, world=group.world)
        workload = dataclasses.replace(job.workload, shard=shard)
        torch.manual_seed(workload.seed)
        self.task = suite.build(workload)
        torch.manual_seed(workload.seed + group.rank)  # the model is the same, dropout is not
        self.feed: AnyFeed = feed_of(self.task, workload, self.device)
        self.job = dataclasses.replace(job, protocol=fitted(job.protocol, self.feed.cycle))
        self.spread: Spread = spread_of(workload.strategy, self.device)
        self.step = TrainingStep(
            self.task,
            self.feed,
            job.mode,
            self.device,
            accumulation=workload.accumulation,
            spread=self.spread,
        )

    def timed(self, progress: Progress) -> dict[str, Any]:
        """Warm-up, window, and what is only told afterwards."""
        watch = compilation.Watch()
        warmup = self._warmed_up(progress)
        answer = self._window(progress, warmup, watch)
        if answer["state"] == "invalid":
            return answer
        progress("what a rank does alone", 0, 1)
        own = {
            "profile": profiled(self.step, self.device, warmup.step_seconds, cycle=self.feed.cycle)
        }
        own |= alone(self.step, self.spread, self.group, warmup.step_seconds)
        told = [json.loads(text) for text in self.group.gathered(json.dumps(own))]
        answer["profile"] = told[0]["profile"]
        for each, more in zip(answer["ranks"]["each"], told, strict=True):
            each.update(more)
            each["busy"] = each.pop("profile")
        return answer

    def _warmed_up(self, progress: Progress) -> Warmup:
        stage, most = "warm-up", self.job.protocol.warmup_max_steps
        if self.job.mode.compile:
            stage = f"compile and {stage}"
        progress(stage, 0, most)
        return warm_up(
            self.step,
            cuda.clock_of(self.device),
            self.job.protocol,
            compilations=compilation.graphs,
            progress=lambda done, most: progress(stage, done, most),
            agreed=self.group.largest,
        )

    def _window(
        self, progress: Progress, warmup: Warmup, watch: compilation.Watch
    ) -> dict[str, Any]:
        """The measured steps between two meetings of all ranks, and the state they are in."""
        group, step, clock = self.group, self.step, cuda.clock_of(self.device)
        cuda.reset_peak_memory(self.device)
        time_window(step, clock, steps=max(child.SETTLING_STEPS, self.feed.cycle))
        before, skipped = watch.now(), step.skipped_steps()
        steps = window_steps(self.job.protocol, warmup.step_seconds)
        steps = in_whole_cycles(steps, self.feed.cycle)
        progress("window", 0, steps)
        self.feed.begin()
        cpu = CpuTime()
        group.wait()
        began = time.monotonic()
        window = time_window(step, clock, steps=steps)
        ended = time.monotonic()
        feeding = {**cpu.so_far(), **self.feed.facts(steps), **self.feed.waiting()}
        recompiled = group.first(watch.now().since(before))
        seen = list(group.mean(step.losses.read()))
        memory = cuda.memory(self.device, graphs=step.graphs)
        answer = {
            "window_monotonic": [began, ended],
            "window_seconds": group.largest([window.wall_seconds])[0],
            "step_seconds": list(group.largest(window.step_seconds)),
            "warmup": {
                "start_seconds": list(warmup.start_seconds),
                "block_medians": list(warmup.block_medians),
                "steps": warmup.steps,
                "stable": warmup.stable,
            },
            "compile_seconds": warmup.compile_seconds if self.job.mode.compile else None,
            "memory": dict(
                zip(memory, map(int, group.largest(list(memory.values()))), strict=True)
            ),
            "losses": losses.ends(seen),
            "feeding": feeding,
            "loss_faults": losses.faults(seen, step.steps),
            "skipped_steps": {"warmup": skipped, "window": step.skipped_steps() - skipped},
            "effective": watch.now().facts(),
            "ranks": self._ranks(window.wall_seconds, window.step_seconds, memory),
        }
        return answer | self._judged(answer, recompiled)

    def _ranks(
        self, wall: float, step_seconds: tuple[float, ...], memory: dict[str, int]
    ) -> dict[str, Any]:
        """What each rank saw of the window."""
        group = self.group
        own = {
            "rank": group.rank,
            "node": group.node,
            "window_seconds": wall,
            "step_seconds": statistics.median(step_seconds),
            "peak_bytes": memory.get("peak_bytes"),
            "threads": torch.get_num_threads(),
            "gpu": cuda.facts(self.device).get("gpu"),
            "parameters": checksum(self.step.model),
        }
        return {
            "world": group.world,
            "nodes": self.job.workload.strategy.nodes,
            "fastest_step_seconds": list(group.smallest(step_seconds)),
            "each": [json.loads(text) for text in group.gathered(json.dumps(own))],
        }

    def _judged(self, answer: dict[str, Any], recompiled: str | None) -> dict[str, Any]:
        """The state of the window: ranks whose parameters differ have trained several models."""
        sums = [each["parameters"] for each in answer["ranks"]["each"]]
        odd = [rank for rank, own in enumerate(sums) if own != sums[0]]
        if odd:
            return {
                "state": "invalid",
                "reason": f"after the window the parameters of rank {', '.join(map(str, odd))} "
                "are not those of rank 0: the ranks did not train one model",
            }
        return child.judged(self.job, answer, recompiled)
